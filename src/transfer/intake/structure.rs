//! The organizations, tenants, resource servers and permissions of a file.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};
use serde_json::Value;

use super::Intake;
use super::here::elsewhere;
use super::places::Home;
use super::tally::ORGANIZATION;
use crate::context::Change;
use crate::directory::permission::{self, NewPermission};
use crate::directory::resource_server::{self, NewResourceServer, SettingsChange};
use crate::model::error::{Error, Result, shown};
use crate::model::{
    JsonText, LadderRole, MailLanguage, OWN_RECIPIENT, OrganizationId, RecipientSettings, TenantId, Timestamp, name,
    product_name,
};
use crate::store::audit_trail::Event;
use crate::store::catalogue;
use crate::store::entity::{organization, permission as permission_table, resource_server as server_table, tenant};
use crate::transfer::record::{OrganizationRecord, PermissionRecord, ResourceServerRecord, Stamps, TenantRecord};
use crate::transfer::report::Did;

/// What the first start has created.
const PLATFORM: &str = "platform";

/// Version, time of creation and of the last change of a new row.
pub(super) fn stamped(stamps: &Stamps, now: Timestamp) -> (i64, Timestamp, Timestamp) {
    let created_at = stamps.created_at.unwrap_or(now);
    let updated_at = stamps.updated_at.unwrap_or(created_at);
    (stamps.version.unwrap_or(1), created_at, updated_at)
}

/// Sets a field that the record gives, if it differs.
macro_rules! put {
    ($fields:ident, $new:ident, $row:ident, $column:ident, $name:literal, $given:expr) => {
        if let Some(given) = $given
            && given != $row.$column
        {
            $fields.push($name);
            $new.$column = Set(given);
        }
    };
}
pub(super) use put;

