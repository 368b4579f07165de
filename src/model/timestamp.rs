//! A point in time, in microseconds.

use std::time::Duration;

use sea_orm::DeriveValueType;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::model::error::{Error, Result, shown};

/// Microseconds since 1970-01-01 00:00 UTC, between the years 1970 and 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 9999-12-31T23:59:59.999Z, shown for things that never expire.
    pub const FAR: Self = Self(253_402_300_799_999_000);

    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(0, Self::FAR.0))
    }

    pub fn micros(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339 with any offset.
    pub fn parse(field: &str, value: &str) -> Result<Self> {
        OffsetDateTime::parse(value, &Rfc3339)
            .ok()
            .and_then(|moment| i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok())
            .filter(|micros| (0..=Self::FAR.0).contains(micros))
            .map(Self)
            .ok_or_else(|| {
                Error::invalid(
                    field,
                    format!(
                        "'{}' is not a valid date and time, as in 2027-01-31T12:00:00.000Z.",
                        shown(value)
                    ),
                )
            })
    }

    /// RFC 3339 with as many fractional digits as needed, up to six: `2016-11-28T14:22:58.44874Z`.
    pub fn to_rfc3339(self) -> String {
        // Every time between 1970 and 9999 can be written in RFC 3339.
        self.moment().format(&Rfc3339).unwrap_or_default()
    }

    /// RFC 3339 with exactly six fractional digits, which is all that is stored.
    pub fn to_micros(self) -> String {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
        self.moment().format(format).unwrap_or_default()
    }

    /// As spreadsheets recognize it, in UTC: `2027-01-31 12:00:00`.
    pub fn to_seconds(self) -> String {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        self.moment().format(format).unwrap_or_default()
    }

    fn moment(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The start of this time's minute.
    #[must_use]
    pub fn whole_minute(self) -> Self {
        Self(self.0 - self.0 % 60_000_000)
    }

    /// This time, or the first one after `earlier`, so that every change increases `updatedAt`.
    #[must_use]
    pub fn later_than(self, earlier: Self) -> Self {
        Self(self.0.max(earlier.0.saturating_add(1)))
    }

    /// This time minus a duration.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self::from_micros(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// The duration until `end`; zero if that has passed.
    pub fn until(self, end: Self) -> Duration {
        Duration::from_micros(u64::try_from(end.0 - self.0).unwrap_or(0))
    }

    /// Whole seconds until `end`, rounded up; zero if that has passed.
    pub fn seconds_until(self, end: Self) -> u64 {
        u64::try_from(end.0 - self.0).unwrap_or(0).div_ceil(1_000_000)
    }

    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self::from_micros(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

/// `YYYY-MM-DDTHH:MM:SS.fffZ`, exactly: clients parse it with a fixed pattern.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self
            .moment()
            .format(format_description!(
                "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
            ))
            .map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
    }
}
