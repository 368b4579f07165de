//! Statements in a form that the databases plan once, and well.

use std::borrow::Cow;

use sea_orm::{DbBackend, Statement, Value, Values};

const LIMIT: &str = " LIMIT ";

/// The same statement, with its limits in a form that is planned once.
///
/// PostgreSQL plans once for all values (`plan_cache_mode`), and would take an unknown limit for a tenth of the table, so
/// limits are written into the text: there are few of them. SQLite (3.51) uses the value of a bare `LIMIT ?` when it plans,
/// and so plans again each time a value is bound, which costs more than a page; it does not do so for an expression.
///
/// Values are bound and the names are ours, so ` LIMIT ` stands nowhere else in a text.
pub fn planned_once(statement: &Statement) -> Cow<'_, Statement> {
    if !statement.sql.contains(LIMIT) {
        return Cow::Borrowed(statement);
    }
    match statement.db_backend {
        DbBackend::Postgres => Cow::Owned(with_limits(statement)),
        _ => Cow::Owned(Statement {
            sql: statement.sql.replace(" LIMIT ?", " LIMIT ? + 0"),
            ..statement.clone()
        }),
    }
}

/// Writes the values of `LIMIT $n` into the text, if the parameters are numbered in the order of the text.
fn with_limits(statement: &Statement) -> Statement {
    let values = statement
        .values
        .as_ref()
        .map(|values| values.0.as_slice())
        .unwrap_or_default();
    let mut pieces = statement.sql.split('$');
    let mut sql = pieces.next().unwrap_or_default().to_owned();
    let mut others = Vec::with_capacity(values.len());
    let mut number = 0;
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let written = piece.get(..piece.len() - rest.len()).unwrap_or_default();
        number += 1;
        let Some(value) = values.get(number - 1).filter(|_| written == number.to_string()) else {
            return statement.clone();
        };
        match value {
            Value::BigUnsigned(Some(limit)) if sql.ends_with(LIMIT) => sql.push_str(&limit.to_string()),
            other => {
                others.push(other.clone());
                sql.push('$');
                sql.push_str(&others.len().to_string());
            }
        }
        sql.push_str(rest);
    }
    Statement {
        sql,
        values: Some(Values(others)),
        db_backend: statement.db_backend,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written() {
        let statement =
            |sql: &str, values: Vec<Value>| Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let of = |sql: &str, values| planned_once(&statement(sql, values)).into_owned();
        let limit = Value::BigUnsigned(Some(7));
        let found = of("a = $1 LIMIT $2 OFFSET $3", vec![1.into(), limit.clone(), 3.into()]);
        assert_eq!(found, statement("a = $1 LIMIT 7 OFFSET $2", vec![1.into(), 3.into()]));
        // What is numbered by hand stays as it is.
        let by_hand = statement("a = $2 OR b = $1 LIMIT $3", vec![1.into(), 2.into(), limit]);
        assert_eq!(planned_once(&by_hand).into_owned(), by_hand);
        let without = statement("a = $1", vec![1.into()]);
        assert!(matches!(planned_once(&without), Cow::Borrowed(_)));
    }
}
