//! WAII's names of roles. A role that it has no name for — one of an organization's own, or one that only other products
//! know — goes by ours.

use crate::compat::fields::Fields;
use crate::directory::role::Assigned;
use crate::directory::role::reserved::WAII;
use crate::model::BuiltIn;
use crate::model::error::{Error, Result, shown};

/// Its name for a built-in role, if it has one.
fn name_of(role: BuiltIn) -> Option<&'static str> {
    WAII.into_iter().find(|(_, known)| *known == role).map(|(name, _)| name)
}

/// A role as it is shown.
pub fn name(role: &Assigned) -> &str {
    role.built_in.and_then(name_of).unwrap_or(&role.name)
}

/// The roles that a user is to have, as the verbs take them; `None` if they are not given.
pub fn given(user: &Fields) -> Result<Option<Vec<String>>> {
    let Some(names) = user.texts("roles")? else {
        return Ok(None);
    };
    let role = |name: String| match WAII.into_iter().find(|(known, _)| *known == name) {
        // By id, which no role of an organization's own can bear as its name.
        Some((_, role)) => Ok(role.id().to_owned()),
        None => match BuiltIn::named(&name).and_then(name_of) {
            // Ours, where the product has a name of its own: not a role that it knows.
            Some(_) => Err(Error::invalid("roles", format!("There is no role '{}'.", shown(&name)))),
            None => Ok(name),
        },
    };
    names.into_iter().map(role).collect::<Result<_>>().map(Some)
}
