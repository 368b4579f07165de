//! The catalogue: which permissions there are, and which of them the built-in roles have.

use std::collections::HashMap;

use strum::VariantArray;

use super::permission::{Door, Permissions};
use super::{BuiltIn, LadderRole};
use crate::model::error::{Error, Result, shown};

/// A permission that the product declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    /// The bit that stands for it in sets in memory, below [`super::permission::DECLARED_BITS`].
    pub bit: u16,
    /// The weakest built-in role that includes it.
    pub lowest_role: LadderRole,
}

/// The permissions at one version of the catalogue: the built-in ones, and those that the product declared.
#[derive(Debug)]
pub struct Catalogue {
    version: i64,
    named: HashMap<String, Known>,
    /// The declared ones, by name.
    declared: Vec<(u16, String)>,
    of_built_in: HashMap<BuiltIn, Permissions>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
enum Known {
    BuiltIn(Door),
    Declared(u16),
}

impl Default for Catalogue {
    /// Without declared ones; older than every stored version.
    fn default() -> Self {
        Self::new(0, Vec::new())
    }
}

impl Catalogue {
    pub fn new(version: i64, mut declared: Vec<Declared>) -> Self {
        declared.sort_by(|one, two| one.name.cmp(&two.name));
        let doors = Door::with_names().map(|(door, name)| (name.to_owned(), Known::BuiltIn(door)));
        let others = declared.iter().map(|one| (one.name.clone(), Known::Declared(one.bit)));
        let includes = |role: BuiltIn| {
            let included = declared.iter().filter(|one| one.lowest_role.is_included_in(role));
            let declared: Permissions = included.map(|one| Permissions::declared(one.bit)).collect();
            match role {
                BuiltIn::SuperAdmin => Permissions::of(role.doors()).with_all_declared(),
                _ => declared | role.doors().into(),
            }
        };
        Self {
            version,
            named: doors.chain(others).collect(),
            of_built_in: BuiltIn::VARIANTS.iter().map(|role| (*role, includes(*role))).collect(),
            declared: declared.into_iter().map(|one| (one.bit, one.name)).collect(),
        }
    }

    /// Rises with every change of the catalogue.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The permission with this name, if there is one.
    pub fn named(&self, name: &str) -> Option<Permissions> {
        self.named.get(name).map(|known| match known {
            Known::BuiltIn(door) => Permissions::of(*door),
            Known::Declared(bit) => Permissions::declared(*bit),
        })
    }

    /// Parses a caller's list of names.
    pub fn parse(&self, names: &[String]) -> Result<Permissions> {
        let unknown = |name: &str| Error::invalid("permissions", format!("There is no permission '{}'.", shown(name)));
        names
            .iter()
            .map(|name| self.named(name).ok_or_else(|| unknown(name)))
            .collect()
    }

    /// The names in a set: first the built-in ones, then the declared ones by name.
    pub fn names(&self, permissions: Permissions) -> Vec<String> {
        let doors = permissions.doors().names().into_iter().map(str::to_owned);
        doors
            .chain(self.declared_names(permissions).map(str::to_owned))
            .collect()
    }

    /// The names of the declared ones in a set, sorted.
    pub fn declared_names(&self, permissions: Permissions) -> impl Iterator<Item = &str> {
        let inside = move |bit: u16| permissions.intersects(Permissions::declared(bit));
        let inside = self.declared.iter().filter(move |(bit, _)| inside(*bit));
        inside.map(|(_, name)| name.as_str())
    }

    /// Parses the stored form: names separated by spaces. Unknown names grant nothing.
    pub fn from_stored(&self, text: &str) -> Permissions {
        let mut all = Permissions::empty();
        for name in text.split_ascii_whitespace() {
            match self.named.get(name) {
                Some(Known::BuiltIn(door)) => all.add_doors(*door),
                Some(Known::Declared(bit)) => all.add_declared(*bit),
                None => {}
            }
        }
        all
    }

    /// The stored form.
    pub fn to_stored(&self, permissions: Permissions) -> String {
        self.names(permissions).join(" ")
    }

    /// The permissions of a built-in role.
    pub fn of_built_in(&self, role: BuiltIn) -> Permissions {
        self.of_built_in.get(&role).copied().unwrap_or_default()
    }

    /// The permissions of a role's row. A built-in role that this binary does not know, because a later release added it,
    /// has none.
    pub fn of_role(&self, organization_pk: Option<i64>, name: &str, stored: &str) -> Permissions {
        match (organization_pk, BuiltIn::named(name)) {
            (None, Some(role)) => self.of_built_in(role),
            (None, None) | (Some(_), _) => self.from_stored(stored),
        }
    }
}
