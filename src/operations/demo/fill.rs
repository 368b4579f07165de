//! Writing the plan.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QuerySelect, QueryTrait, Set};
use serde_json::json;

use super::USERS_MAX;
use super::names::{CULTURES, Culture, ORGANIZATION_FIRST, ORGANIZATION_LAST, PROGRAMS, TENANTS};
use super::plan::{Plan, choices};
use super::random::Random;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::BuiltIn;
use crate::model::error::{Error, Result};
use crate::model::{self, ApiKeyId, Email, JsonText, OrganizationId, TenantId, Timestamp, UserId};
use crate::store::audit_trail::Event;
use crate::store::built_in_roles::built_in_role_pks;
use crate::store::entity::{api_key, organization, tenant, user, user_role};

/// Rows per statement. Multiplied by the columns of the widest table, this stays below SQLite's limit of 32,766 bound
/// values.
const ROWS: usize = 1_000;
const DAY: u64 = 24 * 60 * 60;

const ORGANIZATION: u64 = 1;
const USER: u64 = 2;

/// What was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    pub organizations: u64,
    pub tenants: u64,
    pub users: u64,
    pub api_keys: u64,
}

/// Fills a database that is empty except for the first start's rows; `CONFLICT` for any other. `progress` receives the
/// number of users created so far.
pub async fn fill(op: &OpContext, users: u64, mut progress: impl FnMut(u64)) -> Result<Filled> {
    op.authorize(Action::Create, Resource::Organization)?;
    if !(1..=USERS_MAX).contains(&users) {
        return Err(Error::invalid(
            "users",
            format!("'users' must be from 1 to {USERS_MAX}, but is {users}."),
        ));
    }
    let count = usize::try_from(users).map_err(Error::internal)?;
    let mut change = op.begin().await?;
    let platform = the_only_organization(&*change).await?;
    make_room(&*change).await?;
    let plan = Plan::new(count, op.now());
    let organizations = organizations(&*change, &plan).await?;
    let tenants = tenants(&*change, &organizations).await?;
    let mut filled = Filled {
        organizations: organizations.len() as u64,
        tenants: tenants.iter().map(|of| of.len() as u64).sum(),
        ..Filled::default()
    };
    let mut people = People {
        now: op.now(),
        plan: &plan,
        organizations: &organizations,
        tenants: &tenants,
        roles: built_in_role_pks(&*change).await?,
        addresses: HashMap::new(),
    };
    for first in (0..count).step_by(ROWS) {
        let batch: Vec<Person> = (first..count.min(first + ROWS))
            .map(|number| people.person(number))
            .collect::<Result<_>>()?;
        filled.users += batch.len() as u64;
        filled.api_keys += write_people(&*change, batch).await?;
        progress(filled.users);
    }
    change
        .record(Event::new("organization.demo", platform.pk, &platform.id).of_organization(platform.pk))
        .await?;
    change.commit().await?;
    Ok(filled)
}

async fn the_only_organization(connection: &impl ConnectionTrait) -> Result<organization::Model> {
    match organization::Entity::find().limit(2).all(connection).await?.as_slice() {
        [platform] => Ok(platform.clone()),
        [] => Err(Error::Conflict(
            "The database has no platform organization; start the server on this database once.".to_owned(),
        )),
        _ => Err(Error::Conflict(
            "The database already contains organizations. The demo needs an empty database: specify another one with \
             --database-url."
                .to_owned(),
        )),
    }
}

/// Lets SQLite keep the indexes in memory while rows are inserted all over them; only for this connection.
async fn make_room(connection: &impl ConnectionTrait) -> Result<()> {
    if connection.get_database_backend() == DbBackend::Sqlite {
        connection.execute_unprepared("PRAGMA cache_size = -524288").await?;
    }
    Ok(())
}

/// An organization or tenant that was created.
struct Made {
    pk: i64,
    slug: String,
    created_at: Timestamp,
    size: u64,
}

