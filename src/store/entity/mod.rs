//! One file per table: its columns, and how a scope limits queries on it.
//!
//! Every list query starts with the scope. A verb that looks up the row to change also starts with the scope
//! (`within(&granted)`), or with an internal key from such a row.

pub mod answered_request;
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
pub mod permission;
pub mod resource_server;
pub mod role;
pub mod session;
pub mod setting;
pub mod sign_in_attempt;
pub mod signing_key;
pub mod tenant;
pub mod user;
pub mod user_role;
pub mod user_word;
pub mod word_fold;
mod words;

pub use words::{Folded, Worded};

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, DbBackend, IntoSimpleExpr, Value};
use serde::Serialize;

use crate::authz::Tenants;

/// Rows of these tenants. A single tenant becomes an equality, so that an index that starts with organization and tenant
/// can be used in order.
pub fn in_tenants<C: ColumnTrait>(tenants: &Tenants, organization: C, tenant: C) -> Condition {
    let theirs = match tenants.keys.as_slice() {
        [only] => tenant.eq(*only),
        several => tenant.is_in(several.iter().copied()),
    };
    Condition::all()
        .add(organization.eq(tenants.organization_pk))
        .add(theirs)
}

/// `column IN (keys)`; see [`among`].
pub fn any_of<C: ColumnTrait>(backend: DbBackend, column: C, keys: impl IntoIterator<Item = i64>) -> SimpleExpr {
    let keys: Vec<i64> = keys.into_iter().collect();
    among(backend, column.into_simple_expr(), keys, "bigint[]")
}

/// `tested IN (list)`, the list being one parameter: one statement text whatever its length, so that it is prepared
/// once. `array` is the list's type on PostgreSQL, where it is read from a subquery: with a bare parameter, PostgreSQL
/// looks at the value and plans again at each execution, which takes longer than the look-up itself.
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

/// The SQL that tests whether a value is in the list in a parameter: an array on PostgreSQL, JSON on SQLite; see
/// [`among`].
pub fn in_parameter(backend: DbBackend, parameter: &str, array: &str) -> String {
    match backend {
        DbBackend::Postgres => format!("= ANY(CAST((SELECT {parameter}) AS {array}))"),
        _ => format!("IN (SELECT value FROM json_each({parameter}))"),
    }
}
