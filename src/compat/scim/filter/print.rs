//! Writes a filter as a text that means the same.

use std::fmt;

use serde_json::Value;

use super::super::schema::Attr;
use super::{Filter, Literal, Op};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, f, None)
    }
}

/// `entry` is the attribute whose values the filter is about.
fn write(filter: &Filter, f: &mut fmt::Formatter<'_>, entry: Option<Attr>) -> fmt::Result {
    match filter {
        Filter::All(filters) => joined(filters, " and ", f, entry),
        Filter::Any(filters) => joined(filters, " or ", f, entry),
        Filter::Not(inner) => match inner.as_ref() {
            Filter::Test {
                attribute,
                op: Op::Eq,
                value,
            } => {
                name(*attribute, f, entry)?;
                write!(f, " ne {value}")
            }
            Filter::Present(attribute) => {
                name(*attribute, f, entry)?;
                f.write_str(" eq null")
            }
            inner => bracketed("not (", inner, ")", f, entry),
        },
        Filter::Test { attribute, op, value } => {
            name(*attribute, f, entry)?;
            write!(f, " {op} {value}")
        }
        Filter::Present(attribute) => {
            name(*attribute, f, entry)?;
            f.write_str(" pr")
        }
        Filter::Entry { attribute, such } => {
            write!(f, "{attribute}")?;
            bracketed("[", such, "]", f, Some(*attribute))
        }
        // No text has this character, so this is a comparison that holds for nothing.
        Filter::Never => {
            let part = entry.map(|entry| entry.attribute.sub("value").map_or("type", |sub| sub.name));
            write!(f, "{} eq \"\\u0000\"", part.unwrap_or("id"))
        }
    }
}

fn joined(filters: &[Filter], word: &str, f: &mut fmt::Formatter<'_>, entry: Option<Attr>) -> fmt::Result {
    for (position, filter) in filters.iter().enumerate() {
        if position > 0 {
            f.write_str(word)?;
        }
        match filter {
            Filter::All(_) | Filter::Any(_) => bracketed("(", filter, ")", f, entry)?,
            _ => write(filter, f, entry)?,
        }
    }
    Ok(())
}

fn bracketed(open: &str, filter: &Filter, close: &str, f: &mut fmt::Formatter<'_>, entry: Option<Attr>) -> fmt::Result {
    f.write_str(open)?;
    write(filter, f, entry)?;
    f.write_str(close)
}

fn name(attribute: Attr, f: &mut fmt::Formatter<'_>, entry: Option<Attr>) -> fmt::Result {
    match (entry, attribute.sub) {
        (Some(_), Some(sub)) => f.write_str(sub.name),
        _ => write!(f, "{attribute}"),
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "eq",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", Value::from(text.as_str())),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Time(time) => write!(f, "\"{}\"", time.to_micros()),
        }
    }
}
