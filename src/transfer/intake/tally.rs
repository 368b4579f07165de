//! What a transaction does to each organization, for its audit event.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, EntityTrait};

use super::places::Home;
use crate::model::error::{Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::organization;

/// What the event says of the import that has created the organization itself.
pub(super) const ORGANIZATION: &str = "organization";

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

impl Tally {
    fn add(&mut self, other: Self) {
        if self.id.is_empty() {
            self.id = other.id;
            self.name = other.name;
        }
        self.kinds.extend(other.kinds);
        self.created += other.created;
        self.users += other.users;
        self.activated += other.activated;
    }
}

/// What was done, by the organization's internal key, and the events of records that were changed.
#[derive(Debug, Default)]
struct Noted {
    organizations: BTreeMap<i64, Tally>,
    events: Vec<Event>,
}

impl Noted {
    fn of(&mut self, home: &Home) -> &mut Tally {
        let tally = self.organizations.entry(home.pk).or_default();
        if tally.id.is_empty() {
            tally.id = home.id.clone();
            tally.name.clone_from(&home.name);
        }
        tally
    }

    fn add(&mut self, other: Self) {
        self.events.extend(other.events);
        for (pk, tally) in other.organizations {
            match self.organizations.entry(pk) {
                Entry::Vacant(place) => drop(place.insert(tally)),
                Entry::Occupied(mut known) => known.get_mut().add(tally),
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.organizations.is_empty()
    }
}

/// What a transaction has done.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    kept: Noted,
    /// Since the last savepoint: it may be taken back.
    recent: Noted,
}

impl Tallies {
    /// A savepoint: what was done before stays done.
    pub fn keep(&mut self) {
        self.kept.add(std::mem::take(&mut self.recent));
    }

    /// What was done since the savepoint is taken back.
    pub fn take_back(&mut self) {
        self.recent = Noted::default();
    }

    /// A record of this organization was created.
    pub fn created(&mut self, home: &Home, kind: &'static str) {
        let tally = self.recent.of(home);
        tally.kinds.insert(kind);
        tally.created += 1;
    }

    /// The same where only the key of the organization is known.
    pub fn created_of(&mut self, organization_pk: i64, kind: &'static str) {
        let tally = self.recent.organizations.entry(organization_pk).or_default();
        tally.kinds.insert(kind);
        tally.created += 1;
    }

    /// So many users were put into groups.
    pub fn added_members(&mut self, home: &Home, count: u64) {
        let tally = self.recent.of(home);
        tally.kinds.insert("members");
        tally.created += i64::try_from(count).unwrap_or(i64::MAX);
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.recent.is_empty()
    }

    /// The same for a user.
    pub fn created_user(&mut self, home: &Home, activated: bool) {
        let tally = self.recent.of(home);
        tally.kinds.insert("users");
        tally.created += 1;
        tally.users += 1;
        tally.activated += i64::from(activated);
    }

    /// A record that was there was changed, or one of no organization was created.
    pub fn changed(&mut self, event: Event) {
        self.recent.events.push(event);
    }

    /// The events, one for each organization in which records were created. Ids and names that are not known yet are read.
    pub async fn events(&mut self, connection: &impl ConnectionTrait) -> Result<Vec<Event>> {
        self.keep();
        let noted = std::mem::take(&mut self.kept);
        let mut events = noted.events;
        for (pk, mut tally) in noted.organizations {
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
