//! Changes the caller's settings.

use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Set};
use serde_json::Value;

use super::Settings;
use super::read::{nobodys, of_user};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{TextTest, text_condition};
use crate::model::error::{Error, Result, shown};
use crate::model::{JsonText, is_storable};
use crate::store::audit_trail::Event;
use crate::store::entity::setting::{self as table, Column};
use crate::store::entity::user;

/// The number of settings of a user.
pub const KEYS_MAX: usize = 500;
/// The total size of a user's settings, as in a response.
pub const SETTINGS_BYTES_MAX: usize = 512 * 1024;
const KEY_CHARACTERS_MAX: usize = 255;

/// Sets the keys of `updated` and then removes those of `deleted`; keys that do not exist are ignored. Returns all the
/// caller's settings afterwards. Changes nothing if it fails.
pub async fn update(op: &OpContext, updated: Option<&Value>, deleted: &[String]) -> Result<Settings> {
    op.authorize(Action::Modify, Resource::Settings)?;
    let caller = op.actor().caller().ok_or_else(nobodys)?;
    let user_pk = caller.user_pk;
    let rows = rows(user_pk, updated)?;
    if deleted.len() > KEYS_MAX {
        return Err(Error::invalid(
            "deleted",
            format!("'deleted' names {} keys; the limit is {KEYS_MAX}.", deleted.len()),
        ));
    }
    if rows.is_empty() && deleted.is_empty() {
        return of_user(op.db().reader(), user_pk).await;
    }

    let mut fields = Vec::new();
    let mut change = op.begin().await?;
    user::Entity::find_by_id(user_pk)
        .select_only()
        .column(user::Column::Pk)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<i64>()
        .one(&*change)
        .await?
        .ok_or_else(|| Error::Unauthenticated("This user was deleted in the meantime.".to_owned()))?;
    change.hold_caller().await?;
    if !rows.is_empty() {
        fields.push("updated");
        let or_replace = OnConflict::columns([Column::UserPk, Column::Key])
            .update_column(Column::Value)
            .to_owned();
        table::Entity::insert_many(rows)
            .on_conflict(or_replace)
            .exec_without_returning(&*change)
            .await?;
    }
    if !deleted.is_empty() {
        fields.push("deleted");
        let named = TextTest::In(deleted.to_vec());
        table::Entity::delete_many()
            .filter(Column::UserPk.eq(user_pk))
            .filter(text_condition(op.db().backend(), Column::Key, &named))
            .exec(&*change)
            .await?;
    }
    let keys = table::Entity::find()
        .filter(Column::UserPk.eq(user_pk))
        .count(&*change)
        .await?;
    if keys > KEYS_MAX as u64 {
        return Err(Error::invalid(
            "updated",
            format!("That would be {keys} settings; the limit is {KEYS_MAX}. Delete some."),
        ));
    }
    let settings = of_user(&*change, user_pk).await?;
    let bytes = settings.to_json().len();
    if bytes > SETTINGS_BYTES_MAX {
        return Err(Error::invalid(
            "updated",
            format!("That would be {bytes} bytes of settings; the limit is {SETTINGS_BYTES_MAX}. Delete some."),
        ));
    }
    let event = Event::new("settings.update", user_pk, &caller.user_id).of_caller(caller);
    change.commit([event.fields(fields)]).await?;
    Ok(settings)
}

fn rows(user_pk: i64, updated: Option<&Value>) -> Result<Vec<table::ActiveModel>> {
    let members = match updated {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => {
            return Err(Error::invalid(
                "updated",
                "'updated' must be a JSON object that maps keys to values.".to_owned(),
            ));
        }
    };
    if members.len() > KEYS_MAX {
        return Err(Error::invalid(
            "updated",
            format!("'updated' has {} keys; the limit is {KEYS_MAX}.", members.len()),
        ));
    }
    members
        .iter()
        .map(|(key, value)| {
            check_key("updated", key)?;
            let text = JsonText::parse(&format!("updated.{}", shown(key)), value)?;
            Ok(table::ActiveModel {
                user_pk: Set(user_pk),
                key: Set(key.clone()),
                value: Set(text.as_str().to_owned()),
            })
        })
        .collect()
}

/// Refuses what cannot be the key of a setting.
pub fn check_key(field: &str, key: &str) -> Result<()> {
    match !is_storable(key) || key.chars().count() > KEY_CHARACTERS_MAX {
        true => Err(Error::invalid(
            field,
            format!(
                "'{}' is not a valid key: at most {KEY_CHARACTERS_MAX} characters, without U+0000.",
                shown(key)
            ),
        )),
        false => Ok(()),
    }
}
