//! What the events of an update name: roles, and the organizations and tenants that the user moves between.

use sea_orm::{ConnectionTrait, EntityTrait};

use super::{Home, Roles};
use crate::directory::role::{Held, besides};
use crate::directory::tenant;
use crate::model::error::Result;
use crate::store::audit_trail::Mention;
use crate::store::entity::{organization, user as table};

/// What the events of an update name. Neither of two organizations reads anything of the other.
pub struct Moved {
    /// In the trail of the organization and tenant that the user was in.
    pub there: Vec<Mention>,
    /// In the trail of those that the user comes to.
    pub here: Vec<Mention>,
}

impl Moved {
    /// Looks up the names of tenants and organizations if the user moves.
    pub async fn find(
        connection: &impl ConnectionTrait,
        row: &table::Model,
        home: &Home,
        had: &Held,
        roles: &Roles,
    ) -> Result<Self> {
        let lost = besides(&had.direct, &roles.direct);
        let gained = besides(&roles.direct, &had.direct);
        let lost = lost.into_iter().map(|role| role.mention().removed());
        let gained = gained.into_iter().map(|role| role.mention().added());
        let (mut there, mut here): (Vec<Mention>, Vec<Mention>) = (lost.collect(), Vec::new());
        if home.moves {
            let for_tenants = had.directly_for_tenants();
            there.extend(for_tenants.iter().map(|role| role.mention().removed()));
            here.extend(roles.direct.iter().map(|role| role.mention().added()));
            let old = organization::Entity::find_by_id(row.organization_pk)
                .one(connection)
                .await?;
            there.extend(old.map(|old| Mention::new("organization", &old.id, old.name).removed()));
            let new = &home.organization;
            here.push(Mention::new("organization", &new.id, new.name.clone()).added());
        } else {
            there.extend(gained);
        }
        if home.tenant_pk == row.tenant_pk {
            return Ok(Self { there, here });
        }
        let tenants = tenant::labels(connection, row.tenant_pk.into_iter().chain(home.tenant_pk)).await?;
        let mention = |pk: Option<i64>| Some(tenants.get(&pk?)?.mention());
        there.extend(mention(row.tenant_pk).map(Mention::removed));
        let new = mention(home.tenant_pk).map(Mention::added);
        if !home.moves {
            there.extend(new.clone());
        }
        here.extend(new);
        Ok(Self { there, here })
    }
}