impl Intake<'_> {
    pub(super) async fn organization(&mut self, change: &mut Change<'_>, record: &OrganizationRecord) -> Result<Did> {
        if record.id == PLATFORM && self.options.keep_first_start {
            return Ok(Did::Ignored("the platform's organization".to_owned()));
        }
        let id = OrganizationId::parse("id", &record.id)?;
        let found = organization::Entity::find().filter(organization::Column::Id.eq(id.clone()));
        match found.one(&**change).await? {
            Some(row) => self.update_organization(change, row, record).await,
            None if self.places.organizations.contains_key(&record.id) => Ok(Did::Unchanged),
            None => self.create_organization(change, id, record).await,
        }
    }

    async fn create_organization(
        &mut self,
        change: &mut Change<'_>,
        id: OrganizationId,
        record: &OrganizationRecord,
    ) -> Result<Did> {
        let (version, created_at, updated_at) = stamped(&record.stamps, self.op.now());
        let limit = record.seat_limit.map(seat_limit).transpose()?;
        let row = organization::ActiveModel {
            id: Set(id),
            name: Set(name("name", record.name.as_deref().unwrap_or(&record.id))?),
            variables: Set(JsonText::object("variables", record.variables.as_ref())?),
            seat_limit: Set(limit),
            seats_used: Set(limit.map(|_| 0)),
            mail_allowed: Set(record.mail_allowed.unwrap_or(true)),
            account_switching: Set(record.account_switching.unwrap_or(true)),
            product_name: Set(product_name("productName", record.product_name.as_deref())?.flatten()),
            mail_language: Set(language(record)?.unwrap_or_default()),
            confirm_email_changes: Set(record.confirm_email_changes.unwrap_or(false)),
            version: Set(version),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            ..Default::default()
        };
        let name = row.name.as_ref().clone();
        let pk = match &mut self.imagined {
            Some(imagined) => imagined.key(),
            None => row.insert(&**change).await?.pk,
        };
        let home = Home {
            pk,
            id: record.id.clone(),
            name,
            has_limit: limit.is_some(),
        };
        self.places.note_created(pk);
        self.tallies.created(&home, ORGANIZATION);
        self.places.organizations.insert(record.id.clone(), home.into());
        Ok(Did::Created)
    }

    async fn update_organization(
        &mut self,
        change: &mut Change<'_>,
        row: organization::Model,
        record: &OrganizationRecord,
    ) -> Result<Did> {
        let mut fields = Vec::new();
        let mut new = row.clone().into_active_model();
        put!(
            fields,
            new,
            row,
            name,
            "name",
            record.name.as_deref().map(|text| name("name", text)).transpose()?
        );
        put!(
            fields,
            new,
            row,
            variables,
            "variables",
            JsonText::object("variables", record.variables.as_ref())?.map(Some)
        );
        put!(fields, new, row, mail_allowed, "mailAllowed", record.mail_allowed);
        put!(
            fields,
            new,
            row,
            account_switching,
            "accountSwitching",
            record.account_switching
        );
        put!(
            fields,
            new,
            row,
            product_name,
            "productName",
            product_name("productName", record.product_name.as_deref())?
        );
        put!(fields, new, row, mail_language, "mailLanguage", language(record)?);
        put!(
            fields,
            new,
            row,
            confirm_email_changes,
            "confirmEmailChanges",
            record.confirm_email_changes
        );
        put!(
            fields,
            new,
            row,
            seat_limit,
            "seatLimit",
            record.seat_limit.map(seat_limit).transpose()?.map(Some)
        );
        if let Some(did) = self.settle("organization", &fields)? {
            if matches!(did, Did::Unchanged) && self.is_of_an_import(change, &row, &record.stamps).await? {
                self.places.note_created(row.pk);
            }
            return Ok(did);
        }
        if fields.contains(&"seatLimit") {
            let used = super::seats::counted(&**change, row.pk).await?;
            new.seats_used = Set(Some(used));
        }
        new.version = Set(row.version + 1);
        new.updated_at = Set(self.op.now().later_than(row.updated_at));
        let updated = new.update(&**change).await?;
        self.places.organizations.remove(updated.id.as_str());
        let event = Event::new("organization.update", updated.pk, &updated.id).of_organization(updated.pk);
        self.tallies.changed(event.named(updated.name).fields(fields));
        Ok(Did::Changed)
    }

    pub(super) async fn tenant(&mut self, change: &mut Change<'_>, record: &TenantRecord) -> Result<Did> {
        if record.id == PLATFORM && self.options.keep_first_start {
            return Ok(Did::Ignored("the platform's tenant".to_owned()));
        }
        let id = TenantId::parse("id", &record.id)?;
        let home = self.home(change, record.organization_id.as_deref()).await?;
        let found = tenant::Entity::find().filter(tenant::Column::Id.eq(id.clone()));
        match found.one(&**change).await? {
            Some(row) if row.organization_pk != home.pk => return Err(elsewhere("tenant")),
            Some(row) => return self.update_tenant(change, row, record).await,
            None if self.places.tenants.contains_key(&record.id) => return Ok(Did::Unchanged),
            None => {}
        }
        let (version, created_at, updated_at) = stamped(&record.stamps, self.op.now());
        let row = tenant::ActiveModel {
            id: Set(id),
            organization_pk: Set(home.pk),
            name: Set(name("name", record.name.as_deref().unwrap_or(&record.id))?),
            variables: Set(JsonText::object("variables", record.variables.as_ref())?),
            version: Set(version),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            ..Default::default()
        };
        let name = row.name.as_ref().clone();
        let pk = match &mut self.imagined {
            Some(imagined) => imagined.key(),
            None => row.insert(&**change).await?.pk,
        };
        self.tallies.created(&home, "tenants");
        let label = crate::directory::tenant::Label {
            pk,
            id: record.id.clone(),
            name,
        };
        self.places.tenants.insert(record.id.clone(), (label, home.pk));
        Ok(Did::Created)
    }

    async fn update_tenant(
        &mut self,
        change: &mut Change<'_>,
        row: tenant::Model,
        record: &TenantRecord,
    ) -> Result<Did> {
        let mut fields = Vec::new();
        let mut new = row.clone().into_active_model();
        put!(
            fields,
            new,
            row,
            name,
            "name",
            record.name.as_deref().map(|text| name("name", text)).transpose()?
        );
        put!(
            fields,
            new,
            row,
            variables,
            "variables",
            JsonText::object("variables", record.variables.as_ref())?.map(Some)
        );
        if let Some(did) = self.settle("tenant", &fields)? {
            return Ok(did);
        }
        new.version = Set(row.version + 1);
        new.updated_at = Set(self.op.now().later_than(row.updated_at));
        let updated = new.update(&**change).await?;
        let event = Event::new("tenant.update", updated.pk, &updated.id);
        let event = event.of_tenant(updated.organization_pk, Some(updated.pk));
        self.tallies.changed(event.named(updated.name).fields(fields));
        Ok(Did::Changed)
    }

    pub(super) async fn resource_server(
        &mut self,
        change: &mut Change<'_>,
        record: &ResourceServerRecord,
    ) -> Result<Did> {
        self.hold_catalogue(change).await?;
        let found = server_table::Entity::find().filter(server_table::Column::Id.eq(record.id.as_str()));
        let stored = record.settings.as_ref().map(|given| settings(&record.id, given));
        let stored = stored.transpose()?;
        let given = record.name.as_deref().map(|text| name("name", text)).transpose()?;
        if let Some(row) = found.one(&**change).await? {
            let mut fields = Vec::new();
            let mut new = row.clone().into_active_model();
            put!(fields, new, row, name, "name", given);
            put!(fields, new, row, settings, "settings", stored);
            // This server's own one is there from the beginning, and belongs to the first start.
            let is_first = row.id == OWN_RECIPIENT && !self.options.keep_first_start && row.version == 1;
            match self.settle("resource server", &fields) {
                Ok(Some(Did::Unchanged)) if is_first => {}
                Ok(Some(did)) => return Ok(did),
                Err(error) if !is_first => return Err(error),
                _ if self.imagined.is_some() => return Ok(Did::Changed),
                _ => {}
            }
            catalogue::change(&**change).await?;
            let stamps = &record.stamps;
            new.version = Set(stamps.version.filter(|_| is_first).unwrap_or(row.version + 1));
            new.created_at = Set(stamps.created_at.filter(|_| is_first).unwrap_or(row.created_at));
            let updated_at = self.op.now().later_than(row.updated_at);
            new.updated_at = Set(stamps.updated_at.filter(|_| is_first).unwrap_or(updated_at));
            let updated = new.update(&**change).await?;
            let event = Event::new("resourceServer.update", updated.pk, &updated.id).named(updated.name);
            self.tallies.changed(event.fields(fields).access());
            return Ok(Did::Changed);
        }
        if self.imagined.is_some() {
            return Ok(Did::Created);
        }
        catalogue::change(&**change).await?;
        let wanted = NewResourceServer {
            id: record.id.clone(),
            name: given.unwrap_or_else(|| record.id.clone()),
            ..NewResourceServer::default()
        };
        let (row, event) = resource_server::create_in_txn(self.op, change, &wanted).await?;
        let (version, created_at, updated_at) = stamped(&record.stamps, self.op.now());
        let mut new = row.into_active_model();
        if let Some(stored) = stored {
            new.settings = Set(stored);
        }
        new.version = Set(version);
        new.created_at = Set(created_at);
        new.updated_at = Set(updated_at);
        new.update(&**change).await?;
        self.tallies.changed(event);
        Ok(Did::Created)
    }

    /// What is looked up next stays as it is: an import of the same file at the same time waits.
    async fn hold_catalogue(&self, change: &Change<'_>) -> Result<()> {
        if self.imagined.is_none() {
            catalogue::hold_alone(&**change).await?;
        }
        Ok(())
    }

    pub(super) async fn permission(&mut self, change: &mut Change<'_>, record: &PermissionRecord) -> Result<Did> {
        let lowest = record.lowest_role.as_deref().map(|text| {
            let unknown = || {
                Error::invalid(
                    "lowestRole",
                    format!("There is no role '{}' that this can be.", shown(text)),
                )
            };
            LadderRole::named(text).ok_or_else(unknown)
        });
        let lowest = lowest.transpose()?;
        self.hold_catalogue(change).await?;
        let there = permission_table::Entity::find().filter(permission_table::Column::DeletedAt.is_null());
        let found = there.filter(permission_table::Column::Id.eq(record.id.as_str()));
        if let Some(row) = found.one(&**change).await? {
            let description = record.description.as_deref();
            let same = description.is_none_or(|text| row.description.as_deref() == Some(text))
                && lowest.is_none_or(|role| role.name() == row.lowest_role);
            return match same {
                true => Ok(Did::Unchanged),
                false => Err(Error::invalid(
                    "id",
                    "This permission exists already and differs. An import changes no permissions: use 'tenantry \
                     permissions apply'.",
                )),
            };
        }
        if self.imagined.is_some() {
            return Ok(Did::Created);
        }
        catalogue::change(&**change).await?;
        let wanted = NewPermission {
            name: record.id.clone(),
            description: record.description.clone(),
            lowest_role: lowest,
            resource_server_id: record.resource_server_id.clone(),
            replaces: None,
        };
        let (row, event) = permission::create_in_txn(self.op, change, wanted).await?;
        let (version, created_at, updated_at) = stamped(&record.stamps, self.op.now());
        let mut new = row.into_active_model();
        new.version = Set(version);
        new.created_at = Set(created_at);
        new.updated_at = Set(updated_at);
        new.update(&**change).await?;
        catalogue::read(&**change).await?;
        self.tallies.changed(event);
        Ok(Did::Created)
    }
}

fn language(record: &OrganizationRecord) -> Result<Option<MailLanguage>> {
    let Some(code) = &record.mail_language else {
        return Ok(None);
    };
    match code.as_str() {
        "en" => Ok(Some(MailLanguage::En)),
        "de" => Ok(Some(MailLanguage::De)),
        _ => Err(Error::invalid("mailLanguage", "'mailLanguage' must be 'en' or 'de'.")),
    }
}

/// The stored form of the settings of a resource server.
fn settings(id: &str, given: &Value) -> Result<String> {
    let unknown = |_| Error::invalid("settings", "These are no settings of a resource server.");
    let given = RecipientSettings::from_stored(&given.to_string()).map_err(unknown)?;
    let settings = SettingsChange::whole(&given, id)?;
    settings.to_stored().map_err(Error::internal)
}

fn seat_limit(limit: i64) -> Result<i64> {
    crate::directory::organization::seat_limit(limit)
}
