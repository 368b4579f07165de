//! The words that some resolver, face or command takes for a built-in role. No role of an organization's own may be called
//! so, in any spelling: a program that reads `roles { name }` and writes them back would otherwise give the built-in role,
//! which may permit far more.
//!
//! - A name that is, or looks like, one of the words is `CONFLICT`. Compared is what a reader sees: without regard to
//!   case, to characters that show nothing, and to characters that look alike (the skeletons of Unicode Technical
//!   Standard 39).
//! - A name that is a UUID, in any spelling, is `INVALID`: roles are named by id as well, and ids are UUIDs.
//!
//! Faces translate by the lists that stand here and have no words of their own, so that none can be forgotten.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use super::OrganizationRole;
use crate::model::BuiltIn;
use crate::model::error::{Error, Result, shown};
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

/// Wallaroo's name for an administrator. A built-in role of ours has the same name and permits less; there it is given by
/// its id.
pub const WALLAROO: [(&str, BuiltIn); 1] = [("admin", BuiltIn::OrganizationAdmin)];

/// Every word, with the role that it gives.
pub fn words() -> impl Iterator<Item = (&'static str, BuiltIn)> {
    let ours = BuiltIn::ALL
        .into_iter()
        .flat_map(|role| [(role.name(), role), (role.id(), role)]);
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
    match looks(&plain).iter().find_map(|look| LOOKS.get(look.as_str())) {
        Some(role) => Err(Error::Conflict(format!(
            "The name '{}' is, or looks like, a reserved name of the built-in role '{}'.",
            shown(name),
            role.name()
        ))),
        None => Ok(()),
    }
}

/// How each of the words looks.
static LOOKS: LazyLock<HashMap<String, BuiltIn>> = LazyLock::new(|| {
    words()
        .flat_map(|(word, role)| looks(word).map(|look| (look, role)))
        .collect()
});

/// How a text looks: as it is, and in lower case, since a letter and its capital may look like different ones.
fn looks(text: &str) -> [String; 2] {
    [look(text), look(&text.to_lowercase())]
}

/// What all texts have in common that a reader takes for each other. Case and likeness work on each other: `I` is the
/// capital of `i` and looks like `l`, so these three are one, and `m` looks like `rn` only once it is small.
fn look(text: &str) -> String {
    let once = skeleton(text).collect::<String>().to_lowercase();
    let twice = skeleton(&once).collect::<String>().to_lowercase();
    twice.replace('i', "l")
}

/// Whether a character shows anything. Of what Unicode calls ignorable nothing is left in a skeleton; of the others that
/// show nothing there are few.
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
