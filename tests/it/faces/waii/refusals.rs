//! Section 9: what one side refuses the other refuses, for the same reason. Each case is asked of GraphQL and of WAII's
//! face, by each kind of caller, about things made anew for each; the verdicts must be the same, and the words too.

use serde_json::{Value, json};
use strum::VariantArray;
use tenantry::model::BuiltIn;

use super::{as_waii_hears, detail, impersonating, world};
use crate::on_both;
use crate::support::{App, Caller};

/// A GraphQL document, and the call and body that mean the same. In both stand, made anew for each: `$user`, `$boss`,
/// `$foreign` (a user of acme, a super admin of acme, a user of globex), `$tenant`, `$organization`, `$key` (the name of
/// a key of the caller's), `$new` (an id that nobody has); and `$me`, the caller.
const CASES: &[(&str, &str, &str)] = &[
    (
        r#"mutation { createOrganization(data: {id: "$new", name: "N"}) { id } }"#,
        "create-org",
        r#"{"organization": {"id": "$new", "name": "N"}}"#,
    ),
    (
        r#"mutation { createOrganization(data: {id: "globex", name: "N"}) { id } }"#,
        "create-org",
        r#"{"organization": {"id": "globex", "name": "N"}}"#,
    ),
    (
        r#"mutation { createOrganization(data: {id: " x", name: "N"}) { id } }"#,
        "create-org",
        r#"{"organization": {"id": " x", "name": "N"}}"#,
    ),
    (
        r#"mutation { createOrganization(data: {id: "$new", name: " "}) { id } }"#,
        "create-org",
        r#"{"organization": {"id": "$new", "name": " "}}"#,
    ),
    (
        r#"mutation { createOrganization(data: {id: "$new", name: "N", variables: [1]}) { id } }"#,
        "create-org",
        r#"{"organization": {"id": "$new", "name": "N", "variables": [1]}}"#,
    ),
    (
        r#"mutation { updateOrganization(where: {id: "$organization"}, data: {name: "M"}) { id } }"#,
        "update-org",
        r#"{"organization": {"id": "$organization", "name": "M"}}"#,
    ),
    (
        r#"mutation { updateOrganization(where: {id: "acme"}, data: {name: "M"}) { id } }"#,
        "update-org",
        r#"{"organization": {"id": "acme", "name": "M"}}"#,
    ),
    (
        r#"mutation { updateOrganization(where: {id: "$new"}, data: {name: "M"}) { id } }"#,
        "update-org",
        r#"{"organization": {"id": "$new", "name": "M"}}"#,
    ),
    (
        r#"mutation { deleteOrganization(where: {id: "$organization"}) { id } }"#,
        "delete-org",
        r#"{"id": "$organization"}"#,
    ),
    (
        r#"mutation { deleteOrganization(where: {id: "acme"}) { id } }"#,
        "delete-org",
        r#"{"id": "acme"}"#,
    ),
    (
        r#"mutation { deleteOrganization(where: {id: "$new"}) { id } }"#,
        "delete-org",
        r#"{"id": "$new"}"#,
    ),
    ("{ organizations { id } }", "list-orgs", "{}"),
    (
        r#"mutation { createTenant(data: {id: "$new", name: "N"}) { id } }"#,
        "create-tenant",
        r#"{"tenant": {"id": "$new", "name": "N"}}"#,
    ),
    (
        r#"mutation { createTenant(data: {id: "$new", name: "N", organizationId: "globex"}) { id } }"#,
        "create-tenant",
        r#"{"tenant": {"id": "$new", "name": "N", "org_id": "globex"}}"#,
    ),
    (
        r#"mutation { createTenant(data: {id: "$new", name: "N", organizationId: "$new"}) { id } }"#,
        "create-tenant",
        r#"{"tenant": {"id": "$new", "name": "N", "org_id": "$new"}}"#,
    ),
    (
        r#"mutation { createTenant(data: {id: "rome", name: "N"}) { id } }"#,
        "create-tenant",
        r#"{"tenant": {"id": "rome", "name": "N"}}"#,
    ),
    (
        r#"mutation { createTenant(data: {id: "$new", name: ""}) { id } }"#,
        "create-tenant",
        r#"{"tenant": {"id": "$new", "name": ""}}"#,
    ),
    (
        r#"mutation { updateTenant(where: {id: "$tenant"}, data: {name: "M"}) { id } }"#,
        "update-tenant",
        r#"{"tenant": {"id": "$tenant", "name": "M"}}"#,
    ),
    (
        r#"mutation { updateTenant(where: {id: "rome"}, data: {name: "M"}) { id } }"#,
        "update-tenant",
        r#"{"tenant": {"id": "rome", "name": "M"}}"#,
    ),
    (
        r#"mutation { updateTenant(where: {id: "$new"}, data: {name: "M"}) { id } }"#,
        "update-tenant",
        r#"{"tenant": {"id": "$new", "name": "M"}}"#,
    ),
    (
        r#"mutation { updateTenant(where: {id: "$tenant"}, data: {variables: "x"}) { id } }"#,
        "update-tenant",
        r#"{"tenant": {"id": "$tenant", "variables": "x"}}"#,
    ),
    (
        r#"mutation { deleteTenant(where: {id: "$tenant"}) { id } }"#,
        "delete-tenant",
        r#"{"id": "$tenant"}"#,
    ),
    (
        r#"mutation { deleteTenant(where: {id: "berlin"}) { id } }"#,
        "delete-tenant",
        r#"{"id": "berlin"}"#,
    ),
    (
        r#"mutation { deleteTenant(where: {id: "rome"}) { id } }"#,
        "delete-tenant",
        r#"{"id": "rome"}"#,
    ),
    (
        r#"mutation { deleteTenant(where: {id: "$new"}) { id } }"#,
        "delete-tenant",
        r#"{"id": "$new"}"#,
    ),
    ("{ tenants { id } }", "list-tenants", "{}"),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "berlin"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "berlin"}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "rome"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "rome"}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "rome", organizationId: "acme"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "rome", "org_id": "acme"}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "berlin", organizationId: "globex"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "berlin", "org_id": "globex"}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "$new"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "$new"}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "berlin", organizationId: "$new"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "berlin", "org_id": "$new"}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$foreign", tenantId: "berlin"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$foreign", "tenant_id": "berlin"}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "é", tenantId: "berlin"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "é", "tenant_id": "berlin"}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "berlin", roles: ["no such"]}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "berlin", "roles": ["no such"]}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "berlin", roles: ["organization-admin"]}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "berlin", "roles": ["waii-org-admin-user"]}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "berlin", roles: ["user", "super-admin"]}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "berlin", "roles": ["waii-user", "waii-super-admin-user"]}}"#,
    ),
    (
        r#"mutation { createUser(data: {id: "$new", tenantId: "full"}) { id } }"#,
        "create-user",
        r#"{"user": {"id": "$new", "tenant_id": "full"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {name: "M", roles: []}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$user", "name": "M", "roles": []}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {roles: ["super-admin"]}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$user", "roles": ["waii-super-admin-user"]}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {roles: ["no such"]}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$user", "roles": ["no such"]}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {tenantId: "rome"}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$user", "tenant_id": "rome"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {tenantId: "$new"}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$user", "tenant_id": "$new"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {organizationId: "globex", tenantId: "rome"}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$user", "org_id": "globex", "tenant_id": "rome"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {organizationId: "globex", tenantId: "berlin"}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$user", "org_id": "globex", "tenant_id": "berlin"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {organizationId: "$new"}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$user", "org_id": "$new"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$boss"}, data: {name: "M"}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$boss", "name": "M"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$foreign"}, data: {name: "M"}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$foreign", "name": "M"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$new"}, data: {name: "M"}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$new", "name": "M"}}"#,
    ),
    (
        r#"mutation { updatePropertiesInUser(where: {id: "$me"}, data: {roles: []}) { id } }"#,
        "update-user",
        r#"{"user": {"id": "$me", "roles": []}}"#,
    ),
    (
        r#"mutation { deleteUser(where: {id: "$user"}) { id } }"#,
        "delete-user",
        r#"{"id": "$user"}"#,
    ),
    (
        r#"mutation { deleteUser(where: {id: "$boss"}) { id } }"#,
        "delete-user",
        r#"{"id": "$boss"}"#,
    ),
    (
        r#"mutation { deleteUser(where: {id: "$foreign"}) { id } }"#,
        "delete-user",
        r#"{"id": "$foreign"}"#,
    ),
    (
        r#"mutation { deleteUser(where: {id: "$new"}) { id } }"#,
        "delete-user",
        r#"{"id": "$new"}"#,
    ),
    (
        r#"mutation { deleteUser(where: {id: "$me"}) { id } }"#,
        "delete-user",
        r#"{"id": "$me"}"#,
    ),
    (
        r#"mutation { createApiKey(data: {name: "$new"}) { secret } }"#,
        "create-key",
        r#"{"name": "$new"}"#,
    ),
    (
        r#"mutation { createApiKey(data: {name: "$key"}) { secret } }"#,
        "create-key",
        r#"{"name": "$key"}"#,
    ),
    (
        r#"mutation { createApiKey(data: {name: ""}) { secret } }"#,
        "create-key",
        r#"{"name": ""}"#,
    ),
    (
        r#"mutation { revokeApiKeys(names: ["$key", "$new"]) { id } }"#,
        "delete-access-keys",
        r#"{"names": ["$key", "$new"]}"#,
    ),
    ("{ apiKeys { id } }", "list-access-keys", "{}"),
    (
        r#"mutation { updateSettings(updated: {a: 1}, deleted: ["b"]) }"#,
        "update-config",
        r#"{"updated": {"a": 1}, "deleted": ["b"]}"#,
    ),
    (
        r#"mutation { updateSettings(updated: {a: "\u0000"}) }"#,
        "update-config",
        r#"{"updated": {"a": "\u0000"}}"#,
    ),
    ("{ apiKeys { id } }", "get-user-info", "{}"),
];

