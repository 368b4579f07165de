//! The fields that read: `things`, `countThings`, `thingsConnection` and `thing` of each kind, and the lists under a
//! thing.

/// Declares them as an object of the root `Query`, with what each one says of itself, and what `where` says.
macro_rules! list_fields {
    (
        $name:ident of $thing:ident as $object:ident, $wanted:ident, $order_by:ident, $connected:ident;
        where $which:literal;
        $(#[$list_doc:meta])* $list:ident;
        $(#[$count_doc:meta])* $count:ident;
        $(#[$connection_doc:meta])* $connection:ident;
        $(#[$one_doc:meta])* $one:ident where $named:literal;
    ) => {
        #[derive(Default)]
        pub struct $name;

        #[async_graphql::Object]
        impl $name {
            $(#[$list_doc])*
            async fn $list(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = $which)] r#where: Option<$wanted>,
                #[graphql(desc = "Sort order; oldest first by default.")] order_by: Option<$order_by>,
                #[graphql(
                    desc = "Page size, from 1 to 100.",
                    default_with = "Some(crate::graphql::PageSize(100))"
                )]
                first: Option<crate::graphql::PageSize>,
                #[graphql(desc = "Number of items to skip.", default = 0)] skip: Option<i32>,
            ) -> crate::graphql::Result<crate::graphql::Rows<$object>> {
                crate::graphql::rows::<$thing>(ctx, r#where, order_by, first, skip).await
            }

            $(#[$count_doc])*
            async fn $count(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = $which)] r#where: Option<$wanted>,
            ) -> crate::graphql::Result<i64> {
                crate::graphql::listing::count::<$thing>(ctx, r#where).await
            }

            $(#[$connection_doc])*
            #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
            async fn $connection(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = $which)] r#where: Option<$wanted>,
                #[graphql(desc = "Sort order; oldest first by default.")] order_by: Option<$order_by>,
                #[graphql(desc = "Page size from 1 to 100, counted from the start.")] first: Option<i64>,
                #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
                #[graphql(desc = "Page size from 1 to 100, counted from the end.")] last: Option<i64>,
                #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
                #[graphql(
                    desc = "Number of items to skip after `after`, or from the start. Not together with `last` or `before`.",
                    default = 0
                )]
                skip: Option<i32>,
            ) -> crate::graphql::Result<$connected> {
                let skip = i64::from(skip.unwrap_or(0));
                let paging = crate::list::Paging { first, after, last, before, skip };
                let slice = crate::graphql::connection::<$thing>(ctx, r#where, order_by, paging);
                Ok(slice.await?.into())
            }

            $(#[$one_doc])*
            async fn $one(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = $named)] r#where: $wanted,
            ) -> Option<$object> {
                let found = crate::graphql::listing::single::<$thing>(ctx, r#where).await;
                crate::graphql::or_null(ctx, found)
            }
        }
    };
}

/// Declares the fields of an object that are made only if they are selected: its `nodeId`, and the lists under it. Each list was
/// loaded with the object, by the arguments that the field has in the document ([`crate::graphql::listing::nest`]), and the
/// field of the object that is named so holds it.
macro_rules! node_fields {
    (
        $object:ident as $ty:literal {
            $(
                $(#[$doc:meta])*
                $list:ident: $item:ident, $wanted:ident, $order_by:ident;
                where $which:literal;
            )*
        }
    ) => {
        #[async_graphql::ComplexObject]
        impl $object {
            /// An id that is unique over all types; for `node`.
            pub async fn node_id(&self) -> async_graphql::ID {
                crate::graphql::node::node_id($ty, &self.id)
            }

            $(
                $(#[$doc])*
                async fn $list(
                    &self,
                    ctx: &async_graphql::Context<'_>,
                    #[graphql(name = "where", desc = $which)] _where: Option<$wanted>,
                    #[graphql(name = "orderBy", desc = "Sort order; oldest first by default.")]
                    _order_by: Option<$order_by>,
                    #[graphql(
                        desc = "Page size, from 1 to 100.",
                        default_with = "Some(crate::graphql::PageSize(100))"
                    )]
                    first: Option<crate::graphql::PageSize>,
                    #[graphql(desc = "Number of items to skip.", default = 0)] skip: Option<i32>,
                ) -> crate::graphql::Result<crate::graphql::List<$item>> {
                    self.$list.list(ctx, first, skip)
                }
            )*
        }
    };
}

pub(crate) use {list_fields, node_fields};
