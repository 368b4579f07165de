//! Creates a user and returns its password to the caller.

use super::{NewUser, User, create};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::Secret;
use crate::model::error::{Error, Result};
use crate::services::hasher::Password;

/// A new user with its password, which is shown only once.
#[derive(Clone, Debug)]
pub struct NewUserWithPassword {
    pub user: User,
    pub password: Secret,
}

/// Creates a user with the given password, or with a generated one; the latter is always temporary, the former if
/// `require_reset` is true. Everything else is as in [`create`].
pub async fn create_with_password(
    op: &OpContext,
    mut new: NewUser,
    require_reset: bool,
) -> Result<NewUserWithPassword> {
    op.authorize(Action::Create, Resource::User)?;
    if new.password_hash.is_some() {
        return Err(Error::invalid(
            "passwordHash",
            "A password hash is not accepted here; use createUser.".to_owned(),
        ));
    }
    let password = match &new.password {
        Some(given) => Secret::given(given.as_typed()),
        None => Secret::temporary_password()?,
    };
    new.password_temporary = require_reset || new.password.is_none();
    new.password = Some(Password::new(password.expose()));
    let user = create(op, new).await?;
    Ok(NewUserWithPassword { user, password })
}
