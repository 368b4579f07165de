//! Roles: named sets of permissions, built in or created by an organization.
//!
//! Most built-in ones form a hierarchy in which each includes the previous one. Their rows exist so that assignments
//! can reference them; their permissions are defined in the code, not in the database, so that they are the same on
//! every server of a release. A user's permissions are the union of those of its own roles and its groups' roles,
//! looked up for every request. A role that is assigned for a tenant counts for that tenant only.
//!
//! - Callers with `read:role` see the built-in roles and those of their organization; callers with `write:role` create,
//!   change and delete the latter. Built-in roles never change.
//! - Nobody can create, change, delete or assign a role whose permissions go beyond their own.
//! - Nobody can remove permissions from themselves this way, and the last super admin cannot be removed ([`Standing`]).
//! - Deleting a role withdraws it from every user and group.

mod assign;
mod check;
mod create;
mod delete;
mod giving;
mod grants;
mod having;
mod held;
mod holders;
mod outsiders;
mod read;
pub mod reserved;
mod resolve;
mod sight;
mod standing;
mod update;
mod withdraw;

pub use assign::{
    Made, assign, assigning, assigning_to_each, besides, few_tenants, grantable, is_assigned_for, leave_tenants_in_txn,
    replace_in_txn,
};
pub use check::{Answer, QUESTIONS_MAX, Question, can, check};
pub use create::{
    NewRole, create, create_in_txn, for_products, free_in_organizations, free_in_product, role_name, taken,
};
pub use delete::{delete, delete_in_txn, holders_in_txn};
pub use giving::that_would_give;
pub use grants::{RoleGrant, grants, grants_in_sight};
pub use having::{HOLDERS_COUNTED_MAX, Having};
pub use held::{
    Assigned, ForTenant, Held, by_scope, for_tenants_in_sight, held, held_in_answer, of_groups, of_groups_in_answer,
    union,
};
pub use holders::{Holding, weigh};
pub use outsiders::{Outsider, outsiders};
pub use read::{Term, built_in_keys, by_keys};
pub use resolve::{NamedRoles, RoleForTenant, few_named, of_view, resolve, resolve_for_tenants, resolve_id, wanted};
pub use standing::{Standing, keep_a_super_admin};
pub use update::{Clearable, RoleChange, update, update_in_txn};

/// How many product-wide roles there can be.
pub const PRODUCT_WIDE_MAX: u64 = 200;
pub use withdraw::withdraw;

use crate::list::{orders, record};
use crate::model::{BuiltIn, Catalogue, Permissions};
use crate::model::{RoleId, Timestamp};
use crate::store::entity::role::{self as table, Column};

record! {
    /// A role.
    Role, RoleFields, RoleFieldNumber of Role {
        always {
            pk: i64 = Pk,
            id: RoleId = Id,
            /// `None` for a built-in or product-wide one.
            organization_pk: Option<i64> = OrganizationPk,
            product: bool = Product,
            name: String = Name,
        }
        DESCRIPTION description: Option<String> = Description,
        /// As stored; see [`Role::permissions`].
        PERMISSIONS permissions: String = Permissions,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

/// Who a role is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoleScope {
    /// Every organization, in every product.
    BuiltIn,
    /// Every organization.
    Product,
    /// Its own organization.
    #[default]
    Organization,
}

impl Role {
    /// The built-in role that it is, if it is one.
    pub fn built_in(&self) -> Option<BuiltIn> {
        match self.scope() {
            RoleScope::BuiltIn => BuiltIn::named(&self.name),
            RoleScope::Product | RoleScope::Organization => None,
        }
    }

    /// Who it is for.
    pub fn scope(&self) -> RoleScope {
        match (self.organization_pk, self.product) {
            (Some(_), _) => RoleScope::Organization,
            (None, true) => RoleScope::Product,
            (None, false) => RoleScope::BuiltIn,
        }
    }

    /// Its permissions.
    pub fn permissions(&self, catalogue: &Catalogue) -> Permissions {
        catalogue.of_role(self.organization_pk, &self.name, &self.permissions)
    }

    /// Its description.
    pub fn description(&self) -> Option<&str> {
        match self.built_in() {
            Some(role) => Some(role.description()),
            None => self.description.as_deref(),
        }
    }
}

orders! {
    Role, RoleFields {
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Name: ALWAYS Name name,
    }
}

/// Kili's view of a user's roles: only the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationRole {
    Admin,
    TeamManager,
    Reviewer,
    Labeler,
    User,
}

impl OrganizationRole {
    /// The view of a set of roles; `None` without any that is shown.
    pub fn of<'a>(roles: impl IntoIterator<Item = &'a Assigned>) -> Option<Self> {
        let roles: Vec<&Assigned> = roles.into_iter().filter(|role| !role.hidden).collect();
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
