//! Roles: named sets of permissions, built in or made by an organization.
//!
//! The built-in ones form a ladder in which each includes the one before, and a few beside it. Their rows exist so
//! that assignments can point to them; what they permit stands here, not in the database, so that it is the same on
//! every server of one release. A user's permissions are the union of its own roles' and its groups' roles', looked up
//! at every call.
//!
//! - Who holds `read:role` sees the built-in roles and those of the own organization; who holds `write:role` makes,
//!   changes and deletes the latter. Built-in roles never change.
//! - Nobody makes, changes or deletes a role, or gives one to a user or a group, whose permissions go beyond the own.
//! - Nobody takes permissions away from themselves by it, and the last super admin stays ([`Standing`]).
//! - Deleting a role withdraws it from every user and group.

mod assign;
mod create;
mod delete;
mod read;
pub mod reserved;
mod standing;
mod update;
mod withdraw;

pub use assign::{assign, grantable, replace_in_txn};
pub use create::{NewRole, create};
pub use delete::delete;
pub use read::{
    Assigned, Held, Term, built_in, by_keys, held, held_in_answer, locate, of_groups, of_groups_in_answer, resolve,
    resolve_id, union,
};
pub use standing::{Standing, keep_a_super_admin};
pub use update::{Clearable, RoleChange, update};
pub use withdraw::withdraw;

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{IntoSimpleExpr, QueryResult};

use crate::authz::{Granted, Resource};
use crate::list::{Listed, SortKey, SortValue, Sql, record};
use crate::model::error::Result;
use crate::model::{BuiltIn, Permissions, stored_permissions};
use crate::model::{RoleId, Timestamp};
use crate::store::entity::role::{self as table, Column};

record! {
    /// A role.
    Role, RoleFields, RoleFieldNumber from Column {
        always {
            pk: i64 = Pk,
            id: RoleId = Id,
            /// `None` for a built-in one.
            organization_pk: Option<i64> = OrganizationPk,
            name: String = Name,
        }
        DESCRIPTION description: Option<String> = Description,
        /// As stored; see [`Role::permissions`].
        PERMISSIONS stored_permissions: String = Permissions,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

impl Role {
    /// Which of the built-in ones it is, if it is one.
    pub fn built_in(&self) -> Option<BuiltIn> {
        match self.organization_pk {
            None => BuiltIn::named(&self.name),
            Some(_) => None,
        }
    }

    /// What it permits.
    pub fn permissions(&self) -> Permissions {
        stored_permissions(self.organization_pk, &self.name, &self.stored_permissions)
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        match self.built_in() {
            Some(role) => Some(role.description()),
            None => self.description.as_deref(),
        }
    }
}

impl From<table::Model> for Role {
    fn from(row: table::Model) -> Self {
        Self {
            pk: row.pk,
            id: row.id,
            organization_pk: row.organization_pk,
            name: row.name,
            description: row.description,
            stored_permissions: row.permissions,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Listed for Role {
    type Entity = table::Entity;
    type Fields = RoleFields;
    type Term = Term;
    const RESOURCE: Resource = Resource::Role;

    fn columns(fields: RoleFields) -> Vec<Column> {
        Self::columns_of(fields)
    }

    fn read(row: &QueryResult, fields: RoleFields) -> Result<Self, DbErr> {
        Self::from_row(row, fields)
    }

    fn sort_fields(key: SortKey) -> RoleFields {
        match key {
            SortKey::CreatedAt => RoleFields::CREATED_AT,
            SortKey::UpdatedAt => RoleFields::UPDATED_AT,
            SortKey::Name | SortKey::Email | SortKey::Id => RoleFields::empty(),
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

/// Kili's view of a user's roles: the strongest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationRole {
    Admin,
    TeamManager,
    Reviewer,
    Labeler,
    User,
}

impl OrganizationRole {
    /// The view of a set of roles; `None` without any.
    pub fn of<'a>(roles: impl IntoIterator<Item = &'a Assigned>) -> Option<Self> {
        let roles: Vec<&Assigned> = roles.into_iter().collect();
        let has = |wanted: BuiltIn| roles.iter().any(|role| role.built_in == Some(wanted));
        if has(BuiltIn::OrganizationAdmin) || has(BuiltIn::SuperAdmin) {
            Some(Self::Admin)
        } else if has(BuiltIn::TeamManager) {
            Some(Self::TeamManager)
        } else if has(BuiltIn::Reviewer) {
            Some(Self::Reviewer)
        } else if has(BuiltIn::Labeler) {
            Some(Self::Labeler)
        } else if roles.is_empty() {
            None
        } else {
            Some(Self::User)
        }
    }

    /// The built-in role that setting this view assigns.
    pub fn role(self) -> BuiltIn {
        match self {
            Self::Admin => BuiltIn::OrganizationAdmin,
            Self::TeamManager => BuiltIn::TeamManager,
            Self::Reviewer => BuiltIn::Reviewer,
            Self::Labeler => BuiltIn::Labeler,
            Self::User => BuiltIn::User,
        }
    }
}
