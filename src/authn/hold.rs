//! Locks the caller's access until a change is committed.
//!
//! The caller's permissions were determined when the request came in. If the caller was deactivated, the key revoked or
//! the role withdrawn since then, the change must not be committed. So right before the commit, all of it is read again
//! and locked. A concurrent revocation either waits until the change is committed, or came first, and then the change
//! is refused. SQLite has only one writer at a time and needs no lock.
//!
//! These locks come last, after all rows that the verb itself locks. A verb that changes its caller's own account
//! already has a stronger lock on that row, and a verb that ends its caller's own credential calls `hold` before that.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use sea_orm::sea_query::{InsertStatement, PostgresQueryBuilder, SqlWriterValues, Values};
use sea_orm::{DbBackend, FromQueryResult, Statement, Value};

use crate::model::Caller;
use crate::model::Timestamp;
use crate::model::error::{Error, Result};
use crate::model::{Door, Rights};
use crate::store::catalogue::{self, Catalogued};

/// Accounts, credentials, and all rows that give a permission, each locked in its own query: PostgreSQL cannot lock
/// rows through an outer join or a union. Built-in roles never change and are not locked.
const HOLD: &str = r"
    WITH {writes} accounts AS (
        SELECT pk, organization_pk, tenant_pk FROM users WHERE pk IN ({user}, {behind}) AND activated {lock}
    ), keys AS (
        SELECT pk FROM api_keys
        WHERE pk = {key} AND (revoked_at IS NULL OR revoked_at > {now}) AND (expires_at IS NULL OR expires_at > {now}) {lock}
    ), signed_in AS (
        SELECT pk FROM sessions WHERE pk IN ({session}, {began}) AND ended_at IS NULL AND expires_at > {now} {lock}
    ), direct AS (
        SELECT user_pk, role_pk, tenant_pk FROM user_roles WHERE user_pk IN ({user}, {behind}) {lock}
    ), memberships AS (
        SELECT user_pk, group_pk FROM group_members WHERE user_pk IN ({user}, {behind}) {lock}
    ), carried AS (
        SELECT group_pk, role_pk, tenant_pk FROM group_roles WHERE group_pk IN (SELECT group_pk FROM memberships) {lock}
    ), assigned AS (
        SELECT user_pk, role_pk, tenant_pk FROM direct
        UNION SELECT m.user_pk, c.role_pk, c.tenant_pk FROM memberships m JOIN carried c ON c.group_pk = m.group_pk
    ), own_roles AS (
        SELECT pk, permissions FROM roles
        WHERE (organization_pk IS NOT NULL OR product) AND pk IN (SELECT role_pk FROM assigned) {lock}
    )
    SELECT a.pk AS user_pk, a.organization_pk, a.tenant_pk,
           (SELECT COUNT(*) FROM keys) AS api_keys, (SELECT COUNT(*) FROM signed_in) AS sessions,
           r.organization_pk AS role_organization_pk, r.name AS role_name, o.permissions AS role_permissions,
           s.tenant_pk AS for_tenant_pk, (SELECT version FROM catalogue) AS catalogue_version
    FROM accounts a
    LEFT JOIN assigned s ON s.user_pk = a.pk
    LEFT JOIN roles r ON r.pk = s.role_pk
    LEFT JOIN own_roles o ON o.pk = r.pk";

/// The same with this lock, after parts that write, which have the first values.
fn text(lock: &str, writes: &str, values: usize) -> String {
    let mut text = String::with_capacity(HOLD.len() + writes.len());
    for (before, name) in PIECES.iter() {
        text.push_str(before);
        match *name {
            "lock" => text.push_str(lock),
            "writes" => text.push_str(writes),
            name => {
                let number = VALUES.iter().position(|value| *value == name);
                text.extend(number.map(|number| format!("${}", values + number + 1)));
            }
        }
    }
    text
}

/// In the order in which they are bound.
const VALUES: [&str; 6] = ["user", "behind", "key", "session", "began", "now"];

/// The statement's text, cut at its names in braces: each piece with the name after it.
static PIECES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let pieces = HOLD.split('}').map(|piece| piece.split_once('{'));
    let last = HOLD.rsplit('}').next().unwrap_or_default();
    pieces.flatten().chain([(last, "")]).collect()
});

static HOLD_ON_SQLITE: LazyLock<String> = LazyLock::new(|| text("", "", 0));

/// Insertions as parts of another statement of PostgreSQL, with their values.
fn parts(insertions: &[InsertStatement]) -> (String, Vec<Value>) {
    let mut parts = SqlWriterValues::new("$", true);
    for (number, insertion) in insertions.iter().enumerate() {
        // Writing into memory does not fail.
        let _ = write!(parts, "written_{number} AS (");
        insertion.build_collect_into(PostgresQueryBuilder, &mut parts);
        let _ = parts.write_str("), ");
    }
    let (text, Values(values)) = parts.into_parts();
    (text, values)
}

