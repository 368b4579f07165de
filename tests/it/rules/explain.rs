//! The first page of every list, and its keyset continuation, come from an index in its order: no sort, no scan of the
//! whole. The very statements are explained that the server sends.

use axum::http::Method;
use sea_orm::sea_query::{ArrayType, PostgresQueryBuilder, QueryBuilder, Value};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use serde_json::json;
use tenantry::store::db::planned_once;

use super::statements::sent;
use crate::on_both;
use crate::support::{App, Backend};

const PER_ORGANIZATION: u32 = 3_000;

/// Documents in the lists' default order, and in others that an index serves.
pub const CASES: &[&str] = &[
    "{ users(first: 50) { id name email } }",
    "{ users(first: 50, orderBy: CREATED_AT_DESC) { id } }",
    "{ users(first: 50, orderBy: UPDATED_AT_ASC) { id } }",
    "{ users(first: 50, orderBy: NAME_ASC) { id name } }",
    "{ users(first: 50, orderBy: NAME_DESC) { id name } }",
    "{ users(first: 50, orderBy: EMAIL_ASC) { id email } }",
    "{ users(first: 50, orderBy: USER_NAME_ASC) { id userName } }",
    "{ users(first: 50, orderBy: ID_ASC) { id email } }",
    "{ users(first: 50, where: {organization: {id: \"acme\"}}) { id } }",
    "{ users(first: 50, where: {lastSeenBefore: \"2026-01-01T00:00:00Z\"}) { id } }",
    "{ users(first: 50, where: {emailVerified: false}) { id } }",
    "{ usersConnection(first: 50) { nodes { id name } } }",
    "{ usersConnection(last: 50) { nodes { id name } } }",
    "{ tenants(first: 50) { id name } }",
    "{ tenants(first: 50, orderBy: NAME_ASC) { id name } }",
    "{ tenants(first: 50, orderBy: ID_DESC) { id name } }",
    "{ tenantsConnection(first: 50) { nodes { id } } }",
    "{ organizations(first: 50) { id name } }",
    "{ organizations(first: 50, orderBy: NAME_ASC) { id name } }",
    "{ organizationsConnection(first: 50) { nodes { id } } }",
    "{ apiKeys(first: 50) { id name } }",
    "{ apiKeysConnection(first: 50) { nodes { id } } }",
    "{ apiKeys(first: 50, where: {user: {id: \"acme-1\"}}) { id name } }",
    "{ groups(first: 50) { id name } }",
    "{ groups(first: 50, orderBy: NAME_ASC) { id name } }",
    "{ groups(first: 50, orderBy: UPDATED_AT_DESC) { id name } }",
    "{ groupsConnection(first: 50) { nodes { id } } }",
    "{ roles(first: 50) { id name } }",
    "{ rolesConnection(first: 50) { nodes { id } } }",
    "{ invitations(first: 50) { id email } }",
    "{ invitations(first: 50, orderBy: EMAIL_ASC) { id email } }",
    "{ invitationsConnection(first: 50) { nodes { id } } }",
    "{ sessions(first: 50) { id } }",
    "{ sessionsConnection(first: 50) { nodes { id } } }",
    "{ sessions(first: 50, where: {user: {id: \"acme-1\"}}) { id } }",
    "{ auditEvents(first: 50) { id action } }",
    "{ auditEvents(first: 50, orderBy: POSITION_DESC) { id action } }",
    "{ auditEvents(first: 50, orderBy: CREATED_AT_ASC) { id action } }",
    "{ auditEvents(first: 50, orderBy: CREATED_AT_DESC) { id action } }",
    "{ auditEventsConnection(first: 50, orderBy: CREATED_AT_DESC) { nodes { id } } }",
    "{ auditEventsConnection(last: 50, orderBy: CREATED_AT_DESC) { nodes { id } } }",
    "{ auditEventsConnection(first: 50) { nodes { id } } }",
];

/// Lists that two indexes serve together, so that what they find is sorted; and why there is never much of it.
const SORTED: &[(&str, &str)] = &[
    (
        "sessions",
        "those of one user, and those in which it impersonates somebody",
    ),
    ("roles", "the built-in ones, and those that one organization made"),
];

/// One left out counts as ten rows, and would be taken before all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_index_of_an_organization_has_statistics_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let untold = Statement::from_string(
        DbBackend::Sqlite,
        "
        SELECT list.name FROM sqlite_schema t, pragma_index_list(t.name) list, pragma_index_info(list.name) info
        WHERE t.type = 'table' AND info.seqno = 0 AND info.name = 'organization_pk'
          AND CASE list.origin WHEN 'pk' THEN t.name ELSE list.name END NOT IN (SELECT idx FROM sqlite_stat1)",
    );
    let rows = app.services.db.reader().query_all_raw(untold).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    assert!(names.is_empty(), "{names:?}");
    let unknown = Statement::from_string(
        DbBackend::Sqlite,
        "SELECT idx FROM sqlite_stat1 WHERE idx <> tbl AND idx NOT IN (SELECT name FROM sqlite_schema WHERE type = 'index')",
    );
    assert!(
        app.services
            .db
            .reader()
            .query_all_raw(unknown)
            .await
            .unwrap()
            .is_empty()
    );
}

