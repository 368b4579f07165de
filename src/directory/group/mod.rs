//! Groups: named sets of users of one organization. A group may carry roles, which its members then have.
//!
//! - Who holds `read:group` sees the groups of the own organization, a super admin those of all; everybody sees the
//!   groups they are in, beside themselves.
//! - Who holds `write:group` makes, changes and deletes them and says who is in them; but nobody touches a group whose
//!   roles permit more than they may themselves, and nobody gives a group such a role. That is asked of the group alone,
//!   not of the member: being in a group changes a user by the group's roles and by nothing else.
//! - Nobody takes permissions away from themselves by it, and the last super admin stays.
//! - A member is a user of the group's organization: composite foreign keys say so. Moving to another organization ends
//!   a user's memberships.
//! - The `key` is made from the first name and never changes; it is unique within the organization. Deleting a group
//!   ends its memberships, and a later group of the same key starts empty, because members point to the internal key.

mod create;
mod delete;
mod members;
mod read;
mod update;

pub use create::{NewGroup, create, key_of};
pub use delete::delete;
pub use members::{add_user, leave_all_in_txn, remove_user};
pub use read::{Target, Term, has_one_of, locate, of_user, readable, readable_of_oneself};
pub use update::{Clearable, GroupChange, update};

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{IntoSimpleExpr, QueryResult};

use crate::authz::{Granted, Resource};
use crate::list::{Listed, SortKey, SortValue, Sql, record};
use crate::model::error::Result;
use crate::model::{GroupId, Timestamp};
use crate::store::entity::group::{self as table, Column};

record! {
    /// A group.
    Group, GroupFields, GroupFieldNumber from Column {
        always {
            pk: i64 = Pk,
            id: GroupId = Id,
            organization_pk: i64 = OrganizationPk,
        }
        KEY key: String = Key,
        NAME name: String = Name,
        DESCRIPTION description: Option<String> = Description,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

impl From<table::Model> for Group {
    fn from(row: table::Model) -> Self {
        Self {
            pk: row.pk,
            id: row.id,
            organization_pk: row.organization_pk,
            key: row.key,
            name: row.name,
            description: row.description,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Listed for Group {
    type Entity = table::Entity;
    type Fields = GroupFields;
    type Term = Term;
    const RESOURCE: Resource = Resource::Group;

    fn columns(fields: GroupFields) -> Vec<Column> {
        Self::columns_of(fields)
    }

    fn read(row: &QueryResult, fields: GroupFields) -> Result<Self, DbErr> {
        Self::from_row(row, fields)
    }

    fn sort_fields(key: SortKey) -> GroupFields {
        match key {
            SortKey::CreatedAt => GroupFields::CREATED_AT,
            SortKey::UpdatedAt => GroupFields::UPDATED_AT,
            SortKey::Name => GroupFields::NAME,
            SortKey::Email | SortKey::Id => GroupFields::empty(),
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
