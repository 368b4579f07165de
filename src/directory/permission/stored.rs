//! The names that roles and API keys hold, as they are stored: separated by spaces.

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::model::Timestamp;
use crate::model::error::Result;

/// The tables that hold names.
const HOLDERS: [&str; 2] = ["roles", "api_keys"];

/// How many roles, and how many API keys in force, hold this name.
pub async fn uses(connection: &impl ConnectionTrait, name: &str, now: Timestamp) -> Result<[u64; 2]> {
    let mut uses = [0; 2];
    let now = now.micros();
    let in_force = format!("(revoked_at IS NULL OR revoked_at > {now}) AND (expires_at IS NULL OR expires_at > {now})");
    for ((table, count), counts) in HOLDERS.iter().zip(&mut uses).zip(["TRUE", &in_force]) {
        let has = has(connection, "$1");
        let sql = format!("SELECT COUNT(*) AS uses FROM {table} WHERE {has} AND {counts}");
        let row = connection
            .query_one_raw(statement(connection, sql, [word(name)]))
            .await?;
        let found: i64 = row.map_or(Ok(0), |row| row.try_get("", "uses"))?;
        *count = found.unsigned_abs();
    }
    Ok(uses)
}

/// Takes this name out of every role and every API key. A key that is limited to nothing else permits nothing then.
pub async fn take_out(connection: &impl ConnectionTrait, name: &str, now: Timestamp) -> Result<()> {
    // Each name gets spaces of its own before it is removed, because two neighbours share one.
    let rest = "TRIM(REPLACE(REPLACE(' ' || REPLACE(permissions, ' ', '  ') || ' ', $1, ''), '  ', ' '))";
    rewrite(connection, rest, [word(name), now.micros().into()]).await
}

/// Puts a name beside another one, into every role and every API key that holds that.
pub async fn put_beside(connection: &impl ConnectionTrait, held: &str, new: &str, now: Timestamp) -> Result<()> {
    let values = [word(held), now.micros().into(), format!(" {new}").into()];
    rewrite(connection, "permissions || $3", values).await
}

async fn rewrite<const N: usize>(connection: &impl ConnectionTrait, new: &str, values: [Value; N]) -> Result<()> {
    for table in HOLDERS {
        let has = has(connection, "$1");
        let sql = format!(
            "UPDATE {table} SET permissions = {new}, version = version + 1,
                 updated_at = CASE WHEN updated_at >= $2 THEN updated_at + 1 ELSE $2 END WHERE {has}"
        );
        connection
            .execute_raw(statement(connection, sql, values.clone()))
            .await?;
    }
    Ok(())
}

/// That a row holds a name, with a space before and after it.
fn has(connection: &impl ConnectionTrait, word: &str) -> String {
    let find = match connection.get_database_backend() {
        DbBackend::Postgres => "strpos",
        _ => "instr",
    };
    format!("permissions IS NOT NULL AND {find}(' ' || permissions || ' ', {word}) > 0")
}

fn word(name: &str) -> Value {
    format!(" {name} ").into()
}

fn statement<const N: usize>(connection: &impl ConnectionTrait, sql: String, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(connection.get_database_backend(), sql, values)
}
