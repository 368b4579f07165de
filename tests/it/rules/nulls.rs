//! null in an input means "not given", at every depth, in every mutation and filter, as a variable and in the document.

use async_graphql::parser::types::InputValueDefinition;
use async_graphql::{Name, Value as Literal};
use serde_json::{Value, json};

use super::refusals::{CASES, field_of, fill};
use super::{Sdl, is_list, named};
use crate::on_both;
use crate::support::App;

/// How deep inputs within inputs are filled with nulls.
const DEPTH: usize = 3;

/// One case, taken apart: its operation and field, the arguments it gives, and the rest behind them.
struct Case {
    mutation: bool,
    field: String,
    given: Vec<(String, Literal)>,
    selection: String,
}

fn take_apart(document: &str) -> Case {
    let parsed = async_graphql::parser::parse_query(document).unwrap();
    let (_, operation) = parsed.operations.iter().next().unwrap();
    let mutation = operation.node.ty.to_string() == "mutation";
    let async_graphql::parser::types::Selection::Field(field) = &operation.node.selection_set.node.items[0].node else {
        panic!("{document}");
    };
    let given = field
        .node
        .arguments
        .iter()
        .map(|(name, value)| (name.node.to_string(), value.node.clone().into_const().unwrap()));
    let name = field.node.name.node.to_string();
    let rest = match document.rfind(')') {
        Some(end) => &document[end + 1..],
        None => &document[document.find(&name).unwrap() + name.len()..],
    };
    Case {
        mutation,
        field: name,
        given: given.collect(),
        selection: rest.trim_end().strip_suffix('}').unwrap().to_owned(),
    }
}

/// The value, with null for whatever is not given; inputs within inputs are given, full of nulls, where they may be. A
/// list stays away: an empty filter in it would be one.
fn with_nulls(sdl: &Sdl, definition: &InputValueDefinition, given: Option<&Literal>, depth: usize) -> Literal {
    let ty = named(&definition.ty.node);
    let object = match given {
        Some(Literal::Object(object)) => object.clone(),
        Some(other) => return other.clone(),
        None if depth == 0 || is_list(&definition.ty.node) || !sdl.is_input(ty) => return Literal::Null,
        None if sdl.input_fields(ty).iter().any(|field| !field.ty.node.nullable) => return Literal::Null,
        None => Default::default(),
    };
    let fields = sdl.input_fields(ty).into_iter().filter(|field| {
        object.contains_key(field.name.node.as_str()) || (field.ty.node.nullable && field.name.node != "NOT")
    });
    let full = fields.map(|field| {
        let name = Name::new(field.name.node.as_str());
        let value = with_nulls(sdl, field, object.get(&name), depth - 1);
        (name, value)
    });
    Literal::Object(full.collect())
}

/// The document with every argument, by variables or written out.
fn full(sdl: &Sdl, case: &Case, in_document: bool, empty: bool) -> (String, Value) {
    let root = if case.mutation { "Mutation" } else { "Query" };
    let definition = sdl.field(root, &case.field).unwrap();
    let (mut types, mut arguments, mut variables) = (Vec::new(), Vec::new(), json!({}));
    for argument in &definition.arguments {
        let name = argument.node.name.node.as_str();
        let given = case
            .given
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value);
        if given.is_none() && !argument.node.ty.node.nullable {
            continue;
        }
        // What a change or a question is about is named, or the argument is left out: an empty one is refused.
        let which = (case.mutation || ["can", "accessExplanation"].contains(&case.field.as_str()))
            && named(&argument.node.ty.node).ends_with("Where");
        let depth = if which && given.is_none() { 0 } else { DEPTH };
        let nothing = Literal::Object(Default::default());
        let given = match given {
            Some(_) if empty && name == "data" => Some(&nothing),
            other => other,
        };
        let value = with_nulls(sdl, &argument.node, given, depth);
        if in_document {
            arguments.push(format!("{name}: {value}"));
        } else {
            types.push(format!("${name}: {}", argument.node.ty.node));
            arguments.push(format!("{name}: ${name}"));
            variables[name] = value.into_json().unwrap();
        }
    }
    let operation = if case.mutation { "mutation" } else { "query" };
    let in_brackets = |parts: Vec<String>| {
        if parts.is_empty() {
            String::new()
        } else {
            format!("({})", parts.join(", "))
        }
    };
    let document = format!(
        "{operation}{} {{ {}{} {} }}",
        in_brackets(types),
        case.field,
        in_brackets(arguments),
        case.selection
    );
    (document, variables)
}

