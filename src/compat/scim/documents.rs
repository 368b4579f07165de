//! The documents of discovery: what the server supports, its resource types, and its schemas.

use serde_json::{Map, Value, json};

use super::names::{ENTERPRISE, GROUP, Kind, RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG, USER};
use super::schema::{Attribute, ENTERPRISE_ATTRIBUTES, Fold, GROUP_ATTRIBUTES, Mutability, Type, USER_ATTRIBUTES};

/// The maximum number of operations in one Bulk request.
pub const BULK_OPERATIONS_MAX: usize = 100;
/// The maximum size of a body, in bytes; a Bulk request counts as a whole.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The maximum number of resources in one page.
pub(super) const PAGE_MAX: u32 = 1_000;
/// The size of a page without `count`.
pub(super) const PAGE_DEFAULT: u32 = 100;

/// What the server supports. `base` is the URI of the API, without a slash at its end.
pub fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": true},
        "bulk": {"supported": true, "maxOperations": BULK_OPERATIONS_MAX, "maxPayloadSize": BODY_BYTES_MAX},
        "filter": {"supported": true, "maxResults": PAGE_MAX},
        "changePassword": {"supported": true},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true, "index": true, "defaultPaginationMethod": "index",
            "defaultPageSize": PAGE_DEFAULT, "maxPageSize": PAGE_MAX
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "API key",
            "description": "An API key of a user of the organization.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")}
    })
}

/// The resource types: users and groups.
pub fn resource_types(base: &str) -> Vec<Value> {
    [Kind::User, Kind::Group].map(|kind| resource_type(base, kind)).into()
}

fn resource_type(base: &str, kind: Kind) -> Value {
    let description = match kind {
        Kind::User => "The users of the organization.",
        Kind::Group => "The groups of the organization.",
    };
    let mut document = json!({
        "schemas": [RESOURCE_TYPE],
        "id": kind.name(),
        "name": kind.name(),
        "description": description,
        "endpoint": kind.endpoint(),
        "schema": kind.urn(),
        "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", kind.name())}
    });
    if let (Kind::User, Some(members)) = (kind, document.as_object_mut()) {
        let extensions = json!([{"schema": ENTERPRISE, "required": false}]);
        members.insert("schemaExtensions".to_owned(), extensions);
    }
    document
}

/// The schemas: users, groups, and the enterprise extension of users.
pub fn schemas(base: &str) -> Vec<Value> {
    let document = |urn: &str, name: &str, description: &str, attributes: &[Attribute]| {
        json!({
            "schemas": [SCHEMA],
            "id": urn,
            "name": name,
            "description": description,
            "attributes": attributes.iter().map(described).collect::<Vec<_>>(),
            "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{urn}")}
        })
    };
    vec![
        document(USER, "User", "A user of the organization.", USER_ATTRIBUTES),
        document(GROUP, "Group", "A group of users.", GROUP_ATTRIBUTES),
        document(
            ENTERPRISE,
            "EnterpriseUser",
            "What an enterprise knows about a user.",
            ENTERPRISE_ATTRIBUTES,
        ),
    ]
}

/// An attribute with its characteristics, and without those that it does not have.
fn described(attribute: &Attribute) -> Value {
    let mutability = match attribute.mutability {
        Mutability::ReadOnly => "readOnly",
        Mutability::ReadWrite => "readWrite",
        Mutability::Immutable => "immutable",
        Mutability::WriteOnly => "writeOnly",
    };
    let returned = match attribute.mutability {
        Mutability::WriteOnly => "never",
        _ => "default",
    };
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("name", attribute.name.into());
    put("type", attribute.kind.name().into());
    put("multiValued", attribute.multi_valued.into());
    put("description", attribute.description.into());
    put("required", attribute.required.into());
    if !matches!(attribute.kind, Type::Boolean | Type::Complex) {
        put("caseExact", (attribute.fold == Fold::Exact).into());
    }
    put("mutability", mutability.into());
    put("returned", returned.into());
    put("uniqueness", if attribute.unique { "server" } else { "none" }.into());
    if !attribute.canonical.is_empty() {
        put("canonicalValues", attribute.canonical.into());
    }
    if !attribute.references.is_empty() {
        put("referenceTypes", attribute.references.into());
    }
    if !attribute.subs.is_empty() {
        put("subAttributes", attribute.subs.iter().map(described).collect());
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(items) => items.iter().any(has_null),
            Value::Object(members) => members.values().any(has_null),
            _ => false,
        }
    }

    #[test]
    fn documents_have_ids_and_no_null() {
        let base = "https://dir.example/scim/v2";
        let all = [resource_types(base), schemas(base), vec![service_provider_config(base)]].concat();
        assert!(!all.iter().any(has_null));
        for document in resource_types(base).iter().chain(&schemas(base)) {
            let id = document.get("id").and_then(Value::as_str).unwrap();
            let location = document.pointer("/meta/location").and_then(Value::as_str).unwrap();
            assert!(location.ends_with(&format!("/{id}")), "{location}");
        }
    }

    #[test]
    fn characteristics_are_those_of_the_contract() {
        let all = Value::from(schemas(""));
        let find = |schema: usize, names: &[&str]| {
            let mut at = all.get(schema).unwrap();
            for (depth, name) in names.iter().enumerate() {
                let list = at.get(if depth == 0 { "attributes" } else { "subAttributes" }).unwrap();
                let mut items = list.as_array().unwrap().iter();
                at = items.find(|item| item.get("name").unwrap() == name).unwrap();
            }
            at.clone()
        };
        for (schema, names, member, value) in [
            (0, &["userName"][..], "caseExact", json!(false)),
            (0, &["userName"], "uniqueness", json!("server")),
            (0, &["emails", "value"], "caseExact", json!(false)),
            (0, &["emails", "type"], "caseExact", json!(true)),
            (0, &["active"], "required", json!(true)),
            (0, &["roles"], "mutability", json!("readOnly")),
            (0, &["roles", "type"], "canonicalValues", json!(["direct", "indirect"])),
            (0, &["groups", "type"], "canonicalValues", json!(["direct"])),
            (0, &["password"], "returned", json!("never")),
            (0, &["x509Certificates", "value"], "type", json!("binary")),
            (1, &["displayName"], "required", json!(true)),
            (1, &["displayName"], "uniqueness", json!("server")),
            (1, &["displayName"], "caseExact", json!(false)),
            (1, &["members", "$ref"], "referenceTypes", json!(["User"])),
            (1, &["members", "$ref"], "mutability", json!("immutable")),
            (1, &["members", "type"], "canonicalValues", json!(["User"])),
            (1, &["members", "display"], "mutability", json!("readOnly")),
            (2, &["manager", "$ref"], "mutability", json!("readOnly")),
            (2, &["manager", "displayName"], "mutability", json!("readOnly")),
            (2, &["department"], "caseExact", json!(true)),
        ] {
            assert_eq!(find(schema, names).get(member), Some(&value), "{names:?} {member}");
        }
    }
}
