use serde_json::json;

use super::super::super::fault::ScimType;
use super::super::super::names::{Kind, PATCH_OP};
use super::*;
use crate::compat::scim::patch::Patch;

fn op(op: &str, path: &str, value: Value) -> Value {
    json!([{"op": op, "path": path, "value": value}])
}

fn remove(path: &str) -> Value {
    json!([{"op": "remove", "path": path}])
}

fn of_members(operations: Value) -> Result<MemberChange, Fault> {
    let message = json!({"schemas": [PATCH_OP], "Operations": operations});
    Patch::read(&message, Kind::Group)?.members()
}

fn folds(operations: Value, emptied: bool, put_in: &[&str], taken_out: &[&str]) {
    let texts = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
    let expected = MemberChange {
        emptied,
        put_in: texts(put_in),
        taken_out: texts(taken_out),
    };
    assert_eq!(of_members(operations.clone()), Ok(expected), "{operations}");
}

#[test]
fn members_are_folded() {
    let u = json!([{"$ref": null, "value": "U"}]);
    folds(op("Add", "members", u.clone()), false, &["U"], &[]);
    folds(
        op("add", "Members", json!({"value": "U", "type": "user", "display": "x"})),
        false,
        &["U"],
        &[],
    );
    folds(op("Remove", "members", u.clone()), false, &[], &["U"]);
    folds(op("remove", "members", json!(["U", "V", "U"])), false, &[], &["U", "V"]);
    folds(op("remove", "members", json!([])), false, &[], &[]);
    folds(remove("members"), true, &[], &[]);
    folds(remove("members[value eq \"U\"]"), false, &[], &["U"]);
    folds(
        remove("members[Value EQ \"U\" or value eq \"V\"]"),
        false,
        &[],
        &["U", "V"],
    );
    folds(op("replace", "members", u.clone()), true, &["U"], &[]);
    for nothing in [json!([]), json!(null), json!("")] {
        folds(op("replace", "members", nothing), true, &[], &[]);
    }
    folds(
        json!([{"op": "replace", "value": {"id": "G", "displayName": "S", "members": u}}]),
        true,
        &["U"],
        &[],
    );
    folds(
        op("add", "members[value eq \"U\"]", json!({"value": "U"})),
        false,
        &["U"],
        &[],
    );
    folds(
        op("replace", "members[value eq \"U\"].display", json!("x")),
        false,
        &[],
        &[],
    );
    folds(op("replace", "members.type", json!("User")), false, &[], &[]);
    folds(
        json!([
            {"op": "remove", "path": "members[value eq \"A\"]"}, {"op": "add", "path": "members", "value": [{"value": "B"}, {"value": "A"}]},
            {"op": "remove", "path": "members", "value": [{"value": "B"}]}
        ]),
        false,
        &["A"],
        &["B"],
    );
    folds(
        json!([
            {"op": "add", "path": "members", "value": ["A"]}, {"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": ["B", "C"]},
            {"op": "remove", "path": "members[value eq \"B\"]"}
        ]),
        true,
        &["C"],
        &[],
    );
}

#[test]
fn members_are_users_by_their_ids() {
    for (operations, word) in [
        (
            op("add", "members", json!([{"value": "U", "type": "Group"}])),
            ScimType::InvalidValue,
        ),
        (op("add", "members", json!([{"value": 7}])), ScimType::InvalidValue),
        (op("add", "members", json!(7)), ScimType::InvalidValue),
        (remove("members[type eq \"User\"]"), ScimType::InvalidPath),
        (remove("members[value sw \"U\"]"), ScimType::InvalidPath),
        (remove("members[not (value eq \"U\")]"), ScimType::InvalidPath),
        (
            remove("members[value eq \"U\" and value eq \"V\"]"),
            ScimType::InvalidPath,
        ),
        (op("add", "members.value", json!("U")), ScimType::InvalidPath),
        (
            op("replace", "members[value eq \"U\"].value", json!("V")),
            ScimType::Mutability,
        ),
        (
            op("replace", "members[value eq \"U\"]", json!({"value": "V"})),
            ScimType::Mutability,
        ),
    ] {
        assert_eq!(
            of_members(operations.clone()).unwrap_err().scim_type,
            word,
            "{operations}"
        );
    }
}
