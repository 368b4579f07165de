//! Settings in the schema. They are read with `me { settings }`.

use async_graphql::{Context, Object};

use crate::graphql::{Json, KeptJson, Result, op};

#[derive(Default)]
pub struct SettingsMutation;

#[Object]
impl SettingsMutation {
    /// Updates the caller's settings and returns all of them as one JSON object ordered by key. Needs a credential, but
    /// no permission. Concurrent updates of different keys are all kept.
    async fn update_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "A JSON object with the settings to add or replace. A value is any JSON, including null, of at most 64 KiB and 32 levels. A key has at most 255 characters. A user can have at most 500 keys and 512 KiB of settings."
        )]
        updated: Option<Json>,
        #[graphql(desc = "Keys to remove, after `updated` has been applied; unknown keys are ignored.")]
        deleted: Option<Vec<String>>,
    ) -> Result<KeptJson> {
        let updated = updated.map(Json::given);
        let settings =
            crate::directory::settings::update(op(ctx), updated.as_ref(), &deleted.unwrap_or_default()).await?;
        Ok(settings.to_json().into())
    }
}
