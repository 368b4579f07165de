//! Applies what a file says of resource servers.

use super::{Kind, Run, What};
use crate::directory::permission::file::ResourceServerEntry;
use crate::directory::resource_server::{self, NewResourceServer, ResourceServerChange};
use crate::model::OWN_RECIPIENT;
use crate::model::error::Result;
use crate::store::entity::resource_server as table;

impl Run<'_> {
    pub(super) async fn resource_server(
        &mut self,
        entry: &ResourceServerEntry,
        row: Option<table::Model>,
    ) -> Result<()> {
        let Some(row) = row else {
            let new = NewResourceServer {
                id: entry.id.clone(),
                // Its id says it too.
                name: entry.name.clone().unwrap_or_else(|| entry.id.clone()),
                settings: entry.settings(),
            };
            let (_, event) = resource_server::create_in_txn(self.op, self.change, &new).await?;
            self.changed(What::Created, Kind::ResourceServer, &entry.id, Vec::new(), event);
            return Ok(());
        };
        let wanted = ResourceServerChange {
            name: entry.name.clone(),
            settings: entry.settings(),
        };
        let (_, changed) = resource_server::update_in_txn(self.op, self.change, row, &wanted).await?;
        match changed {
            Some((event, fields)) => {
                let details = fields.into_iter().map(str::to_owned).collect();
                self.changed(What::Updated, Kind::ResourceServer, &entry.id, details, event);
            }
            None => self.applied.unchanged += 1,
        }
        Ok(())
    }

    /// The one for this server stays in any case, and needs no mention.
    pub(super) async fn without_resource_server(&mut self, row: &table::Model) -> Result<()> {
        if row.id == OWN_RECIPIENT {
            return Ok(());
        }
        if !self.how.prune {
            self.applied.not_in_file.push(format!("resource server {}", row.id));
            return Ok(());
        }
        let event = resource_server::delete_in_txn(self.change, row).await?;
        self.changed(What::Deleted, Kind::ResourceServer, &row.id, Vec::new(), event);
        Ok(())
    }
}
