//! Things that outlive the right to see them: a session in which somebody was impersonated stays, and that somebody moves
//! away, or whoever impersonated is demoted. Every way through the schema is walked in such worlds.

use serde_json::{Value, json};

use super::isolation::{affordable, go_on, paged};
use super::{Sdl, named};
use crate::on_both;
use crate::support::{App, Caller};

/// Stands in whatever must not be seen.
const WORD: &str = "zebra";
const ALL: &str = "where: {OR: [{active: true}, {active: false}]}";
const UPDATE: &str =
    "mutation($id: ID, $data: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $data) { id } }";

/// Acme with `ann`, and Globex.
async fn world(app: &App) {
    app.organization("acme", &["acme-berlin", "acme-paris"]).await;
    app.organization("globex", &["globex-rome"]).await;
    app.user("acme", "ann", None).await;
}

async fn impersonates_ann(caller: &Caller<'_>) {
    let document = "mutation { impersonateUser(where: {id: \"ann\"}, reason: \"to help\") { expiresIn } }";
    caller.ok(document, json!({})).await;
}

/// What `ann` is from now on is not for whoever impersonated her.
async fn ann_changes(app: &App) {
    let admin = app.admin();
    let role = "mutation($data: CreateRoleData!) { createRole(data: $data) { id } }";
    let home = admin
        .ok("{ users(where: {id: \"ann\"}) { organizationId } }", json!({}))
        .await;
    let home = home["users"][0]["organizationId"].as_str().unwrap();
    admin
        .ok(
            role,
            json!({ "data": { "name": format!("{WORD} role"), "organizationId": home } }),
        )
        .await;
    let data = json!({
        "email": format!("{WORD}@mail.example"), "name": WORD, "firstname": WORD, "lastname": WORD, "userName": WORD, "externalId": WORD, "variables": { WORD: 1 },
        "roles": [format!("{WORD} role")],
    });
    admin.ok(UPDATE, json!({ "id": "ann", "data": data })).await;
    let data = json!({ "name": format!("{WORD} group"), "organizationId": home });
    let group = admin
        .ok(
            "mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }",
            json!({ "data": data }),
        )
        .await;
    let join = "mutation($id: ID) { addUserToGroup(where: {id: $id}, user: {id: \"ann\"}) { id } }";
    admin.ok(join, json!({ "id": group["createGroup"]["id"] })).await;
}

/// Walks every way from the top and finds the word nowhere. The id stays: it was known before.
async fn sees_nothing_of_ann(caller: &Caller<'_>) {
    let sdl = Sdl::read();
    let mut ways = Vec::new();
    for field in sdl.fields("Query") {
        go_on(
            &sdl,
            named(&field.ty.node),
            &mut vec![field.name.node.to_string()],
            &mut ways,
        );
    }
    for (way, ty) in &ways {
        for (chunk, long) in affordable(&sdl, way, ty) {
            let mut document = format!("{{ id __typename {} }}", chunk.join(" "));
            for step in paged(&sdl, way).iter().rev() {
                // Those that have ended too.
                let step = step
                    .replace("sessions(", &format!("sessions({ALL}, "))
                    .replace("first: 12", long);
                document = format!("{{ {step} {document} }}");
            }
            let answer = caller.send(&document, json!({})).await;
            assert!(!answer.to_string().contains(WORD), "{document}\n{answer:#}");
            if let Some(error) = answer["errors"].get(0) {
                let code = &error["extensions"]["code"];
                // An explanation of a user who is not there is an error.
                let is_nobody = code == "NOT_FOUND" && way[0] == "accessExplanation";
                assert!(code == "FORBIDDEN" || is_nobody, "{document}\n{answer:#}");
            }
        }
    }
    let document = format!("{{ sessions({ALL}) {{ userId user {{ id }} }} }}");
    let sessions = caller.ok(&document, json!({})).await;
    let all = sessions["sessions"].as_array().unwrap();
    let of_ann: Vec<&Value> = all.iter().filter(|one| one["userId"] == "ann").collect();
    assert!(
        !of_ann.is_empty() && of_ann.iter().all(|one| one["user"].is_null()),
        "{sessions}"
    );
}

