//! Mails: to a server, to a folder, or nowhere.
//!
//! A mail is sent after the change it belongs to is committed. Links start with the configured public URL and never with
//! anything from a request.

mod send;
pub mod templates;

pub use send::{Mail, Mailer};
