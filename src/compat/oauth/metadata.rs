//! What this server offers as an authorization server (RFC 8414), for libraries that configure themselves.
//!
//! It is no OpenID provider: there is no authorization endpoint, and there are no ID tokens. The document is also at
//! OpenID's path, because many libraries look only there for the keys of access tokens.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use strum::VariantArray;

use super::token::EXCHANGE;
use crate::authn::{Issuer, PUBLISHED_SECONDS};
use crate::model::SigningAlgorithm;
use crate::request::App;

/// `/.well-known/oauth-authorization-server` and `/.well-known/openid-configuration`.
pub async fn metadata(State(app): State<App>) -> Response {
    document(app.services.signing.issuer())
}

/// The same with the path of the issuer behind it (RFC 8414, section 3.1).
pub async fn metadata_of_path(State(app): State<App>, Path(path): Path<String>) -> Response {
    let issuer = app.services.signing.issuer();
    if issuer.path().strip_prefix('/') == Some(path.as_str()) {
        return document(issuer);
    }
    (StatusCode::NOT_FOUND, "There is no issuer with this path.\n").into_response()
}

fn document(issuer: &Issuer) -> Response {
    let keep = format!("public, max-age={PUBLISHED_SECONDS}");
    ([(header::CACHE_CONTROL, keep)], Json(offers(issuer.url()))).into_response()
}

fn offers(issuer: &str) -> Value {
    let algorithms: Vec<&str> = SigningAlgorithm::VARIANTS.iter().map(|one| one.name()).collect();
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "introspection_endpoint": format!("{issuer}/oauth/introspect"),
        "revocation_endpoint": format!("{issuer}/oauth/revoke"),
        "grant_types_supported": ["refresh_token", "client_credentials", EXCHANGE],
        // Required, and must not be empty: there is no endpoint that would respond.
        "response_types_supported": ["none"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "Bearer"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "subject_types_supported": ["public"],
        // OpenID's name for the algorithms of tokens. There are no ID tokens.
        "id_token_signing_alg_values_supported": algorithms,
    })
}
