//! What a file of a directory contains: records, the same for all formats. Readers make them from bytes and know no database.

use std::sync::Arc;

use serde_json::Value;

pub use super::notes::{Notes, Pages};
use crate::model::Timestamp;
pub use crate::services::hasher::NamedHash;

/// A record of a file, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The file, where an import has several.
    pub file: Option<Arc<str>>,
    /// The line that it begins at, from 1.
    pub line: u64,
    pub item: Item,
}

impl Row {
    pub fn new(line: u64, item: Item) -> Self {
        Self { file: None, line, item }
    }

    pub fn record(line: u64, record: Record) -> Self {
        Self::new(line, Item::Record(record))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Record(Record),
    /// The record cannot be read; the others can.
    Refused(Refusal),
    /// What is no user, role or group: a service account, a deleted or anonymous row, a blank line. With a word for the
    /// summary, such as "deleted".
    Ignored(&'static str),
}

/// Why a record is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of record, such as "user".
    pub kind: &'static str,
    pub id: Option<String>,
    pub email: Option<String>,
    /// The member that is wrong.
    pub field: Option<String>,
    /// A sentence, which contains no secret.
    pub message: String,
}

/// The whole file cannot be read: it is cut, not UTF-8, or of another kind. Nothing is written then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, where an import has several.
    pub file: Option<Arc<str>>,
    pub line: Option<u64>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Fault {
    /// A fault of a whole file.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            file: None,
            line: None,
            message: message.into(),
        }
    }

    /// A fault at a line.
    pub fn at(line: u64, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::new(message)
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    ResourceServer(Box<ResourceServerRecord>),
    Permission(Box<PermissionRecord>),
    Organization(OrganizationRecord),
    Tenant(TenantRecord),
    Role(RoleRecord),
    Group(GroupRecord),
    User(Box<UserRecord>),
    Setting(Box<SettingRecord>),
    ApiKey(Box<ApiKeyRecord>),
    Invitation(Box<InvitationRecord>),
    /// Members of a group, where a format names them apart from users.
    Members(MembersRecord),
    /// A hash for a user who is there already, where a format has hashes in a file of their own.
    PasswordHash(HashRecord),
}

/// The version and times of a record, as far as the file gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    pub version: Option<i64>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// A role or group that something has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// An id, a name, or of groups a key.
    pub reference: String,
    /// The single tenant that a role is for.
    pub tenant_id: Option<String>,
    pub since: Option<Timestamp>,
}

impl From<String> for Held {
    fn from(reference: String) -> Self {
        Self {
            reference,
            tenant_id: None,
            since: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceServerRecord {
    pub id: String,
    pub name: Option<String>,
    pub settings: Option<Value>,
    pub stamps: Stamps,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionRecord {
    pub id: String,
    pub description: Option<String>,
    pub lowest_role: Option<String>,
    pub resource_server_id: Option<String>,
    pub stamps: Stamps,
}

/// All members but the id are what the file gives: `None` is "not given", and an empty text clears what is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrganizationRecord {
    pub id: String,
    pub name: Option<String>,
    pub variables: Option<Value>,
    pub seat_limit: Option<i64>,
    pub mail_allowed: Option<bool>,
    pub account_switching: Option<bool>,
    pub product_name: Option<String>,
    pub mail_language: Option<String>,
    pub confirm_email_changes: Option<bool>,
    pub stamps: Stamps,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantRecord {
    pub id: String,
    pub organization_id: Option<String>,
    pub name: Option<String>,
    pub variables: Option<Value>,
    pub stamps: Stamps,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoleRecord {
    pub id: Option<String>,
    pub organization_id: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub permissions: Option<Vec<String>>,
    pub stamps: Stamps,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupRecord {
    pub id: Option<String>,
    pub organization_id: Option<String>,
    pub key: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub external_id: Option<String>,
    pub roles: Option<Vec<Held>>,
    pub stamps: Stamps,
}

/// A setting of a user; its value may be null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingRecord {
    pub user_id: String,
    pub key: String,
    pub value: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeyRecord {
    pub id: Option<String>,
    pub user_id: String,
    pub creator_id: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub permissions: Option<Vec<String>>,
    pub digest: String,
    pub prefix: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub stamps: Stamps,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvitationRecord {
    pub id: Option<String>,
    pub organization_id: Option<String>,
    pub tenant_id: Option<String>,
    pub email: String,
    pub roles: Vec<Held>,
    /// Without one, nobody can accept the invitation until it is sent again.
    pub digest: Option<String>,
    pub inviter_id: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub withdrawn_at: Option<Timestamp>,
    pub stamps: Stamps,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MembersRecord {
    /// The name of the group.
    pub group: String,
    pub organization_id: Option<String>,
    /// Ids, or names as the file has them (LDAP: distinguished names).
    pub members: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HashRecord {
    pub user_id: String,
    pub hash: Option<Hash>,
    pub changed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserRecord {
    pub id: Option<String>,
    pub organization_id: Option<String>,
    pub tenant_id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    pub user_name: Option<String>,
    pub external_id: Option<String>,
    /// As it is stored or shown; see [`crate::model::Profile`].
    pub profile: Option<Value>,
    pub activated: Option<bool>,
    /// Whether it is a program.
    pub service: Option<bool>,
    pub takes_seat: Option<bool>,
    pub roles: Option<Vec<Held>>,
    pub groups: Option<Vec<Held>>,
    pub federated_identities: Option<Vec<Identity>>,
    pub variables: Option<Value>,
    /// In clear; hashed by the import.
    pub password: Option<String>,
    pub password_hash: Option<Hash>,
    pub password_changed_at: Option<Timestamp>,
    pub password_temporary: Option<bool>,
    pub password_verified_at: Option<Timestamp>,
    pub email_changed_at: Option<Timestamp>,
    pub email_verified_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    pub stamps: Stamps,
    /// Other names that the same file may use for this user (a user name, a distinguished name), for members of groups.
    pub aliases: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub provider: String,
    pub user_id: String,
    pub user_name: Option<String>,
}

/// A password hash as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hash {
    /// In a text form that names its algorithm; see `services::hasher::recognize`.
    Text(String),
    /// A bare digest with what is known about it from a map, a preset or the format.
    Named(NamedHash),
    /// Of a kind that nobody can check; the kind's name, for the summary.
    Unusable(&'static str),
}
