//! The MLOps API's calls.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::Response;
use futures::StreamExt;
use serde_json::{Value, json};

use super::representation::{self, FIELDS, Representation};
use crate::compat::face::{Call, json as answer};
use crate::compat::fields::Fields;
use crate::compat::listed::listed;
use crate::compat::users;
use crate::context::OpContext;
use crate::directory::role::reserved::WALLAROO;
use crate::directory::user::{self, NewUser, Term, User, UserChange};
use crate::list::{self, Filter};
use crate::model::BuiltIn;
use crate::model::error::Result;
use crate::model::with_hyphens;
use crate::request::LogFields;
use crate::services::hasher::Password;

/// The number of ids per look-up.
const IDS_AT_ONCE: usize = 250;

/// The SDK's constructor requests this before it has a credential; it reveals nothing.
pub async fn config() -> Response {
    let mut response = answer(StatusCode::OK, &json!({ "default_arch": "x86" }));
    response.extensions_mut().insert(LogFields {
        operation: Some("wallaroo config".to_owned()),
        ..LogFields::default()
    });
    response
}

/// All users, or those with some ids; an id that does not exist, or that the caller may not see, gives null.
pub async fn query(call: Call) -> Result<Response> {
    let Call { op, fields, .. } = call;
    const HEAD: &str = "{\"users\":{";
    const TAIL: &str = "}}";
    let Some(mut ids) = fields.texts("user_ids")? else {
        let everybody = representation::listed(&op, Filter::default());
        return listed(HEAD, TAIL, everybody, |user, out| entry(out, user.id(), Some(user))).await;
    };
    // Keys of an object must be unique.
    ids.sort_unstable();
    ids.dedup();
    let stretches: Vec<Vec<String>> = ids.chunks(IDS_AT_ONCE).map(<[String]>::to_vec).collect();
    let named = futures::stream::iter(stretches).then(move |ids| {
        let op = op.clone();
        // A slow reader may have lost the permission in the meantime.
        async move { named(&op.decided_again().await?, ids).await }
    });
    listed(HEAD, TAIL, named, |(id, user), out| entry(out, id, user.as_ref())).await
}

fn entry(out: &mut Vec<u8>, id: &str, user: Option<&Representation>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *out, id)?;
    out.push(b':');
    serde_json::to_writer(out, &user)
}

/// The users for some ids, in any spelling of a UUID.
async fn named(op: &OpContext, ids: Vec<String>) -> Result<Vec<(String, Option<Representation>)>> {
    let filter = Filter::All(vec![
        Filter::Own(Term::SameId(ids.clone())),
        users::of_own_organization(op),
    ]);
    let users = list::few::<User>(op, &filter, FIELDS).await?;
    let shown = representation::each(op, users).await?;
    let by_id: HashMap<String, Representation> = shown.into_iter().map(|user| (user.id().to_owned(), user)).collect();
    Ok(ids
        .into_iter()
        .map(|id| {
            let user = by_id.get(with_hyphens(&id).as_ref()).cloned();
            (id, user)
        })
        .collect())
}

/// Creates a user, and returns the given or generated password.
pub async fn invite(call: Call) -> Result<Response> {
    let Call { op, fields, .. } = call;
    let roles = fields.texts("roles")?.filter(|roles| !roles.is_empty());
    let new = NewUser {
        email: Some(fields.required_text("email")?.to_owned()),
        password: fields.text("password")?.map(Password::new),
        roles: match roles {
            Some(roles) => roles.into_iter().map(role).collect(),
            None => vec![BuiltIn::User.id().to_owned()],
        },
        ..NewUser::default()
    };
    let require_reset = fields.flag("require_reset")?.unwrap_or(false);
    let made = user::create_with_password(&op, new, require_reset).await?;
    let made = json!({ "id": with_hyphens(made.user.id.as_str()), "password": made.password.expose() });
    Ok(answer(StatusCode::OK, &made))
}

/// Translates this product's role name.
fn role(name: String) -> String {
    match WALLAROO.into_iter().find(|(known, _)| *known == name) {
        Some((_, role)) => role.id().to_owned(),
        None => name,
    }
}

/// Refuses a user's credentials from now on.
pub async fn deactivate(call: Call) -> Result<Response> {
    let target = users::target_by_email(&call.op, call.fields.required_text("email")?);
    user::deactivate(&call.op, &target, None).await?;
    Ok(answer(StatusCode::OK, &json!({})))
}

/// Activates a user again.
pub async fn activate(call: Call) -> Result<Response> {
    let target = users::target_by_email(&call.op, call.fields.required_text("email")?);
    user::activate(&call.op, &target, None).await?;
    Ok(answer(StatusCode::OK, &json!({})))
}

/// Sets all fields that administrators can set in this product.
pub async fn edit(call: Call) -> Result<Response> {
    let Call { op, fields, .. } = call;
    // The documentation and the SDK's generated client spell them differently.
    let firstname = spelled(&fields, "first_name", "firstName");
    let lastname = spelled(&fields, "last_name", "lastName");
    let is_admin = spelled(&fields, "is_admin", "isAdmin");
    let target = users::target_by_id(&op, fields.required_text("id")?);
    let wanted = UserChange {
        email: Some(fields.required_text("email")?.to_owned()),
        firstname: Some(fields.required_text(firstname)?.to_owned()),
        lastname: Some(fields.required_text(lastname)?.to_owned()),
        activated: Some(required_flag(&fields, "enabled")?),
        is_admin: Some(required_flag(&fields, is_admin)?),
        of_everything: true,
        ..UserChange::default()
    };
    let changed = user::update(&op, &target, wanted, None).await?;
    let shown = representation::one(&op, changed).await?;
    Ok(answer(StatusCode::OK, &shown))
}

fn spelled(fields: &Fields, name: &'static str, other: &'static str) -> &'static str {
    let given = |name| fields.raw(name).is_some_and(|value| *value != Value::Null);
    if given(other) && !given(name) { other } else { name }
}

fn required_flag(fields: &Fields, name: &str) -> Result<bool> {
    fields.flag(name)?.ok_or_else(|| fields.invalid(name, "is missing."))
}
