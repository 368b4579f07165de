//! Passwords of a file: in clear, or as hashes of many kinds.

use std::collections::{HashMap, HashSet};
use std::thread::available_parallelism;

use futures::{StreamExt, TryStreamExt, stream};
use sea_orm::{
    ActiveModelTrait, Condition, EntityTrait, IntoActiveModel, IntoSimpleExpr, QueryFilter, QuerySelect, Set,
};

use super::check::id_key;
use super::{Intake, OnConflict, Passwords};
use crate::context::Change;
use crate::directory::{password, session};
use crate::model::error::{Error, Result};
use crate::model::{Email, Timestamp, UserId};
use crate::services::hasher::{Password, Recognized, recognize};
use crate::store::audit_trail::Event;
use crate::store::entity::{among, any_of, organization, user};
use crate::transfer::record::{Hash, HashRecord, Item, Record, Row, UserRecord};
use crate::transfer::report::{At, Did};

/// The password that a record gives.
#[derive(Debug)]
pub(super) enum Given {
    Nothing,
    /// It cannot be checked, or is not wanted. The user has none, and asks for a new one.
    /// With its kind.
    Unusable(&'static str),
    Clear(Password),
    Hash(Recognized),
}

impl Given {
    pub fn of(record: &UserRecord, id: Option<&UserId>, email: Option<&Email>, wanted: Passwords) -> Result<Self> {
        match (&record.password, &record.password_hash) {
            (Some(_), Some(_)) => Err(Error::invalid(
                "passwordHash",
                "The record has both a password and the hash of one.",
            )),
            (Some(text), None) if !text.is_empty() => {
                let password = Password::new(text);
                let own: Vec<&str> = email
                    .map(Email::as_str)
                    .into_iter()
                    .chain(id.map(UserId::as_str))
                    .collect();
                password::acceptable("password", &password, &own)?;
                Ok(match wanted {
                    Passwords::None => Self::Nothing,
                    Passwords::All | Passwords::Strong => Self::Clear(password),
                })
            }
            (None, Some(hash)) => Ok(Self::hash(hash, wanted)),
            (_, None) => Ok(Self::Nothing),
        }
    }

    fn hash(hash: &Hash, wanted: Passwords) -> Self {
        let recognized = match hash {
            Hash::Text(text) => recognize(text),
            Hash::Named(named) => named.recognize(),
            Hash::Unusable(kind) => return Self::Unusable(kind),
        };
        match (recognized, wanted) {
            (_, Passwords::None) => Self::Nothing,
            (Err(refused), _) => Self::Unusable(refused.kind),
            (Ok(Recognized::Weak(weak)), Passwords::Strong) => Self::Unusable(weak.kind()),
            (Ok(recognized), _) => Self::Hash(recognized),
        }
    }

    /// Whether storing it takes the time of a hash.
    const fn is_dear(&self) -> bool {
        matches!(self, Self::Clear(_) | Self::Hash(Recognized::Weak(_)))
    }

    pub const fn is_usable(&self) -> bool {
        matches!(self, Self::Clear(_) | Self::Hash(_))
    }

    /// The kind of a hash that cannot be checked.
    pub const fn unusable(&self) -> Option<&'static str> {
        match self {
            Self::Unusable(kind) => Some(kind),
            Self::Nothing | Self::Clear(_) | Self::Hash(_) => None,
        }
    }
}

/// A password of a row that takes the time of a hash.
struct Dear {
    /// The row's number in its batch.
    number: usize,
    /// The id of the organization.
    home: String,
    id: Option<UserId>,
    email: Option<Email>,
    given: Given,
    changed_at: Option<Timestamp>,
}

/// What a user is known by.
#[derive(PartialEq, Eq, Hash)]
enum Name {
    Id(String),
    /// In the organization with this id.
    Address(String, String),
}

impl Dear {
    fn names(&self) -> impl Iterator<Item = Name> {
        let id = self.id.as_ref().map(|id| Name::Id(id_key(id.as_str())));
        let email = self.email.as_ref();
        let address = email.map(|email| Name::Address(self.home.clone(), email.to_string()));
        id.into_iter().chain(address)
    }
}

/// The password of a user who is there.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub service: bool,
    pub has_password: bool,
    pub changed_at: Option<Timestamp>,
}

