//! How many statements a request sends: one for a list, one for each relation under it, whatever the number of rows.

use sea_orm::ConnectionTrait;
use serde_json::json;
use tenantry::context::OpContext;

use super::{Sdl, is_list, named};
use crate::on_both;
use crate::support::{App, Caller};

/// The statements that a request sends, without those that look up its credential or note its use.
pub async fn sent(caller: &Caller<'_>, document: &str) -> Vec<sea_orm::Statement> {
    let sent = tenantry::store::db::SENT.scope(Default::default(), async {
        let answer = caller.send(document, json!({})).await;
        assert!(answer.get("errors").is_none(), "{document}\n{answer:#}");
        tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone())
    });
    sent.await
        .into_iter()
        .filter(|statement| !statement.sql.contains("k.digest") && !statement.sql.starts_with("UPDATE"))
        .collect()
}

/// Documents, and how many statements each takes.
const CASES: &[(&str, usize)] = &[
    ("{ __typename }", 0),
    ("{ users { id } }", 1),
    (
        "{ users(skip: 1, orderBy: NAME_DESC) { id name email variables createdAt } }",
        1,
    ),
    (
        "{ users(where: {organization: {id: \"acme\"}, tenant: {nameContains: \"e\"}}) { id } }",
        1,
    ),
    ("{ countUsers }", 1),
    // Before a list by words, those who have them are counted.
    (
        "{ users(where: {text: \"ann acme\", AND: [{activated: true}]}) { id } }",
        2,
    ),
    ("{ countUsers(where: {text: \"ann\"}) }", 2),
    ("{ users(where: {OR: [{text: \"ann\"}]}) { id } }", 1),
    ("{ users(where: {text: \" \"}) { id } }", 1),
    ("{ tenants(where: {text: \"a\"}) { id } }", 1),
    (
        "{ users(where: {lastSeenBefore: \"2026-01-02T00:00:00Z\", emailVerified: true}) { id } }",
        1,
    ),
    // Before a list by roles, the roles are looked up and their holders are counted.
    ("{ users(where: {permission: \"write:databases\"}) { id } }", 3),
    ("{ countUsers(where: {permission: \"write:org\"}) }", 1),
    ("{ users(where: {permission: \"nothing\"}) { id } }", 1),
    (
        "{ users(where: {role: {name: \"user\"}, NOT: {permission: \"write:org\"}}) { id organizationId } }",
        4,
    ),
    (
        "{ usersConnection(where: {OR: [{role: {builtIn: false}}, {role: {name: \"reviewer\"}}]}) { totalCount nodes { id } } }",
        4,
    ),
    (
        "{ tenants { id users(where: {permission: \"write:databases\"}) { id } } }",
        4,
    ),
    ("{ user(where: {id: \"ann\", permission: \"write:user\"}) { id } }", 1),
    ("{ groups(where: {user: {role: {name: \"user\"}}}) { id } }", 1),
    ("{ can(permissions: [\"read:user\"]) { allowed } }", 0),
    (
        "{ can(permissions: [\"read:user\"], tenant: \"berlin\") { allowed } }",
        1,
    ),
    (
        "{ can(permissions: [\"read:user\"], user: {id: \"u-2-0\"}, tenant: \"berlin\") { allowed } }",
        3,
    ),
    (
        "{ check(data: [{userId: \"u-2-0\", permission: \"a\"}, {userId: \"u-2-1\", permission: \"a\"}, {userId: \"ann\", permission: \"a\"}]) { allowed } }",
        2,
    ),
    ("{ users { id kind takesSeat pendingEmail } }", 2),
    ("{ users(where: {kind: SERVICE}) { id } }", 1),
    ("{ users { id } countUsers }", 2),
    ("{ users { id organizationId } }", 2),
    ("{ users { id organization { id name } organizationId } }", 2),
    ("{ users { id organization { id } tenant { id name } tenantId } }", 3),
    ("{ users { id organizationRole roles { id name } permissions } }", 3),
    ("{ users { id permissions viewerCan { update impersonate } } }", 2),
    (
        "{ users { id permissions(tenant: \"berlin\") roles(tenant: \"paris\") { name } } }",
        4,
    ),
    (
        "{ users { id tenantRoles { role { name } tenant { name } through { name } } } }",
        5,
    ),
    ("{ users { id effectiveVariables } }", 3),
    (
        "{ users { id variables effectiveVariables(keys: [\"a\"]) all: effectiveVariables effectiveVariableSources { path } } }",
        3,
    ),
    (
        "{ tenants { id effectiveVariables effectiveVariableSources { from } } }",
        3,
    ),
    ("{ outsiders(tenant: \"paris\") { id name roles { name } } }", 5),
    ("{ me { id reach { tenants { id permissions } } } }", 2),
    ("{ users { id groups { id } federatedIdentities { userName } } }", 4),
    (
        "{ users { id groups(first: 5) { id users(first: 2) { id groups(first: 2) { id } } roles { id } } } }",
        8,
    ),
    ("{ a: users { id tenant { id } } b: users { id tenant { id } } }", 4),
    ("{ usersConnection { nodes { id } } }", 1),
    (
        "{ usersConnection { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }",
        1,
    ),
    (
        "{ usersConnection { totalCount nodes { id } edges { cursor node { tenant { id } } } } }",
        3,
    ),
    ("{ tenants { id } }", 1),
    ("{ tenants { id organization { id } users { id } } }", 3),
    ("{ tenantsConnection { totalCount nodes { id } } }", 2),
    ("{ organizations { id } }", 1),
    ("{ countOrganizations countTenants }", 2),
    ("{ organizationsConnection { totalCount nodes { id } } }", 2),
    (
        "{ organizations { id users(first: 10) { id } tenants(first: 10) { id } } }",
        3,
    ),
    (
        "{ organizations { id users(first: 10) { id tenant { id name } roles { name } } tenants(first: 10) { id users(first: 2) { id } } } }",
        7,
    ),
    (
        "{ organizations { a: users(first: 2) { id } b: users(first: 2, orderBy: NAME_ASC) { id } } }",
        3,
    ),
    ("{ me { id organization { id } tenant { id } apiKeys { id } } }", 4),
    // With a key there are none. How many it takes in a session is tested with the accounts.
    ("{ me { accounts { userId } } }", 1),
    ("{ apiKeys { id } countApiKeys }", 2),
    ("{ apiKeys { id user { id organization { id } } } }", 3),
    // Made on the command line, by nobody.
    ("{ apiKeys { id userId creator { id } } }", 2),
    (
        "{ apiKeys(where: {user: {id: \"ann\"}}) { id } sessions(where: {user: {id: \"ann\"}}) { id } }",
        2,
    ),
    ("{ apiKeysConnection { totalCount nodes { id } } }", 2),
    ("{ groups { id } countGroups }", 2),
    ("{ organizations { id stats { users tenants pendingInvitations } } }", 3),
    ("{ tenants { id userCount } groups { id userCount } }", 4),
    (
        "{ groups { id organization { id } organizationId users { id } roles { id name } } }",
        5,
    ),
    ("{ groups { id tenantRoles { role { id } tenant { id } } } }", 4),
    ("{ groupsConnection { totalCount nodes { id roles { id } } } }", 4),
    ("{ roles { id permissions } countRoles }", 3),
    ("{ permissions { id builtInRoles { id } } countPermissions }", 4),
    ("{ permissions { id resourceServerId } }", 2),
    ("{ resourceServers { id claims } countResourceServers }", 2),
    ("{ resourceServersConnection { totalCount nodes { id } } }", 2),
    ("{ permissionsConnection { totalCount nodes { id } } }", 2),
    ("{ roles { id users { id } } }", 2),
    (
        "{ roles { id userCount users(first: 2) { id } a: users(first: 3, orderBy: NAME_DESC) { id } groups { id } groupCount } }",
        6,
    ),
    ("{ users { id roles { id userCount } } }", 4),
    ("{ users { id roleGrants { direct since } } }", 3),
    (
        "{ users { id roleGrants { role { name } tenant { id } group { id } since by { id } } } }",
        6,
    ),
    (
        "{ accessExplanation(user: {id: \"u-2-0\"}, permission: \"write:databases\") { allowed reach hindrances { code } } }",
        3,
    ),
    (
        "{ accessExplanation(user: {id: \"u-2-0\"}, permission: \"read:user\", target: {id: \"u-2-1\"}) { sources { role { id } } wouldGive { id } } }",
        7,
    ),
    ("{ rolesConnection { totalCount nodes { id organization { id } } } }", 3),
    ("{ invitations { id state } countInvitations }", 2),
    (
        "{ invitations { id organization { id } tenant { id } roles { id } } }",
        6,
    ),
    ("{ invitations { id tenantRoles { role { id } tenant { id } } } }", 5),
    ("{ invitationsConnection { totalCount nodes { id } } }", 2),
    (
        "{ sessions { id user { id organization { id } } impersonatorId } countSessions }",
        4,
    ),
    ("{ sessionsConnection { totalCount nodes { id } } }", 2),
    ("{ auditEvents { id action count fields } countAuditEvents }", 2),
    ("{ auditEvents { id organization { id } actorId } }", 2),
    (
        "{ auditEvents { targetName related { name tenantName change } relatedTruncated reason clientAddress userAgent } }",
        1,
    ),
    (
        "{ auditEvents { actor { id name } impersonator { id } organization { id } } }",
        3,
    ),
    ("{ auditEventsConnection { totalCount nodes { id } } }", 2),
];

