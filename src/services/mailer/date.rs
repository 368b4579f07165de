//! Dates as people write them.

use time::{Month, OffsetDateTime};

use crate::model::{MailLanguage, Timestamp};

/// A date with its time in UTC: `29 November 2026, 14:05 UTC`, `29. November 2026, 14:05 Uhr (UTC)`.
pub fn written(moment: Timestamp, language: MailLanguage) -> String {
    let at = OffsetDateTime::from_unix_timestamp(moment.micros() / 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (day, year, hour, minute) = (at.day(), at.year(), at.hour(), at.minute());
    match language {
        MailLanguage::En => format!("{day} {} {year}, {hour:02}:{minute:02} UTC", at.month()),
        MailLanguage::De => format!("{day}. {} {year}, {hour:02}:{minute:02} Uhr (UTC)", german(at.month())),
    }
}

fn german(month: Month) -> &'static str {
    match month {
        Month::January => "Januar",
        Month::February => "Februar",
        Month::March => "März",
        Month::April => "April",
        Month::May => "Mai",
        Month::June => "Juni",
        Month::July => "Juli",
        Month::August => "August",
        Month::September => "September",
        Month::October => "Oktober",
        Month::November => "November",
        Month::December => "Dezember",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_people_write_them() {
        for (moment, english, german) in [
            (
                "2026-11-29T14:05:59.999Z",
                "29 November 2026, 14:05 UTC",
                "29. November 2026, 14:05 Uhr (UTC)",
            ),
            (
                "2027-03-01T00:00:00Z",
                "1 March 2027, 00:00 UTC",
                "1. März 2027, 00:00 Uhr (UTC)",
            ),
        ] {
            let moment = Timestamp::parse("moment", moment).unwrap_or_default();
            assert_eq!(written(moment, MailLanguage::En), english);
            assert_eq!(written(moment, MailLanguage::De), german);
        }
    }
}
