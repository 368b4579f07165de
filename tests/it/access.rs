//! Explanations of what users may do: they are what the gate decides, and name nothing that their caller may not see.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strum::VariantArray;
use tenantry::model::{BuiltIn, Permissions};

use crate::asking::{ASSIGN, user, world};
use crate::oauth_tokens::exchanged;
use crate::on_both;
use crate::support::{App, Caller};

const FIELDS: &str = "allowed reach sources { role { name } tenant { id } direct group { key } by { id } }
    hindrances { code message permissions } wouldGive { name }";

/// The arguments of a question: about whom, which permission, and possibly more.
async fn explained(caller: &Caller<'_>, id: &str, permission: &str, more: &str) -> Value {
    let document =
        format!("{{ accessExplanation(user: {{id: \"{id}\"}}, permission: \"{permission}\"{more}) {{ {FIELDS} }} }}");
    let answer = caller.ok(&document, json!({})).await["accessExplanation"].clone();
    assert_eq!(answer["allowed"], answer["hindrances"] == json!([]), "{answer}");
    answer
}

/// Whether it is allowed, how far it reaches, and the codes of what stands against it.
async fn verdict(caller: &Caller<'_>, id: &str, permission: &str, more: &str) -> (bool, String, Vec<String>) {
    let answer = explained(caller, id, permission, more).await;
    let codes = answer["hindrances"].as_array().unwrap().iter();
    (
        answer["allowed"].as_bool().unwrap(),
        answer["reach"].as_str().unwrap().to_owned(),
        codes.map(|one| one["code"].as_str().unwrap().to_owned()).collect(),
    )
}

fn said(allowed: bool, reach: &str, codes: &[&str]) -> (bool, String, Vec<String>) {
    (
        allowed,
        reach.to_owned(),
        codes.iter().map(|code| (*code).to_owned()).collect(),
    )
}

fn on(target: &str) -> String {
    format!(", target: {{id: \"{target}\"}}")
}

/// The names of the permissions, in their order.
fn permissions() -> Vec<&'static str> {
    Permissions::built_in().map(|(_, name)| name).collect()
}

/// What shows what the gate decides: operations that need this permission and no other. On a target, if there is one.
fn operations(permission: &str, on_target: bool) -> Vec<&'static str> {
    match (permission, on_target) {
        ("read:user", true) => vec!["{ user(where: {id: \"$target\"}) { id } }"],
        ("write:user", true) => {
            vec!["mutation { updatePropertiesInUser(where: {id: \"$target\"}, data: {variables: {n: $n}}) { id } }"]
        }
        ("write:group", true) => {
            vec!["mutation { addUserToGroup(where: {key: \"EMPTY\"}, user: {id: \"$target\"}) { id } }"]
        }
        ("usage:impersonation", true) => {
            vec!["mutation { impersonateUser(where: {id: \"$target\"}, reason: \"to see\") { expiresIn } }"]
        }
        (_, true) => Vec::new(),
        ("read:user", false) => vec!["{ outsiders(tenant: \"berlin\") { id } }", "{ invitations { id } }"],
        ("write:user", false) => vec!["mutation { createUser(data: {id: \"new-$n\", tenantId: \"berlin\"}) { id } }"],
        ("read:tenant", false) => vec!["{ tenants { id } }"],
        ("write:tenant", false) => {
            vec!["mutation { updateTenant(where: {id: \"berlin\"}, data: {name: \"n $n\"}) { id } }"]
        }
        ("read:group", false) => vec!["{ groups { id } }"],
        ("write:group", false) => vec!["mutation { createGroup(data: {name: \"group $n\"}) { id } }"],
        ("read:role", false) => vec!["{ roles { id } }"],
        ("write:role", false) => vec!["mutation { createRole(data: {name: \"role $n\"}) { id } }"],
        ("read:org", false) => vec!["{ organizations { id } }"],
        ("write:org", false) => {
            vec!["mutation { updateOrganization(where: {id: \"acme\"}, data: {name: \"Acme $n\"}) { id } }"]
        }
        ("read:audit", false) => vec!["{ auditEvents(first: 1) { id } }"],
        // For oneself, or with `write:user` for a service.
        ("write:access_key", false) => vec![
            "mutation { createApiKey(data: {name: \"key $n\"}) { secret } }",
            "mutation { createApiKey(user: {id: \"bot\"}, data: {name: \"key $n\"}) { secret } }",
        ],
        ("tenantry:organization-settings", false) => {
            vec!["mutation { renameOrganization(where: {id: \"acme\"}, name: \"Acme $n\") { id } }"]
        }
        ("usage:impersonation", false) => {
            vec!["mutation { impersonateUser(where: {id: \"nobody\"}, reason: \"to see\") { expiresIn } }"]
        }
        _ => Vec::new(),
    }
}

