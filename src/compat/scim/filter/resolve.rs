//! The meaning of the names in a filter, and the types of its values.

use std::borrow::Cow;

use serde_json::Value;

use super::super::fault::clipped;
use super::super::names::{ENTERPRISE, Kind};
use super::super::schema::{Attr, Named, Type, named};
use super::raw::{Raw, RawTest};
use super::{Filter, Literal, Op};
use crate::model::Timestamp;

/// What a filter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A query: some attributes cannot be filtered.
    Query,
    /// A query over both kinds: attributes of the other kind are absent.
    RootQuery,
    /// The path of an operation, which is evaluated on one resource.
    Path,
}

/// Looks up names for one kind of resources.
#[derive(Clone, Copy, Debug)]
pub struct Resolver {
    kind: Kind,
    purpose: Use,
}

impl Resolver {
    /// For this kind of resources.
    pub fn of(kind: Kind, purpose: Use) -> Self {
        Self { kind, purpose }
    }

    /// A filter on the resource.
    pub fn filter(self, raw: &Raw<'_>) -> Result<Filter, String> {
        self.read(raw, None)
    }

    /// A filter on one value of this attribute.
    pub fn entry(self, attribute: Attr, such: &Raw<'_>) -> Result<Filter, String> {
        if !attribute.attribute.multi_valued || attribute.sub.is_some() {
            return Err(format!(
                "'{attribute}' does not have several values, so it cannot have a filter in brackets."
            ));
        }
        self.read(such, Some(attribute))
    }

    // The grammar has limited the depth.
    fn read(self, raw: &Raw<'_>, entry: Option<Attr>) -> Result<Filter, String> {
        let each = |filters: &[Raw<'_>]| -> Result<Vec<_>, String> {
            filters.iter().map(|raw| self.read(raw, entry)).collect()
        };
        Ok(match raw {
            Raw::All(filters) => Filter::all(each(filters)?),
            Raw::Any(filters) => Filter::any(each(filters)?),
            Raw::Not(filter) => self.read(filter, entry)?.negated(),
            Raw::Test { name, test } => {
                let attribute = match entry {
                    Some(entry) => Some(sub_of(entry, name)?),
                    None => self.attribute(name)?,
                };
                self.test(attribute, test, |filter| filter)?
            }
            Raw::Entry { name, such, then } => match self.attribute(name)? {
                Some(attribute) => self.found_entry(attribute, such, then.as_ref())?,
                // Whether the condition is valid is checked for the kind that has the attribute.
                None => match then {
                    Some((_, test)) => self.test(None, test, |filter| filter)?,
                    None => Filter::Never,
                },
            },
        })
    }

    /// `attribute[such]`, and a comparison of a sub-attribute of the same value behind it.
    fn found_entry(self, attribute: Attr, such: &Raw<'_>, then: Option<&(&str, RawTest)>) -> Result<Filter, String> {
        let condition = self.entry(attribute, such)?;
        let of = |condition: Filter| Filter::Entry {
            attribute,
            such: Box::new(condition),
        };
        match then {
            None => Ok(of(condition)),
            Some((sub, test)) => {
                let leaf = sub_of(attribute, sub)?;
                self.test(Some(leaf), test, |test| of(Filter::all(vec![condition, test])))
            }
        }
    }

    /// A comparison. `placed` puts it where it belongs, inside of the negation: what is not so is absent as well.
    fn test(
        self,
        attribute: Option<Attr>,
        test: &RawTest,
        placed: impl FnOnce(Filter) -> Filter,
    ) -> Result<Filter, String> {
        let compared = |op, value| match attribute {
            Some(attribute) => self.compared(attribute, op, value),
            None => Ok(Filter::Never),
        };
        let present = || match attribute {
            Some(attribute) => self.filterable(attribute).map(|()| Filter::Present(attribute)),
            None => Ok(Filter::Never),
        };
        Ok(match test {
            RawTest::Present => placed(present()?),
            RawTest::NotEqual(Value::Null) => placed(present()?),
            RawTest::Compare(Op::Eq, Value::Null) => placed(present()?).negated(),
            RawTest::NotEqual(value) => placed(compared(Op::Eq, value)?).negated(),
            RawTest::Compare(op, value) => placed(compared(*op, value)?),
        })
    }