async fn organizations(connection: &impl ConnectionTrait, plan: &Plan) -> Result<Vec<Made>> {
    let mut founded = vec![None; plan.sizes.len()];
    for (user, organization) in plan.organization_of.iter().enumerate() {
        if let Some(first @ None) = founded.get_mut(*organization as usize) {
            *first = Some(plan.made_at(user));
        }
    }
    let mut made = Vec::with_capacity(plan.sizes.len());
    let mut rows = Vec::with_capacity(plan.sizes.len());
    for (number, (size, created_at)) in plan.sizes.iter().zip(founded).enumerate() {
        let created_at = created_at.unwrap_or_default();
        let mut random = choices(ORGANIZATION, number);
        let (name, slug) = organization_name(number);
        rows.push(organization::ActiveModel {
            id: Set(OrganizationId::parse("id", &slug)?),
            name: Set(model::name("name", &name)?),
            variables: Set(variables(random.percent(20), || {
                json!({ "plan": random.pick(&["starter", "team", "enterprise"]), "industry": slug.split('-').nth(1) })
            })?),
            // A third has a limit, with some seats left; the first, largest one has none.
            seat_limit: Set((number > 0 && random.percent(33))
                .then(|| i64::try_from(size + size / 5 + 10).unwrap_or(i64::MAX))),
            version: Set(1),
            created_at: Set(created_at),
            updated_at: Set(created_at),
            ..Default::default()
        });
        made.push(Made {
            pk: 0,
            slug,
            created_at,
            size: *size,
        });
    }
    let keys =
        insert::<organization::Entity>(connection, rows, organization::Column::Pk, organization::Column::Id).await?;
    for one in &mut made {
        one.pk = key_of(&keys, &one.slug)?;
    }
    Ok(made)
}

fn organization_name(number: usize) -> (String, String) {
    let combinations = ORGANIZATION_FIRST.len() * ORGANIZATION_LAST.len();
    // 7 is coprime to the number of combinations, so each combination is used once before one repeats.
    let place = (number * 7) % combinations;
    let (first, first_slug) = ORGANIZATION_FIRST
        .get(place % ORGANIZATION_FIRST.len())
        .copied()
        .unwrap_or_default();
    let (last, last_slug) = ORGANIZATION_LAST
        .get(place / ORGANIZATION_FIRST.len())
        .copied()
        .unwrap_or_default();
    match number / combinations {
        0 => (format!("{first} {last}"), format!("{first_slug}-{last_slug}")),
        round => (
            format!("{first} {last} {}", round + 1),
            format!("{first_slug}-{last_slug}-{}", round + 1),
        ),
    }
}

/// The tenants of each organization, by internal key.
async fn tenants(connection: &impl ConnectionTrait, organizations: &[Made]) -> Result<Vec<Vec<i64>>> {
    let mut slugs = Vec::with_capacity(organizations.len());
    let mut rows = Vec::new();
    for (number, organization) in organizations.iter().enumerate() {
        let mut random = choices(ORGANIZATION, number);
        let size = usize::try_from(organization.size).unwrap_or(usize::MAX);
        let count = if number == 0 { 20 } else { 1 + random.index(8) };
        let start = random.index(TENANTS.len());
        let mut of = Vec::with_capacity(count);
        for place in 0..count.min(size.div_ceil(2)) {
            let (name, slug) = TENANTS
                .get((start + place) % TENANTS.len())
                .copied()
                .unwrap_or_default();
            let id = format!("{}-{slug}", organization.slug);
            let created_at = organization.created_at.after(Duration::from_secs(60 * place as u64));
            rows.push(tenant::ActiveModel {
                id: Set(TenantId::parse("id", &id)?),
                organization_pk: Set(organization.pk),
                name: Set(model::name("name", name)?),
                version: Set(1),
                created_at: Set(created_at),
                updated_at: Set(created_at),
                ..Default::default()
            });
            of.push(id);
        }
        slugs.push(of);
    }
    let keys = insert::<tenant::Entity>(connection, rows, tenant::Column::Pk, tenant::Column::Id).await?;
    slugs
        .iter()
        .map(|of| of.iter().map(|id| key_of(&keys, id)).collect())
        .collect()
}

struct Person {
    id: String,
    row: user::ActiveModel,
    role_pk: Option<i64>,
    created_at: Timestamp,
    key: Option<api_key::ActiveModel>,
}

struct People<'a> {
    now: Timestamp,
    plan: &'a Plan,
    organizations: &'a [Made],
    tenants: &'a [Vec<i64>],
    roles: HashMap<BuiltIn, i64>,
    /// How often each organization has a name in address form.
    addresses: HashMap<(usize, &'static str, &'static str), u32>,
}

