//! `tenantry demo`: fills an empty database with realistic demo data, for trials and benchmarks.
//!
//! The data is skewed like real data: about one organization per thousand users, of which the first has about 30 % of
//! all users and the others fewer and fewer; about five tenants each, of different sizes; most users with the role
//! `user`, at least one organization admin per organization, some deactivated users, a few programs without an e-mail
//! address, and a few users with an API key. Names are in several scripts, addresses end in `.example`, and creation
//! times are in the last four years, with growth. The same number of users gives the same directory, with times
//! relative to now.
//!
//! It is one transaction: the database is either filled or stays empty. There is one audit event (`organization.demo`)
//! for all of it, because a million `user.create` events would describe nothing that happened. The API keys created
//! here cannot be used: their digests match no secret.

mod fill;
mod names;
mod people;
mod plan;
mod random;

pub use fill::{Filled, fill};

/// The maximum number of users.
pub const USERS_MAX: u64 = 20_000_000;
