//! Filters have an end: every `where` is refused when it nests too deep or tests too much, by whatever way its types lead
//! into each other, in lists, nested lists and changes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::isolation::{base_call, places, selection};
use super::{Sdl, is_list, named};
use crate::on_both;
use crate::support::{App, Caller};

/// More than any filter may have.
const LEVELS: usize = 24;
const TESTS: usize = 400;
/// What a filter may have, as `docs/lists.md` says: one `where` in another, and fields with a value.
const LEVELS_MAX: usize = 10;
const TESTS_MAX: usize = 200;

on_both! {
    async fn every_where_has_an_end(app: App) {
        app.organization("acme", &["acme-berlin"]).await;
        app.user("acme", "acme-bob", None).await;
        let sdl = Sdl::read();
        let caller = app.admin();
        // Who asks has something of everything: a list under nothing is not asked for.
        caller.ok("mutation { createGroup(data: {name: \"acme group\"}) { id } }", json!({})).await;
        let join = "mutation { addUserToGroup(where: {key: \"ACME_GROUP\"}, user: {id: \"admin\"}) { id } }";
        caller.ok(join, json!({})).await;
        let mut asked = BTreeSet::new();
        for place in places(&sdl) {
            let ty = named(&place.ty).to_owned();
            for (what, mut filter) in endless(&sdl, &ty) {
                for (name, value) in place.base.as_object().unwrap() {
                    filter[name.as_str()] = value.clone();
                }
                let document = format!(
                    "query($w: {}) {{ {}{}({}: $w){}{} }}",
                    place.declared(), place.before, place.field, place.argument, place.selection, place.behind,
                );
                refused(&caller, &document, json!({ "w": filter }), &format!("{}: {what}", place.keys.join("."))).await;
                asked.insert(place.keys.join("."));
            }
        }
        for field in sdl.fields("Mutation") {
            let name = field.name.node.as_str();
            let Some(base) = base_call(name) else { continue };
            for argument in field.arguments.iter().filter(|argument| argument.node.name.node == "where") {
                let declared: Vec<String> = base.as_object().unwrap().keys().map(|key| {
                    let ty = &field.arguments.iter().find(|a| a.node.name.node == key.as_str()).unwrap().node.ty.node;
                    format!("${key}: {ty}")
                }).collect();
                let given: Vec<String> = base.as_object().unwrap().keys().map(|key| format!("{key}: ${key}")).collect();
                let selection = selection(&sdl, named(&field.ty.node));
                let document = format!("mutation({}) {{ {name}({}){selection} }}", declared.join(", "), given.join(", "));
                for (what, filter) in endless(&sdl, named(&argument.node.ty.node)) {
                    let mut variables = base.clone();
                    for (key, value) in filter.as_object().unwrap() {
                        variables["where"][key.as_str()] = value.clone();
                    }
                    refused(&caller, &document, variables, &format!("{name}: {what}")).await;
                    asked.insert(name.to_owned());
                }
            }
        }
        for expected in ["users", "me.organization.users", "me.groups.users", "deleteUser", "rotateApiKey", "revokeSession"] {
            assert!(asked.contains(expected), "{expected} is not among {asked:?}");
        }
    }

    /// The bounds are numbers that a caller can count, the same for every `where`: what reaches them passes, one more is
    /// refused.
    async fn every_where_has_the_bounds_that_are_documented(app: App) {
        app.organization("acme", &["acme-berlin"]).await;
        let sdl = Sdl::read();
        let caller = app.admin();
        // A query for one thing has one condition more, its name.
        for place in places(&sdl).iter().filter(|place| place.keys.len() == 1 && place.base == json!({})) {
            let ty = named(&place.ty);
            let document = format!(
                "query($w: {}) {{ {}({}: $w){} }}",
                place.declared(), place.field, place.argument, place.selection,
            );
            for relation in sdl.input_fields(ty).into_iter().filter(|field| sdl.is_input(named(&field.ty.node))) {
                let what = format!("{}: {}", place.field, relation.name.node);
                let below = named(&relation.ty.node);
                let step = |inner: Value| json!({ relation.name.node.as_str(): if is_list(&relation.ty.node) { json!([inner]) } else { inner } });
                // The `where` itself is a level, and the innermost another.
                let deep = |levels: usize| step(around(&sdl, below, levels - 2).unwrap());
                caller.ok(&document, json!({ "w": deep(LEVELS_MAX) })).await;
                refused(&caller, &document, json!({ "w": deep(LEVELS_MAX + 1) }), &what).await;
                // A relation is a field with a value too; what joins filters is none.
                let joins = ["AND", "OR", "NOT"].contains(&relation.name.node.as_str());
                let left = TESTS_MAX - usize::from(!joins);
                let many = |tests: usize| step(json!({ "OR": (0..tests).map(|i| json!({ "id": i.to_string() })).collect::<Vec<_>>() }));
                caller.ok(&document, json!({ "w": many(left) })).await;
                refused(&caller, &document, json!({ "w": many(left + 1) }), &what).await;
            }
            // One without a test counts as one.
            let empty = |count: usize| json!({ "OR": vec![json!({}); count] });
            caller.ok(&document, json!({ "w": empty(TESTS_MAX) })).await;
            refused(&caller, &document, json!({ "w": empty(TESTS_MAX + 1) }), &place.field).await;
        }
    }
}

async fn refused(caller: &Caller<'_>, document: &str, variables: Value, what: &str) {
    let error = caller.refusal(document, variables).await;
    assert_eq!(error["extensions"]["code"], "INVALID", "{what}: {error}");
    assert!(
        error["message"].as_str().unwrap().contains("the limit is"),
        "{what}: {error}"
    );
}

/// Filters that go on and on: each junction within itself, each way of types back to one that was met, and many tests
/// at the end of each relation.
fn endless(sdl: &Sdl, ty: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for field in sdl.input_fields(ty) {
        let name = field.name.node.as_str();
        let below = named(&field.ty.node);
        if !sdl.is_input(below) {
            continue;
        }
        let step = |inner: Value| json!({ name: if is_list(&field.ty.node) { json!([inner]) } else { inner } });
        let many = json!({ "OR": (0..TESTS).map(|i| json!({ "id": i.to_string() })).collect::<Vec<_>>() });
        found.push((format!("{name} with many tests"), step(many)));
        if let Some(inner) = around(sdl, below, LEVELS) {
            found.push((format!("{name} nested"), step(inner)));
        }
    }
    found
}

/// So many levels of relations within each other, and at the end a test.
fn around(sdl: &Sdl, ty: &str, levels: usize) -> Option<Value> {
    if levels == 0 {
        return Some(json!({ "id": "nobody" }));
    }
    // A relation leads on if there is one; a type without any nests by NOT.
    let fields = sdl.input_fields(ty);
    let relation = fields
        .iter()
        .filter(|field| sdl.is_input(named(&field.ty.node)))
        .min_by_key(|field| {
            ["NOT", "AND", "OR"]
                .iter()
                .position(|name| field.name.node == *name)
                .map_or(0, |at| at + 1)
        })?;
    let inner = around(sdl, named(&relation.ty.node), levels - 1)?;
    let inner = if is_list(&relation.ty.node) {
        json!([inner])
    } else {
        inner
    };
    Some(json!({ relation.name.node.as_str(): inner }))
}
