//! Resource servers and the permissions that are declared.

use serde_json::json;
use tenantry::model::{LadderRole, OWN_RECIPIENT, PermissionsClaim, RecipientSettings, SigningAlgorithm, exact_json};

use super::Chance;
use super::line::Line;

impl Chance {
    pub(super) fn settings_of_server(&mut self, is_own: bool) -> String {
        let number = self.random.i64(..);
        let exact = exact_json(r#"[1.50,1E400,-1e-7,1e5]"#).unwrap();
        let claims = json!({
            "plan": {"value": "gold \"1\""}, "https://example.com/number": {"value": number}, "https://example.com/exact": {"value": exact},
        });
        let settings = RecipientSettings {
            audiences: if is_own && self.one_in(2) {
                vec!["https://other.example".to_owned()]
            } else {
                Vec::new()
            },
            token_lifetime_seconds: self.random.i64(60..600),
            algorithm: self.of(&[SigningAlgorithm::Eddsa, SigningAlgorithm::Es256]),
            permissions_claim: self.of(&[
                PermissionsClaim::None,
                PermissionsClaim::Permissions,
                PermissionsClaim::Scope,
            ]),
            built_in_permissions: self.random.bool(),
            roles_claim: self.random.bool(),
            groups_claim: self.random.bool(),
            email_claim: self.random.bool(),
            claims: if self.one_in(2) {
                claims.as_object().unwrap().clone()
            } else {
                serde_json::Map::new()
            },
        };
        settings.to_stored().unwrap()
    }

    pub(super) fn resource_servers(&mut self) {
        let mut servers = Vec::new();
        if self.one_in(2) {
            let settings = self.settings_of_server(true);
            let line = Line::new("resourceServer")
                .text("id", OWN_RECIPIENT)
                .text("name", &self.name());
            let version = self.random.u32(2..9);
            self.put_as(0, OWN_RECIPIENT, line.json("settings", &settings), version);
        }
        for _ in 0..self.random.u32(0..3) {
            let id = format!("https://api{}.example/v1?x={}", self.next(), self.of(&["a", "%20"]));
            let settings = self.settings_of_server(false);
            let line = Line::new("resourceServer").text("id", &id).text("name", &self.name());
            self.put(0, &id, line.json("settings", &settings));
            servers.push(id);
        }
        for _ in 0..self.random.u32(0..4) {
            let number = self.next();
            let name = self.of(&["invoices.v2:read", "a:b:c:d", "0:x_y-z", "read:invoices"]);
            let name = format!("{name}{number}");
            let lowest = self.of(&[LadderRole::TrialUser, LadderRole::User, LadderRole::OrganizationAdmin]);
            let server = (!servers.is_empty() && self.one_in(2)).then(|| self.of(&servers));
            let line = Line::new("permission")
                .text("id", &name)
                .maybe("description", self.description().as_deref())
                .text("lowestRole", lowest.name())
                .maybe("resourceServerId", server.as_deref());
            self.put(1, &name, line);
            self.permissions.push(name);
        }
    }
}