/// Whom a header may name.
const TARGETS: &[&str] = &["$me", "$user", "$boss", "$foreign", "$new", "off", "chief", "zoë"];

/// What GraphQL said: its code and its words.
type Verdict = Option<(String, String)>;

fn of_graphql(answer: &Value) -> Verdict {
    let error = answer["errors"].get(0)?;
    let code = error["extensions"]["code"].as_str().unwrap().to_owned();
    let message = error["message"].as_str().unwrap();
    let words = message.to_owned();
    Some((code, words))
}

/// design.md's table of codes.
fn status_of(code: &str, reaches_all: bool) -> u16 {
    match code {
        "UNAUTHENTICATED" => 401,
        "FORBIDDEN" => 403,
        "NOT_FOUND" if reaches_all => 404,
        "NOT_FOUND" => 403,
        "INVALID" => 400,
        "CONFLICT" | "SEAT_LIMIT_REACHED" => 409,
        other => panic!("{other}"),
    }
}

struct Filled<'a> {
    app: &'a App,
    me: &'a str,
    number: usize,
}

impl Filled<'_> {
    /// Makes what a text names.
    async fn make(&self, text: &str) {
        let (app, admin) = (self.app, self.app.admin());
        for (word, organization, tenant, role) in [
            ("$user", "acme", "berlin", "api-user"),
            ("$boss", "acme", "berlin", "super-admin"),
            ("$foreign", "globex", "rome", "user"),
        ] {
            if text.contains(word) {
                let data =
                    json!({"id": self.id(word), "organizationId": organization, "tenantId": tenant, "roles": [role]});
                admin.create_user(data).await;
            }
        }
        if text.contains("$organization") {
            app.organization(&self.id("$organization"), &[]).await;
        }
        if text.contains("$tenant") {
            admin
                .waii(
                    "create-tenant",
                    json!({"tenant": {"id": self.id("$tenant"), "name": "T", "org_id": "acme"}}),
                )
                .await;
        }
        if text.contains("$key") && self.me != "nobody" {
            let new = tenantry::directory::api_key::NewApiKey {
                name: self.id("$key"),
                ..Default::default()
            };
            let target = tenantry::directory::user::Target::id(self.me);
            tenantry::directory::api_key::create_for(&app.machine(), &target, new, None)
                .await
                .unwrap();
        }
    }

    fn id(&self, word: &str) -> String {
        format!("{}-{}", &word[1..], self.number)
    }

    fn fill(&self, text: &str) -> String {
        let words = ["$user", "$boss", "$foreign", "$organization", "$tenant", "$key", "$new"];
        words.iter().fold(text.replace("$me", self.me), |text, word| {
            text.replace(word, &self.id(word))
        })
    }

    /// Words without what is this case's alone, and without the place of a field in WAII's body.
    fn plain(&self, words: &str) -> String {
        let words = words.replace(&format!("-{}'", self.number), "'");
        ["user.", "tenant.", "organization."]
            .iter()
            .fold(words, |words, place| words.replace(&format!("'{place}"), "'"))
    }
}

