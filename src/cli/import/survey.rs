//! The first reading of a file, which writes nothing: a file that cannot be read to its end changes nothing.

use super::fault;
use crate::model::BuiltIn;
use crate::services::hasher::{Recognized, recognize};
use crate::transfer::record::{Hash, Item, Record, UserRecord};
use crate::transfer::source::{Format, Source};

/// What a file has.
#[derive(Debug, Default)]
pub struct Survey {
    /// Whether it is the export of a whole directory.
    pub is_whole: bool,
    /// Whether an activated user of it is a super admin.
    pub has_super_admin: bool,
    pub users: u64,
    /// Passwords that must be hashed, which takes a hundredth of a second each.
    pub dear_hashes: u64,
}

impl Survey {
    pub fn of(source: &Source) -> anyhow::Result<Self> {
        let mut survey = Self {
            is_whole: source.is_whole_directory().map_err(fault)?,
            ..Self::default()
        };
        let is_native = source.format() == Format::Tenantry;
        let mut reader = source.reader().map_err(fault)?;
        while let Some(row) = reader.next().map_err(fault)? {
            if let Item::Record(Record::User(user)) = row.item {
                survey.users += 1;
                survey.dear_hashes += u64::from(is_dear(&user));
                survey.has_super_admin |= is_native && is_super_admin(&user);
            }
        }
        Ok(survey)
    }
}

fn is_dear(user: &UserRecord) -> bool {
    let recognized = match &user.password_hash {
        None => return user.password.is_some(),
        Some(Hash::Text(text)) => recognize(text),
        Some(Hash::Named(named)) => named.recognize(),
        Some(Hash::Unusable(_)) => return false,
    };
    matches!(recognized, Ok(Recognized::Weak(_)))
}

fn is_super_admin(user: &UserRecord) -> bool {
    let names = [BuiltIn::SuperAdmin.id(), BuiltIn::SuperAdmin.name()];
    let mut roles = user.roles.iter().flatten();
    user.activated.unwrap_or(true) && roles.any(|role| names.contains(&role.reference.as_str()))
}
