//! The GraphQL API: the schema is assembled here from its areas, with what all of them use.
//!
//! Resolvers are thin: they decode the input, call one verb and convert the result. A list loads its nested objects
//! itself, guided by what the document selects ([`Selection`]): first the page, then one statement per relation for all
//! its rows. No rules of the directory are here.

pub mod access;
mod account;
mod action;
mod answer;
pub mod api_key;
pub mod audit_event;
mod connection;
pub mod document;
pub mod email_verification;
mod error;
pub mod federated_identity;
mod filter;
pub mod group;
pub mod invitation;
mod list_fields;
pub mod listing;
pub mod node;
mod nullable;
mod order;
pub mod organization;
pub mod password;
pub mod permission;
mod persisted;
pub mod resource_server;
pub mod role;
mod rows;
mod scalar;
mod schema;
mod selection;
pub mod session;
pub mod settings;
mod shared;
pub mod tenant;
pub mod user;
pub mod variables;

pub use action::action_of;
pub use answer::{List, Written, text};
pub(crate) use connection::connection_type;
pub use connection::{Connected, PageInfo, connection};
pub use error::{Failure, Result, code_of, finish, refused, response_of, with_codes};
pub use filter::Where;
pub(crate) use filter::where_input;
pub(crate) use list_fields::{list_fields, node_fields};
pub use listing::{Listing, Nested, Related};
pub use nullable::Mutation;
pub use order::OrderBy;
pub(crate) use order::order_by;
pub use persisted::{PERSISTED_BYTES_MAX, PERSISTED_DOCUMENTS_MAX, PersistedQuery};
pub use rows::{Rows, rows};
pub use scalar::{DateTime, Json, KeptJson, PageSize};
pub use schema::{Query, Schema, build, builder, sdl};
pub use selection::Selection;
pub use shared::Shared;
pub use variables::EffectiveVariables;

use async_graphql::Context;

use crate::context::OpContext;
use crate::list::Window;

/// The context of the request, with its actor.
pub fn op<'a>(ctx: &'a Context<'_>) -> &'a OpContext {
    ctx.data_unchecked::<OpContext>()
}

/// The value of a nullable field. An error makes the field itself null, whereas the library would make the object that
/// contains it null.
pub fn or_null<T>(ctx: &Context<'_>, result: Result<Option<T>>) -> Option<T> {
    result.unwrap_or_else(|failure| {
        let error = async_graphql::Error::from(failure).into_server_error(ctx.item.pos);
        ctx.add_error(ctx.set_error_path(error));
        None
    })
}

/// `first` and `skip` with their defaults.
pub fn window(first: Option<PageSize>, skip: Option<i32>) -> crate::model::error::Result<Window> {
    Window::new(first.map_or(100, |size| size.0), i64::from(skip.unwrap_or(0)))
}
