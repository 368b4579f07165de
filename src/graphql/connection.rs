//! Connections in the schema: pages with cursors.

use async_graphql::{Context, SimpleObject};

use super::listing::{asked, fields_of, present};
use super::{Listing, Selection, op};
use crate::list::{self, Paging};

/// Whether there are more pages, and the first and last cursor of this page.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether there are items before this page.
    pub has_previous_page: bool,
    /// Whether there are items after this page.
    pub has_next_page: bool,
    /// Cursor of the first edge; null if the page is empty.
    pub start_cursor: Option<String>,
    /// Cursor of the last edge; null if the page is empty.
    pub end_cursor: Option<String>,
}

/// A page of a connection before it is converted to its schema type.
pub struct Connected<O> {
    pub edges: Vec<(String, O)>,
    pub page_info: PageInfo,
    pub total_count: Option<i64>,
}

/// `thingsConnection(where, orderBy, first, after, last, before)`.
pub async fn connection<L: Listing>(
    ctx: &Context<'_>,
    wanted: Option<L::Where>,
    order_by: Option<L::OrderBy>,
    paging: Paging,
) -> super::Result<Connected<L::Object>> {
    let op = op(ctx);
    let _turn = op.turn().await;
    let selection = Selection::of(ctx);
    let node = selection.nodes();
    let (filter, order) = asked::<L>(op, wanted, order_by).await?;
    let slice = list::connection::<L>(op, &filter, order, fields_of::<L>(&node), &paging).await?;
    let total_count = match selection.has("totalCount") {
        true => Some(list::count::<L>(op, &filter).await?),
        false => None,
    };
    let (cursors, things): (Vec<String>, Vec<L>) = slice.edges.into_iter().unzip();
    let page_info = PageInfo {
        has_previous_page: slice.has_previous_page,
        has_next_page: slice.has_next_page,
        start_cursor: cursors.first().cloned(),
        end_cursor: cursors.last().cloned(),
    };
    let objects = present(op, things, &node).await?;
    Ok(Connected {
        edges: cursors.into_iter().zip(objects).collect(),
        page_info,
        total_count,
    })
}

/// Declares a kind's connection and edge types.
macro_rules! connection_type {
    ($connection:ident, $edge:ident, $object:ty, $things:literal) => {
        #[doc = concat!("A page of ", $things, " in cursor pagination, with at most 100 edges.")]
        #[derive(Clone, async_graphql::SimpleObject)]
        #[graphql(complex)]
        pub struct $connection {
            #[doc = concat!("The ", $things, " on this page, each with its cursor.")]
            pub edges: crate::graphql::List<$edge>,
            /// Whether there are more pages, and the first and last cursor of this page.
            pub page_info: crate::graphql::PageInfo,
            #[graphql(skip)]
            total: Option<i64>,
        }

        #[async_graphql::ComplexObject]
        impl $connection {
            #[doc = concat!("The ", $things, " on this page, without cursors.")]
            async fn nodes(&self) -> crate::graphql::List<$object> {
                self.edges.iter().map(|edge| edge.node.clone()).collect()
            }

            /// Number of items that match `where`, on all pages. They are counted only if you select this field.
            async fn total_count(&self) -> i64 {
                self.total.unwrap_or_default()
            }
        }

        #[doc = concat!("One of the ", $things, " on a page, with its cursor.")]
        #[derive(Clone, async_graphql::SimpleObject)]
        pub struct $edge {
            /// Opaque cursor. Pass it as `after` or `before` to the same query field with the same `orderBy`; `where`
            /// may differ.
            pub cursor: String,
            /// The item.
            pub node: $object,
        }

        impl From<crate::graphql::Connected<$object>> for $connection {
            fn from(slice: crate::graphql::Connected<$object>) -> Self {
                Self {
                    edges: slice
                        .edges
                        .into_iter()
                        .map(|(cursor, node)| $edge { cursor, node })
                        .collect(),
                    page_info: slice.page_info,
                    total: slice.total_count,
                }
            }
        }
    };
}

pub(crate) use connection_type;
