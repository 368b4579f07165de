//! The roles of a file.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, Set};

use super::places::Home;
use super::{Intake, OnConflict};
use crate::context::Change;
use crate::directory::role::{
    Assigned, PRODUCT_WIDE_MAX, for_products, free_in_organizations, free_in_product, role_name, taken,
};
use crate::model::error::{Error, Result};
use crate::model::{self, Permissions, RoleId, uuid_of};
use crate::store::audit_trail::{Event, Mention};
use crate::store::catalogue::{self, Catalogued as _};
use crate::store::entity::role as table;
use crate::transfer::record::RoleRecord;
use crate::transfer::report::Did;

impl Intake<'_> {
    /// A role of an organization; one that names none, in a file of a whole directory, is product-wide.
    pub(super) async fn role(&mut self, change: &mut Change<'_>, record: &RoleRecord) -> Result<Did> {
        let home = match (&record.organization_id, &self.options.organization) {
            (None, None) => None,
            (named, _) => Some(self.home(change, named.as_deref()).await?),
        };
        let home = home.as_deref();
        let name = role_name(&record.name)?;
        let Some(row) = find(change, home, record, &name).await? else {
            self.create_role(change, home, record).await?;
            return Ok(Did::Created);
        };
        if row.organization_pk != home.map(|home| home.pk) {
            return Err(super::here::elsewhere("role"));
        }
        if home.is_none() && !row.product {
            return Err(Error::invalid("id", "This is the id of a built-in role."));
        }
        self.update_role(change, row, record).await
    }

    /// Its row, as it is now in the directory. While looking only, nothing is written.
    pub(super) async fn create_role(
        &mut self,
        change: &mut Change<'_>,
        home: Option<&Home>,
        record: &RoleRecord,
    ) -> Result<table::Model> {
        let name = role_name(&record.name)?;
        let permissions = permissions(change, record).await?.unwrap_or_default();
        let home_pk = home.map(|home| home.pk);
        must_be_free(change, home_pk, &name).await?;
        if home.is_none() {
            for_products(permissions)?;
            few_product_wide(change).await?;
        }
        let now = self.op.now();
        let id = match record.id.as_deref().and_then(uuid_of) {
            Some(uuid) => RoleId::from(uuid),
            None => RoleId::from(self.op.new_id()),
        };
        let stamps = &record.stamps;
        let created_at = stamps.created_at.unwrap_or(now);
        let row = table::ActiveModel {
            id: Set(id),
            organization_pk: Set(home_pk),
            product: Set(home.is_none()),
            name: Set(name),
            description: Set(
                model::description("description", record.description.as_deref())?.filter(|text| !text.is_empty())
            ),
            permissions: Set(change.known().now().to_stored(permissions)),
            version: Set(stamps.version.unwrap_or(1)),
            created_at: Set(created_at),
            updated_at: Set(stamps.updated_at.unwrap_or(created_at)),
            ..Default::default()
        };
        let row = match &mut self.imagined {
            Some(imagined) => table::Model::try_from(table::ActiveModel {
                pk: Set(imagined.key()),
                ..row
            })?,
            None => row.insert(&**change).await?,
        };
        if let Some(home) = home {
            self.tallies.created(home, "roles");
            if self.imagined.is_some() {
                // Nobody finds it in the database.
                let role = Assigned::of(row.clone(), &change.known().now());
                for name in [row.name.clone(), row.id.to_string()] {
                    self.places.roles.insert((home.pk, name, None), role.clone());
                }
            }
        } else {
            // No organization's event tells of it.
            let given = change.known().now().names(permissions);
            let event = Event::new("role.create", row.pk, &row.id).named(row.name.clone());
            let given = given.into_iter().map(|name| Mention::permission(&name).added());
            self.tallies.changed(event.about(given));
        }
        Ok(row)
    }

    async fn update_role(&mut self, change: &mut Change<'_>, row: table::Model, record: &RoleRecord) -> Result<Did> {
        let mut fields = Vec::new();
        let mut new = row.clone().into_active_model();
        let name = role_name(&record.name)?;
        if name != row.name {
            fields.push("name");
            new.name = Set(name.clone());
        }
        if let Some(description) = model::description("description", record.description.as_deref())? {
            let description = Some(description).filter(|text| !text.is_empty());
            if description != row.description {
                fields.push("description");
                new.description = Set(description);
            }
        }
        if let Some(permissions) = permissions(change, record).await? {
            if row.product {
                for_products(permissions)?;
            }
            let catalogue = change.known().now();
            if catalogue.from_stored(&row.permissions) != permissions {
                fields.push("permissions");
                new.permissions = Set(catalogue.to_stored(permissions));
            }
        }
        if let Some(did) = self.settle("role", &fields)? {
            return Ok(did);
        }
        if fields.contains(&"name") {
            must_be_free(change, row.organization_pk, &name).await?;
            // It is found under its new name.
            self.places.roles.retain(|_, role| role.role_pk != row.pk);
        }
        new.version = Set(row.version + 1);
        new.updated_at = Set(self.op.now().later_than(row.updated_at));
        let updated = new.update(&**change).await?;
        self.tallies.changed(
            Event::new("role.update", updated.pk, &updated.id)
                .of_organization(updated.organization_pk)
                .named(updated.name)
                .fields(fields)
                .access(),
        );
        Ok(Did::Changed)
    }

    /// The outcome of a record that is there, if these fields differ; `None` if it is to be changed now.
    pub(super) fn settle(&self, what: &str, fields: &[&'static str]) -> Result<Option<Did>> {
        match (fields, self.options.on_conflict) {
            ([], _) => Ok(Some(Did::Unchanged)),
            (_, OnConflict::Skip) => Ok(Some(Did::Skipped)),
            (_, OnConflict::Update) => Ok(self.imagined.is_some().then_some(Did::Changed)),
            (fields, OnConflict::Fail) => Err(super::here::differs(what, fields)),
        }
    }
}

