//! Who is calling: a credential becomes an [`Actor`], or the request is refused before anything runs.
//!
//! No credential is an anonymous actor; a bad one is `UNAUTHENTICATED`, never anonymous. What an actor may do is
//! looked up with the credential, so a revoked key, a withdrawn role or a deactivated owner counts at the next call.

pub mod activity;
mod actor;
mod bearer;
mod secret;

pub use activity::Activity;
pub use actor::{Actor, Caller};
pub use bearer::{Credential, Credentials, credential};
pub use secret::{Secret, digest};
