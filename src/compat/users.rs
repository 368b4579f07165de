//! Users as the APIs of other products show them: with their roles, their organization and their tenant.

use std::collections::HashMap;

use futures::{Stream, TryStreamExt};

use crate::context::OpContext;
use crate::directory::organization::{self, Organization, OrganizationFields};
use crate::directory::role::{self, Held};
use crate::directory::tenant::{self, Tenant, TenantFields};
use crate::directory::user::{Target, Term, User, UserFields};
use crate::list::{self, Filter, TextTest};
use crate::model::error::Result;

/// A user with the related objects that are shown.
#[derive(Clone, Debug)]
pub struct Person {
    pub user: User,
    pub held: Held,
    pub organization_id: String,
    pub tenant_id: Option<String>,
}

/// Users with their roles: one more statement, for any number of users.
pub async fn with_roles(op: &OpContext, users: Vec<User>) -> Result<Vec<(User, Held)>> {
    let mut held = role::held(op.db().reader(), users.iter().map(|user| user.pk)).await?;
    let beside = |user: User| {
        let has = held.remove(&user.pk).unwrap_or_default();
        (user, has)
    };
    Ok(users.into_iter().map(beside).collect())
}

/// Users with the related objects that are shown: at most three more statements, for any number of users.
pub async fn present(op: &OpContext, users: Vec<User>) -> Result<Vec<Person>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let organizations: std::collections::BTreeSet<i64> = users.iter().map(|user| user.organization_pk).collect();
    let organizations: HashMap<i64, Organization> =
        organization::by_keys(op, organizations, OrganizationFields::empty()).await?;
    let tenants: std::collections::BTreeSet<i64> = users.iter().filter_map(|user| user.tenant_pk).collect();
    let tenants: HashMap<i64, Tenant> = if tenants.is_empty() {
        HashMap::new()
    } else {
        tenant::by_keys(op, tenants, TenantFields::empty()).await?
    };
    Ok(with_roles(op, users)
        .await?
        .into_iter()
        .map(|(user, held)| Person {
            held,
            organization_id: organizations
                .get(&user.organization_pk)
                .map(|one| one.id.to_string())
                .unwrap_or_default(),
            tenant_id: user
                .tenant_pk
                .and_then(|pk| tenants.get(&pk))
                .map(|one| one.id.to_string()),
            user,
        })
        .collect())
}

/// All matching users that the caller may see, in creation order, in chunks.
pub fn all(
    op: &OpContext,
    filter: Filter<Term>,
    fields: UserFields,
) -> impl Stream<Item = Result<Vec<Person>>> + Send + 'static {
    let op = op.clone();
    list::all::<User>(&op, filter, fields).and_then(move |users| {
        let op = op.clone();
        async move { present(&op, users).await }
    })
}

/// The caller's organization: some products are limited to it, even for super admins.
pub fn own_organization(op: &OpContext) -> Filter<organization::Term> {
    let own = op.actor().caller().map(|caller| {
        let id = TextTest::Equals(caller.organization_id.to_string());
        Filter::Own(organization::Term::Id(id))
    });
    // Every call has a caller; without one, nothing matches.
    own.unwrap_or(Filter::Any(Vec::new()))
}

/// The users of the caller's organization.
pub fn of_own_organization(op: &OpContext) -> Filter<Term> {
    Filter::Own(Term::Organization(own_organization(op)))
}

/// The user to change, in the caller's organization, by id in any spelling of a UUID.
pub fn target_by_id(op: &OpContext, id: &str) -> Target {
    Target {
        id: Some(id.to_owned()),
        any_form: true,
        also: of_own_organization(op),
        ..Target::default()
    }
}

/// The user to change, in the caller's organization, by address.
pub fn target_by_email(op: &OpContext, email: &str) -> Target {
    Target {
        email: Some(email.to_owned()),
        also: of_own_organization(op),
        ..Target::default()
    }
}
