//! Brings permissions and product-wide roles to the state that a file describes, all of it or nothing.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;
use strum::VariantArray;

use super::create::{create_in_txn, find};
use super::delete::delete_in_txn;
use super::file::{PermissionEntry, PermissionsFile, RoleEntry};
use super::show::{applied_revision, declared, product_wide};
use super::update::update_in_txn;
use super::{NewPermission, PermissionChange};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::directory::role::{self, NewRole, RoleChange, RoleScope};
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{BuiltIn, LadderRole};
use crate::store::audit_trail::Event;
use crate::store::catalogue::{self, Catalogued as _};
use crate::store::entity::permission as table;
use crate::store::entity::role as role_table;

/// Up to here, users are counted.
const COUNTED_MAX: i64 = 10_000;

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
    /// How many permissions and roles of the file were like this already.
    pub unchanged: usize,
    /// Permissions and roles that are not in the file, and were not deleted.
    pub not_in_file: Vec<String>,
    /// The revision that was applied before, if it is newer than the file: then nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_revision: Option<i64>,
}

/// A change of a permission or a product-wide role.
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
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    Permission,
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
        let names = |kind: Kind| -> BTreeSet<&str> {
            match kind {
                Kind::Permission => file.permissions.iter().map(|entry| entry.name.as_str()).collect(),
                Kind::Role => file.roles.iter().map(|entry| entry.name.as_str()).collect(),
            }
        };
        let (permissions, roles) = (names(Kind::Permission), names(Kind::Role));
        if permissions.len() < file.permissions.len() {
            self.faults.push("A permission is named twice.".to_owned());
        }
        if roles.len() < file.roles.len() {
            self.faults.push("A role is named twice.".to_owned());
        }
        for entry in &file.roles {
            let name = crate::model::name("name", &entry.name);
            if name.is_ok_and(|name| name.trim() != entry.name) {
                self.faults.push(format!(
                    "role '{}': a name is written without spaces at its ends, and in the composed form of Unicode (NFC).",
                    crate::model::error::shown(&entry.name)
                ));
            }
        }
        if !self.faults.is_empty() {
            return Ok(());
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
        Ok(())
    }

    /// Keeps a fault of the file for the end. Anything else ends the work.
    fn note(&mut self, kind: Kind, name: &str, done: Result<()>) -> Result<()> {
        match done {
            Ok(()) => Ok(()),
            Err(
                error @ (Error::Invalid { .. } | Error::Conflict(_) | Error::LimitExceeded(_) | Error::Forbidden(_)),
            ) => {
                let kind: &str = kind.into();
                self.faults
                    .push(format!("{kind} '{}': {error}", crate::model::error::shown(name)));
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

    async fn permission(&mut self, entry: &PermissionEntry, row: Option<table::Model>) -> Result<()> {
        let lowest_role = entry.lowest_role.map(|lowest| lowest.0);
        let Some(row) = row else {
            // On a new database there is nothing to replace.
            let replaces = match &entry.replaces {
                Some(old) => find(self.change, old).await?.map(|_| old.clone()),
                None => None,
            };
            let new = NewPermission {
                name: entry.name.clone(),
                description: entry.description.clone(),
                lowest_role,
                replaces: replaces.clone(),
            };
            let (row, event) = create_in_txn(self.op, self.change, new).await?;
            let mut details = vec![
                self.reach(&row.lowest_role, &format!("from {}", row.lowest_role))
                    .await?,
            ];
            details.extend(replaces.iter().map(|old| format!("replaces {old}")));
            self.changed(What::Created, Kind::Permission, &entry.name, details, event);
            return Ok(());
        };
        let wanted = PermissionChange {
            description: entry.description.clone(),
            lowest_role,
            clear: Vec::new(),
        };
        let (new, event) = update_in_txn(self.op, self.change, row.clone(), wanted).await?;
        let Some(event) = event else {
            self.applied.unchanged += 1;
            return Ok(());
        };
        let mut details = Vec::new();
        if new.lowest_role != row.lowest_role {
            let lower = [&row.lowest_role, &new.lowest_role];
            let lower = lower.into_iter().min_by_key(|name| LadderRole::named(name));
            let words = format!("lowestRole {} -> {}", row.lowest_role, new.lowest_role);
            details.push(self.reach(lower.unwrap_or(&new.lowest_role), &words).await?);
        }
        if new.description != row.description {
            details.push("description".to_owned());
        }
        self.changed(What::Updated, Kind::Permission, &entry.name, details, event);
        Ok(())
    }

    async fn role(&mut self, entry: &RoleEntry, row: Option<role_table::Model>) -> Result<()> {
        let Some(row) = row else {
            let new = NewRole {
                name: entry.name.clone(),
                description: entry.description.clone(),
                permissions: entry.permissions.clone().unwrap_or_default(),
                organization_id: None,
                scope: RoleScope::Product,
            };
            let (_, event) = role::create_in_txn(self.op, self.change, &new).await?;
            self.changed(What::Created, Kind::Role, &entry.name, new.permissions, event);
            return Ok(());
        };
        let wanted = RoleChange {
            description: entry.description.clone(),
            permissions: entry.permissions.clone(),
            ..RoleChange::default()
        };
        let (new, event) = role::update_in_txn(self.op, self.change, row.clone(), wanted, None).await?;
        let Some(event) = event else {
            self.applied.unchanged += 1;
            return Ok(());
        };
        let catalogue = self.change.known().now();
        let (had, have) = (
            catalogue.from_stored(&row.permissions),
            catalogue.from_stored(&new.permissions),
        );
        let signed = |sign: &str, names: Vec<String>| -> Vec<String> {
            names.into_iter().map(|name| format!("{sign}{name}")).collect()
        };
        let mut details = signed("+", catalogue.names(have - had));
        details.extend(signed("-", catalogue.names(had - have)));
        if new.description != row.description {
            details.push("description".to_owned());
        }
        self.changed(What::Updated, Kind::Role, &entry.name, details, event);
        Ok(())
    }

    async fn without_role(&mut self, row: &role_table::Model) -> Result<()> {
        if !self.how.prune {
            self.applied.not_in_file.push(format!("role {}", row.name));
            return Ok(());
        }
        let holders = role::holders_in_txn(self.change, row.pk).await?;
        if holders > 0 && !self.how.withdraw {
            return Err(Error::conflict(
                ConflictReason::InUse,
                format!("It is assigned to {holders} users and groups. Withdraw it from them with --withdraw."),
            ));
        }
        let event = role::delete_in_txn(self.op, self.change, row).await?;
        self.changed(What::Deleted, Kind::Role, &row.name, Vec::new(), event);
        Ok(())
    }

    async fn without_permission(&mut self, row: &table::Model) -> Result<()> {
        if !self.how.prune {
            self.applied.not_in_file.push(format!("permission {}", row.id));
            return Ok(());
        }
        let event = delete_in_txn(self.op, self.change, row, self.how.withdraw).await?;
        self.changed(What::Deleted, Kind::Permission, &row.id, Vec::new(), event);
        Ok(())
    }

    /// The words, with how many users have a built-in role from this one upwards.
    async fn reach(&mut self, lowest: &str, words: &str) -> Result<String> {
        let lowest = LadderRole::named(lowest).unwrap_or_default();
        let users = match self.users.get(&lowest) {
            Some(users) => *users,
            None => {
                let users = users_from(self.op, self.change, lowest).await?;
                self.users.insert(lowest, users);
                users
            }
        };
        Ok(match users {
            1 => format!("{words}, 1 user"),
            few if few <= COUNTED_MAX => format!("{words}, {few} users"),
            _ => format!("{words}, over {COUNTED_MAX} users"),
        })
    }
}

/// How many users have a built-in role that includes this one, counted up to one more than [`COUNTED_MAX`].
async fn users_from(op: &OpContext, change: &Change<'_>, lowest: LadderRole) -> Result<i64> {
    let mut keys = Vec::new();
    for role in BuiltIn::VARIANTS.iter().filter(|role| lowest.is_included_in(**role)) {
        keys.push(op.built_in_roles().pk(&**change, *role).await?.to_string());
    }
    let (keys, most) = (keys.join(", "), COUNTED_MAX + 1);
    let sql = format!(
        "SELECT COUNT(*) AS users FROM (
             SELECT user_pk FROM (SELECT DISTINCT user_pk FROM user_roles WHERE role_pk IN ({keys}) LIMIT {most}) direct
             UNION
             SELECT user_pk FROM (SELECT DISTINCT m.user_pk FROM group_roles r
                                  JOIN group_members m ON m.group_pk = r.group_pk
                                  WHERE r.role_pk IN ({keys}) LIMIT {most}) by_groups
             LIMIT {most}) holders"
    );
    let row = change
        .query_one_raw(Statement::from_string(op.db().backend(), sql))
        .await?;
    Ok(row.map_or(Ok(0), |row| row.try_get("", "users"))?)
}
