//! The token endpoint: exchanges an address and a password, or a refresh token, for a session's tokens.
//!
//! No credential is needed. The client id has no meaning here, and the client secret is ignored.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::json;

use super::OpenId;
use crate::compat::face::{Face, json as answer, log_cause, refused};
use crate::context::OpContext;
use crate::directory::access_token::Wanted;
use crate::directory::session::{self, SignIn, Tokens};
use crate::model::Actor;
use crate::model::error::Error;
use crate::request::{App, LogFields, RequestInfo, presented, read_body, to_its_end};
use crate::services::hasher::Password;

const OPERATION: &str = "wallaroo token";

#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    expires_in: u64,
    refresh_token: &'a str,
    refresh_expires_in: u64,
    token_type: &'static str,
    scope: &'static str,
    #[serde(rename = "not-before-policy")]
    not_before_policy: u64,
}

/// An error: an OAuth error if there is one for it, otherwise like the rest of this API.
struct Refused {
    words: Option<(StatusCode, &'static str, String)>,
    cause: Error,
}

impl Refused {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>, cause: Error) -> Self {
        Self {
            words: Some((status, error, description.into())),
            cause,
        }
    }

    fn request(field: &str, description: String) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            description.clone(),
            Error::invalid(field, description),
        )
    }

    fn response(&self) -> Response {
        let Some((status, error, description)) = &self.words else {
            return OpenId::refusal(&self.cause, &Actor::Anonymous);
        };
        let body = json!({ "error": error, "error_description": description });
        refused(answer(*status, &body), &self.cause, &Actor::Anonymous)
    }
}

impl From<Error> for Refused {
    fn from(cause: Error) -> Self {
        Self { words: None, cause }
    }
}

/// `POST …/token`.
pub async fn token(State(app): State<App>, Extension(id): Extension<RequestInfo>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let run = async {
        // Credentials are not accepted here, and so impersonation is not possible.
        let nobody = presented(&parts.headers, &id, app.services.faces())?.without_credential();
        let form = Form::parse(&read_body(body).await?);
        let op = OpContext::of_request(Arc::clone(&app.services), nobody).await?;
        granted(&app, &op, &form, &parts.headers).await
    };
    let mut response = match run.await {
        Ok(tokens) => given(tokens),
        Err(refused) => {
            log_cause(&refused.cause, &id);
            refused.response()
        }
    };
    if let Some(facts) = response.extensions_mut().get_mut::<LogFields>() {
        facts.operation = Some(OPERATION.to_owned());
    }
    response
}

async fn granted(app: &App, op: &OpContext, form: &Form, headers: &HeaderMap) -> Result<Tokens, Refused> {
    let op = op.clone();
    let grant = form.required("grant_type")?;
    if form.value("client_id")?.is_none() && client_of(headers).is_none() {
        return Err(missing("client_id"));
    }
    match grant {
        "password" => {
            let username = form.required("username")?;
            let (organization, email) = account_named(username);
            let typed = SignIn {
                email: email.to_owned(),
                organization_id: organization.map(str::to_owned),
                password: Password::new(form.required("password")?),
                resource: None,
            };
            let signed_in = to_its_end(app, op.db().clone(), async move { session::sign_in(&op, &typed).await }).await;
            signed_in.map_err(|cause| {
                let (status, description) = match &cause {
                    Error::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "Invalid user credentials"),
                    Error::Forbidden(_) => (StatusCode::BAD_REQUEST, "Account disabled"),
                    Error::PasswordChangeRequired(_) => (StatusCode::BAD_REQUEST, "Account is not fully set up"),
                    _ => return cause.into(),
                };
                Refused::new(status, "invalid_grant", description, cause)
            })
        }
        "refresh_token" => {
            let token = form.required("refresh_token")?.to_owned();
            let refreshed = to_its_end(app, op.db().clone(), async move {
                session::refresh(&op, &token, &Wanted::default()).await
            })
            .await;
            refreshed.map_err(|cause| match &cause {
                Error::Unauthenticated(_) => {
                    Refused::new(StatusCode::BAD_REQUEST, "invalid_grant", "Invalid refresh token", cause)
                }
                _ => cause.into(),
            })
        }
        _ => Err(Refused::new(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "Unsupported grant_type",
            Error::invalid("grant_type", "Unsupported grant_type"),
        )),
    }
}

/// `ORGANIZATION\ADDRESS`, or only an address. No address contains a backslash.
fn account_named(username: &str) -> (Option<&str>, &str) {
    match username.rsplit_once('\\') {
        Some((organization, email)) => (Some(organization), email),
        None => (None, username),
    }
}

fn given(tokens: Tokens) -> Response {
    let body = TokenResponse {
        access_token: tokens.access_token.expose(),
        expires_in: tokens.expires_in_seconds,
        refresh_token: tokens.refresh_token.expose(),
        refresh_expires_in: tokens.refresh_expires_in_seconds,
        token_type: "Bearer",
        scope: "profile email",
        not_before_policy: 0,
    };
    let mut response = answer(StatusCode::OK, &body);
    response
        .extensions_mut()
        .insert(LogFields::of(&Actor::user(tokens.caller)));
    response
}

/// The client in the header, if it is HTTP Basic; any other credential is ignored.
fn client_of(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(header::AUTHORIZATION).map(HeaderValue::to_str)?.ok()?;
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (client, _secret) = credentials.split_once(':')?;
    (!client.is_empty()).then(|| client.to_owned())
}

/// The body: a URL-encoded form, regardless of the content type.
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(body: &Bytes) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// A value; an empty one counts as not given. Repeated names are refused, because a proxy could have read the other
    /// value.
    fn value(&self, name: &str) -> Result<Option<&str>, Refused> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(Refused::request(name, format!("Repeated parameter: {name}"))),
            None => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    fn required(&self, name: &str) -> Result<&str, Refused> {
        self.value(name)?.ok_or_else(|| missing(name))
    }
}

fn missing(name: &str) -> Refused {
    Refused::request(name, format!("Missing parameter: {name}"))
}
