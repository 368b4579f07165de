//! The statements of both floors. Parameters are numbered in the order of the text, as SQLite counts them.

/// The settings of a connection to PostgreSQL.
pub const PLANNED_ONCE: (&str, &str) = ("plan_cache_mode", "force_generic_plan");

pub const BY_EMAIL: &str = "SELECT id, email, display_name, activated, created_at FROM users
    WHERE organization_pk = $1 AND email = $2";
pub const PAGE: &str = "SELECT id, email, display_name, activated, created_at FROM users
    WHERE organization_pk = $1 ORDER BY pk LIMIT 50";

/// The users of a nested page, each with its tenant and the keys of its groups and roles.
pub const NESTED_POSTGRES: &str = "SELECT u.id, u.email, u.display_name, t.id, t.name,
        ARRAY(SELECT group_pk FROM group_members m WHERE m.user_pk = u.pk ORDER BY group_pk),
        ARRAY(SELECT role_pk FROM user_roles r WHERE r.user_pk = u.pk AND r.scope = 0 ORDER BY role_pk)
    FROM users u LEFT JOIN tenants t ON t.pk = u.tenant_pk
    WHERE u.organization_pk = $1 ORDER BY u.pk LIMIT 100";
/// An organization (0), groups (1) and roles (2), each once.
pub const NAMES_POSTGRES: &str = "SELECT 0, pk, id, name FROM organizations WHERE pk = $1
    UNION ALL SELECT 1, pk, id, name FROM groups WHERE pk = ANY ($2)
    UNION ALL SELECT 2, pk, id, name FROM roles WHERE pk = ANY ($3)";

pub const NESTED_SQLITE: &str = "SELECT u.id, u.email, u.display_name, t.id, t.name, u.pk
    FROM users u LEFT JOIN tenants t ON t.pk = u.tenant_pk
    WHERE u.organization_pk = $1 ORDER BY u.pk LIMIT 100";
/// The keys of their groups (1) and roles (2), in pairs.
pub const PAIRS_SQLITE: &str = "SELECT 1, m.user_pk, m.group_pk
        FROM (SELECT pk FROM users WHERE organization_pk = $1 ORDER BY pk LIMIT 100) u
        CROSS JOIN group_members m ON m.user_pk = u.pk
    UNION ALL SELECT 2, r.user_pk, r.role_pk
        FROM (SELECT pk FROM users WHERE organization_pk = $1 ORDER BY pk LIMIT 100) u
        CROSS JOIN user_roles r ON r.user_pk = u.pk AND r.scope = 0";
/// The lists of keys are JSON.
pub const NAMES_SQLITE: &str = "SELECT 0, pk, id, name FROM organizations WHERE pk = $1
    UNION ALL SELECT 1, g.pk, g.id, g.name FROM json_each($2) j CROSS JOIN groups g ON g.pk = j.value
    UNION ALL SELECT 2, r.pk, r.id, r.name FROM json_each($3) j CROSS JOIN roles r ON r.pk = j.value";

pub const INSERT_USER: &str = "INSERT INTO users
        (id, organization_pk, tenant_pk, email, firstname, lastname, sort_name, activated, words, version, created_at, updated_at)
    VALUES ($1, $2, $3, $4, 'Ada', 'Lovelace', 'ada lovelace', TRUE, $5, 1, $6, $6) RETURNING pk";
pub const INSERT_ROLE: &str =
    "INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at, created_by) VALUES ($1, $2, $3, $4, $5)";
pub const INSERT_EVENT: &str = "INSERT INTO audit_events (id, organization_pk, tenant_pk, actor_pk, actor_id, action, target_kind,
        target_pk, target_id, target_name, subject_id, related, users_change, activated_change, request_id, client_address, created_at)
    VALUES ($1, $2, $3, $4, $5, 'user.create', 'user', $6, $7, 'Ada Lovelace', $7, $8, 1, 1, $9, '127.0.0.1', $10)";

/// All three at once.
pub const CREATE_POSTGRES: &str = "WITH made AS (
        INSERT INTO users
            (id, organization_pk, tenant_pk, email, firstname, lastname, sort_name, activated, words, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, 'Ada', 'Lovelace', 'ada lovelace', TRUE, $5, 1, $6, $6) RETURNING pk
    ), given AS (
        INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at, created_by)
        SELECT pk, $7, $2, $6, $8 FROM made
    )
    INSERT INTO audit_events (id, organization_pk, tenant_pk, actor_pk, actor_id, action, target_kind,
        target_pk, target_id, target_name, subject_id, related, users_change, activated_change, request_id, client_address, created_at)
    SELECT $9, $2, $3, $8, $10, 'user.create', 'user', pk, $1, 'Ada Lovelace', $1, $11, 1, 1, $12, '127.0.0.1', $6 FROM made";
