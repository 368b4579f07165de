//! Roles: named sets of permissions, built in or made by an organization.
//!
//! The built-in ones form a ladder in which each includes the one before, and a few beside it. Their rows exist so
//! that assignments can point to them; what they permit stands here, not in the database, so that it is the same on
//! every server of one release. A user's permissions are the union of its roles', looked up at every call.

mod assign;
pub mod graphql;
mod read;

pub use assign::{built_in, grantable, keep_a_super_admin, replace_in_txn};
pub use read::{Assigned, assigned, permissions_of, resolve};

use crate::permission::Permissions;

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
    pub fn of(roles: &[Assigned]) -> Option<Self> {
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