/// Whether the gate lets the caller do it: anything but `FORBIDDEN`, and on a target that it is found.
async fn gate(caller: &Caller<'_>, document: &str, on_target: bool) -> bool {
    let answer = caller.send(document, json!({})).await;
    match answer["errors"][0]["extensions"]["code"].as_str() {
        None => !on_target || !answer["data"].as_object().unwrap().values().any(Value::is_null),
        Some("FORBIDDEN") => false,
        Some("NOT_FOUND") => !on_target,
        Some(code) => panic!("{document}: {code}"),
    }
}

on_both! {
    /// Every permission × every built-in role, for the organization and for a tenant, × what needs it: the explanation and the
    /// gate never disagree, whoever asks.
    async fn an_explanation_is_what_the_gate_decides(app: App) {
        let chief = world(&app).await;
        chief.ok("mutation { createGroup(data: {name: \"Empty\"}) { id } createUser(data: {id: \"bot\", kind: SERVICE, tenantId: \"berlin\"}) { id } }", json!({})).await;
        let callers = BuiltIn::VARIANTS.iter().flat_map(|role| [(*role, false), (*role, true)]).filter(|(role, for_tenant)| match for_tenant {
            true => role.is_for_tenants(),
            false => role.is_for_organizations(),
        });
        let targets = ["$self", "bob", "gil", "dee", "mia", "tim", "chief", "tom", "admin"];
        let (mut n, mut asked, mut both) = (0, 0, BTreeMap::<bool, usize>::new());
        for (role, for_tenant) in callers {
            let name = role.name();
            let id = format!("who-{name}-{for_tenant}");
            let for_organization: &[&str] = if for_tenant { &[] } else { &[name] };
            let for_tenants: &[(&str, &str)] = if for_tenant { &[(name, "berlin")] } else { &[] };
            user(&app, &id, None, for_organization, for_tenants).await;
            let caller = app.key_of(&id).await;
            let own = caller.ok("{ viewerPermissions me { reach { tenants { permissions } } } }", json!({})).await;
            for permission in permissions() {
                for target in std::iter::once(None).chain(targets.map(Some)) {
                    let target = target.map(|target| target.replace("$self", &id));
                    let operations = operations(permission, target.is_some());
                    if operations.is_empty() && target.is_some() {
                        continue;
                    }
                    // The group is one of acme's.
                    if permission == "write:group" && ["tom", "admin"].map(Some).contains(&target.as_deref()) {
                        continue;
                    }
                    let more = target.as_deref().map(on).unwrap_or_default();
                    let answer = explained(&app.admin(), &id, permission, &more).await;
                    let allowed = answer["allowed"].as_bool().unwrap();
                    let what = format!("{id}: {permission} {target:?} {answer:#}");
                    if target.is_none() {
                        // Of oneself it is the same.
                        assert_eq!(explained(&caller, &id, permission, "").await["allowed"], allowed, "{what}");
                    }
                    let mut opened = Vec::new();
                    for operation in &operations {
                        n += 1;
                        let document = operation.replace("$n", &n.to_string()).replace("$target", target.as_deref().unwrap_or_default());
                        opened.push(gate(&caller, &document, target.is_some()).await);
                        asked += 1;
                    }
                    if permission == "write:access_key" {
                        opened = vec![opened.contains(&true)];
                    }
                    assert!(opened.iter().all(|opened| *opened == allowed), "{opened:?}\n{what}");
                    *both.entry(allowed).or_default() += 1;
                    if operations.is_empty() {
                        // What opens nothing here is held, or not.
                        let held = |list: &Value| list.as_array().unwrap().contains(&json!(permission));
                        let of_tenant = own["me"]["reach"]["tenants"].as_array().unwrap().iter().any(|one| held(&one["permissions"]));
                        assert_eq!(held(&own["viewerPermissions"]) || of_tenant, allowed, "{what}");
                    }
                }
            }
        }
        assert!(asked > 500 && both.values().all(|count| *count > 100), "{asked} {both:?}");
    }

    async fn every_hindrance_has_its_reason(app: App) {
        let chief = world(&app).await;
        let ask = async |id: &str, permission: &str, more: &str| verdict(&chief, id, permission, more).await;
        assert_eq!(ask("bob", "write:databases", "").await, said(true, "ORGANIZATION", &[]));
        assert_eq!(ask("bob", "read:audit", "").await, said(false, "NOBODY", &["NO_ROLE"]));
        assert_eq!(ask("bob", "read:user", "").await, said(false, "SELF", &["NO_ROLE"]));
        assert_eq!(ask("bob", "read:user", &on("bob")).await, said(true, "SELF", &[]));
        assert_eq!(ask("bob", "read:user", &on("gil")).await, said(false, "SELF", &["NO_ROLE"]));
        assert_eq!(ask("mia", "usage:api", "").await, said(true, "TENANTS", &[]));
        assert_eq!(ask("dee", "write:databases", "").await, said(false, "ORGANIZATION", &["DEACTIVATED"]));
        assert_eq!(ask("chief", "usage:impersonation", &on("bob")).await, said(true, "ORGANIZATION", &[]));
        assert_eq!(ask("chief", "usage:impersonation", &on("chief")).await, said(false, "ORGANIZATION", &["NOT_ONESELF"]));
        assert_eq!(ask("chief", "usage:impersonation", &on("dee")).await, said(false, "ORGANIZATION", &["DEACTIVATED"]));
        // For a tenant: what needs the organization stays closed, and other tenants are out of reach.
        user(&app, "bea", Some("berlin"), &[], &[("organization-admin", "berlin")]).await;
        assert_eq!(ask("bea", "write:user", "").await, said(true, "TENANTS", &[]));
        user(&app, "ned", Some("berlin"), &[], &[("api-user", "berlin")]).await;
        assert_eq!(ask("bea", "write:user", &on("ned")).await, said(true, "TENANTS", &[]));
        assert_eq!(ask("bea", "write:user", &on("bob")).await, said(false, "TENANTS", &["BEYOND_OWN"]));
        assert_eq!(ask("bea", "write:user", &on("mia")).await, said(false, "TENANTS", &["OUT_OF_REACH", "BEYOND_OWN"]));
        assert_eq!(ask("bea", "write:role", "").await, said(false, "NOBODY", &["OUT_OF_REACH"]));
        let beyond = explained(&chief, "bea", "write:user", &on("chief")).await;
        assert_eq!(beyond["hindrances"][1]["code"], "BEYOND_OWN");
        assert_eq!(beyond["hindrances"][1]["permissions"].as_array().unwrap().len(), BuiltIn::OrganizationAdmin.permissions().built_in_names().count());
        // A password that must be changed keeps out who signs in, and no API key.
        let temporary = "mutation { createUserWithPassword(data: {id: \"tem\", email: \"tem@acme.example\", roles: [\"api-user\"]}) { user { id } } }";
        chief.ok(temporary, json!({})).await;
        assert_eq!(ask("tem", "usage:api", "").await, said(false, "ORGANIZATION", &["PASSWORD_CHANGE_REQUIRED"]));
        let tem = app.key_of("tem").await;
        assert_eq!(verdict(&tem, "tem", "usage:api", "").await, said(true, "ORGANIZATION", &[]));
        // A key that is limited, or has ended.
        let make = "mutation { createApiKey(data: {name: \"limited\", permissions: [\"write:access_key\"]}) { secret apiKey { id } } }";
        let made = tem.ok(make, json!({})).await["createApiKey"].clone();
        let with_key = format!(", apiKey: {}", made["apiKey"]["id"]);
        let limited = app.key(made["secret"].as_str().unwrap());
        for caller in [&chief, &tem, &limited] {
            assert_eq!(verdict(caller, "tem", "usage:api", &with_key).await, said(false, "NOBODY", &["KEY_LIMIT"]));
            assert_eq!(verdict(caller, "tem", "write:access_key", &with_key).await, said(true, "SELF", &[]));
            assert_eq!(verdict(caller, "tem", "read:audit", &with_key).await, said(false, "NOBODY", &["NO_ROLE"]));
        }
        // Without a key, it is about the credential of the request.
        assert_eq!(verdict(&limited, "tem", "usage:api", "").await, said(false, "NOBODY", &["KEY_LIMIT"]));
        tem.ok("mutation { revokeApiKeys(names: [\"limited\"]) { id } }", json!({})).await;
        assert_eq!(verdict(&tem, "tem", "write:access_key", &with_key).await, said(false, "NOBODY", &["KEY_LIMIT"]));
        let ended = explained(&tem, "tem", "read:audit", &with_key).await;
        assert_eq!((&ended["hindrances"][0]["code"], &ended["hindrances"][0]["permissions"]), (&json!("KEY_LIMIT"), &json!([])));
        // An access token that permits less than its user.
        let narrow = app.key(exchanged(&app, tem.key.as_deref().unwrap(), &[("scope", "write:access_key")]).await);
        assert_eq!(verdict(&narrow, "tem", "usage:api", "").await, said(false, "NOBODY", &["KEY_LIMIT"]));
        // While impersonating, nobody else is impersonated.
        app.user("acme", "eve", Some("organization-admin")).await;
        let acting = chief.clone().acting_as("eve");
        assert_eq!(verdict(&acting, "eve", "usage:impersonation", "").await, said(false, "ORGANIZATION", &["IMPERSONATING"]));
        assert_eq!(verdict(&acting, "eve", "read:audit", "").await, said(true, "ORGANIZATION", &[]));
    }

    async fn sources_and_roles_that_would_give_it(app: App) {
        let chief = world(&app).await;
        let gil = explained(&chief, "gil", "write:databases", "").await;
        assert_eq!(gil["sources"], json!([
            { "role": { "name": "labeler" }, "tenant": { "id": "munich" }, "direct": false, "group": { "key": "REVIEWERS" }, "by": { "id": "chief" } },
            { "role": { "name": "reviewer" }, "tenant": null, "direct": false, "group": { "key": "REVIEWERS" }, "by": { "id": "chief" } },
        ]));
        assert_eq!(gil["wouldGive"], json!([]));
        // Built-in ones first; `super-admin` is beyond chief, who is shown it only as what chief cannot give.
        let bob = explained(&chief, "bob", "read:audit", "").await;
        assert_eq!((&bob["sources"], &bob["hindrances"][0]["permissions"]), (&json!([]), &json!(["read:audit"])));
        let mut names: Vec<&str> = bob["wouldGive"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
        assert_eq!(names.pop(), Some("accountant"));
        names.sort_unstable();
        assert_eq!(names, ["organization-admin", "tenant-admin"]);
        let by_admin = explained(&app.admin(), "bob", "read:audit", "").await;
        assert!(by_admin["wouldGive"].to_string().contains("super-admin"), "{by_admin}");
        // A role of another organization is no help.
        let tom = explained(&app.admin(), "tom", "read:audit", "").await;
        assert!(!tom["wouldGive"].to_string().contains("accountant"), "{tom}");
        // Who may not read roles is told none.
        let own = explained(&app.key_of("bob").await, "bob", "read:audit", "").await;
        assert_eq!((&own["wouldGive"], own["hindrances"][0]["code"].as_str()), (&json!([]), Some("NO_ROLE")));
    }

    async fn who_may_ask(app: App) {
        let chief = world(&app).await;
        chief.ok("mutation { createRole(data: {name: \"roles\", permissions: [\"read:role\"]}) { id } }", json!({})).await;
        user(&app, "rob", None, &["roles"], &[]).await;
        let document = |user: &str, more: &str| format!("{{ accessExplanation(user: {user}, permission: \"read:user\"{more}) {{ allowed }} }}");
        for id in ["tim", "rob", "bob"] {
            let caller = app.key_of(id).await;
            for own in [format!("{{id: \"{id}\"}}"), format!("{{email: \"{}@Acme.Example\"}}", id.to_uppercase())] {
                caller.ok(&document(&own, ""), json!({})).await;
            }
            for other in ["{id: \"mia\"}", "{id: \"nobody\"}", "{email: \"mia@acme.example\"}", "{id: \"tom\"}"] {
                assert_eq!(caller.refused(&document(other, ""), json!({})).await, "FORBIDDEN", "{id}: {other}");
            }
        }
        assert_eq!(app.anonymous().refused(&document("{id: \"bob\"}", ""), json!({})).await, "UNAUTHENTICATED");
        // A target needs what reading it needs. What it has beyond is named only to who may read roles.
        let tim = app.key_of("tim").await;
        let own = explained(&tim, "tim", "write:group", &on("chief")).await;
        assert_eq!((&own["hindrances"][0]["code"], &own["hindrances"][0]["permissions"]), (&json!("BEYOND_OWN"), &json!([])));
        let bob = app.key_of("bob").await;
        assert_eq!(bob.refused(&document("{id: \"bob\"}", &on("mia")), json!({})).await, "FORBIDDEN");
        for (user, more) in [("{id: \"nobody\"}", String::new()), ("{id: \"tom\"}", String::new()), ("{id: \"bob\"}", on("nobody")), ("{id: \"bob\"}", on("tom")),
            ("{id: \"bob\"}", ", apiKey: \"01900000-1111-7111-8111-111111111111\"".to_owned()), ("{id: \"bob\", email: \"mia@acme.example\"}", String::new())] {
            assert_eq!(chief.refused(&document(user, &more), json!({})).await, "NOT_FOUND", "{user} {more}");
        }
        for (user, more, field) in [("{}", "", "user"), ("{id: \"bob\"}", ", target: {}", "target")] {
            let error = chief.refusal(&document(user, more), json!({})).await;
            assert_eq!(error["extensions"], json!({ "code": "INVALID", "field": field }), "{error}");
        }
        for (permission, more, field) in [("nothing", String::new(), "permission"), ("", String::new(), "permission"), ("read:role", on("bob"), "target"), ("usage:api", on("bob"), "target")] {
            let document = format!("{{ accessExplanation(user: {{id: \"bob\"}}, permission: \"{permission}\"{more}) {{ allowed }} }}");
            let error = chief.refusal(&document, json!({})).await;
            assert_eq!(error["extensions"], json!({ "code": "INVALID", "field": field }), "{error}");
        }
        // The key of somebody else is no key of this user.
        let made = chief.ok("mutation { createApiKey(data: {name: \"own\"}) { apiKey { id } } }", json!({})).await;
        assert_eq!(chief.refused(&document("{id: \"bob\"}", &format!(", apiKey: {}", made["createApiKey"]["apiKey"]["id"])), json!({})).await, "NOT_FOUND");
    }

    /// Who asks for one tenant is told nothing of others, neither by name nor by the verdict.
    async fn of_other_tenants_nothing_is_told(app: App) {
        let chief = world(&app).await;
        user(&app, "bea", Some("berlin"), &[], &[("organization-admin", "berlin")]).await;
        let bea = app.key_of("bea").await;
        user(&app, "moe", Some("berlin"), &[], &[("admin", "munich")]).await;
        assert_eq!(verdict(&chief, "moe", "push:databases", "").await, said(true, "TENANTS", &[]));
        let answers = |id: &'static str| {
            let bea = &bea;
            async move {
                let mut all = Vec::new();
                for permission in permissions() {
                    all.push(explained(bea, id, permission, "").await);
                }
                json!(all).to_string()
            }
        };
        user(&app, "ned", Some("berlin"), &[], &[]).await;
        let (moe, ned) = (answers("moe").await, answers("ned").await);
        assert_eq!(moe, ned, "what is for Munich tells");
        assert!(!moe.contains("munich"));
        // What the target has for Munich counts, and is not named.
        let own = explained(&bea, "bea", "write:user", &on("moe")).await;
        assert_eq!((&own["hindrances"][0]["code"], &own["hindrances"][0]["permissions"]), (&json!("BEYOND_OWN"), &json!([])));
        let by_chief = explained(&chief, "bea", "write:user", &on("moe")).await;
        assert!(by_chief["hindrances"][0]["permissions"].as_array().unwrap().contains(&json!("push:databases")), "{by_chief}");
        // Of a group and its roles for Berlin she sees what she may.
        chief.ok(ASSIGN, json!({ "id": "moe", "role": "accountant", "tenant": "berlin" })).await;
        let seen = explained(&bea, "moe", "read:audit", "").await;
        assert_eq!(seen["sources"], json!([{ "role": { "name": "accountant" }, "tenant": { "id": "berlin" }, "direct": true, "group": null, "by": null }]));
        assert_eq!((seen["reach"].as_str(), seen["allowed"].as_bool()), (Some("TENANTS"), Some(true)));
        for other in ["mia", "cora", "nobody"] {
            let document = format!("{{ accessExplanation(user: {{id: \"{other}\"}}, permission: \"read:user\") {{ allowed }} }}");
            let error = bea.refusal(&document, json!({})).await;
            assert_eq!(error["extensions"]["code"], "NOT_FOUND", "{other}: {error}");
        }
        // What somebody could be given is what the caller could give there.
        assert_eq!(explained(&bea, "ned", "write:group", "").await["wouldGive"], json!([]), "no role for a tenant is enough");
        let lacks = explained(&bea, "ned", "read:audit", "").await;
        let names: Vec<&str> = lacks["wouldGive"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"tenant-admin") && names.contains(&"accountant") && !names.contains(&"super-admin"), "{names:?}");
    }
    /// What two others have for a tenant does not show in what one may do to the other.
    async fn a_target_tells_nothing_of_other_tenants(app: App) {
        let chief = world(&app).await;
        chief.ok("mutation { createRole(data: {name: \"reader\", permissions: [\"read:user\", \"read:role\"]}) { id } }", json!({})).await;
        // They manage, or read, Berlin; one lives elsewhere.
        user(&app, "bea", Some("berlin"), &[], &[("organization-admin", "berlin")]).await;
        user(&app, "lou", Some("munich"), &[], &[("reader", "berlin")]).await;
        let (bea, lou) = (app.key_of("bea").await, app.key_of("lou").await);
        user(&app, "moe", Some("berlin"), &[], &[("admin", "munich")]).await;
        user(&app, "one", Some("berlin"), &[], &[("tenant-admin", "berlin"), ("admin", "munich"), ("tenant-admin", "munich")]).await;
        user(&app, "two", Some("berlin"), &[], &[("tenant-admin", "berlin")]).await;
        for permission in ["read:user", "write:user", "write:group", "usage:impersonation"] {
            let (one, two) = (explained(&bea, "one", permission, &on("moe")).await, explained(&bea, "two", permission, &on("moe")).await);
            assert_eq!(one, two, "{permission}");
            let about_lou = |id: &str| format!("{{ accessExplanation(user: {{id: \"{id}\"}}, permission: \"{permission}\", target: {{id: \"lou\"}}) {{ allowed }} }}");
            for id in ["one", "two"] {
                assert_eq!(lou.refused(&about_lou(id), json!({})).await, "NOT_FOUND", "{permission}");
            }
            lou.ok(&about_lou("lou"), json!({})).await;
        }
        // Somebody who assigns nothing is told of nothing to assign.
        assert_eq!(explained(&lou, "two", "read:audit", "").await["wouldGive"], json!([]));
        assert_eq!(explained(&lou, "two", "read:org", "").await["wouldGive"], json!([]));
    }
}
