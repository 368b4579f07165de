//! tenantry keeps the directory of a multi-tenant product: organizations → tenants → users.
//!
//! # The way of a request
//!
//! ```text
//! http      request id, limits of size and time, one log line; authn turns the credential into an Actor
//! graphql   decode, call one verb, wrap: no query, no permission check
//! verb      src/directory/<noun>/<verb>.rs: may they (authz), find it within reach, change it in one transaction with its audit row
//! entity    one file per table, and how far a scope reaches into it
//! ```
//!
//! # The folders
//!
//! Imports point down this table and never back.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`cli`] | the commands of the binary |
//! | [`http`] | the router, what every request passes, pages, health, metrics |
//! | [`compat`] | the APIs of four other products, at their own paths |
//! | [`request`] | a request on its way: credentials, body, time limits |
//! | [`graphql`] | the schema, with a file per noun, and how documents are processed |
//! | [`operations`] | setup, background work, cleanup, `tenantry doctor`, demo data |
//! | [`directory`] | the nouns of the product: a folder per noun, a file per verb |
//! | [`list`] | every list, count and connection |
//! | [`context`] | what a verb gets first: the caller, the services, and its one transaction |
//! | [`authn`] | who calls: API keys, session tokens, impersonation |
//! | [`services`] | what a process has: configuration, password hashing, mail, log |
//! | [`store`] | the database: connections, a file per table, the audit trail |
//! | [`authz`] | who may do what: the policy, and the limits on granting permissions |
//! | [`model`] | ids, texts, times, secrets, permissions, errors; it knows no other folder |
//!
//! `ls src/directory` is the product: a noun per folder, a verb per file. [`list`] is the one implementation of every list, count
//! and connection; `compat` holds other products' faces, which translate and call verbs.
//!
//! # What there is not
//!
//! - No query without a scope: lists and changes take a [`authz::Granted`], which only the gate makes.
//! - No way from a database error into an answer: [`model::error::Error`] has fixed texts for what is our fault.
//! - No secret in the database but as a digest, and none in a log.
//! - No state that several processes would have to share, but in the database; what a process remembers of a credential
//!   it forgets within half a second, and at once when it changed it itself.

pub mod authn;
pub mod authz;
pub mod cli;
pub mod compat;
pub mod context;
pub mod directory;
pub mod graphql;
pub mod http;
pub mod list;
pub mod model;
pub mod operations;
pub mod request;
pub mod services;
pub mod store;
