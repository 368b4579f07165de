//! Access keys: the caller's API keys. The key itself is shown once, when it is created; a list shows its first
//! characters.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::{call, done};
use crate::authz::{Action, Resource};
use crate::compat::face::{self, Call};
use crate::compat::listed::listed;
use crate::directory::api_key::{self, ApiKey, ApiKeyFields, NewApiKey, Term};
use crate::list::{self, Filter};
use crate::model::error::Result;
use crate::request::App;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/create-key", call("waii create-key", "apiKey.create", create))
        .route(
            "/api/list-access-keys",
            call("waii list-access-keys", "apiKey.read", list),
        )
        .route(
            "/api/delete-access-keys",
            call("waii delete-access-keys", "apiKey.revoke", delete),
        )
}

/// A key as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    access_key: &'a str,
    user_id: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    /// In milliseconds, because the product's own tool converts it to a date.
    created_at: i64,
}

impl<'a> Shown<'a> {
    fn of(key: &'a ApiKey, owner: &'a str, access_key: &'a str) -> Self {
        Self {
            access_key,
            user_id: owner,
            name: &key.name,
            description: key.description.as_deref(),
            created_at: key.created_at.micros() / 1_000,
        }
    }
}

async fn create(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Create, Resource::ApiKey)?;
    let new = NewApiKey {
        name: fields.required_text("name")?.to_owned(),
        lasting: true,
        ..NewApiKey::default()
    };
    let made = api_key::create(&op, new).await?;
    let owner = op.actor().caller().map_or("", |caller| caller.user_id.as_str());
    let answer = serde_json::json!({ "access_keys": [Shown::of(&made.key, owner, made.secret.expose())] });
    Ok(face::json(StatusCode::OK, &answer))
}

async fn list(Call { op, .. }: Call) -> Result<Response> {
    let in_force = Filter::Is(Term::Revoked {
        revoked: false,
        at: op.now(),
    });
    let fields = ApiKeyFields::NAME | ApiKeyFields::DESCRIPTION | ApiKeyFields::PREFIX | ApiKeyFields::CREATED_AT;
    let keys = list::all::<ApiKey>(&op, in_force, fields);
    let owner = op
        .actor()
        .caller()
        .map_or(String::new(), |caller| caller.user_id.to_string());
    listed(r#"{"access_keys":["#, "]}", keys, move |key, bytes| {
        // Only a digest is stored. The mask is never a valid key, because generated keys contain no asterisk.
        let mask = format!("{}{}", key.prefix, "*".repeat(8));
        serde_json::to_writer(bytes, &Shown::of(key, &owner, &mask))
    })
    .await
}

async fn delete(Call { op, fields, .. }: Call) -> Result<Response> {
    let names = fields
        .texts("names")?
        .ok_or_else(|| fields.invalid("names", "is missing."))?;
    api_key::revoke(&op, &names).await?;
    Ok(done())
}
