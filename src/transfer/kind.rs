//! The kinds of records, in their order in a file: whatever one refers to comes before it.

/// A kind of record.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, strum::EnumIter, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "camelCase", const_into_str)]
pub enum Kind {
    ResourceServer,
    Permission,
    Organization,
    Tenant,
    Role,
    Group,
    User,
    Setting,
    ApiKey,
    Invitation,
    AuditEvent,
}

impl Kind {
    /// The word for so many of them, as in "1 user" and "2 users".
    pub const fn counted(self, count: u64) -> &'static str {
        let (one, many) = match self {
            Self::ResourceServer => ("resource server", "resource servers"),
            Self::Permission => ("permission", "permissions"),
            Self::Organization => ("organization", "organizations"),
            Self::Tenant => ("tenant", "tenants"),
            Self::Role => ("role", "roles"),
            Self::Group => ("group", "groups"),
            Self::User => ("user", "users"),
            Self::Setting => ("setting", "settings"),
            Self::ApiKey => ("API key", "API keys"),
            Self::Invitation => ("invitation", "invitations"),
            Self::AuditEvent => ("audit event", "audit events"),
        };
        match count {
            1 => one,
            _ => many,
        }
    }
}
