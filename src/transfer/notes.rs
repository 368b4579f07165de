//! What the summary of an import says about its files.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::error::shown;

/// What the summary says about a file besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Columns and members that had values and were not taken over, at most [`Notes::LEFT_MAX`].
    pub left: BTreeSet<String>,
    /// What users had that has no place here, such as "second factors", and how many users had it.
    pub lost: BTreeMap<String, u64>,
    /// Sentences for the person who runs the import, such as that a realm's organization is disabled.
    pub warnings: Vec<String>,
    /// How much of a list in pages the files have.
    pub pages: Pages,
}

/// The pages of a list, of which people save the first one and believe that they have them all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// The records on the pages that were read.
    pub found: u64,
    /// The records that the pages say there are.
    pub total: u64,
    /// Whether the page that was read last names a next one.
    pub has_next: bool,
    /// What to do if pages are missing: a sentence.
    pub advice: &'static str,
}

impl Notes {
    /// Nobody reads a longer list.
    pub const LEFT_MAX: usize = 100;

    /// Counts a user who had something that has no place here.
    pub fn lose(&mut self, what: &str) {
        match self.lost.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                self.lost.insert(what.to_owned(), 1);
            }
        }
    }

    /// Notes a member or a column that has no place here.
    pub fn leave(&mut self, name: &str) {
        if self.left.len() < Self::LEFT_MAX && !self.left.contains(name) {
            self.left.insert(shown(name));
        }
    }

    /// Adds a sentence once.
    pub fn warn(&mut self, sentence: String) {
        if self.warnings.len() < Self::LEFT_MAX && !self.warnings.contains(&sentence) {
            self.warnings.push(sentence);
        }
    }

    /// Adds what there is to say about another file.
    pub fn add(&mut self, other: Self) {
        for name in &other.left {
            self.leave(name);
        }
        for (what, count) in other.lost {
            let known = self.lost.entry(what).or_default();
            *known = known.saturating_add(count);
        }
        for sentence in other.warnings {
            self.warn(sentence);
        }
        self.pages.found = self.pages.found.saturating_add(other.pages.found);
        self.pages.total = self.pages.total.max(other.pages.total);
        if !other.pages.advice.is_empty() {
            self.pages.has_next = other.pages.has_next;
            self.pages.advice = other.pages.advice;
        }
    }

    /// That pages are missing, if they are. The files of an import may be the pages of one list, so this is known after
    /// the last one.
    pub fn missing_pages(&self) -> Option<String> {
        let Pages {
            found,
            total,
            has_next,
            advice,
        } = self.pages;
        match (total > found, has_next) {
            (true, _) => Some(format!(
                "Pages are missing: there are {found} of {total} records. {advice}"
            )),
            (false, true) => Some(format!("Pages are missing: the last one names a next one. {advice}")),
            (false, false) => None,
        }
    }
}
