//! The new organization and tenant of a user.

use sea_orm::{ConnectionTrait, EntityTrait, Set};

use super::{Draft, UserChange};
use crate::authz::{Granted, Scope};
use crate::context::OpContext;
use crate::directory::organization as organizations;
use crate::directory::tenant;
use crate::model::error::{Error, Result};
use crate::store::entity::{organization, user as table};

/// The new organization and tenant of a user.
pub struct Home {
    pub organization: organization::Model,
    /// Whether the organization changes.
    pub moves: bool,
    pub tenant_pk: Option<i64>,
}

impl Home {
    /// `tenant_id` is the requested tenant; an inner `None` clears it.
    pub async fn find(
        op: &OpContext,
        connection: &impl ConnectionTrait,
        granted: &Granted,
        row: &table::Model,
        wanted: &UserChange,
        tenant_id: Option<&Option<String>>,
    ) -> Result<Self> {
        let organization = organization_of(op, connection, granted, row, wanted.organization_id.as_deref()).await?;
        let moves = organization.pk != row.organization_pk;
        let tenant_pk = match tenant_id {
            Some(None) if granted.tenants().is_some() && row.tenant_pk.is_some() => {
                return Err(Error::forbidden(
                    "You manage single tenants only, so you cannot move a user out of all tenants.".to_owned(),
                ));
            }
            Some(None) => None,
            Some(Some(id)) => Some(
                tenant::of_organization(connection, granted, &organization, id)
                    .await?
                    .pk,
            ),
            None if moves && wanted.tenant_stays && row.tenant_pk.is_some() => {
                return Err(Error::invalid(
                    "tenantId",
                    format!(
                        "The user's tenant does not belong to the organization '{}'; specify one that does.",
                        organization.id
                    ),
                ));
            }
            None if moves => None,
            None => row.tenant_pk,
        };
        Ok(Self {
            organization,
            moves,
            tenant_pk,
        })
    }

    pub(super) fn write(&self, draft: &mut Draft) -> Result<()> {
        if self.moves && draft.requested_email.is_some() {
            return Err(Error::invalid(
                "organizationId",
                "The user's organization demands that a new address is confirmed. Move the user in another call."
                    .to_owned(),
            ));
        }
        if draft.notes(self.moves, "organizationId") {
            draft.new.organization_pk = Set(self.organization.pk);
            // It is what the old organization's identity provider calls the user.
            if draft.row.external_id.is_some() && !draft.changes("externalId") {
                draft.fields.push("externalId");
                draft.new.external_id = Set(None);
            }
        }
        if draft.notes(self.tenant_pk != draft.row.tenant_pk, "tenantId") {
            draft.new.tenant_pk = Set(self.tenant_pk);
        }
        Ok(())
    }
}

/// The new organization of the user. Moving requires access to both.
async fn organization_of(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    granted: &Granted,
    row: &table::Model,
    wanted: Option<&str>,
) -> Result<organization::Model> {
    match wanted.filter(|id| !id.is_empty()) {
        Some(id) => {
            let home = organizations::home(connection, op.actor(), granted, Some(id)).await?;
            if home.pk != row.organization_pk && op.actor().is(row.pk) && *granted.scope() != Scope::Everything {
                return Err(Error::invalid("organizationId", "You cannot move yourself.".to_owned()));
            }
            Ok(home)
        }
        None => organization::Entity::find_by_id(row.organization_pk)
            .one(connection)
            .await?
            .ok_or_else(|| Error::internal("a user without its organization")),
    }
}
