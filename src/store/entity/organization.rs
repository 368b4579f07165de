//! `organizations`.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QuerySelect};

use crate::authz::{Granted, Scope};
use crate::model::{JsonText, MailLanguage, OrganizationId, Timestamp, is_id};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: OrganizationId,
    pub name: String,
    pub variables: Option<JsonText>,
    pub seat_limit: Option<i64>,
    /// How many seats are taken; only while there is a limit.
    pub seats_used: Option<i64>,
    pub mail_allowed: bool,
    pub account_switching: bool,
    pub product_name: Option<String>,
    pub mail_language: MailLanguage,
    /// Whether a changed address of a user must be confirmed first, also if an administrator changes it.
    pub confirm_email_changes: bool,
    /// The folded name, by which lists are sorted.
    pub sort_name: String,
    /// The words of its name and its id, each with a space before it.
    pub words: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

super::words::folded_of_id_and_name!();

pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Column::Pk.eq(*pk)),
        Scope::Tenants(tenants) => Condition::all().add(Column::Pk.eq(tenants.organization_pk)),
        Scope::Oneself(_) => nothing(),
    }
}

/// A predicate that no row matches.
pub fn nothing() -> Condition {
    Condition::all().add(Column::Pk.is_null())
}

/// The internal key of the organization with this id.
pub async fn pk_of(connection: &impl ConnectionTrait, id: &str) -> Result<Option<i64>, DbErr> {
    // PostgreSQL refuses U+0000 even as a parameter.
    if !is_id(id) {
        return Ok(None);
    }
    let found = Entity::find()
        .select_only()
        .column(Column::Pk)
        .filter(Column::Id.eq(id));
    found.into_tuple().one(connection).await
}
