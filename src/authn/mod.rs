//! Authentication: a credential becomes an `Actor`, or the request is refused before anything runs.
//!
//! Without a credential, the actor is anonymous; an invalid credential is `UNAUTHENTICATED`, never anonymous.
//! Permissions are looked up together with the credential, so revoking a key, withdrawing a role or deactivating the
//! owner takes effect with the next request.

pub mod activity;
mod bearer;
mod caller;
mod hold;
mod impersonation;
mod issuer;
mod key_pair;
mod look_up;
mod permissions;
mod signing;
mod token;

pub use activity::Activity;
pub use bearer::{Accepted, Credential, Credentials, credential};
pub use caller::{caller_even_deactivated, caller_of};
pub use hold::hold;
pub use impersonation::{Begun, begun_by, impersonated, refused_impersonation};
pub use issuer::Issuer;
pub use permissions::{built_in_rights_of, rights_and_roles_of, rights_of, rights_of_each, rights_of_members};
pub use signing::{PUBLISHED_SECONDS, Signer, SigningKeys, in_force as signing_keys_in_force, published};
pub use token::{Act, Audience, CLIENT, Claims, LIFETIME_SECONDS_MAX, Signed, TOKEN_BYTES_MAX};
