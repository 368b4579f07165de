//! Checks the database at start, so that problems are reported to the operator then, and not to callers later.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, RuntimeErr};

use super::connection::TAKES_CHANGES;
use super::limits::WAIT;
use super::pool::Pool;
use super::reader::Reader;
use super::schema::{applied_steps, select};
use super::words::cannot_connect;
use super::{Database, ROOM_BYTES_MIN};
use crate::model::error::{Error, Fault, Result, database_error, fault_of, sql_state};

/// The tables that the migrations create. A test compares them with the schema.
pub const TABLES: [&str; 29] = [
    "answered_requests",
    "api_keys",
    "audit_events",
    "catalogue",
    "cursor_keys",
    "email_tokens",
    "federated_identities",
    "group_members",
    "group_roles",
    "groups",
    "invitation_roles",
    "invitations",
    "mail_limits",
    "mails",
    "organizations",
    "password_requests",
    "password_tokens",
    "permissions",
    "resource_servers",
    "roles",
    "sessions",
    "settings",
    "sign_in_attempts",
    "signing_keys",
    "tenants",
    "user_roles",
    "user_words",
    "users",
    "word_fold",
];
/// Where the migration library records applied migrations.
const STEPS: &str = "seaql_migrations";

/// How often to try again to initialize a SQLite file.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// Opens the first connection to a SQLite file, which initializes a new one. If several processes do so at once, SQLite
/// tells the others that the file is locked, without waiting as it does later.
pub(super) async fn first_to_file(pool: &Arc<Pool>) -> Result<(), DbErr> {
    let started = Instant::now();
    loop {
        match pool.take(None).await {
            Ok(_) => return Ok(()),
            Err(error) if fault_of(&error) == Fault::Busy && started.elapsed() < WAIT => {
                tokio::time::sleep(TRY_EVERY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Opens the first connection, and refuses a server with unsuitable settings.
pub(super) async fn first_connection(pool: &Arc<Pool>, asked: &PgConnectOptions) -> anyhow::Result<()> {
    let lease = pool.take(None).await.map_err(|error| match database_error(&error) {
        Some(cause) => cannot_connect(asked, cause),
        None => error.into(),
    })?;
    let shared = lease.is_shared();
    drop(lease);
    if shared && asked.get_options().is_some_and(|options| !options.is_empty()) {
        bail!(
            "the pooler in front of PostgreSQL ignores the 'options' of TENANTRY_DATABASE_URL. Set them for the user \
             (ALTER ROLE … SET …) and remove them from the URL, or connect to PostgreSQL directly"
        );
    }
    let user = asked.get_username();
    let reader = Reader {
        backend: DbBackend::Postgres,
        pool: Arc::clone(pool),
        share: None,
        known: Arc::default(),
    };
    let asked = "SELECT current_setting('server_encoding'), current_schema()::text, current_setting('search_path')";
    let settings: Vec<(String, Option<String>, String)> = match select(&reader, asked).await {
        Err(error) if shared && database_error(&error).and_then(sql_state).as_deref() == Some("08P01") => bail!(
            "the pooler in front of PostgreSQL does not support transactions, which every change needs: use session \
             or transaction pooling (PgBouncer: pool_mode = transaction), not statement pooling"
        ),
        settings => settings?,
    };
    let (encoding, schema, path) = settings.first().context("a setting without a value")?;
    if encoding != "UTF8" {
        bail!(
            "the database has the encoding {encoding}, which cannot store every name. Create one with UTF8 and \
             specify it in TENANTRY_DATABASE_URL: createdb --encoding=UTF8 --template=template0 tenantry"
        );
    }
    if schema.is_none() {
        bail!(
            "the user's search_path ({path}) contains no schema that exists and that this user may use: create one \
             for the user (CREATE SCHEMA tenantry AUTHORIZATION \"{user}\"), or change the path (ALTER ROLE … SET \
             search_path)"
        );
    }
    if shared {
        tracing::info!(
            "there is a pooler in front of PostgreSQL: each statement runs in a transaction of its own, and no \
             prepared statements are kept"
        );
    }
    Ok(())
}

/// Refuses a database with another program's tables, or without the privileges that the server needs. Called under the
/// set-up lock, before anything is created.
pub async fn refuse_what_cannot_work(connection: &impl ConnectionTrait) -> anyhow::Result<()> {
    let tables = tables(connection).await?;
    let ours = ["organizations", "tenants", "users", "audit_events"]
        .iter()
        .all(|name| tables.contains(*name));
    refuse_others(connection, &tables, ours).await?;
    if connection.get_database_backend() == DbBackend::Postgres {
        if ours {
            refuse_missing_rights(connection).await?;
        } else {
            refuse_without_create(connection).await?;
        }
    }
    Ok(())
}

/// The tables and views that are already there.
async fn tables(connection: &impl ConnectionTrait) -> anyhow::Result<BTreeSet<String>> {
    let backend = connection.get_database_backend();
    let statement = match backend {
        DbBackend::Postgres => {
            "SELECT relname::text AS name FROM pg_class \
             WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind IN ('r', 'p', 'v', 'm', 'f')"
        }
        _ => "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
    };
    Ok(select(connection, statement).await?.into_iter().collect())
}

/// Refuses existing tables that tenantry has not created.
async fn refuse_others(connection: &impl ConnectionTrait, tables: &BTreeSet<String>, ours: bool) -> anyhow::Result<()> {
    const WAY_OUT: &str = "Give tenantry a database of its own, and specify it in TENANTRY_DATABASE_URL (PostgreSQL: \
                           createdb --encoding=UTF8 --template=template0 tenantry; or a schema of its own, and a user \
                           whose search_path names it)";
    let steps = match tables.contains(STEPS) {
        true => steps(connection).await?,
        false => Some(Vec::new()),
    };
    let known = Migrator::migrations();
    let Some(steps) = steps else {
        bail!("this database contains another program's table '{STEPS}'. {WAY_OUT}.");
    };
    let any_known = steps.iter().any(|step| known.iter().any(|known| known.name() == step));
    if any_known || ours && !steps.is_empty() {
        return Ok(());
    }
    if let Some(step) = steps.first() {
        bail!("this database contains another program's table '{STEPS}', with the migration '{step}'. {WAY_OUT}.");
    }
    if let Some(table) = TABLES.iter().find(|table| tables.contains(**table)) {
        bail!("this database contains another program's table '{table}'. {WAY_OUT}.");
    }
    Ok(())
}

/// The applied migrations, or `None` if the table is not the migration library's.
async fn steps(connection: &impl ConnectionTrait) -> anyhow::Result<Option<Vec<String>>> {
    let backend = connection.get_database_backend();
    let columns = match backend {
        DbBackend::Postgres => {
            "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.seaql_migrations') AND attnum > 0"
        }
        _ => "SELECT name FROM pragma_table_info('seaql_migrations')",
    };
    let columns: Vec<String> = select(connection, columns).await?;
    if !["version", "applied_at"]
        .iter()
        .all(|name| columns.iter().any(|column| column == name))
    {
        return Ok(None);
    }
    let may_read =
        "SELECT has_table_privilege(to_regclass(quote_ident(current_schema()) || '.seaql_migrations'), 'SELECT')";
    if backend == DbBackend::Postgres && select::<bool>(connection, may_read).await? != [true] {
        bail!(
            "the user may not read the table '{STEPS}': {}",
            grants(connection).await?
        );
    }
    Ok(Some(applied_steps(connection).await?))
}

/// Refuses a user who may not create tables, if they do not exist yet.
async fn refuse_without_create(connection: &impl ConnectionTrait) -> anyhow::Result<()> {
    let statement = "SELECT current_schema()::text, current_user::text, current_database()::text \
                     WHERE NOT has_schema_privilege(current_schema(), 'CREATE')";
    let refused: Vec<(String, String, String)> = select(connection, statement).await?;
    let Some((schema, user, database)) = refused.first() else {
        return Ok(());
    };
    bail!(
        "the user '{user}' may not create tables in the schema '{schema}' of the database '{database}'. Let an \
         administrator run ALTER DATABASE \"{database}\" OWNER TO \"{user}\", or GRANT CREATE ON SCHEMA \"{schema}\" \
         TO \"{user}\""
    );
}

/// Refuses a user without the privileges on the tables that the server needs.
async fn refuse_missing_rights(connection: &impl ConnectionTrait) -> anyhow::Result<()> {
    let names = missing_rights(connection).await?;
    if names.is_empty() {
        return Ok(());
    }
    bail!(
        "the user does not have all the rights that the server needs ('{}'): {}",
        names.join("', '"),
        grants(connection).await?
    );
}

/// The first tables and sequences on which this user lacks privileges.
async fn missing_rights(connection: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let statement = "SELECT c.relname::text AS name FROM pg_class c \
                     WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND CASE \
                       WHEN c.relkind IN ('r', 'p') THEN NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') \
                         AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) \
                       WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') ELSE false END \
                     ORDER BY 1 LIMIT 3";
    select(connection, statement).await
}

/// The statements that an administrator should run.
async fn grants(connection: &impl ConnectionTrait) -> anyhow::Result<String> {
    let names = select(
        connection,
        "SELECT quote_ident(current_schema()), quote_ident(current_user)",
    )
    .await?;
    let (schema, user): &(String, String) = names.first().context("somebody asks")?;
    Ok(format!(
        "make the user the owner of the tables, which an upgrade needs anyway; or let an administrator run GRANT \
         SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {user}; GRANT USAGE ON ALL SEQUENCES IN \
         SCHEMA {schema} TO {user}"
    ))
}

impl Database {
    /// Whether a change would succeed now. A disk that is almost full is noticed before the first change fails; after a
    /// failure, an empty change is tried.
    pub async fn takes_changes(&self) -> Result<bool> {
        match self.writer.target.file() {
            Some(file) => {
                if !has_room(file) {
                    return Ok(false);
                }
                self.writer
                    .target
                    .is_still_there()
                    .map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
            }
            None => {
                if select::<bool>(&self.reader, TAKES_CHANGES).await? != [true] {
                    return Ok(false);
                }
            }
        }
        if self.writer.ails() {
            self.try_change().await?;
        }
        Ok(true)
    }

    /// Commits a change that changes nothing, but is written to the disk and to synchronous standbys.
    async fn try_change(&self) -> Result<()> {
        let change = self.begin().await?;
        match self.backend() {
            DbBackend::Postgres => {
                let missing = missing_rights(&change).await?;
                if !missing.is_empty() {
                    return Err(Error::internal(format!(
                        "the user may not change {}",
                        missing.join(", ")
                    )));
                }
                change
                    .execute_unprepared("UPDATE seaql_migrations SET applied_at = applied_at")
                    .await?;
            }
            _ => {
                let version: Vec<i32> = select(&change, "PRAGMA user_version").await?;
                let version = version.first().unwrap_or(&0);
                change
                    .execute_unprepared(&format!("PRAGMA user_version = {version}"))
                    .await?;
            }
        }
        change.commit().await
    }
}

/// Whether a file can still grow. If the file system does not report it, it can.
fn has_room(file: &Path) -> bool {
    room(file).is_none_or(|bytes| bytes >= ROOM_BYTES_MIN)
}

/// The free space on a file's disk, if its file system reports it.
pub fn room(file: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(file).ok()?;
    // Some file systems report a size of nothing.
    (found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize))
}
