//! Filters: the grammar of RFC 7644, section 3.4.2.2, as values.
//!
//! A filter is read in two steps: [`read`] knows the grammar and its limits, [`Resolver`] the attributes. Both are
//! also used for the filters in the paths of operations.

#[cfg(test)]
mod laws;
mod print;
mod raw;
mod resolve;
#[cfg(test)]
mod tests;

use super::fault::{Fault, ScimType};
use super::names::Kind;
use super::schema::Attr;
use crate::model::Timestamp;

pub use raw::{BYTES_MAX, read, read_at_start};
pub use resolve::{Resolver, Use};

/// A condition on a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of these; two at least.
    All(Vec<Filter>),
    /// One of these; two at least.
    Any(Vec<Filter>),
    /// Not this. `ne` is not `eq`.
    Not(Box<Filter>),
    /// A comparison. Of an attribute with many values it holds if it holds for one of them.
    Test {
        /// What is compared, never without the sub-attribute of a complex attribute.
        attribute: Attr,
        /// How.
        op: Op,
        /// With what: of the attribute's type.
        value: Literal,
    },
    /// The attribute has a value.
    Present(Attr),
    /// One value of the attribute meets all of this.
    Entry {
        /// The attribute, without a sub-attribute.
        attribute: Attr,
        /// The condition; its tests name the whole attribute with the sub-attribute.
        such: Box<Filter>,
    },
    /// Holds for nothing: the attribute does not exist in this kind of resources, or no value can equal the text.
    Never,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A text as it was sent, without U+0000.
    Text(String),
    /// True or false.
    Flag(bool),
    /// A time, within the range of the clock.
    Time(Timestamp),
}

/// A filter over users and groups: what it means for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Both {
    /// For users.
    pub users: Filter,
    /// For groups.
    pub groups: Filter,
}

impl Filter {
    /// All of these, without levels that mean nothing.
    pub fn all(filters: Vec<Filter>) -> Self {
        let each = filters.into_iter().flat_map(|filter| match filter {
            Self::All(inner) => inner,
            other => vec![other],
        });
        single(each.collect(), Self::All)
    }

    /// One of these, without levels that mean nothing.
    pub fn any(filters: Vec<Filter>) -> Self {
        let each = filters.into_iter().flat_map(|filter| match filter {
            Self::Any(inner) => inner,
            other => vec![other],
        });
        single(each.collect(), Self::Any)
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// The only one, or several together.
fn single(mut filters: Vec<Filter>, together: fn(Vec<Filter>) -> Filter) -> Filter {
    match (filters.len(), filters.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            filters.push(last);
            together(filters)
        }
        (_, None) => Filter::Never,
    }
}

/// Reads a filter over one kind of resources.
pub fn parse(text: &str, kind: Kind) -> Result<Filter, Fault> {
    let raw = read(text).map_err(refused)?;
    Resolver::of(kind, Use::Query).filter(&raw).map_err(refused)
}

/// Reads a filter over users and groups. An attribute that one kind does not have is absent there; one that neither
/// has is refused.
pub fn parse_root(text: &str) -> Result<Both, Fault> {
    let raw = read(text).map_err(refused)?;
    let of = |kind| Resolver::of(kind, Use::RootQuery).filter(&raw).map_err(refused);
    Ok(Both {
        users: of(Kind::User)?,
        groups: of(Kind::Group)?,
    })
}

fn refused(detail: String) -> Fault {
    Fault::new(ScimType::InvalidFilter, detail)
}
