//! The permissions that roles consist of.

use bitflags::bitflags;

use crate::model::error::{Error, Result, shown};

bitflags! {
    /// A set of permissions. The names are WAII's, and tenantry's own in the same form.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Permissions: u64 {
        const READ_SEMANTIC_CONTEXT = 1;
        const READ_LIKED_QUERIES = 1 << 1;
        const READ_DATABASES = 1 << 2;
        const READ_SIMILARITY_SEARCH_INDEX = 1 << 3;
        const WRITE_SEMANTIC_CONTEXT = 1 << 4;
        const WRITE_LIKED_QUERIES = 1 << 5;
        const WRITE_DATABASES = 1 << 6;
        const USAGE_API = 1 << 7;
        const WRITE_ACCESS_KEY = 1 << 8;
        const PUBLISH_SEMANTIC_CONTEXT = 1 << 9;
        const PUBLISH_LIKED_QUERIES = 1 << 10;
        const PUBLISH_ACCESS_RULES = 1 << 11;
        const PUSH_DATABASES = 1 << 12;
        const WRITE_SIMILARITY_SEARCH_INDEX = 1 << 13;
        const READ_USER = 1 << 14;
        const WRITE_USER = 1 << 15;
        const READ_TENANT = 1 << 16;
        const WRITE_TENANT = 1 << 17;
        const READ_GROUP = 1 << 18;
        const WRITE_GROUP = 1 << 19;
        const READ_ROLE = 1 << 20;
        const WRITE_ROLE = 1 << 21;
        const READ_ORG = 1 << 22;
        const READ_AUDIT = 1 << 23;
        const USAGE_IMPERSONATION = 1 << 24;
        const READ_USAGE_REPORT = 1 << 25;
        const WRITE_ORG = 1 << 26;
        /// Access to every organization. It has no name, and only the role `super-admin` has it. As it is part of the
        /// set, checks for permissions beyond the caller's own need no special case for super admins.
        const EVERY_ORGANIZATION = 1 << 63;
    }
}

const NAMES: [(Permissions, &str); 27] = [
    (Permissions::READ_SEMANTIC_CONTEXT, "read:semantic-context"),
    (Permissions::READ_LIKED_QUERIES, "read:liked-queries"),
    (Permissions::READ_DATABASES, "read:databases"),
    (
        Permissions::READ_SIMILARITY_SEARCH_INDEX,
        "read:similarity-search-index",
    ),
    (Permissions::WRITE_SEMANTIC_CONTEXT, "write:semantic-context"),
    (Permissions::WRITE_LIKED_QUERIES, "write:liked-queries"),
    (Permissions::WRITE_DATABASES, "write:databases"),
    (Permissions::USAGE_API, "usage:api"),
    (Permissions::WRITE_ACCESS_KEY, "write:access_key"),
    (Permissions::PUBLISH_SEMANTIC_CONTEXT, "publish:semantic-context"),
    (Permissions::PUBLISH_LIKED_QUERIES, "publish:liked-queries"),
    (Permissions::PUBLISH_ACCESS_RULES, "publish:access-rules"),
    (Permissions::PUSH_DATABASES, "push:databases"),
    (
        Permissions::WRITE_SIMILARITY_SEARCH_INDEX,
        "write:similarity-search-index",
    ),
    (Permissions::READ_USER, "read:user"),
    (Permissions::WRITE_USER, "write:user"),
    (Permissions::READ_TENANT, "read:tenant"),
    (Permissions::WRITE_TENANT, "write:tenant"),
    (Permissions::READ_GROUP, "read:group"),
    (Permissions::WRITE_GROUP, "write:group"),
    (Permissions::READ_ROLE, "read:role"),
    (Permissions::WRITE_ROLE, "write:role"),
    (Permissions::READ_ORG, "read:org"),
    (Permissions::READ_AUDIT, "read:audit"),
    (Permissions::USAGE_IMPERSONATION, "usage:impersonation"),
    (Permissions::READ_USAGE_REPORT, "read:usage-report"),
    (Permissions::WRITE_ORG, "write:org"),
];

impl Permissions {
    /// The names in the set, in the order of the role hierarchy.
    pub fn names(self) -> Vec<&'static str> {
        NAMES
            .iter()
            .filter(|(permission, _)| self.contains(*permission))
            .map(|(_, name)| *name)
            .collect()
    }

    /// The permission with this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(permission, _)| *permission)
    }

    /// Parses a caller's list of names.
    pub fn parse(names: &[String]) -> Result<Self> {
        let unknown = |name: &str| Error::invalid("permissions", format!("There is no permission '{}'.", shown(name)));
        let named = |name: &String| Self::named(name).ok_or_else(|| unknown(name));
        names.iter().map(named).collect()
    }

    /// Parses the stored form: names separated by spaces. Unknown names grant nothing.
    pub fn from_stored(text: &str) -> Self {
        text.split_ascii_whitespace().filter_map(Self::named).collect()
    }

    /// The stored form.
    pub fn to_stored(self) -> String {
        self.names().join(" ")
    }
}
