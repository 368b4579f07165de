//! Roles in the schema, as they stand on users.

use async_graphql::{Enum, ID, SimpleObject};

use super::{Assigned, OrganizationRole};

/// A named set of permissions, built in or made by an organization.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Role")]
pub struct RoleObject {
    /// A UUID, the same on every server for the built-in ones.
    pub id: ID,
    /// Unique within its organization, as in `organization-admin`.
    pub name: String,
    /// Whether it is one of those that every server has.
    pub built_in: bool,
    /// What it permits, as in `read:user`.
    pub permissions: Vec<&'static str>,
}

impl From<&Assigned> for RoleObject {
    fn from(role: &Assigned) -> Self {
        Self {
            id: ID(role.id.clone()),
            name: role.name.clone(),
            built_in: role.built_in.is_some(),
            permissions: role.permissions.names(),
        }
    }
}

/// The strongest of a user's roles, in a few steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "OrganizationRole", remote = "OrganizationRole")]
pub enum OrganizationRoleValue {
    /// Administers its organization (`organization-admin`), or all of them (`super-admin`).
    Admin,
    /// Reads its organization's users and manages its groups (`team-manager`).
    TeamManager,
    /// `reviewer`.
    Reviewer,
    /// `labeler`.
    Labeler,
    /// Any other role. Setting it assigns `user`.
    User,
}
