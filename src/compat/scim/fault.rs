//! Why a request was refused, in the standard's words.

/// The standard's word for the reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScimType {
    /// The filter cannot be read, or asks for something that cannot be filtered.
    InvalidFilter,
    /// The path of an operation cannot be read, or names an unknown attribute.
    InvalidPath,
    /// The body is not JSON, or not a message of the expected form.
    InvalidSyntax,
    /// A value of the wrong type, too long, or missing.
    InvalidValue,
    /// The operation has no target.
    NoTarget,
    /// The attribute is read-only, or cannot be removed.
    Mutability,
    /// The cursor is not one of this query.
    InvalidCursor,
    /// The size of a page is not a number that is accepted.
    InvalidCount,
    /// Another resource has this name or address.
    Uniqueness,
    /// The query takes too long.
    TooMany,
}

impl ScimType {
    /// The word as it is sent.
    pub fn text(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidPath => "invalidPath",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidValue => "invalidValue",
            Self::NoTarget => "noTarget",
            Self::Mutability => "mutability",
            Self::InvalidCursor => "invalidCursor",
            Self::InvalidCount => "invalidCount",
            Self::Uniqueness => "uniqueness",
            Self::TooMany => "tooMany",
        }
    }
}

/// A refusal: what is wrong and what to do, in one or two sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The standard's word.
    pub scim_type: ScimType,
    /// The sentence for the caller.
    pub detail: String,
}

impl Fault {
    /// A refusal with this word.
    pub fn new(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self {
            scim_type,
            detail: detail.into(),
        }
    }

    /// A value that is never accepted.
    pub fn value(detail: impl Into<String>) -> Self {
        Self::new(ScimType::InvalidValue, detail)
    }

    /// A body of the wrong form.
    pub fn syntax(detail: impl Into<String>) -> Self {
        Self::new(ScimType::InvalidSyntax, detail)
    }

    /// A path of an operation that is not accepted.
    pub fn path(detail: impl Into<String>) -> Self {
        Self::new(ScimType::InvalidPath, detail)
    }

    /// A change of something that cannot be changed in this way.
    pub fn mutability(detail: impl Into<String>) -> Self {
        Self::new(ScimType::Mutability, detail)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Fault {}

/// The start of what was sent, to repeat it in a sentence.
pub fn clipped(text: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    let visible = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
    let mut start: String = text.chars().take(CHARACTERS_MAX).map(visible).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        start.push('…');
    }
    start
}
