//! One file per table: its columns, and how far a scope reaches into it.
//!
//! Queries start here or in [`crate::list`], and always from a scope; nothing else in the server calls `find()`.

pub mod api_key;
pub mod audit_event;
pub mod email_token;
pub mod federated_identity;
pub mod invitation;
pub mod invitation_role;
pub mod organization;
pub mod password_token;
pub mod role;
pub mod setting;
pub mod tenant;
pub mod user;
pub mod user_role;

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, DbBackend, IntoSimpleExpr, Value};

/// `column IN (keys)` in one statement text whatever the number of keys, so that it is prepared once.
pub fn any_of<C: ColumnTrait>(backend: DbBackend, column: C, keys: impl IntoIterator<Item = i64>) -> SimpleExpr {
    match backend {
        DbBackend::Postgres => {
            let keys: Vec<i64> = keys.into_iter().collect();
            Expr::cust_with_exprs(
                "$1 = ANY($2)",
                [column.into_simple_expr(), Expr::val(Value::from(keys))],
            )
        }
        _ => {
            let keys = serde_json::Value::from_iter(keys).to_string();
            Expr::cust_with_exprs(
                "? IN (SELECT value FROM json_each(?))",
                [column.into_simple_expr(), Expr::val(keys)],
            )
        }
    }
}