on_both! {
    async fn first_pages_come_from_an_index(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        fill(&app).await;
        for (name, caller) in [("organization admin", &ann), ("super admin", &app.admin())] {
            let keyset = first_cursor(caller, "usersConnection").await;
            let continued = format!("{{ usersConnection(first: 50, after: \"{keyset}\") {{ nodes {{ id }} }} }}");
            for document in CASES.iter().copied().chain([continued.as_str()]) {
                // Behind a cursor the connection also asks whether there is something before it: one row, any row.
                let statements = sent(caller, document).await;
                let statement = statements.first().unwrap();
                let plan = explain(&app, statement).await;
                // The caller's own organization is one row, found by its key.
                let one = statement.sql.contains("\"organizations\".\"pk\" = ");
                for word in if one || sorted(document) { &[] } else { sorts(app.services.db.backend()) } {
                    assert!(!plan.contains(word), "{document} as {name}: {word}\n{}\n{plan}", statement.sql);
                }
                let whole = scanned(statement, &plan);
                assert_eq!(whole, None, "{document} as {name}\n{}\n{plan}", statement.sql);
            }
        }
    }

    /// Who sees one tenant reads its pages from an index that begins with it, whatever the size of the organization.
    async fn a_tenants_pages_come_from_its_own_index(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        app.user("acme", "ann", None).await;
        let tia = app.user("acme", "tia", None).await;
        fill(&app).await;
        let assign = "mutation { assignRole(where: {id: \"tia\"}, role: \"organization-admin\", tenant: \"acme-1\") { id } }";
        app.admin().ok(assign, json!({})).await;
        let backend = app.services.db.backend();
        for (document, index) in [
            ("{ users(first: 50) { id } }", "users_tenant"),
            ("{ users(first: 50, orderBy: CREATED_AT_DESC) { id } }", "users_tenant"),
            ("{ usersConnection(first: 50) { nodes { id } } }", "users_tenant"),
            ("{ usersConnection(last: 50) { nodes { id } } }", "users_tenant"),
            ("{ countUsers }", "users_tenant"),
            ("{ invitations(first: 50) { id } }", "invitations_tenant"),
            ("{ auditEvents(first: 50) { id } }", "audit_events_tenant_position"),
            ("{ auditEventsConnection(first: 50) { nodes { id } } }", "audit_events_tenant_position"),
            ("{ auditEvents(first: 50, orderBy: CREATED_AT_ASC) { id } }", "audit_events_tenant_created"),
            ("{ auditEvents(first: 50, orderBy: CREATED_AT_DESC) { id } }", "audit_events_tenant_created"),
        ] {
            let statements = sent(&tia, document).await;
            let plan = explain(&app, statements.first().unwrap()).await;
            assert!(plan.contains(index), "{document}\n{}\n{plan}", statements[0].sql);
            for word in sorts(backend) {
                assert!(!plan.contains(word), "{document}: {word}\n{}\n{plan}", statements[0].sql);
            }
        }
        for document in CASES.iter().filter(|document| ["{ users", "{ tenants", "{ invitations", "{ auditEvents"].iter().any(|list| document.starts_with(list))) {
            let statements = sent(&tia, document).await;
            let plan = explain(&app, statements.first().unwrap()).await;
            let whole = scanned(&statements[0], &plan);
            assert_eq!(whole, None, "{document}\n{}\n{plan}", statements[0].sql);
        }
        // Who has a role for a tenant from outside is looked up by the tenant.
        let statements = sent(&tia, "{ outsiders(tenant: \"acme-1\") { id } }").await;
        let statement = statements.iter().find(|statement| statement.sql.contains("user_roles")).unwrap();
        let plan = explain(&app, statement).await;
        assert!(plan.contains("user_roles_tenant"), "{}\n{plan}", statement.sql);
    }

    /// A page of a tenant with most of an organization's rows is read in the list's order, not sorted.
    async fn a_large_tenants_page_is_read_in_order(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let tia = app.user("acme", "tia", None).await;
        fill(&app).await;
        enlarge(&app, "acme-1").await;
        let assign = "mutation { assignRole(where: {id: \"tia\"}, role: \"organization-admin\", tenant: \"acme-1\") { id } }";
        app.admin().ok(assign, json!({})).await;
        let backend = app.services.db.backend();
        let of_the_tenant = "where: {tenant: {id: \"acme-1\"}}, ";
        let cases = [
            ("users(FILTER first: 50) { id }", true),
            ("users(FILTER first: 50, skip: 500) { id }", true),
            ("usersConnection(FILTER last: 50) { nodes { id } }", true),
            ("invitations(FILTER first: 50) { id }", true),
            ("auditEvents(first: 50) { id }", false),
        ];
        for (list, has_filter) in cases {
            let by_filter = has_filter.then(|| (&ann, list.replace("FILTER ", of_the_tenant)));
            for (caller, list) in by_filter.into_iter().chain([(&tia, list.replace("FILTER ", ""))]) {
                let statements = sent(caller, &format!("{{ {list} }}")).await;
                let statement = statements.last().unwrap();
                let plan = explain(&app, statement).await;
                for word in sorts(backend) {
                    assert!(!plan.contains(word), "{list}: {word}\n{}\n{plan}", statement.sql);
                }
            }
        }
    }

    /// A page of the members of a large group is read in the order of the list, and not all of them are sorted.
    async fn a_large_groups_members_are_read_in_order(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        fill(&app).await;
        enlarge(&app, "acme-1").await;
        let change = app.services.db.begin().await.unwrap();
        let join = "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at)
            SELECT g.pk, u.pk, u.organization_pk, 0 FROM users u JOIN groups g ON g.id = 'acme-5' WHERE u.id LIKE 'more-%'";
        change.execute_unprepared(join).await.unwrap();
        if app.services.db.backend() == DbBackend::Postgres {
            change.execute_unprepared("ANALYZE").await.unwrap();
        }
        change.commit().await.unwrap();
        let (backend, admin) = (app.services.db.backend(), app.admin());
        let members = "{ users(where: {group: {id: \"acme-5\"}}, first: 3) { id } countUsers(where: {group: {id: \"acme-5\"}}) }";
        let first = json!([{"id": "acme-5"}, {"id": "more-1"}, {"id": "more-2"}]);
        assert_eq!(ann.ok(members, json!({})).await, json!({"users": first, "countUsers": 20_001}));
        for caller in [&ann, &admin] {
            for list in [
                "users(FILTER, first: 50) { id }",
                "users(FILTER, first: 50, skip: 60) { id }",
                "users(FILTER, first: 50, orderBy: NAME_DESC) { id }",
                "usersConnection(FILTER, last: 50) { nodes { id } }",
            ] {
                let list = list.replace("FILTER", "where: {group: {id: \"acme-5\"}}");
                let statements = sent(caller, &format!("{{ {list} }}")).await;
                let statement = statements.last().unwrap();
                let plan = explain(&app, statement).await;
                assert!(plan.contains("group_members"), "{plan}");
                for word in sorts(backend) {
                    assert!(!plan.contains(word), "{list}: {word}\n{}\n{plan}", statement.sql);
                }
                assert_eq!(scanned(statement, &plan), None, "{list}\n{}\n{plan}", statement.sql);
            }
        }
    }

    // In the list's order the database might walk all of an organization for them.
    async fn what_a_filter_names_is_looked_up(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        fill(&app).await;
        let within_one = NARROW.iter().chain(NARROW_IN_ONE).map(|case| (&ann, case));
        let admin = app.admin();
        let in_all = if app.services.db.backend() == DbBackend::Sqlite { NARROW_IN_ALL } else { &[] };
        let cases = within_one.chain(NARROW.iter().chain(in_all).map(|case| (&admin, case)));
        for (caller, (list, by)) in cases {
            let statements = sent(caller, &format!("{{ {list} }}")).await;
            let statement = statements.last().unwrap();
            let plan = explain(&app, statement).await;
            let table = list.split('(').next().unwrap().replace("auditEvents", "audit_events");
            let lines: Vec<&str> = plan.lines().collect();
            let looked_up = match app.services.db.backend() {
                DbBackend::Postgres => {
                    lines.windows(2).any(|of| {
                        of[0].contains(&format!(" on {table}")) && of[1].contains("Index Cond: ") && of[1].contains(&format!("({by}"))
                    })
                }
                _ => lines.iter().any(|line| {
                    let of_it = line.starts_with(&format!("SEARCH {table} USING "));
                    of_it && (line.contains(&format!("{by}=?")) || *by == "pk" && line.contains("rowid=?"))
                }),
            };
            assert!(looked_up, "{list}\n{}\n{plan}", statement.sql);
            assert!(!plan.contains(&format!("SCAN {table}")), "{list}\n{}\n{plan}", statement.sql);
        }
        // Of roles everybody sees the built-in ones too.
        if app.services.db.backend() == DbBackend::Sqlite {
            for order in ["", "(orderBy: UPDATED_AT_ASC)", "(orderBy: NAME_ASC)"] {
                let plan = explain(&app, sent(&ann, &format!("{{ roles{order} {{ id }} }}")).await.first().unwrap()).await;
                assert!(!plan.contains("SCAN roles"), "{order}\n{plan}");
            }
        }
    }

    /// What identity providers match by, on every page and in every count.
    async fn what_identity_providers_match_by_is_looked_up(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        fill(&app).await;
        for (endpoint, filter, by) in [
            ("Users", "id eq \"acme-77\"", "id"),
            ("Users", "userName eq \"U-77@ACME.example\" and active eq true", "sort_user_name"),
            ("Users", "userName sw \"U-77@\"", "sort_user_name"),
            ("Users", "externalId eq \"e-77\" and title ne \"x\"", "external_id"),
            ("Users", "emails[type eq \"work\"].value eq \"U-77@acme.example\"", "pk"),
            ("Users", "groups eq \"acme-77\"", "pk"),
            ("Groups", "id eq \"acme-77\" and members eq \"acme-77\"", "id"),
            ("Groups", "displayName eq \"G 77\"", "name_key"),
            ("Groups", "displayName sw \"G 77\"", "name_key"),
            ("Groups", "externalId eq \"e-77\"", "external_id"),
        ] {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("filter", filter);
            let path = format!("/scim/v2/{endpoint}?{}", query.finish());
            let statements = tenantry::store::db::SENT.scope(Default::default(), async {
                let reply = ann.rest(Method::GET, &path, None).await;
                assert!(reply.status.is_success(), "{filter}: {reply:?}");
                tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone())
            });
            let table = endpoint.to_lowercase();
            let is_list = |statement: &Statement| statement.sql.contains(&format!("FROM \"{table}\" WHERE"));
            let statements: Vec<Statement> = statements.await.into_iter().filter(is_list).collect();
            assert!(statements.len() >= 2, "{filter}");
            for statement in statements {
                let plan = explain(&app, &statement).await;
                let lines: Vec<&str> = plan.lines().collect();
                let looked_up = match app.services.db.backend() {
                    DbBackend::Postgres => lines.windows(2).any(|of| {
                        of[0].contains(&format!(" on {table}")) && of[1].contains("Index Cond: ") && of[1].contains(by)
                    }),
                    _ => lines.iter().any(|line| {
                        let of_it = line.starts_with(&format!("SEARCH {table} USING "));
                        let found = ["=?", ">?"].iter().any(|how| line.contains(&format!("{by}{how}")));
                        of_it && (found || by == "pk" && line.contains("rowid=?"))
                    }),
                };
                assert!(looked_up, "{filter}\n{}\n{plan}", statement.sql);
            }
        }
    }

    /// Few users with a word are looked up by the table of words. Of several words it is the rarest.
    async fn whom_a_search_finds_is_looked_up(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        fill(&app).await;
        let (by_word, from_it) = match app.services.db.backend() {
            DbBackend::Postgres => ("user_words_pkey", "ProjectSet"),
            _ => ("SEARCH user_words USING PRIMARY KEY (organization_pk=? AND word>? AND word<?)", "SEARCH users USING INTEGER PRIMARY KEY (rowid=?)"),
        };
        for caller in [&ann, &app.admin()] {
            for list in ["users(first: 50, orderBy: NAME_ASC, where: {text: \"last w123\"})", "countUsers(where: {text: \"w123 last\"})", "users(where: {text: \"w123\", organization: {id: \"acme\"}})"] {
                let select = if list.starts_with("count") { "" } else { " { id name }" };
                let statements = sent(caller, &format!("{{ {list}{select} }}")).await;
                assert_eq!(statements.len(), 2, "{list}");
                for statement in &statements {
                    let plan = explain(&app, statement).await;
                    assert!(plan.contains(by_word), "{list}\n{}\n{plan}", statement.sql);
                }
                let plan = explain(&app, &statements[1]).await;
                let counts_on_postgres = list.starts_with("count") && app.services.db.backend() == DbBackend::Postgres;
                assert!(plan.contains(from_it) || counts_on_postgres, "{list}\n{}\n{plan}", statements[1].sql);
            }
        }
        // Those whom many users share a word with are looked for among these, in the list's order.
        if app.services.db.backend() == DbBackend::Postgres {
            for list in ["users(first: 50, orderBy: NAME_ASC, where: {text: \"la\"}) { id name }", "usersConnection(first: 50, orderBy: NAME_ASC, where: {text: \"la\"}) { nodes { id } }"] {
                let statements = sent(&ann, &format!("{{ {list} }}")).await;
                let plan = explain(&app, &statements[1]).await;
                assert!(plan.contains("hashed SubPlan") && plan.contains(" using users_organization_name on users"), "{list}\n{}\n{plan}", statements[1].sql);
            }
        }
    }

    /// Few holders of a role are looked up. If there are many, the page is read in its order, and each of its users is tested.
    async fn who_has_a_role_is_looked_up(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        fill(&app).await;
        let give = "INSERT INTO {table} ({owner}, role_pk, organization_pk, created_at)
            SELECT o.pk, r.pk, o.organization_pk, 0 FROM {owners} o JOIN roles r ON r.id = 'acme-77' WHERE o.id IN ('acme-77', 'acme-78')";
        let change = app.services.db.begin().await.unwrap();
        for (table, owner, owners) in [("user_roles", "user_pk", "users"), ("group_roles", "group_pk", "groups")] {
            let give = give.replace("{table}", table).replace("{owner}", owner).replace("{owners}", owners);
            change.execute_unprepared(&give).await.unwrap();
        }
        // So many that PostgreSQL would not rather read all of them.
        let labelers = "INSERT INTO group_roles (group_pk, role_pk, organization_pk, created_at)
            SELECT g.pk, r.pk, g.organization_pk, 0 FROM groups g JOIN roles r ON r.name = 'labeler' AND r.organization_pk IS NULL";
        change.execute_unprepared(labelers).await.unwrap();
        let backend = app.services.db.backend();
        if backend == DbBackend::Postgres {
            change.execute_unprepared("ANALYZE").await.unwrap();
        }
        change.commit().await.unwrap();
        let whole = |table: &str| match backend {
            DbBackend::Postgres => format!("Seq Scan on {table}"),
            _ => format!("SCAN {table}\n"),
        };
        for caller in [&ann, &app.admin()] {
            for (filter, few) in [
                ("role: {id: \"acme-77\"}", true),
                ("role: {name: \"r 77\"}", true),
                ("role: {name: \"organization-admin\"}", true),
                ("permission: \"write:user\"", true),
                ("role: {name: \"reviewer\"}", false),
                ("permission: \"write:databases\"", false),
            ] {
                let document = format!("{{ users(first: 50, where: {{{filter}}}) {{ id }} }}");
                let statements = sent(caller, &document).await;
                assert_eq!(statements.len(), 3, "{statements:#?}");
                // That there are many, PostgreSQL finds out by reading the first of them.
                let counted = if few || backend == DbBackend::Sqlite { 1 } else { 2 };
                for statement in &statements[counted..] {
                    let plan = explain(&app, statement).await;
                    for table in ["users", "user_roles", "group_roles", "group_members"] {
                        let walked = is_walked(statement, &whole(table));
                        assert!(walked || !plan.contains(&whole(table)), "{filter}: {table}\n{}\n{plan}", statement.sql);
                    }
                }
                let plan = explain(&app, &statements[2]).await;
                if few {
                    let by_key = ["Index Cond: (pk = ", "AND (pk = ", "rowid=?"];
                    assert!(by_key.iter().any(|by| plan.contains(by)), "{filter}\n{}\n{plan}", statements[2].sql);
                } else {
                    for word in sorts(backend) {
                        assert!(!plan.contains(word), "{filter}: {word}\n{}\n{plan}", statements[2].sql);
                    }
                    assert!(plan.contains("users_of_organization") || plan.contains("users_pkey") || plan.contains("SCAN users\n"), "{filter}\n{plan}");
                }
            }
        }
        // One user is tested, whatever the number of holders.
        let one = sent(&ann, "{ user(where: {id: \"acme-77\", role: {name: \"reviewer\"}}) { id } }").await;
        let plan = explain(&app, &one[0]).await;
        for table in ["users", "user_roles", "group_roles", "group_members"] {
            assert!(!plan.contains(&whole(table)), "{}\n{plan}", one[0].sql);
        }
    }

    /// Under roles too, whether few or many have them: both ways stand in one statement.
    async fn who_has_each_role_is_looked_up(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let tia = app.user("acme", "tia", None).await;
        fill(&app).await;
        let assign = "mutation { assignRole(where: {id: \"tia\"}, role: \"organization-admin\", tenant: \"acme-5\") { id } }";
        app.admin().ok(assign, json!({})).await;
        let backend = app.services.db.backend();
        let change = app.services.db.begin().await.unwrap();
        // Everybody has a role of one's own.
        for (table, owner, owners) in [("user_roles", "user_pk", "users"), ("group_roles", "group_pk", "groups")] {
            let give = format!(
                "INSERT INTO {table} ({owner}, role_pk, organization_pk, created_at)
                 SELECT o.pk, r.pk, o.organization_pk, 0 FROM {owners} o JOIN roles r ON r.id = o.id"
            );
            change.execute_unprepared(&give).await.unwrap();
        }
        if backend == DbBackend::Postgres {
            change.execute_unprepared("ANALYZE").await.unwrap();
        }
        change.commit().await.unwrap();
        let document = "{ roles(first: 50) { id users(first: 5) { id } a: users(first: 5, orderBy: NAME_DESC) { id } groups(first: 5) { id } userCount groupCount } }";
        let whole = |table: &str| match backend {
            DbBackend::Postgres => format!("Seq Scan on {table}"),
            _ => format!("SCAN {table}\n"),
        };
        for (caller, sees_all_names) in [(&ann, true), (&app.admin(), true), (&tia, false)] {
            let statements = sent(caller, document).await;
            assert_eq!(statements.len(), 6, "{statements:#?}");
            for statement in &statements[1..] {
                let plan = explain(&app, statement).await;
                for table in ["users", "user_roles", "group_roles", "group_members", "groups"] {
                    let walked = is_walked(statement, &whole(table));
                    assert!(walked || !plan.contains(&whole(table)), "{table}\n{}\n{plan}", statement.sql);
                }
                // Those that are looked up are sorted, and no others. (No index has the names of a tenant's users.)
                let sorted = match backend {
                    DbBackend::Postgres => plan.matches("Sort Key").count(),
                    _ => plan.matches("TEMP B-TREE FOR ORDER BY").count(),
                };
                let is_list = statement.sql.contains("ORDER BY");
                assert!(!is_list || !sees_all_names || sorted == 1, "{}\n{plan}", statement.sql);
            }
        }
        let question = "{ accessExplanation(user: {id: \"acme-77\"}, permission: \"read:user\") { sources { since } wouldGive { id } } }";
        for document in ["{ users(first: 50) { roleGrants { since } } }", question] {
            for statement in sent(&ann, document).await {
                let plan = explain(&app, &statement).await;
                for table in ["users", "user_roles", "group_roles", "group_members", "groups"] {
                    assert!(!plan.contains(&whole(table)), "{table}\n{}\n{plan}", statement.sql);
                }
                assert!(backend == DbBackend::Postgres || !plan.contains(&whole("roles")), "{}\n{plan}", statement.sql);
            }
        }
    }

    /// What concerns a user is found by three indexes of the organization, not by walking all of its events.
    async fn what_concerns_a_user_is_looked_up(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        fill(&app).await;
        for order in ["POSITION_ASC", "CREATED_AT_DESC"] {
            let document = format!("{{ auditEvents(where: {{concernsUserId: \"u-77\"}}, orderBy: {order}) {{ id }} }}");
            let statements = sent(&ann, &document).await;
            let plan = explain(&app, statements.first().unwrap()).await;
            for index in ["actor", "impersonator", "subject"] {
                assert!(plan.contains(&format!("audit_events_organization_{index}")), "{order}: {index}\n{}\n{plan}", statements[0].sql);
            }
        }
    }

    // A page in the list's order would do as well, but SQLite might walk all of it for the one.
    async fn who_is_named_is_looked_up(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        app.admin().ok("mutation { createUser(data: {id: \"boss\", organizationId: \"acme\", roles: [\"super-admin\"]}) { id } }", json!({})).await;
        fill(&app).await;
        let many: Vec<String> = (1..=250).map(|n| format!("acme-{n}")).collect();
        let mixed = ["acme-77", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"];
        for caller in [&ann, &app.key_of("boss").await] {
            for (method, path, body, by) in [
                (Method::GET, "/api/data/users/acme-77", None, "id"),
                (Method::GET, "/auth/admin/realms/master/users/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", None, "uuid"),
                (Method::PATCH, "/api/data/users/0190a1b2c3d47e5f8a9b0c1d2e3f4a5b", Some(json!({})), "uuid"),
                (Method::POST, "/v1/api/users/query", Some(json!({"user_ids": mixed})), "uuid"),
                (Method::POST, "/v1/api/users/query", Some(json!({"user_ids": mixed})), "id"),
                (Method::GET, "/auth/admin/realms/master/users?email=u-77%40acme.example", None, "email"),
                (Method::POST, "/v1/api/users/query", Some(json!({"user_ids": many})), "id"),
                (Method::PUT, "/auth/admin/realms/master/users/acme-77", Some(json!({})), "id"),
                (Method::POST, "/v1/api/users/activate", Some(json!({"email": "u-77@acme.example"})), "email"),
            ] {
                let statements = tenantry::store::db::SENT.scope(Default::default(), async {
                    caller.rest(method, path, body.as_ref()).await;
                    tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone())
                });
                let of_users = |statement: &Statement| statement.sql.contains("FROM \"users\" WHERE");
                let statements: Vec<Statement> = statements.await.into_iter().filter(of_users).collect();
                assert!(!statements.is_empty(), "{path}");
                for statement in statements {
                    let plan = explain(&app, &statement).await;
                    let looked_up = match app.services.db.backend() {
                        DbBackend::Postgres => plan.lines().any(|line| line.contains("Index Cond: ") && line.contains(&format!("({by} "))),
                        _ => plan.contains(&format!("({by}=?)")) || plan.contains(&format!(" AND {by}=?)")),
                    };
                    assert!(looked_up, "{path}\n{}\n{plan}", statement.sql);
                }
            }
        }
    }
}

