//! What a search compares, the words of a thing, and what lists by name are sorted by: both folded, so that case and
//! accents do not matter.
//!
//! Folding works on each code point by itself, so the beginning of a text folds to the beginning of the folded text.

use unicode_normalization::char::{canonical_combining_class, decompose_compatible, is_combining_mark};

use super::Email;
use super::uuid_of;

/// The version of the rules on this page. Raise it when they change: the server then makes all that is stored again.
pub const FOLD: i64 = 1;

/// The maximum number of words of one thing.
const WORDS_MAX: usize = 32;
/// The maximum number of characters of a word; what follows does not count.
const WORD_CHARACTERS_MAX: usize = 64;
/// The maximum number of characters of a folded name, so that an index of PostgreSQL has room for it and for the name.
const SORT_NAME_CHARACTERS_MAX: usize = 128;

/// Letters whose stroke or ligature Unicode does not take apart; `ß` is what is left of its capital letter.
const ALIKE: [(char, &str); 11] = [
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('ø', "o"),
    ('ł', "l"),
    ('đ', "d"),
    ('ð', "d"),
    ('þ', "th"),
    ('ħ', "h"),
    ('ŧ', "t"),
    ('ŋ', "n"),
];

/// A text without case, accents and compatibility forms: `Ł`, `ł` and `l` are one, so are `ß` and `ss`.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
        return out;
    }
    // By way of upper case, so that the small letters of one capital letter are one: `ς` and `σ`.
    let letters = plain(text.chars()).into_iter();
    let letters = letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    for letter in plain(letters) {
        match ALIKE.iter().find(|(known, _)| *known == letter) {
            Some((_, plain)) => out.push_str(plain),
            None => out.push(letter),
        }
    }
    out
}

/// Letters without accents and compatibility forms. Nothing is put into another order, unlike in a normalization form.
fn plain(letters: impl Iterator<Item = char>) -> Vec<char> {
    let mut out = Vec::new();
    for letter in letters {
        decompose_compatible(letter, |part| {
            if !is_accent(part) {
                out.push(part);
            }
        });
    }
    out
}

/// Whether a mark is added to a letter that stays the same. Vowels and voicing marks of Indian, Thai, Tibetan and Japanese
/// writing make another syllable; the points of Hebrew and Arabic are often left out.
fn is_accent(mark: char) -> bool {
    is_combining_mark(mark)
        && match canonical_combining_class(mark) {
            0 => !mark.is_alphabetic(),
            6..=9 | 84..=132 => false,
            _ => true,
        }
}

/// Whether a character is part of a word.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// The words of a text: what is between characters that are neither letters nor digits.
fn split(text: &str, into: &mut Vec<String>) {
    let folded = folded(text);
    let words = folded.split(|c: char| !is_of_word(c));
    let words = words.filter(|word| !word.is_empty());
    into.extend(words.map(|word| limited(word, WORD_CHARACTERS_MAX).to_owned()));
}

/// The words of a text as they are stored: also those that begin like a UUID, such as `20261130-7`, without their hyphens,
/// because [`searched`] takes what somebody types for the beginning of one.
fn split_to_store(text: &str, into: &mut Vec<String>) {
    split(text, into);
    let folded = folded(text);
    for token in folded.split(|c: char| !is_of_word(c) && c != '-') {
        let mut rest = Some(token);
        while let Some(this) = rest {
            let after = this.split_once('-').map(|(_, after)| after);
            if this.get(..10).is_some_and(|start| start_of_uuid(start).is_some()) {
                into.push(limited(&this.replace('-', ""), WORD_CHARACTERS_MAX).to_owned());
            }
            rest = after;
        }
    }
}

