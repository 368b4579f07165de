//! The groups under users are those that the list of groups has for each user, in every order and window: whether the
//! server reads each group once, or, where there are very many memberships, each user's page by itself.

use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;

use crate::on_both;
use crate::support::App;

const USERS: u32 = 12;

/// So many groups, of which every user is in all but some.
async fn join(app: &App, groups: u32) {
    let numbers = |count: u32| match app.services.db.backend() {
        DbBackend::Postgres => format!("SELECT i FROM generate_series(1, {count}) n(i)"),
        _ => {
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n")
        }
    };
    let acme = "(SELECT pk FROM organizations WHERE id = 'acme')";
    let change = app.services.db.begin().await.unwrap();
    for statement in [
        format!(
            "INSERT INTO groups (id, organization_pk, key, name, sort_name, version, created_at, updated_at)
             SELECT 'g-' || i, {acme}, 'G_' || i, 'g ' || (i * 7 % 10), 'g ' || (i * 7 % 10), 1, i, i * 104729 % 1000 FROM ({}) numbers",
            numbers(groups)
        ),
        format!(
            "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at)
             SELECT g.pk, u.pk, {acme}, 0 FROM groups g JOIN users u ON u.organization_pk = {acme} WHERE (g.pk + u.pk) % 5 > 0"
        ),
    ] {
        change.execute_unprepared(&statement).await.unwrap();
    }
    change.commit().await.unwrap();
}

async fn compare(app: &App) {
    let admin = app.admin();
    for order in [
        "CREATED_AT_ASC",
        "CREATED_AT_DESC",
        "UPDATED_AT_DESC",
        "NAME_ASC",
        "NAME_DESC",
        "ID_ASC",
    ] {
        for (first, skip, filter) in [
            (100, 0, json!({})),
            (7, 3, json!({"nameContains": "1"})),
            (2, 90, json!({"NOT": {"name": "g 3"}})),
        ] {
            let variables = json!({"first": first, "skip": skip, "where": filter});
            let arguments = format!("orderBy: {order}, first: $first, skip: $skip");
            let document = format!(
                "query($first: PageSize!, $skip: Int!, $where: GroupWhere) {{
                    users(where: {{organization: {{id: \"acme\"}}}}) {{ id groups({arguments}, where: $where) {{ id name }} }} }}"
            );
            let users = admin.ok(&document, variables).await["users"].clone();
            assert_eq!(users.as_array().unwrap().len(), USERS as usize);
            let mut some = 0;
            for user in users.as_array().unwrap() {
                let alone = format!(
                    "query($first: PageSize!, $skip: Int!, $where: GroupWhere) {{ groups({arguments}, where: $where) {{ id name }} }}"
                );
                let of_user = json!({"AND": [filter, {"user": {"id": user["id"]}}]});
                let expected = admin
                    .ok(&alone, json!({"first": first, "skip": skip, "where": of_user}))
                    .await;
                assert_eq!(
                    user["groups"], expected["groups"],
                    "{order} {first} {skip} {}",
                    user["id"]
                );
                some += user["groups"].as_array().unwrap().len();
            }
            assert!(some > 0 || skip > 0);
        }
    }
}

on_both! {
    async fn few_memberships(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", USERS).await;
        join(&app, 25).await;
        compare(&app).await;
    }

    async fn very_many_memberships(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", USERS).await;
        join(&app, 230).await;
        compare(&app).await;
    }
}
