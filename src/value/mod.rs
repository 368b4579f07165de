//! Values with rules: what a text, an address, a piece of JSON, a time and an id are, parsed once at the edge.
//!
//! A function here takes the caller's value and the path it stood at, and gives the value as it is stored, or
//! `INVALID` naming that path. Nothing behind the verbs checks a value again.

mod change;
mod email;
mod id;
mod json;
mod text;
mod timestamp;

pub use change::cleared;
pub use email::Email;
pub use id::{
    ApiKeyId, GroupId, InvitationId, OrganizationId, RoleId, SessionId, TenantId, UserId, uuid_of, with_hyphens,
    without_hyphens,
};
pub use json::{JSON_VALUES_MAX, JsonFault, JsonText, exact_json};
pub use text::{clearable, composed, description, is_storable, is_visible, name, optional};
pub use timestamp::Timestamp;
