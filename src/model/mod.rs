//! The basic types, which import nothing else of the crate: ids, texts, e-mail addresses, JSON, timestamps, secrets,
//! permissions, actors and errors. Values are parsed once, when they come in.
//!
//! A parsing function takes the caller's value and its path in the input, and returns the value to store, or `INVALID`
//! with that path. Values are not checked again after that.

mod actor;
mod built_in_role;
mod catalogue;
mod change;
mod client;
mod clock;
mod cursor_key;
mod email;
pub mod error;
mod faces;
mod id;
mod json;
mod mail_language;
mod pack;
mod permission;
mod profile;
mod recipient;
mod rights;
mod roles;
mod secret;
mod secret_key;
mod strict_json;
mod text;
mod timestamp;
mod user_name;
pub mod variables;
mod words;

pub use actor::{Actor, Caller, Derived, Impersonator, Limits};
pub use built_in_role::{BuiltIn, LadderRole};
pub use catalogue::{Catalogue, Declared};
pub use change::{cleared, set};
pub use client::Client;
pub use clock::Clock;
pub use cursor_key::{CursorKey, SEALED_BYTES};
pub use email::Email;
pub use faces::Faces;
pub use id::{
    ApiKeyId, GroupId, InvitationId, OrganizationId, RoleId, SessionId, TenantId, UserId, is_id, uuid_of, with_hyphens,
    without_hyphens,
};
pub use json::{JSON_VALUES_MAX, JsonFault, JsonText, exact_json};
pub use mail_language::MailLanguage;
pub use permission::{DECLARED_BITS, Door, Permissions};
pub use profile::{Entries, Profile};
pub use recipient::{OWN_RECIPIENT, PermissionsClaim, Recipient, RecipientSettings, SigningAlgorithm};
pub use rights::Rights;
pub use roles::Roles;
pub use secret::{Secret, digest, family_of};
pub use secret_key::{SecretKey, SecretSource};
pub use strict_json::{StrictFault, strict_json};
pub use text::{
    clearable, clearable_description, composed, description, is_storable, is_visible, name, optional, product_name,
};
pub use timestamp::Timestamp;
pub use user_name::{UserName, external_id, lowered, user_name, user_name_key};
pub use words::{FOLD, searched, sort_name, words};
