//! The language of an organization's email.

use async_graphql::Enum;

use crate::model::MailLanguage;

/// Language of email.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "MailLanguage", remote = "MailLanguage")]
pub enum MailLanguageValue {
    /// English.
    En,
    /// German.
    De,
}
