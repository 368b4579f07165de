//! An e-mail address, in the one form in which it is stored and compared.

use email_address::{EmailAddress, Options};
use sea_orm::DeriveValueType;

use crate::model::error::{Error, Result, shown};

const BYTES_MAX: usize = 254;

/// A lower-cased address with an ASCII local part and its domain in ASCII form, at most 254 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
pub struct Email(String);

impl Email {
    /// Parses an address as a person types it: in any case, with surrounding spaces, with an internationalized domain.
    pub fn parse(field: &str, value: &str) -> Result<Self> {
        Self::normalize(value)
            .ok_or_else(|| Error::invalid(field, format!("'{}' is not a valid e-mail address.", shown(value))))
    }

    /// The same for a look-up: `None` if it is not an address, and so cannot belong to anybody.
    pub fn normalize(value: &str) -> Option<Self> {
        let value = value.trim();
        if value.len() > 4 * BYTES_MAX {
            return None;
        }
        let (local, domain) = value.rsplit_once('@')?;
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&c);
        if !local.bytes().all(plain) || domain.contains(['[', ']', ' ']) {
            return None;
        }
        let domain = idna::domain_to_ascii_strict(domain).ok()?;
        let address = format!("{}@{domain}", local.to_ascii_lowercase());
        let options = Options::default().without_display_text().without_domain_literal();
        (address.len() <= BYTES_MAX && EmailAddress::parse_with_options(&address, options).is_ok())
            .then_some(Self(address))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