on_both! {
    async fn null_is_not_given(app: App) {
        let sdl = Sdl::read();
        app.organization("acme", &["berlin"]).await;
        let boss = app.user("acme", "boss", Some("super-admin")).await;
        app.user("acme", "sub", Some("user")).await;
        let tad = app.user("acme", "tad", None).await;
        let assign = "mutation { assignRole(where: {id: \"tad\"}, role: \"tenant-admin\", tenant: \"berlin\") { id } }";
        app.admin().ok(assign, json!({})).await;
        let mut nulls = 0;
        // Who administers a tenant is asked what concerns one: `tenant: null` must not become every tenant, or none.
        let of_tenants = CASES.iter().filter(|(case, _)| case.contains("tenant"));
        let asked = CASES.iter().map(|case| ("boss", &boss, case)).chain(of_tenants.map(|case| ("tad", &tad, case)));
        for (number, (me, caller, (case, document))) in asked.enumerate() {
            let mut answers = Vec::new();
            for (turn, in_document) in [(0, None), (1, Some(false)), (2, Some(true))] {
                let filled = fill(&app, document, Some(me), 10 * number + turn, true).await;
                let (document, variables) = match in_document {
                    None => (filled.document, json!({})),
                    Some(in_document) => full(&sdl, &take_apart(&filled.document), in_document, false),
                };
                nulls += variables.to_string().matches("null").count() + document.matches("null").count();
                let answer = caller.send(&document, variables.clone()).await;
                answers.push((answer["errors"][0]["extensions"]["code"].clone(), document, variables, answer));
            }
            for (code, document, variables, answer) in &answers[1..] {
                // A password can be changed, and a verified address verified, once.
                let again = case.contains("oneself") && ["updatePassword", "requestEmailVerification"].contains(&field_of(case));
                assert!(*code == answers[0].0 || again, "{case} as {me}: {document} {variables}\n{answer}");
            }
            // What is made for a case has another id each time.
            if answers[0].0.is_null() && document.trim_start().starts_with('{') && !document.contains('$') {
                assert_eq!(answers[0].3, answers[1].3, "{case}");
                assert_eq!(answers[0].3, answers[2].3, "{case}");
            }
        }
        assert!(nulls > 500, "only {nulls} nulls were sent");
    }

    /// An update of nulls alone is done, and changes nothing.
    async fn an_update_of_nulls_changes_nothing(app: App) {
        let sdl = Sdl::read();
        app.organization("acme", &["berlin"]).await;
        let boss = app.user("acme", "boss", Some("super-admin")).await;
        // No two users have the same user name.
        let everything = |user: u64| json!({"name": "N", "firstname": "F", "lastname": "L", "userName": format!("U {user}"), "externalId": "E", "variables": {"a": null}, "tenantId": "berlin", "roles": ["user"],
            "federatedIdentities": [{"identityProvider": "google", "userId": "1", "userName": "g"}]});
        let mut updates: u64 = 0;
        for (number, (case, document)) in CASES.iter().enumerate() {
            if !field_of(case).starts_with("update") || case.contains("oneself") || ["updatePassword", "updateMyPassword", "updateSettings"].contains(&field_of(case)) {
                continue;
            }
            for in_document in [false, true] {
                let filled = fill(&app, document, Some("boss"), 10 * number + usize::from(in_document), true).await;
                let case = take_apart(&filled.document);
                if case.field == "updatePropertiesInUser" {
                    let target = case.given.iter().find(|(name, _)| name == "where").unwrap().1.clone().into_json().unwrap();
                    app.admin().ok("mutation($w: UserWhere!, $d: UserData!) { updatePropertiesInUser(where: $w, data: $d) { id } }",
                        json!({"w": target, "d": everything(updates)})).await;
                }
                let (document, variables) = full(&sdl, &case, in_document, true);
                let before = app.dump().await;
                boss.ok(&document, variables).await;
                assert_eq!(before, app.dump().await, "{document}");
                updates += 1;
            }
        }
        assert!(updates >= 8, "{updates}");
        // Settings are JSON, in which null is data; the arguments beside it are not.
        boss.ok("mutation { updateSettings(updated: {a: null}, deleted: null) }", json!({})).await;
        assert_eq!(boss.ok("{ me { settings } }", json!({})).await["me"]["settings"], json!({"a": null}));
        let before = app.dump().await;
        boss.ok("mutation($n: JSON, $d: [String!]) { updateSettings(updated: $n, deleted: $d) }", json!({"n": null, "d": null})).await;
        assert_eq!(before, app.dump().await);
    }
}
