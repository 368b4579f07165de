//! What a mail server refuses: the mail itself, or the way it is sent.
//!
//! A mail is given up only for a reason that its sender alone can fix: a mailbox that does not exist, or content that
//! is not accepted. The operator of the relay can fix every other reason later. If a server does not know us or our
//! sender's address, or has no space left, that says nothing about the mail. An enhanced code (RFC 3463) decides if
//! there is one. If there is only text, the mail is tried again when in doubt.

/// Addresses: unknown mailbox, unknown domain, bad syntax, moved away, no mail for this domain.
const NO_SUCH_RECIPIENT: [(u16, u16); 5] = [(1, 1), (1, 2), (1, 3), (1, 6), (1, 10)];
/// The mail is longer than the recipient or the server accepts.
const TOO_LONG: [(u16, u16); 2] = [(2, 3), (3, 4)];
/// Exim sends no enhanced codes, and also answers 550 for reasons that are not about the mail: "relay not permitted",
/// "Sender verify failed".
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

/// Whether this refusal of a recipient is permanent.
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

/// Whether this refusal, after all recipients were accepted, is permanent. Without an enhanced code it is not, because
/// relays also refuse unknown senders this way after they have received the whole mail.
pub fn is_of_content(code: u16, text: &str) -> bool {
    match (code, enhanced(text)) {
        (500..600, Some((5, 6, _))) => true,
        (500..600, Some((5, subject, detail))) => {
            NO_SUCH_RECIPIENT.contains(&(subject, detail)) || TOO_LONG.contains(&(subject, detail))
        }
        _ => false,
    }
}

/// The enhanced code in a server's reply: the first one, or, in qmail's format, `(#5.7.1)` at the end.
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
