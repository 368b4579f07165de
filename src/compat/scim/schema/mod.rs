//! Every attribute of users, groups and the enterprise extension, with its characteristics.
//!
//! Everything that knows names reads them here: bodies, paths, filters, lists of attributes, and the documents that describe
//! the schemas to clients.

mod table;

use std::fmt;

use super::names::{ENTERPRISE, GROUP, Kind, USER};

pub use table::{COMMON, ENTERPRISE_ATTRIBUTES, GROUP_ATTRIBUTES, USER_ATTRIBUTES};

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A text.
    Text,
    /// True or false.
    Boolean,
    /// An object with sub-attributes.
    Complex,
    /// A URI, as a text.
    Reference,
    /// A date and time, as a text.
    Time,
    /// Base64, as a text.
    Binary,
}

impl Type {
    /// The name in a schema document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Boolean => "boolean",
            Self::Complex => "complex",
            Self::Reference => "reference",
            Self::Time => "dateTime",
            Self::Binary => "binary",
        }
    }
}

/// Who may write an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// The server alone.
    ReadOnly,
    /// Clients too.
    ReadWrite,
    /// Clients, when they create the value.
    Immutable,
    /// Clients, and nobody can read it.
    WriteOnly,
}

/// How texts of an attribute are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Exactly.
    Exact,
    /// As addresses: the normal form if it is one, otherwise without regard to case.
    Address,
    /// Without regard to case.
    Lowered,
}

/// How long a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 255 characters.
    Short,
    /// 2,000 characters.
    Long,
    /// 16 KiB.
    Certificate,
}

/// An attribute or a sub-attribute.
#[derive(Debug)]
pub struct Attribute {
    /// The name in its own case.
    pub name: &'static str,
    /// The type of its value, or of each of its values.
    pub kind: Type,
    /// For people.
    pub description: &'static str,
    /// Whether it has a list of values.
    pub multi_valued: bool,
    /// Whether it always has a value.
    pub required: bool,
    /// How its texts are compared.
    pub fold: Fold,
    /// Who may write it.
    pub mutability: Mutability,
    /// Whether the server keeps its values unique.
    pub unique: bool,
    /// Whether queries can filter by it.
    pub filterable: bool,
    /// How long its texts may be.
    pub size: Size,
    /// The values that clients should use.
    pub canonical: &'static [&'static str],
    /// What a reference refers to.
    pub references: &'static [&'static str],
    /// The sub-attributes of a complex attribute.
    pub subs: &'static [Attribute],
}

impl Attribute {
    /// Whether a client may write it.
    pub fn is_writable(&self) -> bool {
        self.mutability != Mutability::ReadOnly
    }

    /// The sub-attribute of this name, in any case.
    pub fn sub(&self, name: &str) -> Option<&'static Attribute> {
        among(self.subs, name)
    }
}

/// Where an attribute is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Home {
    /// In every resource.
    Common,
    /// In the core schema of this kind.
    Core(Kind),
    /// In the enterprise extension, and so inside the object of its URN.
    Enterprise,
}

/// An attribute by its full name: where it is defined, its own name, and a sub-attribute if one is named.
#[derive(Clone, Copy)]
pub struct Attr {
    /// Where it is defined.
    pub home: Home,
    /// The attribute.
    pub attribute: &'static Attribute,
    /// Its sub-attribute.
    pub sub: Option<&'static Attribute>,
}

impl Attr {
    /// What is compared or set: the sub-attribute, or the attribute itself.
    pub fn leaf(&self) -> &'static Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// Both names.
    pub fn names(&self) -> (&'static str, Option<&'static str>) {
        (self.attribute.name, self.sub.map(|sub| sub.name))
    }

    /// Where it is in the JSON of a resource.
    pub fn path(&self) -> Vec<&'static str> {
        let home = (self.home == Home::Enterprise).then_some(ENTERPRISE);
        let (name, sub) = self.names();
        home.into_iter().chain([name]).chain(sub).collect()
    }

    /// The same attribute with another sub-attribute.
    #[must_use]
    pub fn with(self, sub: Option<&'static Attribute>) -> Self {
        Self { sub, ..self }
    }

    /// Whether it is `members` of groups or one of its sub-attributes.
    pub fn is_members(&self) -> bool {
        self.home == Home::Core(Kind::Group) && self.attribute.name == "members"
    }
}

impl PartialEq for Attr {
    fn eq(&self, other: &Self) -> bool {
        self.home == other.home && self.names() == other.names()
    }
}

impl fmt::Display for Attr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.home == Home::Enterprise {
            write!(f, "{ENTERPRISE}:")?;
        }
        f.write_str(self.attribute.name)?;
        match self.sub {
            Some(sub) => write!(f, ".{}", sub.name),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Attr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a name means for a kind of resources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Named {
    /// An attribute or sub-attribute.
    Attribute(Attr),
    /// The enterprise extension as a whole.
    Extension,
    /// Something under a URN that this server does not know.
    Foreign,
    /// Nothing.
    Unknown,
}

/// Reads a name: `userName`, `name.givenName`, one of them after the URN of its schema, or the URN of the extension.
/// Names and URNs are compared without regard to case.
pub fn named(kind: Kind, text: &str) -> Named {
    if kind == Kind::User && text.eq_ignore_ascii_case(ENTERPRISE) {
        return Named::Extension;
    }
    let found = if let Some(rest) = after_urn(text, kind.urn()) {
        attribute(&[(Home::Core(kind), own(kind)), (Home::Common, COMMON)], rest)
    } else if let Some(rest) = after_urn(text, ENTERPRISE) {
        match kind {
            Kind::User => attribute(&[(Home::Enterprise, ENTERPRISE_ATTRIBUTES)], rest),
            Kind::Group => None,
        }
    } else if [USER, GROUP, ENTERPRISE]
        .iter()
        .any(|urn| is_under(text, urn) || has_dot_behind(text, urn))
    {
        None
    } else if text.contains(':') {
        return Named::Foreign;
    } else {
        attribute(&[(Home::Core(kind), own(kind)), (Home::Common, COMMON)], text)
    };
    found.map_or(Named::Unknown, Named::Attribute)
}

/// The attributes of a kind's core schema.
pub fn own(kind: Kind) -> &'static [Attribute] {
    match kind {
        Kind::User => USER_ATTRIBUTES,
        Kind::Group => GROUP_ATTRIBUTES,
    }
}

/// The attribute of this name, in any case.
pub fn among(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

fn attribute(places: &[(Home, &'static [Attribute])], text: &str) -> Option<Attr> {
    let (name, sub) = match text.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    };
    let (home, attribute) = places
        .iter()
        .find_map(|(home, attributes)| Some((*home, among(attributes, name)?)))?;
    let sub = match sub {
        Some(sub) => Some(attribute.sub(sub)?),
        None => None,
    };
    Some(Attr { home, attribute, sub })
}

/// Whether a text is this URN or something below it.
fn is_under(text: &str, urn: &str) -> bool {
    text.eq_ignore_ascii_case(urn) || after_urn(text, urn).is_some()
}

/// Whether a text is this URN with a dot behind it, where a colon belongs.
fn has_dot_behind(text: &str, urn: &str) -> bool {
    let parts = text.split_at_checked(urn.len());
    parts.is_some_and(|(start, rest)| rest.starts_with('.') && start.eq_ignore_ascii_case(urn))
}

/// What follows a URN and its colon.
fn after_urn<'a>(text: &'a str, urn: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(urn.len())?;
    let rest = rest.strip_prefix(':')?;
    start.eq_ignore_ascii_case(urn).then_some(rest)
}
