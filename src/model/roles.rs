//! The roles of everybody that somebody has, and where.

use std::borrow::Cow;

use super::BuiltIn;

/// The built-in and the product-wide roles of a user, direct and by groups: for its whole organization, or for a tenant.
///
/// Other systems that check a token or ask about one read these names. An organization's own roles are not among them: it
/// could name one like a role that a product trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<(Cow<'static, str>, Option<i64>)>);

impl Roles {
    /// Adds a role that belongs to no organization. A built-in one counts only if this binary knows it.
    pub fn add(&mut self, name: &str, product: bool, tenant_pk: Option<i64>) {
        match (product, BuiltIn::named(name)) {
            (false, Some(role)) => self.0.push((role.name().into(), tenant_pk)),
            (false, None) => {}
            (true, _) => self.0.push((name.to_owned().into(), tenant_pk)),
        }
    }

    /// The names of those for the whole organization, and with a tenant those for it too; sorted, each once.
    pub fn names(&self, tenant_pk: Option<i64>) -> Vec<&str> {
        let here = |of: &Option<i64>| of.is_none() || *of == tenant_pk;
        let here = self.0.iter().filter(|(_, of)| here(of));
        let mut names: Vec<&str> = here.map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_where_a_role_holds() {
        let mut roles = Roles::default();
        roles.add("user", false, None);
        roles.add("user", false, Some(1));
        roles.add("reviewer", false, Some(1));
        roles.add("accountant", true, None);
        roles.add("of a later release", false, None);
        assert_eq!(roles.names(None), ["accountant", "user"]);
        assert_eq!(roles.names(Some(1)), ["accountant", "reviewer", "user"]);
        assert_eq!(roles.names(Some(2)), ["accountant", "user"]);
    }
}
