//! What an event says of its target and of what else it is about: roles, permissions, groups, tenants, organizations and
//! users, by the names of that moment; and never a secret.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::on_both;
use crate::rules::Sdl;
use crate::support::mail::tokens_of;
use crate::support::session::{TOKENS, Tokens};
use crate::support::{App, Caller};

const EVENTS: &str = "query($where: AuditEventWhere) { auditEvents(where: $where) {
    action targetName reason related { kind id name tenantId tenantName change } relatedTruncated } }";

/// An event as one line: the action, the target's name, and what is related, as in
/// `user.assignRole "Ada": +role reviewer @Berlin`.
fn line(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let related = event["related"].as_array().unwrap().iter().map(|one| {
        let sign = match one["change"].as_str() {
            Some("ADDED") => "+",
            Some("REMOVED") => "-",
            _ => "",
        };
        assert_eq!(one["tenantId"].is_null(), one["tenantName"].is_null(), "{one}");
        let tenant = one["tenantName"].as_str().map(|name| format!(" @{name}"));
        let name = one["name"].as_str().unwrap_or("?");
        format!("{sign}{} {name}{}", text(&one["kind"]), tenant.unwrap_or_default())
    });
    let related: Vec<String> = related.collect();
    let name = event["targetName"]
        .as_str()
        .map(|name| format!(" \"{name}\""))
        .unwrap_or_default();
    let about = if related.is_empty() {
        String::new()
    } else {
        format!(": {}", related.join(", "))
    };
    format!("{}{name}{about}", text(&event["action"]))
}

/// The events that a caller sees after the first `skip` ones.
async fn lines(caller: &Caller<'_>, wanted: Value, skip: usize) -> Vec<String> {
    let data = caller.ok(EVENTS, json!({ "where": wanted })).await;
    data["auditEvents"]
        .as_array()
        .unwrap()
        .iter()
        .skip(skip)
        .map(line)
        .collect()
}

/// Sends mutations one after the other, and remembers every secret that was sent or came back.
struct Steps<'a> {
    app: &'a App,
    secrets: Vec<String>,
    sent: BTreeSet<String>,
    /// Steps whose events are not as expected.
    wrong: Vec<String>,
}

impl Steps<'_> {
    /// The first field's value, after the events were compared.
    async fn step(&mut self, caller: &Caller<'_>, field: &str, expected: &[&str]) -> Value {
        let before = self.app.number("SELECT MAX(pk) FROM audit_events").await;
        let name = field.split(['(', ' ']).next().unwrap();
        self.sent.insert(name.to_owned());
        let data = caller.ok(&format!("mutation {{ {field} }}"), json!({})).await;
        self.app.settle().await;
        let ids: Vec<String> = self
            .app
            .column(&format!("SELECT id FROM audit_events WHERE pk > {before} ORDER BY pk"))
            .await;
        let told = lines(&self.app.admin(), json!({ "idIn": ids }), 0).await;
        if told != expected {
            self.wrong
                .push(format!("{field}\n  told     {told:?}\n  expected {expected:?}"));
        }
        data[name].clone()
    }

    fn secret(&mut self, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() > 8, "{secret}");
        self.secrets.push(secret.clone());
        secret
    }

    fn tokens(&mut self, answer: &Value) -> Tokens {
        let tokens = Tokens::of(answer);
        self.secret(&tokens.access);
        self.secret(&tokens.refresh);
        tokens
    }
}

const ADA: &str = "updatePropertiesInUser(where: {id: \"ada\"}, data: ";