impl Intake<'_> {
    /// Hashes passwords, which takes long, before the transaction in which they are written: those of new users, and of users
    /// who are there and get them. So an import that was interrupted and is run again hashes only what is not in.
    pub(super) async fn hash_before(&mut self, rows: &[Row]) -> Result<()> {
        self.hashed.clear();
        if self.options.dry_run {
            return Ok(());
        }
        let mut dear = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let Item::Record(Record::User(record)) = &row.item else {
                continue;
            };
            let email = record.email.as_deref().and_then(Email::normalize);
            let id = record.id.as_deref().and_then(UserId::existing);
            // A password that is refused is not hashed.
            if let Ok(given) = Given::of(record, id.as_ref(), email.as_ref(), self.options.passwords)
                && given.is_dear()
            {
                let home = record.organization_id.as_deref().filter(|id| !id.is_empty());
                let home = home.or(self.options.organization.as_deref()).unwrap_or_default();
                let changed_at = record.password_changed_at;
                dear.push(Dear {
                    number,
                    home: home.to_owned(),
                    id,
                    email,
                    given,
                    changed_at,
                });
            }
        }
        if dear.is_empty() {
            return Ok(());
        }
        let there = self.known(&dear).await?;
        let takes = |one: &&Dear| {
            let known = one.names().find_map(|name| there.get(&name));
            known.is_none_or(|known| self.takes_password(known, one.changed_at))
        };
        let this = &*self;
        let hashes = stream::iter(dear.iter().filter(takes))
            .map(|one| async move { Ok::<_, Error>((one.number, this.hash_now(&one.given).await?)) })
            .buffer_unordered(available_parallelism().map_or(1, usize::from));
        let hashes: Vec<(usize, Option<String>)> = hashes.try_collect().await?;
        self.hashed = hashes
            .into_iter()
            .filter_map(|(number, hash)| Some((number, hash?)))
            .collect();
        Ok(())
    }

    /// The users who are there already, by their names.
    async fn known(&self, dear: &[Dear]) -> Result<HashMap<Name, Known>> {
        type Found = (i64, String, Option<String>, bool, Option<String>, Option<Timestamp>);
        let backend = self.op.db().backend();
        let ids = dear.iter().filter_map(|one| one.id.as_ref()).map(UserId::as_str);
        let emails = dear.iter().filter_map(|one| one.email.as_ref());
        let emails: Vec<String> = emails.map(ToString::to_string).collect();
        let email = user::Column::Email.into_simple_expr();
        let mut rows: Vec<Found> = Vec::new();
        // Each in a statement of its own, which uses the index.
        for (is_any, named) in [
            (ids.clone().next().is_some(), user::has_id(backend, ids)),
            (
                !emails.is_empty(),
                Condition::all().add(among(backend, email, emails, "text[]")),
            ),
        ] {
            if is_any {
                let found = user::Entity::find().select_only().columns([
                    user::Column::OrganizationPk,
                    user::Column::Id,
                    user::Column::Email,
                    user::Column::Service,
                    user::Column::PasswordHash,
                    user::Column::PasswordChangedAt,
                ]);
                let found = found.filter(named).into_tuple();
                rows.extend(found.all(self.op.db().reader()).await?);
            }
        }
        let homes: HashSet<i64> = rows.iter().map(|(home, ..)| *home).collect();
        let homes: HashMap<i64, String> = organization::Entity::find()
            .select_only()
            .columns([organization::Column::Pk, organization::Column::Id])
            .filter(any_of(backend, organization::Column::Pk, homes))
            .into_tuple::<(i64, String)>()
            .all(self.op.db().reader())
            .await?
            .into_iter()
            .collect();
        let mut known = HashMap::new();
        for (home, id, email, service, hash, changed_at) in rows {
            let user = Known {
                service,
                has_password: hash.is_some(),
                changed_at,
            };
            known.insert(Name::Id(id_key(&id)), user);
            if let (Some(email), Some(home)) = (email, homes.get(&home)) {
                known.insert(Name::Address(home.clone(), email), user);
            }
        }
        Ok(known)
    }

    /// Whether a user who is there gets the password of the file: one without a password gets it; `update` replaces one by a later
    /// one only, so that an old file takes no new password away.
    pub(super) fn takes_password(&self, known: &Known, changed_at: Option<Timestamp>) -> bool {
        let is_later = matches!((changed_at, known.changed_at), (Some(given), Some(known)) if given > known);
        let updates = self.options.on_conflict == OnConflict::Update;
        !known.service && (!known.has_password || updates && is_later)
    }

    /// The text to store.
    pub(super) async fn stored(&self, at: &At, given: &Given) -> Result<Option<String>> {
        match self.hashed.get(&at.number) {
            Some(hash) => Ok(Some(hash.clone())),
            None => self.hash_now(given).await,
        }
    }

    async fn hash_now(&self, given: &Given) -> Result<Option<String>> {
        match given {
            Given::Nothing | Given::Unusable(_) => Ok(None),
            Given::Clear(password) => Ok(Some(self.op.hasher().hash(None, password).await?)),
            Given::Hash(recognized) => Ok(Some(self.op.hasher().stored_form(None, recognized).await?)),
        }
    }

    /// The hash of a user who is there, from a file of hashes alone. It never replaces a newer password.
    pub(super) async fn password_hash(&mut self, change: &mut Change<'_>, record: &HashRecord) -> Result<Did> {
        let Some(hash) = &record.hash else {
            return Ok(Did::Unchanged);
        };
        let found = user::Entity::find().filter(user::has_id(self.op.db().backend(), [record.user_id.as_str()]));
        let row = found.one(&**change).await?;
        let row = row.ok_or_else(|| Error::no_such("user", "id", &record.user_id))?;
        let given = Given::hash(hash, self.options.passwords);
        let is_newer = match (record.changed_at, row.password_changed_at) {
            (Some(given), Some(known)) => given > known,
            _ => false,
        };
        if row.service || !given.is_usable() || row.password_hash.is_some() && !is_newer {
            return Ok(Did::Unchanged);
        }
        if self.imagined.is_some() {
            return Ok(Did::Changed);
        }
        let now = self.op.now();
        let mut new = row.clone().into_active_model();
        new.password_hash = Set(self.hash_now(&given).await?);
        new.password_changed_at = Set(Some(record.changed_at.unwrap_or(now)));
        new.password_temporary = Set(false);
        new.password_verified_at = Set(None);
        new.version = Set(row.version + 1);
        new.updated_at = Set(now.later_than(row.updated_at));
        let updated = new.update(&**change).await?;
        session::end_all(&**change, updated.pk, now).await?;
        let event = Event::new("user.update", updated.pk, &updated.id).of_user(&updated);
        self.tallies.changed(event.fields(["password"]).access());
        Ok(Did::Changed)
    }
}
