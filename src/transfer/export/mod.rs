//! Writes a directory, or some organizations of it, as a file in the native format, or its users as a table for people. The
//! same directory gives the same bytes, on both databases.
//!
//! Of each kind, the keys are read in the order of the file, and then the rows, a thousand at a time. So the memory does not
//! grow but by eight bytes for each record of the largest kind.

mod note;
mod relations;
mod rows;
mod table;

use std::collections::HashMap;
use std::io::{self, Write};

use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbBackend};

pub use self::note::note;
use super::kind::Kind;
use super::native::{Line, Lines, VERSION};
use crate::model::error::{Error, Result};
use crate::store::db::{Database, Snapshot};

/// Rows for each statement.
const BATCH: usize = 1_000;

/// The form of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumIter, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// Everything, for another tenantry.
    #[default]
    Tenantry,
    /// Users alone, for people: without hashes, keys and the audit trail.
    Csv,
}

/// What to write.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub format: Format,
    /// The ids of some organizations; empty: everything.
    pub organizations: Vec<String>,
    /// With password hashes.
    pub hashes: bool,
    /// With the digests of API keys and invitations.
    pub keys: bool,
    pub audit: bool,
    /// Only these kinds; empty: all.
    pub only: Vec<Kind>,
}

/// How many records of each kind were written.
pub type Written = HashMap<Kind, u64>;

/// Why an export has stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error(transparent)]
    Database(#[from] Error),
    /// What was read could not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// What the writers of all kinds need.
struct Source<'a> {
    snapshot: &'a Snapshot,
    wanted: &'a Wanted,
    /// The internal keys of the wanted organizations; `None`: all.
    organizations: Option<Vec<i64>>,
    /// The ids of what others refer to by key. Organizations, tenants and roles are few beside users.
    organization_ids: HashMap<i64, String>,
    tenant_ids: HashMap<i64, String>,
    role_ids: HashMap<i64, String>,
}

/// Writes the file. `progress` gets the number of records so far.
pub async fn export<W: Write>(
    db: &Database,
    wanted: &Wanted,
    out: W,
    progress: impl FnMut(u64),
) -> Result<(W, Written), Stopped> {
    let snapshot = db.snapshot().await?;
    let source = Source::read(&snapshot, wanted).await?;
    let written = match wanted.format {
        Format::Tenantry => records(&source, out, progress).await?,
        Format::Csv => table::write(&source, out, progress).await?,
    };
    snapshot.end().await?;
    Ok(written)
}

/// Writes the records of all kinds that are wanted.
async fn records<W: Write>(
    source: &Source<'_>,
    out: W,
    mut progress: impl FnMut(u64),
) -> Result<(W, Written), Stopped> {
    let mut lines = Lines::begin(out, head(source.wanted))?;
    let mut written = Written::new();
    let mut all = 0;
    for kind in <Kind as strum::IntoEnumIterator>::iter().filter(|kind| source.has(*kind)) {
        for keys in source.keys(kind).await?.chunks(BATCH) {
            for line in source.lines(kind, keys).await? {
                lines.record(line)?;
                *written.entry(kind).or_default() += 1;
                all += 1;
            }
            progress(all);
        }
    }
    let (out, _) = lines.end()?;
    Ok((out, written))
}

/// The first line.
fn head(wanted: &Wanted) -> Line {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let with = [
        ("hashes", wanted.hashes),
        ("keys", wanted.keys),
        ("audit", wanted.audit),
    ];
    let with: Vec<String> = with
        .into_iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| text(name))
        .collect();
    let line = Line::new("tenantry").number("version", VERSION);
    let line = match wanted.organizations.as_slice() {
        [] => line.text("scope", "everything"),
        some => {
            let ids: Vec<String> = some.iter().map(|id| text(id)).collect();
            line.list("organizations", &ids)
        }
    };
    line.list("with", &with).flag("end", true)
}

