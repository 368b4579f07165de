//! Checks the database at start, so that problems are reported to the operator then, and not to callers later.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, RuntimeErr, Statement};

use super::pool::Pool;
use super::reader::Reader;
use super::words::cannot_connect;
use super::{Database, ROOM_BYTES_MIN};
use crate::model::error::{Error, Result, database_error, sql_state};

/// The tables that the migrations create. A test compares them with the schema.
pub const TABLES: [&str; 22] = [
    "api_keys",
    "audit_events",
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
    "roles",
    "sessions",
    "settings",
    "sign_in_attempts",
    "signing_keys",
    "tenants",
    "user_roles",
    "users",
];
/// Where the migration library records applied migrations.
const STEPS: &str = "seaql_migrations";

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
    };
    let asked = Statement::from_string(
        DbBackend::Postgres,
        "SELECT current_setting('server_encoding') AS encoding, current_schema()::text AS schema, current_setting('search_path') AS path",
    );
    let row = match reader.query_one_raw(asked).await {
        Err(error) if shared && database_error(&error).and_then(sql_state).as_deref() == Some("08P01") => bail!(
            "the pooler in front of PostgreSQL does not support transactions, which every change needs: use session \
             or transaction pooling (PgBouncer: pool_mode = transaction), not statement pooling"
        ),
        row => row?.context("a setting without a value")?,
    };
    let encoding: String = row.try_get("", "encoding")?;
    if encoding != "UTF8" {
        bail!(
            "the database has the encoding {encoding}, which cannot store every name. Create one with UTF8 and \
             specify it in TENANTRY_DATABASE_URL: createdb --encoding=UTF8 --template=template0 tenantry"
        );
    }
    if row.try_get::<Option<String>>("", "schema")?.is_none() {
        let path: String = row.try_get("", "path")?;
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
    let rows = connection
        .query_all_raw(Statement::from_string(backend, statement))
        .await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get("", "name"))
        .collect::<Result<_, DbErr>>()?)
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
    let rows = connection
        .query_all_raw(Statement::from_string(backend, columns))
        .await?;
    let columns: BTreeSet<String> = rows
        .iter()
        .map(|row| row.try_get("", "name"))
        .collect::<Result<_, DbErr>>()?;
    if !["version", "applied_at"].iter().all(|name| columns.contains(*name)) {
        return Ok(None);
    }
    if backend == DbBackend::Postgres && !may_read_steps(connection).await? {
        bail!(
            "the user may not read the table '{STEPS}': {}",
            grants(connection).await?
        );
    }
    let statement = Statement::from_string(backend, "SELECT version AS name FROM seaql_migrations ORDER BY version");
    let rows = connection.query_all_raw(statement).await?;
    Ok(Some(
        rows.iter()
            .map(|row| row.try_get("", "name"))
            .collect::<Result<_, DbErr>>()?,
    ))
}

async fn may_read_steps(connection: &impl ConnectionTrait) -> anyhow::Result<bool> {
    let statement = "SELECT has_table_privilege(to_regclass(quote_ident(current_schema()) || '.seaql_migrations'), 'SELECT') AS may";
    let row = connection
        .query_one_raw(Statement::from_string(DbBackend::Postgres, statement))
        .await?;
    Ok(row.context("a right is held or not")?.try_get("", "may")?)
}

/// Refuses a user who may not create tables, if they do not exist yet.
async fn refuse_without_create(connection: &impl ConnectionTrait) -> anyhow::Result<()> {
    let statement = "SELECT has_schema_privilege(current_schema(), 'CREATE') AS may, current_schema()::text AS schema, \
                     current_user::text AS user, current_database()::text AS database";
    let row = connection
        .query_one_raw(Statement::from_string(DbBackend::Postgres, statement))
        .await?
        .context("a right is held or not")?;
    if row.try_get("", "may")? {
        return Ok(());
    }
    let [schema, user, database] = ["schema", "user", "database"].map(|column| row.try_get::<String>("", column));
    let (schema, user, database) = (schema?, user?, database?);
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
    let rows = connection
        .query_all_raw(Statement::from_string(DbBackend::Postgres, statement))
        .await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

/// The statements that an administrator should run.
async fn grants(connection: &impl ConnectionTrait) -> anyhow::Result<String> {
    let statement = "SELECT quote_ident(current_schema()) AS schema, quote_ident(current_user) AS user";
    let row = connection
        .query_one_raw(Statement::from_string(DbBackend::Postgres, statement))
        .await?
        .context("somebody asks")?;
    let (schema, user): (String, String) = (row.try_get("", "schema")?, row.try_get("", "user")?);
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
                if !self.is_primary().await? {
                    return Ok(false);
                }
            }
        }
        if self.writer.ails() {
            self.try_change().await?;
        }
        Ok(true)
    }

    async fn is_primary(&self) -> Result<bool> {
        let statement = Statement::from_string(
            DbBackend::Postgres,
            "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS takes_changes",
        );
        let row = self.reader.query_one_raw(statement).await?;
        Ok(row.is_some_and(|row| row.try_get("", "takes_changes").unwrap_or(false)))
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
                let version = Statement::from_string(DbBackend::Sqlite, "PRAGMA user_version");
                let version: i32 = match change.query_one_raw(version).await? {
                    Some(row) => row.try_get("", "user_version")?,
                    None => 0,
                };
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
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
