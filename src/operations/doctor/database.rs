//! Checks of the database.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbBackend;

use super::clock::clocks_apart;
use super::{Finding, broken};
use crate::context::{OpContext, Services};
use crate::directory::faces::{self, Settled};
use crate::directory::outbox;
use crate::keep::scan::Fault;
use crate::model::Faces;
use crate::model::error::{Error, Result};
use crate::store::db::{Database, SchemaState, Unready, schema_state, select};

const SUBJECT: &str = "database";
/// Processes tolerate two minutes in each other's tokens.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(30);
/// PostgreSQL 13, which has the numbers of transactions by which audit events are ordered.
const POSTGRES_MIN: i32 = 130_000;
/// From one version of PostgreSQL to the next.
const VERSION_PARTS: i32 = 10_000;
const MAIL_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// Checks of the database, which must be open; see [`unopened`](super::unopened).
pub async fn examine(services: &Arc<Services>, configured: Option<Faces>) -> Vec<Finding> {
    let db = &services.db;
    let mut found = match examine_state(db).await {
        Ok(found) => found,
        Err(error) => return vec![broken(SUBJECT, &error)],
    };
    // Without the right tables, nothing else can be checked.
    if found.iter().any(|finding| finding.subject == "schema") {
        return found;
    }
    for (subject, looked) in [
        ("clock", clock(services).await),
        ("signing key", signing_key(services).await),
        ("outbox", outbox(services).await),
        ("content", content(db).await),
        ("orphans", orphans(db).await),
        ("seats", seats(db).await),
        ("faces", faces(services, configured).await),
    ] {
        found.push(looked.unwrap_or_else(|error| broken(subject, &error)));
    }
    found
}

/// Does not repeat the checks at start: encoding, privileges, foreign tables.
async fn examine_state(db: &Database) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    match schema_state(db.reader()).await? {
        SchemaState::Current => {}
        SchemaState::Older(steps) => found.push(Finding::wrong(
            "schema",
            format!("Pending migrations: {steps}. Start the server, or run 'tenantry migrate up'."),
        )),
        SchemaState::Newer(_) => found.push(Finding::wrong(
            "schema",
            "A newer release created it. Use that release's binary, or restore a backup.",
        )),
        SchemaState::Unreleased(_) => found.push(Finding::wrong(
            "schema",
            "An unreleased build created it. Start with an empty database.",
        )),
    }
    found.push(match db.ready().await {
        Ok(()) | Err(Unready::OldSchema) => Finding::fine(SUBJECT, described(db).await?),
        Err(Unready::NoAnswer) => Finding::wrong(
            SUBJECT,
            "It does not answer in time. Check its load and the network \
                                                           between.",
        ),
        Err(Unready::TakesNoChanges) => Finding::wrong(
            SUBJECT,
            "It accepts no writes: it is a standby, it is read-only, or its disk is full. Specify the primary server, \
             or free disk space.",
        ),
    });
    found.extend(version(db).await?);
    found.extend(journal(db).await?);
    if db.is_shared().await? {
        found.push(Finding::risky(
            "pooler",
            "The connection goes through a transaction pooler, which costs two more round trips per statement. \
             tenantry needs few connections: connect to PostgreSQL directly if you can.",
        ));
    }
    Ok(found)
}

/// SQLite: whether reads and changes hinder each other.
async fn journal(db: &Database) -> Result<Option<Finding>> {
    if db.backend() != DbBackend::Sqlite {
        return Ok(None);
    }
    let mode: String = one(db, "PRAGMA journal_mode").await?;
    Ok((mode != "wal").then(|| {
        Finding::risky(
            "journal",
            format!(
                "The file's journal mode is {mode}, not WAL, so reads wait for changes. A backup, or a copy, is so until the server \
                 starts on it. If the server has started on it, then its file system does not support WAL, as network file \
                 systems do not: move it to a local disk."
            ),
        )
    }))
}

/// PostgreSQL: whether it is too old, by its number, such as 160004.
async fn version(db: &Database) -> Result<Option<Finding>> {
    if db.backend() == DbBackend::Sqlite {
        return Ok(None);
    }
    Ok(outdated(
        one(db, "SELECT current_setting('server_version_num')::int").await?,
    ))
}

fn outdated(version: i32) -> Option<Finding> {
    (version < POSTGRES_MIN).then(|| {
        Finding::wrong(
            "version",
            format!(
                "PostgreSQL {} is too old: tenantry needs {} or later. Upgrade it, or move to another server with pg_dump.",
                version / VERSION_PARTS,
                POSTGRES_MIN / VERSION_PARTS
            ),
        )
    })
}

