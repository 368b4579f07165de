//! Declares a permission.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::{DECLARED_MAX, Permission, in_full_power, stored};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::directory::resource_server;
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::{self, DECLARED_BITS, LadderRole, Permissions};
use crate::store::audit_trail::{Event, Mention};
use crate::store::catalogue;
use crate::store::entity::permission::{self as table, Column};

const NAME_CHARACTERS_MAX: usize = 100;
const SEGMENT_CHARACTERS_MAX: usize = 63;
/// What begins like this is for later releases.
const OURS: &str = "tenantry:";

/// A new permission as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewPermission {
    pub name: String,
    pub description: Option<String>,
    /// By default that of the permission that it replaces, or else `organization-admin`.
    pub lowest_role: Option<LadderRole>,
    /// The id of the resource server that it belongs to; by default that of the permission that it replaces, or else none.
    pub resource_server_id: Option<String>,
    /// The name of the permission that it replaces.
    pub replaces: Option<String>,
}

/// Declares a permission. `CONFLICT` for a name that is taken, `LIMIT_EXCEEDED` for one too many. Only super admins can.
pub async fn create(op: &OpContext, new: NewPermission) -> Result<Permission> {
    op.authorize(Action::Create, Resource::Permission)?;
    in_full_power(op)?;
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    let (row, event) = create_in_txn(op, &change, new).await?;
    change.commit([event]).await?;
    Ok(row.into())
}

/// The same within a change of the catalogue; returns the event.
pub async fn create_in_txn(op: &OpContext, change: &Change<'_>, new: NewPermission) -> Result<(table::Model, Event)> {
    let name = name(&new.name)?;
    let description = model::description("description", new.description.as_deref())?.filter(|text| !text.is_empty());
    if find(change, &name).await?.is_some() {
        return Err(Error::conflict(
            ConflictReason::Taken,
            format!("There is already a permission '{name}'."),
        ));
    }
    let replaced = match &new.replaces {
        Some(old) => Some(
            find(change, old)
                .await?
                .filter(|row| row.bit.is_some())
                .ok_or_else(|| {
                    Error::invalid("replaces", format!("No permission was declared as '{}'.", shown(old)))
                })?,
        ),
        None => None,
    };
    let lowest = replaced.as_ref().and_then(|old| LadderRole::named(&old.lowest_role));
    let lowest = new.lowest_role.or(lowest).unwrap_or_default();
    let resource_server_pk = match new.resource_server_id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => Some(resource_server::key_of(&**change, id).await?),
        None if new.resource_server_id.is_some() => None,
        None => replaced.as_ref().and_then(|old| old.resource_server_pk),
    };
    let now = op.now();
    let row = table::ActiveModel {
        id: Set(name.clone()),
        description: Set(description),
        bit: Set(Some(free_bit(change).await?.into())),
        lowest_role: Set(lowest.name().to_owned()),
        resource_server_pk: Set(resource_server_pk),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = row.insert(&**change).await?;
    // Where the name stands already, nobody granted this permission by it.
    stored::take_out(&**change, &name, now).await?;
    let mut event = Event::new("permission.create", row.pk, &row.id)
        .named(name.clone())
        .access();
    if let Some(old) = replaced {
        stored::put_beside(&**change, &old.id, &name, now).await?;
        event = event.about([Mention::permission(&old.id)]);
    }
    Ok((row, event))
}

/// The permission with this name.
pub(super) async fn find(change: &Change<'_>, name: &str) -> Result<Option<table::Model>> {
    let there = table::Entity::find().filter(Column::DeletedAt.is_null());
    Ok(there.filter(Column::Id.eq(name)).one(&**change).await?)
}

/// A bit that stands for no permission, not even for one that was just deleted.
async fn free_bit(change: &Change<'_>) -> Result<u16> {
    let there = table::Entity::find().filter(Column::Bit.is_not_null());
    let declared = there
        .clone()
        .filter(Column::DeletedAt.is_null())
        .count(&**change)
        .await?;
    if declared >= DECLARED_MAX {
        return Err(Error::LimitExceeded(format!(
            "There are already {DECLARED_MAX} declared permissions, which is the limit. Delete some first."
        )));
    }
    let taken: Vec<i64> = there
        .select_only()
        .column(Column::Bit)
        .order_by_asc(Column::Bit)
        .into_tuple()
        .all(&**change)
        .await?;
    let free = (0..DECLARED_BITS).find(|bit| taken.binary_search(&i64::from(*bit)).is_err());
    free.ok_or_else(|| {
        Error::LimitExceeded(
            "Too many permissions were deleted in the last 24 hours, for which they still count. Try again later."
                .to_owned(),
        )
    })
}

/// Checks the name of a new permission.
fn name(name: &str) -> Result<String> {
    let segments: Vec<&str> = name.split(':').collect();
    if !(2..=4).contains(&segments.len())
        || name.len() > NAME_CHARACTERS_MAX
        || !segments.iter().all(|one| is_segment(one))
    {
        return Err(Error::invalid(
            "name",
            format!(
                "'{}' cannot be the name of a permission. A name has 2 to 4 parts, separated by ':', such as \
                 'invoices:read', and at most {NAME_CHARACTERS_MAX} characters. A part has lower-case letters, digits, '_', \
                 '.' and '-', begins with a letter or digit, and has at most {SEGMENT_CHARACTERS_MAX} characters.",
                shown(name)
            ),
        ));
    }
    if name.starts_with(OURS) || Permissions::built_in().any(|(_, known)| known == name) {
        return Err(Error::conflict(
            ConflictReason::Taken,
            format!("The name '{name}' is reserved."),
        ));
    }
    Ok(name.to_owned())
}

fn is_segment(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inside = |c: char| plain(c) || matches!(c, '_' | '.' | '-');
    text.len() <= SEGMENT_CHARACTERS_MAX && text.starts_with(plain) && text.chars().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_scope_tokens_of_two_to_four_parts() {
        let long = format!("{}:read", "a".repeat(SEGMENT_CHARACTERS_MAX));
        for valid in ["invoices:read", "a:b:c:d", "read:invoices.v2", "0:x_y-z", &long] {
            assert_eq!(name(valid).unwrap(), valid);
        }
        let longer = format!("a{long}");
        let all = ["a", "b", "c", "d"].map(|segment| segment.repeat(40)).join(":");
        for bad in [
            "",
            "invoices",
            "a:",
            ":a",
            "a::b",
            "a:b:c:d:e",
            "A:b",
            "a:b c",
            "a:*",
            "a:_b",
            "é:a",
            "a:b\n",
            &longer,
            &all,
        ] {
            assert!(matches!(name(bad), Err(Error::Invalid { .. })), "{bad}");
        }
        for ours in ["tenantry:anything", "read:user", "read:liked-queries"] {
            assert!(matches!(name(ours), Err(Error::Conflict(_))), "{ours}");
        }
    }
}
