//! Phrases that are hard to read are refused in everything that people read: messages, help, comments, documentation and
//! web pages. Each has a plain replacement.

use std::path::Path;

use super::from_top;

/// The files and folders that are checked.
const COVERED: &[&str] = &[
    "src",
    "docs",
    "deploy",
    "web",
    "README.md",
    "CHANGELOG.md",
    "schema.graphql",
];

/// Not written by us.
const FOREIGN: &[&str] = &["web/node_modules", "web/dist", "web/package-lock.json"];

/// A phrase, in lower case, and what to write instead.
const ODD: &[(&str, &str)] = &[
    ("a hole", "a vulnerability"),
    ("all at nought", "all zero"),
    ("anew", "again"),
    ("are believed", "are accepted, are valid, are trusted"),
    ("are told", "get, receive, see, are notified"),
    ("as it stands", "in its current state"),
    ("at nought", "zero"),
    ("at the most", "at most"),
    ("be told", "get, receive, see"),
    ("behind some things", "of some objects"),
    ("can never do", "is invalid"),
    ("counts for nothing", "is ignored"),
    ("cuts off the branch", "self-lockout"),
    ("ever fewer", "fewer and fewer"),
    ("ever more", "more and more"),
    ("for good", "permanently"),
    ("for so long", "for this long"),
    ("from elsewhere", "imported, external"),
    ("goes on", "continues, stays valid, works"),
    ("going on", "continuing"),
    ("hands out", "grants, returns"),
    ("has no room", "has no space left"),
    ("in a word", "in short"),
    ("in strange hands", "stolen"),
    ("in the same words", "with the same message"),
    ("in whose way", "that conflicts with"),
    ("is believed", "is accepted, is valid, is trusted"),
    ("is told", "gets, receives, sees, is notified"),
    ("leads nowhere", "is not reachable, is /dev/null"),
    ("lie ahead", "be in the future"),
    ("lies ahead", "is in the future"),
    ("makes a key", "creates a key"),
    ("makes a user", "creates a user"),
    ("meanwhile", "in the meantime"),
    ("nobody is told", "it is not reported"),
    ("not any more", "no longer"),
    ("of no use", "useless, invalid, expired"),
    ("of the own organization", "in the caller's organization"),
    ("of the very", "of the same, of exactly this"),
    ("one's own", "the caller's own"),
    ("out of reach", "outside the caller's scope"),
    ("out of sight", "not visible"),
    ("parted by", "separated by"),
    ("passed over", "skipped, ignored"),
    ("passes over", "skips, ignores"),
    ("passing over", "skipping"),
    ("so long at most", "at most this long"),
    ("stand in", "be in"),
    ("stands beside", "is next to, is in"),
    ("stands here", "is here, is defined here"),
    ("stands in", "is in"),
    ("such as it is", "as it is"),
    ("take leave", "close"),
    ("takes leave", "closes"),
    ("takes no changes", "accepts no writes"),
    ("tells how", "returns how, says how"),
    ("tells nobody", "does not reveal"),
    ("tells what", "returns what, says what"),
    ("that there are", "the existing, all"),
    ("the own", "the caller's own, its own"),
    ("the way out", "what to do"),
    ("this very", "exactly this"),
    ("to the letter", "exactly"),
    ("told once", "shown only once"),
    ("told this once", "shown only once"),
    ("told to", "shown to, sent to"),
    ("under way", "running, concurrent"),
    ("what became of", "the outcome of"),
    ("what becomes of", "the outcome of, what happens to"),
    ("what stands", "what is"),
    ("what was acknowledged", "confirmed changes"),
    ("whoever", "a caller who, everybody who, the user who"),
    ("whomever", "anyone"),
    ("within each other", "nested"),
    ("within reach", "within the caller's scope"),
];

#[test]
fn phrases_are_plain() {
    let mut found = Vec::new();
    for path in COVERED {
        check(Path::new(path), &mut found);
    }
    assert!(
        found.is_empty(),
        "{} phrases are hard to read:\n{}",
        found.len(),
        found.join("\n")
    );
}

/// A phrase that is broken over two lines of a comment is found, on its first line, and a part of a word is not.
#[test]
fn phrases_are_found() {
    let text = "/// It is not\n/// told, but the key is\n/// told this once; an untold story, Whoever.\n";
    let found: Vec<(usize, &str)> = odd_in(text).map(|(line, phrase, _)| (line, phrase)).collect();
    assert_eq!(found, [(2, "is told"), (3, "told this once"), (3, "whoever")]);
}

fn check(path: &Path, found: &mut Vec<String>) {
    if FOREIGN.iter().any(|foreign| path.starts_with(foreign)) {
        return;
    }
    let whole = from_top("").join(path);
    if whole.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(&whole)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        entries.sort();
        for entry in entries {
            check(&path.join(entry), found);
        }
        return;
    }
    // Images and compressed files are not text.
    let Ok(text) = std::fs::read_to_string(&whole) else {
        return;
    };
    for (line, phrase, plain) in odd_in(&text) {
        found.push(format!("{}:{line}: '{phrase}'; write: {plain}", path.display()));
    }
}

/// The odd phrases of a text, in order, each with its line and its replacement.
fn odd_in(text: &str) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
    let mut joined = String::new();
    let mut starts = Vec::new();
    for line in text.lines() {
        starts.push(joined.len());
        let line = line
            .trim()
            .trim_start_matches(['/', '!', '#', '*'])
            .trim_end_matches('\\');
        joined.push_str(&line.trim().to_lowercase());
        joined.push(' ');
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (phrase, plain) in ODD {
        for (at, _) in joined.match_indices(phrase) {
            let before = joined[..at].chars().next_back();
            let after = joined[at + phrase.len()..].chars().next();
            if !before.is_some_and(is_word) && !after.is_some_and(is_word) {
                let line = starts.partition_point(|start| *start <= at);
                found.push((at, line, *phrase, *plain));
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, line, phrase, plain)| (line, phrase, plain))
}
