//! Users, a batch at a time: one statement finds those that are there, one writes those that are not.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{Condition, ConnectionTrait, EntityTrait, IntoSimpleExpr, QueryFilter, QueryTrait};

use super::check::{Checked, email_key, id_key, user_name_place};
use super::imagined::content;
use super::places::Home;
use super::update::Has;
use super::{Intake, here};
use crate::context::Change;
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::{Email, UserId, user_name_key};
use crate::store::entity::{among, any_of, user};
use crate::transfer::kind::Kind;
use crate::transfer::record::UserRecord;
use crate::transfer::report::{At, Did, Lacks, Outcome};

/// What the first start has created.
const ADMIN: &str = "admin";

/// Those of the batch that are there.
#[derive(Default)]
struct There {
    rows: Vec<user::Model>,
    by_name: HashMap<String, usize>,
}

impl There {
    fn of(rows: Vec<user::Model>) -> Self {
        let mut by_name = HashMap::new();
        for (place, row) in rows.iter().enumerate() {
            by_name.insert(id_key(row.id.as_str()), place);
            if let Some(email) = &row.email {
                by_name.insert(email_key(row.organization_pk, email.as_str()), place);
            }
            let email = row.email.as_ref().map(Email::as_str);
            if let Some(key) = row.user_name_key.as_deref().or(email) {
                by_name.insert(user_name_place(row.organization_pk, key), place);
            }
        }
        Self { rows, by_name }
    }

    fn named(&self, name: &str) -> Option<&user::Model> {
        self.rows.get(*self.by_name.get(name)?)
    }
}

