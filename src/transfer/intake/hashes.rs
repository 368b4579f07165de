//! Passwords of a file: in clear, or as hashes of many kinds.

use std::collections::HashSet;
use std::thread::available_parallelism;

use futures::{StreamExt, TryStreamExt, stream};
use sea_orm::{
    ActiveModelTrait, Condition, EntityTrait, IntoActiveModel, IntoSimpleExpr, QueryFilter, QuerySelect, Set,
};

use super::check::id_key;
use super::{Intake, Passwords};
use crate::context::Change;
use crate::directory::{password, session};
use crate::model::error::{Error, Result};
use crate::model::{Email, UserId};
use crate::services::hasher::{Password, Recognized, recognize};
use crate::store::audit_trail::Event;
use crate::store::entity::{among, user};
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

impl Intake<'_> {
    /// Hashes the passwords of new users, which takes long, before the transaction in which they are written.
    pub(super) async fn hash_before(&mut self, rows: &[Row]) -> Result<()> {
        self.hashed.clear();
        if self.options.dry_run {
            return Ok(());
        }
        let mut dear = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let Item::Record(Record::User(user)) = &row.item else {
                continue;
            };
            let email = user.email.as_deref().and_then(Email::normalize);
            let id = user.id.as_deref().and_then(UserId::existing);
            // A password that is refused is not hashed.
            if let Ok(given) = Given::of(user, id.as_ref(), email.as_ref(), self.options.passwords)
                && given.is_dear()
            {
                dear.push((number, id, email, given));
            }
        }
        if dear.is_empty() {
            return Ok(());
        }
        let backend = self.op.db().backend();
        let ids = dear.iter().filter_map(|(_, id, _, _)| id.as_ref()).map(UserId::as_str);
        let emails: Vec<String> = dear
            .iter()
            .filter_map(|(_, _, email, _)| email.as_ref())
            .map(ToString::to_string)
            .collect();
        let known = user::Entity::find()
            .select_only()
            .columns([user::Column::Id, user::Column::Email])
            .filter(Condition::any().add(user::has_id(backend, ids)).add(among(
                backend,
                user::Column::Email.into_simple_expr(),
                emails,
                "text[]",
            )));
        let known: Vec<(String, Option<String>)> = known.into_tuple().all(self.op.db().reader()).await?;
        let there: HashSet<String> = known
            .into_iter()
            .flat_map(|(id, email)| [Some(id_key(&id)), email])
            .flatten()
            .collect();
        let is_new = |(_, id, email, _): &(usize, Option<UserId>, Option<Email>, Given)| {
            let id = id.as_ref().is_some_and(|id| there.contains(&id_key(id.as_str())));
            !id && !email.as_ref().is_some_and(|email| there.contains(email.as_str()))
        };
        let this = &*self;
        let hashes = stream::iter(dear.iter().filter(|one| is_new(one)))
            .map(|(number, _, _, given)| async move { Ok::<_, Error>((*number, this.hash_now(given).await?)) })
            .buffer_unordered(available_parallelism().map_or(1, usize::from));
        let hashes: Vec<(usize, Option<String>)> = hashes.try_collect().await?;
        self.hashed = hashes
            .into_iter()
            .filter_map(|(number, hash)| Some((number, hash?)))
            .collect();
        Ok(())
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
