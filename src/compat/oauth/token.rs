//! The token endpoint: the next tokens of a session, a token for the owner of an API key (RFC 6749), and a token that
//! permits no more than a credential that the client has (RFC 8693).

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::client::{ClientSecret, client_secret};
use super::form::Form;
use crate::compat::face::{json as answer, log_cause, refused, usual_status};
use crate::context::OpContext;
use crate::directory::access_token::Wanted;
use crate::directory::credential::{self, Exchanged};
use crate::directory::session::{self, Tokens};
use crate::model::Actor;
use crate::model::error::{Error, Result, shown};
use crate::request::{App, LogFields, RequestInfo, presented, to_its_end};

pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// What other servers offer with token exchange. A client that sends it expects another token than it would get.
const NOT_OFFERED: [&str; 3] = ["actor_token", "actor_token_type", "requested_subject"];

/// What the client presents.
enum Grant {
    Refresh(String),
    Key(ClientSecret),
    Exchange(String),
}

impl Grant {
    /// Its name in metrics and in the log.
    fn name(&self) -> &'static str {
        match self {
            Self::Refresh(_) => "refresh_token",
            Self::Key(_) => "client_credentials",
            Self::Exchange(_) => "token_exchange",
        }
    }

    fn operation(&self) -> &'static str {
        match self {
            Self::Refresh(_) => "oauth token refresh_token",
            Self::Key(_) => "oauth token client_credentials",
            Self::Exchange(_) => "oauth token token_exchange",
        }
    }

    async fn run(self, op: &OpContext, wanted: &Wanted) -> Result<Issued> {
        match self {
            Self::Refresh(token) => Ok(Issued::Session(Box::new(session::refresh(op, &token, wanted).await?))),
            Self::Key(client) => {
                let made = credential::of_key(op, &client.id, &client.secret, wanted).await?;
                Ok(Issued::Made(made, None))
            }
            Self::Exchange(subject) => {
                let made = credential::exchange(op, &subject, wanted).await?;
                Ok(Issued::Made(made, Some(ACCESS_TOKEN)))
            }
        }
    }
}

/// What the client gets.
enum Issued {
    Session(Box<Tokens>),
    /// With its type, where the standard asks for it.
    Made(Exchanged, Option<&'static str>),
}

#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_in: Option<u64>,
}

impl Issued {
    fn answer(&self) -> Response {
        let body = match self {
            Self::Session(tokens) => Answer {
                access_token: tokens.access_token.expose(),
                issued_token_type: None,
                token_type: "Bearer",
                expires_in: tokens.expires_in_seconds,
                scope: tokens.scope.as_deref(),
                refresh_token: Some(tokens.refresh_token.expose()),
                refresh_expires_in: Some(tokens.refresh_expires_in_seconds),
            },
            Self::Made(made, issued_token_type) => Answer {
                access_token: made.token.token.expose(),
                issued_token_type: *issued_token_type,
                token_type: "Bearer",
                expires_in: made.token.expires_in_seconds,
                scope: made.token.scope.as_deref(),
                refresh_token: None,
                refresh_expires_in: None,
            },
        };
        answer(StatusCode::OK, &body)
    }

    fn owner(&self) -> Actor {
        match self {
            Self::Session(tokens) => Actor::user(tokens.caller.clone()),
            Self::Made(made, _) => Actor::User(Arc::clone(&made.caller)),
        }
    }
}

/// A refusal, with the standard's word for it (RFC 6749, section 5.2).
struct Refusal {
    status: StatusCode,
    word: &'static str,
    cause: Error,
}

impl Refusal {
    fn new(word: &'static str, cause: Error) -> Self {
        let status = match word {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, word, cause }
    }

    fn request(field: &str, message: &str) -> Self {
        Self::new("invalid_request", Error::invalid(field, message))
    }

    fn client(message: &str) -> Self {
        Self::new("invalid_client", Error::Unauthenticated(message.to_owned()))
    }

    /// A refusal of the credential that the client presented, or of the limits that it asked for.
    fn of(cause: Error, is_client: bool) -> Self {
        let word = match &cause {
            Error::Unauthenticated(_) if is_client => "invalid_client",
            Error::Unauthenticated(_)
            | Error::Forbidden(_)
            | Error::PasswordChangeRequired(_)
            | Error::NotFound(_)
            | Error::Conflict(_)
            | Error::Ambiguous { .. }
            | Error::SeatLimitReached(_) => "invalid_grant",
            Error::Invalid { field, .. } if field == "scope" => "invalid_scope",
            Error::Invalid { field, .. } if field == "resource" => "invalid_target",
            Error::Invalid { .. }
            | Error::LimitExceeded(_)
            | Error::RateLimited { .. }
            | Error::Unavailable { .. }
            | Error::Internal(_) => return Self::from(cause),
        };
        Self::new(word, cause)
    }

