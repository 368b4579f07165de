//! `users`.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::authz::{Granted, Scope};
use crate::value::{Email, JsonText, Timestamp, UserId};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: UserId,
    pub organization_pk: i64,
    pub tenant_pk: Option<i64>,
    pub email: Option<Email>,
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    pub activated: bool,
    pub variables: Option<JsonText>,
    pub password_hash: Option<String>,
    pub password_changed_at: Option<Timestamp>,
    /// It opens nothing but its own change.
    pub password_temporary: bool,
    pub email_verified_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What a password must not be: the user's own address and id.
    pub fn own_names(&self) -> Vec<&str> {
        let email = self.email.as_ref().map(Email::as_str);
        email.into_iter().chain([self.id.as_str()]).collect()
    }
}

pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Column::OrganizationPk.eq(pk)),
        Scope::Oneself(pk) => Condition::all().add(Column::Pk.eq(pk)),
    }
}
