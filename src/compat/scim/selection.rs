//! Which attributes of a resource are asked for: `attributes` and `excludedAttributes`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fault::Fault;
use super::names::{ENTERPRISE, Kind};
use super::schema::{Home, Named, named};

/// The names as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Nothing was said: everything.
    #[default]
    All,
    /// Only these.
    Only(Vec<String>),
    /// Everything but these.
    Except(Vec<String>),
}

impl Asked {
    /// Reads the parameters of a query: names separated by commas.
    pub fn read(attributes: Option<&str>, excluded: Option<&str>) -> Result<Self, Fault> {
        let names = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        Self::chosen(attributes.map(names), excluded.map(names))
    }

    /// Reads the members of a SearchRequest: a list of names, or one text.
    pub fn of_json(attributes: Option<&Value>, excluded: Option<&Value>) -> Result<Self, Fault> {
        let split = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let names = |value: Option<&Value>| match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(split(text))),
            Some(Value::Array(values)) => {
                let names = values.iter().map(|value| value.as_str().map(split));
                let names: Option<Vec<_>> = names.collect();
                names
                    .map(|names| Some(names.concat()))
                    .ok_or_else(|| Fault::value("Names of attributes must be texts."))
            }
            Some(_) => Err(Fault::value("Names of attributes must be a list of texts.")),
        };
        Self::chosen(names(attributes)?, names(excluded)?)
    }

    fn chosen(attributes: Option<Vec<String>>, excluded: Option<Vec<String>>) -> Result<Self, Fault> {
        let given = |names: Option<Vec<String>>| {
            let names = names.unwrap_or_default();
            Some(names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>())
                .filter(|names| !names.is_empty())
        };
        match (given(attributes), given(excluded)) {
            (None, None) => Ok(Self::All),
            (Some(names), None) => Ok(Self::Only(names)),
            (None, Some(names)) => Ok(Self::Except(names)),
            (Some(_), Some(_)) => Err(Fault::value(
                "'attributes' and 'excludedAttributes' must not be used together.",
            )),
        }
    }

    /// Whether anything was said.
    pub fn is_given(&self) -> bool {
        *self != Self::All
    }

    /// What that means for a kind of resources. Unknown names are ignored.
    pub fn of(&self, kind: Kind) -> Selection {
        match self {
            Self::All => Selection::Except(Parts::default()),
            Self::Only(names) => Selection::Only(Parts::read(names, kind)),
            Self::Except(names) => Selection::Except(Parts::read(names, kind)),
        }
    }
}

/// The attributes of one kind of resources that are asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// Only these.
    Only(Parts),
    /// Everything but these.
    Except(Parts),
}

/// Attributes, each as a whole or by some of its sub-attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// The enterprise extension as a whole.
    extension: bool,
    /// By the names of attributes, which differ between the core schemas and the extension; `None` is the whole.
    named: BTreeMap<&'static str, Option<Vec<&'static str>>>,
    /// Whether one of the extension's attributes is named.
    inside_extension: bool,
}

impl Parts {
    fn read(names: &[String], kind: Kind) -> Self {
        let mut parts = Self::default();
        for name in names {
            match named(kind, name) {
                Named::Extension => parts.extension = true,
                Named::Attribute(found) => {
                    parts.inside_extension |= found.home == Home::Enterprise;
                    let (name, sub) = found.names();
                    let subs = parts.named.entry(name).or_insert_with(|| Some(Vec::new()));
                    match (sub, subs.as_mut()) {
                        (None, _) => *subs = None,
                        (Some(sub), Some(subs)) if !subs.contains(&sub) => subs.push(sub),
                        (Some(_), _) => {}
                    }
                }
                Named::Foreign | Named::Unknown => {}
            }
        }
        parts
    }

    fn has_whole(&self, name: &str) -> bool {
        self.named.get(name).is_some_and(Option::is_none) || (self.extension && is_of_extension(name))
    }

    fn has_some(&self, name: &str) -> bool {
        self.named.contains_key(name) || (self.extension && is_of_extension(name))
    }

    fn has_part(&self, name: &str, sub: &str) -> bool {
        self.has_whole(name) || matches!(self.named.get(name), Some(Some(subs)) if subs.contains(&sub))
    }
}