/// Filters that leave few rows, on a page in the default order; and the column they are looked up by.
pub const NARROW: &[(&str, &str)] = &[
    ("users(where: {id: \"acme-77\"}) { id }", "id"),
    ("users(where: {idIn: [\"acme-77\", \"nobody\"]}) { id }", "id"),
    (
        "users(where: {OR: [{idIn: [\"acme-77\"]}, {id: \"nobody\"}]}) { id }",
        "id",
    ),
    ("users(where: {email: \"u-77@acme.example\"}) { id }", "email"),
    (
        "users(where: {emailIn: [\"u-77@acme.example\", \"nobody@acme.example\"]}) { id }",
        "email",
    ),
    (
        "users(where: {userName: \"U-77@acme.example\"}) { id }",
        "sort_user_name",
    ),
    ("users(where: {name: \"first 77 last\"}) { id }", "sort_name"),
    (
        "users(where: {nameIn: [\"first 77 last\", \"nobody\"]}) { id }",
        "sort_name",
    ),
    ("users(where: {tenant: {id: \"acme-77\"}}) { id }", "tenant_pk"),
    (
        "users(where: {tenant: {id: \"acme-77\"}, activated: true}) { id }",
        "tenant_pk",
    ),
    ("users(where: {group: {id: \"acme-77\"}}) { id }", "pk"),
    ("tenants(where: {idIn: [\"acme-77\", \"nobody\"]}) { id }", "id"),
    ("groups(where: {idIn: [\"acme-77\", \"nobody\"]}) { id }", "id"),
    ("invitations(where: {email: \"i-77@acme.example\"}) { id }", "email"),
];
/// Those that only an index of the organization serves, and so only who stays within one.
pub const NARROW_IN_ONE: &[(&str, &str)] = &[
    (
        "users(where: {tenant: {idIn: [\"acme-77\", \"acme-78\"]}}) { id }",
        "tenant_pk",
    ),
    ("users(where: {externalId: \"e-77\"}) { id }", "external_id"),
    ("groups(where: {externalId: \"e-77\"}) { id }", "external_id"),
    ("auditEvents(where: {targetId: \"u-77\"}) { id }", "target_id"),
    ("auditEvents(where: {actorId: \"ann\"}) { id }", "actor_id"),
];
/// Organizations by something else than one id, for who sees all of them. (PostgreSQL has counted, and knows that of a few
/// thousand rows it may as well read all.)
const NARROW_IN_ALL: &[(&str, &str)] = &[
    (
        "users(where: {organization: {name: \"o 77\"}}) { id }",
        "organization_pk",
    ),
    (
        "users(where: {organization: {idIn: [\"o-77\", \"o-78\"]}}) { id }",
        "organization_pk",
    ),
    (
        "invitations(where: {organization: {name: \"o 77\"}}) { id }",
        "organization_pk",
    ),
    (
        "auditEvents(where: {organization: {name: \"o 77\"}}) { id }",
        "organization_pk",
    ),
];
fn sorted(document: &str) -> bool {
    let list = document.trim_start_matches("{ ");
    SORTED.iter().any(|(name, _)| list.starts_with(name))
}

