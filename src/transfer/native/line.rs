//! A line of a file in the native format: a JSON object whose members are in a fixed order. What is not there, and what has
//! its usual value, is left out.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::model::Timestamp;

/// The version of the format.
pub const VERSION: i64 = 1;

/// An object in the making.
#[derive(Debug)]
pub struct Line(String);

impl Line {
    pub fn new(kind: &str) -> Self {
        Self::list_item().text("type", kind)
    }

    /// An object in a list, which has no type.
    pub fn list_item() -> Self {
        Self("{".to_owned())
    }

    #[must_use]
    pub fn text(self, name: &str, text: &str) -> Self {
        let json = serde_json::Value::from(text).to_string();
        self.json(name, &json)
    }

    #[must_use]
    pub fn text_if(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    #[must_use]
    pub fn number(self, name: &str, number: i64) -> Self {
        self.json(name, &number.to_string())
    }

    #[must_use]
    pub fn number_if(self, name: &str, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.number(name, number),
            None => self,
        }
    }

    #[must_use]
    pub fn flag(self, name: &str, flag: bool) -> Self {
        self.json(name, if flag { "true" } else { "false" })
    }

    /// A flag that is left out if it has its usual value.
    #[must_use]
    pub fn flag_unless(self, name: &str, flag: bool, usual: bool) -> Self {
        if flag == usual { self } else { self.flag(name, flag) }
    }

    /// JSON as it is stored.
    #[must_use]
    pub fn json(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
        self
    }

    #[must_use]
    pub fn json_if(self, name: &str, json: Option<&str>) -> Self {
        match json {
            Some(json) => self.json(name, json),
            None => self,
        }
    }

    /// A list of objects or texts that are JSON already; an empty one is left out.
    #[must_use]
    pub fn list(self, name: &str, items: &[String]) -> Self {
        match items {
            [] => self,
            items => self.json(name, &format!("[{}]", items.join(","))),
        }
    }

    #[must_use]
    pub fn time(self, name: &str, time: Timestamp) -> Self {
        self.text(name, &time.to_micros())
    }

    #[must_use]
    pub fn time_if(self, name: &str, time: Option<Timestamp>) -> Self {
        match time {
            Some(time) => self.time(name, time),
            None => self,
        }
    }

    /// The members that every versioned thing ends with.
    #[must_use]
    pub fn versioned(self, version: i64, created_at: Timestamp, updated_at: Timestamp) -> Self {
        self.number("version", version)
            .time("createdAt", created_at)
            .time("updatedAt", updated_at)
    }

    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Writes the lines of a file, counts its records, and ends it with a digest of every byte before.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
    digest: Sha256,
    records: u64,
}

impl<W: Write> Lines<W> {
    /// Begins with the first line.
    pub fn begin(out: W, head: Line) -> io::Result<Self> {
        let mut lines = Self {
            out,
            digest: Sha256::new(),
            records: 0,
        };
        lines.put(head)?;
        Ok(lines)
    }

    pub fn record(&mut self, line: Line) -> io::Result<()> {
        self.records += 1;
        self.put(line)
    }

    fn put(&mut self, line: Line) -> io::Result<()> {
        let mut line = line.finish();
        line.push('\n');
        self.digest.update(&line);
        self.out.write_all(line.as_bytes())
    }

    /// Writes the last line; returns the number of records.
    pub fn end(mut self) -> io::Result<(W, u64)> {
        let digest: String = self
            .digest
            .clone()
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let records = i64::try_from(self.records).unwrap_or(i64::MAX);
        let last = Line::new("end").number("records", records).text("sha256", &digest);
        self.put(last)?;
        self.out.flush()?;
        Ok((self.out, self.records))
    }
}
