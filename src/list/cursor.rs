//! Cursors: positions in a sorted list, opaque to clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::EntityName;

use super::{Listed, Order, SortKey, SortValue, Sorting};
use crate::model::error::{Error, Result};
use crate::model::{CursorKey, SEALED_BYTES, is_storable};

/// A position in a sorted list: a row's sort value and internal key. Typed here, and only used as bound parameters.
///
/// Its text is the encrypted key and then the value. It is only valid for this list in this order: in another list, or in
/// another order, the position would be meaningless, and rows would silently be missed. The filter is not part of it: the
/// position is valid for any filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub value: SortValue,
    pub pk: i64,
}

impl Cursor {
    pub(super) fn of<L: Listed>(thing: &L, key: SortKey) -> Self {
        Self {
            value: thing.sort_value(key),
            pk: thing.pk(),
        }
    }

    pub fn encode<L: Listed>(&self, order: Order, key: &CursorKey) -> Result<String> {
        let value = match &self.value {
            SortValue::Made => Vec::new(),
            SortValue::Number(number) => number.to_be_bytes().to_vec(),
            SortValue::Text(text) => text.as_bytes().to_vec(),
        };
        let mut bytes = key.seal(self.pk, &about::<L>(order, &value))?.to_vec();
        bytes.extend(value);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Parses a cursor for this list in this order; anything else is `INVALID`.
    pub fn decode<L: Listed>(field: &str, text: &str, order: Order, key: &CursorKey) -> Result<Self> {
        read::<L>(text, order, key).ok_or_else(|| {
            Error::invalid(
                field,
                format!(
                    "'{field}' is not a valid cursor for this connection and 'orderBy'. Use one that the same \
                     connection returned for the same 'orderBy'."
                ),
            )
        })
    }
}

fn read<L: Listed>(text: &str, order: Order, key: &CursorKey) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (sealed, value) = bytes.split_first_chunk::<SEALED_BYTES>()?;
    let pk = key.open(*sealed, &about::<L>(order, value))?;
    let value = match (L::sorting(order.key)?, order.key) {
        (Sorting::Made, _) => SortValue::Made,
        (_, SortKey::CreatedAt | SortKey::UpdatedAt | SortKey::Position) => {
            SortValue::Number(i64::from_be_bytes(value.try_into().ok()?))
        }
        (_, SortKey::Name | SortKey::Email | SortKey::UserName | SortKey::Id) => {
            let text = std::str::from_utf8(value).ok().filter(|text| is_storable(text))?;
            SortValue::Text(text.to_owned())
        }
    };
    Some(Cursor { value, pk })
}

/// What a cursor belongs to: the list, by its table, the order and the value.
fn about<L: Listed>(order: Order, value: &[u8]) -> Vec<u8> {
    let mut about = L::Entity::default().table_name().as_bytes().to_vec();
    about.push(b' ');
    about.extend(tag(order).as_bytes());
    about.push(b' ');
    about.extend(value);
    about
}

fn tag(order: Order) -> String {
    let key = match order.key {
        SortKey::CreatedAt => "c",
        SortKey::UpdatedAt => "u",
        SortKey::Name => "n",
        SortKey::Email => "e",
        SortKey::UserName => "un",
        SortKey::Id => "i",
        SortKey::Position => "p",
    };
    format!("{}{key}", if order.descending { "-" } else { "" })
}
