//! References of an operation to resources that others of the same request create: `bulkId:x` in place of an id.

use std::collections::HashMap;

use serde_json::{Map, Value};

const PREFIX: &str = "bulkId:";
/// The attributes whose values are ids of users.
const REFERRING: [&str; 2] = ["members", "manager"];

/// The name that a reference has.
pub fn name(text: &str) -> Option<&str> {
    let (prefix, name) = text.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(name)
}

/// The names that the data of an operation refers to.
pub fn in_data(data: &Value) -> Vec<String> {
    let mut names = Vec::new();
    let mut data = data.clone();
    visit(&mut data, &mut |text| names.extend(name(text).map(str::to_owned)));
    names
}

/// Puts the ids in their places.
pub fn resolve(data: &mut Value, ids: &HashMap<String, String>) {
    visit(data, &mut |text| {
        if let Some(id) = name(text).and_then(|name| ids.get(name)) {
            text.clone_from(id);
        }
    });
}

/// Visits each text that may refer. The levels of a body are bounded where it is read.
fn visit(data: &mut Value, each: &mut dyn FnMut(&mut String)) {
    let Value::Object(members) = data else { return };
    for (key, value) in members.iter_mut() {
        if refers(key) {
            texts(value, each);
        } else if key.eq_ignore_ascii_case("Operations") {
            let operations = value.as_array_mut().into_iter().flatten();
            operations
                .filter_map(Value::as_object_mut)
                .for_each(|one| in_operation(one, each));
        } else if value.is_object() {
            visit(value, each);
        }
    }
}

/// One operation of a PATCH: its path says what its value is.
fn in_operation(operation: &mut Map<String, Value>, each: &mut dyn FnMut(&mut String)) {
    let is = |key: &str, name: &str| key.eq_ignore_ascii_case(name);
    let path = operation.iter().find(|(key, _)| is(key, "path"));
    let path = path.and_then(|(_, path)| path.as_str()).filter(|path| !path.is_empty());
    let all_refer = path.is_some_and(refers);
    let value = operation.iter_mut().find(|(key, _)| is(key, "value"));
    if let Some((_, value)) = value {
        match all_refer {
            true => texts(value, each),
            false => visit(value, each),
        }
    }
}

/// Whether this names an attribute with ids of users: alone, behind a URN, or with a filter or a sub-attribute behind it.
fn refers(key: &str) -> bool {
    let start = key.split(['[', '.']).next();
    // The version in a URN has a dot.
    let ends: [&str; 2] = [start.unwrap_or_default(), key].map(|text| text.rsplit(':').next().unwrap_or_default());
    let is = |text: &str| {
        let bare = text.split(['[', '.']).next().unwrap_or_default();
        REFERRING.iter().any(|name| name.eq_ignore_ascii_case(bare))
    };
    ends.into_iter().any(is)
}

fn texts(value: &mut Value, each: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter_mut().for_each(|item| texts(item, each)),
        Value::Object(members) => {
            let values = members.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case("value"));
            values.for_each(|(_, value)| texts(value, each));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_found_where_ids_of_users_stand() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let data = json!({
            "title": "bulkId:no",
            "members": [{"value": "bulkId:a"}, "bulkid:b", {"display": "bulkId:no"}],
            enterprise: {"Manager": {"value": "bulkId:c"}},
            format!("{enterprise}:manager"): "bulkId:d",
            "Operations": [
                {"op": "add", "path": "MEMBERS", "value": [{"value": "bulkId:e"}]},
                {"op": "add", "path": format!("{enterprise}:manager.value"), "value": "bulkId:f"},
                {"op": "add", "value": {"members": [{"Value": "bulkId:g"}], "displayName": "bulkId:no"}},
                {"op": "add", "path": "title", "value": "bulkId:no"},
            ],
        });
        assert_eq!(in_data(&data), ["a", "b", "c", "d", "e", "f", "g"]);
        let mut resolved = data.clone();
        resolve(&mut resolved, &HashMap::from([("a".to_owned(), "1".to_owned())]));
        assert_eq!(resolved.pointer("/members/0/value"), Some(&json!("1")));
        assert_eq!(resolved.pointer("/members/1"), Some(&json!("bulkid:b")));
    }
}
