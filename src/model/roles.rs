//! The built-in roles that somebody has, and where.

use super::BuiltIn;

/// The built-in roles of a user, direct and by groups: for its whole organization, or for a tenant.
///
/// Other systems that check a token or ask about one read these names. An organization's own roles are not among them: it
/// could name one like a role that a product trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<(BuiltIn, Option<i64>)>);

impl Roles {
    /// Adds a role's row, if it is built in.
    pub fn add(&mut self, organization_pk: Option<i64>, name: &str, tenant_pk: Option<i64>) {
        if let (None, Some(role)) = (organization_pk, BuiltIn::named(name)) {
            self.0.push((role, tenant_pk));
        }
    }

    /// The names of those for the whole organization, and with a tenant those for it too; sorted, each once.
    pub fn names(&self, tenant_pk: Option<i64>) -> Vec<&'static str> {
        let here = |of: &Option<i64>| of.is_none() || *of == tenant_pk;
        let mut names: Vec<&str> = self
            .0
            .iter()
            .filter(|(_, of)| here(of))
            .map(|(role, _)| role.name())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_built_in_ones_count_and_where_they_hold() {
        let mut roles = Roles::default();
        roles.add(None, "user", None);
        roles.add(None, "user", Some(1));
        roles.add(None, "reviewer", Some(1));
        roles.add(Some(7), "super-admin", None);
        roles.add(None, "of a later release", None);
        assert_eq!(roles.names(None), ["user"]);
        assert_eq!(roles.names(Some(1)), ["reviewer", "user"]);
        assert_eq!(roles.names(Some(2)), ["user"]);
    }
}