/// The role that the record is about: by id, or else by name.
async fn find(
    change: &Change<'_>,
    home: Option<&Home>,
    record: &RoleRecord,
    name: &str,
) -> Result<Option<table::Model>> {
    let all = table::Entity::find();
    let named = match &record.id {
        Some(id) => {
            let uuid = uuid_of(id).ok_or_else(|| Error::invalid("id", "The id of a role is a UUID."))?;
            let found = all.clone().filter(table::Column::Id.eq(uuid.hyphenated().to_string()));
            if let Some(row) = found.one(&**change).await? {
                return Ok(Some(row));
            }
            all.filter(table::Column::Name.eq(name))
        }
        None => all.filter(table::Column::Name.eq(name)),
    };
    let within = match home {
        Some(home) => named.filter(table::Column::OrganizationPk.eq(home.pk)),
        None => named.filter(table::Column::Product.eq(true)),
    };
    match (within.one(&**change).await?, &record.id) {
        (Some(row), Some(_)) => Err(Error::conflict(
            crate::model::error::ConflictReason::Taken,
            format!("Another role has the name '{}': '{}'.", row.name, row.id),
        )),
        (found, _) => Ok(found),
    }
}

/// Refuses a name that another role has: in the organization, or in any for a product-wide role. The names stay free until
/// the transaction ends.
async fn must_be_free(change: &Change<'_>, organization_pk: Option<i64>, name: &str) -> Result<()> {
    let same = table::Entity::find().filter(table::Column::Name.eq(name));
    match organization_pk {
        Some(pk) => {
            catalogue::hold(&**change).await?;
            let same = same.filter(table::Column::OrganizationPk.eq(pk));
            if same.count(&**change).await? > 0 {
                return Err(taken(name));
            }
        }
        None => {
            catalogue::hold_alone(&**change).await?;
            free_in_organizations(&**change, name).await?;
        }
    }
    free_in_product(&**change, name).await
}

async fn few_product_wide(change: &Change<'_>) -> Result<()> {
    let there = table::Entity::find().filter(table::Column::Product.eq(true));
    match there.count(&**change).await? < PRODUCT_WIDE_MAX {
        true => Ok(()),
        false => Err(Error::LimitExceeded(format!(
            "There are already {PRODUCT_WIDE_MAX} product-wide roles, which is the limit."
        ))),
    }
}

async fn permissions(change: &Change<'_>, record: &RoleRecord) -> Result<Option<Permissions>> {
    let Some(names) = &record.permissions else {
        return Ok(None);
    };
    Ok(Some(catalogue::hold(&**change).await?.parse(names)?))
}
