//! Applies what a file says of product-wide roles.

use super::{Kind, Run, What};
use crate::directory::permission::file::RoleEntry;
use crate::directory::role::{self, NewRole, RoleChange, RoleScope};
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::catalogue::Catalogued as _;
use crate::store::entity::role as table;

impl Run<'_> {
    pub(super) async fn role(&mut self, entry: &RoleEntry, row: Option<table::Model>) -> Result<()> {
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

    pub(super) async fn without_role(&mut self, row: &table::Model) -> Result<()> {
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
}
