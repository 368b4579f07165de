//! Writing the plan.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QuerySelect, QueryTrait, Set};
use serde_json::json;

use super::USERS_MAX;
use super::names::{ORGANIZATION_FIRST, ORGANIZATION_LAST, TENANTS};
use super::people::{self, People, Person};
use super::plan::{Plan, choices};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{self, JsonText, OrganizationId, TenantId, Timestamp};
use crate::store::audit_trail::Event;
use crate::store::built_in_roles::built_in_role_pks;
use crate::store::entity::{organization, tenant, user};

/// Rows per statement. Multiplied by the columns of the widest table, this stays below SQLite's limit of 32,766 bound
/// values.
const ROWS: usize = 1_000;

const ORGANIZATION: u64 = 1;

const COUNT_SEATS: &str = "UPDATE organizations SET seats_used = (SELECT COUNT(*) FROM users \
     WHERE organization_pk = organizations.pk AND activated AND takes_seat) WHERE seat_limit IS NOT NULL";

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
    let change = op.begin().await?;
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
    let mut roles = built_in_role_pks(&*change).await?;
    roles.retain(|role, _| !op.catalogue().hides(*role));
    let mut people = People {
        now: op.now(),
        plan: &plan,
        organizations: &organizations,
        tenants: &tenants,
        roles,
        addresses: HashMap::new(),
    };
    for first in (0..count).step_by(ROWS) {
        let batch: Vec<Person> = (first..count.min(first + ROWS))
            .map(|number| people.person(number))
            .collect::<Result<_>>()?;
        filled.users += batch.len() as u64;
        filled.api_keys += people::write(&*change, batch).await?;
        progress(filled.users);
    }
    change.execute_unprepared(COUNT_SEATS).await?;
    let event = Event::new("organization.demo", platform.pk, &platform.id)
        .of_organization(platform.pk)
        .named(platform.name.clone());
    change.commit([event]).await?;
    Ok(filled)
}

async fn the_only_organization(connection: &impl ConnectionTrait) -> Result<organization::Model> {
    let users = user::Entity::find().select_only().column(user::Column::Pk).limit(2);
    let users: Vec<i64> = users.into_tuple().all(connection).await?;
    match organization::Entity::find().limit(2).all(connection).await?.as_slice() {
        [platform] if users.len() < 2 => Ok(platform.clone()),
        [] => Err(Error::conflict(
            ConflictReason::InUse,
            "The database has no platform organization; start the server on this database once.".to_owned(),
        )),
        _ => Err(Error::conflict(
            ConflictReason::InUse,
            "The database already contains organizations or users. The demo needs an empty database: specify another one with \
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
pub(super) struct Made {
    pub pk: i64,
    pub slug: String,
    pub created_at: Timestamp,
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
        let variables = variables(
            random.percent(20),
            || json!({ "plan": random.pick(&["starter", "team", "enterprise"]), "industry": slug.split('-').nth(1) }),
        )?;
        // A third has a limit, with some seats left; the first, largest one has none.
        let limit = (number > 0 && random.percent(33)).then(|| i64::try_from(size + size / 5 + 10).unwrap_or(i64::MAX));
        let row = organization::ActiveModel {
            id: Set(OrganizationId::parse("id", &slug)?),
            name: Set(model::name("name", &name)?),
            variables: Set(variables),
            seat_limit: Set(limit),
            seats_used: Set(limit.map(|_| 0)),
            version: Set(1),
            created_at: Set(created_at),
            updated_at: Set(created_at),
            ..Default::default()
        };
        rows.push(row.worded()?);
        made.push(Made {
            pk: 0,
            slug,
            created_at,
            size: *size,
        });
    }
    // Lists show them in the order in which they were made.
    rows.sort_by_key(|row| *row.created_at.as_ref());
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
            let row = tenant::ActiveModel {
                id: Set(TenantId::parse("id", &id)?),
                organization_pk: Set(organization.pk),
                name: Set(model::name("name", name)?),
                version: Set(1),
                created_at: Set(created_at),
                updated_at: Set(created_at),
                ..Default::default()
            };
            rows.push(row.worded()?);
            of.push(id);
        }
        slugs.push(of);
    }
    rows.sort_by_key(|row| *row.created_at.as_ref());
    let keys = insert::<tenant::Entity>(connection, rows, tenant::Column::Pk, tenant::Column::Id).await?;
    slugs
        .iter()
        .map(|of| of.iter().map(|id| key_of(&keys, id)).collect())
        .collect()
}

/// Inserts rows and returns their internal keys by id, because the order of returned rows is not guaranteed.
pub(super) async fn insert<E: EntityTrait>(
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

pub(super) fn key_of(keys: &HashMap<String, i64>, id: &str) -> Result<i64> {
    keys.get(id)
        .copied()
        .ok_or_else(|| Error::internal(format!("'{id}' was not created")))
}

pub(super) fn variables(given: bool, json: impl FnOnce() -> serde_json::Value) -> Result<Option<JsonText>> {
    JsonText::object("variables", given.then(json).as_ref())
}
