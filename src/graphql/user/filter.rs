//! Which users, and in which order.

use async_graphql::{ID, InputObject};

use crate::context::OpContext;
use crate::directory::user::{Target, Term};
use crate::graphql::group::GroupWhere;
use crate::graphql::organization::OrganizationWhere;
use crate::graphql::tenant::TenantWhere;
use crate::graphql::{TextFilter, address_terms, combine, order_by, text_terms};
use crate::list::Filter;

/// Which users. Fields are AND-ed; null is not given, at every depth.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "UserWhere")]
pub struct UserWhere {
    /// This very id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Ids that start so.
    id_starts_with: Option<String>,
    /// Ids that hold this.
    id_contains: Option<String>,
    /// This very address, in any case.
    email: Option<String>,
    /// One of these addresses, in any case.
    email_in: Option<Vec<String>>,
    /// Addresses that start so, in any case; of a domain in another script, by whole labels (`ann@müller`).
    email_starts_with: Option<String>,
    /// Addresses that hold this, in any case; of a domain in another script, by whole labels (`müller.example`).
    email_contains: Option<String>,
    /// This very display name.
    name: Option<String>,
    /// One of these display names.
    name_in: Option<Vec<String>>,
    /// Display names that start so.
    name_starts_with: Option<String>,
    /// Display names that hold this.
    name_contains: Option<String>,
    /// This very first name.
    firstname: Option<String>,
    /// One of these first names.
    firstname_in: Option<Vec<String>>,
    /// First names that start so.
    firstname_starts_with: Option<String>,
    /// First names that hold this.
    firstname_contains: Option<String>,
    /// This very last name.
    lastname: Option<String>,
    /// One of these last names.
    lastname_in: Option<Vec<String>>,
    /// Last names that start so.
    lastname_starts_with: Option<String>,
    /// Last names that hold this.
    lastname_contains: Option<String>,
    /// Activated users, or deactivated ones.
    activated: Option<bool>,
    /// The owner of this API key, if it is one of the caller's own.
    api_key: Option<String>,
    /// Users of an organization like this.
    organization: Option<Box<OrganizationWhere>>,
    /// Users of a tenant like this.
    tenant: Option<Box<TenantWhere>>,
    /// Users who are in a group like this, of those that the caller may see.
    group: Option<Box<GroupWhere>>,
    /// All of these.
    #[graphql(name = "AND")]
    and: Option<Vec<UserWhere>>,
    /// At least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<UserWhere>>,
    /// Not this.
    #[graphql(name = "NOT")]
    not: Option<Box<UserWhere>>,
}

impl UserWhere {
    /// The API key that the owner is described by, if it is.
    pub fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    /// The one user that a change is for.
    pub fn target(mut self, op: &OpContext) -> Target {
        Target {
            id: self.id.take().map(|id| id.0),
            email: self.email.take(),
            any_form: false,
            also: self.filter(op),
        }
    }

    pub fn filter(self, op: &OpContext) -> Filter<Term> {
        let ids = TextFilter {
            equals: self.id.map(|id| id.0),
            any_of: self.id_in.map(|ids| ids.into_iter().map(|id| id.0).collect()),
            starts_with: self.id_starts_with,
            contains: self.id_contains,
        };
        let emails = TextFilter {
            equals: self.email,
            any_of: self.email_in,
            starts_with: self.email_starts_with,
            contains: self.email_contains,
        };
        let names = TextFilter {
            equals: self.name,
            any_of: self.name_in,
            starts_with: self.name_starts_with,
            contains: self.name_contains,
        };
        let firstnames = TextFilter {
            equals: self.firstname,
            any_of: self.firstname_in,
            starts_with: self.firstname_starts_with,
            contains: self.firstname_contains,
        };
        let lastnames = TextFilter {
            equals: self.lastname,
            any_of: self.lastname_in,
            starts_with: self.lastname_starts_with,
            contains: self.lastname_contains,
        };
        let mut fields = text_terms(ids, Term::Id);
        fields.extend(address_terms(emails, Term::Email));
        fields.extend(text_terms(names, Term::Name));
        fields.extend(text_terms(firstnames, Term::Firstname));
        fields.extend(text_terms(lastnames, Term::Lastname));
        fields.extend(self.activated.map(|wanted| Filter::Is(Term::Activated(wanted))));
        fields.extend(self.api_key.map(|key| Filter::Is(Term::api_key(op, &key))));
        fields.extend(
            self.organization
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| Filter::Is(Term::Organization(one))),
        );
        fields.extend(
            self.tenant
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| Filter::Is(Term::Tenant(one))),
        );
        fields.extend(
            self.group
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| {
                    Filter::Is(Term::Group {
                        filter: one,
                        seen_by: crate::directory::group::readable_of_oneself(op).ok(),
                    })
                }),
        );
        combine(
            fields,
            self.and.map(|all| all.into_iter().map(|one| one.filter(op)).collect()),
            self.or.map(|any| any.into_iter().map(|one| one.filter(op)).collect()),
            self.not.map(|one| one.filter(op)),
        )
    }
}

order_by! {
    /// What users are ordered by, before the id.
    UserOrderBy, "UserOrderBy" {
        /// Oldest first; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least lately changed first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most lately changed first.
        UpdatedAtDesc = UpdatedAt true,
        /// By display name, by code point.
        NameAsc = Name false,
        /// By display name, backwards.
        NameDesc = Name true,
        /// By address; users without one first.
        EmailAsc = Email false,
        /// By address, backwards; users without one last.
        EmailDesc = Email true,
        /// By id, by code point.
        IdAsc = Id false,
        /// By id, backwards.
        IdDesc = Id true,
    }
}
