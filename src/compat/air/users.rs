//! Users: administrators create, read, list and change them; users can read themselves and set their own password.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::Response;
use futures::TryStreamExt;
use serde::Serialize;

use super::done;
use crate::compat::face::{self, Call};
use crate::compat::fields::Fields;
use crate::compat::listed::listed;
use crate::compat::users;
use crate::context::OpContext;
use crate::directory::password;
use crate::directory::role::Held;
use crate::directory::user::{self, NewUser, Term, User, UserChange, UserFields};
use crate::list::{self, Filter, TextTest};
use crate::model::BuiltIn;
use crate::model::error::{Error, Result};
use crate::model::{Email, without_hyphens};
use crate::services::hasher::Password;

/// The fields of a user that are shown.
const SHOWN: UserFields = UserFields::EMAIL
    .union(UserFields::FIRSTNAME)
    .union(UserFields::LASTNAME)
    .union(UserFields::ACTIVATED)
    .union(UserFields::CREATED_AT)
    .union(UserFields::UPDATED_AT);

/// A user in the product's format: all keys are present, and none is null.
#[derive(Serialize)]
struct Shown<'a> {
    id: Cow<'a, str>,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    enabled: bool,
    role_id: Cow<'a, str>,
    created_at: String,
    updated_at: String,
}

impl<'a> Shown<'a> {
    fn of((user, held): &'a (User, Held)) -> Self {
        Self {
            id: without_hyphens(user.id.as_str()),
            email: user.email.as_ref().map(Email::as_str).unwrap_or_default(),
            first_name: user.firstname.as_deref().unwrap_or_default(),
            last_name: user.lastname.as_deref().unwrap_or_default(),
            enabled: user.activated,
            role_id: without_hyphens(held.role_id()),
            created_at: user.created_at.to_rfc3339(),
            updated_at: user.updated_at.to_rfc3339(),
        }
    }
}

async fn answer(op: &OpContext, status: StatusCode, user: User) -> Result<Response> {
    let users = users::with_roles(op, vec![user]).await?;
    Ok(face::json(status, &users.first().map(Shown::of)))
}

/// `GET users`: all of them in `users`; with `?email=`, the user with that address, in a bare list.
pub(super) async fn list(call: Call) -> Result<Response> {
    let own = users::of_own_organization(&call.op);
    let (head, tail, filter) = match call.query("email") {
        None => ("{\"users\":[", "]}", own),
        Some(text) => {
            // A text that is not an address matches nobody.
            let address = match Email::normalize(text) {
                Some(email) => Filter::Is(Term::Email(TextTest::Equals(email.to_string()))),
                None => Filter::Any(Vec::new()),
            };
            ("[", "]", Filter::All(vec![address, own]))
        }
    };
    let op = call.op.clone();
    let users = list::all::<User>(&call.op, filter, SHOWN).and_then(move |users| {
        let op = op.clone();
        async move { users::with_roles(&op, users).await }
    });
    listed(head, tail, users, |user, out| {
        serde_json::to_writer(out, &Shown::of(user))
    })
    .await
}

/// `GET users/{id}`.
pub(super) async fn read(call: Call) -> Result<Response> {
    let target = users::target_by_id(&call.op, call.path("id"));
    let user = user::get(&call.op, &target, SHOWN).await?;
    answer(&call.op, StatusCode::OK, user).await
}

/// `POST users`. The password is required because nobody else can set it later.
pub(super) async fn create(call: Call) -> Result<Response> {
    let fields = &call.fields;
    fields.refuse_null(&["email", "password", "first_name", "last_name", "role_id", "enabled"])?;
    let new = NewUser {
        email: Some(fields.required_text("email")?.to_owned()),
        password: Some(Password::new(fields.required_text("password")?)),
        firstname: owned(fields.text("first_name")?),
        lastname: owned(fields.text("last_name")?),
        role_id: Some(fields.text("role_id")?.unwrap_or(BuiltIn::User.id()).to_owned()),
        activated: fields.flag("enabled")?,
        ..NewUser::default()
    };
    let user = user::create(&call.op, new).await.map_err(in_its_words)?;
    answer(&call.op, StatusCode::CREATED, user).await
}

/// `PUT users/{id}`: the address is required; other omitted fields are unchanged.
pub(super) async fn replace(call: Call) -> Result<Response> {
    let wanted = change_of(&call.fields)?;
    call.fields.required_text("email")?;
    update(&call, wanted).await
}

/// `PATCH users/{id}`: omitted fields are unchanged. `admin` is ignored: the role decides.
pub(super) async fn change(call: Call) -> Result<Response> {
    let wanted = change_of(&call.fields)?;
    update(&call, wanted).await
}

fn change_of(fields: &Fields) -> Result<UserChange> {
    fields.refuse_null(&["email", "first_name", "last_name", "role_id", "enabled"])?;
    Ok(UserChange {
        email: owned(fields.text("email")?),
        firstname: owned(fields.text("first_name")?),
        lastname: owned(fields.text("last_name")?),
        role_id: owned(fields.text("role_id")?),
        activated: fields.flag("enabled")?,
        of_everything: true,
        ..UserChange::default()
    })
}

async fn update(call: &Call, wanted: UserChange) -> Result<Response> {
    let target = users::target_by_id(&call.op, call.path("id"));
    let user = user::update(&call.op, &target, wanted, None)
        .await
        .map_err(in_its_words)?;
    answer(&call.op, StatusCode::OK, user).await
}

/// `PUT users/{id}/password`: only the caller's own.
pub(super) async fn set_password(call: Call) -> Result<Response> {
    call.fields.refuse_null(&["password"])?;
    let new = call.fields.required_text("password")?;
    let target = users::target_by_id(&call.op, call.path("id"));
    password::set_own(&call.op, &target, &Password::new(new)).await?;
    Ok(done())
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

/// Replaces the field name in an error with the product's name for it.
fn in_its_words(error: Error) -> Error {
    let Error::Invalid { field, message } = error else {
        return error;
    };
    let name = match field.as_str() {
        "firstname" => "first_name",
        "lastname" => "last_name",
        "activated" => "enabled",
        "roleId" | "roles" => "role_id",
        other => other,
    };
    Error::Invalid {
        message: message.replace(&format!("'{field}'"), &format!("'{name}'")),
        field: name.to_owned(),
    }
}
