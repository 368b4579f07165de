//! Members of Keycloak's organizations, which are read before the users.

use std::hash::{BuildHasher, RandomState};

/// Who is a member of which organization, in 32 bytes a member: a digest of the user name with a key of this run, and
/// the organization's place.
#[derive(Debug, Default)]
pub(super) struct Members {
    keys: (RandomState, RandomState),
    entries: Vec<(u128, usize)>,
    /// Entries of other files of the realm, which have other keys.
    others: Vec<Members>,
}

impl Members {
    fn digest(&self, user_name: &str) -> u128 {
        // Keycloak's user names are in lower case, but in files that were written by hand.
        let user_name = user_name.to_lowercase();
        let half = |key: &RandomState| u128::from(key.hash_one(&user_name));
        (half(&self.keys.0) << 64) | half(&self.keys.1)
    }

    pub(super) fn insert(&mut self, user_name: &str, organization: usize) {
        let entry = (self.digest(user_name), organization);
        self.entries.push(entry);
    }

    pub(super) fn add(&mut self, mut other: Self, before: usize) {
        for entry in &mut other.entries {
            entry.1 += before;
        }
        if !other.entries.is_empty() {
            self.others.push(other);
        }
    }

    pub(super) fn sort(&mut self) {
        self.entries.sort_unstable();
        self.entries.dedup();
        for other in &mut self.others {
            other.sort();
        }
    }

    /// The places of somebody's organizations.
    pub(super) fn of(&self, user_name: &str) -> Vec<usize> {
        let digest = self.digest(user_name);
        let start = self.entries.partition_point(|entry| entry.0 < digest);
        let own = self.entries.iter().skip(start).take_while(|entry| entry.0 == digest);
        let mut places: Vec<usize> = own.map(|entry| entry.1).collect();
        for other in &self.others {
            places.extend(other.of(user_name));
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_several_files() {
        let mut members = Members::default();
        members.insert("Ada", 0);
        members.insert("ada", 0);
        let mut others = Members::default();
        others.insert("ada", 0);
        members.add(others, 3);
        members.sort();
        assert_eq!(members.of("ada"), [0, 3]);
        assert_eq!(members.of("grace"), Vec::<usize>::new());
    }
}
