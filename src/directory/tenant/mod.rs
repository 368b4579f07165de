//! Tenants: parts of an organization. A tenant groups users; nobody administers just one.
//!
//! An organization's administrators make, change and delete its tenants; a tenant never changes its organization, and
//! one that still holds users cannot be deleted.

mod create;
mod delete;
mod read;
mod update;

pub use create::{NewTenant, create};
pub use delete::delete;
pub use read::{Term, by_keys, is_one_of, locate};
pub use update::{Clearable, TenantChange, update};

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{IntoSimpleExpr, QueryResult};

use crate::authz::{Granted, Resource};
use crate::list::{Listed, SortKey, SortValue, Sql, record};
use crate::model::error::Result;
use crate::model::{JsonText, TenantId, Timestamp};
use crate::store::entity::tenant::{self as table, Column};

record! {
    /// A tenant.
    Tenant, TenantFields, TenantFieldNumber from Column {
        always {
            pk: i64 = Pk,
            id: TenantId = Id,
            organization_pk: i64 = OrganizationPk,
        }
        NAME name: String = Name,
        VARIABLES variables: Option<JsonText> = Variables,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

impl From<table::Model> for Tenant {
    fn from(row: table::Model) -> Self {
        Self {
            pk: row.pk,
            id: row.id,
            organization_pk: row.organization_pk,
            name: row.name,
            variables: row.variables,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Listed for Tenant {
    type Entity = table::Entity;
    type Fields = TenantFields;
    type Term = Term;
    const RESOURCE: Resource = Resource::Tenant;

    fn columns(fields: TenantFields) -> Vec<Column> {
        Self::columns_of(fields)
    }

    fn read(row: &QueryResult, fields: TenantFields) -> Result<Self, DbErr> {
        Self::from_row(row, fields)
    }

    fn sort_fields(key: SortKey) -> TenantFields {
        match key {
            SortKey::CreatedAt => TenantFields::CREATED_AT,
            SortKey::UpdatedAt => TenantFields::UPDATED_AT,
            SortKey::Name => TenantFields::NAME,
            SortKey::Email | SortKey::Id => TenantFields::empty(),
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
