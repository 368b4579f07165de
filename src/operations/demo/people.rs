//! Generates the planned users, with their roles and keys.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::{ConnectionTrait, EntityTrait, Set};
use serde_json::json;

use super::fill::{Made, insert, key_of, variables};
use super::names::{CULTURES, Culture, PROGRAMS};
use super::plan::{Plan, choices};
use super::random::Random;
use crate::model::BuiltIn;
use crate::model::error::{Error, Result};
use crate::model::{self, ApiKeyId, Email, Timestamp, UserId};
use crate::store::entity::{api_key, user, user_role};

const DAY: u64 = 24 * 60 * 60;
const USER: u64 = 2;

/// A user before it is written.
pub struct Person {
    id: String,
    row: user::ActiveModel,
    organization_pk: i64,
    role_pk: Option<i64>,
    created_at: Timestamp,
    key: Option<api_key::ActiveModel>,
}

/// Generates users.
pub struct People<'a> {
    pub now: Timestamp,
    pub plan: &'a Plan,
    pub organizations: &'a [Made],
    pub tenants: &'a [Vec<i64>],
    /// The built-in roles that are not hidden.
    pub roles: HashMap<BuiltIn, i64>,
    /// How often each organization has a name in address form.
    pub addresses: HashMap<(usize, &'static str, &'static str), u32>,
}

impl People<'_> {
    pub fn person(&mut self, number: usize) -> Result<Person> {
        let mut random = choices(USER, number);
        let place = self.plan.organization_of.get(number).map_or(0, |place| *place as usize);
        let organization = self
            .organizations
            .get(place)
            .ok_or_else(|| Error::internal("no organization"))?;
        let created_at = self.plan.made_at(number);
        let is_founder = created_at == organization.created_at;
        let is_program = !is_founder && random.percent(1);
        let role = role(is_founder, is_program, random.below(100));
        let activated = is_founder || !random.percent(6);
        let since = self.now.micros().abs_diff(created_at.micros()) / 1_000_000;
        let later = |random: &mut Random, of: u64| created_at.after(Duration::from_secs(random.below(of)));
        let changed = random.percent(40);
        let updated_at = if changed { later(&mut random, since) } else { created_at };
        let last_seen_at = random
            .percent(70)
            .then(|| later(&mut random, since).whole_minute().max(created_at));
        let id = uuid(created_at, &mut random).to_string();
        let mut row = user::ActiveModel {
            organization_pk: Set(organization.pk),
            tenant_pk: Set(match self.tenants.get(place) {
                Some(tenants) if random.percent(96) => tenants.get(random.skewed_index(tenants.len())).copied(),
                _ => None,
            }),
            activated: Set(activated),
            service: Set(is_program),
            variables: Set(variables(
                random.percent(3),
                || json!({ "costCenter": format!("{:04}", random.below(10_000)) }),
            )?),
            last_seen_at: Set(last_seen_at),
            version: Set(if changed { 2 } else { 1 }),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            // All rows of a statement name the same columns.
            password_hash: Set(None),
            password_changed_at: Set(None),
            pk: sea_orm::NotSet,
            ..Default::default()
        };
        let id = match is_program {
            true => name_program(&mut row, &mut random, number),
            false => {
                self.name_person(&mut row, &mut random, place, &organization.slug)?;
                id
            }
        };
        row.id = Set(UserId::parse("id", &id)?);
        let row = row.complete()?;
        let has_key = activated && (is_program || is_founder || random.percent(1));
        let key = has_key.then(|| key(created_at, last_seen_at, &mut random));
        Ok(Person {
            id,
            row,
            organization_pk: organization.pk,
            role_pk: role
                .and_then(|role| self.roles.get(&role).or_else(|| self.roles.get(&BuiltIn::User)))
                .copied(),
            created_at,
            key,
        })
    }

    fn name_person(
        &mut self,
        row: &mut user::ActiveModel,
        random: &mut Random,
        place: usize,
        slug: &str,
    ) -> Result<()> {
        let culture = random.skewed_index(CULTURES.len());
        let Some(Culture { first, last }) = CULTURES.get(culture) else {
            return Err(Error::internal("no names"));
        };
        let (first, first_plain) = random.pick(first).copied().unwrap_or_default();
        let (last, last_plain) = random.pick(last).copied().unwrap_or_default();
        let namesakes = self.addresses.entry((place, first_plain, last_plain)).or_default();
        *namesakes += 1;
        let digits = if *namesakes > 1 {
            namesakes.to_string()
        } else {
            String::new()
        };
        let address = format!("{first_plain}.{last_plain}{digits}@{slug}.example");
        row.name = Set(random.percent(4).then(|| format!("{first} ({slug})")));
        row.email = Set(Some(Email::parse("email", &address)?));
        row.firstname = Set(Some(model::name("firstname", first)?));
        row.lastname = Set(Some(model::name("lastname", last)?));
        Ok(())
    }
}