async fn described(db: &Database) -> Result<String> {
    Ok(match db.backend() {
        DbBackend::Sqlite => "SQLite.".to_owned(),
        _ => {
            let version: String = one(db, "SELECT current_setting('server_version')").await?;
            let encoding: String = one(db, "SELECT current_setting('server_encoding')").await?;
            let isolation: String = one(db, "SELECT current_setting('transaction_isolation')").await?;
            format!("PostgreSQL {version}, {encoding}, {isolation}.")
        }
    })
}

pub(super) async fn one<T: sea_orm::TryGetable>(db: &Database, sql: &str) -> Result<T> {
    let found = select(db.reader(), sql).await?.into_iter().next();
    found.ok_or_else(|| Error::internal(format!("no answer to: {sql}")))
}

async fn clock(services: &Services) -> Result<Finding> {
    let apart = clocks_apart(services).await?;
    Ok(match apart > CLOCKS_APART_MAX {
        false => Finding::fine("clock", "It agrees with the database server's clock."),
        true => Finding::risky(
            "clock",
            format!(
                "It differs from the database server's clock by {} seconds. Above 120 seconds, the other processes \
                 reject this one's tokens. Synchronize the clocks with NTP.",
                apart.as_secs()
            ),
        ),
    })
}

async fn signing_key(services: &Services) -> Result<Finding> {
    const SUBJECT: &str = "signing key";
    let (signing, db, now) = (&services.signing, services.db.reader(), services.clock.now());
    if let Err(error) = signing.check_at_start(db, now).await {
        return Ok(Finding::wrong(
            SUBJECT,
            format!("The server does not start: {error:#}."),
        ));
    }
    // The newest one opens, or the server would not start. An older one may still sign.
    let others = signing.sealed_otherwise(db, now).await;
    let others = others.map_err(|error| Error::internal(format!("{error:#}")))?;
    Ok(match others.is_empty() {
        true => Finding::fine(
            SUBJECT,
            "The secret key decrypts the database's signing keys, or there are none yet.",
        ),
        false => Finding::of_fault(SUBJECT, sealed_otherwise(others)),
    })
}

fn sealed_otherwise(ids: Vec<String>) -> Fault {
    let advice = "As long as the server signs with one of them, nobody can sign in. Check that all processes on this database \
                  have the same TENANTRY_SECRET_KEY; then run 'tenantry rotate-keys --now', which replaces all signing keys.";
    let mut fault = Fault::of(
        "signing keys in force that are encrypted with another secret key",
        advice,
    );
    ids.into_iter().for_each(|id| fault.add(id));
    fault
}

async fn outbox(services: &Services) -> Result<Finding> {
    let (waiting, oldest) = outbox::load(services.db.reader()).await?;
    let age = oldest.map_or(Duration::ZERO, |oldest| oldest.until(services.clock.now()));
    Ok(match age > MAIL_AGE_MAX {
        false => Finding::fine("outbox", format!("{waiting} mails are waiting.")),
        true => Finding::risky(
            "outbox",
            format!(
                "{waiting} mails are waiting, the oldest for {} minutes. The server's log has the mail server's \
                 replies; 'tenantry doctor --mail-to ADDRESS' sends a test mail now.",
                age.as_secs() / 60
            ),
        ),
    })
}

async fn content(db: &Database) -> Result<Finding> {
    let mut counts = Vec::new();
    for (table, name) in [
        ("organizations", "organizations"),
        ("tenants", "tenants"),
        ("users", "users"),
        ("api_keys", "API keys"),
        ("sessions", "sessions"),
    ] {
        let count: i64 = one(db, &format!("SELECT COUNT(*) FROM {table}")).await?;
        counts.push(format!("{count} {name}"));
    }
    Ok(Finding::fine("content", format!("{}.", counts.join(", "))))
}

