//! What is so between the rows of a sound database, though no constraint of the database says so.

use sea_orm::ConnectionTrait;

use super::counters;
use super::scan::Fault;
use super::tables::TABLES;
use crate::store::db::select;

/// What is wrong, the ids of what is, and what to do.
type Relation = (&'static str, &'static str, &'static str);

const RESTORE: &str = "Another program has written to the database: restore the last good backup, or correct it.";

const RELATIONS: &[Relation] = &[
    (
        "users with more than 500 settings",
        "SELECT u.id FROM users u JOIN settings s ON s.user_pk = u.pk GROUP BY u.id HAVING COUNT(*) > 500 ORDER BY u.id",
        "Delete some with 'updateSettings'.",
    ),
    (
        "users with more than 20 federated identities",
        "SELECT u.id FROM users u JOIN federated_identities f ON f.user_pk = u.pk GROUP BY u.id HAVING COUNT(*) > 20
         ORDER BY u.id",
        "Set fewer with 'updateUser'.",
    ),
    (
        "roles that no activated user has, and somebody must",
        "SELECT 'super-admin' FROM (SELECT COUNT(*) AS count FROM organizations) o WHERE o.count > 0
             AND NOT EXISTS (SELECT 1 FROM user_roles a JOIN users u ON u.pk = a.user_pk JOIN roles r ON r.pk = a.role_pk
                 WHERE u.activated AND r.organization_pk IS NULL AND r.name = 'super-admin')
             AND NOT EXISTS (SELECT 1 FROM group_roles a JOIN roles r ON r.pk = a.role_pk
                 JOIN group_members m ON m.group_pk = a.group_pk JOIN users u ON u.pk = m.user_pk
                 WHERE u.activated AND r.organization_pk IS NULL AND r.name = 'super-admin')",
        "Nobody can manage everything: restore the last good backup, or activate a super admin in the database.",
    ),
    (
        "organizations whose users are not found by all of their words",
        "SELECT o.id FROM organizations o
             LEFT JOIN (SELECT organization_pk, SUM(LENGTH(words) - LENGTH(REPLACE(words, ' ', ''))) AS wanted FROM users
                 GROUP BY organization_pk) u ON u.organization_pk = o.pk
             LEFT JOIN (SELECT organization_pk, COUNT(*) AS found FROM user_words GROUP BY organization_pk) w
                 ON w.organization_pk = o.pk
             WHERE COALESCE(u.wanted, 0) <> COALESCE(w.found, 0) ORDER BY o.id",
        RESTORE,
    ),
    (
        "tables that have another number of rows than one",
        "SELECT name FROM (SELECT 'catalogue' AS name, COUNT(*) AS count FROM catalogue
             UNION ALL SELECT 'cursor_keys', COUNT(*) FROM cursor_keys
             UNION ALL SELECT 'word_fold', COUNT(*) FROM word_fold) one WHERE count <> 1 ORDER BY name",
        RESTORE,
    ),
];

/// Everything that is not as it is in a sound database.
pub async fn broken(connection: &impl ConnectionTrait) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for (what, sql, advice) in RELATIONS {
        let found: Vec<String> = select(connection, sql).await?;
        faults.extend(Fault::of(*what, advice).with(found));
    }
    for table in TABLES {
        let has = |name: &str| table.columns.iter().any(|column| column.name == name);
        if !(has("id") && has("created_at") && has("updated_at")) {
            continue;
        }
        let sql = format!(
            "SELECT id FROM {} WHERE updated_at < created_at ORDER BY id",
            table.name
        );
        let found: Vec<String> = select(connection, &sql).await?;
        faults.extend(
            Fault::of(
                format!("rows of '{}' that were changed before they were created", table.name),
                RESTORE,
            )
            .with(found),
        );
    }
    faults.extend(
        Fault::of(
            "tables whose next key a row has already",
            "New rows fail: restore the last good backup, or raise the sequences.",
        )
        .with(counters::behind(connection).await?),
    );
    Ok(faults)
}
