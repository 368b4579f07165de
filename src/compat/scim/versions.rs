//! Versions of resources as entity tags, and what a request says about them.

use std::future::Future;

use axum::http::header;

use crate::compat::face::Call;
use crate::list::expect_version;
use crate::model::digest;
use crate::model::error::{ConflictReason, Error, Result};

/// How many versions of one header are looked at: the highest. Versions only grow, so none above the present one was ever given.
const VERSIONS_MAX: usize = 10;
/// No row has this version: a tag that is none of ours names it.
const NO_VERSION: i64 = 0;

/// The tag of a version, and of what is in the answer beside the row itself.
pub fn tag(version: i64, beside: Option<&str>) -> String {
    match beside {
        Some(beside) => {
            let digest = digest(beside);
            let short: String = digest.chars().take(8).collect();
            format!("W/\"{version}.{short}\"")
        }
        None => format!("W/\"{version}\""),
    }
}

/// The versions that a change may be made to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<Vec<i64>>);

impl IfMatch {
    /// As the header says it.
    pub fn of(call: &Call) -> Self {
        let mut texts = call.header(header::IF_MATCH).peekable();
        match texts.peek() {
            None => Self::default(),
            Some(_) => Self::of_texts(texts),
        }
    }

    /// As an operation of a bulk says it.
    pub fn of_text(text: &str) -> Self {
        Self::of_texts(std::iter::once(text))
    }

    fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut versions = Vec::new();
        for tag in texts.flat_map(|text| text.split(',')).map(str::trim) {
            if tag == "*" {
                return Self::default();
            }
            versions.push(version_of(tag));
        }
        versions.sort_unstable_by(|one, other| other.cmp(one));
        versions.dedup();
        versions.truncate(VERSIONS_MAX);
        Self(Some(versions))
    }

    /// Whether it names versions: then a change is made once, and never again after it has met another one.
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Refuses a change of a row that has none of these.
    pub fn accepts(&self, present: i64) -> Result<()> {
        match &self.0 {
            Some(versions) if !versions.contains(&present) => expect_version(present, versions.first().copied()),
            _ => Ok(()),
        }
    }

    /// Makes a change of one of these versions, or of any if none is named.
    pub async fn try_each<T, F: Future<Output = Result<T>>>(&self, make: impl Fn(Option<i64>) -> F) -> Result<T> {
        let Some(versions) = &self.0 else {
            return make(None).await;
        };
        let mut past = Error::internal("a condition without a version");
        for version in versions {
            match make(Some(*version)).await {
                Err(error) if is_past(&error) => past = error,
                done => return done,
            }
        }
        Err(past)
    }
}

fn is_past(error: &Error) -> bool {
    match error {
        Error::Conflict(conflict) => matches!(conflict.reason, ConflictReason::Version { .. }),
        _ => false,
    }
}

/// The version of a tag, weak or not, without what is in the answer beside the row.
fn version_of(tag: &str) -> i64 {
    let bare = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let version = inner.unwrap_or(bare).split('.').next().unwrap_or_default();
    match version.bytes().all(|digit| digit.is_ascii_digit()) {
        true => version.parse().unwrap_or(NO_VERSION),
        false => NO_VERSION,
    }
}

/// Whether the client has what it asks for already.
pub fn is_known(call: &Call, tag: &str) -> bool {
    let bare = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let tags = call.header(header::IF_NONE_MATCH).flat_map(|text| text.split(','));
    let mut tags = tags.map(str::trim);
    tags.any(|known| known == "*" || bare(known) == bare(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_in_every_form() {
        for (tag, version) in [
            ("W/\"4\"", 4),
            ("\"4\"", 4),
            ("4", 4),
            ("W/\"4.9c1e22aa\"", 4),
            ("W/\"x\"", NO_VERSION),
            ("W/\"\"", NO_VERSION),
            ("W/\"+4\"", NO_VERSION),
            ("W/\"99999999999999999999\"", NO_VERSION),
        ] {
            assert_eq!(version_of(tag), version, "{tag}");
        }
    }

    #[test]
    fn a_star_matches_everything() {
        let any = IfMatch::of_text("*");
        assert!(!any.is_some() && any.accepts(7).is_ok());
        let some = IfMatch::of_text("W/\"3\", \"5\"");
        assert!(some.is_some() && some.accepts(5).is_ok() && some.accepts(4).is_err());
        let many: Vec<String> = (0..20).map(|number| format!("\"{number}\"")).collect();
        let many = IfMatch::of_text(&many.join(","));
        assert!(many.accepts(19).is_ok() && many.accepts(20).is_err());
    }
}
