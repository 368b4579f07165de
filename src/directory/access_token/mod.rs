//! Access tokens: what a new one says, and what it is limited to.
//!
//! A token belongs to a session or was made from an API key, whose row is looked up whenever the token is used here. It never
//! outlasts what it was made from, and never permits more. It can be asked to permit less: only some permissions, or
//! only what holds for one tenant. A token that was made from such a token is limited in the same way.

mod issue;
mod narrow;

pub use issue::{AccessToken, Source, issue};
pub use narrow::{Narrowed, Wanted, narrowed};
