//! Search: what it finds, and that the words it looks up are those of the rows, whatever wrote them.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use tenantry::operations::{demo, words};
use tenantry::store::entity::{Worded, group, organization, tenant, user, user_word};
use tokio_util::sync::CancellationToken;

use crate::on_both;
use crate::rules::statements::sent;
use crate::support::documents::{CREATE_USER, DELETE_USER, UPDATE_USER, change};
use crate::support::{App, Caller};

const FOUND: &str = "query($w: UserWhere) { users(where: $w, orderBy: ID_ASC) { id } countUsers(where: $w)
    usersConnection(where: $w, orderBy: ID_ASC, last: 100) { totalCount nodes { id } } }";

/// The ids of the users that match, the same by list, count and connection.
async fn found_by(caller: &Caller<'_>, filter: Value) -> Vec<String> {
    let answer = caller.ok(FOUND, json!({ "w": filter })).await;
    let ids = |nodes: &Value| -> Vec<String> {
        let nodes = nodes.as_array().unwrap().iter();
        nodes.map(|node| node["id"].as_str().unwrap().to_owned()).collect()
    };
    let found = ids(&answer["users"]);
    assert_eq!(ids(&answer["usersConnection"]["nodes"]), found, "{filter}");
    assert_eq!(answer["usersConnection"]["totalCount"], found.len(), "{filter}");
    assert_eq!(answer["countUsers"], found.len(), "{filter}");
    found
}

/// The same for a search, in each of the ways in which it is evaluated: by the words, and row by row.
async fn found(caller: &Caller<'_>, text: &str) -> Vec<String> {
    let found = found_by(caller, json!({ "text": text })).await;
    let looked_at = json!({ "OR": [{ "text": text }, { "OR": [] }] });
    assert_eq!(found_by(caller, looked_at).await, found, "{text}");
    let without = json!({ "NOT": { "NOT": { "text": text } } });
    assert_eq!(found_by(caller, without).await, found, "{text}");
    found
}

/// The stored words are those that are made of the rows.
async fn words_are_right(app: &App) {
    let connection = app.services.db.reader();
    let users = user::Entity::find().all(connection).await.unwrap();
    let mut expected = BTreeSet::new();
    for row in &users {
        assert_eq!(row.stored(), row.made(), "{row:?}");
        let words = row.words.split_whitespace();
        expected.extend(words.map(|word| (row.organization_pk, word.to_owned(), row.pk)));
    }
    let stored = user_word::Entity::find().all(connection).await.unwrap();
    let stored: BTreeSet<_> = stored
        .into_iter()
        .map(|row| (row.organization_pk, row.word, row.user_pk))
        .collect();
    assert_eq!(stored, expected);
    for row in organization::Entity::find().all(connection).await.unwrap() {
        assert_eq!(row.stored(), row.made(), "{row:?}");
    }
    for row in tenant::Entity::find().all(connection).await.unwrap() {
        assert_eq!(row.stored(), row.made(), "{row:?}");
    }
    for row in group::Entity::find().all(connection).await.unwrap() {
        assert_eq!(row.stored(), row.made(), "{row:?}");
    }
}

const NAMES: [&str; 12] = [
    "",
    "Ada",
    "ÅDA Lovelace",
    "Straße",
    "STRASSE ada",
    "O'Neill-Smith",
    "Ade",
    "e\u{301}mile",
    "Émile Ada-Lou",
    "李 小龙",
    "Ж",
    "—",
];
const SEARCHES: [&str; 16] = [
    "", "a", "ad", "ADA", "ada lov", "lov ad", "strass", "Straß", "neill", "smith o", "emile", "李", "小", "acme",
    "7 u", "—",
];

