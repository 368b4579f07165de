//! Whether a database is undamaged and has the indexes, triggers and settings that the migrations make.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbBackend};

use super::backup::Depth;
use super::scan::Fault;
use crate::store::db::{Setup, select};

const RESTORE: &str = "The database is damaged: restore the last good backup.";
const SLOW: &str = "Something else has changed the schema: make a backup with 'tenantry backup', and copy it into a new database \
                    with 'tenantry copy'.";
const STATISTICS: &str = "Somebody ran ANALYZE or PRAGMA optimize, and lists may become slow: copy the database with 'tenantry \
                          copy', which does not take the statistics with it.";

/// What is not as it should be.
pub async fn broken(connection: &impl ConnectionTrait, depth: Depth) -> anyhow::Result<Vec<Fault>> {
    match connection.get_database_backend() {
        DbBackend::Sqlite => of_sqlite(connection, depth).await,
        _ => of_postgres(connection).await,
    }
}

async fn of_sqlite(connection: &impl ConnectionTrait, depth: Depth) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let check = match depth {
        Depth::Quick => "PRAGMA quick_check(5)",
        Depth::Whole => "PRAGMA integrity_check(5)",
    };
    let damage: Vec<String> = select(connection, check).await?;
    let damage = damage.into_iter().filter(|told| told != "ok");
    faults.extend(Fault::of("damaged places", RESTORE).with(damage));
    let made = Made::by_migrations().await?;
    let here = Made::read(connection).await?;
    faults.extend(Fault::of("missing indexes", SLOW).with(made.missing(&here, |made| &made.indexes)));
    faults.extend(Fault::of("missing triggers", SLOW).with(made.missing(&here, |made| &made.triggers)));
    let moved = made.sizes.symmetric_difference(&here.sizes);
    let moved: BTreeSet<String> = moved.map(|(index, _)| index.clone()).collect();
    faults.extend(Fault::of("changed statistics of indexes", STATISTICS).with(moved));
    Ok(faults)
}

/// What belongs to a schema besides tables.
#[derive(Debug, Default)]
struct Made {
    indexes: BTreeSet<(String, String)>,
    triggers: BTreeSet<(String, String)>,
    /// What SQLite was told about the sizes of tables, by index.
    sizes: BTreeSet<(String, String)>,
}

impl Made {
    /// As the migrations make them.
    async fn by_migrations() -> anyhow::Result<Self> {
        let setup = Setup::in_memory().await?;
        setup.migrate().await?;
        let made = Self::read(&*setup).await?;
        setup.undo().await?;
        Ok(made)
    }

    async fn read(connection: &impl ConnectionTrait) -> anyhow::Result<Self> {
        let of = |kind: &str| format!("SELECT name, sql FROM sqlite_master WHERE type = '{kind}' AND sql IS NOT NULL");
        let sizes = "SELECT COALESCE(idx, tbl), COALESCE(stat, '') FROM sqlite_stat1";
        let has_sizes: Vec<i64> = select(connection, "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").await?;
        Ok(Self {
            indexes: select(connection, &of("index")).await?.into_iter().collect(),
            triggers: select(connection, &of("trigger")).await?.into_iter().collect(),
            sizes: match has_sizes.is_empty() {
                true => BTreeSet::new(),
                false => select(connection, sizes).await?.into_iter().collect(),
            },
        })
    }

    /// The names of what is missing, or is another one.
    fn missing(&self, here: &Self, part: impl Fn(&Self) -> &BTreeSet<(String, String)>) -> Vec<String> {
        let missing = part(self).difference(part(here));
        missing.map(|(name, _)| name.clone()).collect()
    }
}

/// What a PostgreSQL database must not have, and what to do.
const OF_POSTGRES: &[(&str, &str, &str)] = &[
    (
        "invalid indexes",
        "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND NOT i.indisvalid",
        "Build them again with REINDEX.",
    ),
    (
        "texts that are not compared by code point",
        "SELECT table_name || '.' || column_name FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name <> 'seaql_migrations' AND data_type = 'text'
             AND collation_name IS DISTINCT FROM 'C'",
        SLOW,
    ),
    (
        "disabled triggers",
        "SELECT t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
         WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND t.tgenabled <> 'O'",
        "Enable them with ALTER TABLE … ENABLE TRIGGER: they keep the audit trail unchanged, and users searchable.",
    ),
    (
        "trails of a restored database in which the next event would come too early",
        "SELECT 'audit_events' WHERE (SELECT MAX(position) >> 20 FROM audit_events)
             >= audit_events_era() + pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
        "Restart every server: a start corrects it.",
    ),
];

/// The triggers on PostgreSQL; on SQLite, some have other names.
const TRIGGERS_OF_POSTGRES: [&str; 5] = [
    "audit_events_unchanged",
    "audit_events_untruncated",
    "users_words_delete",
    "users_words_insert",
    "users_words_update",
];

async fn of_postgres(connection: &impl ConnectionTrait) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for (what, sql, advice) in OF_POSTGRES {
        let found: Vec<String> = select(connection, sql).await?;
        faults.extend(Fault::of(*what, advice).with(found));
    }
    let indexes = "SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema()";
    let indexes: Vec<String> = select(connection, indexes).await?;
    // Both databases have the same indexes, by the same names.
    let made = Made::by_migrations().await?.indexes.into_iter().map(|(name, _)| name);
    let missing = made.filter(|name| !indexes.contains(name));
    faults.extend(Fault::of("missing indexes", SLOW).with(missing));
    let triggers = "SELECT t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
         WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND NOT t.tgisinternal";
    let triggers: Vec<String> = select(connection, triggers).await?;
    let missing = TRIGGERS_OF_POSTGRES
        .iter()
        .filter(|name| !triggers.iter().any(|there| there == *name));
    faults.extend(Fault::of("missing triggers", SLOW).with(missing.map(|name| (*name).to_owned())));
    Ok(faults)
}
