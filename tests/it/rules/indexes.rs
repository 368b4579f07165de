//! Every index costs every write: each one serves a list that names it in its plan, or says here what else it is for.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use super::explain::{CASES, NARROW, NARROW_IN_ONE, explain, fill};
use super::statements::sent;
use crate::on_both;
use crate::support::App;

/// Orders that no other rule explains.
const ORDERS: &[&str] = &[
    "{ tenants(first: 50, orderBy: UPDATED_AT_ASC) { id } }",
    "{ organizations(first: 50, orderBy: UPDATED_AT_DESC) { id } }",
    "{ groups(first: 50, orderBy: ID_ASC) { id } }",
    "{ invitations(first: 50, orderBy: UPDATED_AT_ASC) { id } }",
    "{ invitations(first: 50, orderBy: ID_ASC) { id } }",
    "{ roles(first: 50, orderBy: NAME_ASC) { id } }",
    "{ roles(first: 50, orderBy: UPDATED_AT_ASC) { id } }",
    "{ sessions(first: 50, orderBy: UPDATED_AT_ASC) { id } }",
    "{ auditEvents(first: 50, where: {impersonatorId: \"b-10\"}) { id } }",
    "{ auditEvents(first: 50, where: {concernsUserId: \"u-77\"}) { id } }",
];

const WITH_ITS_PARENT: &str = "what refers to a row is found when the row is deleted";
const ONCE: &str = "no two of them may be alike";

/// What else indexes are for.
const REASONS: &[(&str, &str)] = &[
    ("answered_requests_created", "what is over is deleted"),
    ("api_keys_creator", WITH_ITS_PARENT),
    ("api_keys_user_name", ONCE),
    ("email_tokens_change", ONCE),
    ("email_tokens_requester", WITH_ITS_PARENT),
    ("email_tokens_user", WITH_ITS_PARENT),
    ("group_members_user", "the groups of a user"),
    ("group_roles_role", "who has a role"),
    ("group_roles_tenant", WITH_ITS_PARENT),
    ("groups_name_key", "a group by its name in any case, as SCIM finds it"),
    (
        "groups_organization_created",
        "groups by the time of their creation, as SCIM filters them",
    ),
    ("invitation_roles_role", WITH_ITS_PARENT),
    ("invitation_roles_tenant", WITH_ITS_PARENT),
    ("invitations_inviter", WITH_ITS_PARENT),
    ("invitations_open", ONCE),
    ("invitations_tenant", "the invitations of a tenant"),
    ("mail_limits_started", "what is over is deleted"),
    ("mails_due", "the next mail to send"),
    ("mails_invitation", WITH_ITS_PARENT),
    ("mails_user", WITH_ITS_PARENT),
    ("password_tokens_user", WITH_ITS_PARENT),
    ("permissions_id", ONCE),
    ("permissions_resource_server", WITH_ITS_PARENT),
    ("roles_built_in_name", ONCE),
    ("roles_organization", "the roles of an organization"),
    ("roles_organization_name", ONCE),
    ("sessions_api_key", WITH_ITS_PARENT),
    ("sessions_impersonator", WITH_ITS_PARENT),
    ("sessions_parent", WITH_ITS_PARENT),
    ("sessions_user_updated", "the sessions of a user, as last used"),
    ("sign_in_attempts_forget", "what is over is deleted"),
    ("user_roles_role", "who has a role"),
    ("user_roles_tenant", WITH_ITS_PARENT),
    ("users_accounts", "the accounts of an address, at sign-in"),
    (
        "users_activated",
        "counts users, activated ones and seats without visiting them",
    ),
    ("users_email_in_organization", ONCE),
    ("users_user_name", ONCE),
    ("users_organization_created", "users who were created in some time"),
    (
        "users_of_organization",
        "users of an organization as they were made; foreign keys point to it",
    ),
    ("users_tenant", "users of a tenant"),
];

on_both! {
    async fn every_index_serves_something(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let tia = app.user("acme", "tia", None).await;
        fill(&app).await;
        let assign = "mutation { assignRole(where: {id: \"tia\"}, role: \"organization-admin\", tenant: \"acme-1\") { id } }";
        app.admin().ok(assign, json!({})).await;
        let narrow = NARROW.iter().chain(NARROW_IN_ONE).map(|(list, _)| format!("{{ {list} }}"));
        let documents: Vec<String> = CASES.iter().chain(ORDERS).map(|case| (*case).to_owned()).chain(narrow).collect();
        let mut plans = String::new();
        for (caller, sees_all) in [(&ann, true), (&app.admin(), true), (&tia, false)] {
            let of_tenant = |document: &&String| ["{ users", "{ invitations", "{ auditEvents"].iter().any(|list| document.starts_with(list));
            for document in documents.iter().filter(|document| sees_all || of_tenant(document)) {
                for statement in sent(caller, document).await {
                    plans += &explain(&app, &statement).await;
                }
            }
        }
        let words: BTreeSet<&str> = plans.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).collect();
        let all = indexes(&app).await;
        for name in &all {
            let told = REASONS.iter().any(|(index, _)| index == name);
            assert!(told || words.contains(name.as_str()), "what is {name} for?");
        }
        for (index, _) in REASONS {
            assert!(all.contains(*index), "{index} is not there");
        }
    }
}

/// All indexes but those of constraints.
async fn indexes(app: &App) -> BTreeSet<String> {
    let backend = app.services.db.backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT c.relname::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             WHERE c.relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u'))"
        }
        _ => "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
    };
    let rows = app
        .services
        .db
        .reader()
        .query_all_raw(Statement::from_string(backend, sql))
        .await
        .unwrap();
    rows.iter().map(|row| row.try_get("", "name").unwrap()).collect()
}
