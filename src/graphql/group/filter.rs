//! Which groups, and in which order.

use async_graphql::{ID, InputObject};

use crate::context::OpContext;
use crate::directory::group::{Target, Term};
use crate::graphql::organization::OrganizationWhere;
use crate::graphql::user::UserWhere;
use crate::graphql::{TextFilter, combine, order_by, text_terms};
use crate::list::Filter;

/// Which groups. Fields are AND-ed; null is not given.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "GroupWhere")]
pub struct GroupWhere {
    /// This very id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Ids that start so.
    id_starts_with: Option<String>,
    /// Ids that hold this.
    id_contains: Option<String>,
    /// This very key.
    key: Option<String>,
    /// One of these keys.
    key_in: Option<Vec<String>>,
    /// Keys that start so.
    key_starts_with: Option<String>,
    /// Keys that hold this.
    key_contains: Option<String>,
    /// This very name.
    name: Option<String>,
    /// One of these names.
    name_in: Option<Vec<String>>,
    /// Names that start so.
    name_starts_with: Option<String>,
    /// Names that hold this.
    name_contains: Option<String>,
    /// Groups of an organization like this.
    organization: Option<Box<OrganizationWhere>>,
    /// Groups that a user like this is in, of those that the caller may see.
    user: Option<Box<UserWhere>>,
    /// All of these.
    #[graphql(name = "AND")]
    and: Option<Vec<GroupWhere>>,
    /// At least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<GroupWhere>>,
    /// Not this.
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
    /// What groups are ordered by, before the id.
    GroupOrderBy, "GroupOrderBy" {
        /// Oldest first; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least lately changed first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most lately changed first.
        UpdatedAtDesc = UpdatedAt true,
        /// By name, by code point.
        NameAsc = Name false,
        /// By name, backwards.
        NameDesc = Name true,
        /// By id, by code point.
        IdAsc = Id false,
        /// By id, backwards.
        IdDesc = Id true,
    }
}
