//! Effective variables: what is merged, and who sees which part of it.
//!
//! | threat | test |
//! |---|---|
//! | effective variables leak an organization's or a tenant's secrets: every role, by every way | `only_public_keys_without_the_permission` |
//! | … by a limited key, or while impersonating | `a_limited_key_and_an_impersonator_see_no_more` |
//! | … to somebody who administers one tenant | `who_administers_a_tenant` |
//! | … of another organization | `rules::isolation`, and `each_user_inherits_from_its_own` |
//! | … by the sources, or by the result of a mutation | all of them |
//! | a page costs a statement for each of its users | `rules::statements` |
//! | a small document makes a large answer | `rules::answer_bytes`, `what_is_asked_for_is_limited` |

use serde_json::{Value, json};
use strum::VariantArray;
use tenantry::model::BuiltIn;

use crate::on_both;
use crate::support::binary::Server;
use crate::support::session::code_of;
use crate::support::{App, Backend, Caller, TestDatabase};
use crate::tenancy::user;

const FIELDS: &str = "id effectiveVariables effectiveVariableSources { path from overrides }";
/// Words of what is not public.
const SECRETS: [&str; 3] = ["org-secret", "tenant-secret", "munich"];

/// A server on which all users see `plan` and `limits`.
async fn public(app: App) -> App {
    App::with_public_variables(app.backend, &["plan", "limits", "nothing"]).await
}

async fn set(app: &App, mutation: &str, id: &str, variables: &Value) {
    let document =
        format!("mutation($id: ID!, $v: JSON) {{ {mutation}(where: {{id: $id}}, data: {{variables: $v}}) {{ id }} }}");
    app.admin().ok(&document, json!({ "id": id, "v": variables })).await;
}

/// Acme with Berlin and Munich, which have variables, and `bob`, who is in Berlin and has some too.
async fn world(app: &App) -> Caller<'_> {
    app.organization("acme", &["berlin", "munich"]).await;
    let acme = json!({
        "plan": "gold", "limits": { "seats": 10, "rate": { "read": 5, "write": 1 } },
        "secret": { "key": "org-secret" }, "theme": { "color": "blue" },
    });
    set(app, "updateOrganization", "acme", &acme).await;
    let berlin = json!({ "limits": { "rate": { "read": null } }, "theme": null, "own": "tenant-secret" });
    set(app, "updateTenant", "berlin", &berlin).await;
    set(app, "updateTenant", "munich", &json!({ "plan": "of munich" })).await;
    user(app, "bob", Some("berlin"), &[]).await;
    set(
        app,
        "updatePropertiesInUser",
        "bob",
        &json!({ "theme": { "size": 2 }, "limits": { "seats": 1 }, "mine": true }),
    )
    .await;
    app.key_of("bob").await
}

/// All of bob's.
fn all_of_bob() -> Value {
    json!({
        "plan": "gold", "limits": { "seats": 1, "rate": { "read": null, "write": 1 } }, "secret": { "key": "org-secret" },
        "theme": { "size": 2 }, "own": "tenant-secret", "mine": true,
    })
}

/// The public ones of bob's.
fn public_of_bob() -> Value {
    json!({ "plan": "gold", "limits": { "seats": 1, "rate": { "read": null, "write": 1 } } })
}

fn all_of_berlin() -> Value {
    json!({
        "plan": "gold", "limits": { "seats": 10, "rate": { "read": null, "write": 1 } }, "secret": { "key": "org-secret" },
        "theme": null, "own": "tenant-secret",
    })
}

fn public_of_berlin() -> Value {
    json!({ "plan": "gold", "limits": { "seats": 10, "rate": { "read": null, "write": 1 } } })
}

/// The paths of some sources.
fn paths(sources: &Value) -> Vec<&str> {
    let sources = sources.as_array().unwrap().iter();
    sources.map(|source| source["path"].as_str().unwrap()).collect()
}

/// The user or tenant of this id in a list.
fn find<'a>(list: &'a Value, id: &str) -> &'a Value {
    let one = list.as_array().unwrap().iter().find(|one| one["id"] == id);
    one.unwrap_or_else(|| panic!("no {id} in {list:#}"))
}

