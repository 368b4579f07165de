//! Lists whose JSON is written directly, without a resolver for each field; see [`crate::list::page_as_json`].
//!
//! The response is the same as with resolvers: documents are parsed, validated and limited like all others, and
//! everything that this path does not support takes the ordinary one. It supports a list at the top of a document if
//! only values from its rows ([`Listing::cell`]) and `__typename` are selected, also with aliases.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{Context, ContextSelectionSet, OutputType, Positioned, ServerResult, Value};

use axum::body::Bytes;

use super::answer::{self, List};
use super::{Listing, PageSize, op, window};
use crate::list::{self, Member};

/// A list: objects whose fields are still to be resolved, or the finished JSON.
pub enum Rows<O> {
    Objects(List<O>),
    /// A JSON text in pieces.
    Written(Vec<Bytes>),
}

impl<O: OutputType> OutputType for Rows<O> {
    fn type_name() -> Cow<'static, str> {
        Vec::<O>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<O>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<O>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self {
            Self::Objects(objects) => objects.resolve(ctx, field).await,
            Self::Written(pieces) => Ok(answer::text_in_pieces(pieces.clone())),
        }
    }
}

/// `things(where, orderBy, first, skip)`, written directly if possible.
pub async fn rows<L: Listing>(
    ctx: &Context<'_>,
    wanted: Option<L::Where>,
    order_by: Option<L::OrderBy>,
    first: Option<PageSize>,
    skip: Option<i32>,
) -> super::Result<Rows<L::Object>>
where
    L::Object: OutputType,
{
    let Some(members) = members::<L>(ctx) else {
        let objects = super::listing::page::<L>(ctx, wanted, order_by, first, skip).await?;
        return Ok(Rows::Objects(objects));
    };
    let op = op(ctx);
    let _turn = op.turn().await;
    let (filter, order) = super::listing::asked::<L>(op, wanted, order_by).await?;
    let pieces = list::page_as_json::<L>(op, &filter, order, window(first, skip)?, &members).await?;
    Ok(Rows::Written(pieces.into_iter().map(Bytes::from).collect()))
}

/// The members of each object in the response. `None` if only resolvers can produce them.
fn members<L: Listing>(ctx: &Context<'_>) -> Option<Vec<(String, Member)>>
where
    L::Object: OutputType,
{
    let field = ctx.field();
    let mut members: Vec<(String, Member)> = Vec::new();
    for field in field.selection_set() {
        let key = field.alias().unwrap_or(field.name());
        let member = match field.name() {
            "__typename" => Member::Fixed(L::Object::type_name().into()),
            name => Member::Cell(L::cell(name)?),
        };
        members.push((key.to_owned(), member));
    }
    Some(members)
}
