//! Which groups, and in which order.

use async_graphql::{ID, InputObject};

use crate::context::OpContext;
use crate::directory::group::{Target, Term};
use crate::graphql::organization::OrganizationWhere;
use crate::graphql::user::UserWhere;
use crate::graphql::{TextFilter, combine, order_by, text_terms};
use crate::list::Filter;

/// Filter for groups. Conditions are combined with AND; null means not specified.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "GroupWhere")]
pub struct GroupWhere {
    /// Exact id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Id starts with this.
    id_starts_with: Option<String>,
    /// Id contains this.
    id_contains: Option<String>,
    /// Exact key.
    key: Option<String>,
    /// One of these keys.
    key_in: Option<Vec<String>>,
    /// Key starts with this.
    key_starts_with: Option<String>,
    /// Key contains this.
    key_contains: Option<String>,
    /// Exact name.
    name: Option<String>,
    /// One of these names.
    name_in: Option<Vec<String>>,
    /// Name starts with this.
    name_starts_with: Option<String>,
    /// Name contains this.
    name_contains: Option<String>,
    /// Groups of an organization that matches this.
    organization: Option<Box<OrganizationWhere>>,
    /// Groups that a user that matches this is in, if the caller may see that user.
    user: Option<Box<UserWhere>>,
    /// Matches all of these.
    #[graphql(name = "AND")]
    and: Option<Vec<GroupWhere>>,
    /// Matches at least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<GroupWhere>>,
    /// Does not match this.
    #[graphql(name = "NOT")]
    not: Option<Box<GroupWhere>>,
}

impl GroupWhere {
    /// The one group that a change is for.
    pub fn target(mut self, op: &OpContext) -> Target {
        let organization = self.organization.as_deref().cloned();
        Target {
            id: self.id.take().map(|id| id.0),
            key: self.key.take(),
            elsewhere: organization.is_some_and(|one| !one.filter(op).is_empty()),
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
        let keys = TextFilter {
            equals: self.key,
            any_of: self.key_in,
            starts_with: self.key_starts_with,
            contains: self.key_contains,
        };
        let names = TextFilter {
            equals: self.name,
            any_of: self.name_in,
            starts_with: self.name_starts_with,
            contains: self.name_contains,
        };
        let mut fields = text_terms(ids, Term::Id);
        fields.extend(text_terms(keys, Term::Key));
        fields.extend(text_terms(names, Term::Name));
        fields.extend(
            self.organization
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| Filter::Is(Term::Organization(Box::new(one)))),
        );
        fields.extend(
            self.user
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| {
                    Filter::Is(Term::User {
                        filter: Box::new(one),
                        seen_by: crate::directory::user::readable(op).ok(),
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
    /// Sort order of groups; ties are ordered by id.
    GroupOrderBy, "GroupOrderBy" {
        /// Oldest first; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least recently updated first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most recently updated first.
        UpdatedAtDesc = UpdatedAt true,
        /// By name, ascending by code point.
        NameAsc = Name false,
        /// By name, descending.
        NameDesc = Name true,
        /// By id, ascending by code point.
        IdAsc = Id false,
        /// By id, descending.
        IdDesc = Id true,
    }
}
