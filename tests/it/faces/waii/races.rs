//! Sections 4.3 and 4.7: what several do at the same moment.

use serde_json::json;

use super::world;
use crate::on_both;
use crate::support::App;

on_both! {
    async fn of_twelve_who_make_one_id_one_does(app: App) {
        let ada = world(&app).await;
        let admin = app.admin();
        let bob = app.key_of("bob").await;
        for (caller, name, body) in [
            (&admin, "create-org", json!({"organization": {"id": "new", "name": "N"}})),
            (&ada, "create-tenant", json!({"tenant": {"id": "new", "name": "N"}})),
            (&ada, "create-user", json!({"user": {"id": "new", "tenant_id": "berlin", "roles": ["waii-user"]}})),
            (&bob, "create-key", json!({"name": "new"})),
        ] {
            let running: Vec<_> = (0..12).map(|_| {
                let (router, request) = (app.router.clone(), caller.waii_request(name, &body));
                tokio::spawn(tower::ServiceExt::oneshot(router, request))
            }).collect();
            let mut statuses = Vec::new();
            for one in running {
                statuses.push(one.await.unwrap().unwrap().status().as_u16());
            }
            statuses.sort_unstable();
            assert_eq!(statuses, [vec![200], vec![409; 11]].concat(), "{name}");
        }
    }

    async fn updates_of_a_configuration_at_one_moment_all_survive(app: App) {
        world(&app).await;
        let bob = app.key_of("bob").await;
        let requests = (0..12).map(|n| {
            // In opposite orders, so that two of them could wait for each other.
            let mut keys = vec![format!("own{n}"), "one".to_owned(), "two".to_owned()];
            if n % 2 == 0 { keys.reverse(); }
            let updated: serde_json::Map<_, _> = keys.into_iter().map(|key| (key, json!(n))).collect();
            bob.waii_request("update-config", &json!({"updated": updated, "deleted": [format!("absent{n}")]}))
        });
        for answer in app.at_once(requests).await {
            assert!(answer["configs"].is_object(), "{answer}");
        }
        let all = bob.waii("update-config", json!({})).await["configs"].clone();
        assert_eq!(all.as_object().unwrap().len(), 14);
        assert!((0..12).all(|n| all[format!("own{n}")] == json!(n)));
    }

    /// A tenant is not deleted under a user who is being made in it, nor an organization under a tenant.
    async fn nothing_is_deleted_under_what_is_made_in_it(app: App) {
        world(&app).await;
        let admin = app.admin();
        for round in 0..6 {
            let (organization, tenant) = (format!("o{round}"), format!("t{round}"));
            admin.waii("create-org", json!({"organization": {"id": organization, "name": "O"}})).await;
            admin.waii("create-tenant", json!({"tenant": {"id": tenant, "name": "T", "org_id": organization}})).await;
            let answers = app.at_once([
                admin.waii_request("create-user", &json!({"user": {"id": format!("a{round}"), "tenant_id": tenant}})),
                admin.waii_request("delete-tenant", &json!({"id": tenant})),
                admin.waii_request("create-user", &json!({"user": {"id": format!("b{round}"), "tenant_id": tenant}})),
                admin.waii_request("delete-org", &json!({"id": organization})),
            ]).await;
            assert!(answers.iter().all(|answer| *answer == json!({}) || answer["detail"].is_string()), "{answers:?}");
            let users = admin.waii_users(json!({"lookup_org_id": organization})).await.len();
            let made = [0, 2].into_iter().filter(|at| answers[*at] == json!({})).count();
            assert_eq!(users, made, "{answers:?}");
            assert_eq!(answers[1] == json!({}), made == 0, "{answers:?}");
        }
    }
}