fn sorts(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &["Sort"],
        _ => &["TEMP B-TREE"],
    }
}

/// A scan of a whole table. (`SCAN … USING INDEX` walks an index in its order, up to the page's end.)
fn scanned(statement: &Statement, plan: &str) -> Option<&'static str> {
    let words: &[&str] = match statement.db_backend {
        DbBackend::Postgres => &[
            "Seq Scan on users",
            "Seq Scan on tenants",
            "Seq Scan on api_keys",
            "Seq Scan on organizations",
            "Seq Scan on groups",
            "Seq Scan on roles",
            "Seq Scan on invitations",
            "Seq Scan on sessions",
            "Seq Scan on audit_events",
        ],
        _ => &[
            "SCAN users\n",
            "SCAN tenants\n",
            "SCAN api_keys\n",
            "SCAN organizations\n",
            "SCAN groups\n",
            "SCAN roles\n",
            "SCAN invitations\n",
            "SCAN sessions\n",
            "SCAN audit_events\n",
        ],
    };
    words
        .iter()
        .copied()
        .find(|word| plan.contains(word) && !is_walked(statement, word))
}

/// Whether the table is read in the order of its internal keys, which is that of the list, up to the page's end.
fn is_walked(statement: &Statement, scan: &str) -> bool {
    let table = scan.trim_start_matches("SCAN ").trim_end();
    statement.db_backend == DbBackend::Sqlite && statement.sql.contains(&format!("ORDER BY \"{table}\".\"pk\""))
}

