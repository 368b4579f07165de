//! One file per table: its columns, and how far a scope reaches into it.
//!
//! Every list begins with the scope. A verb that looks for the one row it is to change
//! begins with the scope too (`within(&granted)`), or with an internal key that such a row gave it.

pub mod api_key;
pub mod audit_event;
pub mod email_token;
pub mod federated_identity;
pub mod group;
pub mod group_member;
pub mod group_role;
pub mod invitation;
pub mod invitation_role;
pub mod mail;
pub mod mail_limit;
pub mod organization;
pub mod password_request;
pub mod password_token;
pub mod role;
pub mod session;
pub mod setting;
pub mod sign_in_attempt;
pub mod signing_key;
pub mod tenant;
pub mod user;
pub mod user_role;

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, DbBackend, IntoSimpleExpr, Value};
use serde::Serialize;

/// `column IN (keys)`; see [`among`].
pub fn any_of<C: ColumnTrait>(backend: DbBackend, column: C, keys: impl IntoIterator<Item = i64>) -> SimpleExpr {
    let keys: Vec<i64> = keys.into_iter().collect();
    among(backend, column.into_simple_expr(), keys, "bigint[]")
}

/// `tested IN (list)`, the list being one parameter: one statement text whatever its length, so that it is prepared once.
/// `array` is the list's type on PostgreSQL, which there is read from a subquery: of a bare parameter PostgreSQL looks at
/// the value, and plans anew at each execution, which takes longer than looking up what is in it.
pub fn among<T>(backend: DbBackend, tested: SimpleExpr, list: Vec<T>, array: &str) -> SimpleExpr
where
    Vec<T>: Into<Value> + Serialize,
{
    match backend {
        DbBackend::Postgres => Expr::cust_with_exprs(
            format!("$1 {}", in_parameter(backend, "$2", array)),
            [tested, Expr::val(list.into())],
        ),
        _ => Expr::cust_with_exprs(
            format!("? {}", in_parameter(backend, "?", array)),
            [tested, Expr::val(serde_json::json!(list).to_string())],
        ),
    }
}

/// The words behind a value that test whether it is in the list that a parameter holds: an array on PostgreSQL, JSON on
/// SQLite; see [`among`].
pub fn in_parameter(backend: DbBackend, parameter: &str, array: &str) -> String {
    match backend {
        DbBackend::Postgres => format!("= ANY(CAST((SELECT {parameter}) AS {array}))"),
        _ => format!("IN (SELECT value FROM json_each({parameter}))"),
    }
}
