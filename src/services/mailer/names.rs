//! Names in mails. The name of an organization or user puts foreign text into somebody's mailbox under our name. It
//! must not look like a link, and it must be too short for a message of its own.

use unicode_normalization::UnicodeNormalization;

const CHARACTERS_MAX: usize = 60;

/// A name as it may appear in a mail: short, on one line, and without anything that a mail program turns into a link.
pub fn plain(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (at, character) in characters.iter().enumerate() {
        let before_word = characters.get(at + 1).is_some_and(|next| !next.is_whitespace());
        match character {
            c if c.is_control() => text.push(' '),
            // A dot inside a word, as in a domain. The dot of "Acme Inc." stays.
            c if before_word && is_one_of(*c, ".\u{3002}") => text.push(' '),
            c if is_one_of(*c, "/\\:@#?=%<>[]()\"\u{201C}\u{201D}\u{201E}") => text.push(' '),
            c => text.push(*c),
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let whole = words.join(" ");
    let mut short: String = whole.chars().take(CHARACTERS_MAX).collect();
    if short.len() < whole.len() {
        short.push('…');
    }
    short
}

/// Whether a character is one of these marks or a variant of one, such as the full-width form. Mail programs turn some
/// variants into links, and browsers treat all of them alike.
fn is_one_of(c: char, marks: &str) -> bool {
    std::iter::once(c).nfkc().any(|plain| marks.contains(plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_their_links_and_their_length() {
        assert_eq!(plain("Ada Lovelace"), "Ada Lovelace");
        assert_eq!(plain("Acme Inc."), "Acme Inc.");
        assert_eq!(plain("J. R. R. Tolkien"), "J. R. R. Tolkien");
        assert_eq!(
            plain("your account is BLOCKED, unblock at https://evil.example/a?b=c#d"),
            "your account is BLOCKED, unblock at https evil example a b c…"
        );
        assert_eq!(plain("www.evil.example"), "www evil example");
        for dot in ['\u{3002}', '\u{FF0E}', '\u{FF61}', '\u{2024}', '\u{FE52}'] {
            assert_eq!(plain(&format!("evil{dot}example")), "evil example", "{dot:?}");
        }
        assert_eq!(
            plain("https\u{FF1A}\u{FF0F}\u{FF0F}evil me\u{FF20}evil \u{FF02}x"),
            "https evil me evil x"
        );
        assert_eq!(plain("mail me@evil.example\r\nBcc: x"), "mail me evil example Bcc x");
    }

    proptest! {
        #[test]
        fn nothing_in_a_name_is_a_link(name in any::<String>()) {
            let text = plain(&name);
            prop_assert!(text.chars().count() <= CHARACTERS_MAX + 1);
            prop_assert!(!text.contains("//") && !text.contains('@') && !text.contains('\n') && !text.contains('\r'));
            let within_word = |at: usize| text[at + 1..].chars().next().is_some_and(|next| !next.is_whitespace() && next != '…');
            prop_assert!(text.match_indices('.').all(|(at, _)| !within_word(at)), "{text}");
        }
    }
}
