//! What is wrong with a document, or with the values it is sent with.

use async_graphql::Pos;

use crate::model::error::{Error, ErrorCode};

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: ErrorCode,
    pub message: String,
    /// Where it stands in the document.
    pub at: Vec<Pos>,
    /// The argument at fault, or the part of it, as in `where.id`.
    pub field: Option<String>,
}

impl Fault {
    /// The document is not GraphQL, or does not fit the schema.
    pub fn invalid(at: impl IntoIterator<Item = Pos>, message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::Invalid,
            message: message.into(),
            at: at.into_iter().collect(),
            field: None,
        }
    }

    /// So many of something, and the limit.
    pub fn limit(count: usize, what: &str, max: usize) -> Self {
        Self {
            code: ErrorCode::LimitExceeded,
            message: format!("The document holds {count} {what}; the limit is {max}."),
            at: Vec::new(),
            field: None,
        }
    }

    /// Not text of the document, which may hold a secret.
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
