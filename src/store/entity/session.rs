//! `sessions`.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use super::user;
use crate::authz::{Granted, Scope};
use crate::model::{SessionId, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: SessionId,
    pub user_pk: i64,
    pub family: String,
    pub generation: i64,
    pub rotated_at: Timestamp,
    /// Whether it began with a verified password: with `signIn`, or by switching from such a session.
    pub verified: bool,
    /// When the password was checked that it began with. `None` for an impersonation.
    pub authenticated_at: Option<Timestamp>,
    pub impersonator_pk: Option<i64>,
    pub parent_pk: Option<i64>,
    pub api_key_pk: Option<i64>,
    pub reason: Option<String>,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// Sessions of a user, and those in which the user impersonates somebody. In a larger scope, those of the users in it.
pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(_) | Scope::Tenants(_) => Condition::all().add(user::is_within(Column::UserPk, granted)),
        Scope::Oneself(pk) => Condition::any()
            .add(Column::UserPk.eq(*pk))
            .add(Column::ImpersonatorPk.eq(*pk)),
    }
}
