//! `orderBy`.

use crate::list::Order;

/// An `orderBy` enum.
pub trait OrderBy {
    fn order(self) -> Order;
}

/// Declares a kind's `orderBy` enum: the two values of each sort key, with what they say of themselves.
macro_rules! order_by {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $up:ident $up_doc:tt, $down:ident $down_doc:tt;)* }) => {
        $(#[$doc])*
        #[derive(async_graphql::Enum, Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $(#[doc = $up_doc] $up, #[doc = $down_doc] $down,)* }

        impl crate::graphql::OrderBy for $name {
            fn order(self) -> crate::list::Order {
                let (key, descending) = match self {
                    $(Self::$up => (crate::list::SortKey::$key, false),
                    Self::$down => (crate::list::SortKey::$key, true),)*
                };
                crate::list::Order { key, descending }
            }
        }
    };
}

pub(crate) use order_by;