on_both! {
    async fn levels_are_merged(app: App) {
        let bob = world(&app).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let lists = ann.ok(&format!("{{ users {{ {FIELDS} }} tenants {{ {FIELDS} }} usersConnection {{ nodes {{ {FIELDS} }} }} }}"), json!({})).await;
        let shown = find(&lists["users"], "bob");
        assert_eq!(shown["effectiveVariables"], all_of_bob());
        assert_eq!(
            shown["effectiveVariableSources"],
            json!([
                { "path": "/plan", "from": "ORGANIZATION", "overrides": [] },
                { "path": "/limits/seats", "from": "USER", "overrides": ["ORGANIZATION"] },
                { "path": "/limits/rate/read", "from": "TENANT", "overrides": ["ORGANIZATION"] },
                { "path": "/limits/rate/write", "from": "ORGANIZATION", "overrides": [] },
                { "path": "/secret/key", "from": "ORGANIZATION", "overrides": [] },
                { "path": "/theme/size", "from": "USER", "overrides": ["ORGANIZATION", "TENANT"] },
                { "path": "/own", "from": "TENANT", "overrides": [] },
                { "path": "/mine", "from": "USER", "overrides": [] },
            ])
        );
        assert_eq!(find(&lists["usersConnection"]["nodes"], "bob"), shown);
        // Without a tenant, and without variables of her own.
        assert_eq!(find(&lists["users"], "ann")["effectiveVariables"]["secret"], json!({ "key": "org-secret" }));
        assert_eq!(find(&lists["tenants"], "berlin")["effectiveVariables"], all_of_berlin());
        assert_eq!(find(&lists["tenants"], "munich")["effectiveVariables"]["plan"], "of munich");
        let froms = find(&lists["tenants"], "munich")["effectiveVariableSources"].clone();
        assert_eq!(froms[0], json!({ "path": "/plan", "from": "TENANT", "overrides": ["ORGANIZATION"] }));
        // By every way the same, and in the result of a mutation what it made of it.
        let ways = ann.ok(&format!("{{ user(where: {{id: \"bob\"}}) {{ {FIELDS} tenant {{ {FIELDS} }} }} tenant(where: {{id: \"berlin\"}}) {{ users {{ {FIELDS} }} }} }}"), json!({})).await;
        assert_eq!(ways["user"]["effectiveVariables"], all_of_bob());
        assert_eq!(ways["user"]["tenant"], *find(&lists["tenants"], "berlin"));
        assert_eq!(ways["tenant"]["users"][0], *shown);
        let update = format!("mutation {{ updatePropertiesInUser(where: {{id: \"bob\"}}, clear: [VARIABLES], data: {{}}) {{ {FIELDS} }} updateTenant(where: {{id: \"berlin\"}}, data: {{variables: {{plan: null}}}}) {{ {FIELDS} }} }}");
        let made = ann.ok(&update, json!({})).await;
        assert_eq!(made["updatePropertiesInUser"]["effectiveVariables"], all_of_berlin());
        assert_eq!(made["updateTenant"]["effectiveVariables"]["plan"], Value::Null);
        assert_eq!(made["updateTenant"]["effectiveVariables"]["theme"], json!({ "color": "blue" }));
        // Without variables anywhere it is an empty object, not null.
        for (mutation, id) in [("updateOrganization", "acme"), ("updateTenant", "berlin")] {
            app.admin().ok(&format!("mutation {{ {mutation}(where: {{id: \"{id}\"}}, clear: [VARIABLES], data: {{}}) {{ id }} }}"), json!({})).await;
        }
        let empty = ann.ok(&format!("{{ user(where: {{id: \"bob\"}}) {{ {FIELDS} }} }}"), json!({})).await;
        assert_eq!(empty["user"], json!({ "id": "bob", "effectiveVariables": {}, "effectiveVariableSources": [] }));
        // Nothing is public here.
        let own = bob.ok(&format!("{{ me {{ {FIELDS} tenant {{ {FIELDS} }} }} }}"), json!({})).await;
        assert_eq!(own["me"]["effectiveVariables"], Value::Null);
        assert_eq!(own["me"]["tenant"], json!({ "id": "berlin", "effectiveVariables": null, "effectiveVariableSources": null }));
    }

    /// As text: keys in the order of the levels, numbers digit by digit.
    async fn keys_keep_their_order_and_numbers_their_digits(app: App) {
        app.organization("acme", &[]).await;
        let given = |mutation: &str, variables: &str| {
            format!("{{\"query\": \"mutation($v: JSON) {{ {mutation} {{ id }} }}\", \"variables\": {{\"v\": {variables}}}}}")
        };
        user(&app, "bob", None, &[]).await;
        for body in [
            given("updateOrganization(where: {id: \\\"acme\\\"}, data: {variables: $v})", r#"{"z": 1.50, "é": {"b": 1e400, "a": 0}, "n": -0}"#),
            given("updatePropertiesInUser(where: {id: \\\"bob\\\"}, data: {variables: $v})", r#"{"a": 12345678901234567890123, "é": {"c": 2.0, "b": null}, "z": 1.5}"#),
        ] {
            let (parts, _) = app.admin().request("/graphql", &Value::Null).into_parts();
            let reply = app.send(axum::http::Request::from_parts(parts, axum::body::Body::from(body))).await;
            assert!(reply.json().get("errors").is_none(), "{}", reply.body);
        }
        let asked = app.admin().request("/graphql", &json!({ "query": "{ user(where: {id: \"bob\"}) { effectiveVariables } }" }));
        let reply = app.send(asked).await;
        let expected = r#"{"z":1.5,"é":{"b":null,"a":0,"c":2.0},"n":-0,"a":12345678901234567890123}"#;
        assert!(reply.body.contains(expected), "{}", reply.body);
    }

    async fn only_some_keys(app: App) {
        let app = public(app).await;
        let bob = world(&app).await;
        let asked = "{ me { one: effectiveVariables(keys: [\"limits\", \"secret\", \"none\"]) none: effectiveVariables(keys: [])
            sources: effectiveVariableSources(keys: [\"mine\", \"limits\"]) { path } all: effectiveVariables(keys: null) } }";
        let own = bob.ok(asked, json!({})).await;
        assert_eq!(own["me"]["one"], json!({ "limits": public_of_bob()["limits"] }));
        assert_eq!(own["me"]["none"], json!({}));
        assert_eq!(paths(&own["me"]["sources"]), ["/limits/seats", "/limits/rate/read", "/limits/rate/write"]);
        assert_eq!(own["me"]["all"], public_of_bob());
        let asked = "query($keys: [String!]) { user(where: {id: \"bob\"}) { effectiveVariables(keys: $keys) sources: effectiveVariableSources(keys: $keys) { path } } }";
        let all = app.admin().ok(asked, json!({ "keys": ["mine", "secret"] })).await;
        assert_eq!(all["user"], json!({ "effectiveVariables": { "secret": { "key": "org-secret" }, "mine": true },
            "sources": [{ "path": "/secret/key" }, { "path": "/mine" }] }));
    }

    /// Every built-in role, for the organization: without `read:org`, and `read:tenant`, the public keys of oneself and of
    /// one's tenant are all there is.
    async fn only_public_keys_without_the_permission(app: App) {
        let app = public(app).await;
        let bob = world(&app).await;
        user(&app, "mia", Some("munich"), &[]).await;
        let document = format!("{{ me {{ {FIELDS} tenant {{ {FIELDS} }} organization {{ id }} }} users {{ {FIELDS} tenant {{ {FIELDS} }} }} user(where: {{id: \"mia\"}}) {{ {FIELDS} }} }}");
        let tenants = format!("{{ tenants {{ {FIELDS} }} me {{ organization {{ tenants {{ {FIELDS} }} }} }} }}");
        let assign = "mutation($do: Boolean!, $role: String!) {
            assignRole(where: {id: \"bob\"}, role: $role) @include(if: $do) { id } withdrawRole(where: {id: \"bob\"}, role: $role) @skip(if: $do) { id } }";
        let roles: Vec<Option<BuiltIn>> = BuiltIn::VARIANTS.iter().copied().filter(|role| role.is_for_organizations()).map(Some).chain([None]).collect();
        let mut full = Vec::new();
        for role in roles {
            if let Some(role) = role {
                app.admin().ok(assign, json!({ "do": true, "role": role.name() })).await;
            }
            let name = role.map_or("(no role)", BuiltIn::name);
            let shown = bob.ok(&document, json!({})).await;
            let listed = bob.send(&tenants, json!({})).await;
            if matches!(role, Some(BuiltIn::OrganizationAdmin | BuiltIn::SuperAdmin)) {
                full.push(name);
                assert_eq!(shown["me"]["effectiveVariables"], all_of_bob(), "{name}");
                assert_eq!(shown["me"]["tenant"]["effectiveVariables"], all_of_berlin(), "{name}");
                assert_eq!(shown["user"]["effectiveVariables"]["plan"], "of munich", "{name}");
                assert_eq!(find(&listed["data"]["tenants"], "munich")["effectiveVariables"]["plan"], "of munich", "{name}");
            } else {
                let text = format!("{shown} {listed}").replace("\"id\":\"munich\"", "");
                for secret in SECRETS {
                    assert!(!text.contains(secret), "{name}: '{secret}' in {text}");
                }
                for own in [&shown["me"], find(&shown["users"], "bob")] {
                    assert_eq!(own["effectiveVariables"], public_of_bob(), "{name}");
                    assert_eq!(paths(&own["effectiveVariableSources"]), ["/plan", "/limits/seats", "/limits/rate/read", "/limits/rate/write"], "{name}");
                    assert_eq!(own["tenant"]["effectiveVariables"], public_of_berlin(), "{name}");
                }
                for other in shown["users"].as_array().unwrap().iter().filter(|user| user["id"] != "bob").chain([&shown["user"]]) {
                    assert_eq!((&other["effectiveVariables"], &other["effectiveVariableSources"]), (&Value::Null, &Value::Null), "{name}: {other}");
                }
                if listed.get("errors").is_none() {
                    for list in [&listed["data"]["tenants"], &listed["data"]["me"]["organization"]["tenants"]] {
                        assert_eq!(find(list, "munich")["effectiveVariables"], Value::Null, "{name}");
                        assert_eq!(find(list, "berlin")["effectiveVariables"], public_of_berlin(), "{name}");
                    }
                }
            }
            if let Some(role) = role {
                app.admin().ok(assign, json!({ "do": false, "role": role.name() })).await;
            }
        }
        assert_eq!(full, ["organization-admin", "super-admin"]);
        assert_eq!(app.anonymous().ok(&format!("{{ me {{ {FIELDS} }} }}"), json!({})).await["me"], Value::Null);
    }

    async fn a_limited_key_and_an_impersonator_see_no_more(app: App) {
        let app = public(app).await;
        world(&app).await;
        let ann = user(&app, "ann", Some("berlin"), &[]).await;
        let assign = "mutation { assignRole(where: {id: \"ann\"}, role: \"organization-admin\") { id } }";
        app.admin().ok(assign, json!({})).await;
        let all = json!({ "plan": "gold", "limits": all_of_berlin()["limits"], "secret": { "key": "org-secret" }, "theme": null, "own": "tenant-secret" });
        let own = format!("{{ me {{ {FIELDS} }} }}");
        let bobs = format!("{{ user(where: {{id: \"bob\"}}) {{ {FIELDS} }} }}");
        for (permissions, sees_own, sees_bob) in [
            (json!(["read:user"]), false, None),
            (json!(["read:org"]), false, None),
            (json!(["read:tenant", "read:user"]), false, None),
            (json!(["read:org", "read:user"]), false, None),
            (json!(["read:org", "read:tenant"]), true, None),
            (json!(["read:org", "read:tenant", "read:user"]), true, Some(all_of_bob())),
        ] {
            let made = ann.ok(
                "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }",
                json!({ "data": { "name": permissions.to_string(), "permissions": permissions } }),
            ).await;
            let limited = app.key(made["createApiKey"]["secret"].as_str().unwrap());
            let expected = if sees_own { all.clone() } else { public_of_berlin() };
            assert_eq!(limited.ok(&own, json!({})).await["me"]["effectiveVariables"], expected, "{permissions}");
            let bob = limited.ok(&bobs, json!({})).await["user"].clone();
            assert_eq!(bob["effectiveVariables"], sees_bob.unwrap_or_default(), "{permissions}");
            assert_eq!(bob["effectiveVariableSources"].is_array(), bob["effectiveVariables"].is_object(), "{permissions}");
        }
        // The rights inside are those of the impersonated user.
        let inside = ann.clone().acting_as("bob").ok(&own, json!({})).await;
        assert_eq!(inside["me"]["effectiveVariables"], public_of_bob());
        assert_eq!(paths(&inside["me"]["effectiveVariableSources"]).len(), 4);
    }

    async fn who_administers_a_tenant(app: App) {
        let app = public(app).await;
        world(&app).await;
        user(&app, "mia", Some("munich"), &[]).await;
        let roles = [("tenant-admin", "berlin"), ("organization-admin", "berlin")];
        let document = format!("{{ me {{ {FIELDS} }} users {{ {FIELDS} }} tenants {{ {FIELDS} }} }}");
        for (id, tenant) in [("bea", Some("berlin")), ("out", None), ("far", Some("munich"))] {
            let caller = user(&app, id, tenant, &roles).await;
            let shown = caller.ok(&document, json!({})).await;
            let text = shown.to_string();
            for secret in ["org-secret", "tenant-secret"] {
                assert!(!text.contains(secret), "{id}: {shown:#}");
            }
            let plan = if tenant == Some("munich") { "of munich" } else { "gold" };
            assert_eq!(shown["me"]["effectiveVariables"]["plan"], plan, "{id}");
            assert_eq!(find(&shown["users"], "bob")["effectiveVariables"], Value::Null, "{id}");
            assert_eq!(find(&shown["tenants"], "berlin")["effectiveVariables"], public_of_berlin(), "{id}");
            app.admin().ok("mutation($id: ID) { deleteUser(where: {id: $id}) { id } }", json!({ "id": id })).await;
        }
        // To read the tenant alone is enough where the organization can be read too.
        let made = app.admin().ok("mutation { createRole(data: {organizationId: \"acme\", name: \"reader\", permissions: [\"read:org\", \"read:user\"]}) { id } }", json!({})).await;
        assert!(made["createRole"]["id"].is_string());
        let rita = user(&app, "rita", None, &[("tenant-admin", "berlin")]).await;
        app.admin().ok("mutation { assignRole(where: {id: \"rita\"}, role: \"reader\") { id } }", json!({})).await;
        let shown = rita.ok("{ users { id effectiveVariables } }", json!({})).await;
        assert_eq!(find(&shown["users"], "bob")["effectiveVariables"], all_of_bob());
        assert_eq!(find(&shown["users"], "mia")["effectiveVariables"], Value::Null);
        assert_eq!(find(&shown["users"], "rita")["effectiveVariables"]["secret"], json!({ "key": "org-secret" }));
    }

    async fn each_user_inherits_from_its_own(app: App) {
        world(&app).await;
        app.organization("globex", &["rome"]).await;
        set(&app, "updateOrganization", "globex", &json!({ "plan": "of globex" })).await;
        app.user("globex", "tom", None).await;
        user(&app, "mia", Some("munich"), &[]).await;
        user(&app, "nora", None, &[]).await;
        let shown = app.admin().ok("{ users { id effectiveVariables(keys: [\"plan\"]) } tenants { id effectiveVariables(keys: [\"plan\"]) } }", json!({})).await;
        for (id, plan) in [("bob", "gold"), ("mia", "of munich"), ("nora", "gold"), ("tom", "of globex")] {
            assert_eq!(find(&shown["users"], id)["effectiveVariables"], json!({ "plan": plan }), "{id}");
        }
        for (id, plan) in [("berlin", "gold"), ("munich", "of munich"), ("rome", "of globex")] {
            assert_eq!(find(&shown["tenants"], id)["effectiveVariables"], json!({ "plan": plan }), "{id}");
        }
        // A user who moves inherits from where it is.
        app.admin().ok("mutation { updatePropertiesInUser(where: {id: \"bob\"}, data: {tenantId: \"munich\"}) { id } }", json!({})).await;
        let moved = app.admin().ok("{ user(where: {id: \"bob\"}) { effectiveVariables(keys: [\"plan\"]) } }", json!({})).await;
        assert_eq!(moved["user"]["effectiveVariables"], json!({ "plan": "of munich" }));
    }

    /// Who signs in sees what it will see with its token.
    async fn a_sign_in_shows_as_much(app: App) {
        let app = public(app).await;
        world(&app).await;
        let sign_in = format!("mutation {{ signIn(data: {{email: \"bob@acme.example\", password: \"password-of-bob\"}}) {{ user {{ {FIELDS} tenant {{ {FIELDS} }} }} }} }}");
        let shown = app.anonymous().ok(&sign_in, json!({})).await["signIn"]["user"].clone();
        assert_eq!(shown["effectiveVariables"], public_of_bob());
        assert_eq!(shown["tenant"]["effectiveVariables"], public_of_berlin());
    }

    async fn what_is_asked_for_is_limited(app: App) {
        let bob = world(&app).await;
        let keys = |count: usize| -> Value { (0..count).map(|n| json!(format!("k{n}"))).collect() };
        let asked = "query($keys: [String!]) { me { id effectiveVariables(keys: $keys) effectiveVariableSources(keys: $keys) { path } } }";
        for caller in [&app.admin(), &bob] {
            caller.ok(asked, json!({ "keys": keys(100) })).await;
            let answer = caller.send(asked, json!({ "keys": keys(101) })).await;
            assert_eq!(code_of(&answer), "INVALID");
            assert_eq!(answer["errors"][0]["extensions"]["field"], "keys", "{answer}");
            assert_eq!(answer["errors"][0]["path"], json!(["me", "effectiveVariables"]));
            assert!(answer["data"]["me"]["id"].is_string() && answer["data"]["me"]["effectiveVariables"].is_null(), "{answer}");
        }
        let many: Value = (0..1_001).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
        set(&app, "updateOrganization", "acme", &many).await;
        let asked = "{ users(where: {id: \"bob\"}) { id effectiveVariables(keys: [\"k1000\"]) effectiveVariableSources { path } some: effectiveVariableSources(keys: [\"k7\"]) { path } } }";
        let answer = app.admin().send(asked, json!({})).await;
        assert_eq!(code_of(&answer), "LIMIT_EXCEEDED");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains("the limit is 1000"), "{answer}");
        assert_eq!(answer["errors"][0]["path"], json!(["users", 0, "effectiveVariableSources"]));
        assert_eq!(answer["data"]["users"][0], json!({ "id": "bob", "effectiveVariables": { "k1000": 1000 },
            "effectiveVariableSources": null, "some": [{ "path": "/k7" }] }));
    }
}

/// The keys are those of the variable, without the blanks around them.
#[tokio::test(flavor = "multi_thread")]
async fn public_keys_are_configured() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let server = Server::start(&database.url, &[("TENANTRY_PUBLIC_VARIABLES", " plan ,,two words")]);
    let admin = server.printed_key().unwrap().to_owned();
    let made = server.call(
        &admin,
        "mutation { createOrganization(data: {id: \"acme\", name: \"Acme\", variables: {plan: \"gold\", secret: 1}}) { id }
            createUser(data: {id: \"bob\", email: \"bob@acme.example\", password: \"password-of-bob\", organizationId: \"acme\"}) { id } }",
    );
    assert!(made.1.get("errors").is_none(), "{}", made.1);
    let sign_in = "mutation { signIn(data: {email: \"bob@acme.example\", password: \"password-of-bob\"}) { user { effectiveVariables } } }";
    let (_, answer) = server.call("", sign_in);
    assert_eq!(
        answer["data"]["signIn"]["user"]["effectiveVariables"],
        json!({ "plan": "gold" })
    );
}
