//! The language of an organization's mails.

use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

/// A language that mails can be written in. Stored as its code.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumIter,
    DeriveActiveEnum,
    strum::VariantArray,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum MailLanguage {
    #[default]
    #[sea_orm(string_value = "en")]
    En,
    #[sea_orm(string_value = "de")]
    De,
}

impl MailLanguage {
    /// The code of ISO 639, as in the `lang` attribute of HTML.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }
}
