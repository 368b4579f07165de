//! Creates an organization.

use sea_orm::{ActiveModelTrait, Set};

use super::Organization;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::{ConflictReason, Error, OrConflict, Result};
use crate::model::{self, JsonText, MailLanguage, OrganizationId};
use crate::store::audit_trail::Event;
use crate::store::entity::organization as table;

/// A new organization as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewOrganization {
    pub id: Option<String>,
    pub name: String,
    pub variables: Option<serde_json::Value>,
    pub seat_limit: Option<i64>,
    /// True by default.
    pub mail_allowed: Option<bool>,
    /// True by default.
    pub account_switching: Option<bool>,
    pub product_name: Option<String>,
    /// English by default.
    pub mail_language: Option<MailLanguage>,
    /// False by default.
    pub confirm_email_changes: Option<bool>,
}

/// Creates an organization. Super admins only. `CONFLICT` for an id that is taken.
pub async fn create(op: &OpContext, new: NewOrganization) -> Result<Organization> {
    op.authorize(Action::Create, Resource::Organization)?;
    let id = match &new.id {
        Some(id) => OrganizationId::parse("id", id)?,
        None => op.new_id().into(),
    };
    let now = op.now();
    let limit = new.seat_limit.map(seat_limit).transpose()?;
    let row = table::ActiveModel {
        id: Set(id.clone()),
        name: Set(model::name("name", &new.name)?),
        variables: Set(JsonText::object("variables", new.variables.as_ref())?),
        seat_limit: Set(limit),
        seats_used: Set(limit.map(|_| 0)),
        mail_allowed: Set(new.mail_allowed.unwrap_or(true)),
        account_switching: Set(new.account_switching.unwrap_or(true)),
        product_name: Set(model::product_name("productName", new.product_name.as_deref())?.flatten()),
        mail_language: Set(new.mail_language.unwrap_or_default()),
        confirm_email_changes: Set(new.confirm_email_changes.unwrap_or(false)),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let change = op.begin().await?;
    let row = row.insert(&*change).await.or_conflict(|_| {
        Error::conflict(
            ConflictReason::Taken,
            format!("An organization with the id '{id}' already exists."),
        )
    })?;
    let event = Event::new("organization.create", row.pk, &row.id)
        .of_organization(row.pk)
        .named(row.name.clone());
    change.commit([event]).await?;
    Ok(row.into())
}

pub fn seat_limit(limit: i64) -> Result<i64> {
    if (0..=i64::from(i32::MAX)).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::invalid(
        "seatLimit",
        format!("'seatLimit' must be from 0 to {}, but is {limit}.", i32::MAX),
    ))
}
