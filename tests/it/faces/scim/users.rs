//! Sections 2 and 4: users.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    ENTERPRISE, USER, USERS, answered, at, delete, found, get, id_of, patch, place, post, put, refused, user_of, world,
};
use crate::on_both;
use crate::support::App;

on_both! {
    async fn a_user_is_made_read_changed_and_deleted(app: App) {
        let (ada, _) = world(&app).await;
        let sent = json!({
            "schemas": [USER, ENTERPRISE], "externalId": "mei", "userName": "Mei@acme.example", "active": true, "displayName": "Mei Tan",
            "emails": [{"primary": true, "type": "work", "value": "Mei.Tan@acme.example"}], "meta": {"resourceType": "User"},
            "name": {"formatted": "Mei Tan", "familyName": "Tan", "givenName": "Mei"}, "roles": [],
            ENTERPRISE: {"employeeNumber": "77", "manager": "ann"}, "title": "Engineer", "x": 1,
        });
        let made = post(&ada, USERS, sent).await;
        let id = id_of(&made);
        assert_eq!(made, json!({
            "schemas": [USER, ENTERPRISE], "id": id, "externalId": "mei", "userName": "Mei@acme.example",
            "name": {"formatted": "Mei Tan", "familyName": "Tan", "givenName": "Mei"}, "displayName": "Mei Tan", "title": "Engineer", "active": true,
            "emails": [{"primary": true, "type": "work", "value": "Mei.Tan@acme.example"}],
            ENTERPRISE: {"employeeNumber": "77", "manager": {"value": "ann", "$ref": place("Users", "ann")}},
            "meta": {
                "resourceType": "User", "created": "2026-01-02T03:04:05.006000Z", "lastModified": "2026-01-02T03:04:05.006000Z",
                "location": place("Users", id), "version": made["meta"]["version"],
            },
        }));
        assert_eq!(get(&ada, &at(USERS, id)).await, made);
        let seen = ada.ok("query($id: ID!) { user(where: {id: $id}) { email userName externalId roles { name } } }", json!({"id": id})).await;
        assert_eq!(seen["user"], json!({"email": "mei.tan@acme.example", "userName": "Mei@acme.example", "externalId": "mei", "roles": []}));

        // What Okta reads it writes back.
        let before = app.dump().await;
        assert_eq!(put(&ada, &at(USERS, id), made.clone()).await, made);
        assert_eq!(app.dump().await, before);
        // Entra disables in its own way.
        let off = patch(&ada, 200, &at(USERS, id), json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
        assert_eq!((&off["active"], &off["title"]), (&json!(false), &json!("Engineer")));
        assert_eq!(found(&ada, USERS, "userName eq \"MEI@ACME.example\"").await, [id]);
        // What is left out is cleared, but for what stays.
        let bare = put(&ada, &at(USERS, id), user_of(json!({"userName": "mei"}))).await;
        assert_eq!(bare["active"], json!(false));
        assert_eq!(bare.as_object().unwrap().keys().collect::<Vec<_>>(), ["schemas", "id", "userName", "active", "meta"]);
        delete(&ada, &at(USERS, id)).await;
        for method in [Method::GET, Method::DELETE] {
            refused(&ada, (404, ""), method, &at(USERS, id), None).await;
        }
        assert_eq!(found(&ada, USERS, "userName eq \"mei\"").await, [""; 0]);
    }

    async fn the_address_is_one_of_those_that_are_sent(app: App) {
        let (ada, _) = world(&app).await;
        let email = async |id: &str| app.user_row(id).await.email.map(|email| email.to_string());
        let kai = post(&ada, USERS, user_of(json!({"userName": "Kai@acme.example"}))).await;
        let id = id_of(&kai).to_owned();
        assert_eq!(kai["emails"], json!([{"value": "kai@acme.example", "type": "work", "primary": true}]));
        let two = json!([{"op": "replace", "path": "emails", "value": [{"value": "a@x.example", "type": "home"}, {"value": "B@x.example", "type": "work"}]}]);
        let shown = patch(&ada, 200, &at(USERS, &id), two).await;
        assert_eq!(shown["emails"], json!([{"value": "a@x.example", "type": "home"}, {"value": "B@x.example", "type": "work"}]));
        assert_eq!(email(&id).await.as_deref(), Some("b@x.example"));
        ada.ok("mutation { updatePropertiesInUser(where: {email: \"b@x.example\"}, data: {email: \"c@x.example\"}) { id } }", json!({})).await;
        assert_eq!(get(&ada, &at(USERS, &id)).await["emails"][1], json!({"value": "c@x.example", "type": "work"}));
        let none = patch(&ada, 200, &at(USERS, &id), json!([{"op": "remove", "path": "emails"}])).await;
        assert_eq!((none.get("emails"), email(&id).await), (None, None));
        let made = patch(&ada, 200, &at(USERS, &id), json!([{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "d@x.example"}])).await;
        assert_eq!(made["emails"], json!([{"type": "work", "value": "d@x.example"}]));
        let bad = super::patch_of(json!([{"op": "replace", "path": "emails", "value": [{"value": "no address", "primary": true}]}]));
        refused(&ada, (400, "invalidValue"), Method::PATCH, &at(USERS, &id), Some(&bad)).await;
    }

    async fn what_is_taken_says_so(app: App) {
        let (ada, _) = world(&app).await;
        let new = user_of(json!({"userName": "lin", "externalId": "1", "emails": [{"value": "lin@acme.example"}]}));
        let made = post(&ada, USERS, new).await;
        for taken in [
            json!({"userName": "LIN", "externalId": "2"}),
            json!({"userName": "other", "emails": [{"value": "LIN@acme.example"}]}),
            json!({"userName": "lin@acme.example", "emails": [{"value": "lin@acme.example"}]}),
        ] {
            let detail = refused(&ada, (409, "uniqueness"), Method::POST, USERS, Some(&user_of(taken))).await;
            assert!(!detail.contains(id_of(&made)), "{detail}");
        }
        // Other organizations never matter.
        post(&ada, USERS, user_of(json!({"userName": "gus@globex.example"}))).await;
        let rename = super::patch_of(json!([{"op": "replace", "value": {"userName": "Lin"}}]));
        refused(&ada, (409, "uniqueness"), Method::PATCH, &at(USERS, "ann"), Some(&rename)).await;
    }

    async fn guards_hold(app: App) {
        let (ada, _) = world(&app).await;
        refused(&ada, (400, "invalidValue"), Method::DELETE, &at(USERS, "ada"), None).await;
        let off = super::patch_of(json!([{"op": "replace", "value": {"active": false}}]));
        refused(&ada, (400, "invalidValue"), Method::PATCH, &at(USERS, "ada"), Some(&off)).await;
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 2}) { id } }", json!({})).await;
        let new = user_of(json!({"userName": "x"}));
        let detail = refused(&ada, (403, ""), Method::POST, USERS, Some(&new)).await;
        assert!(detail.contains('2'), "{detail}");
        post(&ada, USERS, user_of(json!({"userName": "x", "active": false}))).await;
        // The last super admin stays one.
        let root = app.admin();
        let own = get(&root, "/scim/v2/Me").await;
        refused(&root, (400, "invalidValue"), Method::DELETE, &at(USERS, id_of(&own)), None).await;
    }

    async fn passwords_are_written_and_never_shown(app: App) {
        let (ada, _) = world(&app).await;
        let new = user_of(json!({"userName": "kai@acme.example", "password": "Brass-kettle-27-hums"}));
        let made = post(&ada, USERS, new).await;
        assert!(!made.to_string().contains("kettle"), "{made}");
        let path = at(USERS, id_of(&made));
        let hash = app.user_row(id_of(&made)).await.password_hash;
        assert!(hash.is_some());
        patch(&ada, 200, &path, json!([{"op": "replace", "path": "password", "value": "Brass-kettle-27-hums"}])).await;
        assert_eq!(app.user_row(id_of(&made)).await.password_hash, hash);
        patch(&ada, 200, &path, json!([{"op": "replace", "value": {"password": "Tin-whistle-84-sings"}}])).await;
        assert_ne!(app.user_row(id_of(&made)).await.password_hash, hash);
        let gone = super::patch_of(json!([{"op": "remove", "path": "password"}]));
        refused(&ada, (400, "mutability"), Method::PATCH, &path, Some(&gone)).await;
        let short = super::patch_of(json!([{"op": "replace", "path": "password", "value": "x"}]));
        refused(&ada, (400, "invalidValue"), Method::PATCH, &path, Some(&short)).await;
    }

    async fn one_request_is_one_event(app: App) {
        let (ada, _) = world(&app).await;
        let made = post(&ada, USERS, user_of(json!({"userName": "kai", "title": "T"}))).await;
        let path = at(USERS, id_of(&made));
        let operations = json!([
            {"op": "replace", "path": "title", "value": "U"}, {"op": "add", "path": "externalId", "value": "7"},
            {"op": "replace", "value": {"userName": "kai2", "name.givenName": "Kai"}},
        ]);
        let shown = patch(&ada, 200, &path, operations).await;
        assert_eq!((&shown["title"], &shown["externalId"], &shown["userName"], &shown["name"]), (&json!("U"), &json!("7"), &json!("kai2"), &json!({"givenName": "Kai"})));
        for nothing in [json!([]), json!([{"op": "replace", "path": "title", "value": "U"}]), json!([{"op": "add", "path": "urn:x:y:tag", "value": "z"}])] {
            assert_eq!(patch(&ada, 200, &path, nothing).await, shown);
        }
        let told: Vec<String> = app.column("SELECT action FROM audit_events WHERE action LIKE 'user.%' ORDER BY pk DESC LIMIT 2").await;
        assert_eq!(told, ["user.update", "user.create"]);
        let fields: Vec<String> = app.column("SELECT fields FROM audit_events WHERE action = 'user.update' ORDER BY pk DESC LIMIT 1").await;
        for field in ["userName", "externalId", "profile", "firstname"] {
            assert!(fields[0].contains(field), "{fields:?}");
        }
    }

    async fn me_is_the_caller(app: App) {
        let (ada, ann) = world(&app).await;
        let me = get(&ann, "/scim/v2/Me").await;
        assert_eq!(me["id"], "ann");
        assert_eq!(me["meta"]["location"], place("Users", "ann"));
        assert_eq!(me["roles"], json!([{"value": "user", "type": "direct"}]));
        let body = super::patch_of(json!([{"op": "replace", "path": "title", "value": "x"}]));
        refused(&ann, (403, ""), Method::PATCH, "/scim/v2/Me", Some(&body)).await;
        answered(&ada, 200, Method::PATCH, "/scim/v2/Me", Some(&body)).await;
        refused(&ada, (400, "invalidValue"), Method::DELETE, "/scim/v2/Me", None).await;
        let reply = super::ask(&ann, Method::POST, "/scim/v2/Me", &[], Some(&Value::Null)).await;
        assert_eq!(reply.status, 501);
    }
}
