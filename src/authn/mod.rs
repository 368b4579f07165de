//! Who is calling: a credential becomes an [`Actor`], or the request is refused before anything runs.
//!
//! No credential is an anonymous actor; a bad one is `UNAUTHENTICATED`, never anonymous. What an actor may do is
//! looked up with the credential, so a revoked key, a withdrawn role or a deactivated owner counts at the next call.

pub mod activity;
mod bearer;
mod hold;
mod impersonation;
mod permissions;
mod signing;
mod token;

pub use activity::Activity;
pub use bearer::{Credential, Credentials, caller_of, credential};
pub use hold::hold;
pub use impersonation::{Begun, begun_by, impersonated, refused_impersonation};
pub use permissions::permissions_of;
pub use signing::{PUBLISHED_SECONDS, Signer, SigningKeys, in_force as signing_keys_in_force, published};
pub use token::{ACCESS_LIFETIME, Act, Claims};
