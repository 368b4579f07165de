//! Conditions on JSON that a text column stores, in the databases' own functions.
//!
//! Names of members and texts are bound parameters. What is absent meets no condition, and so the opposite of one that is
//! about it holds: SQL's third truth value never decides.

use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{Condition, DbBackend, IntoSimpleExpr};

use super::filter::negated;
use super::{Sql, TextTest, text_condition};
use crate::model::error::Result;
use crate::model::is_storable;

/// A condition on the JSON of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonTerm {
    /// The text at this path.
    Text { path: Vec<String>, test: TextTest },
    /// The truth value at this path.
    Flag { path: Vec<String>, is: bool },
    /// Something is at this path: neither null nor an empty text, list or object.
    Present { path: Vec<String> },
    /// One element of the list at this path meets all of this.
    Any { path: Vec<String>, such: ElementFilter },
}

/// Conditions on one element of a list. The key names a member of it; without a key the element itself is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElementFilter {
    /// All of them; holds if empty.
    All(Vec<Self>),
    /// At least one of them; does not hold if empty.
    Any(Vec<Self>),
    Not(Box<Self>),
    Text {
        key: Option<String>,
        test: TextTest,
    },
    Flag {
        key: Option<String>,
        is: bool,
    },
    Present {
        key: Option<String>,
    },
}

/// In which form a value is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Its text, and null if it is none.
    Text,
    /// Its truth value, and null if it is none.
    Flag,
    /// Whether it is there.
    Presence,
}

impl JsonTerm {
    /// The predicate on this column, which has JSON or null. A condition on elements counts each of its own conditions.
    pub fn condition(&self, sql: &mut Sql, column: impl IntoSimpleExpr) -> Result<Condition> {
        let backend = sql.backend();
        let json = document(backend, column.into_simple_expr());
        let value = |path: &[String], asked| json_value(backend, json.clone(), path, asked);
        Ok(match self {
            Self::Text { path, test } => text_condition(backend, value(path, Asked::Text), test),
            Self::Flag { path, is } => Condition::all().add(value(path, Asked::Flag).eq(*is)),
            Self::Present { path } => Condition::all().add(value(path, Asked::Presence)),
            Self::Any { path, such } => {
                let such = such.condition(sql, &|key, asked| element(backend, key, asked))?;
                Condition::all().add(one_element(backend, json.clone(), path, such))
            }
        })
    }
}

impl ElementFilter {
    /// The predicate on an element whose members, or itself, `value` gives as SQL. Each condition counts, and each level.
    pub fn condition(&self, sql: &mut Sql, value: &dyn Fn(Option<&str>, Asked) -> SimpleExpr) -> Result<Condition> {
        match self {
            Self::All(parts) => sql.deeper(|sql| {
                parts
                    .iter()
                    .try_fold(Condition::all().add(Expr::val(1).eq(1)), |all, part| {
                        Ok(all.add(part.condition(sql, value)?))
                    })
            }),
            Self::Any(parts) => parts
                .iter()
                .try_fold(Condition::any().add(Expr::val(1).eq(0)), |any, part| {
                    Ok(any.add(part.condition(sql, value)?))
                }),
            Self::Not(part) => Ok(negated(part.condition(sql, value)?)),
            Self::Text { key, test } => {
                sql.count()?;
                Ok(text_condition(sql.backend(), value(key.as_deref(), Asked::Text), test))
            }
            Self::Flag { key, is } => {
                sql.count()?;
                Ok(Condition::all().add(value(key.as_deref(), Asked::Flag).eq(*is)))
            }
            Self::Present { key } => {
                sql.count()?;
                Ok(Condition::all().add(value(key.as_deref(), Asked::Presence)))
            }
        }
    }
}

/// The element that [`one_element`] looks at: one of its members, or itself.
pub fn element(backend: DbBackend, key: Option<&str>, asked: Asked) -> SimpleExpr {
    if backend == DbBackend::Postgres {
        let value = Expr::cust("element.value");
        return match key {
            Some(key) => json_value(backend, value, &[key.to_owned()], asked),
            None => json_value(backend, value, &[], asked),
        };
    }
    match (key, asked) {
        // Its functions read only JSON, and a text that is an element is given without its quotes.
        (Some(key), asked) => {
            let object = Expr::cust("CASE element.type WHEN 'object' THEN element.value END");
            json_value(backend, object, &[key.to_owned()], asked)
        }
        (None, Asked::Text) => Expr::cust("CASE element.type WHEN 'text' THEN element.value END"),
        (None, Asked::Flag) => Expr::cust("CASE WHEN element.type IN ('true', 'false') THEN element.type = 'true' END"),
        (None, Asked::Presence) => Expr::cust(
            "CASE element.type WHEN 'null' THEN FALSE WHEN 'text' THEN element.value <> ''
             WHEN 'array' THEN element.value <> '[]' WHEN 'object' THEN element.value <> '{}' ELSE TRUE END",
        ),
    }
}