    fn compared(self, attribute: Attr, op: Op, value: &Value) -> Result<Filter, String> {
        let attribute = valued(attribute);
        self.filterable(attribute)?;
        let value = match (attribute.leaf().kind, value) {
            (Type::Text | Type::Reference | Type::Binary, Value::String(text)) if text.contains('\0') => {
                return Ok(Filter::Never);
            }
            (Type::Text | Type::Reference | Type::Binary, Value::String(text)) => Literal::Text(text.clone()),
            (Type::Boolean, value) => match (op, flag(value)) {
                (Op::Eq, Some(flag)) => Literal::Flag(flag),
                (Op::Eq, None) => return Err(format!("'{attribute}' is compared with true or false.")),
                _ => return Err(format!("'{attribute}' is true or false; use eq, ne or pr.")),
            },
            (Type::Time, Value::String(text)) => match op {
                Op::Co | Op::Sw | Op::Ew => {
                    return Err(format!("'{attribute}' is a time; use eq, ne, gt, ge, lt, le or pr."));
                }
                _ => Literal::Time(time(attribute, text)?),
            },
            (Type::Complex, _) => {
                return Err(format!("'{attribute}' has several parts; name one of them."));
            }
            (Type::Text | Type::Reference | Type::Binary | Type::Time, _) => {
                return Err(format!("'{attribute}' is compared with a text in quotation marks."));
            }
        };
        Ok(Filter::Test { attribute, op, value })
    }

    /// The attribute of this name; `None` if only the other kind of resources has it.
    fn attribute(self, name: &str) -> Result<Option<Attr>, String> {
        let whole = self.whole_name(name);
        let name = whole.as_ref();
        if let Named::Attribute(attribute) = named(self.kind, name) {
            return Ok(Some(attribute));
        }
        let other = match self.kind {
            Kind::User => Kind::Group,
            Kind::Group => Kind::User,
        };
        match named(other, name) {
            Named::Attribute(_) if self.purpose == Use::RootQuery => Ok(None),
            _ => Err(format!("The attribute '{}' is unknown.", clipped(name))),
        }
    }

    /// In queries, clients leave out the URN of the extension before its `manager`.
    fn whole_name(self, name: &str) -> Cow<'_, str> {
        let first = name.split('.').next().unwrap_or_default();
        match first.eq_ignore_ascii_case("manager") && self.purpose != Use::Path {
            true => Cow::Owned(format!("{ENTERPRISE}:{name}")),
            false => Cow::Borrowed(name),
        }
    }

    fn filterable(self, attribute: Attr) -> Result<(), String> {
        let allowed = attribute.attribute.filterable && attribute.leaf().filterable;
        match allowed || self.purpose == Use::Path {
            true => Ok(()),
            false => Err(format!("'{attribute}' cannot be filtered.")),
        }
    }
}

/// An attribute without a sub-attribute means its `value`, if it has one.
fn valued(attribute: Attr) -> Attr {
    match attribute.sub {
        Some(_) => attribute,
        None => attribute.with(attribute.attribute.sub("value")),
    }
}

fn sub_of(attribute: Attr, name: &str) -> Result<Attr, String> {
    match attribute.attribute.sub(name) {
        Some(sub) => Ok(attribute.with(Some(sub))),
        None => Err(format!(
            "The attribute '{attribute}' has no part with the name '{}'.",
            clipped(name)
        )),
    }
}

/// A boolean, also as a text in any case, as some clients send it.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// RFC 3339 with any offset. Times outside of the clock's range become its ends.
fn time(attribute: Attr, text: &str) -> Result<Timestamp, String> {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        format!(
            "'{attribute}' is compared with a date and time, as in 2027-01-31T12:00:00Z; '{}' is none.",
            clipped(text)
        )
    })?;
    let micros = moment.unix_timestamp_nanos().div_euclid(1_000);
    Ok(Timestamp::from_micros(i64::try_from(micros).unwrap_or(if micros < 0 {
        0
    } else {
        i64::MAX
    })))
}
