//! Creates users: one, or many at once.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::User;
use super::claims::{Claims, wanted_before};
use super::draft::{Draft, NewUser};
use super::insert::{created, insert_rows, note_conflict};
use super::placed::{Placed, Surroundings};
use crate::authz::{Action, Granted, Resource};
use crate::context::{Change, OpContext};
use crate::directory::{federated_identity, organization, role};
use crate::model::error::{Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::{any_of, user as table};

/// How many users one call creates.
pub const USERS_MAX: usize = 1_000;
/// How many of them have a password that is to be hashed, which takes a core for 17 ms.
pub const PASSWORDS_MAX: usize = 100;
/// How often users are written: those who want the same as an earlier one, which was refused, only in the second round.
const ROUNDS: usize = 2;

/// Creates a user. `CONFLICT` for an id or address that is taken, `SEAT_LIMIT_REACHED` above the organization's limit,
/// `FORBIDDEN` for a role beyond the caller's own permissions.
pub async fn create(op: &OpContext, new: NewUser) -> Result<User> {
    let mut outcomes = create_each(op, vec![new]).await?;
    outcomes
        .pop()
        .unwrap_or_else(|| Err(Error::internal("a new user without an outcome")))
}

/// Creates users in one transaction, and returns for each of them, in this order, what [`create`] would have. A user who
/// is refused changes nothing, and keeps no other from being created; of two who want the same id or address, or the last
/// seat, the first gets it. An error concerns the call as a whole: then nobody is created.
pub async fn create_many(op: &OpContext, new: Vec<NewUser>) -> Result<Vec<Result<User>>> {
    op.authorize(Action::Create, Resource::User)?;
    if new.len() > USERS_MAX {
        return Err(Error::LimitExceeded(format!(
            "'data' contains {} users; the limit is {USERS_MAX}. Send them in several requests.",
            new.len()
        )));
    }
    let passwords = new.iter().filter(|user| user.password.is_some()).count();
    if passwords > PASSWORDS_MAX {
        return Err(Error::LimitExceeded(format!(
            "{passwords} users of 'data' have a 'password'; the limit is {PASSWORDS_MAX}, because hashing passwords takes \
             time. Send them in several requests, or send 'passwordHash'."
        )));
    }
    create_each(op, new).await
}

async fn create_each(op: &OpContext, new: Vec<NewUser>) -> Result<Vec<Result<User>>> {
    let granted = op.authorize(Action::Create, Resource::User)?;
    let mut outcomes = Outcomes(Vec::new());
    outcomes.0.resize_with(new.len(), || None);
    let drafts = drafts(op, new, &mut outcomes).await?;
    if drafts.is_empty() {
        return outcomes.all();
    }
    let mut change = op.begin().await?;
    let around = Surroundings::look_up(op, &*change, &granted, &drafts).await?;
    let mut placed = Vec::with_capacity(drafts.len());
    for (number, draft) in drafts {
        match around.place(op, &granted, number, draft) {
            Ok(one) => placed.push(one),
            Err(error) => outcomes.refuse(number, error)?,
        }
    }
    let made = write(op, &mut change, &granted, &around, placed, &mut outcomes).await?;
    if made.is_empty() {
        return outcomes.all();
    }
    complete(op, &mut change, &made).await?;
    change.commit(events(&made)).await?;
    for (one, row) in made {
        outcomes.put(one.number, Ok(row.into()));
    }
    outcomes.all()
}

/// The outcome of each user.
struct Outcomes(Vec<Option<Result<User>>>);

impl Outcomes {
    fn put(&mut self, number: usize, outcome: Result<User>) {
        if let Some(place) = self.0.get_mut(number) {
            *place = Some(outcome);
        }
    }

    /// Refuses a user. An error that says nothing about this one is returned: it concerns the call.
    fn refuse(&mut self, number: usize, error: Error) -> Result<()> {
        match error {
            Error::Unauthenticated(_) | Error::RateLimited { .. } | Error::Unavailable { .. } | Error::Internal(_) => {
                Err(error)
            }
            Error::Forbidden(_)
            | Error::NotFound(_)
            | Error::Invalid { .. }
            | Error::Conflict(_)
            | Error::Ambiguous { .. }
            | Error::SeatLimitReached(_)
            | Error::PasswordChangeRequired(_)
            | Error::LimitExceeded(_) => {
                self.put(number, Err(error));
                Ok(())
            }
        }
    }

    fn all(self) -> Result<Vec<Result<User>>> {
        let missing = || Error::internal("a new user without an outcome");
        self.0.into_iter().map(|outcome| outcome.ok_or_else(missing)).collect()
    }
}

/// The users whose fields are as they may be, with their passwords hashed. Hashing takes the most time, so it is done
/// before the transaction, without holding locks; one after the other, because others want to sign in in the meantime.
async fn drafts(op: &OpContext, new: Vec<NewUser>, outcomes: &mut Outcomes) -> Result<Vec<(usize, Draft)>> {
    let mut drafts = Vec::with_capacity(new.len());
    for (number, new) in new.into_iter().enumerate() {
        match draft(op, new).await {
            Ok(draft) => drafts.push((number, draft)),
            Err(error) => outcomes.refuse(number, error)?,
        }
    }
    Ok(drafts)
}

/// A user whose fields are as they may be, with the hash of the given password, or with the given hash.
async fn draft(op: &OpContext, new: NewUser) -> Result<Draft> {
    let mut draft = Draft::of(new, op.now(), || op.new_id())?;
    let organization = op.actor().caller().map(|caller| caller.organization_pk);
    let hash = match (&draft.new.password, &draft.new.password_hash) {
        (Some(password), _) => Some(op.hasher().hash(organization, password).await?),
        (None, Some(hash)) => Some(op.hasher().accept("passwordHash", organization, hash).await?),
        (None, None) => None,
    };
    draft.row.password_changed_at = Set(hash.is_some().then_some(op.now()));
    draft.row.password_temporary = Set(draft.new.password_temporary && hash.is_some());
    draft.row.password_hash = Set(hash);
    Ok(draft)
}

/// Writes the rows of those who can be created, and takes their seats. The others are refused.
async fn write(
    op: &OpContext,
    change: &mut Change<'_>,
    granted: &Granted,
    around: &Surroundings,
    placed: Vec<Placed>,
    outcomes: &mut Outcomes,
) -> Result<Vec<(Placed, table::Model)>> {
    let mut claims = Claims::default();
    let mut made: Vec<(Placed, table::Model)> = Vec::with_capacity(placed.len());
    let mut pending = placed;
    for round in 1..=ROUNDS {
        let chosen = claims.choose(pending);
        pending = chosen.later;
        if round == ROUNDS {
            pending
                .drain(..)
                .try_for_each(|one| outcomes.refuse(one.number, wanted_before()))?;
        }
        for (number, error) in chosen.refused {
            outcomes.refuse(number, error)?;
        }
        if chosen.now.is_empty() {
            break;
        }
        let rows = chosen.now.iter().map(|one| one.row.clone()).collect();
        let mut written = Vec::with_capacity(chosen.now.len());
        for (one, row) in chosen.now.into_iter().zip(insert_rows(&**change, rows).await?) {
            match row {
                Ok(row) => written.push((one, row)),
                Err(error) => {
                    note_conflict(op, granted, "user.create", &error);
                    outcomes.refuse(one.number, error)?;
                }
            }
        }
        let (seated, surplus) = seated(change, around, written).await?;
        for (one, _) in &surplus {
            let home = around.home_of(one)?;
            outcomes.refuse(one.number, organization::no_seat_left(home, Some(granted)))?;
        }
        // If nobody is created, nothing is committed.
        let nobody = made.is_empty() && seated.is_empty() && pending.is_empty();
        if !surplus.is_empty() && !nobody {
            take_back(&**change, surplus.iter().map(|(_, row)| row.pk).collect()).await?;
        }
        seated.iter().for_each(|(one, _)| claims.keep(one));
        made.extend(seated);
    }
    made.sort_by_key(|(one, _)| one.number);
    Ok(made)
}

/// Those with a seat, or who take none; and those for whom no seat was left.
type Seated = (Vec<(Placed, table::Model)>, Vec<(Placed, table::Model)>);

/// Takes seats, once for each organization: the first users get them.
async fn seated(
    change: &mut Change<'_>,
    around: &Surroundings,
    written: Vec<(Placed, table::Model)>,
) -> Result<Seated> {
    let mut wanted: HashMap<i64, i64> = HashMap::new();
    for (_, row) in written.iter().filter(|(_, row)| row.activated && row.takes_seat) {
        *wanted.entry(row.organization_pk).or_default() += 1;
    }
    let mut seats = Vec::with_capacity(wanted.len());
    for (pk, number) in wanted {
        seats.push((around.home(pk)?, number));
    }
    let mut left = organization::take_seats(change, &seats).await?;
    let is_seated = |(_, row): &(Placed, table::Model)| {
        if !(row.activated && row.takes_seat) {
            return true;
        }
        match left.get_mut(&row.organization_pk) {
            Some(0) => false,
            Some(seats) => {
                *seats -= 1;
                true
            }
            // Without a limit.
            None => true,
        }
    };
    Ok(written.into_iter().partition(is_seated))
}

/// Deletes users that were written in this transaction.
async fn take_back(connection: &impl ConnectionTrait, pks: Vec<i64>) -> Result<()> {
    table::Entity::delete_many()
        .filter(any_of(connection.get_database_backend(), table::Column::Pk, pks))
        .exec(connection)
        .await?;
    Ok(())
}

/// Writes what belongs to the new users. The roles of a single one are written with its event.
async fn complete(op: &OpContext, change: &mut Change<'_>, made: &[(Placed, table::Model)]) -> Result<()> {
    let identities = made
        .iter()
        .flat_map(|(one, row)| one.identities.iter().map(|identity| (row.pk, identity)))
        .collect();
    federated_identity::insert_in_txn(&**change, identities).await?;
    let roles = made
        .iter()
        .flat_map(|(one, row)| one.roles.iter().map(|role| (row.pk, row.organization_pk, role)));
    for insertion in role::assigning_to_each(roles, role::Made::by_caller(op)) {
        match made {
            [_] => change.insert_last(insertion),
            _ => {
                change.execute(&insertion).await?;
            }
        }
    }
    Ok(())
}

/// The events of the new users.
fn events(made: &[(Placed, table::Model)]) -> Vec<Event> {
    let event = |(one, row): &(Placed, table::Model)| {
        let into = one.tenant.label.iter().map(|tenant| tenant.mention().added());
        created(row, &one.roles).about(into)
    };
    made.iter().map(event).collect()
}
