//! Reading a map from its JSON text.

use serde_json::Value;

use super::hash::HashField;
use super::identities::IdentitiesField;
use super::parts::{Members, WHOLE, listed, texts};
use super::{FIELDS, Field, Map, Path, Segment, Variables};
use crate::model::error::shown;
use crate::model::exact_json;
use crate::transfer::times::TimeForm;

impl Map {
    /// Parses the map of a person: the columns that it names must be there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut map = Self::parse_preset(text)?;
        for field in map.fields.values_mut() {
            field.is_required = true;
        }
        Ok(map)
    }

    /// Parses a preset. The files of one product differ, so it names columns that not all of them have.
    pub fn parse_preset(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{FEFF}');
        let value = exact_json(text).map_err(|_| "The map is not valid JSON.".to_owned())?;
        let mut members = Members::new(WHOLE, value)?;
        let mut map = Self {
            records: records(members.text("records")?.as_deref().unwrap_or_default())?,
            ..Self::default()
        };
        for (name, value) in members.named("fields")? {
            map.add_field(&name, value)?;
        }
        for (name, value) in members.named("values")? {
            let place = format!("'{}' of 'values'", shown(&name));
            let Value::Object(pairs) = value else {
                return Err(format!("{place} must be an object of texts."));
            };
            if name != "federatedIdentities" {
                field_name(&name)?;
            }
            let pairs = pairs.into_iter().map(|(text, meaning)| match meaning {
                Value::String(meaning) => Ok((text, meaning)),
                _ => Err(format!("{place} must be an object of texts.")),
            });
            map.values.insert(name, pairs.collect::<Result<_, String>>()?);
        }
        map.variables = match members.take("variables") {
            None => Variables::None,
            Some(Value::String(all)) if all == "*" => Variables::Rest,
            Some(value) => {
                let paths = texts("'variables' of the map", value)?;
                Variables::Some(paths.iter().map(|path| Path::parse(path)).collect())
            }
        };
        map.null = members
            .texts("null")?
            .into_iter()
            .map(|text| text.trim().to_owned())
            .collect();
        for (path, value) in members.named("skip")? {
            map.skip.push((Path::parse(&path), texts("'skip' of the map", value)?));
        }
        for (word, value) in members.named("lost")? {
            let paths = texts("'lost' of the map", value)?;
            map.lost
                .push((word, paths.iter().map(|path| Path::parse(path)).collect()));
        }
        members.end()?;
        // Formats of a fixed shape need none, and others have the usual ones then.
        if !map.has_fields() && map.values.is_empty() && matches!(map.variables, Variables::None) {
            return Err("The map has no 'fields'.".to_owned());
        }
        Ok(map)
    }

    fn add_field(&mut self, name: &str, value: Value) -> Result<(), String> {
        let place = format!("'{}' of 'fields'", shown(name));
        match name {
            "passwordHash" => self.password_hash = Some(HashField::parse(&place, value)?),
            "federatedIdentities" => self.identities = Some(IdentitiesField::parse(&place, value)?),
            _ => {
                let name = field_name(name)?;
                let (field, organization_name) = field(&place, name, value)?;
                self.fields.insert(name, field);
                if name == "organization" {
                    self.organization_name = organization_name;
                }
            }
        }
        Ok(())
    }
}

/// The field of this name, which may also be the name of a user's member in the native format.
pub(super) fn field_name(name: &str) -> Result<&'static str, String> {
    let name = match name {
        "organizationId" => "organization",
        "tenantId" => "tenant",
        name => name,
    };
    FIELDS.into_iter().find(|known| *known == name).ok_or_else(|| {
        format!(
            "'{}' is not a field; fields are {}, 'federatedIdentities', 'passwordHash'.",
            shown(name),
            listed(&FIELDS)
        )
    })
}

/// A field, and the paths of its name (of an organization).
fn field(place: &str, name: &str, value: Value) -> Result<(Field, Vec<Path>), String> {
    if matches!(value, Value::String(_) | Value::Array(_)) {
        let from = texts(place, value)?.iter().map(|path| Path::parse(path)).collect();
        return Ok((
            Field {
                from,
                ..Field::default()
            },
            Vec::new(),
        ));
    }
    let mut members = Members::new(place, value)?;
    let constant_place = members.place("constant");
    let constant = match members.take("constant") {
        None => None,
        Some(value) => Some(
            super::path::scalar(&value)
                .ok_or_else(|| format!("{constant_place} must be a text, a number, true or false."))?,
        ),
    };
    let field = Field {
        from: members.paths("from")?,
        constant,
        split: members.text("split")?.filter(|split| !split.is_empty()),
        on: members.texts("true")?,
        off: members.texts("false")?,
        time: members
            .text("time")?
            .map(|form| TimeForm::parse(&form).map_err(|why| format!("{place}: {why}")))
            .transpose()?,
        json: members.flag("json")?,
        is_required: false,
    };
    let organization_name = match name {
        "organization" => members.paths("name")?,
        _ => Vec::new(),
    };
    members.end()?;
    if field.from.is_empty() && field.constant.is_none() {
        return Err(format!("{place} needs 'from' or 'constant'."));
    }
    Ok((field, organization_name))
}

/// The steps of a JSON pointer.
fn records(pointer: &str) -> Result<Vec<Segment>, String> {
    let Some(segments) = pointer.strip_prefix('/') else {
        return match pointer {
            "" => Ok(Vec::new()),
            _ => Err("'records' of the map must be a JSON pointer, such as /data/users.".to_owned()),
        };
    };
    let segment = |segment: &str| match segment {
        "*" => Segment::Each,
        name => Segment::Member(name.replace("~1", "/").replace("~0", "~")),
    };
    Ok(segments.split('/').map(segment).collect())
}
