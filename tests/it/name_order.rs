//! The order by name: that of the folded names, and of alike ones that in which they were made; held against a plain
//! evaluation in Rust.

use serde_json::{Value, json};
use tenantry::model::sort_name;

use crate::on_both;
use crate::support::documents::{CREATE_TENANT, CREATE_USER, DELETE_USER, UPDATE_TENANT, UPDATE_USER, change};
use crate::support::{App, Caller};

/// Parts of names, of which many fold to the same.
const PARTS: [&str; 16] = [
    "a", "A", "á", "Á", "b", "B", "ss", "ß", "e\u{301}", "Z", "ł", "L", "10", "9", "李", "—",
];

fn any_name(random: &mut fastrand::Rng) -> String {
    let count = random.usize(1..4);
    (0..count).map(|_| PARTS[random.usize(0..PARTS.len())]).collect()
}

/// The ids of things that were listed as they were made, by folded name.
fn by_name(made: &Value) -> Vec<String> {
    let mut things = made.as_array().unwrap().clone();
    things.sort_by_key(|thing| sort_name(thing["name"].as_str().unwrap()));
    ids(&Value::Array(things))
}

fn ids(things: &Value) -> Vec<String> {
    let things = things.as_array().unwrap().iter();
    things.map(|thing| thing["id"].as_str().unwrap().to_owned()).collect()
}

/// The list in both directions, and a page of it; `made` is the same list as it was made.
fn aliases(list: &str) -> String {
    format!(
        "made: {list} {{ id name }} up: {list}(orderBy: NAME_ASC) {{ id }} down: {list}(orderBy: NAME_DESC) {{ id }}
         page: {list}(orderBy: NAME_ASC, first: 3, skip: 2) {{ id }} back: {list}(orderBy: NAME_DESC, first: 2, skip: 1) {{ id }}"
    )
}

/// Compares them; returns the number of items.
fn hold(lists: &Value, about: &str) -> usize {
    let mut expected = by_name(&lists["made"]);
    let page = |of: &[String], skip: usize, first: usize| of.iter().skip(skip).take(first).cloned().collect::<Vec<_>>();
    assert_eq!(ids(&lists["up"]), expected, "{about}");
    assert_eq!(ids(&lists["page"]), page(&expected, 2, 3), "{about}");
    expected.reverse();
    assert_eq!(ids(&lists["down"]), expected, "{about}, descending");
    assert_eq!(ids(&lists["back"]), page(&expected, 1, 2), "{about}, descending");
    expected.len()
}

/// The ids of a connection, page by page.
async fn walked(caller: &Caller<'_>, list: &str, order: &str, backwards: bool) -> Vec<String> {
    let (size, cursor, edge) = match backwards {
        true => ("last", "before", "startCursor"),
        false => ("first", "after", "endCursor"),
    };
    let more = if backwards { "hasPreviousPage" } else { "hasNextPage" };
    let document = format!(
        "query($c: String) {{ found: {list}Connection({size}: 4, {cursor}: $c, orderBy: {order}) {{ nodes {{ id }} pageInfo {{ {more} {edge} }} }} }}"
    );
    let (mut all, mut from) = (Vec::new(), Value::Null);
    loop {
        let slice = caller.ok(&document, json!({ "c": from })).await["found"].clone();
        let page = ids(&slice["nodes"]);
        match backwards {
            true => all.splice(0..0, page).for_each(drop),
            false => all.extend(page),
        }
        if slice["pageInfo"][more] == false {
            return all;
        }
        from = slice["pageInfo"][edge].clone();
    }
}

/// All lists by name of everything there is.
async fn hold_all(caller: &Caller<'_>) {
    for list in ["users", "tenants", "groups", "organizations"] {
        let lists = caller.ok(&format!("{{ {} }}", aliases(list)), json!({})).await;
        assert!(hold(&lists, list) > 1);
        let mut expected = by_name(&lists["made"]);
        for order in ["NAME_ASC", "NAME_DESC"] {
            for backwards in [false, true] {
                let found = walked(caller, list, order, backwards).await;
                assert_eq!(found, expected, "{list} {order} backwards: {backwards}");
            }
            expected.reverse();
        }
    }
    for (parents, list) in [
        ("organizations", "users"),
        ("organizations", "tenants"),
        ("tenants", "users"),
        ("groups", "users"),
        ("roles", "users"),
        ("users", "groups"),
    ] {
        let under = caller
            .ok(&format!("{{ {parents} {{ {} }} }}", aliases(list)), json!({}))
            .await;
        let counts = under[parents].as_array().unwrap().iter();
        let most = counts.map(|parent| hold(parent, &format!("{list} of {parents}"))).max();
        assert!(most > Some(2), "{list} of {parents}");
    }
}

