//! The permissions that roles consist of.

use bitflags::bitflags;

use crate::model::error::{Error, Result, shown};

/// Declares the permissions that have names: each with its bit.
macro_rules! permissions {
    ($($flag:ident = $bit:literal $name:literal;)*) => {
        bitflags! {
            /// A set of permissions. The names are WAII's, and tenantry's own in the same form.
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub struct Permissions: u64 {
                $(const $flag = 1 << $bit;)*
                /// Access to every organization. It has no name, and only the role `super-admin` has it. As it is part
                /// of the set, checks for permissions beyond the caller's own need no special case for super admins.
                const EVERY_ORGANIZATION = 1 << 63;
            }
        }

        const NAMES: &[(Permissions, &str)] = &[$((Permissions::$flag, $name),)*];
    };
}

permissions! {
    READ_SEMANTIC_CONTEXT = 0 "read:semantic-context";
    READ_LIKED_QUERIES = 1 "read:liked-queries";
    READ_DATABASES = 2 "read:databases";
    READ_SIMILARITY_SEARCH_INDEX = 3 "read:similarity-search-index";
    WRITE_SEMANTIC_CONTEXT = 4 "write:semantic-context";
    WRITE_LIKED_QUERIES = 5 "write:liked-queries";
    WRITE_DATABASES = 6 "write:databases";
    USAGE_API = 7 "usage:api";
    WRITE_ACCESS_KEY = 8 "write:access_key";
    PUBLISH_SEMANTIC_CONTEXT = 9 "publish:semantic-context";
    PUBLISH_LIKED_QUERIES = 10 "publish:liked-queries";
    PUBLISH_ACCESS_RULES = 11 "publish:access-rules";
    PUSH_DATABASES = 12 "push:databases";
    WRITE_SIMILARITY_SEARCH_INDEX = 13 "write:similarity-search-index";
    READ_USER = 14 "read:user";
    WRITE_USER = 15 "write:user";
    READ_TENANT = 16 "read:tenant";
    WRITE_TENANT = 17 "write:tenant";
    READ_GROUP = 18 "read:group";
    WRITE_GROUP = 19 "write:group";
    READ_ROLE = 20 "read:role";
    WRITE_ROLE = 21 "write:role";
    READ_ORG = 22 "read:org";
    READ_AUDIT = 23 "read:audit";
    USAGE_IMPERSONATION = 24 "usage:impersonation";
    READ_USAGE_REPORT = 25 "read:usage-report";
    WRITE_ORG = 26 "write:org";
    ORGANIZATION_SETTINGS = 27 "tenantry:organization-settings";
    INTROSPECT = 28 "tenantry:introspect";
}

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
