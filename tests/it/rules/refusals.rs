//! Every field of Query and Mutation × every kind of caller: who is let in, and in which words the others are refused.
//!
//! A field without a case fails here. The verdicts stand in `refusals.txt`, for everybody to read; what follows from
//! rules is also asserted: nobody anonymous comes in but by the public fields, a credential that ended opens nothing,
//! `FORBIDDEN` is said whatever the id, `NOT_FOUND` in the words for an id that nobody has, and no refusal changes
//! anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use strum::VariantArray;
use tenantry::directory::user::Target;
use tenantry::model::BuiltIn;

use super::{Sdl, assert_committed};
use crate::on_both;
use crate::support::{App, Caller};

/// A minimal valid call of each field. In it stand, made anew for each call, and in the organization `acme`:
///
/// - `$inside`: the id of a user of the tenant `berlin`;
/// - `$service`: the id of a service;
/// - `$user`, `$tenant`, `$organization`, `$group`, `$role`, `$invitation`: ids of a user, a tenant, an empty
///   organization, a group, a role, an open invitation;
/// - `$key`, `$session`: the name of an API key and the id of a session of the caller;
/// - `$strange`, `$refresh`: the id of a session, and the refresh token of one, of a user;
/// - `$token`, `$verification`, `$invited`: mailed tokens: of a password reset, an address, an invitation;
/// - `$new`: an id that nobody has;
///
/// and `$me`, the caller's own id. `$user` has the address `$user@acme.example`, and what the call speaks of: a password,
/// a role to lose, a group to leave. A field with several cases says in brackets what each is about.
pub(super) const CASES: &[(&str, &str)] = &[
    ("me", "{ me { id } }"),
    ("viewer", "{ viewer { id } }"),
    ("viewerPermissions", "{ viewerPermissions }"),
    (
        "can (oneself)",
        r#"{ can(permissions: ["read:user"]) { userId permission allowed known } }"#,
    ),
    (
        "can (another)",
        r#"{ can(permissions: ["read:user"], user: {id: "$user"}) { allowed } }"#,
    ),
    (
        "check (oneself)",
        r#"{ check(data: [{userId: "$me", permission: "read:user"}]) { allowed } }"#,
    ),
    (
        "check (another)",
        r#"{ check(data: [{userId: "$user", permission: "read:user"}]) { allowed } }"#,
    ),
    (
        "accessExplanation (of oneself)",
        r#"{ accessExplanation(user: {id: "$me"}, permission: "write:user") { allowed reach } }"#,
    ),
    (
        "accessExplanation (of another)",
        r#"{ accessExplanation(user: {id: "$user"}, permission: "write:user") { allowed reach } }"#,
    ),
    (
        "accessExplanation (on another)",
        r#"{ accessExplanation(user: {id: "$me"}, permission: "write:user", target: {id: "$user"}) { reach } }"#,
    ),
    (
        "accessExplanation (of a user of a tenant)",
        r#"{ accessExplanation(user: {id: "$inside"}, permission: "write:user", target: {id: "$inside"}) { reach } }"#,
    ),
    (
        "check (of a tenant)",
        r#"{ check(data: [{userId: "$inside", permission: "read:user"}], tenant: "berlin") { allowed } }"#,
    ),
    ("organizations", "{ organizations { id } }"),
    ("countOrganizations", "{ countOrganizations }"),
    (
        "organizationsConnection",
        "{ organizationsConnection { totalCount nodes { id } } }",
    ),
    ("tenants", "{ tenants { id } }"),
    ("countTenants", "{ countTenants }"),
    ("tenantsConnection", "{ tenantsConnection { totalCount nodes { id } } }"),
    ("users", "{ users { id } }"),
    ("countUsers", "{ countUsers }"),
    ("usersConnection", "{ usersConnection { totalCount nodes { id } } }"),
    ("apiKeys", "{ apiKeys { id } }"),
    ("countApiKeys", "{ countApiKeys }"),
    ("apiKeysConnection", "{ apiKeysConnection { totalCount nodes { id } } }"),
    ("groups", "{ groups { id } }"),
    ("countGroups", "{ countGroups }"),
    ("groupsConnection", "{ groupsConnection { totalCount nodes { id } } }"),
    ("roles", "{ roles { id } }"),
    ("countRoles", "{ countRoles }"),
    ("permissions", "{ permissions { id } }"),
    ("countPermissions", "{ countPermissions }"),
    (
        "permissionsConnection",
        "{ permissionsConnection { totalCount nodes { id } } }",
    ),
    ("resourceServers", "{ resourceServers { id } }"),
    ("countResourceServers", "{ countResourceServers }"),
    (
        "resourceServersConnection",
        "{ resourceServersConnection { totalCount nodes { id } } }",
    ),
    ("outsiders", "{ outsiders(tenant: \"berlin\") { id } }"),
    ("rolesConnection", "{ rolesConnection { totalCount nodes { id } } }"),
    ("invitations", "{ invitations { id } }"),
    ("countInvitations", "{ countInvitations }"),
    (
        "invitationsConnection",
        "{ invitationsConnection { totalCount nodes { id } } }",
    ),
    ("sessions", "{ sessions { id } }"),
    ("countSessions", "{ countSessions }"),
    (
        "sessionsConnection",
        "{ sessionsConnection { totalCount nodes { id } } }",
    ),
    ("auditEvents", "{ auditEvents { id } }"),
    ("countAuditEvents", "{ countAuditEvents }"),
    (
        "auditEventsConnection",
        "{ auditEventsConnection { totalCount nodes { id } } }",
    ),
    (
        "organization",
        r#"{ organization(where: {id: "$organization"}) { id } }"#,
    ),
    ("tenant", r#"{ tenant(where: {id: "$tenant"}) { id } }"#),
    ("user (oneself)", r#"{ user(where: {id: "$me"}) { id } }"#),
    ("user (another)", r#"{ user(where: {id: "$user"}) { id } }"#),
    ("group", r#"{ group(where: {id: "$group"}) { id } }"#),
    ("role", r#"{ role(where: {id: "$role"}) { id } }"#),
    ("permission", r#"{ permission(where: {id: "$permission"}) { id } }"#),
    ("resourceServer", r#"{ resourceServer(where: {id: "$server"}) { id } }"#),
    ("apiKey", r#"{ apiKey(where: {name: "none"}) { id } }"#),
    ("session", r#"{ session(where: {id: "none"}) { id } }"#),
    ("invitation", r#"{ invitation(where: {id: "none"}) { id } }"#),
    ("auditEvent", r#"{ auditEvent(where: {id: "none"}) { id } }"#),
    (
        "node (a tenant)",
        r#"{ node(nodeId: "VGVuYW50OmJlcmxpbg") { nodeId } }"#,
    ),
    (
        "renameOrganization",
        r#"mutation { renameOrganization(where: {id: "$organization"}, name: "Other") { id } }"#,
    ),
    (
        "createOrganization",
        r#"mutation { createOrganization(data: {id: "$new", name: "New"}) { id } }"#,
    ),
    (
        "updateOrganizationSettings",
        r#"mutation { updateOrganizationSettings(where: {id: "$organization"}, data: {productName: "Other"}) { id } }"#,
    ),
    (
        "updateOrganization",
        r#"mutation { updateOrganization(where: {id: "$organization"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "deleteOrganization",
        r#"mutation { deleteOrganization(where: {id: "$organization"}) { id } }"#,
    ),
    (
        "createTenant",
        r#"mutation { createTenant(data: {id: "$new", name: "New"}) { id } }"#,
    ),
    (
        "updateTenant",
        r#"mutation { updateTenant(where: {id: "$tenant"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "deleteTenant",
        r#"mutation { deleteTenant(where: {id: "$tenant"}) { id } }"#,
    ),
    ("createUser", r#"mutation { createUser(data: {id: "$new"}) { id } }"#),
    (
        "createUser (in a tenant)",
        r#"mutation { createUser(data: {id: "$new", tenantId: "berlin"}) { id } }"#,
    ),
    (
        "createUsers",
        r#"mutation { createUsers(data: [{id: "$new"}]) { user { id } } }"#,
    ),
    (
        "createUserWithPassword",
        r#"mutation { createUserWithPassword(data: {id: "$new"}) { password } }"#,
    ),
    (
        "updatePropertiesInUser (another)",
        r#"mutation { updatePropertiesInUser(where: {id: "$user"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "updatePropertiesInUser (oneself)",
        r#"mutation { updatePropertiesInUser(where: {id: "$me"}, data: {name: "Other $new"}) { id } }"#,
    ),
    (
        "updatePropertiesInUser (of a tenant)",
        r#"mutation { updatePropertiesInUser(where: {id: "$inside"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "deleteUser (of a tenant)",
        r#"mutation { deleteUser(where: {id: "$inside"}) { id } }"#,
    ),
    (
        "impersonateUser (of a tenant)",
        r#"mutation { impersonateUser(where: {id: "$inside"}, reason: "Support") { expiresIn } }"#,
    ),
    (
        "resetPassword (of a tenant)",
        r#"mutation { resetPassword(where: {id: "$inside"}) { id } }"#,
    ),
    (
        "addUserToGroup (of a tenant)",
        r#"mutation { addUserToGroup(where: {id: "$group"}, user: {id: "$inside"}) { id } }"#,
    ),
    (
        "inviteUser (to a tenant)",
        r#"mutation { inviteUser(data: {email: "$new@acme.example", tenantId: "berlin"}) { id } }"#,
    ),
    (
        "assignRole (for a tenant)",
        r#"mutation { assignRole(where: {id: "$inside"}, role: "tenant-admin", tenant: "berlin") { id } }"#,
    ),
    (
        "withdrawRole (for a tenant)",
        r#"mutation { withdrawRole(where: {id: "$inside"}, role: "tenant-admin", tenant: "berlin") { id } }"#,
    ),
    (
        "updateTenant (own)",
        r#"mutation { updateTenant(where: {id: "berlin"}, data: {name: "Other $new"}) { id } }"#,
    ),
    (
        "activateUser",
        r#"mutation { activateUser(where: {id: "$user"}) { id } }"#,
    ),
    (
        "deactivateUser",
        r#"mutation { deactivateUser(where: {id: "$user"}) { id } }"#,
    ),
    ("deleteUser", r#"mutation { deleteUser(where: {id: "$user"}) { id } }"#),
    // Before the callers' passwords change: `$session` is one that the caller signs in to.
    (
        "signIn",
        r#"mutation { signIn(data: {email: "$user@acme.example", password: "password-of-user"}) { expiresIn } }"#,
    ),
    (
        "signIn (wrong password)",
        r#"mutation { signIn(data: {email: "$user@acme.example", password: "not-password-of-user"}) { expiresIn } }"#,
    ),
    (
        "signIn (a temporary password)",
        r#"mutation { signIn(data: {email: "$user@acme.example", password: "temporary-of-user"}) { expiresIn } }"#,
    ),
    (
        "refreshSession",
        r#"mutation { refreshSession(data: {refreshToken: "$refresh"}) { expiresIn } }"#,
    ),
    // With an API key there is no session to switch from, or to sign out of.
    (
        "switchAccount",
        r#"mutation { switchAccount(userId: "$user") { expiresIn } }"#,
    ),
    ("signOut", "mutation { signOut { id } }"),
    (
        "revokeSession (own)",
        r#"mutation { revokeSession(where: {id: "$session"}) { id } }"#,
    ),
    (
        "revokeSession (of another)",
        r#"mutation { revokeSession(where: {id: "$strange"}) { id } }"#,
    ),
    (
        "revokeSessions (own)",
        r#"mutation { revokeSessions(where: {id: "$session"}) }"#,
    ),
    (
        "revokeSessions (of another)",
        r#"mutation { revokeSessions(where: {id: "$strange", user: {NOT: {id: "$me"}}}) }"#,
    ),
    ("updateMe", r#"mutation { updateMe(data: {name: "Me $new"}) { id } }"#),
    // Only in a session, which an API key is not.
    (
        "changeMyEmail",
        r#"mutation { changeMyEmail(data: {email: "$new@acme.example", password: "password-of-$me"}) { id } }"#,
    ),
    (
        "updateMyPassword",
        r#"mutation { updateMyPassword(data: {oldPassword: "password-of-$me", newPassword: "another-of-$me"}) { id } }"#,
    ),
    (
        "impersonateUser",
        r#"mutation { impersonateUser(where: {id: "$user"}, reason: "Support") { expiresIn } }"#,
    ),
    (
        "updatePassword (another)",
        r#"mutation { updatePassword(where: {id: "$user"}, data: {oldPassword: "password-of-user", newPassword1: "another-password", newPassword2: "another-password"}) { id } }"#,
    ),
    (
        "updatePassword (oneself)",
        r#"mutation { updatePassword(where: {id: "$me"}, data: {oldPassword: "password-of-$me", newPassword1: "another-of-$me", newPassword2: "another-of-$me"}) { id } }"#,
    ),
    (
        "updatePassword (a temporary one)",
        r#"mutation { updatePassword(where: {email: "$user@acme.example"}, data: {oldPassword: "temporary-of-user", newPassword1: "another-password", newPassword2: "another-password"}) { id } }"#,
    ),
    (
        "updatePassword (by address)",
        r#"mutation { updatePassword(where: {email: "$user@acme.example"}, data: {oldPassword: "password-of-user", newPassword1: "another-password", newPassword2: "another-password"}) { id } }"#,
    ),
    (
        "resetPassword (another)",
        r#"mutation { resetPassword(where: {id: "$user"}) { id } }"#,
    ),
    (
        "resetPassword (oneself)",
        r#"mutation { resetPassword(where: {id: "$me"}) { id } }"#,
    ),
    (
        "completePasswordReset",
        r#"mutation { completePasswordReset(token: "$token", newPassword: "another-password") }"#,
    ),
    // Of an address that nobody has: the look-up and the mail run after the answer, and would change things meanwhile.
    (
        "requestPasswordReset",
        r#"mutation { requestPasswordReset(email: "$new@acme.example") }"#,
    ),
    (
        "requestEmailVerification (another)",
        r#"mutation { requestEmailVerification(where: {id: "$user"}) { id } }"#,
    ),
    (
        "requestEmailVerification (oneself)",
        r#"mutation { requestEmailVerification(where: {id: "$me"}) { id } }"#,
    ),
    ("verifyEmail", r#"mutation { verifyEmail(token: "$verification") }"#),
    (
        "inviteUser",
        r#"mutation { inviteUser(data: {email: "$new@acme.example"}) { id } }"#,
    ),
    (
        "resendInvitation",
        r#"mutation { resendInvitation(where: {id: "$invitation"}) { id } }"#,
    ),
    (
        "withdrawInvitation",
        r#"mutation { withdrawInvitation(where: {id: "$invitation"}) { id } }"#,
    ),
    (
        "acceptInvitation",
        r#"mutation { acceptInvitation(token: "$invited", data: {password: "another-password"}) { id } }"#,
    ),
    (
        "createGroup",
        r#"mutation { createGroup(data: {name: "$new"}) { id } }"#,
    ),
    (
        "updateGroup",
        r#"mutation { updateGroup(where: {id: "$group"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "deleteGroup",
        r#"mutation { deleteGroup(where: {id: "$group"}) { id } }"#,
    ),
    (
        "addUserToGroup (another)",
        r#"mutation { addUserToGroup(where: {id: "$group"}, user: {id: "$user"}) { id } }"#,
    ),
    (
        "addUserToGroup (oneself)",
        r#"mutation { addUserToGroup(where: {id: "$group"}, user: {id: "$me"}) { id } }"#,
    ),
    (
        "removeUserFromGroup",
        r#"mutation { removeUserFromGroup(where: {id: "$group"}, user: {id: "$user"}) { id } }"#,
    ),
    ("createRole", r#"mutation { createRole(data: {name: "$new"}) { id } }"#),
    (
        "updateRole",
        r#"mutation { updateRole(where: {id: "$role"}, data: {description: "Other"}) { id } }"#,
    ),
    ("deleteRole", r#"mutation { deleteRole(where: {id: "$role"}) { id } }"#),
    (
        "createRole (product-wide)",
        r#"mutation { createRole(data: {name: "$new", scope: PRODUCT}) { id } }"#,
    ),
    (
        "createPermission",
        r#"mutation { createPermission(data: {name: "invoices:$new"}) { id } }"#,
    ),
    (
        "updatePermission",
        r#"mutation { updatePermission(where: {id: "$permission"}, data: {description: "Other"}) { id } }"#,
    ),
    (
        "deletePermission",
        r#"mutation { deletePermission(where: {id: "$permission"}) { id } }"#,
    ),
    (
        "createResourceServer",
        r#"mutation { createResourceServer(data: {id: "https://$new.example", name: "New"}) { id } }"#,
    ),
    (
        "updateResourceServer",
        r#"mutation { updateResourceServer(where: {id: "$server"}, data: {name: "Other"}) { id } }"#,
    ),
    (
        "deleteResourceServer",
        r#"mutation { deleteResourceServer(where: {id: "$server"}) { id } }"#,
    ),
    (
        "assignRole (another)",
        r#"mutation { assignRole(where: {id: "$user"}, role: "$role") { id } }"#,
    ),
    (
        "assignRole (oneself)",
        r#"mutation { assignRole(where: {id: "$me"}, role: "super-admin") { id } }"#,
    ),
    (
        "withdrawRole",
        r#"mutation { withdrawRole(where: {id: "$user"}, role: "user") { id } }"#,
    ),
    (
        "updateSettings",
        r#"mutation { updateSettings(updated: {theme: "$new"}) }"#,
    ),
    (
        "createApiKey",
        r#"mutation { createApiKey(data: {name: "$new"}) { apiKey { id } } }"#,
    ),
    (
        "createApiKey (for a service)",
        r#"mutation { createApiKey(data: {name: "$new"}, user: {id: "$service"}) { apiKey { id } } }"#,
    ),
    (
        "createApiKey (for a person)",
        r#"mutation { createApiKey(data: {name: "$new"}, user: {id: "$user"}) { apiKey { id } } }"#,
    ),
    (
        "rotateApiKey",
        r#"mutation { rotateApiKey(where: {name: "$key"}) { apiKey { id } } }"#,
    ),
    ("revokeApiKeys", r#"mutation { revokeApiKeys(names: ["$key"]) { id } }"#),
    (
        "revokeUserApiKeys (another)",
        r#"mutation { revokeUserApiKeys(where: {id: "$user"}) { id } }"#,
    ),
    (
        "revokeUserApiKeys (of a tenant)",
        r#"mutation { revokeUserApiKeys(where: {id: "$inside"}) { id } }"#,
    ),
    (
        "revokeUserApiKeys (oneself)",
        r#"mutation { revokeUserApiKeys(where: {id: "$me"}, ids: ["$new"]) { id } }"#,
    ),
    (
        "apiKeys (another)",
        r#"{ apiKeys(where: {user: {id: "$user"}}) { id } }"#,
    ),
    (
        "sessions (another)",
        r#"{ sessions(where: {user: {id: "$user"}}) { id } }"#,
    ),
];

/// What anybody may call; `null` and not an error where it asks who one is.
pub(super) const PUBLIC: &[(&str, &str)] = &[
    ("me", "null"),
    ("viewer", "null"),
    ("viewerPermissions", "ok"),
    ("signIn", "ok"),
    ("signIn (a temporary password)", "PASSWORD_CHANGE_REQUIRED"),
    ("refreshSession", "ok"),
    ("updatePassword (a temporary one)", "ok"),
    ("completePasswordReset", "ok"),
    ("requestPasswordReset", "ok"),
    ("verifyEmail", "ok"),
    ("acceptInvitation", "ok"),
];

/// Callers whose credential is not, or no longer, in force.
const ENDED: [&str; 4] = ["deactivated", "revoked key", "expired key", "unknown key"];

/// Whose password is a temporary one.
const MUST_CHANGE: &str = "must-change";

/// The administrator of another organization than the one that cases are about.
const STRANGER: &str = "admin elsewhere";

#[test]
fn every_field_has_a_case() {
    let sdl = Sdl::read();
    let fields: BTreeSet<String> = ["Query", "Mutation"]
        .into_iter()
        .flat_map(|root| sdl.fields(root))
        .map(|field| field.name.node.to_string())
        .collect();
    let cases: BTreeSet<String> = CASES.iter().map(|(case, _)| field_of(case).to_owned()).collect();
    let missing: Vec<&String> = fields.difference(&cases).collect();
    assert!(missing.is_empty(), "fields without a case in CASES: {missing:?}");
    let gone: Vec<&String> = cases.difference(&fields).collect();
    assert!(gone.is_empty(), "cases of fields that are not there: {gone:?}");
}

on_both! {
    async fn every_field_as_every_caller(app: App) {
        let callers = callers(&app).await;
        let mut text = String::from(
            "Who may call what. Each field of Query and Mutation is called as each kind of caller. The things it names are of\n\
             the organization of all callers but one, the 'admin elsewhere', who administers another organization. 'tenant-admin'\n\
             administers one tenant, and is in none; '(of a tenant)' is about a user of that tenant. 'impersonated' is an\n\
             organization-admin as whom a super-admin calls, 'must-change' one whose password is a temporary one.\n\
             All call with API keys. A credential that ended: its owner is deactivated, it is revoked, it is expired, or it\n\
             never was one.\n",
        );
        let mut new = 0;
        for (case, document) in CASES {
            let field = field_of(case);
            let mut verdicts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            let mut before = kept(&app).await;
            for (name, id, caller) in &callers {
                new += 1;
                let filled = fill(&app, document, id.as_deref(), new, true).await;
                if filled.made {
                    before = kept(&app).await;
                }
                let (mails, answer) = (app.mails().len(), caller.send(&filled.document, json!({})).await);
                let verdict = verdict(field, &answer);
                if verdict == "ok" {
                    before = kept(&app).await;
                } else {
                    assert!(before == kept(&app).await, "{case} as {name}: {verdict}, and yet something changed");
                    assert_eq!(mails, app.mails().len(), "{case} as {name}: {verdict}, and yet a mail was sent");
                }
                if verdict == "FORBIDDEN" || verdict == "NOT_FOUND" {
                    // Whatever the id: the same code and words for one that nobody has.
                    let nobody = fill(&app, document, id.as_deref(), new, false).await;
                    let again = caller.send(&nobody.document, json!({})).await;
                    assert_eq!(nobody.words(&again), filled.words(&answer), "{case} as {name}");
                }
                if *name == "anonymous" {
                    let public = PUBLIC.iter().find(|(public, _)| public == case);
                    assert_eq!(verdict, public.map_or("UNAUTHENTICATED", |(_, expected)| *expected), "{case} as nobody");
                }
                if ENDED.contains(name) {
                    assert_eq!(verdict, "UNAUTHENTICATED", "{case} as {name}");
                }
                verdicts.entry(verdict).or_default().push(name);
            }
            writeln!(text, "\n{case}").unwrap();
            // What opens stands first.
            let mut verdicts: Vec<(String, Vec<&str>)> = verdicts.into_iter().collect();
            verdicts.sort_by_key(|(verdict, _)| (verdict != "ok", verdict.clone()));
            for (verdict, names) in &verdicts {
                let outside = |name: &&str| *name == "anonymous" || ENDED.contains(name);
                let inside: Vec<&str> = callers.iter().map(|caller| caller.0).filter(|name| !outside(name)).collect();
                let mut shown: Vec<&str> = names.iter().copied().filter(|name| outside(name)).collect();
                let rest: Vec<&str> = names.iter().copied().filter(|name| !outside(name)).collect();
                if shown == ["anonymous"].iter().chain(&ENDED).copied().collect::<Vec<_>>() {
                    shown = vec!["anonymous", "any credential that ended"];
                } else if shown == ENDED {
                    shown = vec!["any credential that ended"];
                }
                if rest == inside {
                    shown.push("everybody with a credential in force");
                } else {
                    shown.extend(rest);
                }
                let names = shown.join(", ");
                writeln!(text, "  {verdict:<15} {names}").unwrap();
            }
        }
        assert_committed("tests/it/rules/refusals.txt", &text);
    }
}

/// The field that a case is about.
pub(super) fn field_of(case: &str) -> &str {
    case.split_once(" (").map_or(case, |(field, _)| field)
}

/// Every row of what a refusal must not change. A password tried in vain is counted, which is the one thing a refusal is
/// to leave behind.
async fn kept(app: &App) -> String {
    let rows = app.dump().await;
    let kept: Vec<&str> = rows
        .lines()
        .filter(|row| !row.starts_with("sign_in_attempts: "))
        .collect();
    kept.join("\n")
}

/// `ok`, `null`, or the code of the refusal.
fn verdict(field: &str, answer: &Value) -> String {
    crate::support::assert_leaks_nothing(&answer.to_string());
    match answer["errors"].get(0) {
        Some(error) => error["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("{field}: an error without a code: {answer}"))
            .to_owned(),
        None if answer["data"][field].is_null() => "null".to_owned(),
        None => "ok".to_owned(),
    }
}

/// Each kind of caller, by name, with its own id if it is somebody, in the organization `acme`.
async fn callers(app: &App) -> Vec<(&'static str, Option<String>, Caller<'_>)> {
    app.organization("acme", &["berlin"]).await;
    app.organization("globex", &["rome"]).await;
    let mut callers = vec![
        ("anonymous", None, app.anonymous()),
        (
            "no role",
            Some("no-role".to_owned()),
            app.user("acme", "no-role", None).await,
        ),
    ];
    for role in BuiltIn::VARIANTS {
        let name = role.name();
        let id = format!("the-{name}");
        let caller = match role.is_for_organizations() {
            true => app.user("acme", &id, Some(name)).await,
            false => {
                app.user("acme", &id, None).await;
                let assign = "mutation($id: ID, $role: String!) { assignRole(where: {id: $id}, role: $role, tenant: \"berlin\") { id } }";
                app.admin().ok(assign, json!({ "id": id, "role": name })).await;
                app.key_of(&id).await
            }
        };
        callers.push((name, Some(id), caller));
    }
    // What is permitted inside is the impersonated user's alone, less what nobody does in another's name.
    app.user("acme", "inside", Some("organization-admin")).await;
    let impersonated = app.key_of("the-super-admin").await.acting_as("inside");
    callers.push(("impersonated", Some("inside".to_owned()), impersonated));
    // A password that must be changed opens nothing; a key does not hang on it.
    let must_change = app.user("acme", MUST_CHANGE, Some("organization-admin")).await;
    execute(
        app,
        &format!("UPDATE users SET password_temporary = TRUE WHERE id = '{MUST_CHANGE}'"),
    )
    .await;
    callers.push((MUST_CHANGE, Some(MUST_CHANGE.to_owned()), must_change));
    let stranger = app.user("globex", "stranger", Some("organization-admin")).await;
    callers.push((STRANGER, Some("stranger".to_owned()), stranger));

    // Super admins once, nobody now.
    let deactivated = app.user("acme", "deactivated", Some("super-admin")).await;
    let document = r#"mutation { deactivateUser(where: {id: "deactivated"}) { id } }"#;
    app.admin().ok(document, json!({})).await;
    let revoked = app.user("acme", "revoked", Some("super-admin")).await;
    let names = revoked.ok("{ apiKeys { name } }", json!({})).await["apiKeys"][0]["name"].clone();
    let document = "mutation($names: [String!]!) { revokeApiKeys(names: $names) { id } }";
    revoked.ok(document, json!({ "names": [names] })).await;
    let owner = app.user("acme", "expired", Some("super-admin")).await;
    let document = r#"mutation { createApiKey(data: {name: "short", expiryDate: "2026-01-02T04:00:00Z"}) { secret } }"#;
    let expired = owner.ok(document, json!({})).await["createApiKey"]["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let expired = app.key(expired);
    expired.ok("{ me { id } }", json!({})).await;
    app.services.clock.advance(Duration::from_secs(60 * 60));
    let unknown = app.key("tnt_nobodys0000000000000000000000000000000000000000000");
    for (name, id, caller) in [
        (ENDED[0], "deactivated", deactivated),
        (ENDED[1], "revoked", revoked),
        (ENDED[2], "expired", expired),
        (ENDED[3], "no-role", unknown),
    ] {
        callers.push((name, Some(id.to_owned()), caller));
    }
    callers
}

async fn execute(app: &App, sql: &str) {
    let transaction = app.services.db.begin().await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&transaction, sql)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

pub(super) struct Filled {
    pub(super) document: String,
    /// Whether something was made for it.
    made: bool,
    /// What was put in.
    values: Vec<String>,
}

impl Filled {
    /// The code and the words of a refusal, less what was put in.
    fn words(&self, answer: &Value) -> String {
        let error = &answer["errors"][0];
        let words = format!("{} {}", error["extensions"]["code"], error["message"]);
        self.values
            .iter()
            .fold(words, |words, value| words.replace(value.as_str(), "…"))
    }
}

/// Puts things that exist, made now, into a document; or, if not `existing`, ids that nobody has.
pub(super) async fn fill(app: &App, document: &str, me: Option<&str>, number: usize, existing: bool) -> Filled {
    let mut filled = document
        .replace("$me", me.unwrap_or("no-role"))
        .replace("$new", &format!("new-{number}"));
    let mut made = false;
    let mut values = Vec::new();
    for what in [
        "$group",
        "$role",
        "$permission",
        "$server",
        "$user",
        "$inside",
        "$tenant",
        "$organization",
        "$service",
        "$invitation",
        "$invited",
        "$token",
        "$verification",
        "$key",
        "$session",
        "$strange",
        "$refresh",
    ] {
        if !filled.contains(what) {
            continue;
        }
        made |= existing;
        let value = if existing {
            make(app, &filled, what, me, number).await
        } else {
            format!("nobody-{number}")
        };
        filled = filled.replace(what, &value);
        values.push(value);
    }
    if existing && document.contains("removeUserFromGroup") {
        let group = app.column("SELECT id FROM groups ORDER BY pk DESC LIMIT 1").await;
        let group: String = group.into_iter().next().unwrap();
        let (group, user) = (
            tenantry::directory::group::Target::id(group),
            Target::id(format!("user-{number}")),
        );
        tenantry::directory::group::add_user(&app.machine(), &group, &user, None)
            .await
            .unwrap();
    }
    Filled {
        document: filled,
        made,
        values,
    }
}

/// Makes one thing and gives what names it.
async fn make(app: &App, filled: &str, what: &str, me: Option<&str>, number: usize) -> String {
    let op = app.machine();
    let id = format!("{}-{number}", &what[1..]);
    let acme = || Some("acme".to_owned());
    match what {
        "$group" => {
            let new = tenantry::directory::group::NewGroup {
                name: id,
                organization_id: acme(),
                ..Default::default()
            };
            let made = tenantry::directory::group::create(&op, new).await.unwrap();
            made.id.to_string()
        }
        "$permission" => {
            let new = tenantry::directory::permission::NewPermission {
                name: format!("invoices:{id}"),
                ..Default::default()
            };
            let made = tenantry::directory::permission::create(&op, new).await.unwrap();
            made.id
        }
        "$server" => {
            // There can be few of them.
            for old in app
                .column::<String>("SELECT id FROM resource_servers WHERE id LIKE 'https://server-%'")
                .await
            {
                let old = tenantry::list::Named::id(old);
                tenantry::directory::resource_server::delete(&op, &old, None)
                    .await
                    .unwrap();
            }
            let new = tenantry::directory::resource_server::NewResourceServer {
                id: format!("https://{id}.example"),
                name: id,
                ..Default::default()
            };
            tenantry::directory::resource_server::create(&op, new).await.unwrap().id
        }
        "$role" => {
            let new = tenantry::directory::role::NewRole {
                name: id,
                permissions: vec!["read:databases".to_owned()],
                organization_id: acme(),
                ..Default::default()
            };
            let made = tenantry::directory::role::create(&op, new).await.unwrap();
            made.id.to_string()
        }
        "$user" => {
            let password = ["password-of-user", "temporary-of-user"]
                .into_iter()
                .find(|password| filled.contains(password));
            let role = filled.contains("withdrawRole").then(|| "user".to_owned());
            user(app, number, password, role).await
        }
        "$inside" => {
            let new = tenantry::directory::user::NewUser {
                id: Some(id.clone()),
                email: Some(format!("{id}@acme.example")),
                organization_id: Some("acme".to_owned()),
                tenant_id: Some("berlin".to_owned()),
                tenant_roles: filled
                    .contains("withdrawRole")
                    .then(|| tenantry::directory::role::RoleForTenant {
                        role: "tenant-admin".to_owned(),
                        tenant: "berlin".to_owned(),
                    })
                    .into_iter()
                    .collect(),
                ..Default::default()
            };
            tenantry::directory::user::create(&op, new).await.unwrap();
            id
        }
        "$service" => {
            let new = tenantry::directory::user::NewUser {
                id: Some(id.clone()),
                service: true,
                organization_id: acme(),
                ..Default::default()
            };
            tenantry::directory::user::create(&op, new).await.unwrap();
            id
        }
        "$token" => {
            let user = user(app, number, None, None).await;
            tenantry::directory::password::start(&op, &Target::id(user))
                .await
                .unwrap();
            app.send_mails().await;
            token_of(app.mails().last().unwrap())
        }
        "$verification" => {
            let user = user(app, number, None, None).await;
            tenantry::directory::email_verification::request(&op, Some(&Target::id(user)))
                .await
                .unwrap();
            app.send_mails().await;
            token_of(app.mails().last().unwrap())
        }
        "$invitation" | "$invited" => {
            let new = tenantry::directory::invitation::NewInvitation {
                email: format!("{id}@acme.example"),
                organization_id: acme(),
                ..Default::default()
            };
            let made = tenantry::directory::invitation::send(&op, new).await.unwrap();
            app.send_mails().await;
            match what {
                "$invited" => token_of(app.mails().last().unwrap()),
                _ => made.id.to_string(),
            }
        }
        "$tenant" => {
            let new = tenantry::directory::tenant::NewTenant {
                id: Some(id.clone()),
                name: "Tenant".to_owned(),
                organization_id: acme(),
                ..Default::default()
            };
            tenantry::directory::tenant::create(&op, new).await.unwrap();
            id
        }
        "$organization" => {
            let new = tenantry::directory::organization::NewOrganization {
                id: Some(id.clone()),
                name: "Organization".to_owned(),
                ..Default::default()
            };
            tenantry::directory::organization::create(&op, new).await.unwrap();
            id
        }
        "$key" => {
            if let Some(me) = me {
                let new = tenantry::directory::api_key::NewApiKey {
                    name: id.clone(),
                    ..Default::default()
                };
                tenantry::directory::api_key::create_for(&op, &Target::id(me), new, None)
                    .await
                    .unwrap();
            }
            id
        }
        // Who is deactivated, or must change the password, has no session to begin with, and nobody has none.
        "$session" => match me {
            None | Some("deactivated" | MUST_CHANGE) => id,
            Some(me) => {
                let organization = if me == "stranger" { "globex" } else { "acme" };
                let email = format!("{me}@{organization}.example");
                sign_in(app, &email, &format!("password-of-{me}")).await.0
            }
        },
        "$strange" | "$refresh" => {
            let user = user(app, number, Some("password-of-user"), None).await;
            let (session, refresh) = sign_in(app, &format!("{user}@acme.example"), "password-of-user").await;
            if what == "$refresh" { refresh } else { session }
        }
        _ => panic!("{what} is nothing that is made"),
    }
}

/// Makes a user and gives its id. A password that is called temporary is one.
async fn user(app: &App, number: usize, password: Option<&str>, role: Option<String>) -> String {
    let id = format!("user-{number}");
    let new = tenantry::directory::user::NewUser {
        id: Some(id.clone()),
        email: Some(format!("{id}@acme.example")),
        password: password.map(tenantry::services::hasher::Password::new),
        password_temporary: password.is_some_and(|password| password.starts_with("temporary")),
        organization_id: Some("acme".to_owned()),
        roles: role.into_iter().collect(),
        ..Default::default()
    };
    tenantry::directory::user::create(&app.machine(), new).await.unwrap();
    id
}

/// Begins a session; gives its id and its refresh token.
async fn sign_in(app: &App, email: &str, password: &str) -> (String, String) {
    let typed = tenantry::directory::session::SignIn {
        organization_id: None,
        email: email.to_owned(),
        password: tenantry::services::hasher::Password::new(password),
        resource: None,
    };
    let tokens = tenantry::directory::session::sign_in(&app.machine(), &typed)
        .await
        .unwrap();
    let newest = app.column("SELECT id FROM sessions ORDER BY pk DESC LIMIT 1").await;
    let id: String = newest.into_iter().next().unwrap();
    (id, tokens.refresh_token.expose().to_owned())
}

/// The token of the first link.
fn token_of(mail: &str) -> String {
    let tokens = crate::support::mail::tokens_of(mail);
    tokens
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no token in {mail}"))
}
