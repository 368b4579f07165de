//! Settings in the schema. They are read with `me { settings }`.

use async_graphql::{Context, Object};

use crate::graphql::{Json, KeptJson, Result, op};

#[derive(Default)]
pub struct SettingsMutation;

#[Object]
impl SettingsMutation {
    /// Updates the caller's settings and returns all of them as one JSON object ordered by key. Open to every caller.
    /// Concurrent updates of different keys are all kept.
    async fn update_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "A JSON object: its keys are set to its values, which may be any JSON, null included, of at most 64 KiB and 32 levels each. At most 500 keys in all, of at most 255 characters."
        )]
        updated: Option<Json>,
        #[graphql(desc = "Keys to remove after that; unknown keys are ignored.")] deleted: Option<Vec<String>>,
    ) -> Result<KeptJson> {
        let updated = updated.map(Json::given);
        let settings =
            crate::directory::settings::update(op(ctx), updated.as_ref(), &deleted.unwrap_or_default()).await?;
        Ok(settings.to_json().into())
    }
}