/// The plain words of a text, for the letters above.
fn plain(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('å', "a").replace('ß', "ss");
    let text = text.replace('é', "e").replace("e\u{301}", "e");
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn matches(row: &user::Model, text: &str) -> bool {
    let email = row.email.as_ref().map(|email| email.as_str().to_owned());
    let texts = [
        &row.name,
        &row.firstname,
        &row.lastname,
        &email,
        &Some(row.id.to_string()),
    ];
    let words: Vec<String> = texts.into_iter().flatten().flat_map(|text| plain(text)).collect();
    let wanted = plain(text);
    let finds = !wanted.is_empty() || text.trim().is_empty();
    finds
        && wanted
            .iter()
            .all(|start| words.iter().any(|word| word.starts_with(start)))
}

on_both! {
    async fn a_search_finds_by_the_beginnings_of_words(app: App) {
        app.organization("acme", &["berlin"]).await;
        let admin = app.admin();
        let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for data in [
            json!({"id": "a", "name": "Ångström Łukasz", "email": "ada.byron@müller.example"}),
            json!({"id": uuid, "firstname": "Søren", "lastname": "O'Neill-Smith"}),
            json!({"id": "crew-7", "email": "angst@acme.example", "tenantId": "berlin"}),
        ] {
            let mut data = data;
            data["organizationId"] = json!("acme");
            admin.ok(CREATE_USER, json!({"data": data})).await;
        }
        let first = vec!["a"];
        for (text, expected) in [
            ("angst", vec!["a", "crew-7"]), ("ANGST", vec!["a", "crew-7"]), ("ångström luk", first.clone()), ("A\u{30A}ngst ł", first.clone()),
            ("byron", first.clone()), ("yron", vec![]), ("ada.byron@muller.example", first.clone()), ("müller byr", first.clone()),
            ("ada@xn--mller-kva", first.clone()), ("soren neill", vec![uuid]), ("smith SØREN", vec![uuid]), ("SØREN lukasz", vec![]),
            ("67e55044", vec![uuid]), (uuid, vec![uuid]), ("67E55044-10b1-4", vec![uuid]), ("67e5504410b1426f9247bb680e5fe0c8", vec![uuid]),
            ("crew-7", vec!["crew-7"]), ("7 acme", vec!["crew-7"]), ("%", vec![]), ("_", vec![]), ("\u{0}", vec![]), ("ada\u{0}byron", vec!["a"]),
        ] {
            assert_eq!(found(&admin, text).await, expected, "{text:?}");
        }
        assert_eq!(found(&admin, "  ").await.len(), 4, "a blank text finds everybody");
        let all: String = (0..40).map(|n| format!("{n}x ")).collect();
        assert_eq!(found(&admin, &all).await, [""; 0]);
        // With other filters, and without folding in the others.
        assert_eq!(found_by(&admin, json!({"text": "angst", "tenant": {"id": "berlin"}})).await, ["crew-7"]);
        assert_eq!(found_by(&admin, json!({"text": "angst", "NOT": {"text": "byron"}})).await, ["crew-7"]);
        assert_eq!(found_by(&admin, json!({"AND": [{"text": "angst"}, {"text": "luk"}]})).await, ["a"]);
        assert_eq!(found_by(&admin, json!({"organization": {"id": "acme"}, "text": "a"})).await, ["a", "crew-7", uuid][..2]);
        assert_eq!(found_by(&admin, json!({"organization": {"id": "platform"}, "text": "angst"})).await, [""; 0]);
        assert_eq!(found_by(&admin, json!({"nameContains": "angst", "email": null})).await, ["crew-7"], "its name is its address");
        assert_eq!(found_by(&admin, json!({"nameStartsWith": "ång"})).await, [""; 0]);
    }

    async fn tenants_groups_and_organizations_are_searched_too(app: App) {
        app.organization("acme", &["berlin"]).await;
        let admin = app.admin();
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        chief.ok("mutation { createGroup(data: {name: \"Éditeurs vidéo\"}) { id } }", json!({})).await;
        let all = "query($t: String) { tenants(where: {text: $t}) { name } groups(where: {text: $t}) { name } organizations(where: {text: $t}) { name }
            countTenants(where: {text: $t}) countGroups(where: {text: $t}) countOrganizations(where: {text: $t}) }";
        let counted = async |text: &str| {
            let answer = admin.ok(all, json!({"t": text})).await;
            ["Tenants", "Groups", "Organizations"].map(|kind| {
                let count = answer[format!("count{kind}")].as_u64().unwrap();
                assert_eq!(answer[kind.to_lowercase()].as_array().unwrap().len() as u64, count, "{text}");
                count
            })
        };
        assert_eq!(counted("BERL").await, [1, 0, 0]);
        assert_eq!(counted("video edit").await, [0, 1, 0]);
        assert_eq!(counted("acme org").await, [0, 0, 1]);
        assert_eq!(counted("rlin").await, [0, 0, 0]);
        chief.ok("mutation { renameOrganization(where: {id: \"acme\"}, name: \"Straße 7\") { id }
            updateGroup(where: {key: \"ÉDITEURS_VIDÉO\"}, data: {name: \"Zwei\"}) { id }
            updateTenant(where: {id: \"berlin\"}, data: {name: \"Köln\"}) { id } }", json!({})).await;
        assert_eq!(counted("strasse").await, [0, 0, 1]);
        assert_eq!(counted("zwei").await, [0, 1, 0]);
        assert_eq!(counted("koln berlin").await, [1, 0, 0]);
        words_are_right(&app).await;
    }

    /// Nobody finds by a search whom they do not see without one.
    async fn a_search_stays_within_its_organization(app: App) {
        app.organization("acme", &["acme-berlin", "acme-rome"]).await;
        app.organization("globex", &[]).await;
        let caller = app.user("acme", "acme-ann", Some("organization-admin")).await;
        app.user("globex", "acme-bob", Some("user")).await;
        let plain = app.user("acme", "acme-carl", None).await;
        let tenant = app.user("acme", "acme-tina", None).await;
        for (id, home) in [("acme-dora", "acme-berlin"), ("acme-emil", "acme-rome")] {
            app.user("acme", id, None).await;
            app.admin().update_user(id, json!({"tenantId": home})).await;
        }
        app.admin().ok("mutation { assignRole(where: {id: \"acme-tina\"}, role: \"tenant-admin\", tenant: \"acme-berlin\") { id } }", json!({})).await;
        assert_eq!(found(&caller, "acme").await, ["acme-ann", "acme-carl", "acme-dora", "acme-emil", "acme-tina"]);
        assert_eq!(found(&caller, "bob").await, [""; 0]);
        assert_eq!(found(&tenant, "acme").await, ["acme-dora"]);
        assert_eq!(found(&plain, "acme").await, ["acme-carl"]);
        assert_eq!(found(&app.admin(), "acme").await.len(), 6);
        let under = "{ organizations(where: {id: \"globex\"}) { users(where: {text: \"bob\"}) { id } } }";
        assert_eq!(caller.ok(under, json!({})).await["organizations"], json!([]));
        let under = "{ me { organization { users(where: {text: \"acme bob\"}) { id } } } }";
        assert_eq!(caller.ok(under, json!({})).await["me"]["organization"]["users"], json!([]));
    }

    /// Whatever writes a user: the words are those of its row, and a search finds what plain reading finds.
    async fn words_are_those_of_the_rows_after_any_changes(app: App) {
        for organization in ["acme", "globex"] {
            app.organization(organization, &[]).await;
        }
        let admin = app.admin();
        let mut random = fastrand::Rng::with_seed(18);
        for step in 0..120 {
            let id = format!("u-{}", random.u8(0..14));
            let name = |random: &mut fastrand::Rng| NAMES[random.usize(0..NAMES.len())];
            let home = ["acme", "globex"][random.usize(0..2)];
            let email = format!("{}.{}@{}.example", ["ada", "lou", "x"][random.usize(0..3)], random.u8(0..6), ["acme", "mail"][random.usize(0..2)]);
            let [full, first, last] = [name(&mut random), name(&mut random), name(&mut random)];
            let data = json!({"name": full, "firstname": first, "lastname": last, "organizationId": home, "email": email});
            // Some of these are refused: there is no such user, or the address is taken.
            match random.u8(0..8) {
                0..3 => drop(admin.send(CREATE_USER, json!({"data": {"id": id, "organizationId": data["organizationId"], "email": data["email"], "name": data["name"], "firstname": data["firstname"]}})).await),
                3 => drop(admin.send(DELETE_USER, json!({"id": id})).await),
                4 => drop(admin.send(UPDATE_USER, change(&id, json!({"organizationId": data["organizationId"]}))).await),
                5 => drop(admin.send(UPDATE_USER, change(&id, json!({"email": data["email"], "lastname": data["lastname"]}))).await),
                6 => {
                    let clear = "mutation($id: ID) { updatePropertiesInUser(where: {id: $id}, data: {}, clear: [NAME, EMAIL]) { id } }";
                    admin.send(clear, json!({"id": id})).await;
                }
                _ => drop(admin.send(UPDATE_USER, change(&id, data)).await),
            }
            if step % 8 == 7 {
                words_are_right(&app).await;
                let rows = user::Entity::find().all(app.services.db.reader()).await.unwrap();
                for text in SEARCHES {
                    let expected = rows.iter().filter(|row| matches(row, text)).map(|row| row.id.to_string());
                    assert_eq!(found(&admin, text).await, Vec::from_iter(BTreeSet::from_iter(expected)), "{text:?}");
                }
            }
        }
        assert!(app.number("SELECT COUNT(*) FROM users").await > 5);
    }

    /// The ways to write a user that the one above does not go.
    async fn every_way_to_write_a_user_writes_its_words(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        let ann = app.user("acme", "ann", Some("user")).await;
        ann.ok("mutation { updateMe(data: {name: \"Änn\", lastname: \"Zúñiga\"}) { id } }", json!({})).await;
        assert_eq!(found(&admin, "ann zuniga").await, ["ann"]);
        // An invitation.
        admin.ok("mutation { inviteUser(data: {email: \"eve@acme.example\", organizationId: \"acme\"}) { id } }", json!({})).await;
        let accept = "mutation($t: String!) { acceptInvitation(token: $t, data: {name: \"Evé\", password: \"a good long one\"}) { id } }";
        let eve = app.anonymous().ok(accept, json!({"t": app.mailed_token()})).await["acceptInvitation"]["id"].clone();
        assert_eq!(found(&admin, "eve acme").await, [eve.as_str().unwrap()]);
        // An address that is confirmed.
        admin.ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {confirmEmailChanges: true}) { id } }", json!({})).await;
        admin.update_user("ann", json!({"email": "new@mail.example"})).await;
        assert_eq!(found(&admin, "new").await, [""; 0]);
        let token = app.mails().iter().rev().find_map(|mail| crate::support::mail::tokens_of(mail).pop()).unwrap();
        app.anonymous().ok("mutation($t: String!) { verifyEmail(token: $t) }", json!({"t": token})).await;
        assert_eq!(found(&admin, "new zun").await, ["ann"]);
        assert_eq!(found(&admin, "zun ann@acme").await, [""; 0], "the earlier address");
        words_are_right(&app).await;
        // An organization that goes with its users' words, and users who go with everything.
        admin.ok(DELETE_USER, json!({"id": "ann"})).await;
        admin.ok(DELETE_USER, json!({"id": eve})).await;
        admin.ok("mutation { deleteOrganization(where: {id: \"acme\"}) { id } }", json!({})).await;
        words_are_right(&app).await;
    }

    /// However often a filter searches, one statement decides by which word it begins.
    async fn many_searches_are_weighed_at_once(app: App) {
        app.organization("acme", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        app.admin().create_user(json!({"id": "bob", "organizationId": "acme", "name": "Kunde 20261130-0001 Bob"})).await;
        let many = ["{text: \"KUNDE 20261130-0001\"}, {text: \"bob\"}", &", {text: \"b k 2\"}".repeat(150)].concat();
        for list in ["countUsers", "users"] {
            let fields = if list == "users" { "{ id }" } else { "" };
            let document = format!("{{ {list}(where: {{AND: [{many}]}}) {fields} }}");
            assert_eq!(sent(&ann, &document).await.len(), 2, "{list}");
        }
        assert_eq!(ann.ok(&format!("{{ countUsers(where: {{AND: [{many}]}}) }}"), json!({})).await["countUsers"], 1);
        assert_eq!(found(&ann, "Kunde 20261130-00").await, ["bob"]);
        assert_eq!(found(&ann, "20261130-0002").await, [""; 0]);
    }

    async fn the_demo_is_searchable(app: App) {
        demo::fill(&app.machine(), 300, |_| ()).await.unwrap();
        words_are_right(&app).await;
        assert!(app.number("SELECT COUNT(*) FROM user_words").await > 1_000);
    }

    /// A release that folds differently makes the words anew.
    async fn words_of_an_earlier_version_are_made_anew(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "ann", Some("user")).await;
        let stop = CancellationToken::new();
        assert_eq!(words::renew(&app.services.db, &stop).await.unwrap(), 0);
        let change = app.services.db.begin().await.unwrap();
        for table in ["users", "tenants", "organizations"] {
            change.execute_unprepared(&format!("UPDATE {table} SET words = ' old', sort_name = 'old' WHERE id <> 'admin'")).await.unwrap();
        }
        change.execute_unprepared("UPDATE word_fold SET version = 0").await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(found(&app.admin(), "old").await, ["ann"]);
        let stopped = CancellationToken::new();
        stopped.cancel();
        assert_eq!(words::renew(&app.services.db, &stopped).await.unwrap(), 0);
        assert_eq!(app.number("SELECT version FROM word_fold").await, 0);
        assert_eq!(words::renew(&app.services.db, &stop).await.unwrap(), 1 + 2 + 2, "a user, two tenants and organizations");
        assert_eq!(app.number("SELECT version FROM word_fold").await, tenantry::model::FOLD);
        assert_eq!(found(&app.admin(), "ann").await, ["ann"]);
        assert_eq!(found(&app.admin(), "old").await, [""; 0]);
        words_are_right(&app).await;
    }
}
