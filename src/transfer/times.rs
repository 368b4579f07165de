//! The many forms of time in the files of other systems.

use time::format_description::{OwnedFormatItem, parse_owned, parse_strftime_owned};
use time::{Date, Month, PrimitiveDateTime};

use crate::model::Timestamp;
use crate::model::error::shown;

/// How a time is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TimeForm {
    /// Any of the forms that cannot be mistaken for another one.
    #[default]
    Any,
    Rfc3339,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// `YYYYMMDDHHMMSSZ`.
    Ldap,
    /// Steps of 100 nanoseconds since 1601, as in Active Directory.
    FileTime,
    /// A pattern: `%d.%m.%Y`, or `[day].[month].[year]`.
    Pattern(OwnedFormatItem),
}

impl TimeForm {
    /// Parses the form's name in a map, or its pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pattern = match text {
            "any" => return Ok(Self::Any),
            "rfc3339" => return Ok(Self::Rfc3339),
            "unix" => return Ok(Self::Unix),
            "unix-ms" => return Ok(Self::UnixMs),
            "ldap" => return Ok(Self::Ldap),
            "filetime" => return Ok(Self::FileTime),
            text if text.contains('%') => parse_strftime_owned(text),
            text if text.contains('[') => parse_owned::<2>(text),
            _ => return Err(unknown_form(text)),
        };
        pattern.map(Self::Pattern).map_err(|_| unknown_form(text))
    }
}

fn unknown_form(text: &str) -> String {
    format!(
        "'{}' is not a form of time. Use 'any', 'rfc3339', 'unix', 'unix-ms', 'ldap', 'filetime', or a pattern such as \
         '%d.%m.%Y %H:%M'.",
        shown(text)
    )
}

/// Parses a time; `None` if the text means "never". Without an offset, it is in UTC.
pub fn moment(text: &str, form: &TimeForm) -> Result<Option<Timestamp>, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with("0000-00-00") || text.eq_ignore_ascii_case("never logged in") {
        return Ok(None);
    }
    let micros = match form {
        TimeForm::Any => any(text),
        TimeForm::Rfc3339 => Timestamp::parse("", text).ok().map(Timestamp::micros),
        TimeForm::Unix => scaled(text, 1_000_000),
        TimeForm::UnixMs => scaled(text, 1_000),
        TimeForm::Ldap => compact(text),
        TimeForm::FileTime => match file_time(text) {
            FileTime::Never => return Ok(None),
            FileTime::At(micros) => Some(micros),
            FileTime::Wrong => None,
        },
        TimeForm::Pattern(pattern) => by_pattern(text, pattern),
    };
    match micros {
        Some(micros) if micros >= 0 => Ok(Some(Timestamp::from_micros(micros))),
        Some(_) => Err(format!("'{}' is before 1970.", shown(text))),
        None => Err(format!(
            "'{}' is not a valid time of the expected form. Use a form such as 2027-01-31T12:00:00Z, or give the form of \
             the file in a map, as 'time'.",
            shown(text)
        )),
    }
}

/// Microseconds since 1970, negative before that.
fn any(text: &str) -> Option<i64> {
    calendar(text).or_else(|| number(text)).or_else(|| compact(text))
}

/// A number, whose size shows its unit.
fn number(text: &str) -> Option<i64> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let size = whole.parse::<i64>().ok()?.unsigned_abs();
    match size {
        0..100_000_000_000 => scaled(text, 1_000_000),
        100_000_000_000..100_000_000_000_000 => scaled(text, 1_000),
        _ => scaled(text, 1),
    }
}

/// A decimal number of units of so many microseconds.
fn scaled(text: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_negative = whole.starts_with('-');
    let micros = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    // A millionth is `unit` / 1,000,000 microseconds.
    let fraction = match fraction {
        "" => 0,
        digits => millionths(digits)?.checked_mul(unit)? / 1_000_000,
    };
    match is_negative {
        true => micros.checked_sub(fraction),
        false => micros.checked_add(fraction),
    }
}

/// The millionths that the digits after a decimal point mean; further digits are dropped.
fn millionths(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let six: String = digits.chars().chain("000000".chars()).take(6).collect();
    six.parse().ok()
}

/// `2024-01-31`, with a time of day and an offset if given; also with slashes.
fn calendar(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let separator = match date.get(4..5)? {
        sign @ ("-" | "/") => sign,
        _ => return None,
    };
    let mut parts = date.split(separator);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let midnight = midnight(year, month, day)?;
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then_some(midnight);
    };
    let (clock, rest) = match rest.find(|c: char| !c.is_ascii_digit() && c != ':') {
        Some(end) => rest.split_at_checked(end)?,
        None => (rest, ""),
    };
    let mut parts = clock.split(':');
    let of_day = time_of_day(parts.next()?, parts.next()?, parts.next().unwrap_or("00"))?;
    if parts.next().is_some() {
        return None;
    }
    midnight.checked_add(of_day)?.checked_add(fraction_and_offset(rest)?)
}

/// `20240131120000Z`, of LDAP.
fn compact(text: &str) -> Option<i64> {
    let (digits, rest) = text.split_at_checked(14)?;
    // Without an offset, it could be a number.
    if rest.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to);
    let midnight = midnight(part(0, 4)?, part(4, 6)?, part(6, 8)?)?;
    let of_day = time_of_day(part(8, 10)?, part(10, 12)?, part(12, 14)?)?;
    midnight.checked_add(of_day)?.checked_add(fraction_and_offset(rest)?)
}

