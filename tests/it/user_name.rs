//! User names, external ids and profiles: what an identity provider says about users.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use tenantry::directory::user::{self, NewUser, Target, Term, UserChange, UserFields};
use tenantry::list::{self, ElementFilter, Filter, JsonTerm, Order, TextTest, Window};
use tenantry::model::error::{ConflictReason, Error};
use tenantry::model::{Entries, lowered, user_name_key};

use crate::on_both;
use crate::support::{App, Caller};

const CREATE: &str =
    "mutation($data: CreateUserData!) { createUser(data: $data) { id email userName externalId profile } }";
const UPDATE: &str = "mutation($id: ID, $data: UserData!) {
    updatePropertiesInUser(where: {id: $id}, data: $data) { id email pendingEmail userName externalId activated version } }";
const SEEN: &str = "query($where: UserWhere!) { users(where: $where, orderBy: ID_ASC) { id } }";

/// A user of acme with this user name and this address.
fn person(id: &str, user_name: Option<&str>, email: Option<&str>) -> Value {
    json!({"data": {"id": id, "userName": user_name, "email": email, "organizationId": "acme"}})
}

/// A change that the verb makes by itself, without a session.
async fn change(app: &App, id: &str, wanted: UserChange) -> Result<user::User, Error> {
    user::update(&app.machine(), &Target::id(id), wanted, None).await
}

