//! The built-in roles and their permissions.
//!
//! Most form a hierarchy in which each includes the previous one. Their permissions are defined here, not in the
//! database, so that they are the same on every server of a release.

use strum::VariantArray;

use super::Faces;
use super::pack;
use super::permission::{Door, Permissions};

/// A built-in role; the variants go from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum BuiltIn {
    TenantAdmin,
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
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Its id, the same on every server.
    pub fn id(self) -> &'static str {
        match self {
            Self::TenantAdmin => "01900000-0000-7000-8000-00000000000b",
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
            Self::TenantAdmin => "Manages the users of one tenant. Can only be assigned for a tenant.",
            Self::TrialUser => "Reads the product's data. Changes nothing.",
            Self::TrialApiUser => "Reads the product's data, also with API keys.",
            Self::User => "Reads and writes the product's data.",
            Self::Labeler => "Labels. Has the permissions of 'user'.",
            Self::Reviewer => "Reviews. Has the permissions of 'user'.",
            Self::ApiUser => "Reads and writes the product's data, also with API keys.",
            Self::TeamManager => "Reads the users of its organization and manages its groups.",
            Self::Admin => "Publishes the product's data for others. Does not manage users.",
            Self::OrganizationAdmin => "Manages the users, tenants, groups and roles of its organization.",
            Self::SuperAdmin => "Manages every organization.",
        }
    }

    /// Whether it can be assigned for the whole organization.
    pub fn is_for_organizations(self) -> bool {
        self != Self::TenantAdmin
    }

    /// Whether it can be assigned for a tenant: a role that reaches every organization cannot.
    pub fn is_for_tenants(self) -> bool {
        !self.doors().contains(Door::EVERY_ORGANIZATION)
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|role| role.name() == name)
    }

    /// The face that it belongs to, if it belongs to one: with the face off, it is hidden.
    pub fn face(self) -> Option<Faces> {
        pack::face_of(self)
    }

    /// Whether it is hidden if only these faces are on.
    pub fn is_hidden_with(self, on: Faces) -> bool {
        self.face().is_some_and(|face| !on.contains(face))
    }

    /// Its permissions, apart from declared ones, which the catalogue knows.
    pub fn permissions(self) -> Permissions {
        Permissions::of(self.doors()) | pack::of_role(self).into()
    }

    /// What it opens in this server.
    pub fn doors(self) -> Door {
        use Door as P;
        let organization_admin = P::WRITE_ACCESS_KEY
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
            | P::ORGANIZATION_SETTINGS;
        match self {
            Self::TenantAdmin => {
                P::READ_USER | P::WRITE_USER | P::READ_TENANT | P::READ_GROUP | P::READ_AUDIT | P::USAGE_IMPERSONATION
            }
            Self::TrialUser | Self::User | Self::Labeler | Self::Reviewer => P::empty(),
            Self::TrialApiUser | Self::ApiUser | Self::Admin => P::WRITE_ACCESS_KEY,
            Self::TeamManager => P::READ_USER | P::READ_TENANT | P::READ_GROUP | P::WRITE_GROUP,
            Self::OrganizationAdmin => organization_admin,
            Self::SuperAdmin => organization_admin | P::WRITE_ORG | P::INTROSPECT | P::EVERY_ORGANIZATION,
        }
    }

    /// The highest role of the ladder that it includes.
    fn includes(self) -> Option<LadderRole> {
        match self {
            Self::TenantAdmin => None,
            Self::TrialUser | Self::TrialApiUser => Some(LadderRole::TrialUser),
            Self::User | Self::Labeler | Self::Reviewer | Self::TeamManager => Some(LadderRole::User),
            Self::ApiUser => Some(LadderRole::ApiUser),
            Self::Admin => Some(LadderRole::Admin),
            Self::OrganizationAdmin => Some(LadderRole::OrganizationAdmin),
            Self::SuperAdmin => Some(LadderRole::SuperAdmin),
        }
    }
}

/// The built-in roles that a declared permission can begin with: everybody who has that role, or one that includes it, has the
/// permission.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum LadderRole {
    TrialUser,
    User,
    ApiUser,
    Admin,
    #[default]
    OrganizationAdmin,
    SuperAdmin,
}

impl LadderRole {
    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// Whether a built-in role includes this one.
    pub fn is_included_in(self, role: BuiltIn) -> bool {
        role.includes().is_some_and(|highest| self <= highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_goes_up_the_ladder_and_to_what_is_built_on_it() {
        let holders = |lowest: LadderRole| -> Vec<&str> {
            let roles = BuiltIn::VARIANTS.iter().filter(|role| lowest.is_included_in(**role));
            roles.map(|role| role.name()).collect()
        };
        let up = ["admin", "organization-admin", "super-admin"];
        assert_eq!(holders(LadderRole::SuperAdmin), ["super-admin"]);
        assert_eq!(holders(LadderRole::OrganizationAdmin), up[1..]);
        assert_eq!(holders(LadderRole::Admin), up);
        assert_eq!(holders(LadderRole::ApiUser), [&["api-user"], &up[..]].concat());
        let user = ["user", "labeler", "reviewer", "api-user", "team-manager"];
        assert_eq!(holders(LadderRole::User), [&user, &up[..]].concat());
        let trial = ["trial-user", "trial-api-user"];
        assert_eq!(holders(LadderRole::TrialUser), [&trial, &user[..], &up[..]].concat());
    }
}
