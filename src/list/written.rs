//! Writes a page as JSON directly from its rows.
//!
//! Normally, each row becomes a record, each record a GraphQL object, and each field a future and a value of the
//! library. If a page selects only columns, that costs more than the database query. Here, the database returns the
//! columns in the order of the response, and each is written at once. Permissions, filter, order and page are those of
//! [`super::page`]; a property test compares the results.

use std::fmt::Write;

use sea_orm::sea_query::SimpleExpr;
use sea_orm::{IntoSimpleExpr, QueryResult, TryGetable};
use serde_json::Value;

use super::statement::page_of;
use super::{Filter, Listed, Order, Window};
use crate::context::OpContext;
use crate::model::Timestamp;
use crate::model::error::{Error, Result};

/// A field that only needs its own row: what to select for it, and how to write it. NULL becomes null.
#[derive(Clone, Debug)]
pub struct Cell {
    expression: SimpleExpr,
    form: Form,
}

/// How a cell is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Flag,
    Number,
    Time,
    /// Text that is JSON already.
    Json,
    /// Whether there is a value.
    IsThere,
}

impl Cell {
    pub fn new(expression: impl IntoSimpleExpr, form: Form) -> Self {
        Self {
            expression: expression.into_simple_expr(),
            form,
        }
    }

    fn write(&self, row: &QueryResult, place: usize, out: &mut String) -> Result<()> {
        match self.form {
            Form::Text => match get::<String>(row, place)? {
                Some(text) => write_text(out, &text)?,
                None => out.push_str("null"),
            },
            Form::Json => out.push_str(get::<String>(row, place)?.as_deref().unwrap_or("null")),
            Form::Flag => out.push_str(match get::<bool>(row, place)? {
                Some(true) => "true",
                Some(false) => "false",
                None => "null",
            }),
            Form::IsThere => out.push_str(match get::<i64>(row, place)? {
                Some(_) => "true",
                None => "false",
            }),
            Form::Number => match get::<i64>(row, place)? {
                Some(number) => write!(out, "{number}").map_err(Error::internal)?,
                None => out.push_str("null"),
            },
            Form::Time => match get::<i64>(row, place)? {
                Some(micros) => write!(out, "\"{}\"", Timestamp::from_micros(micros)).map_err(Error::internal)?,
                None => out.push_str("null"),
            },
        }
        Ok(())
    }
}

fn get<T>(row: &QueryResult, place: usize) -> Result<Option<T>>
where
    Option<T>: TryGetable,
{
    Ok(row.try_get_by_index(place)?)
}

fn write_text(out: &mut String, text: &str) -> Result<()> {
    // Most texts need no escaping; serde_json writes the others.
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).map_err(Error::internal)?);
    }
    Ok(())
}

/// A member of every object.
#[derive(Clone, Debug)]
pub enum Member {
    Cell(Cell),
    /// The same value in every object.
    Fixed(Value),
}

/// The text is split into pieces of about this size, so that it is not copied repeatedly as it grows.
const PIECE_BYTES: usize = 32 * 1024;

/// [`super::page`] as a JSON list of objects with these members, in pieces. It is charged to the response as it is
/// written.
pub async fn page_as_json<L: Listed>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    order: Order,
    window: Window,
    members: &[(String, Member)],
) -> Result<Vec<String>> {
    let (cells, keys) = cells(members)?;
    let mut columns: Vec<SimpleExpr> = cells.into_iter().map(|cell| cell.expression.clone()).collect();
    if columns.is_empty() {
        // A statement selects something.
        columns.push(L::pk_column().into_simple_expr());
    }
    let statement = page_of::<L>(op, filter, order, columns, window)?;

    let mut pieces = Vec::new();
    let mut out = String::from("[");
    let mut begin = "{";
    let write = |row: QueryResult| -> Result<()> {
        let before = out.len();
        out.push_str(begin);
        begin = ",{";
        for (key, cell) in &keys {
            out.push_str(key);
            if let Some((place, cell)) = cell {
                cell.write(&row, *place, &mut out)?;
            }
        }
        out.push('}');
        op.charge_written(out.len() - before)?;
        if out.len() >= PIECE_BYTES {
            out.shrink_to_fit();
            pieces.push(std::mem::take(&mut out));
        }
        Ok(())
    };
    op.db().reader().each_row(statement, write).await?;
    out.push(']');
    pieces.push(out);
    Ok(pieces)
}

/// A key of every object as written, and its value: a cell, by its index among the selected ones.
type Key<'a> = (String, Option<(usize, &'a Cell)>);

/// What to select, and where it goes. A column under several keys is read once.
fn cells(members: &[(String, Member)]) -> Result<(Vec<&Cell>, Vec<Key<'_>>)> {
    let mut cells: Vec<&Cell> = Vec::new();
    let mut keys = Vec::with_capacity(members.len());
    for (number, (name, member)) in members.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let name = serde_json::to_string(name).map_err(Error::internal)?;
        keys.push(match member {
            Member::Cell(cell) => {
                let known = cells.iter().position(|known| known.expression == cell.expression);
                let place = known.unwrap_or(cells.len());
                if place == cells.len() {
                    cells.push(cell);
                }
                (format!("{comma}{name}:"), Some((place, cell)))
            }
            Member::Fixed(value) => (format!("{comma}{name}:{value}"), None),
        });
    }
    Ok((cells, keys))
}
