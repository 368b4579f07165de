//! Lists are whole, however long, and in a fixed number of statements a stretch.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenantry::directory::user::NewUser;

use super::{ids, world};
use crate::on_both;
use crate::support::{App, Caller};

on_both! {
    async fn a_list_over_several_stretches_is_whole(app: App) {
        world(&app).await;
        let op = app.machine();
        for n in 0..1_200_u32 {
            let new = NewUser {
                id: Some(format!("many-{n}")),
                organization_id: Some("acme".to_owned()),
                tenant_id: Some(if n.is_multiple_of(2) { "berlin" } else { "munich" }.to_owned()),
                roles: vec!["user".to_owned()],
                ..NewUser::default()
            };
            tenantry::directory::user::create(&op, new).await.unwrap();
        }
        let admin = app.admin();
        let listed = admin.waii("list-users", json!({"lookup_org_id": "acme"})).await["users"].clone();
        let unique: BTreeSet<String> = ids(&listed).into_iter().collect();
        assert_eq!((listed.as_array().unwrap().len(), unique.len()), (1_202, 1_202));
        for user in listed.as_array().unwrap().iter().skip(2) {
            let n: usize = user["id"].as_str().unwrap().strip_prefix("many-").unwrap().parse().unwrap();
            assert_eq!(*user, json!({"id": format!("many-{n}"), "name": null, "tenant_id": if n.is_multiple_of(2) { "berlin" } else { "munich" },
                "org_id": "acme", "variables": null, "roles": ["waii-user"]}));
        }
        assert_eq!(admin.waii_users(json!({"lookup_org_id": "acme", "lookup_tenant_id": "munich"})).await.len(), 600);
        // Users, their roles, organizations and tenants: once a stretch of 500.
        for (lookups, stretches) in [(json!({"lookup_org_id": "globex"}), 1), (json!({"lookup_org_id": "acme"}), 3)] {
            assert_eq!(statements(&admin, "list-users", lookups).await, 4 * stretches);
        }
    }

    async fn calls_take_few_statements(app: App) {
        let ada = world(&app).await;
        for (name, body, number) in [
            ("update-db-connect-info", json!({}), 0),
            ("get-user-info", json!({}), 2),
            ("list-access-keys", json!({}), 1),
            ("list-orgs", json!({}), 1),
            ("list-tenants", json!({}), 2),
            ("update-config", json!({}), 1),
        ] {
            assert_eq!(statements(&ada, name, body).await, number, "{name}");
        }
    }
}

/// How many statements a call sends until its answer is read to the end, without those that look up its credential or
/// note its use.
async fn statements(caller: &Caller<'_>, name: &str, body: Value) -> usize {
    let request = caller.waii_request(name, &body);
    let sent = tenantry::store::db::SENT.scope(Default::default(), async {
        let reply = caller.app.send(request).await;
        assert_eq!(reply.status.as_u16(), 200, "{name}: {reply:?}");
        tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone())
    });
    let sent = sent.await;
    let of_call =
        |sql: &str| !sql.contains("k.digest") && !sql.contains("last_seen_at") && !sql.contains("last_used_at");
    sent.iter().filter(|statement| of_call(&statement.sql)).count()
}
