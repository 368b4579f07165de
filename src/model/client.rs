//! The client of a request, as far as the server knows it.

use std::net::IpAddr;
use std::sync::Arc;

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// The maximum length of a name that is kept.
const AGENT_CHARACTERS_MAX: usize = 255;

/// The client of a request. The binary's own commands have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: Option<IpAddr>,
    /// What it calls itself in `User-Agent`. Anybody can send any text, so it proves nothing.
    pub agent: Option<Arc<str>>,
}

impl Client {
    /// `agent` is the header as sent.
    pub fn new(address: Option<IpAddr>, agent: Option<&[u8]>) -> Self {
        Self {
            address,
            agent: agent.and_then(cleaned),
        }
    }
}

/// The text without control characters, and without those that reorder or hide others, cut to the limit.
fn cleaned(sent: &[u8]) -> Option<Arc<str>> {
    let hidden = GeneralCategoryGroup::Control
        .union(GeneralCategoryGroup::Format)
        .union(GeneralCategoryGroup::Surrogate)
        .union(GeneralCategoryGroup::LineSeparator)
        .union(GeneralCategoryGroup::ParagraphSeparator);
    let category = CodePointMapData::<GeneralCategory>::new();
    let text = String::from_utf8_lossy(sent);
    let shown = text.chars().filter(|c| !hidden.contains(category.get(*c)));
    let text: String = shown.take(AGENT_CHARACTERS_MAX).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(sent: &[u8]) -> Option<String> {
        Client::new(None, Some(sent)).agent.map(|agent| agent.to_string())
    }

    #[test]
    fn names_are_cleaned_and_cut() {
        assert_eq!(agent(b"curl/8.5.0 (x86_64)").as_deref(), Some("curl/8.5.0 (x86_64)"));
        assert_eq!(agent("  M\u{fc}ller\t1 ".as_bytes()).as_deref(), Some("M\u{fc}ller1"));
        assert_eq!(
            agent("a\u{202e}b\u{200f}c\u{2066}d\u{feff}e\u{2028}f\u{85}g\u{0}h".as_bytes()).as_deref(),
            Some("abcdefgh")
        );
        assert_eq!(agent(b"\xff\xfe").as_deref(), Some("\u{fffd}\u{fffd}"));
        assert_eq!(
            agent("\u{1f600}".repeat(9_000).as_bytes()),
            Some("\u{1f600}".repeat(255))
        );
        for nothing in ["", " ", "\t", "\u{200b}\u{202e}"] {
            assert_eq!(agent(nothing.as_bytes()), None, "{nothing:?}");
        }
    }
}
