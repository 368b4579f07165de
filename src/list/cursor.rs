//! Cursors: positions in a sorted list, opaque to clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::EntityName;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Listed, Order, SortKey, SortValue};
use crate::model::error::{Error, Result};
use crate::model::is_storable;

/// A position in a sorted list: a row's sort value and id. Opaque to clients, typed here, and only used as bound
/// parameters.
///
/// Its text also contains the list and the order. In another list, or in another order, the position would be
/// meaningless, and rows would silently be missed. The filter is not part of it: the position is valid for any filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub value: SortValue,
    pub id: String,
}

impl Cursor {
    pub(super) fn of<L: Listed>(thing: &L, key: SortKey) -> Self {
        Self {
            value: thing.sort_value(key),
            id: thing.public_id().to_owned(),
        }
    }

    pub fn encode<L: Listed>(&self, order: Order) -> String {
        let (list, order) = (list_of::<L>(), tag(order));
        let value = match &self.value {
            SortValue::Number(number) => serde_json::json!([list, order, number, self.id]),
            SortValue::Text(text) => serde_json::json!([list, order, text, self.id]),
        };
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    /// Parses a cursor for this list in this order; anything else is `INVALID`.
    pub fn decode<L: Listed>(field: &str, text: &str, order: Order) -> Result<Self> {
        let place = match order.key {
            SortKey::CreatedAt | SortKey::UpdatedAt | SortKey::Position => {
                place::<L, i64>(text, order).map(|(number, id)| (SortValue::Number(number), id))
            }
            SortKey::Name | SortKey::Email | SortKey::Id => place::<L, String>(text, order)
                .filter(|(text, _)| is_storable(text))
                .map(|(text, id)| (SortValue::Text(text), id)),
        };
        let (value, id) = place.filter(|(_, id)| is_storable(id)).ok_or_else(|| {
            Error::invalid(
                field,
                format!(
                    "'{field}' is not a valid cursor for this connection and 'orderBy'. Use one that the same \
                     connection returned for the same 'orderBy'."
                ),
            )
        })?;
        Ok(Self { value, id })
    }
}

fn place<L: Listed, V: DeserializeOwned>(text: &str, order: Order) -> Option<(V, String)> {
    #[derive(Deserialize)]
    struct Written<V>(String, String, V, String);
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let Written(list, of, value, id) = serde_json::from_slice::<Written<V>>(&bytes).ok()?;
    (list == list_of::<L>() && of == tag(order)).then_some((value, id))
}

/// The name of a list in its cursors: its table, and so unique.
fn list_of<L: Listed>() -> &'static str {
    L::Entity::default().table_name()
}

fn tag(order: Order) -> String {
    let key = match order.key {
        SortKey::CreatedAt => "c",
        SortKey::UpdatedAt => "u",
        SortKey::Name => "n",
        SortKey::Email => "e",
        SortKey::Id => "i",
        SortKey::Position => "p",
    };
    format!("{}{key}", if order.descending { "-" } else { "" })
}
