//! The field `federatedIdentities` of a map.

use serde_json::Value;

use super::parts::Members;
use super::path::{Path, scalar};
use super::raw::RawRow;
use crate::transfer::record::Identity;

/// A list, and where in each of its elements provider and id are. Without `from`, the row is the only element.
#[derive(Clone, Debug, Default)]
pub struct IdentitiesField {
    from: Vec<Path>,
    provider: Vec<Path>,
    user_id: Vec<Path>,
    user_name: Vec<Path>,
}

impl IdentitiesField {
    pub fn parse(place: &str, value: Value) -> Result<Self, String> {
        let mut members = Members::new(place, value)?;
        let field = Self {
            from: members.paths("from")?,
            provider: members.paths("provider")?,
            user_id: members.paths("userId")?,
            user_name: members.paths("userName")?,
        };
        members.end()?;
        if field.provider.is_empty() || field.user_id.is_empty() {
            return Err(format!("{place} needs 'provider' and 'userId'."));
        }
        Ok(field)
    }

    /// The paths in the row; with `from`, the others are in its elements.
    pub fn paths(&self) -> Vec<&Path> {
        match self.from.is_empty() {
            true => self
                .provider
                .iter()
                .chain(&self.user_id)
                .chain(&self.user_name)
                .collect(),
            false => self.from.iter().collect(),
        }
    }

    /// The identities of a row. Elements without provider or id are no identities.
    pub fn read(&self, source: &RawRow<'_>, is_null: impl Fn(&str) -> bool) -> Vec<Identity> {
        let text = |values: Vec<Value>| {
            let mut texts = values.iter().filter_map(scalar).map(|text| text.trim().to_owned());
            texts.find(|text| !is_null(text))
        };
        if self.from.is_empty() {
            let find = |paths: &[Path]| paths.iter().find_map(|path| text(source.find(path)));
            return self.identity(find).into_iter().collect();
        }
        let mut elements = Vec::new();
        for value in self.from.iter().flat_map(|path| source.find(path)) {
            match value {
                Value::Array(items) => elements.extend(items),
                // In the cells of some tables, and in attributes of Cognito, the list is JSON in a text.
                Value::String(json) => elements.extend(list(&json)),
                value => elements.push(value),
            }
        }
        let identity = |element: &Value| self.identity(|paths| paths.iter().find_map(|path| text(path.find(element))));
        elements.iter().filter_map(identity).collect()
    }

    fn identity(&self, find: impl Fn(&[Path]) -> Option<String>) -> Option<Identity> {
        Some(Identity {
            provider: find(&self.provider)?,
            user_id: find(&self.user_id)?,
            user_name: find(&self.user_name),
        })
    }
}

fn list(json: &str) -> Vec<Value> {
    match crate::model::exact_json(json) {
        Ok(Value::Array(items)) => items,
        Ok(value @ Value::Object(_)) => vec![value],
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => Vec::new(),
    }
}
