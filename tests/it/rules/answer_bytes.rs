//! An answer has an end in bytes: whatever a small document asks for, it is charged as it is read and written, by every way
//! to every field. What stands in an answer often is read once.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenantry::context::room::ANSWER_BYTES_MAX;

use super::isolation::{go_on, paged};
use super::{Sdl, named};
use crate::on_both;
use crate::support::{App, Caller};

/// As often as a field may stand in one place.
const TIMES: usize = 15;
/// The largest that variables may be, nearly.
const VARIABLES_BYTES: usize = 60 * 1024;

/// Acme with a tenant, and `ada` with two colleagues, all with variables as large as they may be, and settings.
async fn world(app: &App) -> Caller<'_> {
    let variables = json!({ "v": "x".repeat(VARIABLES_BYTES) });
    app.organization("acme", &["berlin", "paris"]).await;
    for (field, id) in [
        ("updateOrganization", "acme"),
        ("updateTenant", "berlin"),
        ("updateTenant", "paris"),
    ] {
        let document =
            format!("mutation($v: JSON) {{ {field}(where: {{id: \"{id}\"}}, data: {{variables: $v}}) {{ id }} }}");
        app.admin().ok(&document, json!({ "v": variables })).await;
    }
    let ada = app.user("acme", "ada", Some("organization-admin")).await;
    for id in ["bob", "cleo"] {
        app.user("acme", id, None).await;
    }
    for id in ["ada", "bob", "cleo"] {
        let document =
            "mutation($id: ID!, $data: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $data) { id } }";
        let data = json!({ "variables": variables, "tenantId": "berlin" });
        app.admin().ok(document, json!({ "id": id, "data": data })).await;
    }
    let settings: serde_json::Map<String, Value> = (0..8)
        .map(|n| (format!("k{n}"), json!("s".repeat(VARIABLES_BYTES))))
        .collect();
    ada.ok(
        "mutation($s: JSON) { updateSettings(updated: $s) }",
        json!({ "s": settings }),
    )
    .await;
    ada
}

/// A field so many times, under other names.
fn times(count: usize, prefix: &str, field: &str) -> String {
    (0..count).map(|n| format!("{prefix}{n}: {field} ")).collect()
}

/// A document whose field at the end of a way stands in it as often as it can.
fn often(steps: &[String], field: &str) -> String {
    let mut inner = format!("{{ {}}}", times(TIMES, "f", field));
    for (depth, step) in steps.iter().enumerate().rev() {
        // At most three places of fifteen within each other fit in a document; and the top counts most.
        let count = match (depth, steps.len()) {
            (0, 1) => TIMES,
            (0, _) => 4,
            _ if depth + 1 == steps.len() => TIMES,
            _ => 1,
        };
        inner = format!("{{ {}}}", times(count, "s", &format!("{step} {inner}")));
    }
    inner
}

/// Refused as too large: with one error that says so, and without data.
async fn refused(caller: &Caller<'_>, document: &str) {
    let answer = caller.send(document, json!({})).await;
    let shown: String = answer.to_string().chars().take(500).collect();
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED",
        "{document}\n{shown}"
    );
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains(&ANSWER_BYTES_MAX.to_string()), "{document}\n{message}");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{shown}");
    // It was charged where it came about, not measured when all of it was in memory.
    assert!(answer["errors"][0]["path"].is_array(), "{document}\n{shown}");
    assert_eq!(answer["data"], Value::Null, "{document}");
}

/// The ways to things, of a few steps, to each field that holds free JSON.
fn ways_to_json(sdl: &Sdl) -> Vec<(Vec<String>, String)> {
    let mut ways = Vec::new();
    for field in sdl.fields("Query") {
        go_on(
            sdl,
            named(&field.ty.node),
            &mut vec![field.name.node.to_string()],
            &mut ways,
        );
    }
    let mut found = Vec::new();
    for (way, ty) in ways {
        let steps = way
            .iter()
            .filter(|step| !["edges", "node", "nodes"].contains(&step.as_str()));
        if steps.count() > 2 {
            continue;
        }
        for field in sdl
            .fields(&ty)
            .into_iter()
            .filter(|field| named(&field.ty.node) == "JSON")
        {
            found.push((way.clone(), field.name.node.to_string()));
        }
    }
    found
}

async fn statements(caller: &Caller<'_>, document: &str) -> Vec<String> {
    let sent = tenantry::store::db::SENT.scope(Default::default(), async {
        caller.ok(document, json!({})).await;
        tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone())
    });
    let sql = sent.await.into_iter().map(|statement| statement.sql);
    // The credential is looked up, and its use noted, now and then.
    sql.filter(|sql| !sql.contains("k.digest") && !sql.contains("last_used_at"))
        .collect()
}

