//! Asks what users may do, for products that check permissions themselves.
//!
//! About themselves, callers see what they may do with the credential of the request. About others, it needs
//! `read:user` and `read:role`. A user outside the caller's scope, a deactivated one and one that does not exist may do
//! nothing, and the answers are the same. A permission that does not exist is no error, because a product may ask for one
//! before it is declared.

use std::collections::{BTreeSet, HashMap};

use super::{Held, held_in_answer};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::tenant::{self, Nameable};
use crate::directory::user::{self, User, UserFields};
use crate::list::{self, Filter, Named, TextTest, names_one};
use crate::model::error::{Error, Result};
use crate::model::{Caller, Permissions, Rights};

/// The number of questions in one call.
pub const QUESTIONS_MAX: usize = 100;

/// Whether a user has a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub user_id: String,
    /// By name.
    pub permission: String,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub question: Question,
    pub allowed: bool,
    /// Whether there is such a permission.
    pub known: bool,
}

/// Whether a user, by default the caller, has these permissions for the whole organization or for a tenant.
pub async fn can(
    op: &OpContext,
    permissions: Vec<String>,
    user: Option<Named<user::Term>>,
    tenant: Option<&str>,
) -> Result<Vec<Answer>> {
    few(permissions.len(), "permissions")?;
    let caller = caller(op)?;
    let Named { id, also } = user.unwrap_or_else(|| Named::id(caller.user_id.to_string()));
    names_one("user", "user", &[("id", id.as_deref())])?;
    let user_id = id.unwrap_or_default();
    let question = |permission| Question {
        user_id: user_id.clone(),
        permission,
    };
    let questions = permissions.into_iter().map(question).collect();
    answers(op, caller, questions, user::of_one(also), tenant).await
}

/// Whether users have permissions for the whole organization or for a tenant. The answers are in the order of the
/// questions.
pub async fn check(op: &OpContext, questions: Vec<Question>, tenant: Option<&str>) -> Result<Vec<Answer>> {
    few(questions.len(), "data")?;
    answers(op, caller(op)?, questions, Filter::default(), tenant).await
}

fn few(count: usize, field: &str) -> Result<()> {
    match (1..=QUESTIONS_MAX).contains(&count) {
        true => Ok(()),
        false => Err(Error::invalid(
            field,
            format!("'{field}' must contain 1 to {QUESTIONS_MAX} items, but contains {count}."),
        )),
    }
}

fn caller(op: &OpContext) -> Result<&Caller> {
    op.authorize(Action::Read, Resource::Surroundings)?;
    op.actor()
        .caller()
        .ok_or_else(|| Error::internal("a question of nobody"))
}

async fn answers(
    op: &OpContext,
    caller: &Caller,
    questions: Vec<Question>,
    also: Filter<user::Term>,
    tenant: Option<&str>,
) -> Result<Vec<Answer>> {
    let mut asked: BTreeSet<&str> = questions.iter().map(|question| question.user_id.as_str()).collect();
    let others = asked.iter().any(|id| *id != caller.user_id.as_str());
    let of_others = match others {
        true => {
            user::listable(op)?;
            Some(op.authorize(Action::Read, Resource::Role)?)
        }
        false => None,
    };
    let tenant = match tenant {
        Some(id) => Some(find(op, of_others.as_ref(), id).await?),
        None => None,
    };
    let mut allowed = HashMap::new();
    if also.is_empty() && asked.remove(caller.user_id.as_str()) {
        let permitted = match tenant {
            None => caller.permitted(),
            Some(_) => at(&caller.rights, caller.organization_pk, tenant),
        };
        allowed.insert(caller.user_id.to_string(), permitted);
    }
    if !asked.is_empty() {
        let ids = asked.into_iter().map(str::to_owned).collect();
        let filter = Filter::All(vec![Filter::Own(user::Term::Id(TextTest::In(ids))), also]);
        allowed.extend(look_up(op, &filter, of_others.as_ref(), tenant).await?);
    }
    let catalogue = op.catalogue();
    let answer = |question: Question| {
        let permission = catalogue.named(&question.permission);
        let held = allowed.get(&question.user_id).copied().unwrap_or_default();
        Answer {
            allowed: permission.is_some_and(|permission| held.contains(permission)),
            known: permission.is_some(),
            question,
        }
    };
    Ok(questions.into_iter().map(answer).collect())
}

/// The tenant that the questions are about; `NOT_FOUND` for one that the caller cannot ask about.
async fn find(op: &OpContext, of_others: Option<&Granted>, id: &str) -> Result<Nameable> {
    let mut found = tenant::nameable(op, [id.to_owned()]).await?;
    let is_open = |tenant: &Nameable| match of_others {
        Some(roles) => tenant.of_others && roles.covers(tenant.organization_pk, Some(tenant.pk)),
        None => true,
    };
    found
        .remove(id)
        .filter(is_open)
        .ok_or_else(|| Error::no_such("tenant", "id", id))
}

/// What the activated users that a filter finds may do, by id. `of_others` is the scope in which the caller may read the
/// roles of others.
async fn look_up(
    op: &OpContext,
    filter: &Filter<user::Term>,
    of_others: Option<&Granted>,
    tenant: Option<Nameable>,
) -> Result<HashMap<String, Permissions>> {
    let in_reach = |user: &User| {
        let by_role = of_others.is_some_and(|roles| roles.covers(user.organization_pk, user.tenant_pk));
        user.activated && (by_role || op.actor().is(user.pk))
    };
    let mut users = list::few::<User>(op, filter, UserFields::ACTIVATED).await?;
    users.retain(in_reach);
    let others = users.iter().map(|user| user.pk).filter(|pk| !op.actor().is(*pk));
    let others: Vec<i64> = others.collect();
    let held = match others.is_empty() {
        true => HashMap::new(),
        false => held_in_answer(op, others).await?,
    };
    let permitted = |user: User| {
        let rights = match op.actor().is(user.pk) {
            true => op.actor().rights().clone(),
            false => held.get(&user.pk).map(Held::rights).unwrap_or_default(),
        };
        (user.id.to_string(), at(&rights, user.organization_pk, tenant))
    };
    Ok(users.into_iter().map(permitted).collect())
}

/// What holds for the whole organization, or for a tenant; nothing for a tenant of another organization.
fn at(rights: &Rights, organization_pk: i64, tenant: Option<Nameable>) -> Permissions {
    match tenant {
        None => rights.organization(),
        Some(tenant) if tenant.organization_pk == organization_pk => rights.for_tenant(tenant.pk),
        Some(_) => Permissions::empty(),
    }
}
