//! Changes what an organization decides about itself.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{Organization, Term, as_seen};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{Named, expect_version, locate};
use crate::model::error::Result;
use crate::model::{self, MailLanguage};
use crate::store::audit_trail::Event;

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearableSetting {
    ProductName,
}

/// The changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
    pub product_name: Option<String>,
    pub mail_language: Option<MailLanguage>,
    pub confirm_email_changes: Option<bool>,
    pub clear: Vec<ClearableSetting>,
}

/// Changes only the given fields, which the organization's own administrators may do. `CONFLICT` if `expected_version` is given and the row has changed.
pub async fn update_settings(
    op: &OpContext,
    named: &Named<Term>,
    wanted: SettingsChange,
    expected_version: Option<i64>,
) -> Result<Organization> {
    let granted = op.authorize(Action::Modify, Resource::OrganizationSettings)?;
    let product = model::product_name("productName", wanted.product_name.as_deref())?;
    let clears = wanted.clear.contains(&ClearableSetting::ProductName);
    let product = model::cleared("productName", product, clears)?;

    let change = op.begin().await?;
    let row = locate::<Organization>(&*change, &granted, named, "organization").await?;
    expect_version(row.version, expected_version)?;
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    model::set(&mut fields, "productName", &mut new.product_name, product);
    model::set(
        &mut fields,
        "mailLanguage",
        &mut new.mail_language,
        wanted.mail_language,
    );
    let confirms = &mut new.confirm_email_changes;
    model::set(
        &mut fields,
        "confirmEmailChanges",
        confirms,
        wanted.confirm_email_changes,
    );
    if fields.is_empty() {
        return Ok(as_seen(op, row.into()));
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let row = new.update(&*change).await?;
    let event = Event::new("organization.updateSettings", row.pk, &row.id)
        .named(row.name.clone())
        .of_organization(row.pk);
    change.commit([event.fields(fields)]).await?;
    Ok(as_seen(op, row.into()))
}
