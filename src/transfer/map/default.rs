//! The map of files without one: the headings that most people use.

use super::{Field, Map, Path};
use crate::transfer::map::hash::HashField;

/// Each field and its headings.
const HEADINGS: [(&str, &[&str]); 11] = [
    ("email", &["email", "e-mail", "mail"]),
    ("id", &["id"]),
    ("name", &["name", "displayName"]),
    (
        "firstname",
        &[
            "firstname",
            "firstName",
            "given name",
            "givenName",
            "given_name",
            "first_name",
        ],
    ),
    (
        "lastname",
        &[
            "lastname",
            "lastName",
            "surname",
            "family name",
            "familyName",
            "family_name",
            "last_name",
        ],
    ),
    ("activated", &["activated", "active", "enabled"]),
    ("roles", &["roles"]),
    ("groups", &["groups"]),
    ("tenant", &["tenant"]),
    ("password", &["password"]),
    ("createdAt", &["createdAt", "created_at"]),
];

/// The map of a file without a map or a preset.
pub fn default() -> Map {
    let field = |(name, headings): (&'static str, &[&str])| {
        let field = Field {
            from: headings.iter().map(|heading| Path::parse(heading)).collect(),
            ..Field::default()
        };
        (name, field)
    };
    let mut password_hash = HashField::default();
    password_hash.set_from(Path::parse("passwordHash"));
    Map {
        fields: HEADINGS.into_iter().map(field).collect(),
        password_hash: Some(password_hash),
        ..Map::default()
    }
}