async fn first_cursor(caller: &crate::support::Caller<'_>, connection: &str) -> String {
    let document = format!("{{ {connection}(first: 1000) {{ pageInfo {{ endCursor }} }} }}").replace("1000", "100");
    let answer = caller.ok(&document, serde_json::json!({})).await;
    answer[connection]["pageInfo"]["endCursor"].as_str().unwrap().to_owned()
}

/// The plan of a statement, a line for each step.
pub async fn explain(app: &App, statement: &Statement) -> String {
    let statement = &*planned_once(statement);
    let backend = app.services.db.backend();
    let (rows, column) = match backend {
        DbBackend::Postgres => (explain_generic(app, statement).await, "QUERY PLAN"),
        _ => {
            let explained = Statement {
                sql: format!("EXPLAIN QUERY PLAN {}", statement.sql),
                values: statement.values.clone(),
                db_backend: backend,
            };
            (
                app.services.db.reader().query_all_raw(explained).await.unwrap(),
                "detail",
            )
        }
    };
    let lines: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
    lines.join("\n") + "\n"
}

/// The plan that PostgreSQL keeps for all values. With parameters, EXPLAIN would show one for these values.
async fn explain_generic(app: &App, statement: &Statement) -> Vec<QueryResult> {
    let values = statement
        .values
        .as_ref()
        .map(|values| values.0.as_slice())
        .unwrap_or_default();
    let types: Vec<&str> = values
        .iter()
        .map(|value| match value {
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::BigInt(_) | Value::BigUnsigned(_) => "bigint",
            Value::Array(ArrayType::BigInt, _) => "bigint[]",
            Value::Array(..) => "text[]",
            _ => "text",
        })
        .collect();
    let written: Vec<String> = values
        .iter()
        .map(|value| PostgresQueryBuilder.value_to_string(value))
        .collect();
    let list = |items: &[String]| {
        if items.is_empty() {
            String::new()
        } else {
            format!("({})", items.join(", "))
        }
    };
    let types: Vec<String> = types.into_iter().map(str::to_owned).collect();
    let change = app.services.db.begin().await.unwrap();
    let prepare = format!("PREPARE explained{} AS {}", list(&types), statement.sql);
    change.execute_unprepared(&prepare).await.unwrap();
    let explain = Statement::from_string(
        DbBackend::Postgres,
        format!("EXPLAIN EXECUTE explained{}", list(&written)),
    );
    let rows = change.query_all_raw(explain).await.unwrap();
    change.execute_unprepared("DEALLOCATE explained").await.unwrap();
    rows
}

