//! What a mail server's refusal is of: the mail, or the way to its recipient.
//!
//! A mail is given up only for what nobody can mend but its sender: a mailbox that is not, or a content that is not taken.
//! Whatever else is refused, a relay's operator can allow tomorrow. That a server does not know us, or our sender's address,
//! or has no room, says nothing of the mail; what it says only in its own words is taken for that when in doubt. Where there
//! is an enhanced code (RFC 3463), it decides.

/// Addresses: unknown mailbox, unknown domain, bad syntax, moved away, no mail for this domain.
const NO_SUCH_RECIPIENT: [(u16, u16); 5] = [(1, 1), (1, 2), (1, 3), (1, 6), (1, 10)];
/// The mail is longer than its recipient, or the server, takes any.
const TOO_LONG: [(u16, u16); 2] = [(2, 3), (3, 4)];
/// Exim says no enhanced codes, and refuses with 550 what is of the way too: "relay not permitted", "Sender verify failed".
const WORDS_OF_THE_WAY: [&str; 10] = [
    "authenti",
    "blacklist",
    "block",
    "denied",
    "helo",
    "policy",
    "prohibit",
    "relay",
    "sender",
    "spam",
];

/// Whether this refusal of a recipient is for good.
pub fn is_of_recipient(code: u16, text: &str) -> bool {
    match (code, enhanced(text)) {
        (500..600, Some((5, subject, detail))) => NO_SUCH_RECIPIENT.contains(&(subject, detail)),
        (550 | 551 | 553, None) => {
            let text = text.to_lowercase();
            !WORDS_OF_THE_WAY.iter().any(|word| text.contains(word))
        }
        _ => false,
    }
}

/// Whether this refusal, once all recipients are taken, is for good. Without an enhanced code it is not: that is how relays
/// refuse senders that they do not know, once they have seen the whole mail.
pub fn is_of_content(code: u16, text: &str) -> bool {
    match (code, enhanced(text)) {
        (500..600, Some((5, 6, _))) => true,
        (500..600, Some((5, subject, detail))) => {
            NO_SUCH_RECIPIENT.contains(&(subject, detail)) || TOO_LONG.contains(&(subject, detail))
        }
        _ => false,
    }
}

/// The enhanced code in a server's words: the first of them, or, as qmail has it, `(#5.7.1)` behind them.
fn enhanced(text: &str) -> Option<(u16, u16, u16)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word
            .trim_matches(|c: char| !c.is_ascii_digit())
            .split('.')
            .map(str::parse);
        match (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()) {
            (Ok(class @ (2 | 4 | 5)), Ok(subject), Ok(detail), None) => Some((class, subject, detail)),
            _ => None,
        }
    })
}
