//! The column `words` of what can be searched. It is written with the row that the words are of; see
//! [`crate::model::words`].

use sea_orm::{ActiveValue, DbErr, Set, Value};

/// A row that has words.
pub trait Worded {
    /// The internal key.
    fn pk(&self) -> i64;
    /// The words as they are stored.
    fn stored_words(&self) -> &str;
    /// The words as they should be.
    fn made_words(&self) -> String;
}

/// The value of a field that words are made of.
pub(super) fn known<V: Into<Value>>(field: &ActiveValue<V>) -> Result<&V, DbErr> {
    let unknown = || DbErr::Custom("words are made of the whole row: start from its model".to_owned());
    field.try_as_ref().ok_or_else(unknown)
}

/// A field of a new row is null if it is not set.
pub(super) fn or_null<V>(field: &mut ActiveValue<Option<V>>)
where
    Option<V>: Into<Value>,
{
    if field.is_not_set() {
        *field = Set(None);
    }
}

/// Sets the words, if they change.
pub(super) fn put(field: &mut ActiveValue<String>, new: String) {
    if field.try_as_ref() != Some(&new) {
        *field = Set(new);
    }
}

/// Keeps the words of a thing that has an id and a name.
macro_rules! words_of_id_and_name {
    () => {
        #[async_trait::async_trait]
        impl ActiveModelBehavior for ActiveModel {
            async fn before_save<C: sea_orm::ConnectionTrait>(self, _: &C, _: bool) -> Result<Self, DbErr> {
                self.worded()
            }
        }

        impl ActiveModel {
            /// The row with the words of what is set, for rows that are inserted without
            /// [`sea_orm::ActiveModelTrait::insert`]. Fails if a part of them is not known.
            pub fn worded(mut self) -> Result<Self, DbErr> {
                use crate::store::entity::words::{known, put};
                if self.id.is_set() || self.name.is_set() {
                    let made = words_of(known(&self.id)?.as_str(), known(&self.name)?);
                    put(&mut self.words, made);
                }
                Ok(self)
            }
        }

        impl crate::store::entity::Worded for Model {
            fn pk(&self) -> i64 {
                self.pk
            }

            fn stored_words(&self) -> &str {
                &self.words
            }

            fn made_words(&self) -> String {
                words_of(self.id.as_str(), &self.name)
            }
        }

        fn words_of(id: &str, name: &str) -> String {
            crate::model::words([name], None, id)
        }
    };
}

pub(super) use words_of_id_and_name;
