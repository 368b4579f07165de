//! Mails as tests read them.

/// The headers of a mail and its plain text, with lines joined and characters decoded.
pub fn text_of(mail: &str) -> String {
    part_of(mail, "text/plain")
}

/// The headers of a mail and its HTML.
pub fn html_of(mail: &str) -> String {
    part_of(mail, "text/html")
}

fn part_of(mail: &str, kind: &str) -> String {
    let (head, body) = mail.split_once("\r\n\r\n").expect("a mail has headers");
    if !head.contains("multipart/alternative") {
        return format!("{head}\r\n\r\n{}", decoded(head, body));
    }
    let boundary = head.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let line = format!("--{boundary}");
    let parts = body.split(line.as_str());
    let (part_head, part) = parts
        .filter_map(|part| part.trim_start().split_once("\r\n\r\n"))
        .find(|(head, _)| head.contains(kind))
        .unwrap_or_else(|| panic!("no {kind} in {mail}"));
    format!("{head}\r\n\r\n{}", decoded(part_head, part))
}

fn decoded(head: &str, body: &str) -> String {
    let coding = head.to_lowercase();
    if coding.contains("base64") {
        let text: String = body.split_whitespace().collect();
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap();
        return String::from_utf8(bytes).unwrap();
    }
    if !coding.contains("quoted-printable") {
        return body.to_owned();
    }
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'=');
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

/// The tokens of the links in a mail's text, in its order.
pub fn tokens_of(mail: &str) -> Vec<String> {
    let links = mail.split("#token=").skip(1);
    links
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect()
}
