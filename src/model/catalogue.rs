//! The catalogue: which permissions there are, which of them the built-in roles have, and who tokens can be for.

use std::collections::HashMap;
use std::sync::Arc;

use strum::VariantArray;

use super::pack::{self, Packed};
use super::permission::{Door, Permissions};
use super::{BuiltIn, Faces, LadderRole, OWN_RECIPIENT, Recipient, RecipientSettings};
use crate::model::error::{Error, Result, shown};

/// A permission that the product declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    /// The bit that stands for it in sets in memory, below [`super::permission::DECLARED_BITS`].
    pub bit: u16,
    /// The weakest built-in role that includes it.
    pub lowest_role: LadderRole,
    /// The resource server that it belongs to, if it belongs to one.
    pub resource_server_pk: Option<i64>,
}

/// The permissions at one version of the catalogue: the built-in ones, those of packs, and those that the product declared.
#[derive(Debug)]
pub struct Catalogue {
    version: i64,
    /// Those that are on.
    faces: Faces,
    /// The permissions of the faces that are off.
    hidden: Permissions,
    named: HashMap<String, Known>,
    /// The declared ones, by name.
    declared: Vec<(u16, String)>,
    of_built_in: HashMap<BuiltIn, Permissions>,
    recipients: HashMap<String, Arc<Recipient>>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
enum Known {
    Door(Door),
    Packed(Packed),
    Declared(u16),
}

impl Default for Catalogue {
    /// With all faces, without declared ones; older than every stored version.
    fn default() -> Self {
        Self::new(0, Faces::all(), Vec::new(), Vec::new())
    }
}

impl Catalogue {
    /// `servers` are the internal keys, ids and settings of the resource servers.
    pub fn new(
        version: i64,
        faces: Faces,
        mut declared: Vec<Declared>,
        servers: Vec<(i64, String, RecipientSettings)>,
    ) -> Self {
        declared.sort_by(|one, two| one.name.cmp(&two.name));
        let doors = Door::with_names().map(|(door, name)| (name.to_owned(), Known::Door(door)));
        let packed = pack::permissions().map(|one| (one.name.to_owned(), Known::Packed(one.alone())));
        let others = declared.iter().map(|one| (one.name.clone(), Known::Declared(one.bit)));
        let includes = |role: BuiltIn| {
            let included = declared.iter().filter(|one| one.lowest_role.is_included_in(role));
            let declared: Permissions = included.map(|one| Permissions::declared(one.bit)).collect();
            match role {
                BuiltIn::SuperAdmin => role.permissions().with_all_declared(),
                _ => declared | role.permissions(),
            }
        };
        let recipient = |(pk, id, settings): (i64, String, RecipientSettings)| {
            let is_told = |one: &&Declared| id == OWN_RECIPIENT || one.resource_server_pk.is_none_or(|own| own == pk);
            let told = declared
                .iter()
                .filter(is_told)
                .map(|one| Permissions::declared(one.bit));
            let recipient = Recipient {
                permissions: told.collect(),
                pk,
                settings,
                id,
            };
            (recipient.id.clone(), Arc::new(recipient))
        };
        Self {
            version,
            faces,
            hidden: Permissions::hidden_with(faces),
            recipients: servers.into_iter().map(recipient).collect(),
            named: doors.chain(packed).chain(others).collect(),
            of_built_in: BuiltIn::VARIANTS.iter().map(|role| (*role, includes(*role))).collect(),
            declared: declared.into_iter().map(|one| (one.bit, one.name)).collect(),
        }
    }

    /// Rises with every change of the catalogue.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The faces that are on.
    pub fn faces(&self) -> Faces {
        self.faces
    }

    /// Whether a built-in role is hidden, because the face that it belongs to is off.
    pub fn hides(&self, role: BuiltIn) -> bool {
        role.is_hidden_with(self.faces)
    }

    /// The resource server with this id, if there is one.
    pub fn recipient(&self, id: &str) -> Option<&Arc<Recipient>> {
        self.recipients.get(id)
    }

    /// The id of the resource server with this internal key, if there is one.
    pub fn recipient_id(&self, pk: i64) -> Option<&str> {
        let mut all = self.recipients.values();
        all.find(|one| one.pk == pk).map(|one| one.id.as_str())
    }

    /// The permission with this name, if there is one that is not hidden.
    pub fn named(&self, name: &str) -> Option<Permissions> {
        match self.named.get(name)? {
            Known::Door(door) => Some((*door).into()),
            Known::Packed(packed) => Some((*packed).into()).filter(|one: &Permissions| !self.hidden.intersects(*one)),
            Known::Declared(bit) => Some(Permissions::declared(*bit)),
        }
    }

    /// Parses a caller's list of names.
    pub fn parse(&self, names: &[String]) -> Result<Permissions> {
        let unknown = |name: &str| Error::invalid("permissions", format!("There is no permission '{}'.", shown(name)));
        names
            .iter()
            .map(|name| self.named(name).ok_or_else(|| unknown(name)))
            .collect()
    }

    /// The names in a set, without hidden ones: first the built-in ones, then the declared ones by name.
    pub fn names(&self, permissions: Permissions) -> Vec<String> {
        self.all_names(permissions - self.hidden)
    }

    fn all_names(&self, permissions: Permissions) -> Vec<String> {
        let built_in = permissions.built_in_names().map(str::to_owned);
        let declared = self.declared_names(permissions).map(str::to_owned);
        built_in.chain(declared).collect()
    }

    /// The names of the declared ones in a set, sorted.
    pub fn declared_names(&self, permissions: Permissions) -> impl Iterator<Item = &str> {
        let inside = move |bit: u16| permissions.intersects(Permissions::declared(bit));
        let inside = self.declared.iter().filter(move |(bit, _)| inside(*bit));
        inside.map(|(_, name)| name.as_str())
    }

    /// Parses the stored form: names separated by spaces. Hidden ones count, unknown ones grant nothing.
    pub fn from_stored(&self, text: &str) -> Permissions {
        let mut all = Permissions::empty();
        for name in text.split_ascii_whitespace() {
            match self.named.get(name) {
                Some(Known::Door(door)) => all.add_doors(*door),
                Some(Known::Packed(packed)) => all.add_packed(*packed),
                Some(Known::Declared(bit)) => all.add_declared(*bit),
                None => {}
            }
        }
        all
    }

    /// The stored form, with hidden ones.
    pub fn to_stored(&self, permissions: Permissions) -> String {
        self.all_names(permissions).join(" ")
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
