//! Counts the users of an organization, or all of them, at a constant cost.

use super::Term;
use crate::authz::{Granted, Scope};
use crate::context::OpContext;
use crate::directory::organization;
use crate::list::{Filter, TextTest};
use crate::model::error::Result;
use crate::store::entity::organization as organizations;

/// The number of users that match, if they are all users of one organization or everybody, or the activated ones
/// among them, or the others.
/// `None` for any other filter: then they are counted one by one.
pub(super) async fn known(op: &OpContext, granted: &Granted, filter: &Filter<Term>) -> Result<Option<i64>> {
    let Some(terms) = filter.all_of() else { return Ok(None) };
    let (mut activated, mut id) = (None, None);
    for term in terms {
        match term {
            Term::Activated(wanted) if activated.is_none() => activated = Some(*wanted),
            Term::Organization(filter) if id.is_none() => match filter.only() {
                Some(organization::Term::Id(TextTest::Equals(equals))) => id = Some(equals),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }
    }
    let named = match id {
        Some(id) => Some(organizations::pk_of(op.db().reader(), id).await?),
        None => None,
    };
    let organization_pk = match (granted.scope(), named) {
        (Scope::Everything, None) => None,
        (Scope::Organization(own), None) => Some(*own),
        (Scope::Organization(own), Some(named)) if named == Some(*own) => named,
        (Scope::Everything, Some(Some(named))) => Some(named),
        // There is no such organization, or it is another one.
        (Scope::Organization(_) | Scope::Everything, Some(_)) => return Ok(Some(0)),
        _ => return Ok(None),
    };
    let counts = op.user_counts(&[organization_pk]).await?;
    let count = counts.get(&organization_pk).copied().unwrap_or_default();
    Ok(Some(match activated {
        None => count.all,
        Some(true) => count.activated,
        Some(false) => count.all - count.activated,
    }))
}
