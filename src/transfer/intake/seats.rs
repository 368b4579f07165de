//! The seats of the organizations that a file puts users into.

use sea_orm::ActiveModelTrait;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use super::Intake;
use super::places::Home;
use super::structure::stamped;
use super::tally::ORGANIZATION;
use crate::context::Change;
use crate::model::error::{Error, Result};
use crate::store::entity::{audit_event, organization, user};
use crate::transfer::record::Stamps;

/// How many seats are taken, counted.
pub(super) async fn counted(connection: &impl ConnectionTrait, organization_pk: i64) -> Result<i64> {
    let taken = user::Entity::find()
        .filter(user::Column::OrganizationPk.eq(organization_pk))
        .filter(user::Column::Activated.eq(true))
        .filter(user::Column::TakesSeat.eq(true));
    Ok(i64::try_from(taken.count(connection).await?).unwrap_or(i64::MAX))
}

/// How many of these seats there are.
pub(super) struct Seats {
    row: organization::Model,
    pub free: i64,
}

impl Intake<'_> {
    /// The free seats of an organization with a limit, which others do not take until the transaction ends. A limit does not bind in
    /// an organization that this import has created, or completes: it may have been lowered where the file comes from.
    pub(super) async fn seats(&self, change: &Change<'_>, home: &Home) -> Result<Option<Seats>> {
        if !home.has_limit || self.imagined.is_some() && home.pk < 0 {
            return Ok(None);
        }
        let row = organization::Entity::find_by_id(home.pk).lock(LockType::NoKeyUpdate);
        let row = row.one(&**change).await?;
        let row = row.ok_or_else(|| Error::no_such("organization", "id", &home.id))?;
        let Some(limit) = row.seat_limit else {
            return Ok(None);
        };
        let free = match self.places.created.contains(&home.pk) {
            true => i64::MAX,
            false => limit - row.seats_used.unwrap_or_default(),
        };
        Ok(Some(Seats { row, free }))
    }
}

impl Intake<'_> {
    /// Whether an import has created this organization, and nobody has changed it since. If that import was interrupted, users
    /// above the limit are still to come, so the limit does not bind now either.
    pub(super) async fn is_of_an_import(
        &self,
        change: &Change<'_>,
        row: &organization::Model,
        stamps: &Stamps,
    ) -> Result<bool> {
        let (version, created_at, updated_at) = stamped(stamps, row.created_at);
        if row.seat_limit.is_none()
            || (row.version, row.created_at, row.updated_at) != (version, created_at, updated_at)
        {
            return Ok(false);
        }
        let first = audit_event::Entity::find()
            .filter(audit_event::Column::OrganizationPk.eq(row.pk))
            .filter(audit_event::Column::TargetId.eq(row.id.as_str()))
            .filter(audit_event::Column::Action.eq("organization.import"))
            .order_by_asc(audit_event::Column::Position)
            .limit(1);
        let first = first.one(&**change).await?;
        let fields = first.and_then(|event| event.fields).unwrap_or_default();
        Ok(fields.split(' ').any(|kind| kind == ORGANIZATION))
    }
}

impl Seats {
    /// Why a user gets none.
    pub fn none_left(&self) -> Error {
        Error::SeatLimitReached(format!(
            "All {} seats of the organization '{}' are taken; deactivate a user or raise the seat limit.",
            self.row.seat_limit.unwrap_or_default(),
            self.row.id
        ))
    }

    /// So many were taken.
    pub async fn take(self, change: &Change<'_>, count: i64) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let used = self.row.seats_used.unwrap_or_default() + count;
        let mut new = self.row.into_active_model();
        new.seats_used = Set(Some(used));
        new.update(&**change).await?;
        Ok(())
    }
}