fn is_of_extension(name: &str) -> bool {
    super::schema::ENTERPRISE_ATTRIBUTES
        .iter()
        .any(|attribute| attribute.name == name)
}

impl Selection {
    /// Whether an attribute is asked for, or a part of it. The extension's are known by their own names: `manager`.
    pub fn wants(&self, name: &str) -> bool {
        match (name, self) {
            ("id" | "schemas", _) => true,
            ("password", _) => false,
            (name, Self::Only(parts)) => parts.has_some(name),
            (name, Self::Except(parts)) => !parts.has_whole(name),
        }
    }

    /// Whether a sub-attribute is asked for.
    pub fn wants_sub(&self, name: &str, sub: &str) -> bool {
        match self {
            Self::Only(parts) => parts.has_part(name, sub),
            Self::Except(parts) => !parts.has_part(name, sub),
        }
    }

    /// Whether a group's members are asked for.
    pub fn wants_members(&self) -> bool {
        self.wants("members")
    }

    /// Whether the enterprise extension is asked for, or a part of it.
    pub fn wants_extension(&self) -> bool {
        match self {
            Self::Only(parts) => parts.extension || parts.inside_extension,
            Self::Except(parts) => !parts.extension,
        }
    }

    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        *self == Self::Except(Parts::default())
    }

    /// Leaves what is asked for in a resource. The extension's URN stays in `schemas` only if the extension stays.
    pub fn prune(&self, resource: &mut Map<String, Value>) {
        resource.shift_remove("password");
        if !self.is_everything() {
            resource.retain(|name, value| match (name.as_str(), value) {
                (ENTERPRISE, Value::Object(inner)) => {
                    inner.retain(|name, value| self.keeps(name, value));
                    !inner.is_empty()
                }
                (name, value) => self.keeps(name, value),
            });
        }
        let has_extension = resource.contains_key(ENTERPRISE);
        if let Some(Value::Array(schemas)) = resource.get_mut("schemas") {
            schemas.retain(|urn| has_extension || urn != ENTERPRISE);
        }
    }

    /// Whether an attribute stays, without those of its parts that are not asked for.
    fn keeps(&self, name: &str, value: &mut Value) -> bool {
        if matches!(name, "id" | "schemas") {
            return true;
        }
        if !self.wants(name) {
            return false;
        }
        let was_empty = is_empty(value);
        match value {
            Value::Object(inner) => inner.retain(|sub, _| self.wants_sub(name, sub)),
            Value::Array(entries) => {
                for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                    entry.retain(|sub, _| self.wants_sub(name, sub));
                }
                entries.retain(|entry| !is_empty(entry));
            }
            _ => {}
        }
        was_empty || !is_empty(value)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::super::fault::ScimType;
    use super::super::names::USER;
    use super::*;

    fn user() -> Value {
        json!({
            "schemas": [USER, ENTERPRISE], "id": "1", "userName": "lin", "password": "x",
            "name": {"givenName": "Lin", "familyName": "Okafor"},
            "emails": [{"value": "a", "type": "work"}, {"type": "home"}], "groups": [],
            ENTERPRISE: {"department": "R&D", "manager": {"value": "7", "displayName": "Ada"}},
            "meta": {"resourceType": "User", "version": "W/\"1\""}
        })
    }

    fn pruned(asked: &Asked) -> Value {
        let mut resource = user().as_object().cloned().unwrap();
        asked.of(Kind::User).prune(&mut resource);
        resource.into()
    }

    fn only(names: &str, expected: Value) {
        let mut whole = json!({"schemas": [USER], "id": "1"});
        let extra = expected.as_object().unwrap();
        whole.as_object_mut().unwrap().extend(extra.clone());
        assert_eq!(pruned(&Asked::read(Some(names), None).unwrap()), whole, "{names}");
    }

    #[test]
    fn only_what_is_asked_for_stays() {
        let both = json!([USER, ENTERPRISE]);
        only("userName", json!({"userName": "lin"}));
        only(" USERNAME ,foo,, password", json!({"userName": "lin"}));
        only("foo", json!({}));
        only("id", json!({}));
        only(
            "name.givenName,emails.value",
            json!({"name": {"givenName": "Lin"}, "emails": [{"value": "a"}]}),
        );
        only(
            "name,name.givenName",
            json!({"name": {"givenName": "Lin", "familyName": "Okafor"}}),
        );
        only("groups.value,name.middleName", json!({"groups": []}));
        only(&format!("{USER}:userName"), json!({"userName": "lin"}));
        only(ENTERPRISE, json!({"schemas": both, ENTERPRISE: user()[ENTERPRISE]}));
        only(
            &format!("{ENTERPRISE}:Department"),
            json!({"schemas": both, ENTERPRISE: {"department": "R&D"}}),
        );
        only(
            &format!("{ENTERPRISE}:manager.value"),
            json!({"schemas": both, ENTERPRISE: {"manager": {"value": "7"}}}),
        );
        only("meta.version", json!({"meta": {"version": "W/\"1\""}}));
    }

    #[test]
    fn what_is_excluded_goes() {
        let except = |names: &str| pruned(&Asked::read(None, Some(names)).unwrap());
        let mut expected = user();
        let members = expected.as_object_mut().unwrap();
        members.remove("password");
        assert_eq!(pruned(&Asked::read(None, None).unwrap()), expected);
        assert_eq!(except("id,schemas,foo"), expected);
        expected["name"] = json!({"givenName": "Lin"});
        expected["emails"] = json!([{"type": "work"}, {"type": "home"}]);
        assert_eq!(except("name.familyName,emails.value"), expected);
        let without = except(&format!("{ENTERPRISE},meta,name,emails,groups"));
        assert_eq!(without, json!({"schemas": [USER], "id": "1", "userName": "lin"}));
        let all_parts = except(&format!("{ENTERPRISE}:department,{ENTERPRISE}:manager"));
        assert_eq!(all_parts["schemas"], json!([USER]));
    }

    #[test]
    fn what_is_not_asked_for_is_known_before() {
        let of = |attributes, excluded, kind| Asked::read(attributes, excluded).unwrap().of(kind);
        let all = of(None, None, Kind::User);
        assert!(
            all.wants("groups")
                && all.wants_extension()
                && all.wants_sub("manager", "displayName")
                && all.is_everything()
        );
        let name = of(Some("userName"), None, Kind::User);
        assert!(
            !name.wants("groups")
                && !name.wants_extension()
                && !name.wants("meta")
                && name.wants("id")
                && !name.wants("manager")
        );
        let manager = format!("{ENTERPRISE}:manager.value");
        let manager = of(Some(&manager), None, Kind::User);
        assert!(manager.wants("manager") && manager.wants_extension() && !manager.wants_sub("manager", "displayName"));
        let extension = of(Some(ENTERPRISE), None, Kind::User);
        assert!(extension.wants_sub("manager", "displayName") && extension.wants("department"));
        assert!(!of(None, Some("members"), Kind::Group).wants_members());
        let display = of(None, Some("members.display"), Kind::Group);
        assert!(
            display.wants_members()
                && !display.wants_sub("members", "display")
                && display.wants_sub("members", "value")
        );
        assert!(of(Some("members"), None, Kind::Group).wants_members());
        assert!(!of(Some("members"), None, Kind::User).wants_members());
        assert!(!all.wants("password"));
    }

    #[test]
    fn names_come_as_lists_and_texts_but_not_both_ways() {
        let both = Asked::read(Some("id"), Some("meta"));
        assert_eq!(both.unwrap_err().scim_type, ScimType::InvalidValue);
        assert!(!Asked::read(Some(""), Some(" ")).unwrap().is_given());
        let list = Asked::of_json(Some(&json!(["userName", "emails"])), None);
        assert_eq!(list, Asked::read(Some("userName,emails"), None));
        assert_eq!(Asked::of_json(Some(&json!("userName, emails")), Some(&json!([]))), list);
        assert_eq!(
            Asked::of_json(Some(&json!([1])), None).unwrap_err().scim_type,
            ScimType::InvalidValue
        );
        assert_eq!(
            Asked::of_json(None, Some(&json!({}))).unwrap_err().scim_type,
            ScimType::InvalidValue
        );
    }
}
