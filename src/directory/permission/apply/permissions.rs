//! Applies what a file says of permissions.

use sea_orm::{ConnectionTrait, Statement};
use strum::VariantArray;

use super::{Kind, Run, What};
use crate::context::{Change, OpContext};
use crate::directory::permission::create::{create_in_txn, find};
use crate::directory::permission::delete::delete_in_txn;
use crate::directory::permission::file::PermissionEntry;
use crate::directory::permission::update::update_in_txn;
use crate::directory::permission::{NewPermission, PermissionChange};
use crate::model::error::Result;
use crate::model::{BuiltIn, LadderRole};
use crate::store::entity::permission as table;

/// Up to here, users are counted.
const COUNTED_MAX: i64 = 10_000;

impl Run<'_> {
    pub(super) async fn permission(&mut self, entry: &PermissionEntry, row: Option<table::Model>) -> Result<()> {
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
                resource_server_id: entry.resource_server_id.clone(),
                replaces: replaces.clone(),
            };
            let (row, event) = create_in_txn(self.op, self.change, new).await?;
            let mut details = vec![
                self.reach(&row.lowest_role, &format!("from {}", row.lowest_role))
                    .await?,
            ];
            let server = entry.resource_server_id.as_deref().filter(|id| !id.is_empty());
            details.extend(server.map(|id| format!("for {id}")));
            details.extend(replaces.iter().map(|old| format!("replaces {old}")));
            self.changed(What::Created, Kind::Permission, &entry.name, details, event);
            return Ok(());
        };
        let wanted = PermissionChange {
            description: entry.description.clone(),
            lowest_role,
            resource_server_id: entry.resource_server_id.clone(),
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
        if new.resource_server_pk != row.resource_server_pk {
            let server = entry.resource_server_id.as_deref().filter(|id| !id.is_empty());
            details.push(format!("resourceServerId {}", server.unwrap_or("none")));
        }
        if new.description != row.description {
            details.push("description".to_owned());
        }
        self.changed(What::Updated, Kind::Permission, &entry.name, details, event);
        Ok(())
    }

    pub(super) async fn without_permission(&mut self, row: &table::Model) -> Result<()> {
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
