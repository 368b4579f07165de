//! The faces: the APIs of other products, each of which can be turned off.

use bitflags::bitflags;

bitflags! {
    /// A set of faces.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Faces: u8 {
        const KILI = 1;
        const WAII = 1 << 1;
        const WALLAROO = 1 << 2;
        const AIR = 1 << 3;
    }
}

/// The set without any, as text.
const NONE: &str = "none";

impl Faces {
    /// Each of them with its name.
    pub fn with_names(self) -> impl Iterator<Item = (Self, String)> {
        self.iter_names().map(|(name, face)| (face, name.to_ascii_lowercase()))
    }

    /// The names, separated by commas, or `none`.
    pub fn to_text(self) -> String {
        let names: Vec<String> = self.with_names().map(|(_, name)| name).collect();
        match names.as_slice() {
            [] => NONE.to_owned(),
            names => names.join(","),
        }
    }

    /// Reads names, separated by commas, or `none`. `None` for an unknown name.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            NONE => Some(Self::empty()),
            names => names.split(',').map(|name| Self::named(name.trim())).collect(),
        }
    }

    /// Reads what is stored. A face that this binary does not know, because a later release added it, is none.
    pub fn from_stored(text: &str) -> Self {
        text.split(',').filter_map(Self::named).collect()
    }

    fn named(name: &str) -> Option<Self> {
        let mut all = Self::all().with_names();
        all.find(|(_, known)| known == name).map(|(face, _)| face)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_are_written() {
        for bits in 0..=Faces::all().bits() {
            let faces = Faces::from_bits_truncate(bits);
            assert_eq!(Faces::parse(&faces.to_text()), Some(faces));
            assert_eq!(Faces::from_stored(&faces.to_text()), faces);
        }
        assert_eq!(Faces::parse(" waii , kili "), Some(Faces::KILI | Faces::WAII));
        for bad in ["kili,", "Kili", "kili waii", "kili,none", "all", "keycloak"] {
            assert_eq!(Faces::parse(bad), None, "{bad}");
        }
        assert_eq!(Faces::from_stored("kili,of-a-later-release"), Faces::KILI);
    }
}
