//! Every field of Query and Mutation × every kind of caller: who is let in, and in which words the others are refused.
//!
//! A field without a case fails here. The verdicts stand in `refusals.txt`, for everybody to read; what follows from
//! rules is also asserted: nobody anonymous comes in but by the public fields, a credential that ended opens nothing,
//! `FORBIDDEN` is said whatever the id, and no refusal changes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tenantry::role::BuiltIn;
use tenantry::user::Target;

use super::{Sdl, assert_committed};
use crate::on_both;
use crate::support::{App, Caller};

/// A minimal valid call of each field. In it stand, made anew for each call, and in the organization `acme`:
///
/// - `$user`, `$tenant`, `$organization`: ids of a user, a tenant, an empty organization;
/// - `$key`: the name of an API key of the caller;
/// - `$token`: a password token of a user;
/// - `$new`: an id that nobody has;
///
/// and `$me`, the caller's own id. A field may have several cases.
const CASES: &[(&str, &str)] = &[
    ("me", "{ me { id } }"),
    ("viewer", "{ viewer { id } }"),
    ("organizations", "{ organizations { id } }"),
    ("countOrganizations", "{ countOrganizations }"),
    (
        "organizationsConnection",
        "{ organizationsConnection { totalCount nodes { id } } }",
    ),
    ("tenants", "{ tenants { id } }"),
    ("countTenants", "{ countTenants }"),
    ("tenantsConnection", "{ tenantsConnection { totalCount nodes { id } } }"),
    ("users", "{ users { id } }"),
    ("countUsers", "{ countUsers }"),
    ("usersConnection", "{ usersConnection { totalCount nodes { id } } }"),
    ("apiKeys", "{ apiKeys { id } }"),
    ("countApiKeys", "{ countApiKeys }"),
    ("apiKeysConnection", "{ apiKeysConnection { totalCount nodes { id } } }"),
    (
        "createOrganization",
        r#"mutation { createOrganization(data: {id: "$new", name: "New"}) { id } }"#,
    ),
    (
        "updateOrganization",
        r#"mutation { updateOrganization(where: {id: "$organization"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "deleteOrganization",
        r#"mutation { deleteOrganization(where: {id: "$organization"}) { id } }"#,
    ),
    (
        "createTenant",
        r#"mutation { createTenant(data: {id: "$new", name: "New"}) { id } }"#,
    ),
    (
        "updateTenant",
        r#"mutation { updateTenant(where: {id: "$tenant"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "deleteTenant",
        r#"mutation { deleteTenant(where: {id: "$tenant"}) { id } }"#,
    ),
    ("createUser", r#"mutation { createUser(data: {id: "$new"}) { id } }"#),
    (
        "updatePropertiesInUser",
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "updatePropertiesInUser",
        r#"mutation { updatePropertiesInUser(where: {id: "$me"}, data: {name: "Other $new"}) { id } }"#,
    ),
    (
        "activateUser",
        r#"mutation { activateUser(where: {id: "$user"}) { id } }"#,
    ),
    (
        "deactivateUser",
        r#"mutation { deactivateUser(where: {id: "$user"}) { id } }"#,
    ),
    ("deleteUser", r#"mutation { deleteUser(where: {id: "$user"}) { id } }"#),
    (
        "updatePassword",
        r#"mutation { updatePassword(where: {id: "$user"}, data: {oldPassword: "password-of-user", newPassword1: "another-password", newPassword2: "another-password"}) { id } }"#,
    ),
    (
        "updatePassword",
        r#"mutation { updatePassword(where: {id: "$me"}, data: {oldPassword: "password-of-$me", newPassword1: "password-of-$me", newPassword2: "password-of-$me"}) { id } }"#,
    ),
    (
        "resetPassword",
        r#"mutation { resetPassword(where: {id: "$user"}) { id } }"#,
    ),
    (
        "resetPassword",
        r#"mutation { resetPassword(where: {id: "$me"}) { id } }"#,
    ),
    (
        "completePasswordReset",
        r#"mutation { completePasswordReset(token: "$token", newPassword: "another-password") }"#,
    ),
    (
        "createApiKey",
        r#"mutation { createApiKey(data: {name: "$new"}) { apiKey { id } } }"#,
    ),
    (
        "rotateApiKey",
        r#"mutation { rotateApiKey(where: {name: "$key"}) { apiKey { id } } }"#,
    ),
    ("revokeApiKeys", r#"mutation { revokeApiKeys(names: ["$key"]) { id } }"#),
];

/// What anybody may call; `null` and not an error where it asks who one is.
const PUBLIC: &[(&str, &str)] = &[("me", "null"), ("viewer", "null"), ("completePasswordReset", "ok")];

/// Callers whose credential is not, or no longer, in force.
const ENDED: [&str; 4] = ["deactivated", "revoked key", "expired key", "unknown key"];

/// The administrator of another organization than the one that cases are about.
const STRANGER: &str = "admin elsewhere";

#[test]
fn every_field_has_a_case() {
    let sdl = Sdl::read();
    let fields: BTreeSet<String> = ["Query", "Mutation"]
        .into_iter()
        .flat_map(|root| sdl.fields(root))
        .map(|field| field.name.node.to_string())
        .collect();
    let cases: BTreeSet<String> = CASES.iter().map(|(field, _)| (*field).to_owned()).collect();
    let missing: Vec<&String> = fields.difference(&cases).collect();
    assert!(missing.is_empty(), "fields without a case in CASES: {missing:?}");
    let gone: Vec<&String> = cases.difference(&fields).collect();
    assert!(gone.is_empty(), "cases of fields that are not there: {gone:?}");
}

on_both! {
    async fn every_field_as_every_caller(app: App) {
        let callers = callers(&app).await;
        let mut text = String::from(
            "Who may call what. Each field of Query and Mutation is called as each kind of caller. The things it names are of\n\
             the organization of all callers but one, the 'admin elsewhere', who administers another organization.\n\
             A credential that ended: its owner is deactivated, it is revoked, it is expired, or it never was one.\n",
        );
        let mut new = 0;
        for (field, document) in CASES {
            let mut verdicts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            let mut before = app.dump().await;
            for (name, id, caller) in &callers {
                new += 1;
                let filled = fill(&app, document, id.as_deref(), new, true).await;
                if filled.made {
                    before = app.dump().await;
                }
                let (mails, answer) = (app.mails().len(), caller.send(&filled.document, json!({})).await);
                let verdict = verdict(field, &answer);
                if verdict == "ok" {
                    before = app.dump().await;
                } else {
                    assert!(before == app.dump().await, "{field} as {name}: {verdict}, and yet something changed");
                    assert_eq!(mails, app.mails().len(), "{field} as {name}: {verdict}, and yet a mail was sent");
                }
                if verdict == "FORBIDDEN" {
                    // Whatever the id: the same words for one that nobody has.
                    let nobody = fill(&app, document, id.as_deref(), new, false).await;
                    let again = caller.send(&nobody.document, json!({})).await;
                    assert_eq!(again["errors"][0]["message"], answer["errors"][0]["message"], "{field} as {name}");
                }
                if *name == "anonymous" {
                    let public = PUBLIC.iter().find(|(public, _)| public == field);
                    assert_eq!(verdict, public.map_or("UNAUTHENTICATED", |(_, expected)| *expected), "{field} as nobody");
                }
                if ENDED.contains(name) {
                    assert_eq!(verdict, "UNAUTHENTICATED", "{field} as {name}");
                }
                verdicts.entry(verdict).or_default().push(name);
            }
            let several = CASES.iter().filter(|(other, _)| other == field).count() > 1;
            let own = if document.contains("$me") { " (oneself)" } else { " (another)" };
            writeln!(text, "\n{field}{}", if several { own } else { "" }).unwrap();
            // What opens stands first.
            let mut verdicts: Vec<(String, Vec<&str>)> = verdicts.into_iter().collect();
            verdicts.sort_by_key(|(verdict, _)| (verdict != "ok", verdict.clone()));
            for (verdict, names) in &verdicts {
                let outside = |name: &&str| *name == "anonymous" || ENDED.contains(name);
                let inside: Vec<&str> = callers.iter().map(|caller| caller.0).filter(|name| !outside(name)).collect();
                let mut shown: Vec<&str> = names.iter().copied().filter(|name| outside(name)).collect();
                let rest: Vec<&str> = names.iter().copied().filter(|name| !outside(name)).collect();
                if shown == ["anonymous"].iter().chain(&ENDED).copied().collect::<Vec<_>>() {
                    shown = vec!["anonymous", "any credential that ended"];
                } else if shown == ENDED {
                    shown = vec!["any credential that ended"];
                }
                if rest == inside {
                    shown.push("everybody with a credential in force");
                } else {
                    shown.extend(rest);
                }
                let names = shown.join(", ");
                writeln!(text, "  {verdict:<16}{names}").unwrap();
            }
        }
        assert_committed("tests/it/rules/refusals.txt", &text);
    }
}

/// `ok`, `null`, or the code of the refusal.
fn verdict(field: &str, answer: &Value) -> String {
    crate::support::assert_leaks_nothing(&answer.to_string());
    match answer["errors"].get(0) {
        Some(error) => error["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("{field}: an error without a code: {answer}"))
            .to_owned(),
        None if answer["data"][field].is_null() => "null".to_owned(),
        None => "ok".to_owned(),
    }
}

/// Each kind of caller, by name, with its own id if it is somebody, in the organization `acme`.
async fn callers(app: &App) -> Vec<(&'static str, Option<String>, Caller<'_>)> {
    app.organization("acme", &["berlin"]).await;
    app.organization("globex", &["rome"]).await;
    let mut callers = vec![
        ("anonymous", None, app.anonymous()),
        (
            "no role",
            Some("no-role".to_owned()),
            app.user("acme", "no-role", None).await,
        ),
    ];
    for role in BuiltIn::ALL {
        let name = role.name();
        let id = format!("the-{name}");
        let caller = app.user("acme", &id, Some(name)).await;
        callers.push((name, Some(id), caller));
    }
    let stranger = app.user("globex", "stranger", Some("organization-admin")).await;
    callers.push((STRANGER, Some("stranger".to_owned()), stranger));

    // Super admins once, nobody now.
    let deactivated = app.user("acme", "deactivated", Some("super-admin")).await;
    let document = r#"mutation { deactivateUser(where: {id: "deactivated"}) { id } }"#;
    app.admin().ok(document, json!({})).await;
    let revoked = app.user("acme", "revoked", Some("super-admin")).await;
    let names = revoked.ok("{ apiKeys { name } }", json!({})).await["apiKeys"][0]["name"].clone();
    let document = "mutation($names: [String!]!) { revokeApiKeys(names: $names) { id } }";
    revoked.ok(document, json!({ "names": [names] })).await;
    let owner = app.user("acme", "expired", Some("super-admin")).await;
    let document = r#"mutation { createApiKey(data: {name: "short", expiryDate: "2026-01-02T04:00:00Z"}) { secret } }"#;
    let expired = owner.ok(document, json!({})).await["createApiKey"]["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let expired = app.key(expired);
    expired.ok("{ me { id } }", json!({})).await;
    app.services.clock.advance(Duration::from_secs(60 * 60));
    let unknown = app.key("tnt_nobodys0000000000000000000000000000000000000000000");
    for (name, id, caller) in [
        (ENDED[0], "deactivated", deactivated),
        (ENDED[1], "revoked", revoked),
        (ENDED[2], "expired", expired),
        (ENDED[3], "no-role", unknown),
    ] {
        callers.push((name, Some(id.to_owned()), caller));
    }
    callers
}

struct Filled {
    document: String,
    /// Whether something was made for it.
    made: bool,
}

/// Puts things that exist, made now, into a document; or, if not `existing`, ids that nobody has.
async fn fill(app: &App, document: &str, me: Option<&str>, number: usize, existing: bool) -> Filled {
    let op = app.machine();
    let id = |what: &str| format!("{what}-{number}");
    let mut filled = document
        .replace("$me", me.unwrap_or("no-role"))
        .replace("$new", &id("new"));
    let mut made = false;
    for what in ["$user", "$tenant", "$organization", "$key", "$token"] {
        if !filled.contains(what) {
            continue;
        }
        let mut value = if existing {
            id(&what[1..])
        } else {
            format!("nobody-{number}")
        };
        made |= existing;
        match what {
            _ if !existing => {}
            "$user" | "$token" => {
                let new = tenantry::user::NewUser {
                    id: Some(id("user")),
                    email: Some(format!("user-{number}@acme.example")),
                    password: filled
                        .contains("password-of-user")
                        .then(|| "password-of-user".to_owned()),
                    organization_id: Some("acme".to_owned()),
                    ..Default::default()
                };
                tenantry::user::create(&op, new).await.unwrap();
                if what == "$token" {
                    tenantry::password::start(&op, &Target::id(id("user"))).await.unwrap();
                    value = token_of(app.mails().last().unwrap());
                }
            }
            "$tenant" => {
                let new = tenantry::tenant::NewTenant {
                    id: Some(value.clone()),
                    name: "Tenant".to_owned(),
                    organization_id: Some("acme".to_owned()),
                    ..Default::default()
                };
                tenantry::tenant::create(&op, new).await.unwrap();
            }
            "$organization" => {
                let new = tenantry::organization::NewOrganization {
                    id: Some(value.clone()),
                    name: "Organization".to_owned(),
                    ..Default::default()
                };
                tenantry::organization::create(&op, new).await.unwrap();
            }
            _ => {
                if let Some(me) = me {
                    let new = tenantry::api_key::NewApiKey {
                        name: value.clone(),
                        ..Default::default()
                    };
                    tenantry::api_key::create_for(&op, &Target::id(me), new, None)
                        .await
                        .unwrap();
                }
            }
        }
        filled = filled.replace(what, &value);
    }
    Filled { document: filled, made }
}

/// The token that stands alone on its line.
fn token_of(mail: &str) -> String {
    // Long lines may be broken as quoted-printable says.
    let mail = mail.replace("=\r\n", "").replace("=3D", "=");
    mail.lines()
        .map(str::trim)
        .find(|line| line.len() == 43 && line.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .unwrap_or_else(|| panic!("no token in {mail}"))
        .to_owned()
}
