//! Lists, counts and connections: one implementation for every kind of object.
//!
//! A kind declares in [`Listed`] its columns, its scope and its sort keys; everything else is here, including the
//! permission check. A page is one statement. Only the columns that the response needs are read. Every order ends with
//! the internal key, so it is total. Texts compare by code point on both databases. `skip` walks the index alone to the
//! first row of the page, about 0.1 µs a row; a connection's page costs the same at any depth.

mod address;
mod cursor;
mod filter;
mod json;
mod keyset;
mod named;
mod nested;
mod nested_count;
mod nested_shared;
mod record;
mod search;
mod sorting;
mod statement;
mod written;

pub use address::{address, address_containing, address_starting_with, one_of_addresses};
pub use cursor::Cursor;
pub use filter::{Comparison, FILTER_DEPTH_MAX, FILTER_TESTS_MAX, Filter, Sql, TextTest, text_condition};
pub use json::{Asked, ElementFilter, JsonTerm, document, element, json_value, one_element};
pub use keyset::{Paging, Slice, all, all_seen_by, connection, continued};
pub use named::{Named, locate, names_one, none_named};
pub use nested::{Children, LOOKED_UP_MAX, Link, Pairs, Several, count_of, for_parents, union_all};
pub use nested_count::{count_children, count_for_parents};
pub use record::{Weigh, is_called};
pub(crate) use record::{counted, orders, record, scoped, searched};
pub use search::{How, Search};
pub use sorting::{Order, Sorting};
pub use statement::{by_keys, count, few, ids_of, page};
pub use written::{Cell, Form, Member, page_as_json};

use sea_orm::{Condition, DbErr, EntityTrait, QueryResult};

use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{Email, Timestamp};

/// The maximum page size.
pub const PAGE_MAX: u32 = 100;
/// The maximum page size of the interfaces whose clients ask for larger pages.
pub const LARGE_PAGE_MAX: u32 = 1_000;

/// The sort keys of a kind; `orders!` declares them.
pub trait Sorted {
    /// The key of the default order, which is ascending.
    const DEFAULT: SortKey = SortKey::CreatedAt;
    /// Which of its columns are read.
    type Fields: Copy + Default + Send + Sync + std::ops::BitOr<Output = Self::Fields>;

    /// The fields that a sort key needs.
    fn sort_fields(key: SortKey) -> Self::Fields;
    /// What a key sorts by. `None`: the kind does not have this key.
    fn sorting(key: SortKey) -> Option<Sorting>;
    /// The value of that column, for cursors.
    fn sort_value(&self, key: SortKey) -> SortValue;
}

/// A kind of object that can be listed; `record!` declares it.
pub trait Listed: Sorted + Weigh + Clone + Send + Sync + 'static {
    type Entity: EntityTrait;
    /// A condition of a filter.
    type Term: Send + Sync;
    /// The resource for the permission check.
    const RESOURCE: Resource;

    /// The columns of some fields, always including the internal key.
    fn columns(fields: Self::Fields) -> Vec<<Self::Entity as EntityTrait>::Column>;
    /// Reads a row that starts with the columns of these fields; fields that were not selected are left at their default.
    fn read(row: &QueryResult, fields: Self::Fields) -> Result<Self, DbErr>;
    /// The field with this GraphQL name; empty if nothing is read for it.
    fn field(name: &str) -> Self::Fields;
    /// The scope of what this filter finds.
    fn scope(op: &OpContext, filter: &Filter<Self::Term>) -> Result<Granted> {
        let _ = filter;
        op.authorize(Action::Read, Self::RESOURCE)
    }
    /// The same for a list.
    fn scope_of_list(op: &OpContext, filter: &Filter<Self::Term>) -> Result<Granted> {
        Ok(Self::scope(op, filter)?.for_list())
    }
    /// The number of rows that match within a scope, if it is known without counting them.
    fn known_count(
        op: &OpContext,
        granted: &Granted,
        filter: &Filter<Self::Term>,
    ) -> impl Future<Output = Result<Option<i64>>> + Send {
        let _ = (op, granted, filter);
        std::future::ready(Ok(None))
    }
    /// Whether a page is found faster if its keys are found first, and nothing else is read of other rows.
    fn finds_keys(filter: &Filter<Self::Term>) -> bool {
        let _ = filter;
        false
    }
    /// The rows within a scope.
    fn within(granted: &Granted) -> Condition;
    /// The rows that match a condition.
    fn condition(sql: &mut Sql, term: &Self::Term) -> Result<Condition>;
    fn pk(&self) -> i64;
    fn public_id(&self) -> &str;
    fn pk_column() -> <Self::Entity as EntityTrait>::Column;
    fn id_column() -> <Self::Entity as EntityTrait>::Column;
}

/// The sort key of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// The order in which they were made; of audit events, their time.
    CreatedAt,
    UpdatedAt,
    Name,
    Email,
    /// The user name as it is compared, or what counts for it.
    UserName,
    Id,
    /// The order of the audit trail: that of commits.
    Position,
}

/// A sort key's value in a cursor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    /// None: the internal key is all.
    Made,
    Number(i64),
    Text(String),
}

impl From<&Timestamp> for SortValue {
    fn from(time: &Timestamp) -> Self {
        Self::Number(time.micros())
    }
}

impl From<&String> for SortValue {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&Option<Email>> for SortValue {
    fn from(address: &Option<Email>) -> Self {
        Self::Text(address.as_ref().map(Email::to_string).unwrap_or_default())
    }
}

/// `first` and `skip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    first: u32,
    skip: u64,
}

impl Window {
    /// The number of rows of the page, and of those before it.
    pub fn limit_and_offset(self) -> (u64, u64) {
        (u64::from(self.first), self.skip)
    }

    /// A page of up to [`LARGE_PAGE_MAX`] rows; a larger number gets that many.
    pub fn large(first: u32, skip: u64) -> Self {
        Self {
            first: first.min(LARGE_PAGE_MAX),
            skip,
        }
    }

    /// Refuses a `first` outside 1 to 100 and a negative `skip`; neither is ever silently capped.
    pub fn new(first: i64, skip: i64) -> Result<Self> {
        let skip = skipped(skip)?;
        Ok(Self {
            first: page_size("first", first)?,
            skip,
        })
    }
}

/// Parses the number of rows that the caller skips.
fn skipped(skip: i64) -> Result<u64> {
    u64::try_from(skip).map_err(|_| Error::invalid("skip", format!("'skip' must not be negative, but is {skip}.")))
}

/// Parses the page size of the caller.
pub fn page_size(field: &str, value: i64) -> Result<u32> {
    u32::try_from(value)
        .ok()
        .filter(|size| (1..=PAGE_MAX).contains(size))
        .ok_or_else(|| {
            Error::invalid(
                field,
                format!("'{field}' must be from 1 to {PAGE_MAX}, but is {value}."),
            )
        })
}

/// Refuses a change if the caller has read an older version of the row.
pub fn expect_version(present: i64, expected: Option<i64>) -> Result<()> {
    match expected {
        Some(expected) if expected != present => Err(Error::conflict(
            ConflictReason::Version { current: present },
            format!("It was changed in the meantime: its version is {present}, not {expected}. Read it again."),
        )),
        Some(_) | None => Ok(()),
    }
}