/// Whether one element of the list at a path meets a condition, which is written with [`element`].
pub fn one_element(backend: DbBackend, json: SimpleExpr, path: &[String], such: Condition) -> SimpleExpr {
    if !can_be_asked_for(path) {
        return Expr::val(1).eq(0);
    }
    // In a condition of its own: to add it to alternatives would make them true.
    let such: SimpleExpr = Condition::all().add(such).add(Expr::val(1).eq(1)).into();
    if backend == DbBackend::Postgres {
        let list = descend(json, path);
        return Expr::cust_with_exprs(
            "EXISTS (SELECT 1 FROM (SELECT $1 AS list OFFSET 0) AS found, jsonb_array_elements(
                 CASE jsonb_typeof(found.list) WHEN 'array' THEN found.list ELSE CAST('[]' AS jsonb) END) AS element(value)
             WHERE $2)",
            [list, such],
        );
    }
    let place = Expr::val(place(path));
    Expr::cust_with_exprs(
        "EXISTS (SELECT 1 FROM json_each(?, ?) AS element WHERE json_type(?, ?) = 'array' AND (?))",
        [json.clone(), place.clone(), json, place, such],
    )
}

/// The column's JSON, in the type that [`json_value`] and [`one_element`] read.
pub fn document(backend: DbBackend, column: SimpleExpr) -> SimpleExpr {
    match backend {
        DbBackend::Postgres => Expr::cust_with_exprs("CAST($1 AS jsonb)", [column]),
        _ => column,
    }
}

/// The value at a path of JSON.
pub fn json_value(backend: DbBackend, json: SimpleExpr, path: &[String], asked: Asked) -> SimpleExpr {
    if !can_be_asked_for(path) {
        return match asked {
            Asked::Text => Expr::cust("CAST(NULL AS text)"),
            Asked::Flag => Expr::cust("CAST(NULL AS boolean)"),
            Asked::Presence => Expr::val(1).eq(0),
        };
    }
    if backend == DbBackend::Postgres {
        let value = descend(json, path);
        let form = match asked {
            // Texts compare by code point, as in the columns.
            Asked::Text => "(CASE jsonb_typeof($1) WHEN 'string' THEN ($1) #>> '{}' END COLLATE \"C\")",
            Asked::Flag => "(CASE jsonb_typeof($1) WHEN 'boolean' THEN ($1) = CAST('true' AS jsonb) END)",
            Asked::Presence => "COALESCE(CAST($1 AS text) COLLATE \"C\" NOT IN ('null', '\"\"', '[]', '{}'), FALSE)",
        };
        return Expr::cust_with_exprs(form, [value]);
    }
    let place = Expr::val(place(path));
    match asked {
        Asked::Text => Expr::cust_with_exprs(
            "(CASE json_type(?, ?) WHEN 'text' THEN json_extract(?, ?) END)",
            [json.clone(), place.clone(), json, place],
        ),
        Asked::Flag => Expr::cust_with_exprs(
            "(CASE json_type(?, ?) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)",
            [json, place],
        ),
        Asked::Presence => Expr::cust_with_exprs(
            "COALESCE((? -> ?) NOT IN ('null', '\"\"', '[]', '{}'), FALSE)",
            [json, place],
        ),
    }
}

/// What is at a path, in PostgreSQL's type.
fn descend(json: SimpleExpr, path: &[String]) -> SimpleExpr {
    path.iter().fold(json, |json, key| {
        Expr::cust_with_exprs("($1 -> CAST($2 AS text))", [json, Expr::val(key.as_str())])
    })
}

/// Whether both databases can be asked for all of these names; nothing has another one.
fn can_be_asked_for(path: &[String]) -> bool {
    path.iter().all(|key| is_storable(key) && !key.contains(['"', '\\']))
}

/// A path as SQLite writes it.
fn place(path: &[String]) -> String {
    path.iter()
        .fold("$".to_owned(), |place, key| format!("{place}.\"{key}\""))
}
