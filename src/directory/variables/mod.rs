//! Effective variables: those of an organization, of a tenant and of a user as one object; see
//! [`crate::model::variables`]. They are computed when they are read, never stored.
//!
//! A caller who may read the organization, the tenant (if there is one) and the user sees all of them. Everybody else
//! sees, of themselves and of their own tenant, only the top-level keys that the operator made public. A tenant that a
//! caller administers counts as its own.

mod keys;
mod read;

pub use keys::Keys;
pub use read::{Inherited, of_tenants, of_users};
