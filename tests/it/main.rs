//! One binary for all tests, so that they link once.
//!
//! Requests go through the router in process, each test with a database of its own, and every test that touches data runs
//! on SQLite and on PostgreSQL (`cargo test sqlite::` and `cargo test postgres::` run one half). PostgreSQL is the server
//! that `TENANTRY_TEST_POSTGRES_URL` names, else a private one from the binaries installed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

mod accounts;
mod activity;
mod addresses;
mod api_key;
mod audit;
mod audit_file;
mod audit_trail;
mod command_line;
mod crash;
mod demo;
mod descriptors;
mod doctor;
mod documents;
mod edge;
mod email;
mod faces;
mod federated;
mod first_light;
mod group;
mod http;
mod ids;
mod impersonation;
mod invitation;
mod limits;
mod lists;
mod mail_server;
mod organization;
mod outbox;
mod output;
mod password;
mod password_doors;
mod password_hashes;
mod password_more;
mod password_spelling;
mod races;
mod request_log;
mod role;
mod rows;
mod rules;
mod seats;
mod session;
mod settings;
mod shares;
mod startup;
mod sweep;
mod tenant;
mod tokens;
mod user;
mod values;
mod weather;
