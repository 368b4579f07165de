//! The database of an import, which may be new.

use std::sync::Arc;

use sea_orm::EntityTrait;

use super::survey::Survey;
use crate::cli::open::{prepare, services};
use crate::context::Services;
use crate::operations::setup;
use crate::services::config::Config;
use crate::store::entity::organization;

/// Opens the database. If it is new and the file is a whole directory with a super admin, it gets only the schema, so that
/// it becomes what the file says: then the second value is true. Otherwise its first start is that of the server.
pub async fn open(config: &Config, survey: &Survey) -> anyhow::Result<(Arc<Services>, bool)> {
    let services = services(config, None, None).await?;
    if survey.is_whole && survey.has_super_admin {
        setup::migrate(&services.db).await?;
        let any = organization::Entity::find().one(services.db.reader()).await?;
        if any.is_none() {
            services.cursor_keys.get(services.db.reader()).await?;
            return Ok((services, true));
        }
    }
    prepare(&services, config).await?;
    Ok((services, false))
}
