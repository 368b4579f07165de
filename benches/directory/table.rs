//! The last word: every figure beside its aim.

use std::fmt;

#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    aim: Option<Aim>,
    figures: Vec<(&'static str, f64)>,
}

#[derive(Clone, Copy)]
enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Aim {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(aim) => figure >= aim,
            Self::AtMost(aim) => figure <= aim,
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

    fn add(&mut self, what: &str, aim: Option<Aim>, database: &'static str, figure: f64) {
        if !self.rows.iter().any(|row| row.what == what) {
            self.rows.push(Row {
                what: what.to_owned(),
                aim: None,
                figures: Vec::new(),
            });
        }
        if let Some(row) = self.rows.iter_mut().find(|row| row.what == what) {
            row.aim = row.aim.or(aim);
            row.figures.push((database, figure));
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<58}{:>10}{:>14}{:>14}", "", "aim", "sqlite", "postgres")?;
        for row in &self.rows {
            let aim = match row.aim {
                Some(Aim::AtLeast(aim)) => format!("≥ {aim}"),
                Some(Aim::AtMost(aim)) => format!("≤ {aim}"),
                None => String::new(),
            };
            write!(f, "{:<58}{aim:>10}", row.what)?;
            for database in super::DATABASES {
                let figure = row.figures.iter().find(|(of, _)| *of == database);
                let figure = figure.map(|(_, figure)| {
                    let missed = row.aim.is_some_and(|aim| !aim.is_met(*figure));
                    let digits = if figure.abs() < 10.0 { 2 } else { 1 };
                    format!("{figure:.digits$}{}", if missed { " missed" } else { "" })
                });
                write!(f, "{:>14}", figure.unwrap_or_default())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
