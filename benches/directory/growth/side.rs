//! A server on one directory, and who asks it.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::database::{number, texts};
use crate::load::Target;
use crate::sign_in;
use crate::started::Started;

pub struct Side {
    _server: Started,
    pub administrator: Target,
    pub super_admin: Target,
    pub tenant_admin: Target,
    pub nobody: Target,
    pub half: i64,
    pub middle: String,
    pub organization: String,
    pub small_organization: String,
    pub tenant: String,
    pub accounts: Vec<String>,
}

impl Side {
    pub async fn new(bench: &Bench<'_>) -> Self {
        let server = bench.server();
        let administrator = bench.target(&server);
        let of = format!("WHERE organization_pk = {}", bench.organization_pk);
        let half = number(&bench.connection, &format!("SELECT COUNT(*) / 2 FROM users {of}")).await;
        let one = async |sql: &str| texts(&bench.connection, sql).await.remove(0);
        let organization = one(&format!(
            "SELECT id FROM organizations WHERE pk = {}",
            bench.organization_pk
        ))
        .await;
        let small_organization = one(
            "SELECT o.id FROM organizations o JOIN users u ON u.organization_pk = o.pk
             GROUP BY o.id HAVING COUNT(*) >= 50 ORDER BY COUNT(*), o.id LIMIT 1",
        )
        .await;
        let tenant = one(&format!(
            "SELECT id FROM tenants WHERE pk = (SELECT tenant_pk FROM users {of} AND tenant_pk IS NOT NULL
             GROUP BY tenant_pk ORDER BY COUNT(*) DESC, tenant_pk LIMIT 1)"
        ))
        .await;
        let query = format!("{{ usersConnection(first: 1, skip: {half}) {{ edges {{ cursor }} }} }}");
        let answer = answer(&administrator, &json!({ "query": query })).await;
        let middle = answer["usersConnection"]["edges"][0]["cursor"].as_str().unwrap();
        Self {
            tenant_admin: tenant_admin(bench, &server, &administrator, &tenant).await,
            super_admin: bench.admin(&server),
            nobody: bench.strangers(&server),
            accounts: sign_in::make_accounts(&administrator).await,
            middle: middle.to_owned(),
            administrator,
            half,
            organization,
            small_organization,
            tenant,
            _server: server,
        }
    }
}

async fn tenant_admin(bench: &Bench<'_>, server: &Started, administrator: &Target, tenant: &str) -> Target {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros();
    let data = json!({
        "email": format!("tenant.admin.{now}@new.example"),
        "tenantRoles": [{"role": "tenant-admin", "tenant": tenant}],
    });
    let create = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
    let answer = answer(
        administrator,
        &json!({ "query": create, "variables": { "data": data } }),
    )
    .await;
    bench.of_user(server, answer["createUser"]["id"].as_str().unwrap())
}

async fn answer(target: &Target, request: &Value) -> Value {
    let answer = target.once(request.to_string().into()).await;
    let mut answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["data"].take()
}
