//! Who is calling: a credential becomes an [`Actor`], or the request is refused before anything runs.
//!
//! No credential is an anonymous actor; a bad one is `UNAUTHENTICATED`, never anonymous. What an actor may do is
//! looked up with the credential, so a revoked key, a withdrawn role or a deactivated owner counts at the next call.

pub mod activity;
mod actor;
mod bearer;
mod hold;
mod impersonation;
mod presented;
mod seal;
mod secret;
mod signing;
mod token;

pub use activity::Activity;
pub use actor::{Actor, Caller, Impersonator, Limits};
pub use bearer::{Credential, Credentials, caller_of};
pub use hold::hold;
pub use impersonation::{Begun, begun_by, impersonated, refused_impersonation};
pub use presented::Presented;
pub use seal::{SecretKey, SecretSource};
pub use secret::{Secret, digest, family_of};
pub use signing::{PUBLISHED_SECONDS, SigningKeys, published};
pub use token::{ACCESS_LIFETIME, Act, Claims};
