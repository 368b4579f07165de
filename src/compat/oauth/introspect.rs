//! What a credential is worth now, for back ends and gateways.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::OAuth;
use super::client::Client;
use super::form::Form;
use crate::authn::{Act, Audience, Claims};
use crate::compat::face::{Face, json as answer, log_cause};
use crate::directory::credential::{self, Asked, Introspected, Kind};
use crate::model::Actor;
use crate::model::error::{Error, Result};
use crate::request::{App, LogFields, RequestInfo, in_time};

const OPERATION: &str = "oauth introspect";

/// A credential in force (RFC 7662, section 2.2). `permissions` is live and complete.
#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    token_type: &'static str,
    /// `session`, `token` or `api_key`.
    credential: &'static str,
    client_id: &'a str,
    sub: &'a str,
    username: &'a str,
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a Audience>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    org_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    /// Present and true if it permits only what holds for the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_scope: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    roles: &'a [String],
    permissions: Vec<String>,
    /// The declared ones among them, separated by spaces.
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Act>,
}

/// `POST /oauth/introspect`.
pub async fn introspect(State(app): State<App>, Extension(id): Extension<RequestInfo>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut actor = Actor::Anonymous;
    let mut basic = false;
    let run = async {
        let client = Client::read(&parts.headers, &id, app.services.faces())?;
        basic = client.is_basic();
        actor = client.owner(&app).await?;
        let form = Form::read(&parts.headers, body).await?;
        let op = client.op(&app).await?;
        let asked = Asked {
            tenant: form.value("tenant")?,
            resource: form.value("resource")?,
        };
        let found = in_time(credential::introspect(&op, form.required("token")?, asked));
        let found = found.await.inspect_err(|error| {
            if let Error::Forbidden(_) = error {
                op.note_refusal("credential.read");
            }
        });
        let issuer = app.services.signing.issuer().url();
        let found = found?;
        app.services.counts.introspection(found.is_some());
        Ok(match found {
            Some(found) => answer(StatusCode::OK, &active(&found, issuer)),
            None => answer(StatusCode::OK, &json!({ "active": false })),
        })
    };
    let run: Result<Response> = run.await;
    let mut response = match run {
        Ok(mut response) => {
            response.extensions_mut().insert(LogFields::of(&actor));
            response
        }
        Err(error) => {
            log_cause(&error, &id);
            let mut response = OAuth::refusal(&error, &actor);
            if basic && matches!(error, Error::Unauthenticated(_)) {
                let basic = HeaderValue::from_static("Basic realm=\"tenantry\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
            }
            response
        }
    };
    if let Some(facts) = response.extensions_mut().get_mut::<LogFields>() {
        facts.operation = Some(OPERATION.to_owned());
    }
    response
}

fn active<'a>(found: &'a Introspected, issuer: &'a str) -> Active<'a> {
    let caller = &*found.caller;
    let user = caller.user_id.as_str();
    let act = caller.impersonator.as_ref().map(|impersonator| Act {
        sub: impersonator.user_id.to_string(),
        org_id: impersonator.organization_id.to_string(),
    });
    let declared: Vec<&str> = caller.catalogue.declared_names(found.permissions).collect();
    let common = Active {
        active: true,
        token_type: "Bearer",
        credential: "api_key",
        client_id: user,
        sub: user,
        username: user,
        iss: issuer,
        aud: None,
        exp: None,
        iat: None,
        jti: None,
        sid: None,
        key_id: None,
        auth_time: None,
        org_id: caller.organization_id.as_str(),
        tenant_id: caller.tenant_id.as_ref().map(|id| id.as_str()),
        tenant_scope: None,
        email: caller.email.as_ref().map(ToString::to_string),
        email_verified: caller.email.as_ref().map(|_| caller.email_verified),
        roles: &found.roles,
        permissions: caller.catalogue.names(found.permissions),
        scope: declared.join(" "),
        act,
    };
    let of_token = |credential, claims: &'a Claims, common: Active<'a>| Active {
        credential,
        client_id: &claims.client_id,
        iss: &claims.iss,
        aud: Some(&claims.aud),
        exp: Some(claims.exp),
        iat: Some(claims.iat),
        jti: Some(&claims.jti),
        sid: claims.sid.as_deref(),
        key_id: claims.key_id.as_deref(),
        auth_time: claims.auth_time,
        tenant_scope: claims.tenant_scope.then_some(true),
        tenant_id: match claims.tenant_scope {
            true => claims.tenant_id.as_deref(),
            false => common.tenant_id,
        },
        ..common
    };
    match &found.kind {
        Kind::Session(claims) => of_token("session", claims, common),
        Kind::Token(claims) => of_token("token", claims, common),
        Kind::ApiKey { id, ends_at } => Active {
            key_id: Some(id.as_str()),
            exp: ends_at.map(|at| at.micros() / 1_000_000),
            ..common
        },
    }
}
