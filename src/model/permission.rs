//! Sets of permissions: those that open something in this server, and those that the product declared.

use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Sub};

use bitflags::bitflags;

/// The most permissions that a product can declare at the same time is below this: a deleted one keeps its bit for a day.
pub const DECLARED_BITS: u16 = 1_024;

const WORDS: usize = DECLARED_BITS as usize / 64;

/// Declares the built-in permissions: each with its bit and its name.
macro_rules! built_in {
    ($($flag:ident = $bit:literal $name:literal;)*) => {
        bitflags! {
            /// A set of built-in permissions. The names are WAII's, and tenantry's own in the same form.
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

built_in! {
    READ_SEMANTIC_CONTEXT = 0 "read:semantic-context";
    READ_LIKED_QUERIES = 1 "read:liked-queries";
    READ_DATABASES = 2 "read:databases";
    READ_SIMILARITY_SEARCH_INDEX = 3 "read:similarity-search-index";
    WRITE_SEMANTIC_CONTEXT = 4 "write:semantic-context";
    WRITE_LIKED_QUERIES = 5 "write:liked-queries";
    WRITE_DATABASES = 6 "write:databases";
    USAGE_API = 7 "usage:api";
    WRITE_ACCESS_KEY = 8 "write:access_key";
    PUBLISH_SEMANTIC_CONTEXT = 9 "publish:semantic-context";
    PUBLISH_LIKED_QUERIES = 10 "publish:liked-queries";
    PUBLISH_ACCESS_RULES = 11 "publish:access-rules";
    PUSH_DATABASES = 12 "push:databases";
    WRITE_SIMILARITY_SEARCH_INDEX = 13 "write:similarity-search-index";
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
    READ_USAGE_REPORT = 25 "read:usage-report";
    WRITE_ORG = 26 "write:org";
    ORGANIZATION_SETTINGS = 27 "tenantry:organization-settings";
    INTROSPECT = 28 "tenantry:introspect";
}

impl Door {
    /// Every built-in permission with its name, in the order of the role hierarchy.
    pub fn with_names() -> impl Iterator<Item = (Self, &'static str)> {
        NAMES.iter().copied()
    }

    /// The names in the set, in the order of the role hierarchy.
    pub fn names(self) -> Vec<&'static str> {
        let inside = NAMES.iter().filter(|(door, _)| self.contains(*door));
        inside.map(|(_, name)| *name).collect()
    }
}

/// A set of permissions of both kinds.
///
/// The declared ones are bits that the database assigned; the [`super::Catalogue`] knows their names. They never decide
/// anything in this server, but count wherever permissions are compared: nobody gives away what they do not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions {
    doors: Door,
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
            declared: [u64::MAX; WORDS],
        }
    }

    /// Built-in ones.
    pub const fn of(doors: Door) -> Self {
        Self {
            doors,
            declared: [0; WORDS],
        }
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

    /// The built-in ones among them.
    pub const fn doors(&self) -> Door {
        self.doors
    }

    /// All declared ones, also what is declared later.
    #[must_use]
    pub const fn with_all_declared(self) -> Self {
        Self {
            doors: self.doors,
            declared: [u64::MAX; WORDS],
        }
    }

    /// Whether these built-in permissions are among them.
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
        self.doors.is_empty() && self.declared.iter().all(|word| *word == 0)
    }

    /// Those that are not among the others.
    #[must_use]
    fn without(self, others: Self) -> Self {
        self.with(others, self.doors - others.doors, |one, two| one & !two)
    }

    fn with(self, other: Self, doors: Door, combine: impl Fn(u64, u64) -> u64) -> Self {
        let mut declared = self.declared;
        for (word, of_other) in declared.iter_mut().zip(other.declared) {
            *word = combine(*word, of_other);
        }
        Self { doors, declared }
    }
}

impl From<Door> for Permissions {
    fn from(doors: Door) -> Self {
        Self::of(doors)
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other, self.doors | other.doors, |one, two| one | two)
    }
}

impl BitAnd for Permissions {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.with(other, self.doors & other.doors, |one, two| one & two)
    }
}

impl Sub for Permissions {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.without(other)
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
