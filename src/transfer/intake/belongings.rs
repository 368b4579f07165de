//! What belongs to users: settings and API keys.

use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Set};

use super::Intake;
use super::structure::stamped;
use crate::context::Change;
use crate::directory::settings::{KEYS_MAX, check_key};
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{self, ApiKeyId, JsonText, uuid_of};
use crate::store::audit_trail::Event;
use crate::store::catalogue;
use crate::store::entity::{api_key, setting, user};
use crate::transfer::record::{ApiKeyRecord, SettingRecord};
use crate::transfer::report::Did;

/// Characters of the beginning of a key that are kept with it.
const PREFIX_CHARACTERS_MAX: usize = 32;

impl Intake<'_> {
    pub(super) async fn setting(&mut self, change: &mut Change<'_>, record: &SettingRecord) -> Result<Did> {
        check_key("key", &record.key)?;
        let value = JsonText::parse("value", &record.value)?.into_string();
        let Some(owner) = self.owner(change, &record.user_id).await? else {
            return Ok(Did::Created);
        };
        let found = setting::Entity::find_by_id((owner.pk, record.key.clone()))
            .one(&**change)
            .await?;
        if let Some(row) = found {
            let fields: &[&'static str] = match row.value == value {
                true => &[],
                false => &["value"],
            };
            if let Some(did) = self.settle("setting", fields)? {
                return Ok(did);
            }
            let new = setting::ActiveModel {
                user_pk: Set(owner.pk),
                key: Set(record.key.clone()),
                value: Set(value),
            };
            setting::Entity::update(new).exec(&**change).await?;
            let event = Event::new("settings.update", owner.pk, &owner.id).of_user(&owner);
            self.tallies.changed(event.fields(["updated"]));
            return Ok(Did::Changed);
        }
        let there = setting::Entity::find().filter(setting::Column::UserPk.eq(owner.pk));
        if there.count(&**change).await? >= KEYS_MAX as u64 {
            return Err(Error::invalid(
                "key",
                format!("A user can have at most {KEYS_MAX} settings."),
            ));
        }
        if self.imagined.is_some() {
            return Ok(Did::Created);
        }
        let row = setting::ActiveModel {
            user_pk: Set(owner.pk),
            key: Set(record.key.clone()),
            value: Set(value),
        };
        setting::Entity::insert(row).exec_without_returning(&**change).await?;
        self.tallies.created_of(owner.organization_pk, "settings");
        Ok(Did::Created)
    }

    pub(super) async fn api_key(&mut self, change: &mut Change<'_>, record: &ApiKeyRecord) -> Result<Did> {
        if !self.options.keys {
            return Ok(Did::Ignored("API keys (they are taken with --with-keys)".to_owned()));
        }
        must_be_digest(&record.digest)?;
        let id = match record.id.as_deref() {
            Some(id) => {
                ApiKeyId::from(uuid_of(id).ok_or_else(|| Error::invalid("id", "The id of an API key is a UUID."))?)
            }
            None => ApiKeyId::from(self.op.new_id()),
        };
        let name = model::name("name", record.name.as_deref().unwrap_or_default())?;
        let description = model::description("description", record.description.as_deref())?;
        let catalogue = catalogue::hold(&**change).await?;
        let permissions = record
            .permissions
            .as_deref()
            .map(|names| catalogue.parse(names))
            .transpose()?;
        let permissions = permissions.map(|permissions| catalogue.to_stored(permissions));
        let Some(owner) = self.owner(change, &record.user_id).await? else {
            return Ok(Did::Created);
        };
        let same = Condition::any()
            .add(api_key::Column::Id.eq(id.to_string()))
            .add(api_key::Column::Digest.eq(record.digest.as_str()));
        let rows = api_key::Entity::find().filter(same).all(&**change).await?;
        if rows
            .iter()
            .any(|row| row.digest != record.digest || row.user_pk != owner.pk)
        {
            return Err(taken("Another API key has this id or digest."));
        }
        if !rows.is_empty() {
            // A revocation here stays, and one in the file is not repeated: keys are changed where they are used.
            return Ok(Did::Unchanged);
        }
        if record.revoked_at.is_none() {
            must_be_free(change, owner.pk, &name).await?;
        }
        if self.imagined.is_some() {
            return Ok(Did::Created);
        }
        let creator = self.somebody(change, record.creator_id.as_deref()).await?;
        let (version, created_at, updated_at) = stamped(&record.stamps, self.op.now());
        let prefix: String = record
            .prefix
            .as_deref()
            .unwrap_or_default()
            .chars()
            .take(PREFIX_CHARACTERS_MAX)
            .collect();
        let row = api_key::ActiveModel {
            id: Set(id),
            user_pk: Set(owner.pk),
            creator_pk: Set(creator),
            name: Set(name),
            description: Set(description.filter(|text| !text.is_empty())),
            digest: Set(record.digest.clone()),
            prefix: Set(prefix),
            permissions: Set(permissions),
            expires_at: Set(record.expires_at),
            revoked_at: Set(record.revoked_at),
            last_used_at: Set(record.last_used_at),
            version: Set(version),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            ..Default::default()
        };
        row.insert(&**change).await?;
        self.tallies.created_of(owner.organization_pk, "apiKeys");
        Ok(Did::Created)
    }

    /// The user that something belongs to. `None` while looking only, for one that the file would create.
    pub(super) async fn owner(&self, change: &Change<'_>, id: &str) -> Result<Option<user::Model>> {
        let found = user::Entity::find()
            .filter(user::has_id(self.op.db().backend(), [id]))
            .limit(1);
        if let Some(row) = found.one(&**change).await? {
            return Ok(Some(row));
        }
        let names = [super::check::id_key(id)];
        match self
            .imagined
            .as_ref()
            .is_some_and(|imagined| imagined.user(&names).is_some())
        {
            true => Ok(None),
            false => Err(Error::no_such("user", "id", id)),
        }
    }

    /// The key of a user who may be gone.
    pub(super) async fn somebody(&self, change: &Change<'_>, id: Option<&str>) -> Result<Option<i64>> {
        let Some(id) = id else { return Ok(None) };
        match self.owner(change, id).await {
            Ok(row) => Ok(row.map(|row| row.pk)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Refuses the name of a key of the user that is in force.
async fn must_be_free(change: &Change<'_>, user_pk: i64, name: &str) -> Result<()> {
    let same = api_key::Entity::find()
        .filter(api_key::Column::UserPk.eq(user_pk))
        .filter(api_key::Column::Name.eq(name))
        .filter(api_key::Column::RevokedAt.is_null());
    match same.count(&**change).await? {
        0 => Ok(()),
        _ => Err(taken(
            "The user has another API key with this name that is not revoked.",
        )),
    }
}

/// Refuses what is not the digest of a secret.
pub(super) fn must_be_digest(digest: &str) -> Result<()> {
    let is_digest = digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match is_digest {
        true => Ok(()),
        false => Err(Error::invalid(
            "digest",
            "'digest' must be the SHA-256 of the secret, in 64 lower-case hex digits.",
        )),
    }
}

pub(super) fn taken(why: &str) -> Error {
    Error::conflict(ConflictReason::Taken, why)
}
