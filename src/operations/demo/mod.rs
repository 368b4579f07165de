//! `tenantry demo`: an empty database filled with a believable directory, to try the API on and to measure it with.
//!
//! It is skewed as real ones are: about one organization for a thousand users, of which the first holds some 30 % of all
//! and the others ever fewer; about five tenants each, filled unevenly; most people with the role `user`, one
//! organization admin at least in each organization, some deactivated, a few programs without an e-mail address, a few
//! with an API key. Names come in several scripts, addresses end in `.example`, and things were made over the last four
//! years, ever more of them. The same number of users gives the same directory, its times counted back from now.
//!
//! It is one transaction: whatever happens on the way, the database is filled or as empty as before. One audit event
//! (`organization.demo`) tells of it all; a million `user.create` would tell of nothing that happened. Nobody can call
//! with a key made here: its digest is that of no secret.

mod fill;
mod names;
mod people;
mod plan;
mod random;

pub use fill::{Filled, fill};

/// At most so many users.
pub const USERS_MAX: u64 = 20_000_000;