on_both! {
    async fn settings_under_many_names(app: App) {
        let ada = world(&app).await;
        refused(&ada, &often(&["me".to_owned()], "settings")).await;
        // What is within the limit is whole.
        let one = ada.ok("{ me { settings variables } }", json!({})).await;
        let many = ada.ok(&format!("{{ {} }}", times(2, "s", &format!("me {{ {} }}", times(TIMES, "f", "settings")))), json!({})).await;
        for n in 0..TIMES {
            assert_eq!(many["s1"][format!("f{n}")], one["me"]["settings"]);
        }
        let many = ada.ok(&often(&["me".to_owned()], "variables"), json!({})).await;
        assert_eq!(many["s14"]["f14"], one["me"]["variables"]);
    }

    /// Every way to a field that holds free JSON is charged; and an object's JSON is read once, under however many names.
    async fn every_json_field(app: App) {
        let (ada, admin) = (world(&app).await, app.admin());
        let sdl = Sdl::read();
        let mut met = BTreeSet::new();
        for (way, field) in ways_to_json(&sdl) {
            // Small pages, so that the document costs little, whatever stands in it.
            // A value that is merged costs more.
            let (long, page): (&[&str], _) = match field.as_str() {
                "effectiveVariables" => (&["first: 100", "first: 12", "first: 4"], "first: 2"),
                _ => (&["first: 100"], "first: 4"),
            };
            let steps = paged(&sdl, &way).into_iter().map(|step| long.iter().fold(step, |step, long| step.replace(long, page)));
            let steps: Vec<String> = steps.collect();
            let leaf = |inner: &str| steps.iter().rev().fold(inner.to_owned(), |inner, step| format!("{step} {{ {inner} }}"));
            let what = format!("{}.{field}", way.join("."));
            // They belong to no organization.
            let ada = if way[0].starts_with("resourceServer") { &admin } else { &ada };
            let one = statements(ada, &format!("{{ {} }}", leaf(&field))).await;
            let many = statements(ada, &format!("{{ {} }}", leaf(&times(TIMES, "f", &field)))).await;
            assert_eq!(one.len(), many.len(), "{what}");
            for (one, many) in one.iter().zip(&many) {
                assert_eq!(one, many, "{what} is read once");
            }
            // Only to what is there, and then it fills the answer.
            let answer = ada.ok(&format!("{{ {} }}", leaf(&field)), json!({})).await.to_string();
            if answer.len() * TIMES * if way.len() == 1 { TIMES } else { 4 * TIMES } > ANSWER_BYTES_MAX * 3 / 2 {
                refused(ada, &often(&steps, &field)).await;
                met.insert(what);
            }
        }
        for expected in ["me.settings", "users.variables", "me.organization.variables", "tenants.variables", "usersConnection.nodes.variables",
            "usersConnection.edges.node.variables", "tenants.organization.variables", "me.tenant.variables",
            "users.effectiveVariables", "tenants.effectiveVariables"] {
            assert!(met.contains(expected), "{expected} is not among {met:?}");
        }
    }

    /// Long names of fields, repeated for each thing of each page: in lists that are written at once, in connections, and
    /// below other things.
    async fn long_names_on_long_pages(app: App) {
        let ada = world(&app).await;
        app.crowd("acme", 200).await;
        let sdl = Sdl::read();
        let scalars: Vec<String> = super::isolation::scalars(&sdl, "User").into_iter().filter(|field| field != "settings" && field != "variables").take(16).collect();
        let long = |n: usize| format!("{}{n:03}", "l".repeat(250));
        let fields: String = scalars.iter().flat_map(|field| [field; TIMES]).enumerate()
            .map(|(n, field)| format!("{}: {field} ", long(n))).collect();
        assert!(scalars.len() * TIMES >= 220, "{}", scalars.len());
        for place in ["users { ...F }", "usersConnection { nodes { ...F } }", "usersConnection { edges { node { ...F } } }",
            "me { organization { users { ...F } } }"] {
            let document = format!("{{ {} }} fragment F on User {{ {fields} }}", times(4, "r", place));
            refused(&ada, &document).await;
        }
        // Nobody is left without room.
        assert_eq!(ada.ok("{ me { id } }", json!({})).await, json!({"me": {"id": "ada"}}));
        ada.ok("{ users { id name email } }", json!({})).await;
    }
}
