//! The services that the whole server shares.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::authn::{Credentials, SigningKeys};
use crate::model::{Clock, Faces};
use crate::services::counts::Counts;
use crate::services::hasher::Hasher;
use crate::services::mailer::Mailer;
use crate::services::refusals::Refusals;
use crate::services::user_counts::UserCounts;
use crate::store::built_in_roles::BuiltInRoles;
use crate::store::cursor_key::CursorKeys;
use crate::store::db::Database;

/// The services that the whole server shares.
#[derive(Debug)]
pub struct Services {
    pub db: Database,
    pub clock: Clock,
    pub credentials: Credentials,
    pub hasher: Hasher,
    pub mailer: Mailer,
    pub refusals: Refusals,
    pub counts: Counts,
    pub signing: SigningKeys,
    pub built_in_roles: BuiltInRoles,
    pub cursor_keys: CursorKeys,
    pub user_counts: UserCounts,
    /// The top-level keys of effective variables that users see of themselves without further permissions.
    pub public_variables: Arc<BTreeSet<String>>,
    /// Tasks that run to completion, even if the request that started them is gone.
    pub under_way: TaskTracker,
}

impl Services {
    /// With what every process starts from.
    pub fn new(db: Database, mailer: Mailer, signing: SigningKeys) -> Self {
        Self {
            db,
            mailer,
            signing,
            clock: Clock::System,
            credentials: Credentials::default(),
            hasher: Hasher::default(),
            refusals: Refusals::default(),
            counts: Counts::default(),
            built_in_roles: BuiltInRoles::default(),
            cursor_keys: CursorKeys::default(),
            user_counts: UserCounts::default(),
            public_variables: Arc::default(),
            under_way: TaskTracker::new(),
        }
    }

    /// The faces that are on, as this process knows it.
    pub fn faces(&self) -> Faces {
        self.db.catalogue().faces()
    }
}
