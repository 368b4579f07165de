//! The last word: every figure beside its aim.

use std::fmt;

use serde_json::{Value, json};

use crate::DATABASES;
use crate::bench::{Bench, millis};
use crate::load::{Measured, Punctual};

#[derive(Default)]
pub struct Table {
    pub rows: Vec<Row>,
    /// What was measured, for the results as JSON.
    pub measured: Vec<Value>,
}

pub struct Row {
    pub what: String,
    pub figures: Vec<Figure>,
}

/// What came of it on one database.
#[derive(Clone, Copy)]
pub struct Figure {
    pub database: &'static str,
    pub value: f64,
    pub aim: Option<Aim>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub fn missed(&self) -> bool {
        match self.aim {
            Some(Aim::AtLeast(aim)) => self.value < aim,
            Some(Aim::AtMost(aim)) => self.value > aim,
            None => false,
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(aim) => write!(f, "≥ {aim}"),
            Self::AtMost(aim) => write!(f, "≤ {aim}"),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.value.abs() < 10.0 { 2 } else { 1 };
        let missed = if self.missed() { " missed" } else { "" };
        f.pad(&format!("{:.digits$}{missed}", self.value))
    }
}

impl Row {
    pub fn on(&self, database: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.database == database)
    }

    /// One for both databases, or one for each.
    fn aims(&self) -> String {
        let aims: Vec<Option<Aim>> = DATABASES
            .iter()
            .filter_map(|database| Some(self.on(database)?.aim))
            .collect();
        match aims.as_slice() {
            [Some(one)] => one.to_string(),
            [Some(one), Some(other)] if one == other => one.to_string(),
            [one, other] if one != other => [one, other]
                .map(|aim| aim.map_or("–".to_owned(), |aim| aim.to_string()))
                .join(", "),
            _ => String::new(),
        }
    }
}

impl Table {
    pub fn at_least(&mut self, what: &str, aim: Option<f64>, database: &'static str, figure: f64) {
        self.add(what, aim.map(Aim::AtLeast), database, figure);
    }

    pub fn at_most(&mut self, what: &str, aim: Option<f64>, database: &'static str, figure: f64) {
        self.add(what, aim.map(Aim::AtMost), database, figure);
    }

    fn add(&mut self, what: &str, aim: Option<Aim>, database: &'static str, value: f64) {
        let figure = Figure { database, value, aim };
        match self.rows.iter_mut().find(|row| row.what == what) {
            Some(row) => row.figures.push(figure),
            None => self.rows.push(Row {
                what: what.to_owned(),
                figures: vec![figure],
            }),
        }
    }

    /// Notes what came of a workload, as fast as it was answered.
    pub fn note(&mut self, bench: &Bench<'_>, workload: &str, who: &str, connections: usize, measured: &Measured) {
        self.measured.push(json!({
            "database": bench.database,
            "users": bench.users,
            "workload": workload,
            "who": who,
            "connections": connections,
            "perSecond": measured.per_second,
            "p50Millis": millis(measured.p50),
            "p99Millis": millis(measured.p99),
            "cpuMicros": measured.cpu_micros,
            "databaseCpuMicros": measured.database_micros,
            "statements": measured.statements,
        }));
    }

    /// Notes what came of a workload at a fixed rate.
    pub fn note_punctual(
        &mut self,
        bench: &Bench<'_>,
        workload: &str,
        who: &str,
        per_second: u32,
        punctual: &Punctual,
    ) {
        self.measured.push(json!({
            "database": bench.database,
            "users": bench.users,
            "workload": workload,
            "who": who,
            "askedPerSecond": per_second,
            "failed": punctual.failed,
            "p50Millis": millis(punctual.p50),
            "p99Millis": millis(punctual.p99),
        }));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<62}{:>16}{:>14}{:>14}", "", "aim", "sqlite", "postgres")?;
        for row in &self.rows {
            write!(f, "{:<62}{:>16}", row.what, row.aims())?;
            for database in DATABASES {
                match row.on(database) {
                    Some(figure) => write!(f, "{figure:>14}")?,
                    None => write!(f, "{:>14}", "")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
