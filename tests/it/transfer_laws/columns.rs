//! Nothing is forgotten: every column of the schema is in an export, or there is a reason why it is not; and every member of
//! a record is that of a column.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tenantry::keep::tables::TABLES;
use tenantry::transfer::export::{self, Wanted};

use super::{directory, sealed};
use crate::on_both;
use crate::support::App;

/// A table: its columns with the members that they are in, then those that are in no export, and why.
struct Kept {
    table: &'static str,
    /// The kind of record, and then each column: `column=member`, or `column` alone if the member has the same name as JSON
    /// spells it.
    columns: &'static str,
    left_out: &'static [(&'static str, &'static str)],
}

const KEY: &str = "an internal key: each database has its own";
const COMPUTED: &str = "computed from what is in the export";
const WHO: &str = "who gave it is in the audit trail";
const ORGANIZATION: &str = "that of the user or group";

const KEPT: &[Kept] = &[
    Kept {
        table: "organizations",
        columns: "organization: id name variables seat_limit mail_allowed account_switching product_name mail_language \
                  confirm_email_changes version created_at updated_at",
        left_out: &[
            ("pk", KEY),
            ("seats_used", COMPUTED),
            ("sort_name", COMPUTED),
            ("words", COMPUTED),
        ],
    },
    Kept {
        table: "tenants",
        columns: "tenant: id organization_pk=organizationId name variables version created_at updated_at",
        left_out: &[("pk", KEY), ("sort_name", COMPUTED), ("words", COMPUTED)],
    },
    Kept {
        table: "users",
        columns: "user: id organization_pk=organizationId tenant_pk=tenantId email name firstname lastname \
                  user_name external_id profile activated service takes_seat \
                  variables password_hash password_changed_at password_temporary password_verified_at email_changed_at \
                  email_verified_at last_seen_at version created_at updated_at",
        left_out: &[
            ("pk", KEY),
            ("sort_name", COMPUTED),
            ("words", COMPUTED),
            ("uuid", COMPUTED),
            ("display_name", COMPUTED),
            ("sort_email", COMPUTED),
            ("user_name_key", COMPUTED),
            ("sort_user_name", COMPUTED),
        ],
    },
    Kept {
        table: "roles",
        columns: "role: id organization_pk=organizationId name description permissions version created_at updated_at",
        left_out: &[
            ("pk", KEY),
            ("product", "a role without an organization is one of all organizations"),
        ],
    },
    Kept {
        table: "resource_servers",
        columns: "resourceServer: id name settings version created_at updated_at",
        left_out: &[("pk", KEY)],
    },
    Kept {
        table: "permissions",
        columns: "permission: id description lowest_role resource_server_pk=resourceServerId version created_at updated_at",
        left_out: &[
            ("pk", KEY),
            ("bit", "each database has its own; roles and keys name permissions"),
            ("deleted_at", "those that are deleted are in no export"),
        ],
    },
    Kept {
        table: "user_roles",
        columns: "user: role_pk=roles.id tenant_pk=roles.tenantId created_at=roles.since",
        left_out: &[
            ("user_pk", KEY),
            ("organization_pk", ORGANIZATION),
            ("scope", COMPUTED),
            ("created_by", WHO),
        ],
    },
    Kept {
        table: "groups",
        columns: "group: id organization_pk=organizationId key name description external_id=externalId version created_at updated_at",
        left_out: &[
            ("pk", KEY),
            ("name_key", COMPUTED),
            ("sort_name", COMPUTED),
            ("words", COMPUTED),
        ],
    },
    Kept {
        table: "group_members",
        columns: "user: group_pk=groups.id created_at=groups.since",
        left_out: &[("user_pk", KEY), ("organization_pk", ORGANIZATION), ("created_by", WHO)],
    },
    Kept {
        table: "group_roles",
        columns: "group: role_pk=roles.id tenant_pk=roles.tenantId created_at=roles.since",
        left_out: &[
            ("group_pk", KEY),
            ("organization_pk", ORGANIZATION),
            ("scope", COMPUTED),
            ("created_by", WHO),
        ],
    },
    Kept {
        table: "federated_identities",
        columns: "user: identity_provider=federatedIdentities.identityProvider user_id=federatedIdentities.userId \
                  user_name=federatedIdentities.userName",
        left_out: &[("pk", KEY), ("user_pk", KEY)],
    },
    Kept {
        table: "settings",
        columns: "setting: user_pk=userId key value",
        left_out: &[],
    },
    Kept {
        table: "api_keys",
        columns: "apiKey: id user_pk=userId creator_pk=creatorId name description digest prefix permissions expires_at=expiryDate revoked_at \
                  last_used_at version created_at updated_at",
        left_out: &[("pk", KEY)],
    },
    Kept {
        table: "invitations",
        columns: "invitation: id organization_pk=organizationId tenant_pk=tenantId email digest expires_at=expiryDate accepted_at \
                  withdrawn_at inviter_pk=inviterId version created_at updated_at",
        left_out: &[
            ("pk", KEY),
            ("mailed_at", "what became of this server's mail"),
            ("mail_failed_at", "what became of this server's mail"),
            ("mail_problem", "what became of this server's mail"),
        ],
    },
    Kept {
        table: "invitation_roles",
        columns: "invitation: role_pk=roles tenant_pk=roles.tenantId",
        left_out: &[("invitation_pk", KEY), ("scope", COMPUTED)],
    },
    Kept {
        table: "audit_events",
        columns: "auditEvent: id organization_pk=organizationId tenant_pk=tenantId actor_id impersonator_id action target_kind target_id \
                  target_name related fields reason request_id client_address user_agent count refused created_at",
        left_out: &[
            ("pk", KEY),
            ("actor_pk", KEY),
            ("impersonator_pk", KEY),
            ("target_pk", KEY),
            (
                "subject_id",
                "for filters; an export is for archives, and an import passes events over",
            ),
            (
                "users_change",
                "for counts; an export is for archives, and an import passes events over",
            ),
            (
                "activated_change",
                "for counts; an export is for archives, and an import passes events over",
            ),
            ("position", "the order of the lines"),
        ],
    },
];

