//! Access tokens: who a new one is for, what it says, and what it is limited to.
//!
//! A token belongs to a session or was made from an API key, whose row is looked up whenever the token is used here. It never
//! outlasts what it was made from, and never permits more. It can be asked to permit less: only some permissions, or
//! only what holds for one tenant. A token that was made from such a token is limited in the same way.
//!
//! A token is for this server or for one resource server, whose settings say what it contains. This server accepts only
//! its own tokens as credentials; a token for another one can be asked about, exchanged for the same, and ended.

mod issue;
mod prepare;

pub use issue::{AccessToken, Source, issue};
pub use prepare::{Prepared, Wanted, check_resource, prepare};