async fn ids(caller: &Caller<'_>, filter: Value) -> Vec<String> {
    let found = caller.ok(SEEN, json!({"where": filter})).await["users"].clone();
    let ids = found.as_array().unwrap().iter();
    ids.map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

/// A profile with these addresses, of which one is the account's.
fn profile(entries: &Value, account: Option<usize>) -> Value {
    let entries = entries.as_array().unwrap().iter();
    let entries = entries.map(|entry| entry.as_object().unwrap().clone()).collect();
    json!({"title": "Engineer", "emails": Entries::new(entries, account).stored()})
}

async fn version(app: &App, id: &str) -> i64 {
    app.user_row(id).await.version
}

fn taken(error: &Error) -> bool {
    matches!(error, Error::Conflict(conflict) if conflict.reason == ConflictReason::Taken)
}

fn assert_is_taken(error: &Error) {
    assert!(taken(error), "{error:?}");
}

on_both! {
    async fn no_two_users_of_an_organization_have_the_same_user_name(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let admin = app.admin();
        admin.ok(CREATE, person("a", Some("Lin Okafor"), Some("lin@acme.example"))).await;
        admin.ok(CREATE, person("b", None, Some("bo@acme.example"))).await;
        admin.ok(CREATE, person("c", Some("Cy@ACME.example"), None)).await;
        // Without regard to case, and the address counts where there is no user name.
        for (id, user_name, email) in [
            ("x", Some("LIN OKAFOR"), None),
            ("x", Some("BO@acme.example"), None),
            ("x", None, Some("cy@acme.example")),
            ("x", Some(" lin okafor "), Some("x@acme.example")),
        ] {
            let refusal = admin.refusal(CREATE, person(id, user_name, email)).await;
            assert_eq!(refusal["extensions"]["reason"], "TAKEN", "{user_name:?} {email:?} {refusal}");
        }
        // Whoever has a user name leaves the address to be somebody's user name, but not anybody's address.
        admin.ok(CREATE, person("d", Some("lin@acme.example"), None)).await;
        assert_eq!(admin.refused(CREATE, person("x", Some("y"), Some("lin@acme.example"))).await, "CONFLICT");
        for (id, data) in [
            ("b", json!({"userName": "lin OKAFOR"})),
            ("b", json!({"email": "cy@acme.example"})),
            ("a", json!({"userName": "CY@acme.example"})),
            // Its address would count, which is somebody's user name.
            ("a", json!({"userName": ""})),
        ] {
            let refusal = admin.refusal(UPDATE, json!({"id": id, "data": data})).await;
            assert_eq!(refusal["extensions"]["reason"], "TAKEN", "{id} {data} {refusal}");
        }
        // Another organization does not matter.
        let elsewhere = json!({"data": {"id": "g", "userName": "Lin Okafor", "organizationId": "globex"}});
        assert_eq!(admin.ok(CREATE, elsewhere).await["createUser"]["userName"], "Lin Okafor");
        // Free after deletion.
        admin.ok("mutation { deleteUser(where: {id: \"a\"}) { id } }", json!({})).await;
        let again = admin.ok(CREATE, person("e", Some("lin okafor"), Some("lin2@acme.example"))).await;
        assert_eq!(again["createUser"]["userName"], "lin okafor");
        let blank = admin.refusal(CREATE, person("x", Some("  "), None)).await;
        assert_eq!(blank["extensions"]["field"], "data.userName");
        assert_eq!(admin.refused(UPDATE, json!({"id": "e", "data": {"userName": " \t"}})).await, "INVALID");
        // A user name is enough for a new user; without any, the address or the id counts.
        let made = admin.ok(CREATE, json!({"data": {"userName": "only", "organizationId": "acme"}})).await;
        assert_eq!((&made["createUser"]["userName"], &made["createUser"]["email"]), (&json!("only"), &Value::Null));
        let cleared = admin.ok(UPDATE, json!({"id": "e", "data": {"userName": ""}})).await;
        assert_eq!(cleared["updatePropertiesInUser"]["userName"], "lin2@acme.example");
        assert_eq!(ids(&admin, json!({"userNameStartsWith": "LIN2@", "organization": {"id": "acme"}})).await, ["e"]);
        assert_eq!(ids(&admin, json!({"userNameIn": ["ONLY2", "Cy@acme.example"]})).await, ["c"]);
    }

    /// Of several who want the same at once one gets it, and all others are told.
    async fn a_race_for_a_user_name_has_one_winner(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        let tries = (0..8).map(|n| {
            let name = if n % 2 == 0 { "Kai@acme.example" } else { "kai@ACME.example" };
            let data = match n % 3 {
                0 => json!({"id": format!("r{n}"), "email": name, "organizationId": "acme"}),
                _ => json!({"id": format!("r{n}"), "userName": name, "organizationId": "acme"}),
            };
            admin.send(CREATE, json!({"data": data}))
        });
        let replies = join_all(tries).await;
        let refused = replies.iter().filter(|reply| reply["errors"][0]["extensions"]["reason"] == "TAKEN").count();
        assert_eq!(refused, 7, "{replies:?}");
        for n in 0..4 {
            admin.ok(CREATE, person(&format!("s{n}"), None, None)).await;
        }
        let renames = (0..4).map(|n| admin.send(UPDATE, json!({"id": format!("s{n}"), "data": {"userName": "The One"}})));
        let replies = join_all(renames).await;
        let refused = replies.iter().filter(|reply| reply["errors"][0]["extensions"]["reason"] == "TAKEN").count();
        assert_eq!(refused, 3, "{replies:?}");
        // In one call, the first gets it.
        let many = "mutation($data: [CreateUserData!]!) { createUsers(data: $data) { user { id } refusal { reason } } }";
        let data: Vec<Value> = ["m1", "m2"].iter().map(|id| json!({"id": id, "userName": "Many", "organizationId": "acme"})).collect();
        let made = admin.ok(many, json!({"data": data})).await["createUsers"].clone();
        assert_eq!(made, json!([{"user": {"id": "m1"}, "refusal": null}, {"user": null, "refusal": {"reason": "TAKEN"}}]));
    }

    async fn a_move_takes_the_user_name_along_and_leaves_the_external_id(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let admin = app.admin();
        admin.ok(CREATE, json!({"data": {"id": "a", "userName": "Lin", "externalId": "7", "organizationId": "acme"}})).await;
        admin.ok(CREATE, json!({"data": {"id": "g", "userName": "LIN", "organizationId": "globex"}})).await;
        let go = |data: Value| json!({"id": "a", "data": data});
        assert_eq!(admin.refusal(UPDATE, go(json!({"organizationId": "globex"}))).await["extensions"]["reason"], "TAKEN");
        admin.ok(UPDATE, json!({"id": "g", "data": {"userName": "Gil"}})).await;
        let moved = admin.ok(UPDATE, go(json!({"organizationId": "globex"}))).await["updatePropertiesInUser"].clone();
        assert_eq!((&moved["userName"], &moved["externalId"]), (&json!("Lin"), &Value::Null));
        // Unless the same change gives one.
        let back = admin.ok(UPDATE, go(json!({"organizationId": "acme", "externalId": "8"}))).await;
        assert_eq!(back["updatePropertiesInUser"]["externalId"], "8");
    }

    async fn nobody_sees_them_from_another_organization(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let acme = app.user("acme", "ann", Some("organization-admin")).await;
        let globex = app.user("globex", "gus", Some("organization-admin")).await;
        acme.ok(CREATE, json!({"data": {"id": "a", "userName": "Lin", "externalId": "00u7"}})).await;
        let new = UserChange { profile: Some(profile(&json!([{"value": "x@y.example", "type": "home"}]), None)), ..UserChange::default() };
        change(&app, "a", new).await.unwrap();
        for filter in [json!({"userName": "lin"}), json!({"externalId": "00u7"}), json!({"userNameContains": "i"}), json!({"externalIdStartsWith": "00"})] {
            assert!(!ids(&acme, filter.clone()).await.is_empty(), "{filter}");
            assert!(!ids(&globex, filter.clone()).await.contains(&"a".to_owned()), "{filter}");
        }
        let one = "{ user(where: {id: \"a\"}) { userName externalId profile } }";
        assert_eq!(globex.ok(one, json!({})).await["user"], Value::Null);
        let shown = acme.ok(one, json!({})).await["user"].clone();
        let expected = json!({"userName": "Lin", "externalId": "00u7", "profile": {"title": "Engineer", "emails": [{"value": "x@y.example", "type": "home"}]}});
        assert_eq!(shown, expected);
        // A list has it too, alone and beside what makes the server read whole objects.
        for document in ["{ users(where: {id: \"a\"}) { profile } }", "{ users(where: {id: \"a\"}) { profile roles { name } } }"] {
            assert_eq!(acme.ok(document, json!({})).await["users"][0]["profile"], expected["profile"], "{document}");
        }
    }

    async fn a_profile_never_shows_how_it_is_kept(app: App) {
        app.organization("acme", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let sent = json!([{"value": "Lin@Acme.example", "type": "work", "primary": true}, {"value": "lin@home.example"}]);
        let new = NewUser {
            id: Some("lin".to_owned()),
            email: Some("lin@acme.example".to_owned()),
            organization_id: Some("acme".to_owned()),
            profile: Some(profile(&sent, Some(0))),
            ..NewUser::default()
        };
        user::create(&app.machine(), new).await.unwrap();
        let seen = "{ user(where: {id: \"lin\"}) { profile } }";
        assert_eq!(ann.ok(seen, json!({})).await["user"]["profile"]["emails"], sent);
        ann.ok(UPDATE, json!({"id": "lin", "data": {"email": "lo@acme.example"}})).await;
        let shown = ann.ok(seen, json!({})).await["user"]["profile"].to_string();
        assert!(shown.contains("lo@acme.example") && shown.contains("lin@home.example"), "{shown}");
        assert!(!shown.contains("Lin@Acme.example") && !shown.contains("account") && !shown.contains("\"key\""), "{shown}");
        // Equal but for the order of its members: nothing changes.
        let before = version(&app, "lin").await;
        let mut same = profile(&sent, Some(0));
        let title = same.as_object_mut().unwrap().shift_remove("title").unwrap();
        same["title"] = title;
        change(&app, "lin", UserChange { profile: Some(same), ..UserChange::default() }).await.unwrap();
        assert_eq!(version(&app, "lin").await, before);
        change(&app, "lin", UserChange { profile: Some(json!({})), ..UserChange::default() }).await.unwrap();
        assert_eq!(ann.ok(seen, json!({})).await["user"]["profile"], Value::Null);
        assert_eq!(app.user_row("lin").await.profile, None);
    }

    async fn one_change_is_one_version_and_one_event(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        admin.ok(CREATE, person("lin", None, Some("lin@acme.example"))).await;
        let sign_in = "mutation { signIn(data: {email: \"lin@acme.example\", password: \"a long new password\"}) { accessToken } }";
        let everything = || UserChange {
            user_name: Some("Lin".to_owned()),
            external_id: Some("7".to_owned()),
            profile: Some(json!({"title": "T"})),
            password: Some("a long new password".to_owned().into()),
            ..UserChange::default()
        };
        let made = change(&app, "lin", everything()).await.unwrap();
        assert_eq!(made.version, 2);
        let events = app.number("SELECT COUNT(*) FROM audit_events WHERE target_id = 'lin' AND fields = 'profile userName externalId password'").await;
        let all = app.number("SELECT COUNT(*) FROM audit_events WHERE target_id = 'lin'").await;
        assert_eq!((events, all), (1, 2), "{}", app.dump().await);
        app.anonymous().ok(sign_in, json!({})).await;
        let row = app.user_row("lin").await;
        assert!(!row.password_temporary && row.password_verified_at.is_none() && row.password_changed_at.is_some());
        // Again: nothing changes, nobody is signed out.
        let sessions = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
        let before = (app.number(sessions).await, version(&app, "lin").await, row.password_hash.clone());
        change(&app, "lin", everything()).await.unwrap();
        assert_eq!((app.number(sessions).await, version(&app, "lin").await, app.user_row("lin").await.password_hash), before);
        // Another one ends the sessions.
        let other = UserChange { password: Some("another long password".to_owned().into()), ..UserChange::default() };
        change(&app, "lin", other).await.unwrap();
        assert_eq!(app.number(sessions).await, 0);
        assert_eq!(app.anonymous().refused(sign_in, json!({})).await, "UNAUTHENTICATED");
        for (password, user_name) in [("short", None), ("lin@acme.example", None), ("long user name", Some("Long User Name"))] {
            let bad = UserChange { password: Some(password.to_owned().into()), user_name: user_name.map(str::to_owned), ..UserChange::default() };
            assert!(matches!(change(&app, "lin", bad).await, Err(Error::Invalid { field, .. }) if field == "password"), "{password}");
        }
        let service = json!({"data": {"id": "bot", "kind": "SERVICE", "organizationId": "acme"}});
        admin.ok(CREATE, service).await;
        let password = UserChange { password: Some("another long password".to_owned().into()), ..UserChange::default() };
        assert!(matches!(change(&app, "bot", password).await, Err(Error::Invalid { .. })));
    }

    /// A synchronization sends the whole user again and again, also to an organization that confirms addresses.
    async fn a_synchronization_gets_on_with_confirmed_addresses(app: App) {
        app.organization("acme", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        app.user("acme", "tom", None).await;
        let demand = "mutation { updateOrganizationSettings(where: {id: \"acme\"}, data: {confirmEmailChanges: true}) { confirmEmailChanges } }";
        ann.ok(demand, json!({})).await;
        let set = |data: Value| json!({"id": "tom", "data": data});
        let asked = ann.ok(UPDATE, set(json!({"email": "tom@new.example"}))).await["updatePropertiesInUser"].clone();
        assert_eq!((&asked["email"], &asked["pendingEmail"]), (&json!("tom@acme.example"), &json!("tom@new.example")));
        app.send_mails().await;
        let mails = app.mails().len();
        for _ in 0..3 {
            let again = ann.ok(UPDATE, set(json!({"email": "TOM@new.example"}))).await["updatePropertiesInUser"].clone();
            assert_eq!((&again["version"], &again["pendingEmail"]), (&asked["version"], &asked["pendingEmail"]));
        }
        app.send_mails().await;
        assert_eq!(app.mails().len(), mails);
        // A leaver whose address changes in the same request leaves.
        let left = ann.ok(UPDATE, set(json!({"email": "tom@gone.example", "activated": false, "externalId": "7"}))).await["updatePropertiesInUser"].clone();
        assert_eq!(
            (&left["activated"], &left["email"], &left["pendingEmail"], &left["externalId"]),
            (&json!(false), &json!("tom@acme.example"), &Value::Null, &json!("7"))
        );
        let again = ann.ok(UPDATE, set(json!({"email": "tom@gone.example", "activated": false}))).await["updatePropertiesInUser"].clone();
        assert_eq!(again["version"], left["version"]);
    }

    /// Filters on addresses and profiles find what is shown.
    async fn profiles_and_their_addresses_are_found(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let people: [(&str, Option<&str>, Value, Option<usize>); 5] = [
            ("a", Some("a@acme.example"), json!([{"value": "A@acme.example", "type": "work", "primary": true}, {"value": "A@Home.example", "type": "home"}]), Some(0)),
            ("b", Some("b@acme.example"), json!([{"value": "old@acme.example", "type": "other"}]), Some(0)),
            ("c", Some("c@acme.example"), json!([{"value": "x", "primary": true}]), None),
            ("d", None, json!([{"value": "gone@acme.example", "type": "work"}, {"value": "d@home.example"}]), Some(0)),
            ("e", Some("e@acme.example"), json!([]), None),
        ];
        for (id, email, entries, account) in people {
            let new = NewUser {
                id: Some(id.to_owned()),
                email: email.map(str::to_owned),
                organization_id: Some("acme".to_owned()),
                profile: Some(profile(&entries, account)),
                ..NewUser::default()
            };
            user::create(&app.machine(), new).await.unwrap();
        }
        app.admin().ok(CREATE, json!({"data": {"id": "g", "email": "a@acme.example", "organizationId": "globex"}})).await;
        let op = app.machine();
        let value = |test: TextTest| ElementFilter::Text { key: Some("value".to_owned()), test };
        let equals = |text: &str| value(TextTest::Equals(user_name_key(text)));
        let of = |key: &str, text: &str| ElementFilter::Text { key: Some(key.to_owned()), test: TextTest::Equals(text.to_owned()) };
        let primary = || ElementFilter::Flag { key: Some("primary".to_owned()), is: true };
        let cases: Vec<(ElementFilter, &[&str])> = vec![
            (equals("A@ACME.example"), &["a"]),
            (equals("a@HOME.example"), &["a"]),
            (equals("b@acme.example"), &["b"]),
            (equals("old@acme.example"), &[]),
            (equals("gone@acme.example"), &[]),
            (equals("X"), &["c"]),
            (equals("e@acme.example"), &["e"]),
            (ElementFilter::All(vec![of("type", "work"), equals("a@home.example")]), &[]),
            (ElementFilter::All(vec![of("type", "home"), equals("a@home.example")]), &["a"]),
            (of("type", "work"), &["a", "c", "e"]),
            (of("type", "other"), &["b"]),
            (primary(), &["a", "c", "e"]),
            (ElementFilter::All(vec![primary(), equals("c@acme.example")]), &[]),
            (ElementFilter::All(vec![primary(), equals("e@acme.example")]), &["e"]),
            (ElementFilter::Not(Box::new(of("type", "work"))), &["a", "b", "c", "d"]),
            (value(TextTest::EndsWith(lowered("@HOME.example"))), &["a", "d"]),
            (of("key", "x"), &[]),
            (ElementFilter::Present { key: Some("account".to_owned()) }, &[]),
            (ElementFilter::Present { key: Some("value".to_owned()) }, &["a", "b", "c", "d", "e"]),
            (equals("a\0"), &[]),
        ];
        let acme = || Filter::Own(Term::Organization(Filter::Own(tenantry::directory::organization::Term::Id(TextTest::Equals("acme".to_owned())))));
        let found = async |filter: Filter<Term>| {
            let mut all: BTreeSet<String> = BTreeSet::new();
            let order = Order::usual::<user::User>();
            for filter in [filter.clone(), user::weighed(&op, filter.clone()).await.unwrap()] {
                let page = list::page::<user::User>(&op, &filter, order, UserFields::empty(), Window::new(100, 0).unwrap()).await.unwrap();
                let ids: BTreeSet<String> = page.iter().map(|one| one.id.to_string()).collect();
                assert!(all.is_empty() || all == ids, "{all:?} {ids:?}");
                all.clone_from(&ids);
                assert_eq!(list::count::<user::User>(&op, &filter).await.unwrap(), i64::try_from(ids.len()).unwrap());
            }
            all
        };
        for (such, expected) in cases {
            let ids = found(Filter::All(vec![acme(), Filter::Is(Term::Emails(such.clone()))])).await;
            assert_eq!(ids, expected.iter().map(|id| (*id).to_owned()).collect(), "{such:?}");
        }
        let title = |text: &str| Term::Profile(JsonTerm::Text { path: vec!["title".to_owned()], test: TextTest::Equals(text.to_owned()) });
        assert_eq!(found(Filter::All(vec![acme(), Filter::Is(title("Engineer"))])).await.len(), 5);
        assert_eq!(found(Filter::All(vec![acme(), Filter::Is(title("engineer"))])).await.len(), 0);
        let absent = Filter::Not(Box::new(Filter::Is(title("Engineer"))));
        assert!(found(absent).await.contains("g"));
    }

    async fn the_verbs_say_that_a_user_name_is_taken(app: App) {
        app.organization("acme", &[]).await;
        let named = |id: &str| NewUser {
            id: Some(id.to_owned()),
            user_name: Some("Same".to_owned()),
            organization_id: Some("acme".to_owned()),
            ..NewUser::default()
        };
        user::create(&app.machine(), named("a")).await.unwrap();
        let refused = user::create(&app.machine(), named("b")).await.unwrap_err();
        assert_is_taken(&refused);
        assert!(refused.to_string().contains("'Same'"), "{refused}");
        app.admin().ok(CREATE, person("c", None, None)).await;
        let wanted = UserChange { user_name: Some("SAME".to_owned()), ..UserChange::default() };
        let refused = change(&app, "c", wanted).await.unwrap_err();
        assert_is_taken(&refused);
        assert!(refused.to_string().contains("user name 'SAME'"), "{refused}");
    }
}