/// Tables that are in no export, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("user_words", COMPUTED),
    ("word_fold", COMPUTED),
    (
        "catalogue",
        "which faces are on is a matter of the installation, and its version one of the database",
    ),
    ("password_tokens", "mailed tokens: whoever moves asks for another one"),
    ("email_tokens", "mailed tokens: whoever moves asks for another one"),
    ("password_requests", "mails that wait"),
    ("mails", "mails that wait"),
    ("mail_limits", "limits of this hour"),
    ("sessions", "whoever moves signs in again; 'tenantry copy' keeps them"),
    ("signing_keys", "sealed with the secret key of this installation"),
    ("sign_in_attempts", "limits of this hour"),
    ("cursor_keys", "a secret of this installation"),
    (
        "answered_requests",
        "answers of the last 24 hours, sealed with the secret key of this installation",
    ),
];

/// A column's name as JSON spells it.
fn spelled(column: &str) -> String {
    let mut parts = column.split('_');
    let mut name = parts.next().unwrap().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(1);
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}

impl Kept {
    /// The columns that are in an export, each with its member.
    fn members(&self) -> BTreeMap<&'static str, String> {
        let (kind, columns) = self.columns.split_once(": ").unwrap();
        let columns = columns.split_whitespace().map(|column| match column.split_once('=') {
            Some((column, member)) => (column, format!("{kind}.{member}")),
            None => (column, format!("{kind}.{}", spelled(column))),
        });
        columns.collect()
    }
}

#[test]
fn every_column_is_in_an_export_or_left_out_with_a_reason() {
    let known: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
    let listed: Vec<&str> = KEPT
        .iter()
        .map(|kept| kept.table)
        .chain(LEFT_OUT.iter().map(|(table, _)| *table))
        .collect();
    assert_eq!(
        listed.len(),
        listed.iter().collect::<BTreeSet<_>>().len(),
        "a table is there twice"
    );
    assert_eq!(listed.into_iter().collect::<BTreeSet<&str>>(), known);
    for table in TABLES {
        let Some(kept) = KEPT.iter().find(|kept| kept.table == table.name) else {
            continue;
        };
        let members = kept.members();
        let mut columns: Vec<&str> = members.keys().copied().collect();
        columns.extend(kept.left_out.iter().map(|(column, _)| *column));
        columns.sort_unstable();
        let mut there: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        there.sort_unstable();
        assert_eq!(
            columns, there,
            "{}: name the member of a new column, or why it has none",
            table.name
        );
    }
}

/// The members of a record, those of objects in its lists too. What a person has stored as JSON is one value.
fn members(record: &Value, found: &mut BTreeSet<String>) {
    let kind = record["type"].as_str().unwrap();
    for (name, value) in record.as_object().unwrap() {
        if name == "type" {
            continue;
        }
        found.insert(format!("{kind}.{name}"));
        if ["variables", "value", "settings", "related"].contains(&name.as_str()) {
            continue;
        }
        for item in value.as_array().into_iter().flatten() {
            for (inner, _) in item.as_object().into_iter().flatten() {
                found.insert(format!("{kind}.{name}.{inner}"));
            }
        }
    }
}

fn records(file: &str) -> Vec<Value> {
    let records = file.lines().map(|line| serde_json::from_str(line).unwrap());
    let is_record = |record: &Value| record["type"] != "tenantry" && record["type"] != "end";
    records.filter(is_record).collect()
}

/// Objects in lists are members of their own.
fn expected(all: bool) -> BTreeSet<String> {
    let kept = KEPT.iter().filter(|kept| all || kept.table != "audit_events");
    let mut members: BTreeSet<String> = kept.flat_map(|kept| kept.members().into_values()).collect();
    let lists: Vec<String> = members
        .iter()
        .filter(|member| member.matches('.').count() == 2)
        .map(|member| member.rsplit_once('.').unwrap().0.to_owned())
        .collect();
    members.extend(lists);
    // Of an invitation, a role for one tenant is an object too.
    members.insert("invitation.roles.id".to_owned());
    members
}

/// What the tests of this folder write has every member, and no other one.
#[test]
fn directories_by_chance_have_every_member() {
    let mut found = BTreeSet::new();
    for seed in 0..60 {
        for record in records(&sealed(&directory::whole(seed))) {
            members(&record, &mut found);
        }
    }
    assert_eq!(found, expected(false));
}

on_both! {
    /// No member of an export is unknown here.
    async fn every_member_of_an_export_is_that_of_a_column(app: App) {
        app.organization("acme", &["north"]).await;
        app.user("acme", "ada", Some("user")).await;
        app.anonymous().send("{ me { id } }", Value::Null).await;
        app.settle().await;
        let wanted = Wanted { hashes: true, keys: true, audit: true, ..Wanted::default() };
        let (bytes, _) = export::export(&app.services.db, &wanted, Vec::new(), |_| {}).await.unwrap();
        let mut found = BTreeSet::new();
        for record in records(&String::from_utf8(bytes).unwrap()) {
            members(&record, &mut found);
        }
        let known = expected(true);
        let unknown: Vec<&String> = found.difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
