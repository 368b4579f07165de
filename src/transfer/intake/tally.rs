//! What a transaction does to each organization, for its audit event.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, EntityTrait};

use super::places::Home;
use crate::model::error::{Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::organization;

/// Of one organization.
#[derive(Debug, Default)]
struct Tally {
    id: String,
    name: String,
    /// What was created, as GraphQL names it.
    kinds: BTreeSet<&'static str>,
    created: i64,
    users: i64,
    activated: i64,
}

/// By the organization's internal key, and the events of records that were changed.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    organizations: BTreeMap<i64, Tally>,
    events: Vec<Event>,
}

impl Tallies {
    /// A record of this organization was created.
    pub fn created(&mut self, home: &Home, kind: &'static str) {
        let tally = self.organizations.entry(home.pk).or_default();
        if tally.id.is_empty() {
            tally.id = home.id.clone();
            tally.name.clone_from(&home.name);
        }
        tally.kinds.insert(kind);
        tally.created += 1;
    }

    /// The same where only the key of the organization is known.
    pub fn created_of(&mut self, organization_pk: i64, kind: &'static str) {
        let tally = self.organizations.entry(organization_pk).or_default();
        tally.kinds.insert(kind);
        tally.created += 1;
    }

    /// So many users were put into groups.
    pub fn added_members(&mut self, home: &Home, count: u64) {
        self.created(home, "members");
        let tally = self.organizations.entry(home.pk).or_default();
        tally.created += i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1);
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.organizations.is_empty()
    }

    /// The same for a user.
    pub fn created_user(&mut self, home: &Home, activated: bool) {
        self.created(home, "users");
        let tally = self.organizations.entry(home.pk).or_default();
        tally.users += 1;
        tally.activated += i64::from(activated);
    }

    /// A record that was there was changed.
    pub fn changed(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The events, one for each organization in which records were created. Ids and names that are not known yet are read.
    pub async fn events(&mut self, connection: &impl ConnectionTrait) -> Result<Vec<Event>> {
        let mut events = std::mem::take(&mut self.events);
        for (pk, mut tally) in std::mem::take(&mut self.organizations) {
            if tally.id.is_empty() {
                let row = organization::Entity::find_by_id(pk).one(connection).await?;
                let row = row.ok_or_else(|| Error::internal("a record without its organization"))?;
                tally.id = row.id.to_string();
                tally.name = row.name;
            }
            events.push(
                Event::new("organization.import", pk, &tally.id)
                    .of_organization(pk)
                    .named(tally.name)
                    .fields(tally.kinds)
                    .of_many(tally.created, tally.users, tally.activated)
                    .access(),
            );
        }
        Ok(events)
    }
}