/// One row per role of each account; an account without roles has one row without a role.
#[derive(FromQueryResult)]
struct Row {
    user_pk: i64,
    organization_pk: i64,
    tenant_pk: Option<i64>,
    api_keys: i64,
    sessions: i64,
    role_organization_pk: Option<i64>,
    role_name: Option<String>,
    role_permissions: Option<String>,
    for_tenant_pk: Option<i64>,
    catalogue_version: i64,
}

/// An account that may call, in its current state.
#[derive(Default)]
struct Standing {
    organization_pk: i64,
    tenant_pk: Option<i64>,
    rights: Rights,
}

/// Refuses a change if the caller's access has changed, and locks it until the transaction ends. `UNAUTHENTICATED` if
/// the account or the credential is gone, `FORBIDDEN` if a permission is.
///
/// `insertions` are done too: on PostgreSQL in the same statement, because each one costs a way to the server, and in no
/// certain order.
pub async fn hold(
    transaction: &impl Catalogued,
    caller: &Caller,
    now: Timestamp,
    insertions: &[InsertStatement],
) -> Result<()> {
    let impersonator = caller.impersonator.as_ref();
    let api_key = caller.api_key_pk.or(impersonator.and_then(|who| who.api_key_pk));
    let began_with = impersonator.and_then(|who| who.session_pk);
    let backend = transaction.get_database_backend();
    let (sql, mut values) = match backend {
        DbBackend::Postgres => {
            let (writes, values) = parts(insertions);
            (text("FOR SHARE", &writes, values.len()), values)
        }
        _ => {
            for insertion in insertions {
                transaction.execute(insertion).await?;
            }
            (HOLD_ON_SQLITE.clone(), Vec::new())
        }
    };
    values.extend([
        caller.user_pk.into(),
        impersonator.map_or(caller.user_pk, |who| who.user_pk).into(),
        api_key.into(),
        caller.session_pk.into(),
        began_with.into(),
        now.micros().into(),
    ]);
    let statement = Statement::from_sql_and_values(backend, sql, values);
    let rows = Row::find_by_statement(statement).all(transaction).await?;
    let version = rows.first().ok_or_else(gone)?.catalogue_version;
    let catalogue = catalogue::at(transaction, version).await?;
    let mut accounts: HashMap<i64, Standing> = HashMap::new();
    let mut credentials = (0, 0);
    for row in rows {
        credentials = (row.api_keys, row.sessions);
        let account = accounts.entry(row.user_pk).or_default();
        (account.organization_pk, account.tenant_pk) = (row.organization_pk, row.tenant_pk);
        if let Some(name) = &row.role_name {
            let stored = row.role_permissions.as_deref().unwrap_or_default();
            let permissions = catalogue.of_role(row.role_organization_pk, name, stored);
            account.rights.add(row.for_tenant_pk, permissions);
        }
    }
    let one = |present: Option<i64>| i64::from(present.is_some());
    if credentials != (one(api_key), one(caller.session_pk) + one(began_with)) {
        return Err(gone());
    }
    still(caller, &accounts)
}

fn still(caller: &Caller, accounts: &HashMap<i64, Standing>) -> Result<()> {
    let account = accounts
        .get(&caller.user_pk)
        .filter(|account| account.organization_pk == caller.organization_pk)
        .ok_or_else(gone)?;
    let Some(who) = &caller.impersonator else {
        return contain(&caller.limits.narrow(account.rights.clone()), &caller.rights);
    };
    contain(&account.rights, &caller.rights)?;
    let begun_by = accounts
        .get(&who.user_pk)
        .filter(|account| account.organization_pk == who.organization_pk)
        .ok_or_else(gone)?;
    let may = caller.limits.narrow(begun_by.rights.clone());
    contain(&may, &account.rights)?;
    let here = match account.tenant_pk {
        Some(pk) => may.for_tenant(pk),
        None => may.organization(),
    };
    let reaches = may.reach_everywhere() || begun_by.organization_pk == account.organization_pk;
    match (reaches, here.open(Door::USAGE_IMPERSONATION)) {
        (true, true) => Ok(()),
        (true, false) => Err(changed()),
        (false, _) => Err(gone()),
    }
}

fn contain(have: &Rights, need: &Rights) -> Result<()> {
    match have.contain(need) {
        true => Ok(()),
        false => Err(changed()),
    }
}

fn changed() -> Error {
    Error::forbidden(
        "Your permissions changed while this request was running, so nothing was changed. Try again.".to_owned(),
    )
}

fn gone() -> Error {
    Error::Unauthenticated(
        "Your account or credential changed while this request was running, so nothing was changed.".to_owned(),
    )
}
