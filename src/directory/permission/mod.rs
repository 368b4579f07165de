//! Permissions: what roles and API keys consist of.
//!
//! The built-in ones open something in this server. A product declares its own: they open nothing here, but are granted
//! like the built-in ones, and the product asks who has them. Their names never change. To rename one, declare another one
//! that replaces it, and delete the old one when no program asks for it any more.
//!
//! - Callers with `read:role` see all of them; super admins create, change and delete declared ones.
//! - A new permission is held by the built-in roles from `lowestRole` upwards, and by everybody who gets it by another role.
//! - Declaring a permission never activates a name that happens to be in a role or an API key already.
//! - One that belongs to a resource server is only in tokens for that one, and for this server.
//! - Every change of the catalogue is alone: two at the same time wait for each other, and so do changes that store a name.

mod apply;
mod create;
mod delete;
mod file;
mod read;
mod show;
mod stored;
mod update;

pub use apply::{Applied, Applying, Changed, What, apply};
pub use create::{NewPermission, create, create_in_txn};
pub use delete::delete;
pub use file::PermissionsFile;
pub use read::Term;
pub use show::show;
pub use update::{Clearable, PermissionChange, update};

use std::time::Duration;

use crate::authz::escalation;
use crate::context::OpContext;
use crate::list::{orders, record};
use crate::model::error::Result;
use crate::model::{BuiltIn, LadderRole, Timestamp};
use crate::store::entity::permission::{self as table, Column};

/// How many permissions a product can declare.
pub const DECLARED_MAX: u64 = 1_000;

/// How long the bit of a deleted permission is not given out again: far longer than any set in memory is used.
pub const BIT_REST: Duration = Duration::from_secs(24 * 60 * 60);

record! {
    /// A permission.
    Permission, PermissionFields, PermissionFieldNumber of Permission {
        always {
            pk: i64 = Pk,
            /// Its name.
            id: String = Id,
            /// `None` for a built-in one.
            bit: Option<i64> = Bit,
        }
        DESCRIPTION description: Option<String> = Description,
        LOWEST_ROLE lowest_role: String = LowestRole,
        RESOURCE_SERVER_PK resource_server_pk: Option<i64> = ResourceServerPk,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

orders! {
    Permission, PermissionFields {
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
    }
}

impl Permission {
    pub fn is_built_in(&self) -> bool {
        self.bit.is_none()
    }

    /// The weakest built-in role that has it.
    pub fn lowest_role(&self) -> LadderRole {
        LadderRole::named(&self.lowest_role).unwrap_or_default()
    }

    /// Whether something in this server needs it.
    pub fn opens_here(&self, op: &OpContext) -> bool {
        let permission = op.catalogue().named(&self.id).unwrap_or_default();
        !permission.doors().is_empty()
    }

    /// Whether the caller has it for its whole organization.
    pub fn is_held_by(&self, op: &OpContext) -> bool {
        let permission = op.catalogue().named(&self.id);
        permission.is_some_and(|permission| op.actor().rights().organization().contains(permission))
    }

    /// Whether a built-in role has it.
    pub fn is_in(&self, op: &OpContext, role: BuiltIn) -> bool {
        let catalogue = op.catalogue();
        let permission = catalogue.named(&self.id);
        permission.is_some_and(|permission| catalogue.of_built_in(role).contains(permission))
    }
}

/// Refuses to change the catalogue as somebody else, or with an API key that is limited to some permissions.
fn in_full_power(op: &OpContext) -> Result<()> {
    escalation::in_full_power(op.actor(), "Changing what permissions there are")
}