/// The name and the id of a program.
fn name_program(row: &mut user::ActiveModel, random: &mut Random, number: usize) -> String {
    let (name, slug) = random.pick(&PROGRAMS).copied().unwrap_or_default();
    row.name = Set(Some(name.to_owned()));
    row.email = Set(None);
    row.firstname = Set(None);
    row.lastname = Set(None);
    format!("svc-{slug}-{number}")
}

/// The role of a user; `drawn` is a random number below 100.
fn role(is_founder: bool, is_program: bool, drawn: u64) -> Option<BuiltIn> {
    match drawn {
        _ if is_founder => Some(BuiltIn::OrganizationAdmin),
        _ if is_program => Some(BuiltIn::ApiUser),
        0..=79 => Some(BuiltIn::User),
        80..=85 => Some(BuiltIn::Labeler),
        86..=89 => Some(BuiltIn::Reviewer),
        90..=91 => Some(BuiltIn::TeamManager),
        92..=93 => Some(BuiltIn::ApiUser),
        94..=95 => Some(BuiltIn::TrialUser),
        96..=97 => Some(BuiltIn::Admin),
        _ => None,
    }
}

/// A key that cannot be used: its digest is random, so nobody knows a secret for it.
fn key(created_at: Timestamp, last_used_at: Option<Timestamp>, random: &mut Random) -> api_key::ActiveModel {
    let digest: String = (0..4).map(|_| format!("{:016x}", random.next())).collect();
    let prefix = format!("tnt_{:08x}", random.below(1 << 32));
    api_key::ActiveModel {
        pk: sea_orm::NotSet,
        id: Set(ApiKeyId::from(uuid(created_at, random))),
        name: Set("default".to_owned()),
        description: Set(None),
        digest: Set(digest),
        prefix: Set(prefix),
        permissions: Set(None),
        expires_at: Set(random
            .percent(30)
            .then(|| created_at.after(Duration::from_secs(5 * 365 * DAY)))),
        revoked_at: Set(None),
        last_used_at: Set(last_used_at),
        version: Set(1),
        created_at: Set(created_at),
        updated_at: Set(created_at),
        ..Default::default()
    }
}

fn uuid(at: Timestamp, random: &mut Random) -> uuid::Uuid {
    let millis = at.micros().unsigned_abs() / 1_000;
    let drawn = u128::from(random.next()) | u128::from(random.next()) << 64;
    let bits = drawn.to_le_bytes().first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid()
}

/// Writes users with their roles and keys; returns the number of keys.
pub async fn write(connection: &impl ConnectionTrait, people: Vec<Person>) -> Result<u64> {
    let mut rows = Vec::with_capacity(people.len());
    let mut beside = Vec::with_capacity(people.len());
    for person in people {
        rows.push(person.row);
        let role = person.role_pk.map(|role_pk| (role_pk, person.organization_pk));
        beside.push((person.id, role, person.created_at, person.key));
    }
    let pks = insert::<user::Entity>(connection, rows, user::Column::Pk, user::Column::Id).await?;
    let mut roles = Vec::with_capacity(beside.len());
    let mut keys = Vec::new();
    for (id, role, created_at, key) in beside {
        let user_pk = key_of(&pks, &id)?;
        roles.extend(role.map(|(role_pk, organization_pk)| user_role::ActiveModel {
            user_pk: Set(user_pk),
            role_pk: Set(role_pk),
            organization_pk: Set(organization_pk),
            scope: Set(0),
            created_at: Set(created_at),
            ..Default::default()
        }));
        keys.extend(key.map(|key| api_key::ActiveModel {
            user_pk: Set(user_pk),
            ..key
        }));
    }
    if !roles.is_empty() {
        user_role::Entity::insert_many(roles)
            .exec_without_returning(connection)
            .await?;
    }
    let count = keys.len() as u64;
    if !keys.is_empty() {
        api_key::Entity::insert_many(keys)
            .exec_without_returning(connection)
            .await?;
    }
    Ok(count)
}