/// References that no foreign key can check: between objects of two organizations.
const ACROSS: [(&str, &str); 5] = [
    (
        "users with a tenant of another organization",
        "SELECT COUNT(*) FROM users u JOIN tenants t ON t.pk = u.tenant_pk WHERE t.organization_pk <> u.organization_pk",
    ),
    (
        "users with a role of another organization",
        "SELECT COUNT(*) FROM user_roles a JOIN users u ON u.pk = a.user_pk JOIN roles r ON r.pk = a.role_pk \
         WHERE r.organization_pk <> u.organization_pk",
    ),
    (
        "groups with a role of another organization",
        "SELECT COUNT(*) FROM group_roles a JOIN groups g ON g.pk = a.group_pk JOIN roles r ON r.pk = a.role_pk \
         WHERE r.organization_pk <> g.organization_pk",
    ),
    (
        "invitations with a role of another organization",
        "SELECT COUNT(*) FROM invitation_roles a JOIN invitations i ON i.pk = a.invitation_pk JOIN roles r ON \
         r.pk = a.role_pk WHERE r.organization_pk <> i.organization_pk",
    ),
    (
        "invitations with a role for a tenant of another organization",
        "SELECT COUNT(*) FROM invitation_roles a JOIN invitations i ON i.pk = a.invitation_pk JOIN tenants t ON \
         t.pk = a.tenant_pk WHERE t.organization_pk <> i.organization_pk",
    ),
];

async fn orphans(db: &Database) -> Result<Finding> {
    let mut found = Vec::new();
    if db.backend() == DbBackend::Sqlite {
        let count: i64 = one(db, "SELECT COUNT(*) FROM pragma_foreign_key_check").await?;
        if count > 0 {
            found.push(format!("{count} rows with a dangling foreign key"));
        }
    }
    for (what, sql) in ACROSS {
        let count: i64 = one(db, sql).await?;
        if count > 0 {
            found.push(format!("{count} {what}"));
        }
    }
    Ok(match found.is_empty() {
        true => Finding::fine("orphans", "None."),
        false => Finding::wrong(
            "orphans",
            format!(
                "There are {}. Another program has written to the database: restore the last good backup, or remove \
                 them.",
                found.join(", ")
            ),
        ),
    })
}

async fn faces(services: &Arc<Services>, configured: Option<Faces>) -> Result<Finding> {
    const SUBJECT: &str = "faces";
    let op = OpContext::machine(Arc::clone(services));
    let on = match faces::find(&op, configured).await? {
        Settled::On(on) => on,
        Settled::Otherwise(what) => return Ok(Finding::wrong(SUBJECT, format!("The server does not start: {what}."))),
    };
    let hidden = faces::hidden_roles_assigned(&op, on).await?;
    Ok(match hidden {
        0 => Finding::fine(SUBJECT, format!("On: {}.", on.to_text())),
        _ => Finding::risky(
            SUBJECT,
            format!(
                "On: {}. Roles of the others are assigned {hidden} times: nobody sees them, and they still permit what they \
                 did. To withdraw them, turn the face on with 'tenantry faces --set'.",
                on.to_text()
            ),
        ),
    })
}

/// How many organizations have a limit and such a number of taken seats.
async fn organizations_whose_seats(db: &Database, such: &str) -> Result<i64> {
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT o.seat_limit, o.seats_used, (SELECT COUNT(*) FROM users u \
         WHERE u.organization_pk = o.pk AND u.activated AND u.takes_seat) AS taken \
         FROM organizations o WHERE o.seat_limit IS NOT NULL) AS counted WHERE {such}"
    );
    one(db, &sql).await
}

async fn seats(db: &Database) -> Result<Finding> {
    const SUBJECT: &str = "seats";
    let wrong = organizations_whose_seats(db, "seats_used IS NULL OR seats_used <> taken").await?;
    if wrong > 0 {
        return Ok(Finding::wrong(
            SUBJECT,
            format!(
                "{wrong} organizations with a seat limit keep a wrong number of taken seats. Another program has written to \
                 the database. Clear their seat limit and set it again: this counts the seats."
            ),
        ));
    }
    Ok(match organizations_whose_seats(db, "seat_limit < taken").await? {
        0 => Finding::fine(SUBJECT, "No organization has more active users than seats."),
        over => Finding::risky(
            SUBJECT,
            format!(
                "{over} organizations have more active users than seats, so nobody can be added to them. Raise their \
                 seat limit, or deactivate users."
            ),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_postgresql_is_told() {
        for version in [130_000, 130_022, 160_004, 180_001] {
            assert_eq!(outdated(version), None, "{version}");
        }
        let found = outdated(120_022).unwrap();
        assert_eq!(found.severity, super::super::Severity::Wrong);
        assert!(
            found.says.starts_with("PostgreSQL 12 is too old: tenantry needs 13 "),
            "{}",
            found.says
        );
        // Before 10, a version had two parts.
        assert!(outdated(90_624).unwrap().says.starts_with("PostgreSQL 9 "));
    }
}
