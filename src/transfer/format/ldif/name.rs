//! Distinguished names of LDAP, in one spelling (RFC 4514).

/// A distinguished name in the spelling in which two that are the same are equal: lower case, without blanks around the
/// parts, escaped in one way. `None` if it is not one.
pub fn normalized(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in split(name, &[',', ';'])? {
        let mut pairs = split(part, &['+'])?
            .into_iter()
            .map(|pair| {
                let (kind, value) = pair.split_once('=')?;
                Some(format!("{}={}", kind.trim().to_ascii_lowercase(), folded(value)?))
            })
            .collect::<Option<Vec<_>>>()?;
        // The pairs of a part are a set.
        pairs.sort();
        parts.push(pairs.join("+"));
    }
    Some(parts.join(","))
}

/// The value of the first part of a name, if it is of this kind: `editors` of `cn=editors,ou=groups`.
pub fn first_value(name: &str, kind: &str) -> Option<String> {
    let part = *split(name, &[',', ';'])?.first()?;
    split(part, &['+'])?.into_iter().find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        found.trim().eq_ignore_ascii_case(kind).then(|| unescaped(value))?
    })
}

/// Splits a text at separators that are neither escaped nor within quotation marks.
fn split<'a>(text: &'a str, separators: &[char]) -> Option<Vec<&'a str>> {
    let mut parts = Vec::new();
    let (mut start, mut escaped, mut quoted) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted && separators.contains(&c) => {
                parts.push(text.get(start..at)?);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (!escaped && !quoted).then_some(parts)
}

/// A value as it is compared: in lower case, with single blanks, escaped in one way.
fn folded(value: &str) -> Option<String> {
    let value = unescaped(value)?.to_lowercase();
    let mut folded = String::with_capacity(value.len());
    for word in value.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        for c in word.chars() {
            if matches!(c, ',' | '+' | ';' | '\\' | '"' | '=') {
                folded.push('\\');
            }
            folded.push(c);
        }
    }
    Some(folded)
}

/// A value without its escapes: `\,`, `\2C`, and quotation marks around it as of old.
fn unescaped(value: &str) -> Option<String> {
    let value = value.trim();
    let value = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let first = rest.next()?;
        match hex(first) {
            // Two digits are a byte; any other character stands for itself.
            Some(high) => bytes.push(high * 16 + hex(rest.next()?)?),
            None => bytes.push(first),
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_the_same_are_equal() {
        let plain = normalized("uid=jose,ou=people,dc=example,dc=com");
        assert_eq!(plain.as_deref(), Some("uid=jose,ou=people,dc=example,dc=com"));
        assert_eq!(normalized("UID=Jose, OU=People,DC=example , dc = com"), plain);
        assert_eq!(normalized("uid=j\\6Fse;ou=\"people\",dc=example,dc=com"), plain);
        assert_eq!(normalized("cn=a\\,b+sn=c"), normalized("sn=C+cn=a\\2cb"));
        assert_eq!(normalized("cn=Zoë"), normalized("CN=Zo\\C3\\AB"));
        assert_ne!(normalized("cn=a\\,ou=b"), normalized("cn=a,ou=b"));
        assert_eq!(normalized("no name"), None);
        assert_eq!(normalized("cn=a\\"), None);
    }

    #[test]
    fn the_first_value() {
        assert_eq!(
            first_value("CN=Sales\\, North,ou=x", "cn").as_deref(),
            Some("Sales, North")
        );
        assert_eq!(first_value("uid=a,ou=x", "cn"), None);
    }
}
