//! Packs: the permissions and the built-in roles that belong to a face, because they are the words of one product.
//!
//! A permission of a pack opens nothing in this server; the product asks who has it. With the face off, its pack is hidden:
//! nothing shows it, and nobody can name it. It is never released. What somebody got by it stays, counts wherever
//! permissions are compared, and nothing else can take one of its names.

use bitflags::bitflags;

use super::{BuiltIn, Faces, LadderRole};

bitflags! {
    /// A set of permissions of packs.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Packed: u64 {
        const _ = !0;
    }
}

/// What belongs to a face.
struct Pack {
    face: Faces,
    permissions: &'static [InPack],
    roles: &'static [BuiltIn],
}

/// A permission of a pack.
pub struct InPack {
    /// Its place among all names, which is also its bit. No [`super::Door`] has the same one.
    pub place: u8,
    pub name: &'static str,
    /// The weakest role of the ladder that has it.
    pub lowest_role: LadderRole,
    /// The roles below that have it all the same.
    and: &'static [BuiltIn],
}

impl InPack {
    const fn of(place: u8, name: &'static str, lowest_role: LadderRole) -> Self {
        Self {
            place,
            name,
            lowest_role,
            and: &[],
        }
    }

    /// The set of this one.
    pub fn alone(&self) -> Packed {
        Packed::from_bits_retain(1 << self.place)
    }

    fn is_in(&self, role: BuiltIn) -> bool {
        self.lowest_role.is_included_in(role) || self.and.contains(&role)
    }
}

const PACKS: [Pack; 2] = [
    Pack {
        face: Faces::WAII,
        permissions: &[
            InPack::of(0, "read:semantic-context", LadderRole::TrialUser),
            InPack::of(1, "read:liked-queries", LadderRole::TrialUser),
            InPack::of(2, "read:databases", LadderRole::TrialUser),
            InPack::of(3, "read:similarity-search-index", LadderRole::TrialUser),
            InPack::of(4, "write:semantic-context", LadderRole::User),
            InPack::of(5, "write:liked-queries", LadderRole::User),
            InPack::of(6, "write:databases", LadderRole::User),
            InPack {
                and: &[BuiltIn::TrialApiUser],
                ..InPack::of(7, "usage:api", LadderRole::ApiUser)
            },
            InPack::of(9, "publish:semantic-context", LadderRole::Admin),
            InPack::of(10, "publish:liked-queries", LadderRole::Admin),
            InPack::of(11, "publish:access-rules", LadderRole::Admin),
            InPack::of(12, "push:databases", LadderRole::Admin),
            InPack::of(13, "write:similarity-search-index", LadderRole::Admin),
            InPack::of(25, "read:usage-report", LadderRole::OrganizationAdmin),
        ],
        roles: &[BuiltIn::TrialUser, BuiltIn::TrialApiUser],
    },
    Pack {
        face: Faces::KILI,
        permissions: &[],
        roles: &[BuiltIn::Labeler, BuiltIn::Reviewer, BuiltIn::TeamManager],
    },
];

/// Every permission of a pack.
pub fn permissions() -> impl Iterator<Item = &'static InPack> {
    PACKS.iter().flat_map(|pack| pack.permissions)
}

/// The permissions of packs that a built-in role has.
pub(super) fn of_role(role: BuiltIn) -> Packed {
    permissions().filter(|one| one.is_in(role)).map(InPack::alone).collect()
}

/// The face that a built-in role belongs to, if it belongs to one.
pub(super) fn face_of(role: BuiltIn) -> Option<Faces> {
    let pack = PACKS.iter().find(|pack| pack.roles.contains(&role));
    pack.map(|pack| pack.face)
}

/// The permissions that are hidden if only these faces are on.
pub(super) fn hidden_with(on: Faces) -> Packed {
    let hidden = PACKS.iter().filter(|pack| !on.contains(pack.face));
    hidden.flat_map(|pack| pack.permissions).map(InPack::alone).collect()
}
