//! Brings resource servers, permissions and product-wide roles to the state that a file describes, all of it or nothing.

mod permissions;
mod resource_servers;
mod roles;

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;

use super::file::PermissionsFile;
use super::show::{applied_revision, declared, product_wide};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::directory::resource_server;
use crate::model::LadderRole;
use crate::model::error::{Error, Result, shown};
use crate::store::audit_trail::Event;
use crate::store::catalogue;

/// What to do besides creating and changing what the file names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Applying {
    /// Delete what the file does not name.
    pub prune: bool,
    /// Remove deleted permissions from the roles and API keys that have them; otherwise these are an error.
    pub withdraw: bool,
    /// Only tell what would change.
    pub dry_run: bool,
}

/// What changed.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    pub changes: Vec<Changed>,
    /// How much of the file was like this already.
    pub unchanged: usize,
    /// What is not in the file, and was not deleted.
    pub not_in_file: Vec<String>,
    /// The revision that was applied before, if it is newer than the file: then nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_revision: Option<i64>,
}

/// A change of a resource server, a permission or a product-wide role.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    pub what: What,
    pub kind: Kind,
    pub name: String,
    /// What changed, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    Created,
    Updated,
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    #[strum(serialize = "resource server")]
    ResourceServer,
    #[strum(serialize = "permission")]
    Permission,
    #[strum(serialize = "role")]
    Role,
}

/// Applies a file in one transaction. All faults are reported together, as the messages in the inner error; then nothing
/// has changed.
pub async fn apply(
    op: &OpContext,
    file: &PermissionsFile,
    how: Applying,
) -> Result<std::result::Result<Applied, Vec<String>>> {
    op.authorize(Action::Modify, Resource::Permission)?;
    op.authorize(Action::Modify, Resource::ProductRole)?;
    op.authorize(Action::Modify, Resource::ResourceServer)?;
    super::in_full_power(op)?;
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    let newest = applied_revision(&change).await?;
    if let Some(newest) = newest.filter(|newest| file.revision.is_some_and(|own| own < *newest)) {
        return Ok(Ok(Applied {
            newer_revision: Some(newest),
            ..Applied::default()
        }));
    }
    let mut applying = Run {
        op,
        change: &change,
        how,
        applied: Applied::default(),
        events: Vec::new(),
        faults: Vec::new(),
        users: HashMap::new(),
    };
    applying.all(file).await?;
    let Run {
        applied,
        events,
        faults,
        ..
    } = applying;
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    let is_new = file.revision.is_some() && file.revision != newest;
    if how.dry_run || (events.is_empty() && !is_new) {
        return Ok(Ok(applied));
    }
    if is_new {
        let sql = "UPDATE catalogue SET applied_revision = $1";
        let statement = Statement::from_sql_and_values(op.db().backend(), sql, [file.revision.into()]);
        change.execute_raw(statement).await?;
    }
    change.commit(events).await?;
    Ok(Ok(applied))
}

struct Run<'a> {
    op: &'a OpContext,
    change: &'a Change<'a>,
    how: Applying,
    applied: Applied,
    events: Vec<Event>,
    faults: Vec<String>,
    /// How many users have a built-in role from this one upwards, once it was counted.
    users: HashMap<LadderRole, i64>,
}

impl Run<'_> {
    async fn all(&mut self, file: &PermissionsFile) -> Result<()> {
        let servers: BTreeSet<&str> = file.resource_servers.iter().map(|entry| entry.id.as_str()).collect();
        let permissions: BTreeSet<&str> = file.permissions.iter().map(|entry| entry.name.as_str()).collect();
        let roles: BTreeSet<&str> = file.roles.iter().map(|entry| entry.name.as_str()).collect();
        self.check_names(file, [servers.len(), permissions.len(), roles.len()]);
        if !self.faults.is_empty() {
            return Ok(());
        }
        let known_servers = resource_server::all_in_txn(&**self.change).await?;
        for entry in &file.resource_servers {
            let row = known_servers.iter().find(|row| row.id == entry.id).cloned();
            let done = self.resource_server(entry, row).await;
            self.note(Kind::ResourceServer, &entry.id, done)?;
        }
        let known = declared(self.change).await?;
        for entry in &file.permissions {
            let row = known.iter().find(|row| row.id == entry.name).cloned();
            let done = self.permission(entry, row).await;
            self.note(Kind::Permission, &entry.name, done)?;
        }
        // The roles may hold permissions that were created just now.
        catalogue::read(&**self.change).await?;
        let known_roles = product_wide(self.change).await?;
        for entry in &file.roles {
            let row = known_roles.iter().find(|row| row.name == entry.name).cloned();
            let done = self.role(entry, row).await;
            self.note(Kind::Role, &entry.name, done)?;
        }
        for row in known_roles.iter().filter(|row| !roles.contains(row.name.as_str())) {
            let done = self.without_role(row).await;
            self.note(Kind::Role, &row.name, done)?;
        }
        for row in known.iter().filter(|row| !permissions.contains(row.id.as_str())) {
            let done = self.without_permission(row).await;
            self.note(Kind::Permission, &row.id, done)?;
        }
        for row in known_servers.iter().filter(|row| !servers.contains(row.id.as_str())) {
            let done = self.without_resource_server(row).await;
            self.note(Kind::ResourceServer, &row.id, done)?;
        }
        Ok(())
    }

    /// Faults that make it unclear what the file means. `distinct` is how many resource servers, permissions and roles it
    /// names.
    fn check_names(&mut self, file: &PermissionsFile, distinct: [usize; 3]) {
        let named = [file.resource_servers.len(), file.permissions.len(), file.roles.len()];
        for (what, (named, distinct)) in ["resource server", "permission", "role"]
            .iter()
            .zip(named.iter().zip(distinct))
        {
            if distinct < *named {
                self.faults.push(format!("A {what} is named twice."));
            }
        }
        for entry in &file.roles {
            let name = crate::model::name("name", &entry.name);
            if name.is_ok_and(|name| name.trim() != entry.name) {
                self.faults.push(format!(
                    "role '{}': a name is written without spaces at its ends, and in the composed form of Unicode (NFC).",
                    shown(&entry.name)
                ));
            }
        }
    }

    /// Keeps a fault of the file for the end. Anything else ends the work.
    fn note(&mut self, kind: Kind, name: &str, done: Result<()>) -> Result<()> {
        match done {
            Ok(()) => Ok(()),
            Err(
                error @ (Error::Invalid { .. } | Error::Conflict(_) | Error::LimitExceeded(_) | Error::Forbidden(_)),
            ) => {
                let kind: &str = kind.into();
                self.faults.push(format!("{kind} '{}': {error}", shown(name)));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn changed(&mut self, what: What, kind: Kind, name: &str, details: Vec<String>, event: Event) {
        self.applied.changes.push(Changed {
            what,
            kind,
            name: name.to_owned(),
            details,
        });
        self.events.push(event);
    }
}