fn limited(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

/// What lists by name are sorted by: the first characters of the folded name. That of a name which begins with a text begins
/// with that of the text.
pub fn sort_name(name: &str) -> String {
    limited(&folded(name), SORT_NAME_CHARACTERS_MAX).to_owned()
}

/// The words of a thing as they are stored: each with a space before it. An id that is a UUID is one word; the domain of an
/// address counts as people write it.
pub fn words<'a>(texts: impl IntoIterator<Item = &'a str>, email: Option<&Email>, id: &str) -> String {
    let mut found = Vec::new();
    for text in texts {
        split_to_store(text, &mut found);
    }
    if let Some((local, domain)) = email.and_then(|email| email.as_str().rsplit_once('@')) {
        split_to_store(local, &mut found);
        split_to_store(&idna::domain_to_unicode(domain).0, &mut found);
    }
    match uuid_of(id) {
        Some(uuid) => found.push(uuid.simple().to_string()),
        None => split_to_store(id, &mut found),
    }
    let mut stored = String::new();
    let mut kept: Vec<&String> = Vec::new();
    for word in &found {
        if kept.len() < WORDS_MAX && !kept.contains(&word) {
            kept.push(word);
            stored.push(' ');
            stored.push_str(word);
        }
    }
    stored
}

/// The words that somebody searches for, the longest first; each has to begin a word of the thing. `None`: nothing
/// matches. A blank text searches for nothing, and so matches everything.
pub fn searched(text: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for part in text.split_whitespace() {
        match start_of_uuid(part) {
            Some(digits) => found.push(digits),
            None if part.to_ascii_lowercase().contains("xn--") => {
                for piece in part.split('@') {
                    split(&idna::domain_to_unicode(piece).0, &mut found);
                }
            }
            None => split(part, &mut found),
        }
    }
    // A word that begins another one is found with it.
    found.sort_by(|a, b| b.chars().count().cmp(&a.chars().count()).then_with(|| a.cmp(b)));
    let mut words: Vec<String> = Vec::new();
    for word in found {
        if !words.iter().any(|longer| longer.starts_with(&word)) {
            words.push(word);
        }
        // Each of them needs a word of its own.
        if words.len() > WORDS_MAX {
            return None;
        }
    }
    (!words.is_empty() || text.trim().is_empty()).then_some(words)
}