on_both! {
    /// Every mutation of the schema is among these.
    async fn each_event_names_what_it_is_about(app: App) {
        let admin = app.admin();
        let mut steps = Steps { app: &app, secrets: Vec::new(), sent: BTreeSet::new(), wrong: Vec::new() };
        organizations_and_roles(&mut steps, &admin).await;
        users(&mut steps, &admin).await;
        invitations_and_passwords(&mut steps, &admin).await;
        keys_and_sessions(&mut steps, &admin).await;
        assert!(steps.wrong.is_empty(), "{}", steps.wrong.join("\n"));
        let all: BTreeSet<String> = Sdl::read().fields("Mutation").into_iter().map(|field| field.name.node.to_string()).collect();
        let missing: Vec<&String> = all.difference(&steps.sent).collect();
        assert!(missing.is_empty(), "mutations without a step: {missing:?}");
        // Of everything that is not for the trail, nothing is in it.
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let trail: Vec<String> = app.dump().await.lines().filter(|row| row.starts_with("audit_events")).map(str::to_owned).collect();
        assert!(trail.len() > 60 && steps.secrets.len() > 20);
        for secret in &steps.secrets {
            let told = trail.iter().find(|row| row.contains(secret.as_str()));
            assert!(told.is_none(), "{secret}: {told:?}");
        }
        assert!(!trail.iter().any(|row| row.contains("@acme.example") || row.contains("@mail.example")), "no address");
    }

    async fn an_event_names_a_hundred_things(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        for n in 0..101 {
            admin.ok("mutation($name: String!) { createRole(data: {name: $name, organizationId: \"acme\"}) { id } }", json!({ "name": format!("r{n:03}") })).await;
        }
        for (id, count) in [("a", 100), ("b", 101)] {
            let roles: Vec<String> = (0..count).map(|n| format!("r{n:03}")).collect();
            admin.ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": { "id": id, "organizationId": "acme", "roles": roles } })).await;
            let data = admin.ok(EVENTS, json!({ "where": { "targetId": id } })).await;
            let event = &data["auditEvents"][0];
            assert_eq!((event["related"].as_array().unwrap().len(), &event["relatedTruncated"]), (100, &json!(count > 100)));
        }
    }

    /// The name is that of the moment, and an address is none.
    async fn names_are_those_of_the_moment(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        for (data, name) in [
            ("{id: \"u1\", name: \"Una\", organizationId: \"acme\"}", " \"Una\""),
            ("{id: \"u2\", firstname: \" First\", lastname: \"Last\", organizationId: \"acme\"}", " \"First Last\""),
            ("{id: \"u3\", email: \"u3@acme.example\", organizationId: \"acme\"}", ""),
            ("{id: \"u4\", name: \"Somebody@Mail.Example\", organizationId: \"acme\"}", ""),
        ] {
            admin.ok(&format!("mutation {{ createUser(data: {data}) {{ id }} }}"), json!({})).await;
            let id = &data[6..8];
            assert_eq!(lines(&admin, json!({ "targetId": id }), 0).await, [format!("user.create{name}")]);
        }
        admin.ok("mutation { updatePropertiesInUser(where: {id: \"u1\"}, data: {name: \"Dua\"}) { id } }", json!({})).await;
        admin.ok("mutation { deleteUser(where: {id: \"u1\"}) { id } }", json!({})).await;
        let told = lines(&admin, json!({ "targetId": "u1" }), 0).await;
        assert_eq!(told, ["user.create \"Una\"", "user.update \"Dua\"", "user.delete \"Dua\""]);
    }

    /// Administrators of a tenant read of an event what concerns their tenant; the organization's read all of it.
    async fn an_event_names_nothing_of_another_tenant(app: App) {
        app.organization("acme", &["berlin", "munich"]).await;
        app.organization("globex", &["rome"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let other = app.user("globex", "other", Some("organization-admin")).await;
        for (id, tenant) in [("bea", "berlin"), ("mia", "munich")] {
            let data = json!({ "id": id, "organizationId": "acme", "tenantId": tenant, "tenantRoles": [{ "role": "tenant-admin", "tenant": tenant }] });
            app.admin().ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": data })).await;
        }
        let (bea, mia) = (app.key_of("bea").await, app.key_of("mia").await);
        let create = "mutation { createUser(data: {id: \"bob\", name: \"Bob\", tenantId: \"berlin\", roles: [\"user\"],
            tenantRoles: [{role: \"reviewer\", tenant: \"berlin\"}, {role: \"labeler\", tenant: \"munich\"}]}) { id } }";
        chief.ok(create, json!({})).await;
        let of_bob = json!({ "targetId": "bob" });
        assert_eq!(lines(&chief, of_bob.clone(), 0).await, ["user.create \"Bob\": +role user, +role reviewer @Tenant berlin, +role labeler @Tenant munich, +tenant Tenant berlin"]);
        assert_eq!(lines(&bea, of_bob.clone(), 0).await, ["user.create \"Bob\": +role user, +role reviewer @Tenant berlin, +tenant Tenant berlin"]);
        assert!(lines(&mia, of_bob.clone(), 0).await.is_empty());
        chief.ok("mutation { updatePropertiesInUser(where: {id: \"bob\"}, data: {tenantId: \"munich\"}) { id } }", json!({})).await;
        let moved = ["user.arrive \"Bob\": +tenant Tenant munich", "user.update \"Bob\": -tenant Tenant berlin, +tenant Tenant munich"];
        assert_eq!(lines(&chief, of_bob.clone(), 1).await, moved);
        assert_eq!(lines(&bea, of_bob.clone(), 1).await, ["user.update \"Bob\": -tenant Tenant berlin"]);
        assert_eq!(lines(&mia, of_bob.clone(), 0).await, ["user.arrive \"Bob\": +tenant Tenant munich"]);
        // A group that gives roles for both.
        let group = "mutation { createGroup(data: {name: \"Helpers\", roles: [\"user\"], tenantRoles: [{role: \"labeler\", tenant: \"berlin\"}, {role: \"reviewer\", tenant: \"munich\"}]}) { id } }";
        chief.ok(group, json!({})).await;
        let of_groups = json!({ "targetKind": "group" });
        assert_eq!(lines(&chief, of_groups.clone(), 0).await, vec!["group.create \"Helpers\": +role user, +role labeler @Tenant berlin, +role reviewer @Tenant munich"; 2]);
        assert_eq!(lines(&bea, of_groups.clone(), 0).await, ["group.create \"Helpers\": +role user, +role labeler @Tenant berlin"]);
        assert_eq!(lines(&mia, of_groups.clone(), 0).await, ["group.create \"Helpers\": +role user, +role reviewer @Tenant munich"]);
        // The filters find nothing that is not shown.
        for name in ["munich", "mia", "labeler"] {
            let count = "query($id: String) { countAuditEvents(where: {concernsUserId: $id}) }";
            let data = bea.ok(count, json!({ "id": name })).await;
            assert_eq!(data["countAuditEvents"], 0, "{name}");
        }
        // Two organizations: neither reads anything of the other.
        let to_globex = "mutation { updatePropertiesInUser(where: {id: \"bob\"}, data: {organizationId: \"globex\", tenantId: \"rome\", name: \"Bobby\", roles: [\"api-user\"]}) { id } }";
        app.admin().ok(to_globex, json!({})).await;
        let left = ["user.update \"Bob\": -role user, -role labeler @Tenant munich, -role reviewer @Tenant berlin, -organization Organization acme, -tenant Tenant munich"];
        assert_eq!(lines(&chief, of_bob.clone(), 3).await, left);
        assert_eq!(lines(&mia, of_bob.clone(), 1).await, ["user.update \"Bob\": -role user, -role labeler @Tenant munich, -organization Organization acme, -tenant Tenant munich"]);
        assert_eq!(lines(&other, of_bob, 0).await, ["user.arrive \"Bobby\": +role api-user, +organization Organization globex, +tenant Tenant rome"]);
    }

    /// Who did it and who was impersonated, as far as the reader sees them now.
    async fn actors_are_users_that_the_reader_sees(app: App) {
        app.organization("acme", &["berlin"]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        app.user("acme", "eve", Some("user")).await;
        let auditor = app.user("acme", "max", None).await;
        app.admin().ok("mutation { createRole(data: {name: \"auditor\", permissions: [\"read:audit\"], organizationId: \"acme\"}) { id } }", json!({})).await;
        app.admin().ok("mutation { assignRole(where: {id: \"max\"}, role: \"auditor\") { id } }", json!({})).await;
        let as_eve = app.key_of("ada").await.acting_as("eve");
        as_eve.ok("mutation { updateSettings(updated: {theme: \"dark\"}) }", json!({})).await;
        let document = "{ auditEvents(where: {action: \"settings.update\"}) { actorId actor { id } impersonatorId impersonator { id organization { id } } } }";
        let event = |actor: Value, impersonator: Value| json!([{ "actorId": "eve", "actor": actor, "impersonatorId": "ada", "impersonator": impersonator }]);
        let seen = event(json!({ "id": "eve" }), json!({ "id": "ada", "organization": { "id": "acme" } }));
        assert_eq!(ada.ok(document, json!({})).await["auditEvents"], seen);
        // Without `read:user` there is nobody but oneself.
        assert_eq!(auditor.ok(document, json!({})).await["auditEvents"], event(Value::Null, Value::Null));
        // A super admin of elsewhere is named, and not shown.
        let of_admin = "{ auditEvents(where: {action: \"role.create\"}) { actorId actor { id } } }";
        assert_eq!(ada.ok(of_admin, json!({})).await["auditEvents"], json!([{ "actorId": "admin", "actor": null }]));
        app.admin().ok("mutation { deleteUser(where: {id: \"eve\"}) { id } }", json!({})).await;
        assert_eq!(ada.ok(document, json!({})).await["auditEvents"][0]["actor"], Value::Null, "gone");
        // Another user of the same id is another user.
        app.user("acme", "eve", None).await;
        assert_eq!(ada.ok(document, json!({})).await["auditEvents"][0]["actor"], Value::Null, "not the same");
    }

    async fn what_concerns_a_user_is_found(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let bob = app.user("globex", "bob", Some("organization-admin")).await;
        app.user("acme", "eve", Some("user")).await;
        ada.ok("mutation { createGroup(data: {name: \"Helpers\"}) { id } }", json!({})).await;
        ada.ok("mutation { addUserToGroup(where: {key: \"HELPERS\"}, user: {id: \"eve\"}) { id } }", json!({})).await;
        app.key_of("ada").await.acting_as("eve").ok("mutation { updateSettings(updated: {theme: \"dark\"}) }", json!({})).await;
        ada.ok("mutation { impersonateUser(where: {id: \"eve\"}, reason: \"Ticket 7\") { expiresIn } }", json!({})).await;
        app.try_sign_in(None, "eve@acme.example", "not the password").await;
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let concerns = async |caller: &Caller<'_>, id: &str| -> Vec<String> {
            let document = "query($id: String) { auditEvents(where: {concernsUserId: $id}) { action } countAuditEvents(where: {concernsUserId: $id})
                others: countAuditEvents(where: {NOT: {concernsUserId: $id}}) all: countAuditEvents }";
            let data = caller.ok(document, json!({ "id": id })).await;
            let all: Vec<String> = data["auditEvents"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect();
            assert_eq!(data["countAuditEvents"], all.len());
            assert_eq!(data["countAuditEvents"].as_u64().unwrap() + data["others"].as_u64().unwrap(), data["all"].as_u64().unwrap());
            all
        };
        // To eve, by eve, and by ada as eve; her key's event was made by the machine, as `key_of` does.
        assert_eq!(concerns(&ada, "eve").await, ["user.create", "apiKey.create", "group.addUser", "user.joinGroup", "settings.update", "user.impersonate", "session.signIn"]);
        assert!(concerns(&ada, "ada").await.ends_with(&["group.create", "group.addUser", "user.joinGroup", "apiKey.create", "settings.update", "user.impersonate"].map(str::to_owned)));
        assert!(concerns(&bob, "eve").await.is_empty());
        assert!(concerns(&ada, "nobody").await.is_empty());
        let reason = lines(&ada, json!({ "action": "user.impersonate" }), 0).await;
        assert_eq!(reason, ["user.impersonate"]);
        let reasons = ada.ok("{ auditEvents(where: {concernsUserId: \"eve\"}) { reason } }", json!({})).await;
        let reasons: Vec<&Value> = reasons["auditEvents"].as_array().unwrap().iter().map(|event| &event["reason"]).filter(|reason| !reason.is_null()).collect();
        assert_eq!(reasons, ["Ticket 7"]);
    }
}

async fn organizations_and_roles(steps: &mut Steps<'_>, admin: &Caller<'_>) {
    let variables = steps.secret("a-value-of-acme");
    steps
        .step(
            admin,
            &format!(
                "createOrganization(data: {{id: \"acme\", name: \"Acme\", variables: {{k: \"{variables}\"}}}}) {{ id }}"
            ),
            &["organization.create \"Acme\""],
        )
        .await;
    steps
        .step(
            admin,
            "createOrganization(data: {id: \"globex\", name: \"Globex\"}) { id }",
            &["organization.create \"Globex\""],
        )
        .await;
    steps
        .step(
            admin,
            "createOrganization(data: {id: \"gone\", name: \"Gone\"}) { id }",
            &["organization.create \"Gone\""],
        )
        .await;
    steps
        .step(
            admin,
            "updateOrganization(where: {id: \"acme\"}, data: {name: \"Acme AG\"}) { id }",
            &["organization.update \"Acme AG\""],
        )
        .await;
    steps
        .step(
            admin,
            "renameOrganization(where: {id: \"acme\"}, name: \"Acme SE\") { id }",
            &["organization.rename \"Acme SE\""],
        )
        .await;
    let field = "updateOrganizationSettings(where: {id: \"acme\"}, data: {mailLanguage: DE}) { id }";
    steps
        .step(admin, field, &["organization.updateSettings \"Acme SE\""])
        .await;
    steps
        .step(
            admin,
            "deleteOrganization(where: {id: \"gone\"}) { id }",
            &["organization.delete \"Gone\""],
        )
        .await;
    for (id, name) in [("berlin", "Berlin"), ("munich", "Munich"), ("bonn", "Bonn")] {
        let field =
            format!("createTenant(data: {{id: \"{id}\", name: \"{name}\", organizationId: \"acme\"}}) {{ id }}");
        steps.step(admin, &field, &[&format!("tenant.create \"{name}\"")]).await;
    }
    steps
        .step(
            admin,
            "createTenant(data: {id: \"rome\", name: \"Rome\", organizationId: \"globex\"}) { id }",
            &["tenant.create \"Rome\""],
        )
        .await;
    steps
        .step(
            admin,
            "updateTenant(where: {id: \"bonn\"}, data: {name: \"Bonn 2\"}) { id }",
            &["tenant.update \"Bonn 2\""],
        )
        .await;
    steps
        .step(
            admin,
            "deleteTenant(where: {id: \"bonn\"}) { id }",
            &["tenant.delete \"Bonn 2\""],
        )
        .await;
    let role = steps.step(admin, "createRole(data: {name: \"help desk\", permissions: [\"read:user\", \"write:user\"], organizationId: \"acme\"}) { id }",
        &["role.create \"help desk\": +permission read:user, +permission write:user"]).await;
    let id = role["id"].as_str().unwrap();
    steps.step(admin, &format!("updateRole(where: {{id: \"{id}\"}}, data: {{name: \"desk\", permissions: [\"read:user\", \"read:audit\"]}}) {{ id }}"),
        &["role.update \"desk\": +permission read:audit, -permission write:user"]).await;
    for (field, event) in [
        (
            "createPermission(data: {name: \"invoices:sign\"}) { id }",
            "permission.create \"invoices:sign\"",
        ),
        (
            "createPermission(data: {name: \"invoices:read\", replaces: \"invoices:sign\"}) { id }",
            "permission.create \"invoices:read\": permission invoices:sign",
        ),
        (
            "updatePermission(where: {id: \"invoices:read\"}, data: {lowestRole: USER}) { id }",
            "permission.update \"invoices:read\"",
        ),
        (
            "deletePermission(where: {id: \"invoices:sign\"}) { id }",
            "permission.delete \"invoices:sign\"",
        ),
        (
            "createResourceServer(data: {id: \"https://a.example\", name: \"Invoices\"}) { id }",
            "resourceServer.create \"Invoices\"",
        ),
        (
            "updateResourceServer(where: {id: \"https://a.example\"}, data: {name: \"Bills\"}) { id }",
            "resourceServer.update \"Bills\"",
        ),
        (
            "deleteResourceServer(where: {id: \"https://a.example\"}) { id }",
            "resourceServer.delete \"Bills\"",
        ),
        (
            "createRole(data: {name: \"payer\", scope: PRODUCT, permissions: [\"invoices:read\"]}) { id }",
            "role.create \"payer\": +permission invoices:read",
        ),
    ] {
        steps.step(admin, field, &[event]).await;
    }
    steps.step(admin, "createGroup(data: {name: \"Editors\", organizationId: \"acme\", roles: [\"labeler\"], tenantRoles: [{role: \"desk\", tenant: \"berlin\"}]}) { id }",
        &["group.create \"Editors\": +role labeler, +role desk @Berlin"]).await;
    let which = "where: {key: \"EDITORS\", organization: {id: \"acme\"}}";
    steps
        .step(
            admin,
            &format!("updateGroup({which}, data: {{name: \"Writers\", roles: [\"user\"], tenantRoles: []}}) {{ id }}"),
            &["group.update \"Writers\": +role user, -role desk @Berlin, -role labeler"],
        )
        .await;
}

async fn users(steps: &mut Steps<'_>, admin: &Caller<'_>) {
    let password = steps.secret("password-of-ada");
    let data = format!("{{id: \"ada\", email: \"ada@acme.example\", firstname: \"Ada\", lastname: \"Lovelace\", password: \"{password}\", organizationId: \"acme\",
        tenantId: \"berlin\", roles: [\"user\"], tenantRoles: [{{role: \"desk\", tenant: \"munich\"}}]}}");
    steps
        .step(
            admin,
            &format!("createUser(data: {data}) {{ id }}"),
            &["user.create \"Ada Lovelace\": +role user, +role desk @Munich, +tenant Berlin"],
        )
        .await;
    steps
        .step(
            admin,
            "createUsers(data: [{id: \"may\", name: \"May\", organizationId: \"acme\", roles: [\"user\"]}]) { user { id } }",
            &["user.create \"May\": +role user"],
        )
        .await;
    let made = steps.step(admin, "createUserWithPassword(data: {id: \"eve\", name: \"Eve\", email: \"eve@acme.example\", organizationId: \"acme\"}) { password }", &["user.create \"Eve\""]).await;
    steps.secret(made["password"].as_str().unwrap());
    steps
        .step(
            admin,
            &format!("{ADA}{{roles: [\"api-user\"], tenantId: \"munich\"}}) {{ id }}"),
            &[
                "user.arrive \"Ada Lovelace\": +tenant Munich",
                "user.update \"Ada Lovelace\": -role user, +role api-user, -tenant Berlin, +tenant Munich",
            ],
        )
        .await;
    steps
        .step(
            admin,
            &format!("{ADA}{{firstname: \"Augusta\"}}) {{ id }}"),
            &["user.update \"Augusta Lovelace\""],
        )
        .await;
    steps
        .step(
            admin,
            "deactivateUser(where: {id: \"ada\"}) { id }",
            &["user.deactivate \"Augusta Lovelace\""],
        )
        .await;
    steps
        .step(
            admin,
            "activateUser(where: {id: \"ada\"}) { id }",
            &["user.activate \"Augusta Lovelace\""],
        )
        .await;
    steps
        .step(
            admin,
            "assignRole(where: {id: \"eve\"}, role: \"desk\", tenant: \"berlin\") { id }",
            &["user.assignRole \"Eve\": +role desk @Berlin"],
        )
        .await;
    steps
        .step(
            admin,
            "assignRole(where: {id: \"eve\"}, role: \"labeler\") { id }",
            &["user.assignRole \"Eve\": +role labeler"],
        )
        .await;
    steps
        .step(
            admin,
            "withdrawRole(where: {id: \"eve\"}, role: \"desk\", tenant: \"berlin\") { id }",
            &["user.withdrawRole \"Eve\": -role desk @Berlin"],
        )
        .await;
    let which = "where: {key: \"EDITORS\", organization: {id: \"acme\"}}";
    steps
        .step(
            admin,
            &format!("addUserToGroup({which}, user: {{id: \"eve\"}}) {{ id }}"),
            &[
                "group.addUser \"Writers\": +user Eve",
                "user.joinGroup \"Eve\": +group Writers",
            ],
        )
        .await;
    steps
        .step(
            admin,
            &format!("removeUserFromGroup({which}, user: {{id: \"eve\"}}) {{ id }}"),
            &[
                "group.removeUser \"Writers\": -user Eve",
                "user.leaveGroup \"Eve\": -group Writers",
            ],
        )
        .await;
    steps
        .step(
            admin,
            &format!("deleteGroup({which}) {{ id }}"),
            &["group.delete \"Writers\": -role user"],
        )
        .await;
    let moved = [
        "user.arrive \"Eve\": +role labeler, +organization Globex, +tenant Rome",
        "user.update \"Eve\": -organization Acme SE",
    ];
    steps.step(admin, "updatePropertiesInUser(where: {id: \"eve\"}, data: {organizationId: \"globex\", tenantId: \"rome\"}) { id }", &moved).await;
    steps
        .step(
            admin,
            "deleteUser(where: {id: \"eve\"}) { id }",
            &["user.delete \"Eve\""],
        )
        .await;
    let role: Vec<String> = steps.app.column("SELECT id FROM roles WHERE name = 'desk'").await;
    let role = &role[0];
    steps
        .step(
            admin,
            &format!("deleteRole(where: {{id: \"{role}\"}}) {{ id }}"),
            &["role.delete \"desk\": -permission read:user, -permission read:audit"],
        )
        .await;
}

async fn invitations_and_passwords(steps: &mut Steps<'_>, admin: &Caller<'_>) {
    let (app, nobody) = (steps.app, steps.app.anonymous());
    let invite = "inviteUser(data: {email: \"new@acme.example\", organizationId: \"acme\", tenantId: \"berlin\", roles: [\"user\"], tenantRoles: [{role: \"labeler\", tenant: \"munich\"}]}) { id }";
    let sent = ["invitation.send: +role user, +role labeler @Munich, +tenant Berlin"];
    let invitation = steps.step(admin, invite, &sent).await;
    steps.secret(app.mailed_token());
    let id = invitation["id"].as_str().unwrap().to_owned();
    steps
        .step(
            admin,
            &format!("resendInvitation(where: {{id: \"{id}\"}}) {{ id }}"),
            &["invitation.resend"],
        )
        .await;
    steps.secret(app.mailed_token());
    steps
        .step(
            admin,
            &format!("withdrawInvitation(where: {{id: \"{id}\"}}) {{ id }}"),
            &["invitation.withdraw"],
        )
        .await;
    steps.step(admin, invite, &sent).await;
    let token = steps.secret(app.mailed_token());
    let password = steps.secret("password-of-new");
    steps
        .step(
            &nobody,
            &format!(
                "acceptInvitation(token: \"{token}\", data: {{name: \"New\", password: \"{password}\"}}) {{ id }}"
            ),
            &[
                "invitation.accept: user New",
                "user.create \"New\": +role labeler @Munich, +role user",
            ],
        )
        .await;
    let (old, new) = (steps.secret("password-of-ada"), steps.secret("Brass-kettle-27-hums"));
    steps.step(admin, &format!("updatePassword(where: {{id: \"ada\"}}, data: {{oldPassword: \"{old}\", newPassword1: \"{new}\", newPassword2: \"{new}\"}}) {{ id }}"), &["password.change \"Augusta Lovelace\""]).await;
    steps
        .step(
            admin,
            "resetPassword(where: {id: \"ada\"}) { id }",
            &["password.reset \"Augusta Lovelace\""],
        )
        .await;
    let token = steps.secret(app.mailed_token());
    steps
        .step(
            admin,
            "requestEmailVerification(where: {id: \"ada\"}) { id }",
            &["email.requestVerification \"Augusta Lovelace\""],
        )
        .await;
    let verification = steps.secret(app.mailed_token());
    steps
        .step(
            &nobody,
            &format!("verifyEmail(token: \"{verification}\")"),
            &["email.verify \"Augusta Lovelace\""],
        )
        .await;
    steps
        .step(
            &nobody,
            "requestPasswordReset(email: \"ada@acme.example\")",
            &["password.requestReset \"Augusta Lovelace\""],
        )
        .await;
    let new = steps.secret("Copper-kettle-28-hums");
    steps
        .step(
            &nobody,
            &format!("completePasswordReset(token: \"{token}\", newPassword: \"{new}\")"),
            &["password.completeReset \"Augusta Lovelace\""],
        )
        .await;
}

async fn keys_and_sessions(steps: &mut Steps<'_>, admin: &Caller<'_>) {
    let app = steps.app;
    let theme = steps.secret("a-setting-of-admin");
    steps
        .step(
            admin,
            &format!("updateSettings(updated: {{theme: \"{theme}\"}})"),
            &["settings.update"],
        )
        .await;
    for (field, told) in [
        (
            "createApiKey(data: {name: \"ci\"}) { secret }",
            &["apiKey.create \"ci\""][..],
        ),
        (
            "rotateApiKey(where: {name: \"ci\"}) { secret }",
            &["apiKey.create \"ci\"", "apiKey.rotate \"ci\""],
        ),
    ] {
        let made = steps.step(admin, field, told).await;
        steps.secret(made["secret"].as_str().unwrap());
    }
    steps
        .step(
            admin,
            "revokeApiKeys(names: [\"ci\"]) { id }",
            &["apiKey.revoke \"ci\""],
        )
        .await;
    // A key that an administrator makes for a service, and revokes.
    let data = "{id: \"bot\", name: \"Bot\", kind: SERVICE, organizationId: \"acme\", roles: [\"user\"]}";
    let told = ["user.create \"Bot\": +role user"];
    steps
        .step(admin, &format!("createUser(data: {data}) {{ id }}"), &told)
        .await;
    let field = "createApiKey(user: {id: \"bot\"}, data: {name: \"deploy\"}) { secret }";
    let made = steps.step(admin, field, &["apiKey.create \"deploy\": user Bot"]).await;
    steps.secret(made["secret"].as_str().unwrap());
    let told = ["apiKey.revoke \"deploy\": user Bot"];
    steps
        .step(admin, "revokeUserApiKeys(where: {id: \"bot\"}) { id }", &told)
        .await;
    // Accounts of one person in two organizations, with passwords that were set by mail.
    let data = "{id: \"ada-2\", name: \"Ada Two\", email: \"ada@acme.example\", organizationId: \"globex\", roles: [\"user\"]}";
    steps
        .step(
            admin,
            &format!("createUser(data: {data}) {{ id }}"),
            &["user.create \"Ada Two\": +role user"],
        )
        .await;
    steps
        .step(
            admin,
            "resetPassword(where: {id: \"ada-2\"}) { id }",
            &["password.reset \"Ada Two\""],
        )
        .await;
    let token = steps.secret(app.mailed_token());
    let password = steps.secret("Silver-kettle-29-hums");
    steps
        .step(
            &app.anonymous(),
            &format!("completePasswordReset(token: \"{token}\", newPassword: \"{password}\")"),
            &["password.completeReset \"Ada Two\""],
        )
        .await;
    let sign_in = format!(
        "signIn(data: {{email: \"ada@acme.example\", organizationId: \"acme\", password: \"Copper-kettle-28-hums\"}}) {{ {TOKENS} }}"
    );
    let told = app.number("SELECT COUNT(*) FROM signing_keys").await;
    let signed_in: &[&str] = match told {
        0 => &["signingKey.create", "session.signIn: user Augusta Lovelace"],
        _ => &["session.signIn: user Augusta Lovelace"],
    };
    let answer = steps.step(&app.anonymous(), &sign_in, signed_in).await;
    let tokens = steps.tokens(&answer);
    let refresh = format!(
        "refreshSession(data: {{refreshToken: \"{}\"}}) {{ {TOKENS} }}",
        tokens.refresh
    );
    let answer = steps
        .step(&app.anonymous(), &refresh, &["session.refresh: user Augusta Lovelace"])
        .await;
    let tokens = steps.tokens(&answer);
    let answer = steps
        .step(
            &app.key(&tokens.access),
            &format!("switchAccount(userId: \"ada-2\") {{ {TOKENS} }}"),
            &["session.switch: user Ada Two"],
        )
        .await;
    let switched = steps.tokens(&answer);
    steps
        .step(
            &app.key(&switched.access),
            "signOut { id }",
            &["session.signOut: user Ada Two"],
        )
        .await;
    let own = app.key(&tokens.access);
    let told = ["user.update \"Countess\""];
    steps
        .step(&own, "updateMe(data: {name: \"Countess\"}) { id }", &told)
        .await;
    let new = steps.secret("ada-new@mail.example");
    let field = format!("changeMyEmail(data: {{email: \"{new}\", password: \"Copper-kettle-28-hums\"}}) {{ id }}");
    steps.step(&own, &field, &["email.requestChange \"Countess\""]).await;
    let mail = app.mails().into_iter().rev().find(|mail| mail.contains(&new)).unwrap();
    let token = steps.secret(tokens_of(&mail).remove(0));
    let told = ["email.change \"Countess\""];
    steps
        .step(&app.anonymous(), &format!("verifyEmail(token: \"{token}\")"), &told)
        .await;
    let (old, new) = ("Copper-kettle-28-hums", steps.secret("Golden-kettle-30-hums"));
    let field = format!("updateMyPassword(data: {{oldPassword: \"{old}\", newPassword: \"{new}\"}}) {{ id }}");
    steps.step(&own, &field, &["password.change \"Countess\""]).await;
    let told = ["session.revoke: user Countess"];
    steps
        .step(admin, "revokeSessions(where: {user: {id: \"ada\"}})", &told)
        .await;
    let answer = steps
        .step(
            admin,
            &format!("impersonateUser(where: {{id: \"ada\"}}, reason: \"Ticket 7\") {{ {TOKENS} }}"),
            &["user.impersonate \"Countess\""],
        )
        .await;
    let inside = steps.tokens(&answer);
    steps
        .step(
            admin,
            &format!("revokeSession(where: {{id: \"{}\"}}) {{ id }}", inside.sid()),
            &["session.revoke: user Countess"],
        )
        .await;
}
