//! Users and what belongs to them, and invitations.

use std::collections::BTreeSet;

use serde_json::Value;
use tenantry::model::BuiltIn;

use super::line::Line;
use super::{Chance, Home};

const VALUES: &[&str] = &[
    "null",
    "true",
    "\"\"",
    "\"text\"",
    "1.50",
    "1e400",
    "1E5",
    "[]",
    "[null,{\"b\":1,\"a\":2}]",
    "-12345678901234567890",
];
const LOCALS: &[&str] = &["ada.lovelace+tag", "o'neil", "a_b-c", "x"];
const DOMAINS: &[&str] = &["example.com", "xn--bcher-kva.example", "sub.sub.example.org"];
const KEYS: &[&str] = &["", "a b", "\u{43A}\u{43B}\u{44E}\u{447}", "theme", "Theme", "'\"\\"];
/// As they are stored.
const PROFILES: &[&str] = &[
    r#"{"title":"Té\n\"x\""}"#,
    r#"{"name":{"formatted":"A B"},"emails":[{"value":"A@B.example","type":"work","primary":true,"key":"a@b.example","account":true},{"value":"any text","key":"any text"}]}"#,
    r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D","manager":{"value":"7"}},"entitlements":[{"value":"a","primary":false}]}"#,
];

impl Chance {
    /// Roles as users and groups have them, or without times as invitations do.
    pub(super) fn roles(&mut self, home: &Home, first: Option<BuiltIn>, with_times: bool) -> Vec<String> {
        let built_in = [
            BuiltIn::User,
            BuiltIn::TrialUser,
            BuiltIn::ApiUser,
            BuiltIn::Admin,
            BuiltIn::OrganizationAdmin,
        ];
        let mut all: Vec<String> = built_in.iter().map(|role| role.id().to_owned()).collect();
        all.extend(home.roles.iter().cloned());
        all.extend(self.product_roles.iter().cloned());
        let mut some: BTreeSet<(String, Option<String>)> = BTreeSet::new();
        some.extend(first.map(|role| (role.id().to_owned(), None)));
        for _ in 0..self.random.u32(0..5) {
            let tenant = (!home.tenants.is_empty() && self.one_in(2)).then(|| self.of(&home.tenants));
            let role = match tenant.is_some() && self.one_in(3) {
                true => BuiltIn::TenantAdmin.id().to_owned(),
                false => self.of(&all),
            };
            some.insert((role, tenant));
        }
        let written = |(id, tenant): (String, Option<String>)| {
            if !with_times && tenant.is_none() {
                return Value::from(id).to_string();
            }
            let line = Line::item().text("id", &id).maybe("tenantId", tenant.as_deref());
            let since = with_times.then(|| self.time());
            line.maybe("since", since.as_deref()).finish()
        };
        some.into_iter().map(written).collect()
    }

    pub(super) fn user(&mut self, home: &Home, id: String, first: Option<BuiltIn>) {
        let service = first.is_none() && self.one_in(5);
        let email = match self.random.u32(0..5) {
            0 => None,
            // The same in several organizations, once in each.
            1 if !self.lines.values().any(|line| is_shared_in(line, &home.id)) => Some("shared@example.com".to_owned()),
            _ => Some(format!("{}{}@{}", self.of(LOCALS), self.next(), self.of(DOMAINS))),
        };
        let tenant = (!home.tenants.is_empty() && self.one_in(2)).then(|| self.of(&home.tenants));
        let groups: BTreeSet<String> = match home.groups.as_slice() {
            [] => BTreeSet::new(),
            groups => (0..self.random.u32(0..3)).map(|_| self.of(groups)).collect(),
        };
        let groups: Vec<String> = groups
            .iter()
            .map(|id| Line::item().text("id", id).text("since", &self.time()).finish())
            .collect();
        let identities = if service { Vec::new() } else { self.identities() };
        let hash = (!service && self.one_in(2)).then(|| self.of(&self.hashes.clone()));
        let roles = self.roles(home, first, true);
        let is_activated = first.is_some() || !self.one_in(4);
        // One to a user: no two of an organization may have the same.
        let user_name = self
            .one_in(3)
            .then(|| format!("\u{141} {} {}", self.of(LOCALS), self.next()));
        let profile = self.one_in(3).then(|| self.of(PROFILES));
        let line = Line::new("user")
            .text("id", &id)
            .text("organizationId", &home.id)
            .maybe("tenantId", tenant.as_deref())
            .maybe("email", email.as_deref())
            .maybe("name", self.maybe_name().as_deref())
            .maybe("firstname", self.maybe_name().as_deref())
            .maybe("lastname", self.maybe_name().as_deref())
            .maybe("userName", user_name.as_deref())
            .maybe("externalId", self.maybe_name().as_deref())
            .maybe_json("profile", profile)
            .json("activated", if is_activated { "true" } else { "false" })
            .maybe_json("service", service.then_some("true"))
            .maybe_json("takesSeat", (service && self.one_in(2)).then_some("false"))
            .list("roles", &roles)
            .list("groups", &groups)
            .list("federatedIdentities", &identities)
            .maybe_json("variables", self.variables())
            .maybe("passwordHash", hash)
            .maybe("passwordChangedAt", hash.map(|_| self.time()).as_deref())
            .maybe_json(
                "passwordTemporary",
                (hash.is_some() && self.one_in(3)).then_some("true"),
            )
            .maybe("passwordVerifiedAt", hash.and_then(|_| self.maybe_time()).as_deref())
            .maybe(
                "emailVerifiedAt",
                email.as_ref().and_then(|_| self.maybe_time()).as_deref(),
            )
            .maybe("emailChangedAt", self.maybe_time().as_deref())
            .maybe("lastSeenAt", self.maybe_time().as_deref());
        let created = self.put(6, &id, line);
        self.users.push((id, created));
    }