/// Every kind of caller, with its id.
async fn callers(app: &App) -> Vec<(String, Caller<'_>)> {
    let mut callers = vec![
        ("nobody".to_owned(), app.anonymous()),
        ("nobody".to_owned(), app.key("no-key-that-anybody-has-0123456789")),
        ("admin".to_owned(), app.admin()),
        ("gina".to_owned(), app.key_of("gina").await),
    ];
    let roles = BuiltIn::VARIANTS.iter().map(|role| Some(role.name()));
    for role in std::iter::once(None).chain(roles) {
        let id = format!("the-{}", role.unwrap_or("nil"));
        let named: Vec<&str> = role.into_iter().collect();
        let (everywhere, here) = match role {
            Some("tenant-admin") => (json!([]), json!([{"role": "tenant-admin", "tenant": "berlin"}])),
            _ => (json!(named), json!([])),
        };
        let data =
            json!({"id": id, "organizationId": "acme", "tenantId": "berlin", "roles": everywhere, "tenantRoles": here});
        app.admin().create_user(data).await;
        let caller = app.key_of(&id).await;
        callers.push((id, caller));
    }
    callers
}

async fn prepare(app: &App) {
    world(app).await;
    app.organization("small", &["full"]).await;
    app.admin()
        .ok(
            r#"mutation { updateOrganization(where: {id: "small"}, data: {seatLimit: 0}) { id } }"#,
            json!({}),
        )
        .await;
    app.admin()
        .create_user(json!({"id": "off", "organizationId": "acme", "activated": false}))
        .await;
    app.admin()
        .create_user(json!({"id": "chief", "organizationId": "acme", "roles": ["organization-admin"]}))
        .await;
}