/// `tia`, who administers one tenant, and has `ann` in it.
async fn tia(app: &App) -> Caller<'_> {
    let data = json!({ "tenantId": "acme-berlin" });
    app.admin().ok(UPDATE, json!({ "id": "ann", "data": data })).await;
    let tia = app.user("acme", "tia", None).await;
    let assign =
        "mutation { assignRole(where: {id: \"tia\"}, role: \"tenant-admin\", tenant: \"acme-berlin\") { id } }";
    app.admin().ok(assign, json!({})).await;
    tia
}

on_both! {
    async fn who_moved_to_another_tenant(app: App) {
        world(&app).await;
        let tia = tia(&app).await;
        impersonates_ann(&tia).await;
        app.admin().ok(UPDATE, json!({ "id": "ann", "data": { "tenantId": "acme-paris" } })).await;
        ann_changes(&app).await;
        sees_nothing_of_ann(&tia).await;
    }

    async fn by_who_lost_the_tenant(app: App) {
        world(&app).await;
        let tia = tia(&app).await;
        impersonates_ann(&tia).await;
        let withdraw = "mutation { withdrawRole(where: {id: \"tia\"}, role: \"tenant-admin\", tenant: \"acme-berlin\") { id } }";
        app.admin().ok(withdraw, json!({})).await;
        ann_changes(&app).await;
        sees_nothing_of_ann(&tia).await;
    }

    async fn who_moved_away(app: App) {
        world(&app).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        impersonates_ann(&ada).await;
        let admin = app.admin();
        admin.ok(
            "mutation($v: JSON) {
                updateOrganization(where: {id: \"globex\"}, data: {name: \"zebra\", variables: $v, seatLimit: 77}) { id }
                updateTenant(where: {id: \"globex-rome\"}, data: {name: \"zebra\", variables: $v}) { id }
            }",
            json!({ "v": { WORD: 1 } }),
        ).await;
        admin.ok(UPDATE, json!({ "id": "ann", "data": { "organizationId": "globex", "tenantId": "globex-rome" } })).await;
        ann_changes(&app).await;
        sees_nothing_of_ann(&ada).await;
    }

    async fn by_who_was_demoted(app: App) {
        world(&app).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        impersonates_ann(&ada).await;
        app.admin().ok(UPDATE, json!({ "id": "ada", "data": { "roles": ["user"] } })).await;
        ann_changes(&app).await;
        sees_nothing_of_ann(&ada).await;
    }

    async fn by_a_key_that_was_narrowed(app: App) {
        world(&app).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        impersonates_ann(&ada).await;
        let document = "mutation { createApiKey(data: {name: \"narrow\", permissions: [\"usage:api\"]}) { secret } }";
        let made = ada.ok(document, json!({})).await;
        ann_changes(&app).await;
        sees_nothing_of_ann(&app.key(made["createApiKey"]["secret"].as_str().unwrap())).await;
    }

    async fn by_who_left_the_group(app: App) {
        world(&app).await;
        let gus = app.user("acme", "gus", None).await;
        let admin = app.admin();
        let data = json!({ "name": "Helpers", "organizationId": "acme", "roles": ["organization-admin"] });
        let group = admin.ok("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }", json!({ "data": data })).await;
        let id = &group["createGroup"]["id"];
        admin.ok("mutation($id: ID) { addUserToGroup(where: {id: $id}, user: {id: \"gus\"}) { id } }", json!({ "id": id })).await;
        impersonates_ann(&gus).await;
        admin.ok("mutation($id: ID) { removeUserFromGroup(where: {id: $id}, user: {id: \"gus\"}) { id } }", json!({ "id": id })).await;
        ann_changes(&app).await;
        sees_nothing_of_ann(&gus).await;
    }

    async fn by_whose_role_lost_it(app: App) {
        world(&app).await;
        let admin = app.admin();
        let data = json!({ "name": "helper", "organizationId": "acme", "permissions": ["read:user", "usage:impersonation"] });
        let role = admin.ok("mutation($data: CreateRoleData!) { createRole(data: $data) { id } }", json!({ "data": data })).await;
        let hal = app.user("acme", "hal", Some("helper")).await;
        impersonates_ann(&hal).await;
        let document = "mutation($id: ID!) { updateRole(where: {id: $id}, data: {permissions: []}) { id } }";
        admin.ok(document, json!({ "id": role["createRole"]["id"] })).await;
        ann_changes(&app).await;
        sees_nothing_of_ann(&hal).await;
    }
}
