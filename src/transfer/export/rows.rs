//! The members of each kind of record, in their order.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{Kind, Source};
use crate::model::error::Result;
use crate::store::entity::{
    any_of, api_key, audit_event, group, invitation, organization, permission, resource_server, role, setting, tenant,
    user,
};
use crate::transfer::native::Line;

/// The rows of an entity with these keys, in the order of the keys.
macro_rules! in_order {
    ($source:expr, $entity:ident, $keys:expr) => {{
        let rows =
            $entity::Entity::find().filter(any_of($source.backend(), $entity::Column::Pk, $keys.iter().copied()));
        let mut rows: HashMap<i64, $entity::Model> = rows
            .all($source.snapshot)
            .await?
            .into_iter()
            .map(|row| (row.pk, row))
            .collect();
        $keys
            .iter()
            .filter_map(|key| rows.remove(key))
            .collect::<Vec<$entity::Model>>()
    }};
}

pub(super) use in_order;

/// Names separated by blanks, as a list.
fn names(stored: &str) -> Vec<String> {
    let mut names: Vec<&str> = stored.split_whitespace().collect();
    names.sort_unstable();
    names
        .into_iter()
        .map(|name| serde_json::Value::from(name).to_string())
        .collect()
}

impl Source<'_> {
    pub(super) async fn lines(&self, kind: Kind, keys: &[i64]) -> Result<Vec<Line>> {
        match kind {
            Kind::ResourceServer => self.resource_servers(keys).await,
            Kind::Permission => self.permissions(keys).await,
            Kind::Organization => self.organizations(keys).await,
            Kind::Tenant => self.tenants(keys).await,
            Kind::Role => self.roles(keys).await,
            Kind::Group => self.groups(keys).await,
            Kind::User => self.users(keys).await,
            Kind::Setting => self.settings(keys).await,
            Kind::ApiKey => self.api_keys(keys).await,
            Kind::Invitation => self.invitations(keys).await,
            Kind::AuditEvent => self.audit_events(keys).await,
        }
    }

    async fn resource_servers(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let line = |row: resource_server::Model| {
            Line::new("resourceServer")
                .text("id", &row.id)
                .text("name", &row.name)
                .json("settings", &row.settings)
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(in_order!(self, resource_server, keys).into_iter().map(line).collect())
    }

    async fn permissions(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let servers = resource_server::Entity::find().all(self.snapshot).await?;
        let servers: HashMap<i64, String> = servers.into_iter().map(|row| (row.pk, row.id)).collect();
        let line = |row: permission::Model| {
            let server = row.resource_server_pk.and_then(|pk| servers.get(&pk));
            Line::new("permission")
                .text("id", &row.id)
                .text_if("description", row.description.as_deref())
                .text("lowestRole", &row.lowest_role)
                .text_if("resourceServerId", server.map(String::as_str))
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(in_order!(self, permission, keys).into_iter().map(line).collect())
    }

    async fn organizations(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let line = |row: organization::Model| {
            let language = row.mail_language.code();
            Line::new("organization")
                .text("id", &row.id.to_string())
                .text("name", &row.name)
                .json_if("variables", row.variables.as_ref().map(|json| json.as_str()))
                .number_if("seatLimit", row.seat_limit)
                .flag("mailAllowed", row.mail_allowed)
                .flag_unless("accountSwitching", row.account_switching, true)
                .text_if("productName", row.product_name.as_deref())
                .text_if("mailLanguage", Some(language).filter(|language| *language != "en"))
                .flag_unless("confirmEmailChanges", row.confirm_email_changes, false)
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(in_order!(self, organization, keys).into_iter().map(line).collect())
    }

    async fn tenants(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let line = |row: tenant::Model| {
            Line::new("tenant")
                .text("id", &row.id.to_string())
                .text("organizationId", self.organization_id(row.organization_pk))
                .text("name", &row.name)
                .json_if("variables", row.variables.as_ref().map(|json| json.as_str()))
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(in_order!(self, tenant, keys).into_iter().map(line).collect())
    }

    async fn roles(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let line = |row: role::Model| {
            let organization = row.organization_pk.map(|pk| self.organization_id(pk));
            Line::new("role")
                .text("id", &row.id.to_string())
                .text_if("organizationId", organization)
                .text("name", &row.name)
                .text_if("description", row.description.as_deref())
                .list("permissions", &names(&row.permissions))
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(in_order!(self, role, keys).into_iter().map(line).collect())
    }

    async fn groups(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let roles = self.roles_of_groups(keys).await?;
        let line = |row: group::Model| {
            Line::new("group")
                .text("id", &row.id.to_string())
                .text("organizationId", self.organization_id(row.organization_pk))
                .text("key", &row.key)
                .text("name", &row.name)
                .text_if("description", row.description.as_deref())
                .text_if("externalId", row.external_id.as_deref())
                .list("roles", roles.get(&row.pk).map(Vec::as_slice).unwrap_or_default())
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(in_order!(self, group, keys).into_iter().map(line).collect())
    }

    async fn users(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let roles = self.roles_of_users(keys).await?;
        let groups = self.groups_of_users(keys).await?;
        let identities = self.identities_of_users(keys).await?;
        let line = |row: user::Model| {
            let hash = row.password_hash.as_deref().filter(|_| self.wanted.hashes);
            let has = hash.is_some();
            Line::new("user")
                .text("id", &row.id.to_string())
                .text("organizationId", self.organization_id(row.organization_pk))
                .text_if("tenantId", self.tenant_id(row.tenant_pk))
                .text_if("email", row.email.as_ref().map(|email| email.as_str()))
                .text_if("name", row.name.as_deref())
                .text_if("firstname", row.firstname.as_deref())
                .text_if("lastname", row.lastname.as_deref())
                .text_if("userName", row.user_name.as_deref())
                .text_if("externalId", row.external_id.as_deref())
                .json_if("profile", row.profile.as_ref().map(|json| json.as_str()))
                .flag("activated", row.activated)
                .flag_unless("service", row.service, false)
                .flag_unless("takesSeat", row.takes_seat, true)
                .list("roles", roles.get(&row.pk).map(Vec::as_slice).unwrap_or_default())
                .list("groups", groups.get(&row.pk).map(Vec::as_slice).unwrap_or_default())
                .list(
                    "federatedIdentities",
                    identities.get(&row.pk).map(Vec::as_slice).unwrap_or_default(),
                )
                .json_if("variables", row.variables.as_ref().map(|json| json.as_str()))
                .text_if("passwordHash", hash)
                .time_if("passwordChangedAt", row.password_changed_at.filter(|_| has))
                .flag_unless("passwordTemporary", row.password_temporary && has, false)
                .time_if("passwordVerifiedAt", row.password_verified_at.filter(|_| has))
                .time_if("emailVerifiedAt", row.email_verified_at)
                .time_if("emailChangedAt", row.email_changed_at)
                .time_if("lastSeenAt", row.last_seen_at)
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(in_order!(self, user, keys).into_iter().map(line).collect())
    }

    async fn settings(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let ids = self.user_ids(keys.iter().copied()).await?;
        let mut lines = Vec::new();
        // A user's settings may be 32 MB, so not those of all at once.
        for user in keys {
            let rows = setting::Entity::find().filter(setting::Column::UserPk.eq(*user));
            let rows = rows.order_by_asc(setting::Column::Key).all(self.snapshot).await?;
            let id = ids.get(user).map(String::as_str).unwrap_or_default();
            lines.extend(rows.iter().map(|row| {
                Line::new("setting")
                    .text("userId", id)
                    .text("key", &row.key)
                    .json("value", &row.value)
            }));
        }
        Ok(lines)
    }

    async fn api_keys(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let rows = in_order!(self, api_key, keys);
        let users = rows
            .iter()
            .flat_map(|row| [Some(row.user_pk), row.creator_pk])
            .flatten();
        let ids = self.user_ids(users.collect::<Vec<i64>>()).await?;
        let id = |pk: i64| ids.get(&pk).map(String::as_str).unwrap_or_default();
        let line = |row: api_key::Model| {
            // None at all is something else than all of its owner's.
            let permissions = row
                .permissions
                .as_deref()
                .map(|stored| format!("[{}]", names(stored).join(",")));
            Line::new("apiKey")
                .text("id", &row.id.to_string())
                .text("userId", id(row.user_pk))
                .text_if("creatorId", row.creator_pk.map(id))
                .text("name", &row.name)
                .text_if("description", row.description.as_deref())
                .json_if("permissions", permissions.as_deref())
                .text("digest", &row.digest)
                .text("prefix", &row.prefix)
                .time_if("expiryDate", row.expires_at)
                .time_if("revokedAt", row.revoked_at)
                .time_if("lastUsedAt", row.last_used_at)
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(rows.into_iter().map(line).collect())
    }

    async fn invitations(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let roles = self.roles_of_invitations(keys).await?;
        let rows = in_order!(self, invitation, keys);
        let ids = self
            .user_ids(rows.iter().filter_map(|row| row.inviter_pk).collect::<Vec<i64>>())
            .await?;
        let line = |row: invitation::Model| {
            let inviter = row.inviter_pk.and_then(|pk| ids.get(&pk));
            Line::new("invitation")
                .text("id", &row.id.to_string())
                .text("organizationId", self.organization_id(row.organization_pk))
                .text_if("tenantId", self.tenant_id(row.tenant_pk))
                .text("email", row.email.as_str())
                .list("roles", roles.get(&row.pk).map(Vec::as_slice).unwrap_or_default())
                .text_if("digest", Some(row.digest.as_str()).filter(|_| self.wanted.keys))
                .text_if("inviterId", inviter.map(String::as_str))
                .time("expiryDate", row.expires_at)
                .time_if("acceptedAt", row.accepted_at)
                .time_if("withdrawnAt", row.withdrawn_at)
                .versioned(row.version, row.created_at, row.updated_at)
        };
        Ok(rows.into_iter().map(line).collect())
    }

    async fn audit_events(&self, keys: &[i64]) -> Result<Vec<Line>> {
        let line = |row: audit_event::Model| {
            let organization = row
                .organization_pk
                .map(|pk| self.organization_id(pk))
                .filter(|id| !id.is_empty());
            let fields = names(row.fields.as_deref().unwrap_or_default());
            Line::new("auditEvent")
                .text("id", &row.id)
                .text_if("organizationId", organization)
                .text_if("tenantId", self.tenant_id(row.tenant_pk))
                .text_if("actorId", row.actor_id.as_deref())
                .text_if("impersonatorId", row.impersonator_id.as_deref())
                .text("action", &row.action)
                .text("targetKind", &row.target_kind)
                .text("targetId", &row.target_id)
                .text_if("targetName", row.target_name.as_deref())
                .list("fields", &fields)
                .json_if("related", row.related.as_deref())
                .text_if("reason", row.reason.as_deref())
                .text_if("requestId", row.request_id.as_deref())
                .text_if("clientAddress", row.client_address.as_deref())
                .text_if("userAgent", row.user_agent.as_deref())
                .number("count", row.count)
                .flag_unless("refused", row.refused, false)
                .time("createdAt", row.created_at)
        };
        Ok(in_order!(self, audit_event, keys).into_iter().map(line).collect())
    }
}
