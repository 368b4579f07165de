//! Organizations: the top of the tree. Each owns its tenants, users and roles, and nothing crosses from one to another.
//!
//! Only super admins make, change and delete them; their administrators read their own. A member sees its own
//! organization's id and name beside itself. An organization that still holds tenants or users cannot be deleted.

mod create;
mod delete;
mod mail;
mod read;
mod update;

pub use create::{NewOrganization, create};
pub use delete::delete;
pub use mail::{is_mailed, require_mail};
pub use read::{Term, by_keys, home, home_of_tenant, is_one_of, locate, readable};
pub use update::{Clearable, OrganizationChange, update};

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{IntoSimpleExpr, QueryResult};

use crate::authz::{Granted, Resource};
use crate::list::{Listed, SortKey, SortValue, Sql, record};
use crate::model::error::Result;
use crate::model::{JsonText, OrganizationId, Timestamp};
use crate::store::entity::organization::{self as table, Column};

record! {
    /// An organization.
    Organization, OrganizationFields, OrganizationFieldNumber from Column {
        always {
            pk: i64 = Pk,
            id: OrganizationId = Id,
        }
        NAME name: String = Name,
        VARIABLES variables: Option<JsonText> = Variables,
        /// At most this many activated users; `None` is no limit.
        SEAT_LIMIT seat_limit: Option<i64> = SeatLimit,
        /// Whether its users and those it invites are sent mails; always there in a row.
        MAIL_ALLOWED mail_allowed: Option<bool> = MailAllowed,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

impl From<table::Model> for Organization {
    fn from(row: table::Model) -> Self {
        Self {
            pk: row.pk,
            id: row.id,
            name: row.name,
            variables: row.variables,
            seat_limit: row.seat_limit,
            mail_allowed: Some(row.mail_allowed),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Listed for Organization {
    type Entity = table::Entity;
    type Fields = OrganizationFields;
    type Term = Term;
    const RESOURCE: Resource = Resource::Organization;

    fn columns(fields: OrganizationFields) -> Vec<Column> {
        Self::columns_of(fields)
    }

    fn read(row: &QueryResult, fields: OrganizationFields) -> Result<Self, DbErr> {
        Self::from_row(row, fields)
    }

    fn sort_fields(key: SortKey) -> OrganizationFields {
        match key {
            SortKey::CreatedAt => OrganizationFields::CREATED_AT,
            SortKey::UpdatedAt => OrganizationFields::UPDATED_AT,
            SortKey::Name => OrganizationFields::NAME,
            SortKey::Email | SortKey::Id => OrganizationFields::empty(),
        }
    }

    fn within(granted: &Granted) -> Condition {
        table::within(granted)
    }

    fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
        read::condition(sql, term)
    }

    fn sort_expression(key: SortKey) -> Option<SimpleExpr> {
        match key {
            SortKey::CreatedAt => Some(Column::CreatedAt.into_simple_expr()),
            SortKey::UpdatedAt => Some(Column::UpdatedAt.into_simple_expr()),
            SortKey::Name => Some(Column::Name.into_simple_expr()),
            SortKey::Id => Some(Column::Id.into_simple_expr()),
            SortKey::Email => None,
        }
    }

    fn sort_value(&self, key: SortKey) -> SortValue {
        match key {
            SortKey::CreatedAt => SortValue::Number(self.created_at.micros()),
            SortKey::UpdatedAt => SortValue::Number(self.updated_at.micros()),
            SortKey::Name => SortValue::Text(self.name.clone()),
            SortKey::Id | SortKey::Email => SortValue::Text(self.id.to_string()),
        }
    }

    fn pk(&self) -> i64 {
        self.pk
    }

    fn public_id(&self) -> &str {
        self.id.as_str()
    }

    fn pk_column() -> Column {
        Column::Pk
    }

    fn id_column() -> Column {
        Column::Id
    }
}
