//! Section 9: what a call costs.

use axum::http::Method;
use serde_json::{Value, json};

use super::{GROUPS, USERS, ask, asking, at, get, group_of, id_of, patch_of, post, user_of, world};
use crate::on_both;
use crate::support::{App, Caller};

/// How many statements a call sends, without those that look up its credential or note its use.
async fn statements(caller: &Caller<'_>, method: Method, path: &str, body: Option<&Value>) -> usize {
    let sent = tenantry::store::db::SENT.scope(Default::default(), async {
        let reply = ask(caller, method, path, &[], body).await;
        assert!(reply.status.is_success(), "{path}: {reply:?}");
        tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone())
    });
    let sent = sent.await;
    let others = sent
        .iter()
        .filter(|statement| !statement.sql.contains("k.digest") && !statement.sql.starts_with("UPDATE"));
    others.count()
}

on_both! {
    async fn statements_do_not_depend_on_sizes(app: App) {
        let (ada, _) = world(&app).await;
        app.crowd("acme", 1_100).await;
        let members = |count: u32| (1..=count).map(|n| json!({"value": format!("crowd-{n}")})).collect::<Vec<_>>();
        let large = post(&ada, GROUPS, group_of(json!({"displayName": "Large", "members": members(900)}))).await;
        let small = post(&ada, GROUPS, group_of(json!({"displayName": "Small", "members": members(3)}))).await;
        let list = async |count: &str| statements(&ada, Method::GET, &asking(USERS, &[("count", count)]), None).await;
        assert_eq!(list("1").await, list("1000").await);
        let bare = async |count: &str| statements(&ada, Method::GET, &asking(USERS, &[("count", count), ("excludedAttributes", "groups,roles")]), None).await;
        assert_eq!(bare("1000").await + 2, list("1000").await);
        let none = async |attributes: &str| statements(&ada, Method::GET, &asking(GROUPS, &[("attributes", attributes)]), None).await;
        assert!(none("displayName").await < none("members").await);
        let one = |op: &str| patch_of(json!([{"op": op, "path": "members", "value": [{"value": "ann"}]}]));
        for op in ["add", "remove"] {
            let cost = async |group: &Value| statements(&ada, Method::PATCH, &at(GROUPS, id_of(group)), Some(&one(op))).await;
            assert_eq!(cost(&large).await, cost(&small).await, "{op}");
        }
        let many = patch_of(json!([{"op": "add", "path": "members", "value": members(400)}]));
        let number = statements(&ada, Method::PATCH, &at(GROUPS, id_of(&small)), Some(&many)).await;
        assert!(number < 20, "{number}");
    }

    /// Seen elsewhere: groups of 3, 150 and 50,000. Only the named member changes, and it costs the same.
    async fn one_member_of_fifty_thousand_costs_what_one_of_ten_does(app: App) {
        let (ada, _) = world(&app).await;
        app.crowd("acme", 50_000).await;
        let mut costs = Vec::new();
        for size in [3, 10, 150, 50_000] {
            let group = post(&ada, GROUPS, group_of(json!({"displayName": format!("Of {size}")}))).await;
            let id = id_of(&group).to_owned();
            let fill = format!(
                "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at)
                 SELECT g.pk, u.pk, u.organization_pk, 1 FROM users u, groups g WHERE g.id = '{id}' AND u.id LIKE 'crowd-%' ORDER BY u.pk LIMIT {size}"
            );
            let change = app.services.db.begin().await.unwrap();
            sea_orm::ConnectionTrait::execute_unprepared(&change, &fill).await.unwrap();
            change.commit().await.unwrap();
            let number = async || app.number(&format!("SELECT COUNT(*) FROM group_members m JOIN groups g ON g.pk = m.group_pk WHERE g.id = '{id}'")).await;
            let path = at(GROUPS, &id);
            let mut cost = Vec::new();
            for (operation, change) in [
                (json!({"op": "add", "path": "members", "value": [{"value": "ann"}]}), 1),
                (json!({"op": "remove", "path": "members[value eq \"ann\"]"}), 0),
                (json!({"op": "Add", "path": "members", "value": [{"value": "ann"}]}), 1),
                (json!({"op": "Remove", "path": "members", "value": [{"value": "ann"}]}), 0),
                (json!({"op": "replace", "value": {"displayName": format!("Is {size}")}}), 0),
            ] {
                cost.push(statements(&ada, Method::PATCH, &path, Some(&patch_of(json!([operation])))).await);
                assert_eq!(number().await, size + change, "{operation}");
            }
            cost.push(statements(&ada, Method::GET, &asking(&path, &[("excludedAttributes", "members")]), None).await);
            cost.push(statements(&ada, Method::GET, &asking(GROUPS, &[("filter", "displayName eq \"of 3\""), ("excludedAttributes", "members")]), None).await);
            costs.push(cost);
        }
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
    }

    async fn an_answer_is_bounded(app: App) {
        let (ada, _) = world(&app).await;
        let long = "x".repeat(1_900);
        let entries: Vec<Value> = (0..25).map(|n| json!({"value": format!("{n}-{long}"), "type": "other"})).collect();
        let made = post(&ada, USERS, user_of(json!({"userName": "u", "phoneNumbers": entries}))).await;
        let copies = format!(
            "INSERT INTO users (id, sort_name, organization_pk, activated, password_temporary, version, created_at, updated_at, profile)
             SELECT 'copy-' || c.n, 'c', organization_pk, true, false, 1, 1, 1, profile
             FROM users, (SELECT a.pk * 1000 + b.pk AS n FROM permissions a, permissions b LIMIT 600) c WHERE id = '{}'",
            id_of(&made)
        );
        let change = app.services.db.begin().await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&change, &copies).await.unwrap();
        change.commit().await.unwrap();
        let reply = ask(&ada, Method::GET, &asking(USERS, &[("count", "1000")]), &[], None).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (413, &json!("413")), "{reply:?}");
        let few = get(&ada, &asking(USERS, &[("count", "100")])).await;
        assert_eq!(few["Resources"].as_array().unwrap().len(), 100);
        let names = get(&ada, &asking(USERS, &[("count", "1000"), ("attributes", "userName")])).await;
        assert_eq!(names["totalResults"], names["itemsPerPage"]);
    }
}
