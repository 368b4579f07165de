//! Users: making, changing, moving, deactivating and deleting them.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry::directory::role::OrganizationRole;
use tenantry::directory::user::{self, Target, UserChange};

use crate::on_both;
use crate::support::documents::{
    ACTIVATE_USER, CREATE_API_KEY, CREATE_ORGANIZATION, CREATE_USER, DEACTIVATE_USER, DELETE_USER, UPDATE_ORGANIZATION,
    UPDATE_USER, change, counted, outcomes,
};
use crate::support::{App, START};

on_both! {
    async fn every_input_of_a_new_user_is_kept(app: App) {
        app.organization("acme", &["berlin"]).await;
        let made = app.admin().create_user(json!({
            "id": "ada 1", "email": "Ada@Acme.Example", "password": "a long enough one", "name": "Ada L.",
            "firstname": "Ada", "lastname": "Lovelace", "organizationId": "acme", "tenantId": "berlin",
            "organizationRole": "REVIEWER", "roles": ["api-user", "01900000-0000-7000-8000-000000000001"],
            "activated": false, "variables": {"b": 1, "a": [null]},
        })).await;
        assert_eq!(made, json!({
            "id": "ada 1", "email": "ada@acme.example", "name": "Ada L.", "firstname": "Ada", "lastname": "Lovelace",
            "activated": false, "organizationId": "acme", "tenantId": "berlin", "organizationRole": "REVIEWER",
            "roles": [{"name": "api-user"}, {"name": "reviewer"}, {"name": "trial-user"}],
            "variables": {"b": 1, "a": [null]}, "version": 1, "createdAt": START, "updatedAt": START,
        }));
        assert_eq!(app.admin().read_user("ada 1").await, made);
    }

    async fn what_is_not_given_has_a_default(app: App) {
        app.organization("acme", &["berlin"]).await;
        let nothing = json!({"id": null, "password": null, "name": null, "firstname": null, "lastname": null,
            "organizationId": null, "tenantId": null, "organizationRole": null, "roles": null, "activated": null, "variables": null});
        let mut data = nothing.clone();
        data["email"] = json!("ada@acme.example");
        let made = app.admin().create_user(data).await;
        assert!(uuid::Uuid::parse_str(made["id"].as_str().unwrap()).is_ok(), "{made}");
        let mut expected = json!({
            "email": "ada@acme.example", "name": "ada@acme.example", "firstname": null, "lastname": null, "activated": true,
            // The super admin's own organization and tenant.
            "organizationId": "platform", "tenantId": "platform", "organizationRole": null, "roles": [],
            "variables": null, "version": 1, "createdAt": START, "updatedAt": START,
        });
        expected["id"] = made["id"].clone();
        assert_eq!(made, expected);
        // In another organization there is no tenant of the caller's.
        let elsewhere = app.admin().create_user(json!({"id": "bob", "organizationId": "acme"})).await;
        assert_eq!((&elsewhere["organizationId"], &elsewhere["tenantId"]), (&json!("acme"), &Value::Null));
        assert_eq!(elsewhere["email"], Value::Null);
        // Neither of the two names a user can have.
        assert_eq!(app.admin().refused(CREATE_USER, json!({"data": nothing})).await, "INVALID");
    }

    async fn a_user_goes_where_the_caller_may_put_it(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.organization("globex", &["springfield"]).await;
        app.admin().create_user(json!({"id": "chief", "organizationId": "acme", "tenantId": "berlin", "roles": ["organization-admin"]})).await;
        let chief = app.key_of("chief").await;
        assert_eq!(chief.create_user(json!({"id": "u1"})).await["tenantId"], "berlin");
        assert_eq!(chief.create_user(json!({"id": "u2", "organizationId": "acme"})).await["tenantId"], "berlin");
        for (data, code) in [
            (json!({"id": "u3", "organizationId": "globex"}), "NOT_FOUND"),
            (json!({"id": "u3", "organizationId": "nowhere"}), "NOT_FOUND"),
            (json!({"id": "u3", "tenantId": "springfield"}), "NOT_FOUND"),
            (json!({"id": "u3", "tenantId": "nowhere"}), "NOT_FOUND"),
            (json!({"id": "u3", "roles": ["no such role"]}), "INVALID"),
            (json!({"id": "u3", "roles": ["super-admin"]}), "FORBIDDEN"),
        ] {
            assert_eq!(chief.refused(CREATE_USER, json!({"data": data})).await, code, "{data}");
        }
        // A tenant of another organization than the one named: who reaches both is told what is wrong.
        let crossed = json!({"data": {"id": "u3", "organizationId": "acme", "tenantId": "springfield"}});
        let refusal = app.admin().refusal(CREATE_USER, crossed.clone()).await;
        assert_eq!(refusal["message"], "The tenant 'springfield' does not belong to the organization 'acme'.");
        assert_eq!(app.admin().refused(CREATE_USER, crossed).await, "INVALID");
        // The tenant alone says which organization it is.
        let placed = app.admin().create_user(json!({"id": "u3", "tenantId": "springfield"})).await;
        assert_eq!((&placed["organizationId"], &placed["tenantId"]), (&json!("globex"), &json!("springfield")));
    }

    async fn an_address_has_one_form(app: App) {
        let long_local = "a".repeat(64);
        let domain = |length: usize| {
            let mut domain = String::new();
            while domain.len() + 51 < length { domain.push_str(&"d".repeat(49)); domain.push('.'); }
            let rest = length - domain.len();
            domain.push_str(&"e".repeat(rest));
            domain
        };
        let longest = format!("{long_local}@{}", domain(254 - 65));
        assert_eq!(longest.len(), 254);
        for (given, stored) in [
            ("Ada.B+C@Example.COM", "ada.b+c@example.com"),
            ("  blank@example.com ", "blank@example.com"),
            ("a@bücher.example", "a@xn--bcher-kva.example"),
            ("b@BÜCHER.example", "b@xn--bcher-kva.example"),
            ("o'neil_%@example.com", "o'neil_%@example.com"),
            (longest.as_str(), longest.as_str()),
        ] {
            let made = app.admin().create_user(json!({"email": given})).await;
            assert_eq!(made["email"], stored);
            // It is found, and taken, in whatever form it is written.
            let found = app.admin().ok("query($e: String) { users(where: {email: $e}) { id } }", json!({"e": given})).await;
            assert_eq!(found["users"], json!([{"id": made["id"]}]), "{given}");
            let again = json!({"data": {"email": given.to_uppercase()}});
            assert_eq!(app.admin().code(CREATE_USER, again).await, "CONFLICT", "{given}");
        }
        let too_long = format!("{long_local}@{}", domain(255 - 65));
        for given in [
            "", " ", "ada", "@example.com", "ada@", "ada@@example.com", "a b@example.com", "ada@exa mple.com", "ä@example.com",
            "a..b@example.com", ".a@example.com", "Ada <ada@example.com>", "ada@[127.0.0.1]", "ada\u{0}@example.com",
            "ada@exam\u{0}ple.com", "ada@example.com\u{0}", "ada@example.com\nbcc: x@example.com", "ada@-example.com",
            "ada@example..com", "\"a b\"@example.com", too_long.as_str(),
        ] {
            let error = app.admin().refusal(CREATE_USER, json!({"data": {"email": given}})).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": "data.email"}), "{given:?}");
        }
    }

    async fn an_id_is_printable(app: App) {
        let longest = "x".repeat(255);
        for id in ["a", "a b", "%", "_", "~!@#$%^&*()'\"\\;--", "A", longest.as_str()] {
            assert_eq!(app.admin().create_user(json!({"id": id})).await["id"], id);
            assert_eq!(app.admin().read_user(id).await["id"], id);
        }
        let too_long = "x".repeat(256);
        for id in ["", " ", " a", "a ", "ä", "a\tb", "a\u{0}b", "a\u{7f}", too_long.as_str()] {
            let error = app.admin().refusal(CREATE_USER, json!({"data": {"id": id}})).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": "data.id"}), "{id:?}");
        }
        // Ids keep their case, unlike addresses.
        assert_eq!(app.admin().code(CREATE_USER, json!({"data": {"id": "A"}})).await, "CONFLICT");
    }

    async fn of_twelve_at_once_one_gets_the_name(app: App) {
        for (names, column, value) in [("id", "id", "twin"), ("email", "email", "twin@acme.example")] {
            let admin = app.admin();
            let requests = (0..12).map(|n| {
                let mut data = json!({"id": format!("{names} {n}"), "firstname": "Twin"});
                // Addresses are one whatever their case; ids are not.
                let shout = names == "email" && n % 2 == 0;
                data[names] = json!(if shout { value.to_uppercase() } else { value.to_owned() });
                admin.prepared(CREATE_USER, json!({ "data": data }))
            });
            let answers = app.at_once(requests).await;
            assert_eq!(outcomes(&answers), counted([("ok", 1), ("CONFLICT", 11)]), "{names}");
            assert_eq!(app.number(&format!("SELECT COUNT(*) FROM users WHERE {column} = '{value}'")).await, 1);
        }
        // Neither did the losers leave an event behind.
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events WHERE action = 'user.create'").await, 3);
    }

    async fn nobody_grants_more_than_they_hold(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        chief.create_user(json!({"id": "bob", "roles": ["user"]})).await;
        for data in [json!({"roles": ["super-admin"]}), json!({"roles": ["user", "super-admin"]})] {
            assert_eq!(chief.refused(UPDATE_USER, change("bob", data)).await, "FORBIDDEN");
        }
        assert_eq!(chief.update_user("bob", json!({"organizationRole": "ADMIN"})).await["roles"], json!([{"name": "organization-admin"}]));
        for (id, role) in [("manager", "team-manager"), ("plain", "user"), ("nothing", "")] {
            let caller = app.user("acme", id, (!role.is_empty()).then_some(role)).await;
            assert_eq!(caller.refused(CREATE_USER, json!({"data": {"id": "new"}})).await, "FORBIDDEN");
            for target in ["bob", id, "nobody"] {
                assert_eq!(caller.refused(UPDATE_USER, change(target, json!({"firstname": "X"}))).await, "FORBIDDEN");
                assert_eq!(caller.refused(DELETE_USER, json!({"id": target})).await, "FORBIDDEN");
            }
        }
    }

    async fn nobody_manages_who_may_more(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "root", Some("super-admin")).await;
        app.user("globex", "stranger", None).await;
        for (target, code) in [("root", "FORBIDDEN"), ("stranger", "NOT_FOUND"), ("nobody", "NOT_FOUND"), ("no\u{0}body", "NOT_FOUND")] {
            assert_eq!(chief.refused(UPDATE_USER, change(target, json!({"firstname": "X"}))).await, code);
            assert_eq!(chief.refused(UPDATE_USER, change(target, json!({}))).await, code);
            for document in [
                DEACTIVATE_USER, ACTIVATE_USER, DELETE_USER,
                "mutation($id: ID!) { resetPassword(where: {id: $id}) { id } }",
                "mutation($id: ID!) { updatePassword(where: {id: $id}, data: {oldPassword: \"password-of-root\",
                    newPassword1: \"another password\", newPassword2: \"another password\"}) { id } }",
            ] {
                assert_eq!(chief.refused(document, json!({"id": target})).await, code, "{document} {target}");
            }
        }
        // The words for what is elsewhere are those for what is nowhere.
        let words = async |id: &str| chief.refusal(UPDATE_USER, change(id, json!({}))).await["message"].as_str().unwrap().replace(id, "?");
        assert_eq!(words("stranger").await, words("nobody").await);
    }

    async fn nobody_takes_away_their_own_access(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let root = app.user("acme", "root", Some("super-admin")).await;
        for (caller, id) in [(&chief, "chief"), (&root, "root")] {
            for data in [json!({"activated": false}), json!({"roles": []}), json!({"roles": ["user"]}), json!({"organizationRole": "USER"})] {
                assert_eq!(caller.refused(UPDATE_USER, change(id, data.clone())).await, "INVALID", "{data}");
            }
            assert_eq!(caller.refused(DEACTIVATE_USER, json!({"id": id})).await, "INVALID");
            assert_eq!(caller.refused(DELETE_USER, json!({"id": id})).await, "INVALID");
            // What it shows already, and what takes nothing away, is no demotion.
            assert_eq!(caller.update_user(id, json!({"organizationRole": "ADMIN", "activated": true})).await["version"], 1);
            assert_eq!(caller.update_user(id, json!({"firstname": "Me"})).await["version"], 2);
        }
    }

    async fn the_last_super_admin_stays(app: App) {
        let machine = app.machine();
        let admin = Target::id("admin");
        let conflict = |refused: tenantry::model::error::Result<user::User>| {
            assert_eq!(refused.unwrap_err().code().into_str(), "CONFLICT");
        };
        let before = app.dump().await;
        conflict(user::delete(&machine, &admin, None).await);
        conflict(user::deactivate(&machine, &admin, None).await);
        let demoted = UserChange { organization_role: Some(OrganizationRole::User), ..UserChange::default() };
        conflict(user::update(&machine, &admin, demoted, None).await);
        let bare = UserChange { roles: Some(Vec::new()), ..UserChange::default() };
        conflict(user::update(&machine, &admin, bare, None).await);
        assert_eq!(before, app.dump().await);
        // A deactivated super admin is none to rely on.
        app.admin().create_user(json!({"id": "spare", "roles": ["super-admin"], "activated": false})).await;
        conflict(user::delete(&machine, &admin, None).await);
        app.admin().ok(ACTIVATE_USER, json!({"id": "spare"})).await;
        app.key_of("spare").await.ok(DELETE_USER, json!({"id": "admin"})).await;
        assert_eq!(app.admin().status().await, 401);
    }

    async fn of_two_who_remove_each_other_one_stays(app: App) {
        for round in 0..4 {
            let names = [format!("left{round}"), format!("right{round}")];
            for name in &names {
                app.user("platform", name, Some("super-admin")).await;
            }
            // Only these two are left.
            let (left, right) = (app.key_of(&names[0]).await, app.key_of(&names[1]).await);
            let others: Vec<String> = app
                .column("SELECT u.id FROM users u JOIN user_roles a ON a.user_pk = u.pk JOIN roles r ON r.pk = a.role_pk WHERE r.name = 'super-admin'")
                .await;
            for other in others.iter().filter(|other| !names.contains(other)) {
                let bare = UserChange { roles: Some(Vec::new()), ..UserChange::default() };
                user::update(&app.machine(), &Target::id(other), bare, None).await.unwrap();
            }
            let document = |target: &str| match round {
                0 => (UPDATE_USER, change(target, json!({"roles": ["user"]}))),
                1 => (UPDATE_USER, change(target, json!({"activated": false}))),
                2 => (DELETE_USER, json!({"id": target})),
                _ => (DEACTIVATE_USER, json!({"id": target})),
            };
            let (a, b) = (document(&names[1]), document(&names[0]));
            let answers = app.at_once([left.prepared(a.0, a.1), right.prepared(b.0, b.1)]).await;
            // The loser is told that it is the last, or was refused at the door already.
            assert_eq!(answers.iter().filter(|answer| answer.get("errors").is_none()).count(), 1, "{answers:?}");
            let remaining = "SELECT COUNT(*) FROM users u JOIN user_roles a ON a.user_pk = u.pk
                JOIN roles r ON r.pk = a.role_pk WHERE r.name = 'super-admin' AND u.activated";
            assert_eq!(app.number(remaining).await, 1);
            // For the next round, the configured admin is one again.
            let again = UserChange { roles: Some(vec!["super-admin".to_owned()]), ..UserChange::default() };
            user::update(&app.machine(), &Target::id("admin"), again, None).await.unwrap();
        }
    }

    async fn an_update_changes_what_it_names_and_nothing_else(app: App) {
        app.organization("acme", &["berlin", "munich"]).await;
        let data = json!({"id": "ada", "email": "ada@acme.example", "name": "A", "firstname": "Ada", "lastname": "L",
            "organizationId": "acme", "tenantId": "berlin", "roles": ["user", "api-user"], "variables": {"a": 1}});
        let mut expected = app.admin().create_user(data).await;
        // Null is not given, and what is so already is no change.
        for (n, same) in [
            json!({}),
            json!({"email": null, "name": null, "firstname": null, "lastname": null, "organizationId": null, "tenantId": null,
                "organizationRole": null, "roles": null, "activated": null, "variables": null}),
            json!({"email": "ADA@acme.example", "name": "A", "firstname": "Ada", "lastname": "L", "organizationId": "acme",
                "tenantId": "berlin", "organizationRole": "USER", "roles": ["api-user", "user", "user"], "activated": true, "variables": {"a": 1}}),
        ].into_iter().enumerate() {
            let before = app.dump().await;
            assert_eq!(app.admin().update_user("ada", same).await, expected, "case {n}");
            assert_eq!(before, app.dump().await, "case {n}");
        }
        for (field, value, shown) in [
            ("email", json!("Countess@acme.example"), json!("countess@acme.example")),
            ("name", json!("Countess"), json!("Countess")),
            ("firstname", json!("Augusta"), json!("Augusta")),
            ("lastname", json!("King"), json!("King")),
            ("tenantId", json!("munich"), json!("munich")),
            ("roles", json!(["reviewer"]), json!([{"name": "reviewer"}])),
            ("activated", json!(false), json!(false)),
            ("variables", json!({"z": [1, {"y": null}]}), json!({"z": [1, {"y": null}]})),
            // The empty text clears.
            ("firstname", json!(""), Value::Null),
            ("lastname", json!(""), Value::Null),
            ("tenantId", json!(""), Value::Null),
            ("name", json!(""), json!("countess@acme.example")),
        ] {
            app.services.clock.advance(Duration::from_secs(60));
            let changed = app.admin().update_user("ada", json!({ field: value })).await;
            expected[field] = shown;
            expected["version"] = json!(expected["version"].as_i64().unwrap() + 1);
            assert!(changed["updatedAt"].as_str() > expected["updatedAt"].as_str());
            expected["updatedAt"] = changed["updatedAt"].clone();
            if field == "roles" {
                expected["organizationRole"] = json!("REVIEWER");
            }
            assert_eq!(changed, expected, "{field}");
            assert_eq!(app.admin().read_user("ada").await, expected, "{field}");
        }
    }

    async fn a_target_must_be_named(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        for nobody in [json!({}), json!({"id": null, "email": null}), json!({"organization": {"id": "acme"}}), json!({"idIn": ["ada"]}), json!({"OR": [{"id": "ada"}]})] {
            let variables = json!({"where": nobody, "data": {"firstname": "X"}});
            assert_eq!(app.admin().refused(UPDATE_USER, variables).await, "INVALID", "{nobody}");
        }
        for (which, found) in [
            (json!({"email": "ADA@acme.example", "organization": {"id": null}}), true),
            (json!({"id": "ada", "email": "ada@acme.example"}), true),
            (json!({"id": "ada", "email": "admin@platform.invalid"}), false),
            (json!({"id": "ada", "organization": {"id": "platform"}}), false),
            (json!({"id": "ada", "activated": false}), false),
            (json!({"email": "no address"}), false),
        ] {
            let variables = json!({"where": which, "data": {"lastname": "X"}});
            let code = if found { app.admin().ok(UPDATE_USER, variables).await; "ok".to_owned() } else { app.admin().refused(UPDATE_USER, variables).await };
            assert_eq!(code, if found { "ok" } else { "NOT_FOUND" }, "{which}");
        }
    }

    async fn an_older_picture_is_no_ground_for_a_change(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let at = |version: i64, firstname: &str| json!({"where": {"id": "ada"}, "data": {"firstname": firstname}, "version": version});
        assert_eq!(app.admin().refused(UPDATE_USER, at(2, "A")).await, "CONFLICT");
        assert_eq!(app.admin().ok(UPDATE_USER, at(1, "A")).await["updatePropertiesInUser"]["version"], 2);
        assert_eq!(app.admin().refused(UPDATE_USER, at(1, "B")).await, "CONFLICT");
        let admin = app.admin();
        let answers = app.at_once((0..12).map(|n| admin.prepared(UPDATE_USER, at(2, &format!("racer {n}"))))).await;
        assert_eq!(outcomes(&answers), counted([("ok", 1), ("CONFLICT", 11)]));
        assert_eq!(app.admin().read_user("ada").await["version"], 3);
    }

    async fn updates_at_once_lose_nothing(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let admin = app.admin();
        let fields = ["name", "firstname", "lastname"];
        let answers = app.at_once((0..12).map(|n| admin.prepared(UPDATE_USER, change("ada", json!({fields[n % 3]: format!("{n}")}))))).await;
        assert_eq!(outcomes(&answers), counted([("ok", 12)]));
        let ada = app.admin().read_user("ada").await;
        assert_eq!(ada["version"], 13);
        assert!(fields.iter().all(|field| ada[field].is_string()));
        // The clock stood still, and yet every change moved it on.
        assert_eq!(app.number("SELECT updated_at - created_at FROM users WHERE id = 'ada'").await, 12);
    }

    async fn a_user_moves_between_tenants(app: App) {
        app.organization("acme", &["berlin", "munich"]).await;
        app.organization("globex", &["springfield"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        for tenant in ["berlin", "munich"] {
            assert_eq!(chief.update_user("ada", json!({"tenantId": tenant})).await["tenantId"], tenant);
        }
        for tenant in ["springfield", "nowhere", "\u{0}"] {
            assert_eq!(chief.refused(UPDATE_USER, change("ada", json!({"tenantId": tenant}))).await, "NOT_FOUND");
        }
        // Within the organization, keys stay.
        assert_eq!(ada.status().await, 200);
    }

    async fn a_user_moves_between_organizations(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.organization("globex", &["springfield"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        app.admin().update_user("ada", json!({"tenantId": "berlin"})).await;
        // A key that was rotated still works for a while, and ends with the others all the same.
        let rotated = ada.ok(CREATE_API_KEY, json!({"data": {"name": "rotated"}})).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
        ada.ok("mutation { rotateApiKey(where: {name: \"rotated\"}, overlapSeconds: 3600) { secret } }", json!({})).await;
        assert_eq!(app.key(&rotated).status().await, 200);

        assert_eq!(chief.refused(UPDATE_USER, change("ada", json!({"organizationId": "globex"}))).await, "NOT_FOUND");
        for (data, code) in [
            (json!({"organizationId": "nowhere"}), "NOT_FOUND"),
            (json!({"organizationId": "globex", "tenantId": "berlin"}), "INVALID"),
            (json!({"organizationId": "globex", "tenantId": "nowhere"}), "NOT_FOUND"),
            (json!({"tenantId": "springfield"}), "INVALID"),
        ] {
            assert_eq!(app.admin().refused(UPDATE_USER, change("ada", data)).await, code);
        }
        let moved = app.admin().update_user("ada", json!({"organizationId": "globex"})).await;
        assert_eq!((&moved["organizationId"], &moved["tenantId"], &moved["roles"]), (&json!("globex"), &Value::Null, &json!([{"name": "api-user"}])));
        assert_eq!((ada.status().await, app.key(&rotated).status().await), (401, 401));
        assert_eq!(app.number("SELECT COUNT(*) FROM api_keys k JOIN users u ON u.pk = k.user_pk WHERE u.id = 'ada' AND (k.revoked_at IS NULL OR k.version = 1)").await, 0);
        assert_eq!(chief.read_user("ada").await, Value::Null);
        let back = app.admin().update_user("ada", json!({"organizationId": "acme", "tenantId": "berlin"})).await;
        assert_eq!((&back["organizationId"], &back["tenantId"]), (&json!("acme"), &json!("berlin")));
        assert_eq!(app.key_of("ada").await.status().await, 200);
    }

    async fn seats_are_counted(app: App) {
        app.admin().ok(CREATE_ORGANIZATION, json!({"data": {"id": "small", "name": "Small", "seatLimit": 2}})).await;
        app.organization("acme", &[]).await;
        let admin = app.admin();
        let new = |id: &str| json!({"data": {"id": id, "organizationId": "small"}});
        admin.ok(CREATE_USER, new("a")).await;
        admin.ok(CREATE_USER, new("b")).await;
        assert_eq!(admin.refused(CREATE_USER, new("c")).await, "SEAT_LIMIT_REACHED");
        // Who is not activated takes no seat, and cannot be activated past the limit.
        admin.create_user(json!({"id": "d", "organizationId": "small", "activated": false})).await;
        assert_eq!(admin.refused(ACTIVATE_USER, json!({"id": "d"})).await, "SEAT_LIMIT_REACHED");
        assert_eq!(admin.refused(UPDATE_USER, change("d", json!({"activated": true}))).await, "SEAT_LIMIT_REACHED");
        // Moving in takes one as well, unless deactivated.
        admin.create_user(json!({"id": "e", "organizationId": "acme"})).await;
        assert_eq!(admin.refused(UPDATE_USER, change("e", json!({"organizationId": "small"}))).await, "SEAT_LIMIT_REACHED");
        admin.update_user("e", json!({"organizationId": "small", "activated": false})).await;
        // Other changes of those who sit need no seat.
        admin.update_user("a", json!({"firstname": "A", "activated": true})).await;
        admin.ok(DEACTIVATE_USER, json!({"id": "a"})).await;
        admin.ok(ACTIVATE_USER, json!({"id": "d"})).await;
        assert_eq!(admin.refused(ACTIVATE_USER, json!({"id": "a"})).await, "SEAT_LIMIT_REACHED");
        admin.ok(DELETE_USER, json!({"id": "d"})).await;
        admin.ok(ACTIVATE_USER, json!({"id": "a"})).await;
        // A limit below what there is ends nobody and refuses the next.
        admin.ok(UPDATE_ORGANIZATION, json!({"id": "small", "data": {"seatLimit": 1}})).await;
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE activated AND organization_pk = (SELECT pk FROM organizations WHERE id = 'small')").await, 2);
        assert_eq!(admin.refused(CREATE_USER, new("c")).await, "SEAT_LIMIT_REACHED");
        admin.ok(UPDATE_ORGANIZATION, json!({"id": "small", "data": {"seatLimit": 3}})).await;
        admin.ok(CREATE_USER, new("c")).await;
    }

    async fn twelve_at_once_fill_three_seats(app: App) {
        let sitting = "SELECT COUNT(*) FROM users WHERE activated AND organization_pk = (SELECT pk FROM organizations WHERE id = 'small')";
        app.admin().ok(CREATE_ORGANIZATION, json!({"data": {"id": "small", "name": "Small", "seatLimit": 3}})).await;
        app.organization("acme", &[]).await;
        let admin = app.admin();
        let answers = app.at_once((0..12).map(|n| admin.prepared(CREATE_USER, json!({"data": {"id": format!("u{n}"), "organizationId": "small"}})))).await;
        assert_eq!(outcomes(&answers), counted([("ok", 3), ("SEAT_LIMIT_REACHED", 9)]));
        assert_eq!(app.number(sitting).await, 3);
        // Creating, activating and moving in at once, for two seats more.
        for n in 0..4 {
            admin.create_user(json!({"id": format!("idle{n}"), "organizationId": "small", "activated": false})).await;
            admin.create_user(json!({"id": format!("mover{n}"), "organizationId": "acme"})).await;
        }
        admin.ok(UPDATE_ORGANIZATION, json!({"id": "small", "data": {"seatLimit": 5}})).await;
        let answers = app.at_once((0..12).map(|n| match n % 3 {
            0 => admin.prepared(CREATE_USER, json!({"data": {"id": format!("late{n}"), "organizationId": "small"}})),
            1 => admin.prepared(ACTIVATE_USER, json!({"id": format!("idle{}", n / 3)})),
            _ => admin.prepared(UPDATE_USER, change(&format!("mover{}", n / 3), json!({"organizationId": "small"}))),
        })).await;
        assert_eq!(outcomes(&answers), counted([("ok", 2), ("SEAT_LIMIT_REACHED", 10)]));
        assert_eq!(app.number(sitting).await, 5);
    }

    async fn a_deactivated_owners_key_is_refused_at_once(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        assert_eq!(ada.status().await, 200);
        for _ in 0..2 {
            app.admin().ok(DEACTIVATE_USER, json!({"id": "ada"})).await;
            assert_eq!(ada.status().await, 401);
            assert_eq!(app.admin().ok("{ countUsers(where: {id: \"ada\"}) users(where: {id: \"ada\", activated: false}) { id } }", json!({})).await,
                json!({"countUsers": 1, "users": [{"id": "ada"}]}));
            app.admin().ok(ACTIVATE_USER, json!({"id": "ada"})).await;
            assert_eq!(ada.status().await, 200);
        }
        // So is a role that was taken away.
        app.admin().update_user("ada", json!({"roles": ["organization-admin"]})).await;
        ada.ok("{ organizations { id } }", json!({})).await;
        app.admin().update_user("ada", json!({"roles": ["user"]})).await;
        assert_eq!(ada.code("{ organizations { id } }", json!({})).await, "FORBIDDEN");
        // Doing it again changes nothing.
        let before = app.dump().await;
        app.admin().ok(ACTIVATE_USER, json!({"id": "ada"})).await;
        assert_eq!(before, app.dump().await);
    }

    async fn an_id_made_again_inherits_nothing(app: App) {
        app.organization("acme", &["berlin"]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        app.admin().update_user("ada", json!({"tenantId": "berlin", "variables": {"a": 1}})).await;
        app.admin().ok("mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await;
        let token = super::password_reset::token_of(app.mails().last().unwrap());
        app.admin().ok(DELETE_USER, json!({"id": "ada"})).await;
        for table in ["api_keys", "user_roles", "password_tokens"] {
            assert_eq!(app.number(&format!("SELECT COUNT(*) FROM {table} WHERE user_pk NOT IN (SELECT pk FROM users)")).await, 0, "{table}");
        }
        assert_eq!(ada.status().await, 401);
        let again = app.admin().create_user(json!({"id": "ada", "email": "ada@acme.example", "organizationId": "acme"})).await;
        assert_eq!((&again["tenantId"], &again["roles"], &again["variables"], &again["version"]), (&Value::Null, &json!([]), &Value::Null, &json!(1)));
        assert_eq!(ada.status().await, 401);
        let complete = "mutation($t: String!) { completePasswordReset(token: $t, newPassword: \"a brand new one\") }";
        assert_eq!(app.anonymous().refused(complete, json!({"t": token})).await, "INVALID");
        let pks: Vec<i64> = app.column("SELECT target_pk FROM audit_events WHERE action = 'user.create' AND target_id = 'ada' ORDER BY pk").await;
        assert!(pks.len() == 2 && pks[0] != pks[1], "{pks:?}");
    }

    async fn a_name_to_show_is_always_there(app: App) {
        for (n, (name, first, last, email, shown)) in [
            (Some("Shown"), Some("First"), Some("Last"), true, "Shown"),
            (None, Some("First"), Some("Last"), true, "First Last"),
            (None, Some("First"), None, true, "First"),
            (None, None, Some("Last"), true, "Last"),
            (None, None, None, true, "u4@acme.example"),
            (None, None, None, false, "u5"),
            (Some(""), Some(" "), Some(""), false, "u6"),
            (None, Some(" spaced "), Some(" out "), false, "spaced   out"),
        ].into_iter().enumerate() {
            let id = format!("u{n}");
            let made = app.admin().create_user(json!({"id": id, "name": name, "firstname": first, "lastname": last,
                "email": email.then(|| format!("{id}@acme.example"))})).await;
            assert_eq!(made["name"], shown);
            // The filter and the order know it, too.
            let found = app.admin().ok("query($n: String) { users(where: {name: $n}) { id name } }", json!({"n": shown})).await;
            assert_eq!(found["users"], json!([{"id": id, "name": shown}]));
        }
    }
}
