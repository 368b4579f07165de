//! Reserved role names: all names that an API or command accepts for a built-in role. Custom roles must not have such a
//! name, in any spelling: a program that reads `roles { name }` and writes it back would otherwise assign the built-in
//! role, which may have far more permissions.
//!
//! - A name that is, or looks like, one of them is `CONFLICT`. The comparison ignores case, invisible characters, and
//!   differences between characters that look alike (the skeletons of Unicode Technical Standard 39).
//! - A name that is a UUID, in any spelling, is `INVALID`: roles can also be specified by id, and ids are UUIDs.
//!
//! The APIs translate names with the lists in this file and have none of their own, so that none can be forgotten.

use std::collections::HashMap;
use std::sync::LazyLock;

use strum::VariantArray;
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use super::OrganizationRole;
use crate::model::BuiltIn;
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::uuid_of;

/// WAII's names.
pub const WAII: [(&str, BuiltIn); 7] = [
    ("waii-trial-user", BuiltIn::TrialUser),
    ("waii-trial-api-user", BuiltIn::TrialApiUser),
    ("waii-user", BuiltIn::User),
    ("waii-api-user", BuiltIn::ApiUser),
    ("waii-admin-user", BuiltIn::Admin),
    ("waii-org-admin-user", BuiltIn::OrganizationAdmin),
    ("waii-super-admin-user", BuiltIn::SuperAdmin),
];

/// Kili's names: those of the enum `OrganizationRole`.
pub const KILI: [(&str, OrganizationRole); 5] = [
    ("ADMIN", OrganizationRole::Admin),
    ("TEAM_MANAGER", OrganizationRole::TeamManager),
    ("REVIEWER", OrganizationRole::Reviewer),
    ("LABELER", OrganizationRole::Labeler),
    ("USER", OrganizationRole::User),
];

/// Wallaroo's name for an administrator. Our built-in role with the same name permits less; in that API it is specified
/// by id.
pub const WALLAROO: [(&str, BuiltIn); 1] = [("admin", BuiltIn::OrganizationAdmin)];

/// Every reserved name, with its role.
pub fn words() -> impl Iterator<Item = (&'static str, BuiltIn)> {
    let ours = BuiltIn::VARIANTS
        .iter()
        .flat_map(|role| [(role.name(), *role), (role.id(), *role)]);
    let kili = KILI.into_iter().map(|(word, view)| (word, view.role()));
    ours.chain(WAII).chain(kili).chain(WALLAROO)
}

/// Refuses a name that somebody could take for a built-in role.
pub fn free(name: &str) -> Result<()> {
    let plain: String = name.nfkc().filter(|c| shows(*c)).collect();
    if uuid_of(&plain).is_some() {
        return Err(Error::invalid(
            "name",
            format!(
                "'{}' is a UUID, which is reserved for the ids of roles. Choose another name.",
                shown(name)
            ),
        ));
    }
    let Some(role) = looks(&plain).iter().find_map(|look| LOOKS.get(look.as_str())) else {
        return Ok(());
    };
    let whose = match role.face() {
        None => format!(" of the built-in role '{}'", role.name()),
        // The role may be hidden. Its name is reserved all the same.
        Some(_) => String::new(),
    };
    let name = shown(name);
    Err(Error::conflict(
        ConflictReason::Taken,
        format!("The name '{name}' is, or looks like, a reserved name{whose}."),
    ))
}

/// The appearance of each reserved name.
static LOOKS: LazyLock<HashMap<String, BuiltIn>> = LazyLock::new(|| {
    words()
        .flat_map(|(word, role)| looks(word).map(|look| (look, role)))
        .collect()
});

/// The appearance of a text: as it is, and in lower case, because a letter and its capital may look like different
/// letters.
fn looks(text: &str) -> [String; 2] {
    [look(text), look(&text.to_lowercase())]
}

/// The same for all texts that look alike. Case and similarity interact: `I` is the capital of `i` and looks like `l`,
/// so these three are the same, and `M` looks like `rn` only in lower case.
fn look(text: &str) -> String {
    let once = skeleton(text).collect::<String>().to_lowercase();
    let twice = skeleton(&once).collect::<String>().to_lowercase();
    twice.replace('i', "l")
}

/// Whether a character is visible. Skeletons contain no default-ignorable characters; there are few other invisible
/// ones.
fn shows(c: char) -> bool {
    let ignorable = skeleton(c.encode_utf8(&mut [0; 4])).next().is_none();
    !ignorable
        && !c.is_whitespace()
        && !c.is_control()
        && !matches!(
            c,
            '\u{2800}' | '\u{2D7F}' | '\u{FFF9}'..='\u{FFFB}' | '\u{1107F}' | '\u{1D159}'
        )
}
