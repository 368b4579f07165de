//! Changes what an organization decides about itself.

use super::update::update_as;
use super::{Clearable, Organization, OrganizationChange, Term};
use crate::authz::Resource;
use crate::context::OpContext;
use crate::list::Named;
use crate::model::MailLanguage;
use crate::model::error::Result;

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

/// Changes only the given fields, which the organization's own administrators may do. `CONFLICT` if `expected_version` is
/// given and the row has changed.
pub async fn update_settings(
    op: &OpContext,
    named: &Named<Term>,
    wanted: SettingsChange,
    expected_version: Option<i64>,
) -> Result<Organization> {
    let cleared = wanted.clear.into_iter().map(|field| match field {
        ClearableSetting::ProductName => Clearable::ProductName,
    });
    let wanted = OrganizationChange {
        product_name: wanted.product_name,
        mail_language: wanted.mail_language,
        confirm_email_changes: wanted.confirm_email_changes,
        clear: cleared.collect(),
        ..OrganizationChange::default()
    };
    let resource = Resource::OrganizationSettings;
    update_as(
        op,
        "organization.updateSettings",
        resource,
        named,
        wanted,
        expected_version,
    )
    .await
}
