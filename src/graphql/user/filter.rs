//! Which users, and in which order.

use super::UserKind;
use crate::context::OpContext;
use crate::directory::group::Membership;
use crate::directory::role::Holding;
use crate::directory::user::{Target, Term, of_one};
use crate::graphql::filter::related;
use crate::graphql::group::GroupWhere;
use crate::graphql::organization::OrganizationWhere;
use crate::graphql::role::RoleWhere;
use crate::graphql::tenant::TenantWhere;
use crate::graphql::{DateTime, order_by, where_input};
use crate::list::{Filter, Named, Search, TextTest};
use crate::model::{lowered, user_name_key};

where_input! {
    /// Filter for users. Conditions are combined with AND; a null condition is ignored, also in nested filters.
    UserWhere of Term;
    target named;
    id id id_in id_starts_with id_contains;
    address email email_in email_starts_with email_contains = Email;
    text name name_in name_starts_with name_contains = Name, "display name", "display names", "Display name";
    text firstname firstname_in firstname_starts_with firstname_contains = Firstname,
        "first name", "first names", "First name";
    text lastname lastname_in lastname_starts_with lastname_contains = Lastname,
        "last name", "last names", "Last name";
    {
        /// Exact user name, ignoring case. For a user without one, the email address or the id counts.
        user_name: String = |_, name| [Filter::Is(Term::UserName(TextTest::In(vec![user_name_key(&name), name])))],
        /// One of these user names, ignoring case.
        user_name_in: Vec<String> = |_, names| {
            let mut keys: Vec<String> = names.iter().map(|name| user_name_key(name)).collect();
            keys.extend(names);
            [Filter::Is(Term::UserName(TextTest::In(keys)))]
        },
        /// User name starts with this, ignoring case.
        user_name_starts_with: String = |_, start| [Filter::Is(Term::UserName(TextTest::StartsWith(lowered(&start))))],
        /// User name contains this, ignoring case.
        user_name_contains: String = |_, part| [Filter::Is(Term::UserName(TextTest::Contains(lowered(&part))))],
        /// Exact external id.
        external_id: String = |_, id| [Filter::Is(Term::ExternalId(TextTest::Equals(id)))],
        /// One of these external ids.
        external_id_in: Vec<String> = |_, ids| [Filter::Is(Term::ExternalId(TextTest::In(ids)))],
        /// External id starts with this; case matters.
        external_id_starts_with: String = |_, start| [Filter::Is(Term::ExternalId(TextTest::StartsWith(start)))],
        /// External id contains this; case matters.
        external_id_contains: String = |_, part| [Filter::Is(Term::ExternalId(TextTest::Contains(part)))],
        /// Each word of this text is the beginning of a word of a name, the email address or the id. Case and accents do not matter.
        text: String = |_, text| [Filter::Is(Term::Text(Search::of(&text)))],
        /// `true`: activated users; `false`: deactivated users.
        activated: bool = |_, wanted| [Filter::Is(Term::Activated(wanted))],
        /// People or services.
        kind: UserKind = |_, kind| [Filter::Is(Term::Service(kind == UserKind::Service))],
        /// The owner of the API key with this secret, in full. Only the caller's own API keys that are not revoked
        /// match, so the result is the caller or nobody.
        api_key: String = |op, key| [Filter::Is(Term::api_key(op, &key))],
        /// Users of an organization that matches this.
        organization: Box<OrganizationWhere> = |op, one| related(one.filter(op), Term::Organization),
        /// Users of a tenant that matches this.
        tenant: Box<TenantWhere> = |op, one| related(one.filter(op), Term::Tenant),
        /// Users who are in a group that matches this and that the caller may see.
        group: Box<GroupWhere> = |op, one| {
            related(one.filter(op), |filter| Term::Group(Membership::seen_by_caller(op, filter)))
        },
        /// Users who have a role that matches this: directly or through a group, for the whole organization or for a
        /// tenant. Without `read:role`, only the caller matches; with `read:role` for single tenants, only the users of
        /// these tenants and the caller, and roles for other tenants do not count.
        role: Box<RoleWhere> = |op, one| {
            related(one.filter(op), |filter| Term::Holding(Box::new(Holding::role(op, filter))))
        },
        /// Users who have a role with this permission, for example `read:user`: directly or through a group, for the whole
        /// organization or for a tenant. A name that is not a permission matches nobody. The same restrictions as for `role`
        /// apply.
        permission: String = |op, name| [match Holding::permission(op, &name) {
            Some(holding) => Filter::Is(Term::Holding(Box::new(holding))),
            None => Filter::Any(Vec::new()),
        }],
        /// Users whose last request (`lastSeenAt`) was before this time. Users who never made a request do not match.
        last_seen_before: DateTime = |_, moment| [Filter::Is(Term::LastSeenBefore(moment.0))],
        /// `true`: users whose current email address is verified; `false`: all others.
        email_verified: bool = |_, wanted| [Filter::Is(Term::EmailVerified(wanted))],
    }
}

impl UserWhere {
    /// The API key that the owner is described by, if it is.
    pub fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    /// The one user that a change is for.
    pub fn target(mut self, op: &OpContext) -> Target {
        let email = self.email.take();
        let Named { id, also } = self.named(op);
        Target {
            id,
            email,
            any_form: false,
            also: of_one(also),
        }
    }
}

order_by! {
    /// Sort order of users; ties are in the order in which they were created.
    UserOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Name: NameAsc "By display name, ascending. Case and accents do not matter.", NameDesc "By display name, descending.";
        Email: EmailAsc "By email address, ascending; users without one come first.",
            EmailDesc "By email address, descending; users without one come last.";
        UserName: UserNameAsc "By user name, or else email address or id, ascending. Case does not matter.",
            UserNameDesc "By user name, or else email address or id, descending.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}
