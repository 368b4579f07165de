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
pub mod graphql;
mod read;
pub mod reserved;
mod standing;
mod update;
mod withdraw;

pub use assign::{assign, grantable, replace_in_txn};
pub use create::{NewRole, create};
pub use delete::delete;
pub use read::{
    Assigned, BuiltInRoles, Held, Term, built_in, built_in_rows, by_keys, held, held_in_answer, locate, of_groups,
    of_groups_in_answer, permissions_of, resolve, resolve_id, union,
};
pub use standing::{Standing, keep_a_super_admin};
pub use update::{Clearable, RoleChange, update};
pub use withdraw::withdraw;

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{IntoSimpleExpr, QueryResult};

use crate::authz::{Granted, Resource};
use crate::entity::role::{self as table, Column};
use crate::error::Result;
use crate::list::{Listed, SortKey, SortValue, Sql, record};
use crate::permission::Permissions;
use crate::value::{RoleId, Timestamp};

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

/// What a role's row permits. A built-in one that this binary does not know, because a later release added it, permits
/// nothing, rather than a guess.
pub fn stored_permissions(organization_pk: Option<i64>, name: &str, stored: &str) -> Permissions {
    match organization_pk {
        None => BuiltIn::named(name).map(BuiltIn::permissions).unwrap_or_default(),
        Some(_) => Permissions::from_stored(stored),
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

/// A role that every server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BuiltIn {
    TrialUser,
    TrialApiUser,
    User,
    Labeler,
    Reviewer,
    ApiUser,
    TeamManager,
    Admin,
    OrganizationAdmin,
    SuperAdmin,
}

impl BuiltIn {
    /// All of them, weakest first.
    pub const ALL: [Self; 10] = [
        Self::TrialUser,
        Self::TrialApiUser,
        Self::User,
        Self::Labeler,
        Self::Reviewer,
        Self::ApiUser,
        Self::TeamManager,
        Self::Admin,
        Self::OrganizationAdmin,
        Self::SuperAdmin,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::TrialUser => "trial-user",
            Self::TrialApiUser => "trial-api-user",
            Self::User => "user",
            Self::Labeler => "labeler",
            Self::Reviewer => "reviewer",
            Self::ApiUser => "api-user",
            Self::TeamManager => "team-manager",
            Self::Admin => "admin",
            Self::OrganizationAdmin => "organization-admin",
            Self::SuperAdmin => "super-admin",
        }
    }

    /// Its id, the same on every server.
    pub fn id(self) -> &'static str {
        match self {
            Self::TrialUser => "01900000-0000-7000-8000-000000000001",
            Self::TrialApiUser => "01900000-0000-7000-8000-000000000007",
            Self::User => "01900000-0000-7000-8000-000000000002",
            Self::Labeler => "01900000-0000-7000-8000-000000000009",
            Self::Reviewer => "01900000-0000-7000-8000-00000000000a",
            Self::ApiUser => "01900000-0000-7000-8000-000000000003",
            Self::TeamManager => "01900000-0000-7000-8000-000000000008",
            Self::Admin => "01900000-0000-7000-8000-000000000004",
            Self::OrganizationAdmin => "01900000-0000-7000-8000-000000000005",
            Self::SuperAdmin => "01900000-0000-7000-8000-000000000006",
        }
    }

    pub fn description(self) -> &'static str {
        match self {
            Self::TrialUser => "Reads, and changes nothing.",
            Self::TrialApiUser => "Reads, also by programs.",
            Self::User => "Works in its own corner.",
            Self::Labeler => "Labels; otherwise as a user.",
            Self::Reviewer => "Reviews; otherwise as a user.",
            Self::ApiUser => "Works in its own corner, also by programs.",
            Self::TeamManager => "Reads the users of its organization and manages its groups.",
            Self::Admin => "Publishes to others; manages no users.",
            Self::OrganizationAdmin => "Manages the users, tenants, groups and roles of its organization.",
            Self::SuperAdmin => "Manages every organization.",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    pub fn permissions(self) -> Permissions {
        use Permissions as P;
        let trial_user =
            P::READ_SEMANTIC_CONTEXT | P::READ_LIKED_QUERIES | P::READ_DATABASES | P::READ_SIMILARITY_SEARCH_INDEX;
        let by_programs = P::USAGE_API | P::WRITE_ACCESS_KEY;
        let user = trial_user | P::WRITE_SEMANTIC_CONTEXT | P::WRITE_LIKED_QUERIES | P::WRITE_DATABASES;
        let admin = user
            | by_programs
            | P::PUBLISH_SEMANTIC_CONTEXT
            | P::PUBLISH_LIKED_QUERIES
            | P::PUBLISH_ACCESS_RULES
            | P::PUSH_DATABASES
            | P::WRITE_SIMILARITY_SEARCH_INDEX;
        let organization_admin = admin
            | P::READ_USER
            | P::WRITE_USER
            | P::READ_TENANT
            | P::WRITE_TENANT
            | P::READ_GROUP
            | P::WRITE_GROUP
            | P::READ_ROLE
            | P::WRITE_ROLE
            | P::READ_ORG
            | P::READ_AUDIT
            | P::USAGE_IMPERSONATION
            | P::READ_USAGE_REPORT;
        match self {
            Self::TrialUser => trial_user,
            Self::TrialApiUser => trial_user | by_programs,
            Self::User | Self::Labeler | Self::Reviewer => user,
            Self::ApiUser => user | by_programs,
            Self::TeamManager => user | P::READ_USER | P::READ_TENANT | P::READ_GROUP | P::WRITE_GROUP,
            Self::Admin => admin,
            Self::OrganizationAdmin => organization_admin,
            Self::SuperAdmin => organization_admin | P::WRITE_ORG | P::EVERY_ORGANIZATION,
        }
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