impl Intake<'_> {
    pub(super) async fn users(&mut self, change: &mut Change<'_>, records: Vec<(At, &UserRecord)>) -> Result<()> {
        let mut waiting = Vec::with_capacity(records.len());
        for (at, record) in records {
            if record.id.as_deref() == Some(ADMIN) && self.options.keep_first_start {
                self.tell(&at, record, Did::Ignored("the first super admin".to_owned()));
                continue;
            }
            match self.check(change, at.clone(), record).await {
                Ok(checked) => waiting.push(checked),
                Err(error) => self.tell(&at, record, Did::Refused(super::rows::refusal(error)?)),
            }
        }
        // A user who has a name that an earlier one of the batch gets is looked at after that one is written.
        while !waiting.is_empty() {
            let there = self.there(change, &waiting).await?;
            let mut taken = HashSet::new();
            let mut new = Vec::new();
            let mut later = Vec::new();
            let count = waiting.len();
            for checked in waiting {
                let names = checked.names();
                if names.iter().any(|name| taken.contains(name)) {
                    later.push(checked);
                    continue;
                }
                if let Some(new_one) = self.meet(change, &there, checked).await? {
                    taken.extend(names);
                    new.push(new_one);
                }
            }
            later.extend(self.create(change, new).await?);
            if later.len() == count {
                return Err(Error::internal("users could neither be found nor created"));
            }
            waiting = later;
        }
        Ok(())
    }

    /// Returns the user if nobody is there with its names; notes the outcome otherwise.
    async fn meet<'r>(
        &mut self,
        change: &mut Change<'_>,
        there: &There,
        checked: Checked<'r>,
    ) -> Result<Option<Checked<'r>>> {
        let by_id = checked.id.as_ref().and_then(|id| there.named(&id_key(id.as_str())));
        let address = checked
            .address()
            .map(|email| email_key(checked.home.pk, email.as_str()));
        let by_email = address.as_deref().and_then(|name| there.named(name));
        let by_user_name = checked.unique_name().and_then(|name| there.named(&name));
        let (at, record) = (checked.at.clone(), checked.record);
        let found = match (&checked.id, by_id, by_email) {
            (_, Some(row), _) | (None, None, Some(row)) => row,
            (Some(_), None, Some(other)) => {
                let told = Error::conflict(
                    ConflictReason::Taken,
                    format!(
                        "The user '{}' of the organization '{}' has this e-mail address already.",
                        other.id, checked.home.id
                    ),
                );
                self.tell(&at, record, Did::Refused(told.into()));
                return Ok(None);
            }
            (_, None, None) if by_user_name.is_some() => {
                self.tell(&at, record, Did::Refused(same_user_name(&checked.home).into()));
                return Ok(None);
            }
            (_, None, None) => {
                if let Err(error) = self.may_give(&checked, &Has::default()) {
                    self.tell(&at, record, Did::Refused(error.into()));
                    return Ok(None);
                }
                return self.meet_imagined(checked);
            }
        };
        if found.organization_pk != checked.home.pk {
            self.tell(&at, record, Did::Refused(here::elsewhere("user").into()));
            return Ok(None);
        }
        let point = self.set_point(change).await?;
        let done = self.update(change, found, &checked).await;
        let did = self.end_point(change, point, done).await?;
        self.aliases.note(&record.aliases, found.organization_pk, found.pk);
        self.tell_missing_groups(&checked);
        self.tell(&at, record, did);
        Ok(None)
    }

    /// While looking only: a user that the file itself would have created.
    fn meet_imagined<'r>(&mut self, checked: Checked<'r>) -> Result<Option<Checked<'r>>> {
        let imagined = |names: &[String]| self.imagined.as_ref().and_then(|imagined| imagined.user(names));
        let Some(known) = imagined(&checked.own_names()) else {
            let name: Vec<String> = checked.unique_name().into_iter().collect();
            if imagined(&name).is_none() {
                return Ok(Some(checked));
            }
            let told = same_user_name(&checked.home);
            self.tell(&checked.at, checked.record, Did::Refused(told.into()));
            return Ok(None);
        };
        let fields: &[&'static str] = match known == content(checked.record) {
            true => &[],
            false => &["the same file"],
        };
        let did = match self.settle("user", fields) {
            Ok(did) => did.unwrap_or(Did::Changed),
            Err(error) => Did::Refused(error.into()),
        };
        self.tell(&checked.at, checked.record, did);
        Ok(None)
    }

    /// The users who have an id or address of the batch.
    async fn there(&self, change: &Change<'_>, batch: &[Checked<'_>]) -> Result<There> {
        let backend = self.op.db().backend();
        let mut rows = Vec::new();
        let ids: Vec<&str> = batch
            .iter()
            .filter_map(|one| one.id.as_ref())
            .map(UserId::as_str)
            .collect();
        if !ids.is_empty() {
            rows = user::Entity::find()
                .filter(user::has_id(backend, ids))
                .all(&**change)
                .await?;
        }
        let emails: HashSet<String> = batch
            .iter()
            .filter_map(Checked::address)
            .map(ToString::to_string)
            .collect();
        let given = batch.iter().filter_map(|one| one.user_name.as_ref()?.as_deref());
        let user_names: HashSet<String> = emails.iter().cloned().chain(given.map(user_name_key)).collect();
        if !user_names.is_empty() {
            let homes: HashSet<i64> = batch.iter().map(|one| one.home.pk).collect();
            let among = |column, texts: HashSet<String>| among(backend, column, texts.into_iter().collect(), "text[]");
            let such = Condition::any()
                .add(among(user::Column::Email.into_simple_expr(), emails))
                .add(among(user::unique_user_name(), user_names));
            let found = user::Entity::find()
                .filter(any_of(backend, user::Column::OrganizationPk, homes))
                .filter(such);
            let known: HashSet<i64> = rows.iter().map(|row| row.pk).collect();
            let found = found.all(&**change).await?.into_iter();
            rows.extend(found.filter(|row| !known.contains(&row.pk)));
        }
        Ok(There::of(rows))
    }

    /// Writes new users; returns those whose names somebody else has taken in this moment.
    async fn create<'r>(&mut self, change: &mut Change<'_>, new: Vec<Checked<'r>>) -> Result<Vec<Checked<'r>>> {
        let new = self.within_seats(change, new).await?;
        if let Some(imagined) = &mut self.imagined {
            for one in &new {
                imagined.create_user(&one.names(), content(one.record));
            }
            for one in new {
                self.aliases.note(&one.record.aliases, one.home.pk, 0);
                self.created(&one);
            }
            return Ok(Vec::new());
        }
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = Vec::with_capacity(new.len());
        let mut ids = Vec::with_capacity(new.len());
        for one in &new {
            let row = self.row(one).await?;
            ids.push(row.id.as_ref().to_string());
            rows.push(row.complete()?);
        }
        let mut insertion = user::Entity::insert_many(rows)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .into_query();
        insertion.returning(Query::returning().columns([user::Column::Pk, user::Column::Id]));
        let mut keys: HashMap<String, i64> = HashMap::with_capacity(ids.len());
        for row in change.query_all(&insertion).await? {
            keys.insert(row.try_get_by_index(1)?, row.try_get_by_index(0)?);
        }
        let mut later = Vec::new();
        let mut written = Vec::with_capacity(new.len());
        for (one, id) in new.into_iter().zip(ids) {
            match keys.get(&id) {
                Some(pk) => written.push((*pk, one)),
                None => later.push(one),
            }
        }
        self.belongings(change, &written).await?;
        self.count_seats(change, &written).await?;
        for (pk, one) in &written {
            self.aliases.note(&one.record.aliases, one.home.pk, *pk);
            self.created(one);
        }
        Ok(later)
    }

    fn created(&mut self, one: &Checked<'_>) {
        self.tallies
            .created_user(&one.home, one.record.activated.unwrap_or(true));
        self.tell_missing_groups(one);
        let lacks = Lacks {
            password: !one.password.is_usable() && one.record.service != Some(true),
            is_federated: one.identities.as_ref().is_some_and(|all| !all.is_empty()),
            hash: one.password.unusable(),
        };
        self.outcomes.push(Outcome {
            at: one.at.clone(),
            kind: Kind::User,
            id: one.record.id.clone(),
            email: one.record.email.clone(),
            did: Did::Created,
            lacks,
        });
    }

    /// Those for whom there are seats, the first ones first; the others are refused.
    async fn within_seats<'r>(&mut self, change: &Change<'_>, new: Vec<Checked<'r>>) -> Result<Vec<Checked<'r>>> {
        let mut free = HashMap::new();
        let mut within = Vec::with_capacity(new.len());
        for one in new {
            if !takes_seat(&one) || !one.home.has_limit {
                within.push(one);
                continue;
            }
            let free = match free.entry(one.home.pk) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.seats(change, &one.home).await?),
            };
            match free {
                Some(seats) if seats.free <= 0 => {
                    let told = seats.none_left();
                    self.tell(&one.at, one.record, Did::Refused(told.into()));
                }
                Some(seats) => {
                    seats.free -= 1;
                    within.push(one);
                }
                None => within.push(one),
            }
        }
        Ok(within)
    }

    /// Notes the seats that new users have taken.
    async fn count_seats(&self, change: &Change<'_>, written: &[(i64, Checked<'_>)]) -> Result<()> {
        let mut counts: HashMap<i64, (Arc<Home>, i64)> = HashMap::new();
        for (_, one) in written.iter().filter(|(_, one)| takes_seat(one) && one.home.has_limit) {
            let entry = counts.entry(one.home.pk).or_insert_with(|| (Arc::clone(&one.home), 0));
            entry.1 += 1;
        }
        for (home, count) in counts.into_values() {
            if let Some(seats) = self.seats(change, &home).await? {
                seats.take(change, count).await?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, at: &At, record: &UserRecord, did: Did) {
        self.outcomes.push(Outcome {
            at: at.clone(),
            kind: Kind::User,
            id: record.id.clone(),
            email: record.email.clone(),
            did,
            lacks: Lacks::default(),
        });
    }

    fn tell_missing_groups(&mut self, one: &Checked<'_>) {
        for group in &one.missing_groups {
            let told = Error::invalid(
                "groups",
                format!("There is no group '{}'; the user is not a member.", shown(group)),
            );
            self.outcomes.push(Outcome {
                at: one.at.clone(),
                kind: Kind::Group,
                id: Some(group.clone()),
                email: None,
                did: Did::Refused(told.into()),
                lacks: Lacks::default(),
            });
        }
    }
}

/// The refusal of a user whose user name another one has.
fn same_user_name(home: &Home) -> Error {
    Error::conflict(
        ConflictReason::Taken,
        format!(
            "Another user of the organization '{}' has this user name already.",
            home.id
        ),
    )
}

fn takes_seat(one: &Checked<'_>) -> bool {
    one.record.activated.unwrap_or(true) && one.record.takes_seat.unwrap_or(true)
}