/// Many more users, invitations and audit events of one tenant of acme, and fresh statistics.
async fn enlarge(app: &App, tenant: &str) {
    let change = app.services.db.begin().await.unwrap();
    let numbers = match app.services.db.backend() {
        DbBackend::Postgres => "generate_series(1, 20000) AS n (i)",
        _ => "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n) AS n",
    };
    let of = format!(
        "(SELECT organization_pk FROM tenants WHERE id = '{tenant}'), (SELECT pk FROM tenants WHERE id = '{tenant}')"
    );
    for statement in [
        format!(
            "INSERT INTO users (id, organization_pk, tenant_pk, activated, sort_name, words, version, created_at, updated_at)
             SELECT 'more-' || i, {of}, TRUE, 'more ' || i, '', 1, i, i FROM {numbers}"
        ),
        format!(
            "INSERT INTO invitations (id, organization_pk, tenant_pk, email, digest, expires_at, version, created_at, updated_at)
             SELECT 'more-' || i, {of}, 'more-' || i || '@acme.example', 'more ' || i, i, 1, i, i FROM {numbers}"
        ),
        format!(
            "INSERT INTO audit_events (id, organization_pk, tenant_pk, action, target_kind, target_id, actor_id, created_at)
             SELECT 'more-' || i, {of}, 'user.update', 'user', 'more-' || i, 'ann', i FROM {numbers}"
        ),
    ] {
        change.execute_unprepared(&statement).await.unwrap();
    }
    if app.services.db.backend() == DbBackend::Postgres {
        change.execute_unprepared("ANALYZE").await.unwrap();
    }
    change.commit().await.unwrap();
    // PostgreSQL plans a list of events by how many of them can be listed yet.
    app.settle().await;
}

