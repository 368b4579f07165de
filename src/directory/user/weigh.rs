//! Decides how conditions are evaluated that depend on how much they find: on roles, see [`crate::directory::role::weigh`],
//! and on words, see [`super::search`].

use super::search::{self, Reading};
use super::{Term, User};
use crate::context::OpContext;
use crate::directory::role::{self, Holding};
use crate::list::{Filter, Listed};
use crate::model::error::Result;

/// The filter of a list. Statements are only sent if it has such conditions, and only for a caller who may read the list.
pub async fn weighed(op: &OpContext, mut filter: Filter<Term>) -> Result<Filter<Term>> {
    if on_roles(&mut filter).is_empty() {
        return searched(op, filter, Reading::APage).await;
    }
    User::scope_of_list(op, &filter)?;
    // Refuses too many of them.
    filter.to_sql::<User>(op.db().backend())?;
    role::weigh(op, on_roles(&mut filter)).await?;
    searched(op, filter, Reading::APage).await
}

/// The filter of a count. Conditions on roles are evaluated as they are: all of it is counted anyway.
pub async fn weighed_for_count(op: &OpContext, filter: Filter<Term>) -> Result<Filter<Term>> {
    searched(op, filter, Reading::All).await
}

async fn searched(op: &OpContext, mut filter: Filter<Term>, reading: Reading) -> Result<Filter<Term>> {
    if search::searches(&filter) {
        let granted = User::scope_of_list(op, &filter)?;
        filter.to_sql::<User>(op.db().backend())?;
        search::weigh(op, &granted, &mut filter, reading).await?;
    }
    Ok(filter)
}

/// The same for a filter that names one user.
pub fn of_one(mut filter: Filter<Term>) -> Filter<Term> {
    for holding in on_roles(&mut filter) {
        holding.test_each();
    }
    filter
}

fn on_roles(filter: &mut Filter<Term>) -> Vec<&mut Holding> {
    filter.terms_mut().into_iter().filter_map(holding).collect()
}

fn holding(term: &mut Term) -> Option<&mut Holding> {
    if let Term::Holding(holding) = term {
        Some(holding)
    } else {
        None
    }
}
