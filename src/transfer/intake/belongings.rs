//! What belongs to users and organizations besides: settings, API keys, invitations.

use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Set};

use super::structure::stamped;
use super::{Intake, here};
use crate::context::Change;
use crate::directory::invitation::LIFETIME;
use crate::directory::settings::{KEYS_MAX, check_key};
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{self, ApiKeyId, Email, InvitationId, JsonText, Secret, uuid_of};
use crate::store::audit_trail::Event;
use crate::store::catalogue;
use crate::store::entity::{api_key, invitation, invitation_role, setting, user};
use crate::transfer::record::{ApiKeyRecord, InvitationRecord, SettingRecord};
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
        let is_digest =
            record.digest.len() == 64 && record.digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest {
            return Err(Error::invalid(
                "digest",
                "'digest' must be the SHA-256 of the key, in 64 hex digits.",
            ));
        }
        let id = match record.id.as_deref() {
            Some(id) => {
                ApiKeyId::from(uuid_of(id).ok_or_else(|| Error::invalid("id", "The id of an API key is a UUID."))?)
            }
            None => ApiKeyId::from(self.op.new_id()),
        };
        let name = model::name("name", record.name.as_deref().unwrap_or_default())?;
        let description = model::description("description", record.description.as_deref())?.unwrap_or_default();
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
        if let Some(row) = api_key::Entity::find().filter(same).one(&**change).await? {
            if row.digest != record.digest || row.user_pk != owner.pk {
                return Err(Error::conflict(
                    ConflictReason::Taken,
                    "Another API key has this id or digest.".to_owned(),
                ));
            }
            // A revocation here stays, and one in the file is not repeated: keys are changed where they are used.
            return Ok(Did::Unchanged);
        }
        if self.imagined.is_some() {
            return Ok(Did::Created);
        }
        let creator = match &record.creator_id {
            Some(id) => self.owner(change, id).await.ok().flatten().map(|creator| creator.pk),
            None => None,
        };
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
            description: Set(Some(description).filter(|text| !text.is_empty())),
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

    pub(super) async fn invitation(&mut self, change: &mut Change<'_>, record: &InvitationRecord) -> Result<Did> {
        let email = Email::parse("email", &record.email)?;
        let home = self.home(change, record.organization_id.as_deref()).await?;
        let tenant = match &record.tenant_id {
            Some(id) => Some(self.tenant_of(change, &home, id).await?),
            None => None,
        };
        let mut roles = Vec::new();
        for one in &record.roles {
            roles.extend(
                self.role_named(change, &home, &one.reference, one.tenant_id.as_deref())
                    .await?,
            );
        }
        let id = match record.id.as_deref() {
            Some(id) => {
                let uuid = uuid_of(id).ok_or_else(|| Error::invalid("id", "The id of an invitation is a UUID."))?;
                InvitationId::from(uuid)
            }
            None => InvitationId::from(self.op.new_id()),
        };
        let found = invitation::Entity::find().filter(invitation::Column::Id.eq(id.to_string()));
        if let Some(row) = found.one(&**change).await? {
            return match row.organization_pk == home.pk && row.email == email {
                true => Ok(Did::Unchanged),
                false => Err(here::elsewhere("invitation")),
            };
        }
        if self.imagined.is_some() {
            return Ok(Did::Created);
        }
        let now = self.op.now();
        // Without the digest of the file, nobody knows the token: it must be sent again.
        let digest = match record.digest.as_deref().filter(|_| self.options.keys) {
            Some(digest) => digest.to_owned(),
            None => Secret::mailed_token()?.digest(),
        };
        let inviter = match &record.inviter_id {
            Some(id) => self.owner(change, id).await.ok().flatten().map(|inviter| inviter.pk),
            None => None,
        };
        let (version, created_at, updated_at) = stamped(&record.stamps, now);
        let row = invitation::ActiveModel {
            id: Set(id),
            organization_pk: Set(home.pk),
            tenant_pk: Set(tenant.map(|tenant| tenant.pk)),
            email: Set(email),
            digest: Set(digest),
            expires_at: Set(record.expires_at.unwrap_or_else(|| now.after(LIFETIME))),
            accepted_at: Set(record.accepted_at),
            withdrawn_at: Set(record.withdrawn_at),
            inviter_pk: Set(inviter),
            version: Set(version),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            ..Default::default()
        };
        let row = row.insert(&**change).await?;
        let given = roles.iter().map(|role| invitation_role::ActiveModel {
            invitation_pk: Set(row.pk),
            role_pk: Set(role.role_pk),
            tenant_pk: Set(role.tenant_pk),
            scope: Set(role.scope_key()),
        });
        super::new::write::<invitation_role::Entity>(change, given.collect()).await?;
        self.tallies.created(&home, "invitations");
        Ok(Did::Created)
    }

    /// The user that something belongs to. `None` while looking only, for one that the file would create.
    async fn owner(&self, change: &Change<'_>, id: &str) -> Result<Option<user::Model>> {
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
}
