#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use serde_json::json;

use super::super::fault::ScimType;
use super::super::names::PATCH_OP;
use super::*;

const E: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn message(operations: Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

fn user() -> Value {
    json!({
        "userName": "lin@acme.example", "active": true, "title": "Engineer",
        "name": {"givenName": "Lin", "familyName": "Okafor"},
        "emails": [
            {"value": "lin@acme.example", "type": "work", "primary": true},
            {"value": "lin@home.example", "type": "home"}
        ],
        "addresses": [{"type": "work", "locality": "Oslo"}],
        E: {"department": "R&D", "manager": {"value": "7"}}
    })
}

fn patched(before: &Value, operations: Value) -> Result<Value, Fault> {
    let mut resource = before.as_object().cloned().unwrap_or_default();
    Patch::read(&message(operations), Kind::User)?.apply(&mut resource)?;
    Ok(Value::Object(resource))
}

/// The user after these operations, which differs from the user before in these top-level members.
fn changes(operations: Value, expected: Value) {
    let after = patched(&user(), operations.clone()).unwrap();
    let mut whole = user();
    for (name, value) in expected.as_object().unwrap() {
        let members = whole.as_object_mut().unwrap();
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    assert_eq!(after, whole, "{operations}");
}

fn refuses(operations: Value, word: ScimType) {
    let fault = patched(&user(), operations.clone()).unwrap_err();
    assert_eq!(fault.scim_type, word, "{operations} {}", fault.detail);
}

fn op(op: &str, path: &str, value: Value) -> Value {
    json!([{"op": op, "path": path, "value": value}])
}

fn remove(path: &str) -> Value {
    json!([{"op": "remove", "path": path}])
}

#[test]
fn simple_attributes_are_set_and_removed() {
    for verb in ["add", "Replace", "REPLACE"] {
        changes(op(verb, "Title", json!("CTO")), json!({"title": "CTO"}));
        changes(op(verb, "title", json!("")), json!({"title": null}));
        changes(op(verb, "title", json!(null)), json!({"title": null}));
        changes(op(verb, "Active", json!("False")), json!({"active": false}));
        changes(op(verb, "NAME.familyname", json!("Berg")), json!({"name": {"givenName": "Lin", "familyName": "Berg"}}));
        changes(
            op(verb, &format!("{}:Department", E.to_uppercase()), json!("Sales")),
            json!({E: {"department": "Sales", "manager": {"value": "7"}}}),
        );
        changes(op(verb, "password", json!("q7w2m9zt")), json!({"password": "q7w2m9zt"}));
        changes(
            op(verb, "urn:ietf:params:scim:schemas:core:2.0:User:nickName", json!("L")),
            json!({"nickName": "L"}),
        );
    }
    changes(remove("title"), json!({"title": null}));
    changes(remove("name.familyName"), json!({"name": {"givenName": "Lin"}}));
    changes(remove("nickName"), json!({}));
    for path in ["userName", "active", "password"] {
        refuses(remove(path), ScimType::Mutability);
        refuses(op("replace", path, json!(null)), ScimType::Mutability);
    }
}

#[test]
fn complex_attributes_are_merged_by_add_and_replace() {
    for verb in ["Add", "replace"] {
        changes(op(verb, "name", json!({"FAMILYNAME": "Berg", "x": 1})), json!({"name": {"givenName": "Lin", "familyName": "Berg"}}));
        changes(op(verb, "name", json!({"givenName": null})), json!({"name": {"familyName": "Okafor"}}));
        changes(
            op(verb, E, json!({"schemas": ["x"], "costCenter": "9", "department": ""})),
            json!({E: {"costCenter": "9", "manager": {"value": "7"}}}),
        );
        for manager in [json!("8"), json!({"value": "8", "displayName": "Ada", "$ref": "x"})] {
            changes(op(verb, &format!("{E}:manager"), manager), json!({E: {"department": "R&D", "manager": {"value": "8"}}}));
        }
        changes(op(verb, &format!("{E}:manager.value"), json!("8")), json!({E: {"department": "R&D", "manager": {"value": "8"}}}));
        changes(op(verb, &format!("{E}:manager"), json!({"value": ""})), json!({E: {"department": "R&D"}}));
        changes(op(verb, &format!("{E}:manager.displayName"), json!("Ada")), json!({}));
        refuses(op(verb, "name", json!("Lin")), ScimType::InvalidValue);
        refuses(op(verb, E, json!("Lin")), ScimType::InvalidValue);
    }
    changes(remove("name"), json!({"name": null}));
    changes(remove(E), json!({E: null}));
    changes(remove(&format!("{E}:manager")), json!({E: {"department": "R&D"}}));
}

#[test]
fn lists_are_added_to_replaced_and_removed() {
    let (work, home) = (user()["emails"][0].clone(), user()["emails"][1].clone());
    changes(op("add", "emails", json!([home, work])), json!({}));
    changes(op("add", "emails", json!({"value": "x"})), json!({"emails": [work, home, {"value": "x"}]}));
    changes(op("add", "emails", json!("x")), json!({"emails": [work, home, {"value": "x"}]}));
    changes(
        op("add", "emails", json!([{"value": "x", "primary": true}, {"value": "y", "primary": "True"}])),
        json!({"emails": [
            {"value": "lin@acme.example", "type": "work", "primary": false}, home,
            {"value": "x", "primary": true}, {"value": "y", "primary": false}
        ]}),
    );
    changes(op("replace", "emails", json!([{"value": "x"}, {"type": "work"}])), json!({"emails": [{"value": "x"}]}));
    for nothing in [json!([]), json!(null), json!("")] {
        changes(op("replace", "emails", nothing.clone()), json!({"emails": null}));
        changes(op("add", "emails", nothing), json!({}));
    }
    changes(remove("emails"), json!({"emails": null}));
    changes(op("Remove", "emails", json!([{"value": "LIN@acme.example"}, {"value": "none"}])), json!({"emails": [home]}));
    changes(op("remove", "emails", json!([])), json!({}));
    changes(op("remove", "addresses", json!([{"type": "work", "locality": "Oslo"}])), json!({"addresses": null}));
}

#[test]
fn filtered_values_are_merged_replaced_and_dropped() {
    let home = user()["emails"][1].clone();
    changes(
        op("add", "emails[type eq \"work\"]", json!({"display": "Lin"})),
        json!({"emails": [{"value": "lin@acme.example", "type": "work", "primary": true, "display": "Lin"}, home]}),
    );
    changes(
        op("replace", "emails[type eq \"work\"]", json!({"value": "x", "type": "other"})),
        json!({"emails": [{"value": "x", "type": "other"}, home]}),
    );
    changes(
        op("replace", "emails[value eq \"LIN@home.example\"].primary", json!(true)),
        json!({"emails": [
            {"value": "lin@acme.example", "type": "work", "primary": false},
            {"value": "lin@home.example", "type": "home", "primary": true}
        ]}),
    );
    changes(remove("emails[type eq \"work\" or type eq \"none\"]"), json!({"emails": [home]}));
    changes(remove("emails[type eq \"work\"].value"), json!({"emails": [home]}));
    changes(op("Replace", "emails[type eq \"work\"].Value", json!("")), json!({"emails": [home]}));
    changes(op("replace", "addresses[type eq \"work\"].locality", json!(null)), json!({"addresses": null}));
    changes(remove("emails[type eq \"none\"]"), json!({}));
}

#[test]
fn a_filter_that_matches_nothing_makes_the_entry_it_describes() {
    for verb in ["Add", "Replace"] {
        changes(
            op(verb, "phoneNumbers[type eq \"mobile\"].value", json!("555")),
            json!({"phoneNumbers": [{"type": "mobile", "value": "555"}]}),
        );
        changes(
            op(verb, "addresses[type eq \"home\" and country eq \"NO\"]", json!({"locality": "Bergen"})),
            json!({"addresses": [{"type": "work", "locality": "Oslo"}, {"type": "home", "country": "NO", "locality": "Bergen"}]}),
        );
        changes(op(verb, "phoneNumbers[type eq \"mobile\"].value", json!("")), json!({}));
        for other in ["type ne \"x\" and type sw \"y\"", "type eq \"a\" or type eq \"b\"", "type eq \"a\" and type eq \"b\"", "type eq null"] {
            refuses(op(verb, &format!("phoneNumbers[{other}].value"), json!("5")), ScimType::NoTarget);
        }
    }
}

#[test]
fn a_part_of_a_list_is_that_of_its_only_value() {
    changes(op("replace", "phoneNumbers.value", json!("5")), json!({"phoneNumbers": [{"value": "5"}]}));
    changes(op("replace", "addresses.locality", json!("Bergen")), json!({"addresses": [{"type": "work", "locality": "Bergen"}]}));
    refuses(op("add", "emails.value", json!("x")), ScimType::InvalidPath);
    changes(remove("addresses.locality"), json!({"addresses": null}));
    changes(remove("emails.primary"), json!({"emails": [{"value": "lin@acme.example", "type": "work"}, user()["emails"][1]]}));
}

#[test]
fn without_a_path_each_key_is_one() {
    let emails = json!([{"value": "x@acme.example", "type": "work", "primary": true}, user()["emails"][1]]);
    changes(
        json!([{"op": "Replace", "value": {
            "id": "9", "meta": {}, "groups": [], "roles": 5, "schemas": [], "unknown": 1, "urn:x:y": {"a": 1},
            "Active": "false", "name.familyName": "Berg", "emails[type eq \"work\"].value": "x@acme.example",
            (format!("{E}:department")): "Sales"
        }}]),
        json!({
            "active": false, "name": {"givenName": "Lin", "familyName": "Berg"}, "emails": emails,
            E: {"department": "Sales", "manager": {"value": "7"}}
        }),
    );
    changes(
        json!([{"op": "add", "value": {"name": {"givenName": "Mei"}, E: {"manager": "8"}}}]),
        json!({"name": {"givenName": "Mei", "familyName": "Okafor"}, E: {"department": "R&D", "manager": {"value": "8"}}}),
    );
    changes(
        json!([{"op": "add", "value": {(Kind::User.urn()): {"active": false}}}]),
        json!({"active": false}),
    );
    refuses(json!([{"op": "replace", "value": {"active": true, "ACTIVE": false}}]), ScimType::InvalidSyntax);
    refuses(json!([{"op": "replace", "value": "x"}]), ScimType::InvalidValue);
    refuses(json!([{"op": "remove"}]), ScimType::NoTarget);
    refuses(json!([{"op": "remove", "path": ""}]), ScimType::NoTarget);
}

#[test]
fn what_does_not_exist_or_cannot_be_written_is_refused() {
    for path in ["id", "meta", "meta.created", "schemas", "groups", "groups[value eq \"x\"]", "roles", "roles.value"] {
        refuses(op("add", path, json!([{"value": "x"}])), ScimType::Mutability);
    }
    for path in ["foo", "name.foo", "emails[foo eq 1]", "emails[", "emails[type eq \"x\"", "emails[type eq \"x\"]x", "emails[type eq \"x\"].foo", "department", "title[value pr]", "a b", &format!("{E}:foo")] {
        refuses(op("replace", path, json!("x")), ScimType::InvalidPath);
    }
    // A foreign extension must not hold up what is sent with it.
    let foreign = "urn:ietf:params:scim:schemas:extension:Acme:2.0:User:tag";
    changes(
        json!([{"op": "add", "path": foreign, "value": 1}, {"op": "remove", "path": foreign}, {"op": "replace", "path": "active", "value": false}]),
        json!({"active": false}),
    );
}

#[test]
fn messages_of_another_form_are_refused() {
    changes(json!([]), json!({}));
    for (body, word) in [
        (json!([]), ScimType::InvalidSyntax),
        (json!({"Operations": []}), ScimType::InvalidSyntax),
        (json!({"schemas": [], "Operations": []}), ScimType::InvalidSyntax),
        (json!({"schemas": [PATCH_OP]}), ScimType::InvalidSyntax),
        (json!({"schemas": [PATCH_OP], "Operations": {}}), ScimType::InvalidSyntax),
        (json!({"schemas": [PATCH_OP], "Operations": [], "operations": []}), ScimType::InvalidSyntax),
        (message(json!([1])), ScimType::InvalidSyntax),
        (message(json!([{"path": "title", "value": "x"}])), ScimType::InvalidSyntax),
        (message(json!([{"op": "move", "path": "title", "value": "x"}])), ScimType::InvalidSyntax),
        (message(json!([{"op": "add", "path": 1, "value": "x"}])), ScimType::InvalidPath),
        (message(json!([{"op": "add", "path": "title"}])), ScimType::InvalidValue),
        (message(vec![json!({"op": "remove", "path": "title"}); 1_001].into()), ScimType::InvalidValue),
    ] {
        assert_eq!(Patch::read(&body, Kind::User).unwrap_err().scim_type, word, "{body}");
    }
    let body = json!({"SCHEMAS": [PATCH_OP.to_uppercase()], "operations": [{"OP": "ADD", "Path": "title", "VALUE": "x"}]});
    assert!(Patch::read(&body, Kind::User).is_ok());
}

#[test]
fn values_have_types_and_limits() {
    for (path, value) in [
        ("active", json!("maybe")), ("active", json!(1)), ("title", json!(1)), ("title", json!(["x"])), ("title", json!({})),
        ("emails", json!(1)), ("emails", json!([["x"]])), ("emails", json!([{"value": 1}])), ("emails", json!([{"primary": "x"}])),
        ("title", json!("x".repeat(2_001))), ("userName", json!("x".repeat(256))), ("title", json!("\0")),
        ("x509Certificates", json!("x".repeat(16 * 1024 + 1))), ("emails", json!(vec!["x"; 51])),
        ("emails[type eq \"a\"]", json!([{"value": "x"}, {"value": "y"}])),
    ] {
        refuses(op("add", path, value), ScimType::InvalidValue);
    }
    let one_by_one: Vec<Value> = (0..51).map(|n| json!({"op": "add", "path": "photos", "value": [{"value": n.to_string()}]})).collect();
    refuses(one_by_one.into(), ScimType::InvalidValue);
    refuses(op("add", "emails", json!([{"value": "x", "VALUE": "y"}])), ScimType::InvalidSyntax);
    let long_type = format!("photos[type eq \"{}\"].value", "x".repeat(2_001));
    refuses(op("add", &long_type, json!("x")), ScimType::InvalidValue);
}

fn of_members(operations: Value) -> Result<MemberChange, Fault> {
    Patch::read(&message(operations), Kind::Group)?.members()
}

fn folds(operations: Value, emptied: bool, put_in: &[&str], taken_out: &[&str]) {
    let texts = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
    let expected = MemberChange { emptied, put_in: texts(put_in), taken_out: texts(taken_out) };
    assert_eq!(of_members(operations.clone()), Ok(expected), "{operations}");
}

#[test]
fn members_are_folded() {
    let u = json!([{"$ref": null, "value": "U"}]);
    folds(op("Add", "members", u.clone()), false, &["U"], &[]);
    folds(op("add", "Members", json!({"value": "U", "type": "user", "display": "x"})), false, &["U"], &[]);
    folds(op("Remove", "members", u.clone()), false, &[], &["U"]);
    folds(op("remove", "members", json!(["U", "V", "U"])), false, &[], &["U", "V"]);
    folds(op("remove", "members", json!([])), false, &[], &[]);
    folds(remove("members"), true, &[], &[]);
    folds(remove("members[value eq \"U\"]"), false, &[], &["U"]);
    folds(remove("members[Value EQ \"U\" or value eq \"V\"]"), false, &[], &["U", "V"]);
    folds(op("replace", "members", u.clone()), true, &["U"], &[]);
    for nothing in [json!([]), json!(null), json!("")] {
        folds(op("replace", "members", nothing), true, &[], &[]);
    }
    folds(json!([{"op": "replace", "value": {"id": "G", "displayName": "S", "members": u}}]), true, &["U"], &[]);
    folds(op("add", "members[value eq \"U\"]", json!({"value": "U"})), false, &["U"], &[]);
    folds(op("replace", "members[value eq \"U\"].display", json!("x")), false, &[], &[]);
    folds(op("replace", "members.type", json!("User")), false, &[], &[]);
    folds(
        json!([
            {"op": "remove", "path": "members[value eq \"A\"]"}, {"op": "add", "path": "members", "value": [{"value": "B"}, {"value": "A"}]},
            {"op": "remove", "path": "members", "value": [{"value": "B"}]}
        ]),
        false, &["A"], &["B"],
    );
    folds(
        json!([
            {"op": "add", "path": "members", "value": ["A"]}, {"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": ["B", "C"]},
            {"op": "remove", "path": "members[value eq \"B\"]"}
        ]),
        true, &["C"], &[],
    );
    for (operations, word) in [
        (op("add", "members", json!([{"value": "U", "type": "Group"}])), ScimType::InvalidValue),
        (op("add", "members", json!([{"value": 7}])), ScimType::InvalidValue),
        (op("add", "members", json!(7)), ScimType::InvalidValue),
        (remove("members[type eq \"User\"]"), ScimType::InvalidPath),
        (remove("members[value sw \"U\"]"), ScimType::InvalidPath),
        (remove("members[not (value eq \"U\")]"), ScimType::InvalidPath),
        (remove("members[value eq \"U\" and value eq \"V\"]"), ScimType::InvalidPath),
        (op("add", "members.value", json!("U")), ScimType::InvalidPath),
        (op("replace", "members[value eq \"U\"].value", json!("V")), ScimType::Mutability),
        (op("replace", "members[value eq \"U\"]", json!({"value": "V"})), ScimType::Mutability),
    ] {
        assert_eq!(of_members(operations.clone()).unwrap_err().scim_type, word, "{operations}");
    }
}
