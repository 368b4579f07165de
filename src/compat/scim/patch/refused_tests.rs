//! Messages and values that are refused.

use serde_json::json;

use super::super::fault::ScimType;
use super::super::names::PATCH_OP;
use super::tests::{changes, message, op, refuses};
use super::*;

#[test]
fn messages_of_another_form_are_refused() {
    changes(json!([]), json!({}));
    for (body, word) in [
        (json!([]), ScimType::InvalidSyntax),
        (json!({"Operations": []}), ScimType::InvalidSyntax),
        (json!({"schemas": [], "Operations": []}), ScimType::InvalidSyntax),
        (json!({"schemas": [PATCH_OP]}), ScimType::InvalidSyntax),
        (
            json!({"schemas": [PATCH_OP], "Operations": {}}),
            ScimType::InvalidSyntax,
        ),
        (
            json!({"schemas": [PATCH_OP], "Operations": [], "operations": []}),
            ScimType::InvalidSyntax,
        ),
        (message(json!([1])), ScimType::InvalidSyntax),
        (
            message(json!([{"path": "title", "value": "x"}])),
            ScimType::InvalidSyntax,
        ),
        (
            message(json!([{"op": "move", "path": "title", "value": "x"}])),
            ScimType::InvalidSyntax,
        ),
        (
            message(json!([{"op": "add", "path": 1, "value": "x"}])),
            ScimType::InvalidPath,
        ),
        (message(json!([{"op": "add", "path": "title"}])), ScimType::InvalidValue),
        (
            message(vec![json!({"op": "remove", "path": "title"}); 1_001].into()),
            ScimType::InvalidValue,
        ),
    ] {
        assert_eq!(Patch::read(&body, Kind::User).unwrap_err().scim_type, word, "{body}");
    }
    let body =
        json!({"SCHEMAS": [PATCH_OP.to_uppercase()], "operations": [{"OP": "ADD", "Path": "title", "VALUE": "x"}]});
    assert!(Patch::read(&body, Kind::User).is_ok());
}

#[test]
fn values_have_types_and_limits() {
    for (path, value) in [
        ("active", json!("maybe")),
        ("active", json!(1)),
        ("title", json!(1)),
        ("title", json!(["x"])),
        ("title", json!({})),
        ("emails", json!(1)),
        ("emails", json!([["x"]])),
        ("emails", json!([{"value": 1}])),
        ("emails", json!([{"primary": "x"}])),
        ("title", json!("x".repeat(2_001))),
        ("userName", json!("x".repeat(256))),
        ("title", json!("\0")),
        ("x509Certificates", json!("x".repeat(16 * 1024 + 1))),
        ("emails", json!(vec!["x"; 51])),
        ("emails[type eq \"a\"]", json!([{"value": "x"}, {"value": "y"}])),
    ] {
        refuses(op("add", path, value), ScimType::InvalidValue);
    }
    let one_by_one: Vec<Value> = (0..51)
        .map(|n| json!({"op": "add", "path": "photos", "value": [{"value": n.to_string()}]}))
        .collect();
    refuses(one_by_one.into(), ScimType::InvalidValue);
    refuses(
        op("add", "emails", json!([{"value": "x", "VALUE": "y"}])),
        ScimType::InvalidSyntax,
    );
    let long_type = format!("photos[type eq \"{}\"].value", "x".repeat(2_001));
    refuses(op("add", &long_type, json!("x")), ScimType::InvalidValue);
}