    fn response(&self) -> Response {
        let body = json!({ "error": self.word, "error_description": self.cause.to_string() });
        let mut response = refused(answer(self.status, &body), &self.cause, &Actor::Anonymous);
        if self.status == StatusCode::UNAUTHORIZED {
            let basic = HeaderValue::from_static("Basic realm=\"tenantry\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}

/// A refusal of the request itself, and what is the server's fault.
impl From<Error> for Refusal {
    fn from(cause: Error) -> Self {
        let word = match &cause {
            Error::RateLimited { .. } | Error::Unavailable { .. } => "temporarily_unavailable",
            Error::Internal(_) => "server_error",
            Error::Unauthenticated(_) => "invalid_client",
            _ => "invalid_request",
        };
        Self {
            status: usual_status(&cause),
            word,
            cause,
        }
    }
}

/// `POST /oauth/token`.
pub async fn token(State(app): State<App>, Extension(id): Extension<RequestInfo>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut operation = "oauth token";
    let issued = run(&app, &id, &parts.headers, body, &mut operation).await;
    let mut response = match issued {
        Ok(issued) => {
            let mut response = issued.answer();
            response.extensions_mut().insert(LogFields::of(&issued.owner()));
            response
        }
        Err(refusal) => {
            log_cause(&refusal.cause, &id);
            refusal.response()
        }
    };
    if let Some(facts) = response.extensions_mut().get_mut::<LogFields>() {
        facts.operation = Some(operation.to_owned());
    }
    response
}

async fn run(
    app: &App,
    id: &RequestInfo,
    headers: &HeaderMap,
    body: Body,
    operation: &mut &'static str,
) -> Result<Issued, Refusal> {
    // What the form presents is the only credential that counts, and nobody acts as somebody else here.
    let nobody = presented(headers, id, app.services.faces())?.without_credential();
    let form = Form::read(headers, body).await?;
    let grant = grant(headers, &form)?;
    *operation = grant.operation();
    let (name, is_client) = (grant.name(), matches!(grant, Grant::Key(_)));
    let wanted = wanted(&form)?;
    let op = OpContext::of_request(Arc::clone(&app.services), nobody).await?;
    let issued = to_its_end(app, op.db().clone(), async move { grant.run(&op, &wanted).await }).await;
    let issued = issued.map_err(|error| Refusal::of(error, is_client))?;
    app.services.counts.token(name);
    Ok(issued)
}

fn grant(headers: &HeaderMap, form: &Form) -> Result<Grant, Refusal> {
    let client = client_secret(headers, form)?;
    let without_client = |client: Option<ClientSecret>| match client {
        None => Ok(()),
        Some(_) => Err(Refusal::request(
            "client_secret",
            "This grant takes no client authentication: what is presented is enough.",
        )),
    };
    match form.required("grant_type")? {
        "refresh_token" => {
            without_client(client)?;
            Ok(Grant::Refresh(form.required("refresh_token")?.to_owned()))
        }
        "client_credentials" => client.map(Grant::Key).ok_or_else(|| {
            Refusal::client("This needs a client: 'client_id' is a user's id, 'client_secret' one of its API keys.")
        }),
        EXCHANGE => {
            without_client(client)?;
            for name in NOT_OFFERED {
                if form.value(name)?.is_some() {
                    return Err(Refusal::request(name, &format!("'{name}' is not supported.")));
                }
            }
            let is_ours = |kind: &str| [ACCESS_TOKEN, JWT].contains(&kind);
            let wanted = form.value("requested_token_type")?;
            if !is_ours(form.required("subject_token_type")?) || wanted.is_some_and(|kind| !is_ours(kind)) {
                return Err(Refusal::request(
                    "subject_token_type",
                    &format!("The types of tokens are '{ACCESS_TOKEN}' and '{JWT}'."),
                ));
            }
            Ok(Grant::Exchange(form.required("subject_token")?.to_owned()))
        }
        other => Err(Refusal::new(
            "unsupported_grant_type",
            Error::invalid("grant_type", format!("There is no grant '{}'.", shown(other))),
        )),
    }
}

fn wanted(form: &Form) -> Result<Wanted, Refusal> {
    let (resource, audience) = (form.value("resource")?, form.value("audience")?);
    if resource.is_some() && audience.is_some() && resource != audience {
        return Err(Refusal::request(
            "audience",
            "'resource' and 'audience' mean the same, but are different here.",
        ));
    }
    Ok(Wanted {
        scope: form.value("scope")?.map(str::to_owned),
        tenant: form.value("tenant")?.map(str::to_owned),
        resource: resource.or(audience).map(str::to_owned),
    })
}
