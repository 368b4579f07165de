//! The outcomes of the rows of a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::kind::Kind;
use super::record::{Refusal, Row};
use crate::model::error::Error;

/// The outcome of a row.
#[derive(Debug)]
pub enum Did {
    Created,
    Changed,
    Unchanged,
    /// It is there already, differs, and was left as it is.
    Skipped,
    Refused(Problem),
    /// It is nothing to be taken, such as a service account.
    Ignored(String),
}

/// Why a row was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// As in `extensions.code` of GraphQL.
    pub code: String,
    pub field: Option<String>,
    /// A sentence without secrets.
    pub message: String,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = error.code().to_string();
        let message = error.to_string();
        let field = match error {
            Error::Invalid { field, .. } => Some(field),
            Error::Ambiguous { field, .. } => Some(field.to_owned()),
            _ => None,
        };
        Self { code, field, message }
    }
}

/// Where a row stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The file, if there are several.
    pub file: Option<Arc<str>>,
    /// Several rows can begin in one line.
    pub line: u64,
    /// The number of the row in its batch.
    pub number: usize,
}

impl At {
    pub(super) fn of(row: &Row, number: usize) -> Self {
        Self {
            file: row.file.clone(),
            line: row.line,
            number,
        }
    }
}

/// A row and its outcome.
#[derive(Debug)]
pub struct Outcome {
    pub at: At,
    pub kind: Kind,
    pub id: Option<String>,
    pub email: Option<String>,
    pub did: Did,
    /// Of a user who was created.
    pub lacks: Lacks,
}

/// What a new user does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    pub password: bool,
    /// It has no password, but a federated identity: it signs in with that provider only.
    pub is_federated: bool,
    /// The kind of the hash that cannot be checked.
    pub hash: Option<&'static str>,
}

impl Outcome {
    pub fn ignored(at: At, what: &str) -> Self {
        Self {
            at,
            kind: Kind::User,
            id: None,
            email: None,
            did: Did::Ignored(what.to_owned()),
            lacks: Lacks::default(),
        }
    }

    /// A row that could not be read.
    pub fn refused(at: At, refusal: &Refusal) -> Self {
        Self {
            at,
            kind: refusal.kind.parse().unwrap_or(Kind::User),
            id: refusal.id.clone(),
            email: refusal.email.clone(),
            did: Did::Refused(Problem {
                code: "INVALID".to_owned(),
                field: refusal.field.clone(),
                message: refusal.message.clone(),
            }),
            lacks: Lacks::default(),
        }
    }
}

/// The numbers of rows of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub created: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub refused: u64,
    pub ignored: u64,
}

/// A refused row in the file of errors.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    pub line: u64,
    pub r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    pub code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'a str>,
    pub message: &'a str,
}

/// Counts the rows, and hands on the refused ones.
pub struct Report<'a> {
    pub counts: BTreeMap<Kind, Counts>,
    /// What was ignored, and how often.
    pub ignored: BTreeMap<String, u64>,
    /// Hashes of new users against which no password can be checked, by kind.
    pub unusable_hashes: BTreeMap<String, u64>,
    /// New users without a password, services aside.
    pub without_password: u64,
    /// The same with a federated identity, who get no mail for a new password.
    pub federated_only: u64,
    /// Gets each refused row.
    refused: Box<dyn FnMut(Told<'_>) + Send + 'a>,
}

impl std::fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl<'a> Report<'a> {
    pub fn new(refused: impl FnMut(Told<'_>) + Send + 'a) -> Self {
        Self {
            counts: BTreeMap::new(),
            ignored: BTreeMap::new(),
            unusable_hashes: BTreeMap::new(),
            without_password: 0,
            federated_only: 0,
            refused: Box::new(refused),
        }
    }

    pub(super) fn add(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            let counts = self.counts.entry(outcome.kind).or_default();
            let count = match &outcome.did {
                Did::Created => &mut counts.created,
                Did::Changed => &mut counts.changed,
                Did::Unchanged => &mut counts.unchanged,
                Did::Skipped => &mut counts.skipped,
                Did::Refused(_) => &mut counts.refused,
                Did::Ignored(_) => &mut counts.ignored,
            };
            *count += 1;
            self.without_password += u64::from(outcome.lacks.password && !outcome.lacks.is_federated);
            self.federated_only += u64::from(outcome.lacks.password && outcome.lacks.is_federated);
            if let Some(kind) = outcome.lacks.hash {
                *self.unusable_hashes.entry(kind.to_owned()).or_default() += 1;
            }
            match &outcome.did {
                Did::Ignored(what) => *self.ignored.entry(what.clone()).or_default() += 1,
                Did::Refused(problem) => (self.refused)(Told {
                    file: outcome.at.file.as_deref(),
                    line: outcome.at.line,
                    r#type: outcome.kind.into(),
                    id: outcome.id.as_deref(),
                    email: outcome.email.as_deref(),
                    code: &problem.code,
                    field: problem.field.as_deref(),
                    message: &problem.message,
                }),
                _ => {}
            }
        }
    }

    /// How many rows became this.
    pub fn total(&self, of: impl Fn(&Counts) -> u64) -> u64 {
        self.counts.values().map(of).sum()
    }
}
