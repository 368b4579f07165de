//! `orderBy`.

use crate::list::Order;

/// An `orderBy` enum.
pub trait OrderBy {
    fn order(self) -> Order;
}

/// Declares a kind's `orderBy` enum.
macro_rules! order_by {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $key:ident $descending:literal,)* }) => {
        $(#[$doc])*
        #[derive(async_graphql::Enum, Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl crate::graphql::OrderBy for $name {
            fn order(self) -> crate::list::Order {
                let (key, descending) = match self {
                    $(Self::$value => (crate::list::SortKey::$key, $descending),)*
                };
                crate::list::Order { key, descending }
            }
        }
    };
}

pub(crate) use order_by;
