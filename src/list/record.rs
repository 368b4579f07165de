//! A thing as it is read from its table, with only the columns that were asked for.

use crate::model::{
    ApiKeyId, Email, GroupId, InvitationId, JsonText, OrganizationId, RoleId, SessionId, TenantId, Timestamp, UserId,
};

/// How many bytes of text something holds: what has no fixed size, and may be large.
pub trait Weigh {
    fn weigh(&self) -> usize;
}

impl<T: Weigh> Weigh for Option<T> {
    fn weigh(&self) -> usize {
        self.as_ref().map_or(0, T::weigh)
    }
}

impl Weigh for String {
    fn weigh(&self) -> usize {
        self.len()
    }
}

macro_rules! weigh {
    ($($text:ty)*; $($number:ty)*) => {
        $(impl Weigh for $text {
            fn weigh(&self) -> usize {
                self.as_str().len()
            }
        })*
        $(impl Weigh for $number {
            fn weigh(&self) -> usize {
                0
            }
        })*
    };
}

weigh! {
    Email JsonText ApiKeyId GroupId InvitationId OrganizationId RoleId SessionId TenantId UserId;
    bool i64 Timestamp
}

/// Declares a thing, the set of its fields, and how both are read from a row.
///
/// The fields under `always` are read each time; each of the others has a flag in the set. It is one declaration so
/// that a field cannot be declared and not read, or read under another's flag.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident, $fields:ident, $number:ident from $columns:ty {
            always { $($(#[$key_doc:meta])* $key:ident: $key_type:ty = $key_column:ident,)* }
            $($(#[$field_doc:meta])* $flag:ident $field:ident: $type:ty = $column:ident,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$key_doc])* pub $key: $key_type,)*
            $($(#[$field_doc])* pub $field: $type,)*
        }

        bitflags::bitflags! {
            /// Which fields are read; one that is not stays at its default.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $fields: u32 {
                $(const $flag = 1 << ($number::$flag as u32);)*
            }
        }

        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "named as the flags they number")]
        enum $number { $($flag,)* }

        impl crate::list::Weigh for $name {
            fn weigh(&self) -> usize {
                0 $(+ crate::list::Weigh::weigh(&self.$key))* $(+ crate::list::Weigh::weigh(&self.$field))*
            }
        }

        impl $name {
            fn columns_of(fields: $fields) -> Vec<$columns> {
                let mut columns = vec![$(<$columns>::$key_column,)*];
                $(if fields.contains($fields::$flag) {
                    columns.push(<$columns>::$column);
                })*
                columns
            }

            /// From a row that starts with those columns, in their order.
            fn from_row(row: &sea_orm::QueryResult, fields: $fields) -> Result<Self, sea_orm::DbErr> {
                let mut places = 0..;
                let mut next = || places.next().unwrap_or_default();
                Ok(Self {
                    $($key: row.try_get_by_index(next())?,)*
                    $($field: if fields.contains($fields::$flag) {
                        row.try_get_by_index(next())?
                    } else {
                        Default::default()
                    },)*
                })
            }
        }
    };
}

pub(crate) use record;
