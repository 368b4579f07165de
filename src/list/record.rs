//! An object as read from its table, with only the selected columns.

use crate::model::{
    ApiKeyId, Email, GroupId, InvitationId, JsonText, MailLanguage, OrganizationId, RoleId, SessionId, TenantId,
    Timestamp, UserId,
};

/// The number of bytes of variable-size text in an object.
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
    bool i64 MailLanguage Timestamp
}

/// Whether a field has this name in GraphQL: `created_at` is `createdAt`.
pub fn is_called(field: &str, name: &str) -> bool {
    let mut letters = name.chars();
    let mut upper = false;
    for c in field.chars() {
        if c == '_' {
            upper = true;
            continue;
        }
        let wanted = if upper { c.to_ascii_uppercase() } else { c };
        upper = false;
        if letters.next() != Some(wanted) {
            return false;
        }
    }
    letters.next().is_none()
}

/// Declares a kind of object that can be listed: what is read of it, and how it is found.
///
/// The fields under `always` are read each time; each of the others has a flag in the set, and is read where the field
/// of its name is selected. It is one declaration so that a field cannot be declared and not read, or read under
/// another's flag. The module has the table's entity as `table`, its columns as `Column`, the conditions of filters as
/// `Term`, and their SQL as `read::condition`. `scoped` says that the module has `read::scope`, because the scope of a list
/// depends on its filter; `counted`, that it has `count::known`, because it knows some numbers without counting; `searched`,
/// that it has `search::finds_keys`.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident, $fields:ident, $number:ident of $resource:ident $($more:ident)* {
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
            /// Which fields are read; the others keep their default.
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $fields: u32 {
                /// The fields that are always read.
                const ALWAYS = 0;
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

        impl From<table::Model> for $name {
            fn from(row: table::Model) -> Self {
                Self {
                    $($key: row.$key,)*
                    $($field: row.$field.into(),)*
                }
            }
        }

        impl crate::list::Listed for $name {
            type Entity = table::Entity;
            type Term = Term;
            const RESOURCE: crate::authz::Resource = crate::authz::Resource::$resource;

            fn columns(fields: $fields) -> Vec<Column> {
                let mut columns = vec![$(Column::$key_column,)*];
                $(if fields.contains($fields::$flag) {
                    columns.push(Column::$column);
                })*
                columns
            }

            fn read(row: &sea_orm::QueryResult, fields: $fields) -> Result<Self, sea_orm::DbErr> {
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

            fn field(name: &str) -> $fields {
                $(if crate::list::is_called(stringify!($field), name) {
                    return $fields::$flag;
                })*
                $fields::empty()
            }

            $(crate::list::$more!();)*

            fn within(granted: &crate::authz::Granted) -> sea_orm::Condition {
                table::within(granted)
            }

            fn condition(sql: &mut crate::list::Sql, term: &Term) -> crate::model::error::Result<sea_orm::Condition> {
                read::condition(sql, term)
            }

            fn pk(&self) -> i64 {
                self.pk
            }

            fn public_id(&self) -> &str {
                self.id.as_str()
            }

            fn pk_column() -> Column {
                Column::Pk
            }

            fn id_column() -> Column {
                Column::Id
            }
        }
    };
}

/// Declares the sort keys of a kind, in addition to its id and to the order in which they were made: columns, each with
/// its flag and its field.
macro_rules! orders {
    ($name:ident, $fields:ident { $($key:ident: $flag:ident $column:ident $field:ident,)* }) => {
        impl crate::list::Sorted for $name {
            type Fields = $fields;

            fn sort_fields(key: crate::list::SortKey) -> $fields {
                match key {
                    $(crate::list::SortKey::$key => $fields::$flag,)*
                    _ => $fields::empty(),
                }
            }

            fn sorting(key: crate::list::SortKey) -> Option<crate::list::Sorting> {
                match key {
                    crate::list::SortKey::CreatedAt => Some(crate::list::Sorting::Made),
                    $(crate::list::SortKey::$key => Some(Column::$column.into()),)*
                    crate::list::SortKey::Id => {
                        Some(crate::list::Sorting::Unique(sea_orm::IntoSimpleExpr::into_simple_expr(Column::Id)))
                    }
                    _ => None,
                }
            }

            fn sort_value(&self, key: crate::list::SortKey) -> crate::list::SortValue {
                match key {
                    crate::list::SortKey::CreatedAt => crate::list::SortValue::Made,
                    $(crate::list::SortKey::$key => (&self.$field).into(),)*
                    _ => crate::list::SortValue::Text(self.id.to_string()),
                }
            }
        }
    };
}

/// The scope, by `read::scope`, of single things and of lists: callers find their own ones in a list too.
macro_rules! scoped {
    () => {
        fn scope(
            op: &crate::context::OpContext,
            filter: &crate::list::Filter<Term>,
        ) -> crate::model::error::Result<crate::authz::Granted> {
            read::scope(op, filter)
        }

        fn scope_of_list(
            op: &crate::context::OpContext,
            filter: &crate::list::Filter<Term>,
        ) -> crate::model::error::Result<crate::authz::Granted> {
            read::scope(op, filter)
        }
    };
}

/// The numbers that `count::known` knows.
macro_rules! counted {
    () => {
        async fn known_count(
            op: &crate::context::OpContext,
            granted: &crate::authz::Granted,
            filter: &crate::list::Filter<Term>,
        ) -> crate::model::error::Result<Option<i64>> {
            count::known(op, granted, filter).await
        }
    };
}

/// Says, by `search::finds_keys`, for which filters the keys of a page are found first.
macro_rules! searched {
    () => {
        fn finds_keys(filter: &crate::list::Filter<Term>) -> bool {
            search::finds_keys(filter)
        }
    };
}

pub(crate) use {counted, orders, record, scoped, searched};
