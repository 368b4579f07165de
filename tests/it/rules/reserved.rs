//! A name means one thing: no role of an organization's own is called by a word that some resolver, face or command takes
//! for a built-in role, in any spelling. So whoever reads the names of somebody's roles and writes them back changes
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::types::TypeKind;
use axum::http::Method;
use serde_json::{Value, json};
use strum::VariantArray;
use tenantry::directory::role::reserved;
use tenantry::model::BuiltIn;
use tenantry::model::error::ErrorCode;

use super::role_inputs::Resolvers;
use super::{Sdl, from_top};
use crate::on_both;
use crate::support::App;

const CREATE: &str =
    "mutation($name: String!) { createRole(data: {name: $name, permissions: [\"read:user\"]}) { id name } }";
const RENAME: &str =
    "mutation($id: ID!, $name: String!) { updateRole(where: {id: $id}, data: {name: $name}) { name } }";

/// Letters that look like ASCII ones.
const LIKE: &[(char, &str)] = &[
    ('a', "аɑ"),
    ('e', "е"),
    ('o', "ο0"),
    ('p', "р"),
    ('c', "с"),
    ('s', "ѕſ"),
    ('i', "іl1I"),
    ('l', "I1|ӏ"),
    ('u', "υ"),
    ('r', "г"),
    ('-', "‐‑–−"),
    ('0', "Oо"),
    ('1', "lI"),
];

/// A word in every spelling that a reader takes for it.
fn spellings(word: &str) -> BTreeSet<String> {
    let middle = word.len() / 2;
    let (front, back) = word.split_at(middle);
    let mut found = BTreeSet::from([word.to_owned(), word.to_uppercase(), word.to_lowercase()]);
    let capital: String = word
        .split('-')
        .map(|part| part[..1].to_uppercase() + &part[1..])
        .collect::<Vec<_>>()
        .join("-");
    found.insert(capital);
    // Blanks at the ends, and characters that show nothing, anywhere.
    for unseen in [
        '\u{AD}',
        '\u{34F}',
        '\u{61C}',
        '\u{115F}',
        '\u{180E}',
        '\u{200B}',
        '\u{200D}',
        '\u{200E}',
        '\u{2060}',
        '\u{2064}',
        '\u{2800}',
        '\u{3164}',
        '\u{FE0F}',
        '\u{FEFF}',
        '\u{FFA0}',
        '\u{E0061}',
        '\u{A0}',
        ' ',
    ] {
        found.extend([
            format!("{word}{unseen}"),
            format!("{unseen}{word}"),
            format!("{front}{unseen}{back}"),
        ]);
    }
    // Full width, mathematical, and letters of other scripts: one at a time, and all at once.
    let moved = |from: u32, to: u32| move |c: char| char::from_u32(u32::from(c) - from + to).unwrap();
    let wide: String = word.chars().map(moved(0x21, 0xFF01)).collect();
    let bold = |c: char| {
        if c.is_ascii_lowercase() {
            moved(0x61, 0x1D41A)(c)
        } else {
            c
        }
    };
    found.extend([wide, word.to_lowercase().chars().map(bold).collect()]);
    for text in [word.to_owned(), word.to_uppercase()] {
        for (letter, others) in LIKE {
            for other in others.chars() {
                let other = if text == *word {
                    other.to_string()
                } else {
                    other.to_uppercase().to_string()
                };
                found.insert(text.replacen(
                    if text == *word {
                        *letter
                    } else {
                        letter.to_ascii_uppercase()
                    },
                    &other,
                    1,
                ));
            }
        }
    }
    let first = |c: char| {
        LIKE.iter()
            .find(|(letter, _)| *letter == c)
            .map_or(c, |(_, others)| others.chars().next().unwrap())
    };
    found.insert(word.to_lowercase().chars().map(first).collect());
    found.insert(word.replace('m', "rn"));
    found
}

/// A UUID in every spelling.
fn spellings_of_uuid(uuid: &str) -> BTreeSet<String> {
    let simple = uuid.replace('-', "");
    let mut found = BTreeSet::new();
    for text in [
        uuid.to_owned(),
        simple.clone(),
        format!("{}-{}", &simple[..8], &simple[8..]),
    ] {
        for text in [
            text.clone(),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!("{text}\u{200B}"),
        ] {
            found.extend([text.to_uppercase(), text]);
        }
    }
    let wide = |c: char| {
        if c.is_ascii_digit() {
            char::from_u32(u32::from(c) - 0x30 + 0xFF10).unwrap()
        } else {
            c
        }
    };
    found.insert(uuid.chars().map(wide).collect());
    found
}