    pub(super) fn identities(&mut self) -> Vec<String> {
        let providers: BTreeSet<&str> = (0..self.random.u32(0..3))
            .map(|_| self.of(&["google", "Google", "\u{130}dP", "a b"]))
            .collect();
        providers
            .into_iter()
            .map(|provider| {
                let line = Line::item().text("identityProvider", provider);
                line.text("userId", &self.name())
                    .text("userName", &self.name())
                    .finish()
            })
            .collect()
    }

    pub(super) fn settings(&mut self, user: &str, created: &str) {
        let keys: BTreeSet<&str> = (0..self.random.u32(0..4)).map(|_| self.of(KEYS)).collect();
        for key in keys {
            let values = if self.one_in(2) { VALUES } else { super::VARIABLES };
            let line = Line::new("setting")
                .text("userId", user)
                .text("key", key)
                .json("value", self.of(values));
            let rank = (7, created.to_owned(), user.to_owned(), key.to_owned());
            self.lines.insert(rank, line.finish());
        }
    }

    pub(super) fn api_key(&mut self, user: &str) {
        let id = self.uuid();
        let (users, number) = (self.users.clone(), self.next());
        let creator = self.one_in(2).then(|| self.of(&users).0);
        // None at all is something else than all of its owner's.
        let permissions = self
            .one_in(2)
            .then(|| format!("[{}]", self.some_permissions().join(",")));
        let line = Line::new("apiKey")
            .text("id", &id)
            .text("userId", user)
            .maybe("creatorId", creator.as_deref())
            .text("name", &format!("{} {number}", self.of(super::NAMES)))
            .maybe("description", self.description().as_deref())
            .maybe_json("permissions", permissions.as_deref())
            .text("digest", &self.digest())
            .text("prefix", &format!("tnt_{number:08x}"))
            .maybe("expiryDate", self.maybe_time().as_deref())
            .maybe("revokedAt", self.maybe_time().as_deref())
            .maybe("lastUsedAt", self.maybe_time().as_deref());
        self.put(8, &id, line);
    }

    pub(super) fn invitation(&mut self, home: &Home) {
        let id = self.uuid();
        let tenant = (!home.tenants.is_empty() && self.one_in(2)).then(|| self.of(&home.tenants));
        let email = format!("{}{}@{}", self.of(LOCALS), self.next(), self.of(DOMAINS));
        let users = self.users.clone();
        let inviter = self.one_in(2).then(|| self.of(&users).0);
        let roles = self.roles(home, None, false);
        let line = Line::new("invitation")
            .text("id", &id)
            .text("organizationId", &home.id)
            .maybe("tenantId", tenant.as_deref())
            .text("email", &email)
            .list("roles", &roles)
            .text("digest", &self.digest())
            .maybe("inviterId", inviter.as_deref())
            .text("expiryDate", &self.time())
            .maybe("acceptedAt", self.maybe_time().as_deref())
            .maybe("withdrawnAt", self.maybe_time().as_deref());
        self.put(9, &id, line);
    }
}

fn is_shared_in(line: &str, organization: &str) -> bool {
    let record: Value = serde_json::from_str(line).unwrap();
    record["email"] == "shared@example.com" && record["organizationId"] == organization
}
