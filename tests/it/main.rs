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

mod access;
mod accounts;
mod activity;
mod address_requests;
mod api_key;
mod asking;
mod audit;
mod audit_client;
mod audit_file;
mod audit_names;
mod audit_order;
mod audit_trail;
mod authorization;
mod catalogue;
mod cleanup;
mod command_line;
mod crash;
mod credential_limits;
mod database_shares;
mod demo;
mod doctor;
mod document_cache;
mod effective_variables;
mod email;
mod email_domains;
mod export;
mod faces;
mod federated;
mod group;
mod group_commit;
mod group_members;
mod group_names;
mod hash_vectors;
mod http;
mod idempotency;
mod ids;
mod impersonation;
mod import;
mod import_alone;
mod invitation;
mod json_terms;
mod keep;
mod letters;
mod lists;
mod mail_server;
mod name_order;
mod nested_groups;
mod network;
mod oauth;
mod oauth_metadata;
mod oauth_tokens;
mod open_files;
mod organization;
mod outbox;
mod output;
mod password_attempts;
mod password_change;
mod password_hashes;
mod password_reset;
mod password_spelling;
mod races;
mod request_log;
mod resource_servers;
mod role;
mod role_grants;
mod role_holders;
mod rules;
mod search;
mod seats;
mod seats_kept;
mod self_service;
mod service_user;
mod session;
mod session_tokens;
mod settings;
mod shared_objects;
mod startup;
mod tenancy;
mod tenant;
mod transfer_laws;
mod upgrade;
mod user;
mod user_counts;
mod user_create;
mod user_name;
mod users_create;
mod values;
mod weather;
mod written_lists;
