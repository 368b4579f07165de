//! The columns with folded texts: `words` of what can be searched, and `sort_name` of what lists sort by name. They are
//! written with the row that they are made of; see [`crate::model::words`].

use sea_orm::{ActiveValue, DbErr, Set, Value};

/// The folded texts of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// What lists by name are sorted by.
    pub sort_name: String,
    /// What a search compares: words, each with a space before it.
    pub words: String,
}

/// A row that has folded texts.
pub trait Worded {
    /// The internal key.
    fn pk(&self) -> i64;
    /// The folded texts as they are stored.
    fn stored(&self) -> Folded;
    /// The folded texts as they should be.
    fn made(&self) -> Folded;
}

/// The value of a field that folded texts are made of.
pub(super) fn known<V: Into<Value>>(field: &ActiveValue<V>) -> Result<&V, DbErr> {
    let unknown = || DbErr::Custom("folded texts are made of the whole row: start from its model".to_owned());
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

/// Sets a folded text, if it changes.
pub(super) fn put(field: &mut ActiveValue<String>, new: String) {
    if field.try_as_ref() != Some(&new) {
        *field = Set(new);
    }
}

/// Keeps the folded texts of a thing that has an id and a name, and in this column the name without regard to case.
macro_rules! folded_of_id_and_name {
    ($($name_key:ident)?) => {
        #[async_trait::async_trait]
        impl ActiveModelBehavior for ActiveModel {
            async fn before_save<C: sea_orm::ConnectionTrait>(self, _: &C, _: bool) -> Result<Self, DbErr> {
                self.worded()
            }
        }

        impl ActiveModel {
            /// The row with the folded texts of what is set, for rows that are inserted without
            /// [`sea_orm::ActiveModelTrait::insert`]. Fails if a part of them is not known.
            pub fn worded(mut self) -> Result<Self, DbErr> {
                use crate::store::entity::words::{known, put};
                if self.id.is_set() || self.name.is_set() {
                    let made = folded_of(known(&self.id)?.as_str(), known(&self.name)?);
                    put(&mut self.sort_name, made.sort_name);
                    put(&mut self.words, made.words);
                    $(put(&mut self.$name_key, crate::model::lowered(known(&self.name)?));)?
                }
                Ok(self)
            }
        }

        impl crate::store::entity::Worded for Model {
            fn pk(&self) -> i64 {
                self.pk
            }

            fn stored(&self) -> crate::store::entity::Folded {
                crate::store::entity::Folded {
                    sort_name: self.sort_name.clone(),
                    words: self.words.clone(),
                }
            }

            fn made(&self) -> crate::store::entity::Folded {
                folded_of(self.id.as_str(), &self.name)
            }
        }

        fn folded_of(id: &str, name: &str) -> crate::store::entity::Folded {
            crate::store::entity::Folded {
                sort_name: crate::model::sort_name(name),
                words: crate::model::words([name], None, id),
            }
        }
    };
}

pub(super) use folded_of_id_and_name;