fn midnight(year: &str, month: &str, day: &str) -> Option<i64> {
    let month = Month::try_from(two_digits(month)?).ok()?;
    let year = year
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| year.parse().ok())??;
    let date = Date::from_calendar_date(year, month, two_digits(day)?).ok()?;
    date.midnight().assume_utc().unix_timestamp().checked_mul(1_000_000)
}

fn time_of_day(hour: &str, minute: &str, second: &str) -> Option<i64> {
    let (hour, minute, second) = (two_digits(hour)?, two_digits(minute)?, two_digits(second)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Some(seconds * 1_000_000)
}

fn two_digits(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The microseconds to add for `.123`, `Z`, ` UTC`, `+00`, `-05:00` or ` -0500`, or for nothing.
fn fraction_and_offset(text: &str) -> Option<i64> {
    let (fraction, rest) = match text.strip_prefix(['.', ',']) {
        None => (0, text),
        Some(text) => {
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (digits, rest) = text.split_at_checked(end)?;
            (millionths(digits)?, rest)
        }
    };
    let rest = rest.trim();
    if matches!(rest, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some(fraction);
    }
    let (sign, digits) = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
        (Some(digits), _) => (-1, digits),
        (None, Some(digits)) => (1, digits),
        (None, None) => return None,
    };
    let (hours, minutes) = match (digits.len(), digits.split_once(':')) {
        (2, None) => (digits, "00"),
        (4, None) => digits.split_at_checked(2)?,
        (_, Some(parts)) => parts,
        (_, None) => return None,
    };
    Some(fraction + sign * time_of_day(hours, minutes, "00")?)
}

enum FileTime {
    Never,
    At(i64),
    Wrong,
}

fn file_time(text: &str) -> FileTime {
    // Seconds from 1601 to 1970.
    const EPOCH_MICROS: i64 = 11_644_473_600 * 1_000_000;
    match text.parse::<i64>() {
        Ok(0 | i64::MAX) => FileTime::Never,
        Ok(steps) => FileTime::At(steps / 10 - EPOCH_MICROS),
        Err(_) => FileTime::Wrong,
    }
}

fn by_pattern(text: &str, pattern: &OwnedFormatItem) -> Option<i64> {
    let moment = time::OffsetDateTime::parse(text, pattern)
        .or_else(|_| PrimitiveDateTime::parse(text, pattern).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| Date::parse(text, pattern).map(|date| date.midnight().assume_utc()))
        .ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        moment(text, &TimeForm::Any).unwrap().map(Timestamp::to_rfc3339)
    }

    #[test]
    fn times_of_many_forms() {
        for (text, expected) in [
            ("2024-05-06T07:08:09.123Z", "2024-05-06T07:08:09.123Z"),
            ("2023-01-02T03:04:05.678000+01:00", "2023-01-02T02:04:05.678Z"),
            ("2024-03-01 10:11:12.123456+00", "2024-03-01T10:11:12.123456Z"),
            ("2020-01-02 03:04:05 -0500", "2020-01-02T08:04:05Z"),
            ("2020-01-02 03:04:05 UTC", "2020-01-02T03:04:05Z"),
            ("2020-01-02 03:04:05", "2020-01-02T03:04:05Z"),
            ("2024/11/28 08:15:00", "2024-11-28T08:15:00Z"),
            ("2024-11-28", "2024-11-28T00:00:00Z"),
            ("1600000000", "2020-09-13T12:26:40Z"),
            ("1600000000123", "2020-09-13T12:26:40.123Z"),
            ("1600000000123456", "2020-09-13T12:26:40.123456Z"),
            ("1700000000.123", "2023-11-14T22:13:20.123Z"),
            ("20240131120000Z", "2024-01-31T12:00:00Z"),
            ("20240131120000.5Z", "2024-01-31T12:00:00.5Z"),
            ("9999-12-31 23:59:59.9999999 +00:00", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for never in ["0000-00-00 00:00:00", "Never logged in", " "] {
            assert_eq!(read(never), None, "{never}");
        }
    }

    #[test]
    fn wrong_and_ambiguous_times_are_refused() {
        for text in [
            "5/4/2023",
            "5/4/2023 3:02:01 AM",
            "31.12.2023",
            "2023-02-30",
            "2023-02-03 25:00:00",
            "1969-12-31",
            "-1",
            "tomorrow",
            "2023-1-2",
        ] {
            assert!(moment(text, &TimeForm::Any).is_err(), "{text}");
        }
    }

    #[test]
    fn times_by_the_form_of_a_map() {
        let read = |text: &str, form: &str| {
            let form = TimeForm::parse(form).unwrap();
            moment(text, &form).unwrap().map(Timestamp::to_rfc3339)
        };
        assert_eq!(read("31.12.2023", "%d.%m.%Y").as_deref(), Some("2023-12-31T00:00:00Z"));
        let pattern =
            "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]";
        assert_eq!(
            read("5/4/2023 3:02:01 AM", pattern).as_deref(),
            Some("2023-05-04T03:02:01Z")
        );
        assert_eq!(
            read("1600000000123", "unix-ms").as_deref(),
            Some("2020-09-13T12:26:40.123Z")
        );
        assert_eq!(
            read("132444736000000000", "filetime").as_deref(),
            Some("2020-09-13T12:26:40Z")
        );
        assert_eq!(read("9223372036854775807", "filetime"), None);
        assert!(TimeForm::parse("swatch").is_err());
    }
}