impl People<'_> {
    fn person(&mut self, number: usize) -> Result<Person> {
        let mut random = choices(USER, number);
        let place = self.plan.organization_of.get(number).map_or(0, |place| *place as usize);
        let organization = self
            .organizations
            .get(place)
            .ok_or_else(|| Error::internal("no organization"))?;
        let created_at = self.plan.made_at(number);
        let is_founder = created_at == organization.created_at;
        let is_program = !is_founder && random.percent(1);
        let role = match random.below(100) {
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
        };
        let activated = is_founder || !random.percent(6);
        let since = self.now.micros().abs_diff(created_at.micros()) / 1_000_000;
        let later = |random: &mut Random, of: u64| created_at.after(Duration::from_secs(random.below(of)));
        let changed = random.percent(40);
        let updated_at = if changed { later(&mut random, since) } else { created_at };
        let last_seen_at = random
            .percent(70)
            .then(|| later(&mut random, since).whole_minute().max(created_at));
        let id = uuid_of(created_at, &mut random);
        let mut row = user::ActiveModel {
            organization_pk: Set(organization.pk),
            tenant_pk: Set(match self.tenants.get(place) {
                Some(tenants) if random.percent(96) => tenants.get(random.skewed_index(tenants.len())).copied(),
                _ => None,
            }),
            activated: Set(activated),
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
        let id = if is_program {
            let (name, slug) = random.pick(&PROGRAMS).copied().unwrap_or_default();
            row.name = Set(Some(name.to_owned()));
            row.email = Set(None);
            row.firstname = Set(None);
            row.lastname = Set(None);
            format!("svc-{slug}-{number}")
        } else {
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
            let address = format!("{first_plain}.{last_plain}{digits}@{}.example", organization.slug);
            row.name = Set(random.percent(4).then(|| format!("{first} ({})", organization.slug)));
            row.email = Set(Some(Email::parse("email", &address)?));
            row.firstname = Set(Some(model::name("firstname", first)?));
            row.lastname = Set(Some(model::name("lastname", last)?));
            id
        };
        row.id = Set(UserId::parse("id", &id)?);
        let has_key = activated && (is_program || is_founder || random.percent(1));
        let key = has_key.then(|| key(created_at, last_seen_at, &mut random));
        Ok(Person {
            id,
            row,
            role_pk: role.and_then(|role| self.roles.get(&role)).copied(),
            created_at,
            key,
        })
    }
}

/// A key that cannot be used: its digest is random, so nobody knows a secret for it.
fn key(created_at: Timestamp, last_used_at: Option<Timestamp>, random: &mut Random) -> api_key::ActiveModel {
    let digest: String = (0..4).map(|_| format!("{:016x}", random.next())).collect();
    let prefix = format!("tnt_{:08x}", random.below(1 << 32));
    api_key::ActiveModel {
        pk: sea_orm::NotSet,
        id: Set(ApiKeyId::from(uuid_bits(created_at, random))),
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

fn uuid_bits(at: Timestamp, random: &mut Random) -> uuid::Uuid {
    let millis = at.micros().unsigned_abs() / 1_000;
    let mut bits = [0; 10];
    for (bit, drawn) in bits.iter_mut().zip(
        random
            .next()
            .to_le_bytes()
            .into_iter()
            .chain(random.next().to_le_bytes()),
    ) {
        *bit = drawn;
    }
    uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid()
}

fn uuid_of(at: Timestamp, random: &mut Random) -> String {
    uuid_bits(at, random).to_string()
}

fn variables(given: bool, json: impl FnOnce() -> serde_json::Value) -> Result<Option<JsonText>> {
    given.then(|| JsonText::object("variables", &json())).transpose()
}

/// Users with their roles and keys; the number of keys.
async fn write_people(connection: &impl ConnectionTrait, people: Vec<Person>) -> Result<u64> {
    let mut rows = Vec::with_capacity(people.len());
    let mut beside = Vec::with_capacity(people.len());
    for person in people {
        rows.push(person.row);
        beside.push((person.id, person.role_pk, person.created_at, person.key));
    }
    let pks = insert::<user::Entity>(connection, rows, user::Column::Pk, user::Column::Id).await?;
    let mut roles = Vec::with_capacity(beside.len());
    let mut keys = Vec::new();
    for (id, role_pk, created_at, key) in beside {
        let user_pk = key_of(&pks, &id)?;
        roles.extend(role_pk.map(|role_pk| user_role::ActiveModel {
            user_pk: Set(user_pk),
            role_pk: Set(role_pk),
            created_at: Set(created_at),
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

/// Inserts rows and returns their internal keys by id, because the order of returned rows is not guaranteed.
async fn insert<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    rows: Vec<E::ActiveModel>,
    pk: E::Column,
    id: E::Column,
) -> Result<HashMap<String, i64>> {
    let mut keys = HashMap::with_capacity(rows.len());
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut insert = E::insert_many(rows.by_ref().take(ROWS)).into_query();
        insert.returning(sea_orm::sea_query::Query::returning().columns([pk, id]));
        for row in connection.query_all(&insert).await? {
            keys.insert(row.try_get_by_index(1)?, row.try_get_by_index(0)?);
        }
    }
    Ok(keys)
}

fn key_of(keys: &HashMap<String, i64>, id: &str) -> Result<i64> {
    keys.get(id)
        .copied()
        .ok_or_else(|| Error::internal(format!("'{id}' was not created")))
}