on_both! {
    async fn names_are_sorted_without_case_and_accents(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        let listed = async |filter: &str| {
            let document = format!("{{ users(where: {{organization: {{id: \"acme\"}} {filter}}}, orderBy: NAME_ASC) {{ name }} }}");
            let found = admin.ok(&document, json!({})).await["users"].clone();
            found.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for (number, data) in [
            json!({"name": "Hedy"}), json!({"name": "adam"}), json!({"name": "Éva"}), json!({"name": "Eva"}), json!({"name": "éve"}),
            json!({"firstname": "Zoë", "lastname": "Żak"}), json!({"firstname": "zoe", "lastname": "Abel"}), json!({"lastname": "Øster"}),
            json!({"email": "Bea@acme.example"}), json!({"id": "Carl"}), json!({"name": "Strasse 1"}), json!({"name": "Straße 2"}),
        ].into_iter().enumerate() {
            let mut data = data;
            data["organizationId"] = json!("acme");
            if data["id"].is_null() {
                data["id"] = json!(format!("u-{number}"));
            }
            admin.create_user(data).await;
        }
        let expected = ["adam", "bea@acme.example", "Carl", "Éva", "Eva", "éve", "Hedy", "Øster", "Strasse 1", "Straße 2", "zoe Abel", "Zoë Żak"];
        assert_eq!(listed("").await, expected);
        // Filters by name stay exact.
        assert_eq!(listed("name: \"Eva\"").await, ["Eva"]);
        assert_eq!(listed("name: \"eva\"").await, [""; 0]);
        assert_eq!(listed("nameIn: [\"éve\", \"Éva\", \"Hédy\"]").await, ["Éva", "éve"]);
        assert_eq!(listed("nameStartsWith: \"É\"").await, ["Éva"]);
        assert_eq!(listed("nameStartsWith: \"Str\", NOT: {nameStartsWith: \"Stra\u{df}\"}").await, ["Strasse 1"]);
        assert_eq!(listed("OR: [{name: \"Carl\"}, {nameContains: \"Ż\"}]").await, ["Carl", "Zoë Żak"]);
    }

    /// Some characters fold to many, and PostgreSQL limits what an index has; what is random cannot be compressed.
    async fn a_long_name_has_a_place_too(app: App) {
        app.organization("acme", &["berlin"]).await;
        let admin = app.admin();
        let mut random = fastrand::Rng::with_seed(255);
        let ideographs: String = (0..255).map(|_| random.char('\u{20000}'..='\u{2A6DF}')).collect();
        let longest = ["\u{FDFA}".repeat(255), "\u{1D400}".repeat(255), ideographs];
        for (number, name) in longest.iter().enumerate() {
            admin.create_user(json!({"id": format!("l-{number}"), "firstname": name, "lastname": name, "organizationId": "acme"})).await;
            admin.ok(UPDATE_TENANT, json!({"id": "berlin", "data": {"name": name}})).await;
            let found = "query($n: String) { users(where: {name: $n}) { id } start: users(where: {nameStartsWith: $n}) { id } }";
            let found = admin.ok(found, json!({"n": format!("{name} {name}")})).await;
            assert_eq!(found["users"], json!([{"id": format!("l-{number}")}]));
            assert_eq!(found["start"], found["users"]);
        }
        hold(&admin.ok(&format!("{{ {} }}", aliases("users")), json!({})).await, "users");
    }

    /// A changed name takes its new place, and cursors stay where they were.
    async fn a_changed_name_moves(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        for id in ["adam", "bea", "carl", "dora"] {
            let name = format!("{}{}", id[..1].to_uppercase(), &id[1..]);
            admin.create_user(json!({"id": id, "name": name, "organizationId": "acme"})).await;
        }
        let document = "query($a: String, $b: String) { usersConnection(where: {organization: {id: \"acme\"}}, orderBy: NAME_ASC, after: $a, before: $b) { edges { cursor } nodes { id } } }";
        let page = async |after: &Value, before: &Value| admin.ok(document, json!({"a": after, "b": before})).await["usersConnection"].clone();
        let all = page(&Value::Null, &Value::Null).await;
        let at_bea = &all["edges"][1]["cursor"];
        admin.update_user("bea", json!({"name": "émil"})).await;
        assert_eq!(ids(&page(at_bea, &Value::Null).await["nodes"]), ["carl", "dora", "bea"]);
        assert_eq!(ids(&page(&Value::Null, at_bea).await["nodes"]), ["adam"]);
        // Without a name of its own, it is sorted by what is shown instead.
        let clear = "mutation { updatePropertiesInUser(where: {id: \"bea\"}, data: {firstname: \"Cäsar\"}, clear: [NAME]) { id } }";
        admin.ok(clear, json!({})).await;
        assert_eq!(ids(&page(&Value::Null, &Value::Null).await["nodes"]), ["adam", "carl", "bea", "dora"]);
        admin.ok("mutation { updatePropertiesInUser(where: {id: \"bea\"}, data: {email: \"AA@acme.example\"}, clear: [FIRSTNAME]) { id } }", json!({})).await;
        assert_eq!(ids(&page(&Value::Null, &Value::Null).await["nodes"]), ["bea", "adam", "carl", "dora"]);
    }

    async fn lists_by_name_are_in_the_order_of_the_folded_names(app: App) {
        for organization in ["acme", "globex"] {
            app.organization(organization, &[]).await;
        }
        let admin = app.admin();
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let mut random = fastrand::Rng::with_seed(7);
        for number in 0..8 {
            let data = json!({"id": format!("t-{number}"), "name": any_name(&mut random), "organizationId": "acme"});
            admin.ok(CREATE_TENANT, json!({ "data": data })).await;
            chief.ok(&format!("mutation {{ createGroup(data: {{name: \"G {number}\"}}) {{ id }} }}"), json!({})).await;
        }
        for round in 0..4 {
            for number in 0..10 {
                let id = format!("u-{round}-{number}");
                let (home, tenant) = if number % 3 == 0 { ("globex", None) } else { ("acme", Some(format!("t-{}", number % 2))) };
                let data = json!({"id": id, "name": any_name(&mut random), "organizationId": home, "tenantId": tenant, "roles": ["reviewer"]});
                admin.ok(CREATE_USER, json!({ "data": data })).await;
                if home == "acme" {
                    for group in ["G_1", "G_2", "G_3"] {
                        let add = "mutation($k: String, $u: ID) { addUserToGroup(where: {key: $k}, user: {id: $u}) { id } }";
                        chief.ok(add, json!({"k": group, "u": id})).await;
                    }
                }
                // Some of these are not there.
                let other = format!("u-{}-{}", random.u8(0..4), random.u8(0..10));
                match random.u8(0..4) {
                    0 => drop(admin.send(DELETE_USER, json!({"id": other})).await),
                    1 => drop(admin.send(UPDATE_USER, change(&other, json!({"firstname": any_name(&mut random)}))).await),
                    _ => drop(admin.send(UPDATE_USER, change(&other, json!({"name": any_name(&mut random)}))).await),
                }
            }
            let tenant = json!({"id": format!("t-{}", random.u8(0..8)), "data": {"name": any_name(&mut random)}});
            admin.ok(UPDATE_TENANT, tenant).await;
            let rename = "mutation($k: String, $n: String) { updateGroup(where: {key: $k}, data: {name: $n}) { id } }";
            chief.ok(rename, json!({"k": format!("G_{}", random.u8(0..8)), "n": any_name(&mut random)})).await;
            hold_all(&admin).await;
        }
        chief.ok("mutation { renameOrganization(where: {id: \"acme\"}, name: \"Äcme\") { id } }", json!({})).await;
        hold_all(&admin).await;
    }
}
