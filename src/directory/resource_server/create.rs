//! Creates a resource server.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};

use super::{RESOURCE_SERVERS_MAX, ResourceServer, SettingsChange, in_full_power};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::model::error::{ConflictReason, Error, OrConflict, Result, shown};
use crate::model::{self, OWN_RECIPIENT, RecipientSettings};
use crate::store::audit_trail::Event;
use crate::store::catalogue;
use crate::store::entity::resource_server::{self as table, Column};

/// A new resource server as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewResourceServer {
    pub id: String,
    pub name: String,
    pub settings: SettingsChange,
}

/// Creates a resource server. `CONFLICT` for an id that is taken, `LIMIT_EXCEEDED` for one too many. Only super admins can.
pub async fn create(op: &OpContext, new: NewResourceServer) -> Result<ResourceServer> {
    op.authorize(Action::Create, Resource::ResourceServer)?;
    in_full_power(op)?;
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    let (row, event) = create_in_txn(op, &change, &new).await?;
    change.commit([event]).await?;
    Ok(row.into())
}

/// The same within a change of the catalogue; returns the event.
pub async fn create_in_txn(
    op: &OpContext,
    change: &Change<'_>,
    new: &NewResourceServer,
) -> Result<(table::Model, Event)> {
    let id = id(op, &new.id)?;
    let name = model::name("name", &new.name)?;
    let settings = new.settings.applied_to(&RecipientSettings::default(), &id)?;
    let others = table::Entity::find().filter(Column::Id.ne(OWN_RECIPIENT));
    if others.count(&**change).await? >= RESOURCE_SERVERS_MAX {
        return Err(Error::LimitExceeded(format!(
            "There are already {RESOURCE_SERVERS_MAX} resource servers, which is the limit. Delete some first."
        )));
    }
    let now = op.now();
    let row = table::ActiveModel {
        id: Set(id.clone()),
        name: Set(name),
        settings: Set(settings.to_stored().map_err(Error::internal)?),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let taken = |_: &str| {
        Error::conflict(
            ConflictReason::Taken,
            format!("There is already a resource server '{id}'."),
        )
    };
    let row = row.insert(&**change).await.or_conflict(taken)?;
    let event = Event::new("resourceServer.create", row.pk, &row.id).named(row.name.clone());
    Ok((row, event.access()))
}

/// Checks the id of a new one: it is the audience of its tokens, and must not look like this server's.
fn id(op: &OpContext, id: &str) -> Result<String> {
    if !model::is_id(id) {
        return Err(Error::invalid(
            "id",
            format!(
                "'{}' is not a valid id: 1 to 255 printable ASCII characters, no leading or trailing spaces.",
                shown(id)
            ),
        ));
    }
    if id == op.signing().issuer().url() {
        return Err(Error::invalid(
            "id",
            format!("'{id}' is this server, which is the resource server '{OWN_RECIPIENT}'."),
        ));
    }
    Ok(id.to_owned())
}