fn is_id(word: &str) -> bool {
    tenantry::model::uuid_of(word).is_some()
}

on_both! {
    async fn no_role_is_called_by_a_word_for_another(app: App) {
        app.organization("acme", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let made = ann.ok(CREATE, json!({ "name": "help desk" })).await;
        let id = made["createRole"]["id"].as_str().unwrap();
        let before = app.dump().await;
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        for (word, _) in reserved::words() {
            match is_id(word) {
                true => names.extend(spellings_of_uuid(word).into_iter().map(|name| (name, "INVALID"))),
                false => names.extend(spellings(word).into_iter().map(|name| (name, "CONFLICT"))),
            }
        }
        // Anything else that is a UUID: that of a role of one's own, and one that nobody has.
        for uuid in [id, "0190ffff-ffff-7fff-8fff-ffffffffffff"] {
            names.extend(spellings_of_uuid(uuid).into_iter().map(|name| (name, "INVALID")));
        }
        assert!(names.len() > 1_000, "{} spellings", names.len());
        for (name, code) in &names {
            assert_eq!(ann.code(CREATE, json!({ "name": name })).await, *code, "create {name:?}");
            assert_eq!(ann.code(RENAME, json!({ "id": id, "name": name })).await, *code, "rename {name:?}");
        }
        assert!(before == app.dump().await, "a refused name changed something");
    }

    /// What people call roles is not refused along with it.
    async fn other_names_are_free(app: App) {
        app.organization("acme", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        for name in [
            "help desk", "users", "superuser", "administrator", "admins", "Admin of sales", "user-2", "api", "label",
            "review", "team", "trial", "super", "organization", "waii", "manager", "editor", "руководитель", "管理者", "Prüfer",
            "👩‍🔧 crew", "admin+", "0190ffff", "owner", "user and admin",
        ] {
            ann.ok(CREATE, json!({ "name": name })).await;
        }
    }

    /// Whatever word a face shows for a built-in role is among those that are kept for it.
    async fn every_word_that_a_face_shows_is_kept(app: App) {
        app.organization("acme", &["berlin"]).await;
        let admin = app.admin();
        for role in BuiltIn::VARIANTS.iter().filter(|role| role.is_for_organizations()) {
            let id = format!("the-{}", role.name());
            let user = app.user("acme", &id, Some(role.name())).await;
            let mut shown = BTreeSet::new();
            let ours = user.ok("{ me { organizationRole roles { id name } } }", json!({})).await["me"].clone();
            shown.extend([&ours["organizationRole"], &ours["roles"][0]["id"], &ours["roles"][0]["name"]].map(text));
            let info = user.rest(Method::POST, "/api/get-user-info", Some(&json!({}))).await.json();
            shown.insert(text(&info["roles"][0]));
            let listed = json!({ "lookup_org_id": "acme", "lookup_user_id": id });
            let listed = admin.rest(Method::POST, "/api/list-users", Some(&listed)).await.json();
            shown.insert(text(&listed["users"][0]["roles"][0]));
            let air = user.rest(Method::GET, &format!("/api/data/users/{id}"), None).await.json();
            shown.insert(text(&air["role_id"]));
            let keycloak = user.rest(Method::GET, "/auth/admin/realms/master/users", None).await.json();
            let own = keycloak.as_array().into_iter().flatten().filter(|one| one["id"] == *id);
            shown.extend(own.filter_map(|one| one["realmRoles"].get(0)).map(text));
            for word in shown {
                assert!(reserved::free(&word).is_err(), "{word:?} is shown for {role:?} and free");
            }
        }
    }

    /// Whatever text any resolver takes for a built-in role can be no other role's name.
    async fn what_any_resolver_takes_is_kept(app: App) {
        app.organization("acme", &["berlin"]).await;
        let resolvers = Resolvers::new(&app).await;
        let mut taken = BTreeSet::new();
        let mut texts = BTreeSet::new();
        for (word, _) in reserved::words() {
            let all = if is_id(word) { spellings_of_uuid(word) } else { spellings(word) };
            // Enough of each kind of spelling; how they are told apart is asked above.
            texts.extend(all.into_iter().step_by(60));
            texts.extend([word.to_owned(), word.to_uppercase()]);
        }
        for text in texts {
            for (resolver, roles) in resolvers.resolve(&text).await {
                assert!(!roles.is_empty(), "{resolver} gives nothing for {text:?}");
                assert!(reserved::free(&text).is_err(), "{resolver} takes {text:?} for {roles:?}, and a role may be called so");
                taken.insert(resolver);
            }
        }
        assert_eq!(taken.len(), resolvers.number(), "{taken:?}");
    }

    /// A super admin's program that reads the names of somebody's roles and writes them back, by whatever face, never
    /// changes what the bearer may do.
    async fn reading_roles_and_writing_them_back_changes_nothing(app: App) {
        app.organization("acme", &["berlin"]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let admin = app.admin();
        let bearer = app.user("acme", "bob", None).await;
        let put = json!({ "user": { "id": "bob", "tenant_id": "berlin", "org_id": "acme", "roles": [] } });
        admin.rest(Method::POST, "/api/update-user", Some(&put)).await;
        let mut tried = 0;
        let words = reserved::words().map(|(word, _)| word.to_owned());
        let nearly = reserved::words().flat_map(|(word, _)| [format!("{word}s"), format!("my {word}"), word[1..].to_owned(), format!("waii-{word}"), format!("{word}.")]);
        for name in words.chain(nearly) {
            let made = ann.send(CREATE, json!({ "name": name })).await;
            let Some(role) = made["data"]["createRole"]["id"].as_str() else { continue };
            tried += 1;
            let assign = "mutation($id: ID!, $role: String!) { assignRole(where: {id: $id}, role: $role) { permissions } }";
            let has = admin.ok(assign, json!({ "id": "bob", "role": role })).await["assignRole"]["permissions"].clone();
            assert_eq!(has, json!(["read:user"]), "{name}");
            let read = "{ users(where: {id: \"bob\"}) { roles { name } } }";
            let names: Vec<Value> = admin.ok(read, json!({})).await["users"][0]["roles"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
            let write = "mutation($roles: [String!]) { updatePropertiesInUser(where: {id: \"bob\"}, data: {roles: $roles}) { permissions } }";
            assert_eq!(admin.ok(write, json!({ "roles": names })).await["updatePropertiesInUser"]["permissions"], has, "{name}");
            assert_eq!(admin.ok(assign, json!({ "id": "bob", "role": names[0] })).await["assignRole"]["permissions"], has, "{name}");
            let listed = json!({ "lookup_org_id": "acme", "lookup_user_id": "bob" });
            let listed = admin.rest(Method::POST, "/api/list-users", Some(&listed)).await.json();
            let put = json!({ "user": { "id": "bob", "tenant_id": "berlin", "org_id": "acme", "roles": listed["users"][0]["roles"] } });
            let reply = admin.rest(Method::POST, "/api/update-user", Some(&put)).await;
            assert!(reply.status.is_success(), "{name}: {reply:?}");
            assert_eq!(bearer.ok("{ me { permissions } }", json!({})).await["me"]["permissions"], has, "{name}");
            ann.ok("mutation($id: ID!) { deleteRole(where: {id: $id}) { id } }", json!({ "id": role })).await;
        }
        assert!(tried > 50, "only {tried} names were free");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The words of GraphQL's enum are those that are kept.
#[test]
fn the_words_of_the_schema_are_kept() {
    let sdl = Sdl::read();
    let TypeKind::Enum(values) = &sdl.types["OrganizationRole"].kind else {
        panic!("no enum")
    };
    let values: BTreeSet<&str> = values
        .values
        .iter()
        .map(|value| value.node.value.node.as_str())
        .collect();
    assert_eq!(values, reserved::KILI.iter().map(|(word, _)| *word).collect());
    for value in values {
        assert_eq!(reserved::free(value).unwrap_err().code(), ErrorCode::Conflict);
    }
}

/// Faces take words for roles from the lists, and hold none of their own.
#[test]
fn faces_have_no_words_of_their_own() {
    let mut files = vec![from_top("src/compat")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for (number, line) in source
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for literal in line.split('"').skip(1).step_by(2) {
                // `user` is also what a field is called, and `admin` what Keycloak shows of an administrator.
                let is_word = reserved::words().any(|(word, _)| word == literal && !["user", "admin"].contains(&word));
                assert!(!is_word, "{}:{}: {line}", path.display(), number + 1);
            }
        }
    }
}
