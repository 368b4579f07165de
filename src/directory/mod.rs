//! The directory: a noun per folder, a verb per file. Nothing here depends on an API.

pub mod access;
pub mod access_token;
pub mod api_key;
pub mod audit_event;
pub mod credential;
pub mod email_verification;
pub mod faces;
pub mod federated_identity;
pub mod group;
pub mod invitation;
pub mod organization;
pub mod outbox;
pub mod password;
pub mod permission;
pub mod resource_server;
pub mod role;
pub mod session;
pub mod settings;
pub mod signing_key;
pub mod tenant;
pub mod user;
pub mod variables;
