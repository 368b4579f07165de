//! The invitations of a file.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Select, Set};

use super::belongings::{must_be_digest, taken};
use super::places::Home;
use super::structure::stamped;
use super::{Intake, here};
use crate::context::Change;
use crate::directory::invitation::LIFETIME;
use crate::model::error::{Error, Result};
use crate::model::{Email, InvitationId, Secret, uuid_of};
use crate::store::entity::invitation::{self as table, Column};
use crate::store::entity::invitation_role;
use crate::transfer::record::InvitationRecord;
use crate::transfer::report::Did;

/// An invitation whose values are checked.
struct Draft {
    id: Option<InvitationId>,
    email: Email,
    tenant_pk: Option<i64>,
    /// The digest of its link, if it is taken.
    digest: Option<String>,
}

impl Intake<'_> {
    pub(super) async fn invitation(&mut self, change: &mut Change<'_>, record: &InvitationRecord) -> Result<Did> {
        let email = Email::parse("email", &record.email)?;
        let home = self.home(change, record.organization_id.as_deref()).await?;
        let tenant_pk = match &record.tenant_id {
            Some(id) => Some(self.tenant_of(change, &home, id).await?.pk),
            None => None,
        };
        let id = match record.id.as_deref() {
            Some(id) => {
                let uuid = uuid_of(id).ok_or_else(|| Error::invalid("id", "The id of an invitation is a UUID."))?;
                Some(InvitationId::from(uuid))
            }
            None => None,
        };
        let digest = record.digest.clone().filter(|_| self.options.keys);
        digest.as_deref().map(must_be_digest).transpose()?;
        let draft = Draft {
            id,
            email,
            tenant_pk,
            digest,
        };
        if draft.is_there(change, &home).await? {
            return Ok(Did::Unchanged);
        }
        draft.must_be_free(change, &home, record).await?;
        self.create_invitation(change, &home, draft, record).await
    }

    async fn create_invitation(
        &mut self,
        change: &mut Change<'_>,
        home: &Home,
        draft: Draft,
        record: &InvitationRecord,
    ) -> Result<Did> {
        let roles = self.roles_held(change, home, &record.roles).await?;
        self.may_be_given(roles.iter().map(|(role, _)| role))?;
        if self.imagined.is_some() {
            return Ok(Did::Created);
        }
        let now = self.op.now();
        // Without the digest of the file, nobody knows the token: it must be sent again.
        let digest = match draft.digest {
            Some(digest) => digest,
            None => Secret::mailed_token()?.digest(),
        };
        let (version, created_at, updated_at) = stamped(&record.stamps, now);
        let row = table::ActiveModel {
            id: Set(draft.id.unwrap_or_else(|| self.op.new_id().into())),
            organization_pk: Set(home.pk),
            tenant_pk: Set(draft.tenant_pk),
            email: Set(draft.email),
            digest: Set(digest),
            expires_at: Set(record.expires_at.unwrap_or_else(|| now.after(LIFETIME))),
            accepted_at: Set(record.accepted_at),
            withdrawn_at: Set(record.withdrawn_at),
            inviter_pk: Set(self.somebody(change, record.inviter_id.as_deref()).await?),
            version: Set(version),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            ..Default::default()
        };
        let row = row.insert(&**change).await?;
        let given = roles.iter().map(|(role, _)| invitation_role::ActiveModel {
            invitation_pk: Set(row.pk),
            role_pk: Set(role.role_pk),
            tenant_pk: Set(role.tenant_pk),
            scope: Set(role.scope_key()),
        });
        super::new::write::<invitation_role::Entity>(change, given.collect()).await?;
        self.tallies.created(home, "invitations");
        Ok(Did::Created)
    }
}

impl Draft {
    /// Those to the same address and tenant.
    fn same(&self, home: &Home) -> Select<table::Entity> {
        table::Entity::find()
            .filter(Column::OrganizationPk.eq(home.pk))
            .filter(Column::Email.eq(self.email.clone()))
            .filter(match self.tenant_pk {
                Some(pk) => Column::TenantPk.eq(pk),
                None => Column::TenantPk.is_null(),
            })
    }

    async fn is_there(&self, change: &Change<'_>, home: &Home) -> Result<bool> {
        let Some(id) = &self.id else {
            // Whatever became of it: a file that is imported again invites nobody twice.
            return Ok(self.same(home).count(&**change).await? > 0);
        };
        let found = table::Entity::find().filter(Column::Id.eq(id.to_string()));
        match found.one(&**change).await? {
            Some(row) if row.organization_pk != home.pk || row.email != self.email => {
                Err(here::elsewhere("invitation"))
            }
            found => Ok(found.is_some()),
        }
    }

    /// Refuses what only one invitation can have.
    async fn must_be_free(&self, change: &Change<'_>, home: &Home, record: &InvitationRecord) -> Result<()> {
        let is_open = record.accepted_at.is_none() && record.withdrawn_at.is_none();
        if is_open && self.same(home).filter(table::open()).count(&**change).await? > 0 {
            return Err(taken("Another invitation to this address is open. Withdraw it first."));
        }
        if let Some(digest) = &self.digest {
            let same = table::Entity::find().filter(Column::Digest.eq(digest.as_str()));
            if same.count(&**change).await? > 0 {
                return Err(taken("Another invitation has this digest."));
            }
        }
        Ok(())
    }
}
