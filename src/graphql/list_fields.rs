//! The fields that read many: `things`, `countThings` and `thingsConnection` of each kind, and the lists under a thing.

/// Declares them as an object of the root `Query`, with what each one says of itself, and what `where` says.
macro_rules! list_fields {
    (
        $name:ident of $thing:ident as $object:ident, $wanted:ident, $order_by:ident, $connected:ident;
        where $which:literal;
        $(#[$list_doc:meta])* $list:ident;
        $(#[$count_doc:meta])* $count:ident;
        $(#[$connection_doc:meta])* $connection:ident;
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
                #[graphql(desc = "In which order; oldest first by default.")] order_by: Option<$order_by>,
                #[graphql(
                    desc = "At most so many, from 1 to 100.",
                    default_with = "Some(crate::graphql::PageSize(100))"
                )]
                first: Option<crate::graphql::PageSize>,
                #[graphql(desc = "Passing over so many.", default = 0)] skip: Option<i32>,
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
                #[graphql(desc = "In which order; oldest first by default.")] order_by: Option<$order_by>,
                #[graphql(desc = "At most so many, from 1 to 100, from the front.")] first: Option<i64>,
                #[graphql(desc = "Only what stands after this cursor.")] after: Option<String>,
                #[graphql(desc = "At most so many, from 1 to 100, from the end.")] last: Option<i64>,
                #[graphql(desc = "Only what stands before this cursor.")] before: Option<String>,
            ) -> crate::graphql::Result<$connected> {
                let paging = crate::list::Paging { first, after, last, before };
                let slice = crate::graphql::listing::connection::<$thing>(ctx, r#where, order_by, paging);
                Ok(slice.await?.into())
            }
        }
    };
}

/// Declares the lists under an object: each was loaded with it, by the arguments that the field has in the document
/// ([`crate::graphql::listing::nest`]), and the field of the object that is named so holds it.
macro_rules! nested_lists {
    (
        $object:ident {
            $(
                $(#[$doc:meta])*
                $list:ident: $item:ident, $wanted:ident, $order_by:ident;
                where $which:literal;
            )*
        }
    ) => {
        #[async_graphql::ComplexObject]
        impl $object {
            $(
                $(#[$doc])*
                async fn $list(
                    &self,
                    ctx: &async_graphql::Context<'_>,
                    #[graphql(name = "where", desc = $which)] _where: Option<$wanted>,
                    #[graphql(name = "orderBy", desc = "In which order; oldest first by default.")]
                    _order_by: Option<$order_by>,
                    #[graphql(
                        desc = "At most so many, from 1 to 100.",
                        default_with = "Some(crate::graphql::PageSize(100))"
                    )]
                    first: Option<crate::graphql::PageSize>,
                    #[graphql(desc = "Passing over so many.", default = 0)] skip: Option<i32>,
                ) -> crate::graphql::Result<crate::graphql::List<$item>> {
                    self.$list.list(ctx, first, skip)
                }
            )*
        }
    };
}

pub(crate) use {list_fields, nested_lists};