on_both! {
    async fn each_refusal_is_the_same_on_both_sides(app: App) {
        prepare(&app).await;
        let callers = callers(&app).await;
        let mut number = 0;
        let mut refusals = std::collections::BTreeMap::new();
        for (document, name, body) in CASES {
            for (me, caller) in &callers {
                // Whoever lost what it calls with is not asked again.
                let reaches_all = ["admin", "the-super-admin"].contains(&me.as_str());
                if document.contains("$me") && reaches_all && me == "admin" && document.contains("deleteUser") {
                    continue;
                }
                number += 2;
                let graphql = Filled { app: &app, me, number };
                graphql.make(document).await;
                let answer = caller.send(&graphql.fill(document), json!({})).await;
                let first = of_graphql(&answer);
                let waii = Filled { app: &app, me, number: number + 1 };
                waii.make(body).await;
                let sent: Value = serde_json::from_str(&waii.fill(body)).unwrap();
                let reply = app.send(caller.waii_request(name, &sent)).await;
                let status = reply.status.as_u16();
                let case = format!("{name} {sent} as {me}");
                match first {
                    None => assert_eq!(status, 200, "{case}: {reply:?}"),
                    Some((code, words)) => {
                        assert_eq!(status, status_of(&code, reaches_all), "{case}: {reply:?}, but GraphQL {code}: {words}");
                        let (there, here) = (waii.plain(&detail(&reply.json())), as_waii_hears(&graphql.plain(&words)));
                        // WAII has one kind of change, judged by all permissions: the sentence is the same, and names more.
                        let [there, here] = match me.as_str() {
                            "the-tenant-admin" => [there, here].map(|words| words.split_once(": ").map_or(words.clone(), |(sentence, _)| sentence.to_owned())),
                            _ => [there, here],
                        };
                        assert_eq!(there, here, "{case}");
                        *refusals.entry(code).or_insert(0) += 1;
                    }
                }
            }
        }
        let codes: Vec<&str> = refusals.keys().map(String::as_str).collect();
        assert_eq!(codes, ["CONFLICT", "FORBIDDEN", "INVALID", "NOT_FOUND", "SEAT_LIMIT_REACHED", "UNAUTHENTICATED"], "{refusals:?}");
    }

    async fn so_is_each_refusal_of_an_impersonation(app: App) {
        prepare(&app).await;
        let mut number = 100_000;
        for (me, caller) in &callers(&app).await {
            for target in TARGETS {
                // GraphQL lets nobody in without a credential, and so reads the header of one who brings none.
                if *target == "zoë" && caller.key.is_none() {
                    continue;
                }
                number += 1;
                let filled = Filled { app: &app, me, number };
                filled.make(target).await;
                let target = filled.fill(target);
                let reaches_all = ["admin", "the-super-admin"].contains(&me.as_str());
                let request = caller.request("/graphql", &json!({"query": "{ apiKeys { id } }"}));
                let first = of_graphql(&app.send(impersonating(request, &target)).await.json());
                let reply = app.send(impersonating(caller.waii_request("get-user-info", &json!({})), &target)).await;
                match first {
                    None => assert_eq!(reply.json()["id"], *target, "as {me}"),
                    Some((code, words)) => {
                        assert_eq!(reply.status.as_u16(), status_of(&code, reaches_all), "{target} as {me}: {reply:?}");
                        assert_eq!(detail(&reply.json()), as_waii_hears(&words), "{target} as {me}");
                    }
                }
            }
        }
    }
}
