//! What everything else is made of, and what knows nothing else of the crate: ids, texts, addresses, JSON, times, secrets,
//! permissions, who calls, and what can go wrong. Values are parsed once, at the edge.
//!
//! A function here takes the caller's value and the path it stood at, and gives the value as it is stored, or
//! `INVALID` naming that path. Nothing behind the verbs checks a value again.

mod actor;
mod built_in_role;
mod change;
mod clock;
mod email;
pub mod error;
mod id;
mod json;
mod permission;
mod secret;
mod secret_key;
mod text;
mod timestamp;

pub use actor::{Actor, Caller, Impersonator, Limits};
pub use built_in_role::{BuiltIn, stored_permissions};
pub use change::cleared;
pub use clock::Clock;
pub use email::Email;
pub use id::{
    ApiKeyId, GroupId, InvitationId, OrganizationId, RoleId, SessionId, TenantId, UserId, uuid_of, with_hyphens,
    without_hyphens,
};
pub use json::{JSON_VALUES_MAX, JsonFault, JsonText, exact_json};
pub use permission::Permissions;
pub use secret::{Secret, digest, family_of};
pub use secret_key::{SecretKey, SecretSource};
pub use text::{clearable, composed, description, is_storable, is_visible, name, optional};
pub use timestamp::Timestamp;
