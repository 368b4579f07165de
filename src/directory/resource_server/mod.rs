//! Resource servers: who access tokens are for (RFC 8707), and what tokens for it contain.
//!
//! One of them, `default`, stands for this server: sessions get tokens for it, and other back ends can accept them too.
//! Others get tokens of their own, which contain only their permissions and are accepted by nobody else.
//!
//! - Only super admins read, create, change and delete them.
//! - A change counts for the next token. Tokens for a resource server that is deleted are no longer in force.
//! - Settings are stored as JSON, and kept in memory with the catalogue: every change of one raises the catalogue's version.
//! - Added claims are constants. What a user or an organization writes about itself never becomes a claim.

mod create;
mod delete;
mod read;
mod settings;
mod update;

pub use create::{NewResourceServer, create, create_in_txn};
pub use delete::{delete, delete_in_txn};
pub use read::{Term, all_in_txn, ids_of, key_of};
pub use settings::SettingsChange;
pub use update::{ResourceServerChange, update, update_in_txn};

use crate::authz::escalation;
use crate::context::OpContext;
use crate::list::{orders, record};
use crate::model::error::Result;
use crate::model::{RecipientSettings, Timestamp};
use crate::store::entity::resource_server::{self as table, Column};

/// How many resource servers there can be besides `default`.
pub const RESOURCE_SERVERS_MAX: u64 = 50;

record! {
    /// A resource server.
    ResourceServer, ResourceServerFields, ResourceServerFieldNumber of ResourceServer {
        always {
            pk: i64 = Pk,
            id: String = Id,
            name: String = Name,
        }
        /// As stored; see [`ResourceServer::settings`].
        SETTINGS settings: String = Settings,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

orders! {
    ResourceServer, ResourceServerFields {
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Name: ALWAYS Name name,
    }
}

impl ResourceServer {
    /// What tokens for it contain; the default if they were not read.
    pub fn settings(&self) -> RecipientSettings {
        RecipientSettings::from_stored(&self.settings).unwrap_or_default()
    }
}

/// Refuses to change them as somebody else, or with an API key that is limited to some permissions.
fn in_full_power(op: &OpContext) -> Result<()> {
    escalation::in_full_power(op.actor(), "Changing who access tokens are for")
}
