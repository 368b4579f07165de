//! Ends a credential, for everybody who holds it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::OAuth;
use super::form::Form;
use crate::compat::face::{Face, json as answer, log_cause};
use crate::context::OpContext;
use crate::directory::credential::{self, Ended};
use crate::model::Actor;
use crate::model::error::Result;
use crate::request::{App, LogFields, RequestInfo, presented, to_its_end};

const OPERATION: &str = "oauth revoke";

fn not_alone() -> Response {
    let body = json!({
        "error": "unsupported_token_type",
        "error_description": "This token was made from an API key. It ends with the key, or when it expires.",
    });
    answer(StatusCode::BAD_REQUEST, &body)
}

/// `POST /oauth/revoke`. An unknown token is no error (RFC 7009, section 2.2).
pub async fn revoke(State(app): State<App>, Extension(id): Extension<RequestInfo>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let run = async {
        // The token in the form is the only credential that counts.
        let nobody = presented(&parts.headers, &id, app.services.faces())?.without_credential();
        let form = Form::read(&parts.headers, body).await?;
        let token = form.required("token")?.to_owned();
        let op = OpContext::of_request(Arc::clone(&app.services), nobody).await?;
        to_its_end(
            &app,
            op.db().clone(),
            async move { credential::revoke(&op, &token).await },
        )
        .await
    };
    let ended: Result<Ended> = run.await;
    let mut response = match ended {
        Ok(Ended::NotAlone) => not_alone(),
        Ok(Ended::ApiKey | Ended::Session | Ended::Nothing) => StatusCode::OK.into_response(),
        Err(error) => {
            log_cause(&error, &id);
            OAuth::refusal(&error, &Actor::Anonymous)
        }
    };
    let facts = response.extensions_mut().get_or_insert_default::<LogFields>();
    facts.operation = Some(OPERATION.to_owned());
    response
}