on_both! {
    async fn as_many_for_two_rows_as_for_a_hundred(app: App) {
        app.organization("acme", &["berlin", "paris"]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let mut wrong = Vec::new();
        for rows in [2, 100] {
            grow(&app, rows).await;
            app.settle().await;
            for caller in [&ann, &app.admin()] {
                let may_see = |document: &str| caller.key != ann.key || !document.contains("resourceServers");
                for (document, expected) in CASES.iter().filter(|(document, _)| may_see(document)) {
                    let statements = sent(caller, document).await;
                    if statements.len() != *expected {
                        let texts: Vec<String> = statements.into_iter().map(|statement| statement.sql).collect();
                        wrong.push(format!("{document} with {rows} rows, not {expected} but {}: {texts:#?}", texts.len()));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Who sees one tenant needs none beyond these, for what it may ask.
    async fn no_more_for_who_sees_one_tenant(app: App) {
        app.organization("acme", &["berlin", "paris"]).await;
        app.user("acme", "ann", None).await;
        let tia = app.user("acme", "tia", None).await;
        let assign = "mutation { assignRole(where: {id: \"tia\"}, role: \"organization-admin\", tenant: \"berlin\") { id } }";
        app.admin().ok(assign, json!({})).await;
        for rows in [2, 100] {
            grow(&app, rows).await;
            app.settle().await;
            let mut asked = 0;
            for (document, expected) in CASES {
                if tia.send(document, json!({})).await.get("errors").is_none() {
                    let statements = sent(&tia, document).await;
                    assert!(statements.len() <= *expected, "{document} with {rows} rows: {statements:#?}");
                    asked += 1;
                }
            }
            assert!(asked > CASES.len() / 2, "{asked} of {}", CASES.len());
        }
    }
}

fn reviews(tenant: &str) -> Vec<tenantry::directory::role::RoleForTenant> {
    vec![tenantry::directory::role::RoleForTenant {
        role: "reviewer".to_owned(),
        tenant: tenant.to_owned(),
    }]
}

/// Fills up to so many users, tenants, organizations and keys.
async fn grow(app: &App, rows: usize) {
    let op: OpContext = app.machine();
    let new = tenantry::directory::resource_server::NewResourceServer {
        id: format!("s-{rows}"),
        name: "A product".to_owned(),
        ..Default::default()
    };
    let server = tenantry::directory::resource_server::create(&op, new).await.unwrap();
    let new = tenantry::directory::permission::NewPermission {
        name: format!("product:p{rows}"),
        resource_server_id: Some(server.id),
        ..Default::default()
    };
    tenantry::directory::permission::create(&op, new).await.unwrap();
    for i in 0..rows {
        let id = |what: &str| Some(format!("{what}-{rows}-{i}"));
        let new = tenantry::directory::organization::NewOrganization {
            id: id("o"),
            name: format!("o {i}"),
            ..Default::default()
        };
        tenantry::directory::organization::create(&op, new).await.unwrap();
        let new = tenantry::directory::tenant::NewTenant {
            id: id("t"),
            name: format!("tenant {i}"),
            organization_id: Some("acme".to_owned()),
            ..Default::default()
        };
        tenantry::directory::tenant::create(&op, new).await.unwrap();
        let new = tenantry::directory::user::NewUser {
            id: id("u"),
            organization_id: Some("acme".to_owned()),
            tenant_id: if i % 2 == 0 { id("t") } else { Some("berlin".to_owned()) },
            roles: vec!["user".to_owned()],
            tenant_roles: reviews("paris"),
            ..Default::default()
        };
        tenantry::directory::user::create(&op, new).await.unwrap();
        let new = tenantry::directory::role::NewRole {
            name: format!("role {rows} {i}"),
            organization_id: Some("acme".to_owned()),
            ..Default::default()
        };
        let role = tenantry::directory::role::create(&op, new).await.unwrap();
        let new = tenantry::directory::group::NewGroup {
            name: format!("group {rows} {i}"),
            organization_id: Some("acme".to_owned()),
            roles: vec![role.id.to_string()],
            tenant_roles: reviews("berlin"),
            ..Default::default()
        };
        let group = tenantry::directory::group::create(&op, new).await.unwrap();
        let member = tenantry::directory::user::Target::id(id("u").unwrap());
        let group = tenantry::directory::group::Target::id(group.id.to_string());
        tenantry::directory::group::add_user(&op, &group, &member, None)
            .await
            .unwrap();
        let new = tenantry::directory::invitation::NewInvitation {
            email: format!("i-{rows}-{i}@mail.example"),
            organization_id: Some("acme".to_owned()),
            tenant_id: id("t"),
            roles: vec!["user".to_owned()],
            tenant_roles: reviews("berlin"),
            ..Default::default()
        };
        tenantry::directory::invitation::send(&op, new).await.unwrap();
        for owner in ["ann", "admin"] {
            let change = op.db().begin().await.unwrap();
            let session = format!(
                "INSERT INTO sessions (id, user_pk, family, generation, rotated_at, expires_at, created_at, updated_at)
                 SELECT '{owner}-{rows}-{i}', pk, '{owner} {rows} {i}', 0, 0, {}, {i}, {i} FROM users WHERE id = '{owner}'",
                i64::MAX,
            );
            change.execute_unprepared(&session).await.unwrap();
            change.commit().await.unwrap();
            let target = tenantry::directory::user::Target::id(owner);
            let new = tenantry::directory::api_key::NewApiKey {
                name: format!("{rows} {i}"),
                ..Default::default()
            };
            tenantry::directory::api_key::create_for(&op, &target, new, None)
                .await
                .unwrap();
        }
    }
}

/// Every list of the schema stands in a case, the nested ones under their parent.
#[test]
fn every_list_has_a_case() {
    let sdl = Sdl::read();
    let mut missing = Vec::new();
    for ty in sdl
        .types
        .keys()
        .filter(|ty| !ty.ends_with("Connection") && *ty != "Mutation")
    {
        for field in sdl.fields(ty) {
            let name = field.name.node.as_str();
            let list = is_list(&field.ty.node) && sdl.is_object(named(&field.ty.node));
            let counted = ty == "Query" && name.starts_with("count") || name.ends_with("Connection");
            if (list || counted) && !CASES.iter().any(|(document, _)| mentions(document, name)) {
                missing.push(format!("{ty}.{name}"));
            }
        }
    }
    assert!(missing.is_empty(), "lists whose statements nobody counts: {missing:?}");
}

fn mentions(document: &str, name: &str) -> bool {
    document.split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
}
