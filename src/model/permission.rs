//! Sets of permissions: those that open something in this server, those of packs, and those that the product declared.

use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Sub};
use std::sync::LazyLock;

use bitflags::bitflags;

use super::Faces;
use super::pack::{self, Packed};

/// The most permissions that a product can declare at the same time is below this: a deleted one keeps its bit for a day.
pub const DECLARED_BITS: u16 = 1_024;

const WORDS: usize = DECLARED_BITS as usize / 64;

/// Declares the permissions that open something here: each with its place among all names, which is also its bit, and its
/// name.
macro_rules! doors {
    ($($flag:ident = $bit:literal $name:literal;)*) => {
        bitflags! {
            /// A set of the permissions that the policy asks for. The names are WAII's, and tenantry's own in the same form.
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub struct Door: u64 {
                $(const $flag = 1 << $bit;)*
                /// Access to every organization. It has no name, and only the role `super-admin` has it. As it is part
                /// of the set, checks for permissions beyond the caller's own need no special case for super admins.
                const EVERY_ORGANIZATION = 1 << 63;
            }
        }

        const NAMES: &[(Door, &str)] = &[$((Door::$flag, $name),)*];
    };
}

doors! {
    WRITE_ACCESS_KEY = 8 "write:access_key";
    READ_USER = 14 "read:user";
    WRITE_USER = 15 "write:user";
    READ_TENANT = 16 "read:tenant";
    WRITE_TENANT = 17 "write:tenant";
    READ_GROUP = 18 "read:group";
    WRITE_GROUP = 19 "write:group";
    READ_ROLE = 20 "read:role";
    WRITE_ROLE = 21 "write:role";
    READ_ORG = 22 "read:org";
    READ_AUDIT = 23 "read:audit";
    USAGE_IMPERSONATION = 24 "usage:impersonation";
    WRITE_ORG = 26 "write:org";
    ORGANIZATION_SETTINGS = 27 "tenantry:organization-settings";
    INTROSPECT = 28 "tenantry:introspect";
}

impl Door {
    /// Each of them with its name.
    pub(super) fn with_names() -> impl Iterator<Item = (Self, &'static str)> {
        NAMES.iter().copied()
    }

    /// The names in the set, in the order of the role hierarchy.
    pub fn names(self) -> Vec<&'static str> {
        let inside = NAMES.iter().filter(|(door, _)| self.contains(*door));
        inside.map(|(_, name)| *name).collect()
    }
}

/// A set of permissions of all kinds.
///
/// The policy looks at the doors alone. The others never decide anything in this server, but count wherever permissions are
/// compared: nobody gives away what they do not hold. The declared ones are bits that the database assigned; the
/// [`super::Catalogue`] knows their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions {
    doors: Door,
    packed: Packed,
    declared: [u64; WORDS],
}

impl Permissions {
    pub const fn empty() -> Self {
        Self::of(Door::empty())
    }

    /// Everything, also what is declared later.
    pub const fn all() -> Self {
        Self {
            doors: Door::all(),
            packed: Packed::all(),
            declared: [u64::MAX; WORDS],
        }
    }

    /// Those that open something.
    pub const fn of(doors: Door) -> Self {
        Self {
            doors,
            packed: Packed::empty(),
            declared: [0; WORDS],
        }
    }

    /// Every permission that comes with this server, with its name, in the order of the role hierarchy.
    pub fn built_in() -> impl Iterator<Item = (Self, &'static str)> {
        static ALL: LazyLock<Vec<(u64, Permissions, &'static str)>> = LazyLock::new(|| {
            let doors = Door::with_names().map(|(door, name)| (door.bits(), Permissions::of(door), name));
            let packed = pack::permissions().map(|one| (one.alone().bits(), one.alone().into(), one.name));
            let mut all: Vec<_> = doors.chain(packed).collect();
            all.sort_unstable_by_key(|(place, ..)| *place);
            all
        });
        ALL.iter().map(|(_, permissions, name)| (*permissions, *name))
    }

    /// The names of those that come with this server, in the order of the role hierarchy.
    pub fn built_in_names(self) -> impl Iterator<Item = &'static str> {
        let inside = Self::built_in().filter(move |(one, _)| self.contains(*one));
        inside.map(|(_, name)| name)
    }

    /// Those of packs that are hidden if only these faces are on.
    pub fn hidden_with(on: Faces) -> Self {
        pack::hidden_with(on).into()
    }

    /// The declared one with this bit, below [`DECLARED_BITS`]; none for a larger one.
    pub fn declared(bit: u16) -> Self {
        let mut one = Self::empty();
        one.add_declared(bit);
        one
    }

    pub(super) fn add_declared(&mut self, bit: u16) {
        if let Some(word) = self.declared.get_mut(usize::from(bit / 64)) {
            *word |= 1 << (bit % 64);
        }
    }

    pub(super) fn add_doors(&mut self, doors: Door) {
        self.doors |= doors;
    }

    pub(super) fn add_packed(&mut self, packed: Packed) {
        self.packed |= packed;
    }

    /// Those among them that open something.
    pub const fn doors(&self) -> Door {
        self.doors
    }

    /// Only those that come with this server.
    #[must_use]
    pub const fn without_declared(self) -> Self {
        Self {
            declared: [0; WORDS],
            ..self
        }
    }

    /// With all declared ones, also with what is declared later.
    #[must_use]
    pub const fn with_all_declared(self) -> Self {
        Self {
            declared: [u64::MAX; WORDS],
            ..self
        }
    }

    /// Whether they open this.
    pub const fn open(&self, doors: Door) -> bool {
        self.doors.contains(doors)
    }

    pub fn contains(&self, others: Self) -> bool {
        (others - *self).is_empty()
    }

    pub fn intersects(&self, others: Self) -> bool {
        !(*self & others).is_empty()
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::empty()
    }

    fn with(self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let mut declared = self.declared;
        for (word, of_other) in declared.iter_mut().zip(other.declared) {
            *word = combine(*word, of_other);
        }
        Self {
            doors: Door::from_bits_retain(combine(self.doors.bits(), other.doors.bits())),
            packed: Packed::from_bits_retain(combine(self.packed.bits(), other.packed.bits())),
            declared,
        }
    }
}

impl From<Door> for Permissions {
    fn from(doors: Door) -> Self {
        Self::of(doors)
    }
}

impl From<Packed> for Permissions {
    fn from(packed: Packed) -> Self {
        Self {
            packed,
            ..Self::empty()
        }
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other, |one, two| one | two)
    }
}

impl BitAnd for Permissions {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.with(other, |one, two| one & two)
    }
}

impl Sub for Permissions {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, |one, two| one & !two)
    }
}

impl BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAndAssign for Permissions {
    fn bitand_assign(&mut self, other: Self) {
        *self = *self & other;
    }
}

impl FromIterator<Self> for Permissions {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        all.into_iter().fold(Self::empty(), BitOr::bitor)
    }
}
