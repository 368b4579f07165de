//! tenantry is the user directory for a multi-tenant product: organizations → tenants → users.
//!
//! # The path of a request
//!
//! ```text
//! http      request id, limits on size and time, one log line; authn turns the credential into an Actor
//! graphql   decode the input, call one verb, wrap the result: no query, no permission check
//! verb      src/directory/<noun>/<verb>.rs: check permission, find the object, change it in one transaction with its audit event
//! entity    one file per table, and how a scope limits queries on it
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
//! | [`transfer`] | users in and out: export, import, the formats of other products |
//! | [`operations`] | setup, background work, cleanup, `tenantry doctor`, demo data |
//! | [`directory`] | the nouns of the product: a folder per noun, a file per verb |
//! | [`keep`] | backups and other copies of a whole database, and checks of it |
//! | [`list`] | every list, count and connection |
//! | [`context`] | what a verb gets first: the caller, the services, and its one transaction |
//! | [`authn`] | who calls: API keys, session tokens, impersonation |
//! | [`services`] | what a process has: configuration, password hashing, mail, log |
//! | [`store`] | the database: connections, a file per table, the audit trail |
//! | [`authz`] | who may do what: the policy, and the limits on granting permissions |
//! | [`model`] | ids, texts, times, secrets, permissions, errors; it knows no other folder |
//!
//! `src/directory` has a folder per noun and a file per verb. [`list`] is the only implementation of lists, counts and
//! connections. `compat` implements the APIs of other products: it translates requests and calls the same verbs.
//!
//! # Invariants
//!
//! - No query without a scope: lists and changes require a [`authz::Granted`], which only `authz` can create.
//! - No database message in a response: [`model::error::Error`] has fixed texts for internal errors.
//! - No plain secret in the database or in a log, only digests.
//! - No state shared between processes outside the database. A process caches credentials for at most half a second, and
//!   drops what it changes itself at once.

pub mod authn;
pub mod authz;
pub mod cli;
pub mod compat;
pub mod context;
pub mod directory;
pub mod graphql;
pub mod http;
pub mod keep;
pub mod list;
pub mod model;
pub mod operations;
pub mod request;
pub mod services;
pub mod store;
pub mod transfer;