/// Some thousand rows of each kind, half of them another organization's, and fresh statistics.
pub async fn fill(app: &App) {
    let change = app.services.db.begin().await.unwrap();
    let numbers = match app.services.db.backend() {
        DbBackend::Postgres => format!("generate_series(1, {PER_ORGANIZATION}) AS n (i)"),
        _ => format!(
            "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PER_ORGANIZATION}) SELECT i FROM n) AS n"
        ),
    };
    let mut statements = vec![format!(
        "INSERT INTO organizations (id, name, sort_name, version, created_at, updated_at) SELECT 'o-' || i, 'o ' || i, 'o ' || i, 1, i * 7919, i * 104729 FROM {numbers}"
    )];
    for organization in ["acme", "globex"] {
        let pk = format!("(SELECT pk FROM organizations WHERE id = '{organization}')");
        let tenant = format!("(SELECT pk FROM tenants WHERE id = '{organization}-' || (i % 300 + 1))");
        statements.push(format!(
            "INSERT INTO tenants (id, organization_pk, name, sort_name, version, created_at, updated_at)
             SELECT '{organization}-' || i, {pk}, 't ' || i, 't ' || i, 1, i * 7919, i * 104729 FROM {numbers}"
        ));
        statements.push(format!(
            "INSERT INTO users (id, organization_pk, tenant_pk, email, firstname, lastname, external_id, activated, last_seen_at, sort_name, words, version, created_at, updated_at)
             SELECT '{organization}-' || i, {pk}, {tenant}, 'u-' || i || '@{organization}.example', 'first ' || i, 'last', 'e-' || i, TRUE, i, 'first ' || i || ' last', ' last later w' || i, 1, i * 7919, i * 104729 FROM {numbers}"
        ));
        statements.push(format!(
            "INSERT INTO user_roles (user_pk, role_pk, organization_pk, tenant_pk, scope, created_at)
             SELECT u.pk, r.pk, u.organization_pk, t.pk, t.pk, 0 FROM {numbers} JOIN users u ON u.id = '{organization}-' || i
             JOIN tenants t ON t.id = '{organization}-' || (i % 299 + 1) JOIN roles r ON r.name = 'reviewer' AND r.organization_pk IS NULL"
        ));
        statements.push(format!(
            "INSERT INTO groups (id, organization_pk, key, name, external_id, name_key, sort_name, version, created_at, updated_at)
             SELECT '{organization}-' || i, {pk}, 'G_' || i, 'g ' || i, 'e-' || i, 'g ' || i, 'g ' || i, 1, i * 7919, i * 104729 FROM {numbers}"
        ));
        statements.push(format!(
            "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at)
             SELECT g.pk, u.pk, u.organization_pk, 0 FROM groups g JOIN users u ON u.id = g.id WHERE u.organization_pk = {pk}"
        ));
        statements.push(format!(
            "INSERT INTO roles (id, organization_pk, name, permissions, version, created_at, updated_at)
             SELECT '{organization}-' || i, {pk}, 'r ' || i, '', 1, i * 7919, i * 104729 FROM {numbers}"
        ));
        statements.push(format!(
            "INSERT INTO invitations (id, organization_pk, tenant_pk, email, digest, expires_at, version, created_at, updated_at)
             SELECT '{organization}-' || i, {pk}, {tenant}, 'i-' || i || '@{organization}.example', '{organization} ' || i, i, 1, i * 7919, i * 104729 FROM {numbers}"
        ));
        statements.push(format!(
            "INSERT INTO audit_events (id, organization_pk, tenant_pk, action, target_kind, target_id, actor_id, impersonator_id, subject_id, created_at)
             SELECT '{organization}-' || i, {pk}, {tenant}, 'user.update', 'user', 'u-' || i, 'a-' || (i % 100),
                    CASE WHEN i % 10 = 0 THEN 'b-' || (i % 100) END, 'u-' || i, i * 7919 FROM {numbers}"
        ));
    }
    for owner in ["ann", "admin", "acme-1", "acme-2"] {
        statements.push(format!(
            "INSERT INTO sessions (id, user_pk, family, generation, rotated_at, expires_at, created_at, updated_at)
             SELECT '{owner}-' || i, (SELECT pk FROM users WHERE id = '{owner}'), '{owner} ' || i, 0, 0, {end}, i * 7919, i * 104729 FROM {numbers}",
            end = i64::MAX,
        ));
        statements.push(format!(
            "INSERT INTO api_keys (id, user_pk, name, digest, prefix, version, created_at, updated_at)
             SELECT '{owner}-' || i, (SELECT pk FROM users WHERE id = '{owner}'), 'k ' || i, '{owner} ' || i, 'k', 1, i * 7919, i * 104729 FROM {numbers}"
        ));
    }
    // SQLite has been told once and for all how much there may be; nobody counts it there either.
    if app.services.db.backend() == DbBackend::Postgres {
        statements.push("ANALYZE".to_owned());
    }
    for statement in statements {
        change.execute_unprepared(&statement).await.unwrap();
    }
    change.commit().await.unwrap();
    // PostgreSQL plans a list of events by how many of them can be listed yet.
    app.settle().await;
}
