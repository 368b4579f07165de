//! The target of an operation: the path of RFC 7644, section 3.5.2.

use super::fault::{Fault, clipped};
use super::filter::{BYTES_MAX, Filter, Resolver, Use, read_at_start};
use super::names::{ENTERPRISE, Kind};
use super::schema::{Attr, Named, named};

/// What an operation changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Path {
    /// Something under the URI of a schema that this server does not know; the operation does nothing.
    Foreign,
    /// The enterprise extension as a whole.
    Extension,
    /// An attribute.
    Attribute {
        /// The attribute, and its sub-attribute if one is named.
        attribute: Attr,
        /// Which of its values; all without it.
        such: Option<Filter>,
    },
}

impl Path {
    /// Reads a path. A malformed one, and an attribute that the schemas do not have, are refused.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, Fault> {
        let unknown = || Fault::path(format!("The attribute of the path '{}' is unknown.", clipped(text)));
        Self::find(text, kind)?.ok_or_else(unknown)
    }

    /// The same, and `None` for an unknown attribute.
    pub fn find(text: &str, kind: Kind) -> Result<Option<Self>, Fault> {
        let text = text.trim();
        if text.len() > BYTES_MAX {
            return Err(Fault::path(format!(
                "The path is {} bytes long; the limit is {BYTES_MAX}.",
                text.len()
            )));
        }
        let (name, filter) = match text.split_once('[') {
            Some((name, filter)) => (name, Some(filter)),
            None => (text, None),
        };
        match (named(kind, name), filter) {
            (Named::Foreign, _) if name.contains(char::is_whitespace) => Err(malformed(text)),
            (Named::Foreign, _) if is_of_a_schema(name) => Ok(Some(Self::Foreign)),
            (Named::Foreign | Named::Unknown, _) => Ok(None),
            (Named::Extension, None) => Ok(Some(Self::Extension)),
            (Named::Extension, Some(_)) => Err(malformed(text)),
            (Named::Attribute(attribute), None) => Ok(Some(Self::Attribute { attribute, such: None })),
            // It is refused as read-only, whatever the filter is.
            (Named::Attribute(attribute), Some(_)) if !attribute.attribute.is_writable() => {
                Ok(Some(Self::Attribute { attribute, such: None }))
            }
            (Named::Attribute(attribute), Some(filter)) => filtered(attribute, filter, kind, text),
        }
    }
}

/// Whether a name begins like the URI of a schema: clients have some that are no URNs.
fn is_of_a_schema(name: &str) -> bool {
    ["urn:", "http://", "https://"].iter().any(|scheme| {
        name.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// What follows the opening bracket: a filter, the closing one, and perhaps a sub-attribute.
fn filtered(attribute: Attr, text: &str, kind: Kind, whole: &str) -> Result<Option<Path>, Fault> {
    let (raw, rest) = read_at_start(text).map_err(|detail| Fault::path(of_path(&detail)))?;
    let such = Resolver::of(kind, Use::Path)
        .entry(attribute, &raw)
        .map_err(|detail| Fault::path(of_path(&detail)))?;
    let rest = rest.trim_start().strip_prefix(']').ok_or_else(|| malformed(whole))?;
    let sub = match rest.strip_prefix('.') {
        _ if rest.is_empty() => None,
        Some(name) => match attribute.attribute.sub(name) {
            Some(sub) => Some(sub),
            None => return Ok(None),
        },
        None => return Err(malformed(whole)),
    };
    Ok(Some(Path::Attribute {
        attribute: attribute.with(sub),
        such: Some(such),
    }))
}

/// A sentence about a filter is about the path here.
fn of_path(detail: &str) -> String {
    format!("The path has a filter that is not accepted. {detail}")
}

fn malformed(text: &str) -> Fault {
    Fault::path(format!("'{}' is not a valid path.", clipped(text)))
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => f.write_str("urn:unknown"),
            Self::Extension => f.write_str(ENTERPRISE),
            Self::Attribute { attribute, such: None } => write!(f, "{attribute}"),
            Self::Attribute {
                attribute,
                such: Some(such),
            } => {
                let entry = Filter::Entry {
                    attribute: attribute.with(None),
                    such: Box::new(such.clone()),
                };
                write!(f, "{entry}")?;
                match attribute.sub {
                    Some(sub) => write!(f, ".{}", sub.name),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fault::ScimType;
    use super::*;

    fn paths() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "emails",
            "addresses",
            "members",
            "name",
            "[",
            "]",
            "type eq \"work\"",
            " and ",
            "value sw \"a]\"",
            ".value",
            ".type",
            ".",
            ":",
            "not (primary pr)",
            "primary eq true",
            "x509Certificates",
            "value pr",
            "é",
            "urn:x",
            ENTERPRISE,
            "manager",
        ]);
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn paths_are_read() {
        for (text, printed) in [
            ("USERNAME", "userName"),
            (" name.GivenName ", "name.givenName"),
            ("emails[TYPE EQ \"a]\\\"[\"].Value", r#"emails[type eq "a]\"["].value"#),
            (
                "urn:ietf:params:scim:schemas:core:2.0:user:emails[type pr]",
                "emails[type pr]",
            ),
            ("x509Certificates[type eq \"x\"]", "x509Certificates[type eq \"x\"]"),
            ("urn:x:y:2.0:User:tag[a b c", "urn:unknown"),
        ] {
            assert_eq!(Path::parse(text, Kind::User).unwrap().to_string(), printed);
        }
        assert_eq!(Path::parse(&ENTERPRISE.to_uppercase(), Kind::User), Ok(Path::Extension));
        for text in [
            "",
            "[",
            "emails[]",
            "emails[type pr",
            "emails[type pr]]",
            "emails[type pr].",
            "name[givenName pr]",
            "members",
            &format!("{ENTERPRISE}[a pr]"),
        ] {
            assert_eq!(
                Path::parse(text, Kind::User).unwrap_err().scim_type,
                ScimType::InvalidPath,
                "{text}"
            );
        }
        let deep = format!("emails[{}type pr", "(".repeat(4_000));
        assert_eq!(
            Path::parse(&deep, Kind::User).unwrap_err().scim_type,
            ScimType::InvalidPath
        );
    }

    proptest! {
        #![proptest_config(super::super::random_cases())]

        #[test]
        fn what_is_printed_is_read_back(text in prop_oneof![3 => paths(), 1 => any::<String>()]) {
            for kind in [Kind::User, Kind::Group] {
                match Path::parse(&text, kind) {
                    Ok(path) => prop_assert_eq!(Path::parse(&path.to_string(), kind), Ok(path)),
                    Err(fault) => prop_assert!(fault.detail.chars().count() < 400, "{}", fault.detail),
                }
            }
        }
    }
}
