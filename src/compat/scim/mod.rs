//! SCIM 2.0 (RFC 7643, 7644 and 9865): identity providers keep the users and groups of an organization here.
//!
//! Every call is limited to the caller's own organization, even for a super admin: no path, header or body names another
//! one. Attributes, filters, paths and operations are values (`schema`, `filter`, `path`, `patch`); what they mean
//! for the directory is in `account`, `terms` and `shown`.

mod account;
mod answer;
mod bulk;
mod cursor;
mod discovery;
mod documents;
mod error;
pub mod evaluate;
pub mod fault;
pub mod filter;
mod groups;
mod groups_shown;
mod lists;
mod locations;
mod me;
mod message;
pub mod names;
mod patch;
mod path;
mod query;
mod retry;
pub mod schema;
mod selection;
mod shown;
mod terms;
mod users;
mod values;
mod versions;

use std::future::Future;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};

pub use self::error::form;

use self::documents::BODY_BYTES_MAX;
use self::error::Scim;
use self::message::bytes_max;
use self::names::Kind;
use super::face::{Call, Takes, call, open_call, unknown_path, wrong_method};
use crate::model::error::Result;
use crate::request::App;

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PUT: MethodFilter = MethodFilter::PUT;
const PATCH: MethodFilter = MethodFilter::PATCH;
const DELETE: MethodFilter = MethodFilter::DELETE;

/// A call without a body.
fn plain<H, Fut>(method: MethodFilter, operation: &'static str, action: &'static str, handle: H) -> MethodRouter<App>
where
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    call::<Scim, _, _>(method, Takes::Nothing, operation, action, handle)
}

/// A call with a body of at most this size.
fn sent<H, Fut>(
    method: MethodFilter,
    most: usize,
    operation: &'static str,
    action: &'static str,
    handle: H,
) -> MethodRouter<App>
where
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    call::<Scim, _, _>(method, Takes::Bytes(most), operation, action, handle)
}

fn open<H, Fut>(operation: &'static str, handle: H) -> MethodRouter<App>
where
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    open_call::<Scim, _, _>(GET, operation, handle)
}

/// A path, with and without a slash at its end.
fn at(path: &str, methods: MethodRouter<App>) -> Router<App> {
    Router::new()
        .route(&format!("{path}/"), methods.clone())
        .route(path, methods)
}

/// The routes.
pub fn routes() -> Router<App> {
    discovery_routes()
        .merge(user_routes())
        .merge(group_routes())
        .merge(other_routes())
        .method_not_allowed_fallback(wrong_method::<Scim>)
        .merge(unknown_path::<Scim>("/scim"))
        .layer(from_fn(answer::negotiated))
}

fn discovery_routes() -> Router<App> {
    let types = open("scim GET ResourceTypes", discovery::resource_types);
    let one_type = open("scim GET ResourceTypes/{id}", discovery::resource_type);
    let schemas = open("scim GET Schemas", discovery::schemas);
    let schema = open("scim GET Schemas/{id}", discovery::schema);
    let configuration = open("scim GET ServiceProviderConfig", discovery::configuration);
    at("/scim/v2/ServiceProviderConfig", configuration)
        .merge(at("/scim/v2/ResourceTypes", types))
        .merge(at("/scim/v2/ResourceTypes/{id}", one_type))
        .merge(at("/scim/v2/Schemas", schemas))
        .merge(at("/scim/v2/Schemas/{id}", schema))
}

fn user_routes() -> Router<App> {
    let most = bytes_max(Kind::User);
    let list = plain(GET, "scim GET Users", "user.read", lists::users);
    let create = sent(POST, most, "scim POST Users", "user.create", users::create);
    let search = sent(
        POST,
        BODY_BYTES_MAX,
        "scim POST Users/.search",
        "user.read",
        lists::search_users,
    );
    let read = plain(GET, "scim GET Users/{id}", "user.read", users::read);
    let replace = sent(PUT, most, "scim PUT Users/{id}", "user.update", users::replace);
    let update = sent(PATCH, most, "scim PATCH Users/{id}", "user.update", users::update);
    let delete = plain(DELETE, "scim DELETE Users/{id}", "user.delete", users::delete);
    let one = read.merge(replace).merge(update).merge(delete);
    at("/scim/v2/Users", list.merge(create))
        .merge(at("/scim/v2/Users/.search", search))
        .merge(at("/scim/v2/Users/{id}", one))
}

fn group_routes() -> Router<App> {
    let most = bytes_max(Kind::Group);
    let list = plain(GET, "scim GET Groups", "group.read", lists::groups);
    let create = sent(POST, most, "scim POST Groups", "group.create", groups::create);
    let search = sent(
        POST,
        BODY_BYTES_MAX,
        "scim POST Groups/.search",
        "group.read",
        lists::search_groups,
    );
    let read = plain(GET, "scim GET Groups/{id}", "group.read", groups::read);
    let replace = sent(PUT, most, "scim PUT Groups/{id}", "group.update", groups::replace);
    let update = sent(PATCH, most, "scim PATCH Groups/{id}", "group.update", groups::update);
    let delete = plain(DELETE, "scim DELETE Groups/{id}", "group.delete", groups::delete);
    let one = read.merge(replace).merge(update).merge(delete);
    at("/scim/v2/Groups", list.merge(create))
        .merge(at("/scim/v2/Groups/.search", search))
        .merge(at("/scim/v2/Groups/{id}", one))
}

fn other_routes() -> Router<App> {
    let most = bytes_max(Kind::User);
    let search = sent(
        POST,
        BODY_BYTES_MAX,
        "scim POST .search",
        "user.read",
        lists::search_base,
    );
    let bulk = sent(POST, BODY_BYTES_MAX, "scim POST Bulk", "user.update", bulk::bulk);
    let read = plain(GET, "scim GET Me", "user.read", me::read);
    let create = plain(POST, "scim POST Me", "user.create", me::create);
    let replace = sent(PUT, most, "scim PUT Me", "user.update", me::replace);
    let update = sent(PATCH, most, "scim PATCH Me", "user.update", me::update);
    let delete = plain(DELETE, "scim DELETE Me", "user.delete", me::delete);
    let me = read.merge(create).merge(replace).merge(update).merge(delete);
    at("/scim/v2", plain(GET, "scim GET base", "user.read", lists::base))
        .merge(at("/scim/v2/.search", search))
        .merge(at("/scim/v2/Bulk", bulk))
        .merge(at("/scim/v2/Me", me))
}

/// On how much that is random the laws of filters, paths and operations are tried: far more in the soak.
#[cfg(test)]
fn random_cases() -> proptest::test_runner::Config {
    let cases = match std::env::var_os("TENANTRY_TEST_SOAK") {
        Some(_) => 50_000,
        None => 1_000,
    };
    proptest::test_runner::Config {
        cases,
        max_global_rejects: cases,
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}