impl<'a> Source<'a> {
    async fn read(snapshot: &'a Snapshot, wanted: &'a Wanted) -> Result<Self> {
        let organization_ids = texts(snapshot, "organizations", "id").await?;
        let organizations = match wanted.organizations.as_slice() {
            [] => None,
            some => Some(
                some.iter()
                    .map(|id| {
                        let found = organization_ids.iter().find(|(_, known)| *known == id);
                        let (pk, _) = found.ok_or_else(|| Error::no_such("organization", "id", id))?;
                        Ok(*pk)
                    })
                    .collect::<Result<Vec<i64>>>()?,
            ),
        };
        Ok(Self {
            snapshot,
            wanted,
            organizations,
            organization_ids,
            tenant_ids: texts(snapshot, "tenants", "id").await?,
            role_ids: texts(snapshot, "roles", "id").await?,
        })
    }

    fn has(&self, kind: Kind) -> bool {
        let is_wanted = self.wanted.only.is_empty() || self.wanted.only.contains(&kind);
        is_wanted
            && match kind {
                Kind::ResourceServer | Kind::Permission => self.organizations.is_none(),
                Kind::ApiKey => self.wanted.keys,
                Kind::AuditEvent => self.wanted.audit,
                _ => true,
            }
    }

    fn backend(&self) -> DbBackend {
        self.snapshot.get_database_backend()
    }

    /// The keys of all records of a kind, in the order of the file. Of settings, those of their users.
    async fn keys(&self, kind: Kind) -> Result<Vec<i64>> {
        let (table, filter) = match kind {
            // This server's own one is in every directory; only if it was changed, the file says how.
            Kind::ResourceServer => ("resource_servers", "(id <> 'default' OR version > 1)"),
            Kind::Permission => ("permissions", "bit IS NOT NULL AND deleted_at IS NULL"),
            Kind::Organization => ("organizations", ""),
            Kind::Tenant => ("tenants", ""),
            // Built-in ones are the same in every directory.
            Kind::Role => ("roles", "(organization_pk IS NOT NULL OR product)"),
            Kind::Group => ("groups", ""),
            Kind::User => ("users", ""),
            Kind::Setting => ("users", "EXISTS (SELECT 1 FROM settings WHERE user_pk = users.pk)"),
            Kind::ApiKey => ("api_keys", ""),
            Kind::Invitation => ("invitations", ""),
            Kind::AuditEvent => ("audit_events", ""),
        };
        let mut keys = Query::select();
        keys.column("pk").from(table);
        if !filter.is_empty() {
            keys.cond_where(Expr::cust(filter));
        }
        if let Some(organizations) = &self.organizations {
            let theirs = organizations.iter().copied();
            match kind {
                Kind::Organization => keys.cond_where(Expr::col("pk").is_in(theirs)),
                Kind::ApiKey => {
                    let mut users = Query::select();
                    users
                        .column("pk")
                        .from("users")
                        .cond_where(Expr::col("organization_pk").is_in(theirs));
                    keys.cond_where(Expr::col("user_pk").in_subquery(users))
                }
                _ => keys.cond_where(Expr::col("organization_pk").is_in(theirs)),
            };
        }
        match kind {
            Kind::AuditEvent => keys.order_by("position", Order::Asc),
            _ => keys.order_by("created_at", Order::Asc).order_by("id", Order::Asc),
        };
        let rows = self.snapshot.query_all(&keys).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    fn organization_id(&self, pk: i64) -> &str {
        self.organization_ids.get(&pk).map(String::as_str).unwrap_or_default()
    }

    fn tenant_id(&self, pk: Option<i64>) -> Option<&str> {
        self.tenant_ids.get(&pk?).map(String::as_str)
    }

    fn role_id(&self, pk: i64) -> &str {
        self.role_ids.get(&pk).map(String::as_str).unwrap_or_default()
    }
}

/// A text of each row of a table, such as its id, by key.
async fn texts(snapshot: &Snapshot, table: &'static str, column: &'static str) -> Result<HashMap<i64, String>> {
    let mut select: SelectStatement = Query::select();
    select.column("pk").column(column).from(table);
    let rows = snapshot.query_all(&select).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}
