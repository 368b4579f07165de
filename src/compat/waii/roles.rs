//! WAII's role names. A role without a WAII name (a custom role, or one that only other products have) has our name.

use crate::compat::fields::Fields;
use crate::directory::role::Assigned;
use crate::directory::role::reserved::WAII;
use crate::model::BuiltIn;
use crate::model::error::{Error, Result, shown};

/// WAII's name for a built-in role, if it has one.
fn name_of(role: BuiltIn) -> Option<&'static str> {
    WAII.into_iter().find(|(_, known)| *known == role).map(|(name, _)| name)
}

/// The name of a role in a response.
pub fn name(role: &Assigned) -> &str {
    role.built_in.and_then(name_of).unwrap_or(&role.name)
}

/// The requested roles of a user, for the verbs; `None` if not specified.
pub fn given(user: &Fields) -> Result<Option<Vec<String>>> {
    let Some(names) = user.texts("roles")? else {
        return Ok(None);
    };
    let role = |name: String| match WAII.into_iter().find(|(known, _)| *known == name) {
        // By id, which cannot be the name of a custom role.
        Some((_, role)) => Ok(role.id().to_owned()),
        None => match BuiltIn::named(&name).and_then(name_of) {
            // Our name, although the product has its own: not a role of this product.
            Some(_) => Err(Error::invalid("roles", format!("There is no role '{}'.", shown(&name)))),
            None => Ok(name),
        },
    };
    names.into_iter().map(role).collect::<Result<_>>().map(Some)
}
