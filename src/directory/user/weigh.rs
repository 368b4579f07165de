//! Decides how conditions are evaluated that depend on how much they find: on roles, see [`crate::directory::role::weigh`],
//! on words, see [`super::search`], and on groups.

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::Query;

use super::search::{self, Reading};
use super::{Term, User, emails};
use crate::context::OpContext;
use crate::directory::group::Membership;
use crate::directory::role::{self, Holding};
use crate::list::{Filter, Listed};
use crate::model::error::Result;

/// Up to how many members of its groups a list starts from them: sorting them takes about as long as looking for the next
/// member among a few hundred thousand users.
const FEW_MEMBERS: u64 = 4_000;
/// How many conditions on groups are looked at.
const GROUPS_LOOKED_AT: usize = 4;

/// The filter of a list. Statements are only sent if it has such conditions, and only for a caller who may read the list.
pub async fn weighed(op: &OpContext, filter: Filter<Term>) -> Result<Filter<Term>> {
    let mut filter = by_groups(op, by_emails(op, filter)?).await?;
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
    searched(op, by_emails(op, filter)?, Reading::All).await
}

/// Lets the list start from the users who have an e-mail address that all of its users must have.
fn by_emails(op: &OpContext, filter: Filter<Term>) -> Result<Filter<Term>> {
    let backend = op.db().backend();
    let has = |term: &&Term| matches!(term, Term::Emails(_));
    if !filter.required().iter().any(has) {
        return Ok(filter);
    }
    let granted = User::scope_of_list(op, &filter)?;
    match emails::keys_of(backend, &granted, &filter)? {
        Some(keys) => Ok(filter.and_own(Term::AmongKeys(Box::new(keys)))),
        None => Ok(filter),
    }
}

async fn searched(op: &OpContext, mut filter: Filter<Term>, reading: Reading) -> Result<Filter<Term>> {
    if search::searches(&filter) {
        let granted = User::scope_of_list(op, &filter)?;
        filter.to_sql::<User>(op.db().backend())?;
        search::weigh(op, &granted, &mut filter, reading).await?;
    }
    Ok(filter)
}

/// Decides for each group that all users of the list have to be in, and that is named by its id, whether the list starts from
/// its members; one statement.
async fn by_groups(op: &OpContext, mut filter: Filter<Term>) -> Result<Filter<Term>> {
    let backend = op.db().backend();
    let names_one = |term: &&Term| matches!(term, Term::Group(membership) if membership.names_one());
    if !filter.required().iter().any(names_one) {
        return Ok(filter);
    }
    User::scope_of_list(op, &filter)?;
    filter.to_sql::<User>(backend)?;
    let groups = filter.required_mut().into_iter().filter_map(membership);
    let groups = groups.filter(|membership| membership.names_one());
    let mut groups: Vec<&mut Membership> = groups.take(GROUPS_LOOKED_AT).collect();
    let mut counts = Query::select();
    for group in &groups {
        counts.expr(group.count(backend, FEW_MEMBERS + 1)?);
    }
    if let Some(row) = op.db().reader().query_one(&counts).await? {
        for (place, group) in groups.iter_mut().enumerate() {
            let members: i64 = row.try_get_by_index(place)?;
            if members.unsigned_abs() > FEW_MEMBERS {
                group.look_for_each();
            }
        }
    }
    Ok(filter)
}

fn membership(term: &mut Term) -> Option<&mut Membership> {
    if let Term::Group(membership) = term {
        Some(membership)
    } else {
        None
    }
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
