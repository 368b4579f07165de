//! Which groups, and in which order.

use crate::context::OpContext;
use crate::directory::group::{Target, Term};
use crate::graphql::filter::related;
use crate::graphql::organization::OrganizationWhere;
use crate::graphql::user::UserWhere;
use crate::graphql::{Where, order_by, where_input};
use crate::list::{Filter, Named, Search};

where_input! {
    /// Filter for groups. Conditions are combined with AND; a null condition is ignored.
    GroupWhere of Term;
    target named;
    names key;
    id id id_in id_starts_with id_contains;
    text key key_in key_starts_with key_contains = Key, "key", "keys", "Key";
    text name name_in name_starts_with name_contains = Name, "name", "names", "Name";
    exact external_id external_id_in external_id_starts_with external_id_contains = ExternalId,
        "external id", "external ids", "External id";
    {
        /// Each word of this text is the beginning of a word of the name or the id. Case and accents do not matter.
        text: String = |_, text| [Filter::Is(Term::Text(Search::of(&text)))],
        /// Groups of an organization that matches this.
        organization: Box<OrganizationWhere> = |op, one| related(one.filter(op), Term::Organization),
        /// Groups with a member who matches this and whom the caller may see.
        user: Box<UserWhere> = |op, one| {
            related(one.filter(op), |one| Term::User {
                filter: Box::new(one),
                seen_by: crate::directory::user::readable(op).ok(),
            })
        },
    }
}

impl GroupWhere {
    /// The one group that a change is for.
    pub fn target(mut self, op: &OpContext) -> Target {
        let organization = self.organization.clone();
        let key = self.key.take();
        let Named { id, also } = self.named(op);
        Target {
            id,
            key,
            elsewhere: organization.is_some_and(|one| !one.filter(op).is_empty()),
            also,
        }
    }
}

order_by! {
    /// Sort order of groups; ties are in the order in which they were created.
    GroupOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Name: NameAsc "By name, ascending. Case and accents do not matter.", NameDesc "By name, descending.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}
