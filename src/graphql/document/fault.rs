//! What is wrong with a document, or with the values sent with it.

use async_graphql::Pos;

use crate::model::error::{Error, ErrorCode};

/// One mistake, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: ErrorCode,
    pub message: String,
    /// Where it is in the document.
    pub at: Vec<Pos>,
    /// The wrong argument or part of one, as in `where.id`.
    pub field: Option<String>,
}

impl Fault {
    /// The document is not valid GraphQL, or does not match the schema.
    pub fn invalid(at: impl IntoIterator<Item = Pos>, message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::Invalid,
            message: message.into(),
            at: at.into_iter().collect(),
            field: None,
        }
    }

    /// Too many of something, with the limit.
    pub fn limit(count: usize, what: &str, max: usize) -> Self {
        Self {
            code: ErrorCode::LimitExceeded,
            message: format!("The document contains {count} {what}; the limit is {max}."),
            at: Vec::new(),
            field: None,
        }
    }

    /// The message does not quote the document, because that may contain a secret.
    pub fn syntax(at: Pos, what: &str) -> Self {
        let Pos { line, column } = at;
        Self::invalid([at], format!("Syntax error in line {line}, column {column}: {what}."))
    }

    #[must_use]
    pub fn of_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = error.code();
        let message = error.to_string();
        let field = match error {
            Error::Invalid { field, .. } => Some(field),
            _ => None,
        };
        Self {
            code,
            message,
            at: Vec::new(),
            field,
        }
    }
}
