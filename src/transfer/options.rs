//! How the files of an import are read.

use std::collections::BTreeMap;

use super::format::firebase::HashConfig;
use crate::model::Timestamp;

/// How a file is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// For what is true since an unknown time, such as that an e-mail address is verified, and for what ends at a time.
    pub now: Timestamp,
    /// Stands before ids that count the rows of a table, which are variables otherwise.
    pub id_prefix: Option<String>,
    /// Names of roles in the file, and what they are called here: the map's `values.roles`.
    pub roles: BTreeMap<String, String>,
    /// What to keep in `variables` of what has no place of its own: names, or `*` for all.
    pub variables: Vec<String>,
    /// Whether passwords are taken. Otherwise the files need not say how their hashes were made.
    pub passwords: bool,
    /// How a Firebase project made its hashes.
    pub hash_config: Option<HashConfig>,
    /// The one of several Keycloak realms.
    pub realm: Option<String>,
    /// The encoding of files without a byte order mark; UTF-8 if there is none.
    pub encoding: Option<String>,
}

impl Options {
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            id_prefix: None,
            roles: BTreeMap::new(),
            variables: Vec::new(),
            passwords: true,
            hash_config: None,
            realm: None,
            encoding: None,
        }
    }

    /// Whether a member without a place of its own is kept in `variables`.
    pub fn keeps(&self, name: &str) -> bool {
        // LDAP's names are the same in any case, and no product has two that differ in it only.
        self.variables
            .iter()
            .any(|kept| kept == "*" || kept.eq_ignore_ascii_case(name))
    }
}