/// The digits of a UUID, or of the beginning of one that goes beyond its first hyphen.
fn start_of_uuid(part: &str) -> Option<String> {
    if let Some(uuid) = uuid_of(part) {
        return Some(uuid.simple().to_string());
    }
    let hyphens = [8, 13, 18, 23];
    let fits = |(place, byte): (usize, u8)| match hyphens.contains(&place) {
        true => byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    let is_start = (9..36).contains(&part.len()) && part.bytes().enumerate().all(fits);
    is_start.then(|| part.replace('-', "").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_forms_do_not_matter() {
        let alike = [
            ("Ångström", "angstrom"),
            ("A\u{30A}NGSTRO\u{308}M", "angstrom"),
            ("Straße", "STRASSE"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("İstanbul ISPARTA ısparta", "istanbul isparta isparta"),
            ("Łukasz Søren Þór Æsir", "lukasz soren thor aesir"),
            ("ﬁn Ｆｕｌｌ", "fin full"),
            ("שָׁלוֹם مُحَمَّد", "שלום محمد"),
        ];
        for (one, other) in alike {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        // Other syllables, not accents.
        for (one, other) in [("कि", "का"), ("กิ", "กุ"), ("か", "が"), ("क", "क्")] {
            assert_ne!(folded(one), folded(other), "{one}");
        }
    }

    #[test]
    fn folding_again_changes_nothing_and_folds_each_code_point_by_itself() {
        for c in (0..=0x0010_FFFF).filter_map(char::from_u32) {
            let once = folded(&c.to_string());
            assert_eq!(folded(&once), once, "U+{:04X}", u32::from(c));
            let within = folded(&format!("é{c}Σ"));
            assert_eq!(within, format!("e{once}σ"), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn a_list_by_name_puts_alike_names_together() {
        let mut names = [
            "Hedy",
            "Zoë",
            "Eve",
            "Éva",
            "adam",
            "eva",
            "Ölaf",
            "Straße 2",
            "Strasse 1",
            "9",
            "Łukasz",
            "Lucy",
        ];
        names.sort_by_key(|name| sort_name(name));
        let expected = [
            "9",
            "adam",
            "Éva",
            "eva",
            "Eve",
            "Hedy",
            "Lucy",
            "Łukasz",
            "Ölaf",
            "Strasse 1",
            "Straße 2",
            "Zoë",
        ];
        assert_eq!(names, expected);
        // The one that folds to the most characters.
        let long = "\u{FDFA}".repeat(255);
        assert_eq!(sort_name(&long).chars().count(), 128);
        for length in [1, 7, 8, 255] {
            let start: String = long.chars().take(length).collect();
            assert!(sort_name(&long).starts_with(&sort_name(&start)), "{length}");
        }
    }

    #[test]
    fn a_thing_has_the_words_of_its_names_its_address_and_its_id() {
        let email = Email::normalize("Ada.Byron@xn--mller-kva.example").unwrap();
        let names = ["Ada Lovelace", "O'Neill-Ada"];
        assert_eq!(
            words(names, Some(&email), "crew-7"),
            " ada lovelace o neill byron muller example crew 7"
        );
        let uuid = "67E55044-10b1-426f-9247-bb680e5fe0c8";
        assert_eq!(words([], None, uuid), " 67e5504410b1426f9247bb680e5fe0c8");
        let long = "x".repeat(100);
        let many: String = (0..50).map(|number| format!("{number} ")).collect();
        assert_eq!(words([long.as_str()], None, "-"), format!(" {}", "x".repeat(64)));
        assert_eq!(words([many.as_str()], None, "a").split_whitespace().count(), 32);
    }

    #[test]
    fn what_looks_like_the_beginning_of_a_uuid_is_found() {
        let uuid = "550e8400-e29b-41d4-a716-446655440000";
        let stored = [
            "20261130-00011",
            "(a-20261130-0001)",
            "deadbeef-cafe",
            "20261130-0001-x",
            uuid,
        ];
        for stored in stored {
            let words = words([stored], None, "-");
            for end in 1..=stored.len() {
                let start = stored.get(..end).unwrap().trim_start_matches('(');
                let found = searched(start).unwrap_or_default();
                let is_found = |word: &String| words.contains(&format!(" {word}"));
                assert!(found.iter().all(is_found), "{start}: {found:?} in {words}");
            }
        }
        let found = searched("20261130-0001").unwrap();
        assert_eq!(found, ["202611300001"]);
        assert!(words(["Kunde A-20261130-00012"], None, "-").contains(" 2026113000012"));
        assert_eq!(words(["12-34", "abcdefgh-1"], None, "-"), " 12 34 abcdefgh 1");
    }

    #[test]
    fn a_search_has_the_longest_words_first_and_none_twice() {
        let found = |text: &str| searched(text).unwrap();
        assert_eq!(found(" Lov  ada@EXAMPLE "), ["example", "ada", "lov"]);
        assert_eq!(found("a ad ada"), ["ada"]);
        assert_eq!(found("67e55044-10b1-4"), ["67e5504410b14"]);
        assert_eq!(
            found("67E55044-10b1-426f-9247-bb680e5fe0c8"),
            ["67e5504410b1426f9247bb680e5fe0c8"]
        );
        assert_eq!(found("deadbeef"), ["deadbeef"]);
        assert_eq!(found("ada@xn--mller-kva.example"), ["example", "muller", "ada"]);
        assert_eq!(found("ada@XN--MLLER-KVA.example"), ["example", "muller", "ada"]);
        assert_eq!(found("हिन्दी"), ["हिन्दी"]);
        assert_eq!(found("  "), [""; 0]);
        assert_eq!(searched("—!"), None);
        let many: String = (100..150).map(|number| format!("{number} ")).collect();
        assert_eq!(searched(&many), None);
    }
}
