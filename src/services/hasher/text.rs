//! Reads the parts that hash texts are made of.

use data_encoding::{BASE64_NOPAD, HEXLOWER_PERMISSIVE};

use super::refused::{Refused, because, malformed};

/// The alphabet of crypt and phpass, in the order of its values.
const CRYPT64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The bytes of Base64 as any product writes it: with padding or without, with `.` for `+` (passlib), or in the alphabet
/// for URLs.
pub fn base64(text: &str) -> Result<Vec<u8>, Refused> {
    let standard = text.trim_end_matches('=').chars().map(|c| match c {
        '.' | '-' => '+',
        '_' => '/',
        _ => c,
    });
    BASE64_NOPAD
        .decode(standard.collect::<String>().as_bytes())
        .map_err(|_| malformed())
}

/// The bytes of hex digits of either case.
pub fn hex(text: &str) -> Result<Vec<u8>, Refused> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| malformed())
}

/// The bytes of crypt's own Base64, which puts the first byte into the lowest bits.
pub fn crypt64(text: &str) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for symbol in text.bytes() {
        bits |= crypt64_value(symbol)? << held;
        held += 6;
        if held >= 8 {
            let [lowest, ..] = bits.to_le_bytes();
            bytes.push(lowest);
            bits >>= 8;
            held -= 8;
        }
    }
    // The bits that are left over say nothing, so only one value of them is accepted.
    match (bits, held < 6) {
        (0, true) => Ok(bytes),
        _ => Err(malformed()),
    }
}

/// The value of one character of crypt's Base64.
pub fn crypt64_value(symbol: u8) -> Result<u32, Refused> {
    let value = CRYPT64.iter().position(|known| *known == symbol);
    value.and_then(|value| u32::try_from(value).ok()).ok_or_else(malformed)
}

/// A decimal number in its only spelling: no sign, no leading zeros.
pub fn number(text: &str) -> Result<u32, Refused> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    match plain {
        true => text.parse().map_err(|_| malformed()),
        false => Err(malformed()),
    }
}

/// The values of these names in `name=value,name=value`. Each is allowed once: otherwise one value could be checked and
/// the other one used.
pub fn members<'a, const N: usize>(params: &'a str, names: [&str; N]) -> Result<[Option<&'a str>; N], Refused> {
    let mut values = [None; N];
    for param in params.split(',') {
        let (name, value) = param.split_once('=').ok_or_else(malformed)?;
        let known = values.iter_mut().zip(names).find(|(_, known)| *known == name);
        let Some((found, name)) = known else {
            return Err(because(
                "malformed",
                format!(
                    "'passwordHash' has an unknown parameter; supported parameters are {}.",
                    names.join(", ")
                ),
            ));
        };
        if found.is_some() {
            let twice = format!("'passwordHash' has the parameter '{name}' twice.");
            return Err(because("malformed", twice));
        }
        *found = Some(value);
    }
    Ok(values)
}

/// The same, where all values are numbers.
pub fn numbers<const N: usize>(params: &str, names: [&str; N]) -> Result<[Option<u32>; N], Refused> {
    let mut numbers = [None; N];
    for (found, value) in numbers.iter_mut().zip(members(params, names)?) {
        *found = value.map(number).transpose()?;
    }
    Ok(numbers)
}
