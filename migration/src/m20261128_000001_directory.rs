//! The whole directory: organizations, tenants, users, groups, roles, keys, sessions, invitations, settings, audit events.
//!
//! Released with 0.2.0, and so never edited again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::Dialect;

pub struct Migration;

impl MigrationName for Migration {
    /// Carries a fingerprint of the statements, so that a database of an earlier edit is known for one.
    fn name(&self) -> &str {
        static NAME: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            let texts = [
                UP,
                WORDS,
                WORDS_SQLITE,
                WORDS_POSTGRES,
                ROLES,
                PERMISSIONS,
                AUDIT_SQLITE,
                AUDIT_POSTGRES,
                AUDIT_INDEXES,
                CURSOR_KEY_SQLITE,
                CURSOR_KEY_POSTGRES,
                SETTINGS_POSTGRES,
                SIZES,
            ]
            .into_iter()
            .flatten();
            format!("m20261128_000001_directory_{:08x}", fingerprint(texts))
        });
        &NAME
    }
}

/// FNV-1a: the same on every build, which the standard library's hash does not promise.
fn fingerprint<'a>(texts: impl Iterator<Item = &'a &'a str>) -> u32 {
    texts.flat_map(|text| text.bytes()).fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// What is left of an id without all that spellings of a UUID differ in.
macro_rules! digits {
    () => {
        concat!(
            "replace(replace(replace(replace(replace(replace(replace(",
            "lower(id), 'urn:', ''), 'uuid:', ''), '-', ''), '{', ''), '}', ''), '(', ''), ')', '')"
        )
    };
}

/// Writes the words of a user in a trigger of SQLite. They have letters and digits only, so they need no escaping.
macro_rules! put {
    () => {
        r#"INSERT INTO user_words (organization_pk, word, user_pk)
           SELECT NEW.organization_pk, value, NEW.pk FROM json_each('["' || replace(ltrim(NEW.words), ' ', '","') || '"]')
           WHERE value <> '';"#
    };
}

/// Removes them.
macro_rules! take {
    () => {
        r#"DELETE FROM user_words
           WHERE organization_pk = OLD.organization_pk AND user_pk = OLD.pk
               AND word IN (SELECT value FROM json_each('["' || replace(ltrim(OLD.words), ' ', '","') || '"]'));"#
    };
}

const UP: &[&str] = &[
    // The number of seats that are taken is kept while there is a limit, so that nobody has to count them under a lock.
    "CREATE TABLE organizations (
        pk {key},
        id {text} NOT NULL CONSTRAINT organizations_id_key UNIQUE,
        name {text} NOT NULL,
        variables {text},
        seat_limit {int},
        seats_used {int},
        mail_allowed BOOLEAN NOT NULL DEFAULT TRUE,
        account_switching BOOLEAN NOT NULL DEFAULT TRUE,
        product_name {text},
        mail_language {text} NOT NULL DEFAULT 'en',
        confirm_email_changes BOOLEAN NOT NULL DEFAULT FALSE,
        sort_name {text} NOT NULL DEFAULT '',
        words {text} NOT NULL DEFAULT '',
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT organizations_seats CHECK ((seat_limit IS NULL) = (seats_used IS NULL) AND seats_used >= 0)
    )",
    "CREATE INDEX organizations_updated ON organizations (updated_at{end})",
    "CREATE INDEX organizations_name ON organizations (sort_name{end})",
    "CREATE TABLE tenants (
        pk {key},
        id {text} NOT NULL CONSTRAINT tenants_id_key UNIQUE,
        organization_pk {int} NOT NULL REFERENCES organizations (pk),
        name {text} NOT NULL,
        variables {text},
        sort_name {text} NOT NULL DEFAULT '',
        words {text} NOT NULL DEFAULT '',
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT tenants_of_organization UNIQUE (organization_pk, pk)
    )",
    "CREATE INDEX tenants_updated ON tenants (updated_at{end})",
    "CREATE INDEX tenants_name ON tenants (sort_name{end})",
    "CREATE INDEX tenants_organization_updated ON tenants (organization_pk, updated_at{end})",
    "CREATE INDEX tenants_organization_name ON tenants (organization_pk, sort_name{end})",
    "CREATE INDEX tenants_organization_id ON tenants (organization_pk, id)",
    // A user's tenant is a tenant of the user's organization: the composite foreign key says so. It does not bind
    // while tenant_pk is null, which is a user of no tenant. `uuid` holds an id that is a UUID in one spelling: products
    // write UUIDs differently, and no two users may be told apart by that alone. For all other ids it is null. A service is a
    // program: it never has a password. Lists are sorted by `sort_name`, the folded name, which the server writes with the
    // row, by `sort_email` and by `sort_user_name`. None is null: NULLs sort differently on the two databases. The order in which rows were
    // made is that of the keys.
    concat!(
        "CREATE TABLE users (
        pk {key},
        id {text} NOT NULL CONSTRAINT users_id_key UNIQUE,
        organization_pk {int} NOT NULL REFERENCES organizations (pk),
        tenant_pk {int},
        email {text},
        name {text},
        firstname {text},
        lastname {text},
        user_name {text},
        user_name_key {text},
        external_id {text},
        profile {text},
        activated BOOLEAN NOT NULL,
        service BOOLEAN NOT NULL DEFAULT FALSE,
        takes_seat BOOLEAN NOT NULL DEFAULT TRUE,
        variables {text},
        password_hash {text},
        password_changed_at {int},
        password_temporary BOOLEAN NOT NULL DEFAULT FALSE,
        password_verified_at {int},
        email_changed_at {int},
        email_verified_at {int},
        last_seen_at {int},
        sort_name {text} NOT NULL DEFAULT '',
        words {text} NOT NULL DEFAULT '',
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        uuid {text} GENERATED ALWAYS AS (CASE
            WHEN length(",
        digits!(),
        ") = 32 AND ltrim(",
        digits!(),
        ", '0123456789abcdef') = '' THEN ",
        digits!(),
        "
        END) STORED CONSTRAINT users_uuid_key UNIQUE,
        display_name {text} GENERATED ALWAYS AS (COALESCE(name, NULLIF(TRIM(COALESCE(firstname, '') || ' ' || COALESCE(lastname, '')), ''), email, id)) {kept},
        sort_email {text} GENERATED ALWAYS AS (COALESCE(email, '')) {kept},
        sort_user_name {text} GENERATED ALWAYS AS (COALESCE(user_name_key, email, id)) {kept},
        CONSTRAINT users_service_without_password CHECK (NOT service OR password_hash IS NULL),
        CONSTRAINT users_person_takes_seat CHECK (service OR takes_seat),
        CONSTRAINT users_tenant_of_organization
            FOREIGN KEY (organization_pk, tenant_pk) REFERENCES tenants (organization_pk, pk)
    )"
    ),
    "CREATE INDEX users_updated ON users (updated_at{end})",
    "CREATE INDEX users_organization_updated ON users (organization_pk, updated_at{end})",
    "CREATE INDEX users_organization_created ON users (organization_pk, created_at{end})",
    "CREATE INDEX users_organization_id ON users (organization_pk, id)",
    "CREATE INDEX users_tenant ON users (organization_pk, tenant_pk{end})",
    "CREATE INDEX users_name ON users (sort_name{end})",
    // Filters by a part of the name read the names in it. (An index of PostgreSQL has 2,700 bytes: enough for both.)
    "CREATE INDEX users_organization_name ON users (organization_pk, sort_name, pk, display_name)",
    "CREATE INDEX users_email ON users (sort_email{end})",
    "CREATE INDEX users_organization_email ON users (organization_pk, sort_email{end})",
    // A person may have an account in each of several organizations, with one address.
    "CREATE UNIQUE INDEX users_email_in_organization ON users (organization_pk, email)",
    // A user without a user name has its address for one. `user_name_key` is the user name as it is compared.
    "CREATE UNIQUE INDEX users_user_name ON users (organization_pk, (COALESCE(user_name_key, email)))",
    "CREATE INDEX users_sort_user_name ON users (sort_user_name{end})",
    "CREATE INDEX users_organization_sort_user_name ON users (organization_pk, sort_user_name{end})",
    "CREATE INDEX users_external_id ON users (organization_pk, external_id) WHERE external_id IS NOT NULL",
    // The accounts of an address, in the order in which one of them is chosen when no organization is named.
    "CREATE INDEX users_accounts ON users (email, (CASE
        WHEN NOT activated OR password_hash IS NULL THEN 3
        WHEN password_verified_at IS NOT NULL THEN 0
        WHEN email_verified_at IS NOT NULL THEN 1
        ELSE 2
    END), (COALESCE(email_verified_at, email_changed_at, created_at)), pk) WHERE email IS NOT NULL",
    // Counts an organization's activated users, and its seats, without visiting them.
    "CREATE INDEX users_activated ON users (organization_pk, activated, takes_seat)",
    // What composite foreign keys to users point to.
    "CREATE UNIQUE INDEX users_of_organization ON users (organization_pk, pk)",
    // Built-in roles and product-wide ones belong to no organization. The permissions of built-in ones stand in the server,
    // those of all others here, as names parted by blanks.
    "CREATE TABLE roles (
        pk {key},
        id {text} NOT NULL CONSTRAINT roles_id_key UNIQUE,
        organization_pk {int} REFERENCES organizations (pk) ON DELETE CASCADE,
        product BOOLEAN NOT NULL DEFAULT FALSE,
        name {text} NOT NULL,
        description {text},
        permissions {text} NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT roles_of_product CHECK (organization_pk IS NULL OR NOT product)
    )",
    "CREATE UNIQUE INDEX roles_organization_name ON roles (organization_pk, name)",
    "CREATE UNIQUE INDEX roles_built_in_name ON roles (name) WHERE organization_pk IS NULL",
    "CREATE INDEX roles_updated ON roles (updated_at{end})",
    "CREATE INDEX roles_name ON roles (name{end})",
    "CREATE INDEX roles_organization ON roles (organization_pk{end})",
    // Who access tokens are for, and what tokens for it contain. `default` is this server.
    "CREATE TABLE resource_servers (
        pk {key},
        id {text} NOT NULL CONSTRAINT resource_servers_id_key UNIQUE,
        name {text} NOT NULL,
        settings {text} NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    // The permissions that a role can hold, by name. `bit` is what stands for a declared one in memory; it stays taken for
    // a day after the deletion, because a process may still hold a set with it. Built-in ones have none.
    "CREATE TABLE permissions (
        pk {key},
        id {text} NOT NULL,
        description {text},
        bit {int} CONSTRAINT permissions_bit_key UNIQUE CONSTRAINT permissions_bit CHECK (bit BETWEEN 0 AND 1023),
        lowest_role {text} NOT NULL,
        resource_server_pk {int} REFERENCES resource_servers (pk),
        deleted_at {int},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    "CREATE UNIQUE INDEX permissions_id ON permissions (id) WHERE deleted_at IS NULL",
    "CREATE INDEX permissions_resource_server ON permissions (resource_server_pk)",
    // One row. Every change of permissions raises the version, and is alone with it. `faces` are the names of the faces that
    // are on, parted by commas; null until the first start.
    "CREATE TABLE catalogue (
        pk {key},
        version {int} NOT NULL,
        faces {text},
        applied_revision {int}
    )",
    // With a tenant, an assignment holds for that tenant only, and goes with it. Composite foreign keys, of which the one
    // with the tenant does not bind without a tenant, keep user and tenant in one organization; with a user who moves, the
    // organization moves. `scope` is the tenant, or 0 for the whole organization: a primary key has no nulls. `created_by`
    // is the key of who really made it. No foreign key follows it, which would need an index: keys are never given out
    // twice, so that of a deleted user names nobody.
    "CREATE TABLE user_roles (
        user_pk {int} NOT NULL,
        role_pk {int} NOT NULL REFERENCES roles (pk) ON DELETE CASCADE,
        organization_pk {int} NOT NULL,
        tenant_pk {int},
        scope {int} NOT NULL DEFAULT 0,
        created_at {int} NOT NULL,
        created_by {int},
        PRIMARY KEY (user_pk, role_pk, scope),
        CONSTRAINT user_roles_scope CHECK (scope = COALESCE(tenant_pk, 0)),
        CONSTRAINT user_roles_user_of_organization
            FOREIGN KEY (organization_pk, user_pk) REFERENCES users (organization_pk, pk)
            ON UPDATE CASCADE ON DELETE CASCADE,
        CONSTRAINT user_roles_tenant_of_organization
            FOREIGN KEY (organization_pk, tenant_pk) REFERENCES tenants (organization_pk, pk) ON DELETE CASCADE
    ){pairs}",
    "CREATE INDEX user_roles_tenant ON user_roles (tenant_pk, user_pk) WHERE tenant_pk IS NOT NULL",
    // The users of one organization who have a built-in role are found without those of all others.
    "CREATE INDEX user_roles_role ON user_roles (role_pk, organization_pk, user_pk)",
    // Only the SHA-256 of a key is kept, and the first characters for people to tell keys apart. `creator_pk` is who
    // really made it: the owner, an administrator, or who impersonated one of them.
    "CREATE TABLE api_keys (
        pk {key},
        id {text} NOT NULL CONSTRAINT api_keys_id_key UNIQUE,
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        creator_pk {int} REFERENCES users (pk) ON DELETE SET NULL,
        name {text} NOT NULL,
        description {text},
        digest {text} NOT NULL CONSTRAINT api_keys_digest_key UNIQUE,
        prefix {text} NOT NULL,
        permissions {text},
        expires_at {int},
        revoked_at {int},
        last_used_at {int},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    // The name of a revoked key is free again.
    "CREATE UNIQUE INDEX api_keys_user_name ON api_keys (user_pk, name) WHERE revoked_at IS NULL",
    "CREATE INDEX api_keys_user ON api_keys (user_pk{end})",
    "CREATE INDEX api_keys_creator ON api_keys (creator_pk)",
    // A mailed promise that lets its holder set a password once.
    "CREATE TABLE password_tokens (
        pk {key},
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        digest {text} NOT NULL CONSTRAINT password_tokens_digest_key UNIQUE,
        expires_at {int} NOT NULL,
        used_at {int},
        created_at {int} NOT NULL
    )",
    "CREATE INDEX password_tokens_user ON password_tokens (user_pk)",
    "CREATE TABLE groups (
        pk {key},
        id {text} NOT NULL CONSTRAINT groups_id_key UNIQUE,
        organization_pk {int} NOT NULL REFERENCES organizations (pk) ON DELETE CASCADE,
        key {text} NOT NULL,
        name {text} NOT NULL,
        description {text},
        external_id {text},
        name_key {text} NOT NULL DEFAULT '',
        sort_name {text} NOT NULL DEFAULT '',
        words {text} NOT NULL DEFAULT '',
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT groups_organization_key UNIQUE (organization_pk, key),
        CONSTRAINT groups_of_organization UNIQUE (organization_pk, pk)
    )",
    "CREATE INDEX groups_updated ON groups (updated_at{end})",
    "CREATE INDEX groups_name ON groups (sort_name{end})",
    "CREATE INDEX groups_organization_updated ON groups (organization_pk, updated_at{end})",
    "CREATE INDEX groups_organization_name ON groups (organization_pk, sort_name{end})",
    "CREATE INDEX groups_organization_id ON groups (organization_pk, id)",
    "CREATE INDEX groups_external_id ON groups (organization_pk, external_id) WHERE external_id IS NOT NULL",
    "CREATE INDEX groups_name_key ON groups (organization_pk, name_key)",
    "CREATE INDEX groups_organization_created ON groups (organization_pk, created_at)",
    // A member is a user of the group's organization: one organization_pk stands in both composite foreign keys. So a
    // user cannot leave the organization either while it is still a member.
    "CREATE TABLE group_members (
        group_pk {int} NOT NULL,
        user_pk {int} NOT NULL,
        organization_pk {int} NOT NULL,
        created_at {int} NOT NULL,
        created_by {int},
        PRIMARY KEY (group_pk, user_pk),
        CONSTRAINT group_members_group_of_organization
            FOREIGN KEY (organization_pk, group_pk) REFERENCES groups (organization_pk, pk) ON DELETE CASCADE,
        CONSTRAINT group_members_user_of_organization
            FOREIGN KEY (organization_pk, user_pk) REFERENCES users (organization_pk, pk) ON DELETE CASCADE
    ){pairs}",
    "CREATE INDEX group_members_user ON group_members (user_pk, group_pk)",
    // Built-in roles belong to no organization, so no composite key can hold these together; the server does.
    "CREATE TABLE group_roles (
        group_pk {int} NOT NULL,
        role_pk {int} NOT NULL REFERENCES roles (pk) ON DELETE CASCADE,
        organization_pk {int} NOT NULL,
        tenant_pk {int},
        scope {int} NOT NULL DEFAULT 0,
        created_at {int} NOT NULL,
        created_by {int},
        PRIMARY KEY (group_pk, role_pk, scope),
        CONSTRAINT group_roles_scope CHECK (scope = COALESCE(tenant_pk, 0)),
        CONSTRAINT group_roles_group_of_organization
            FOREIGN KEY (organization_pk, group_pk) REFERENCES groups (organization_pk, pk) ON DELETE CASCADE,
        CONSTRAINT group_roles_tenant_of_organization
            FOREIGN KEY (organization_pk, tenant_pk) REFERENCES tenants (organization_pk, pk) ON DELETE CASCADE
    ){pairs}",
    "CREATE INDEX group_roles_tenant ON group_roles (tenant_pk, group_pk) WHERE tenant_pk IS NOT NULL",
    "CREATE INDEX group_roles_role ON group_roles (role_pk, organization_pk, group_pk)",
    // Of a session's refresh tokens one digest is kept, that of the part which all of them share; `generation` says
    // which of them is the present one. `parent_pk` or `api_key_pk` is the credential an impersonation was begun with.
    "CREATE TABLE sessions (
        pk {key},
        id {text} NOT NULL CONSTRAINT sessions_id_key UNIQUE,
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        family {text} NOT NULL CONSTRAINT sessions_family_key UNIQUE,
        generation {int} NOT NULL,
        rotated_at {int} NOT NULL,
        verified BOOLEAN NOT NULL DEFAULT FALSE,
        authenticated_at {int},
        impersonator_pk {int} REFERENCES users (pk) ON DELETE CASCADE,
        parent_pk {int} REFERENCES sessions (pk) ON DELETE CASCADE,
        api_key_pk {int} REFERENCES api_keys (pk) ON DELETE CASCADE,
        reason {text},
        expires_at {int} NOT NULL,
        ended_at {int},
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    "CREATE INDEX sessions_user ON sessions (user_pk{end})",
    "CREATE INDEX sessions_user_updated ON sessions (user_pk, updated_at{end})",
    "CREATE INDEX sessions_impersonator ON sessions (impersonator_pk{end})",
    "CREATE INDEX sessions_parent ON sessions (parent_pk)",
    "CREATE INDEX sessions_api_key ON sessions (api_key_pk)",
    // `sealed` is the private half, encrypted with a key that is not in the database.
    "CREATE TABLE signing_keys (
        pk {key},
        id {text} NOT NULL CONSTRAINT signing_keys_id_key UNIQUE,
        algorithm {text} NOT NULL,
        public {text} NOT NULL,
        sealed {text} NOT NULL,
        signs_from {int} NOT NULL,
        ends_at {int},
        created_at {int} NOT NULL
    )",
    // Buckets are digests: what was typed into a sign-in, often a password in the wrong field, is not kept.
    "CREATE TABLE sign_in_attempts (
        bucket {text} PRIMARY KEY,
        failures {int} NOT NULL,
        started_at {int} NOT NULL,
        blocked_until {int} NOT NULL,
        forget_at {int} NOT NULL
    )",
    "CREATE INDEX sign_in_attempts_forget ON sign_in_attempts (forget_at)",
    // An invitation goes with its tenant: whoever accepted it later would land beside it.
    "CREATE TABLE invitations (
        pk {key},
        id {text} NOT NULL CONSTRAINT invitations_id_key UNIQUE,
        organization_pk {int} NOT NULL REFERENCES organizations (pk) ON DELETE CASCADE,
        tenant_pk {int},
        email {text} NOT NULL,
        digest {text} NOT NULL CONSTRAINT invitations_digest_key UNIQUE,
        expires_at {int} NOT NULL,
        accepted_at {int},
        withdrawn_at {int},
        mailed_at {int},
        mail_failed_at {int},
        mail_problem {text},
        inviter_pk {int} REFERENCES users (pk) ON DELETE SET NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT invitations_tenant_of_organization
            FOREIGN KEY (organization_pk, tenant_pk) REFERENCES tenants (organization_pk, pk) ON DELETE CASCADE
    )",
    // One open invitation per address and tenant. The server also sees to it that there is only one per organization, but
    // for those who may not know about the other tenants.
    "CREATE UNIQUE INDEX invitations_open ON invitations (organization_pk, email, (COALESCE(tenant_pk, 0)))
        WHERE accepted_at IS NULL AND withdrawn_at IS NULL",
    "CREATE INDEX invitations_updated ON invitations (updated_at{end})",
    "CREATE INDEX invitations_email ON invitations (email{end})",
    "CREATE INDEX invitations_organization ON invitations (organization_pk{end})",
    "CREATE INDEX invitations_organization_updated ON invitations (organization_pk, updated_at{end})",
    "CREATE INDEX invitations_organization_email ON invitations (organization_pk, email{end})",
    "CREATE INDEX invitations_organization_id ON invitations (organization_pk, id)",
    "CREATE INDEX invitations_tenant ON invitations (organization_pk, tenant_pk{end})",
    "CREATE INDEX invitations_inviter ON invitations (inviter_pk)",
    "CREATE TABLE invitation_roles (
        invitation_pk {int} NOT NULL REFERENCES invitations (pk) ON DELETE CASCADE,
        role_pk {int} NOT NULL REFERENCES roles (pk) ON DELETE CASCADE,
        tenant_pk {int} REFERENCES tenants (pk) ON DELETE CASCADE,
        scope {int} NOT NULL DEFAULT 0,
        PRIMARY KEY (invitation_pk, role_pk, scope),
        CONSTRAINT invitation_roles_scope CHECK (scope = COALESCE(tenant_pk, 0))
    ){pairs}",
    "CREATE INDEX invitation_roles_tenant ON invitation_roles (tenant_pk) WHERE tenant_pk IS NOT NULL",
    "CREATE INDEX invitation_roles_role ON invitation_roles (role_pk)",
    // One row a key, so that two updates of different keys cannot undo each other.
    "CREATE TABLE settings (
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        key {text} NOT NULL,
        value {text} NOT NULL,
        PRIMARY KEY (user_pk, key)
    )",
    // Mutations with an `Idempotency-Key`, for a day. Who asked for what is known by digests alone, with a key that is not in the
    // database, and the answer is sealed with it. A foreign key to the caller would lock the caller's row for each.
    "CREATE TABLE answered_requests (
        digest {text} NOT NULL PRIMARY KEY,
        request {text} NOT NULL,
        rights {text} NOT NULL,
        target_id {text},
        answer {text},
        created_at {int} NOT NULL
    )",
    "CREATE INDEX answered_requests_created ON answered_requests (created_at)",
    // A mailed proof that somebody reads what is sent to this address. `changes`: it becomes the user's address once the
    // token is used; a user has at most one such token.
    "CREATE TABLE email_tokens (
        pk {key},
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        email {text} NOT NULL,
        changes BOOLEAN NOT NULL DEFAULT FALSE,
        requester_pk {int} REFERENCES users (pk) ON DELETE CASCADE,
        digest {text} NOT NULL CONSTRAINT email_tokens_digest_key UNIQUE,
        expires_at {int} NOT NULL,
        created_at {int} NOT NULL
    )",
    "CREATE INDEX email_tokens_user ON email_tokens (user_pk)",
    "CREATE INDEX email_tokens_requester ON email_tokens (requester_pk)",
    "CREATE UNIQUE INDEX email_tokens_change ON email_tokens (user_pk) WHERE changes",
    // Mails on their way, deleted once sent or given up. What holds a token is sealed with a key that is not in the database,
    // and goes with what the token is for. `leased_until`: a process has taken it and is sending it.
    "CREATE TABLE mails (
        pk {key},
        id {text} NOT NULL CONSTRAINT mails_id_key UNIQUE,
        user_pk {int} REFERENCES users (pk) ON DELETE CASCADE,
        invitation_pk {int} REFERENCES invitations (pk) ON DELETE CASCADE,
        recipient {text} NOT NULL,
        kind {text} NOT NULL,
        letter {text} NOT NULL,
        sealed BOOLEAN NOT NULL,
        withheld BOOLEAN NOT NULL DEFAULT FALSE,
        attempts {int} NOT NULL,
        due_at {int} NOT NULL,
        leased_until {int} NOT NULL,
        ends_at {int} NOT NULL,
        request_id {text} NOT NULL,
        created_at {int} NOT NULL
    )",
    "CREATE INDEX mails_due ON mails (due_at, pk)",
    "CREATE INDEX mails_user ON mails (user_pk)",
    "CREATE INDEX mails_invitation ON mails (invitation_pk)",
    // How many mails went somewhere, or came from somebody, within the hour. Buckets are digests.
    "CREATE TABLE mail_limits (
        bucket {text} PRIMARY KEY,
        count {int} NOT NULL,
        started_at {int} NOT NULL
    )",
    "CREATE INDEX mail_limits_started ON mail_limits (started_at)",
    // Addresses for which somebody asked for a new password, whether or not anybody has them.
    "CREATE TABLE password_requests (
        pk {key},
        email {text} NOT NULL,
        organization_id {text},
        request_id {text} NOT NULL,
        client_address {text},
        user_agent {text},
        created_at {int} NOT NULL
    )",
    // One row. Cursors of lists are encrypted with it, because internal keys tell how many rows there are.
    "CREATE TABLE cursor_keys (
        pk {key},
        secret {text} NOT NULL
    )",
    // Who a user is to another identity provider: one identity each.
    "CREATE TABLE federated_identities (
        pk {key},
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        identity_provider {text} NOT NULL,
        user_id {text} NOT NULL,
        user_name {text} NOT NULL,
        CONSTRAINT federated_identities_provider UNIQUE (user_pk, identity_provider)
    )",
];

/// The built-in roles: ids that never change, on any server.
const ROLES: &[&str] = &[
    "INSERT INTO roles (id, name, permissions, version, created_at, updated_at) VALUES
        ('01900000-0000-7000-8000-000000000001', 'trial-user', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000002', 'user', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000003', 'api-user', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000004', 'admin', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000005', 'organization-admin', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000006', 'super-admin', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000007', 'trial-api-user', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000008', 'team-manager', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000009', 'labeler', '', 1, 0, 0),
        ('01900000-0000-7000-8000-00000000000a', 'reviewer', '', 1, 0, 0),
        ('01900000-0000-7000-8000-00000000000b', 'tenant-admin', '', 1, 0, 0)",
];

/// The built-in ones; the order is that of the role hierarchy.
const PERMISSIONS: &[&str] = &[
    "INSERT INTO permissions (id, lowest_role, version, created_at, updated_at) VALUES
        ('read:semantic-context', 'TRIAL_USER', 1, 0, 0),
        ('read:liked-queries', 'TRIAL_USER', 1, 0, 0),
        ('read:databases', 'TRIAL_USER', 1, 0, 0),
        ('read:similarity-search-index', 'TRIAL_USER', 1, 0, 0),
        ('write:semantic-context', 'USER', 1, 0, 0),
        ('write:liked-queries', 'USER', 1, 0, 0),
        ('write:databases', 'USER', 1, 0, 0),
        ('usage:api', 'API_USER', 1, 0, 0),
        ('write:access_key', 'API_USER', 1, 0, 0),
        ('publish:semantic-context', 'ADMIN', 1, 0, 0),
        ('publish:liked-queries', 'ADMIN', 1, 0, 0),
        ('publish:access-rules', 'ADMIN', 1, 0, 0),
        ('push:databases', 'ADMIN', 1, 0, 0),
        ('write:similarity-search-index', 'ADMIN', 1, 0, 0),
        ('read:user', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('write:user', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('read:tenant', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('write:tenant', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('read:group', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('write:group', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('read:role', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('write:role', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('read:org', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('read:audit', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('usage:impersonation', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('read:usage-report', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('tenantry:organization-settings', 'ORGANIZATION_ADMIN', 1, 0, 0),
        ('write:org', 'SUPER_ADMIN', 1, 0, 0),
        ('tenantry:introspect', 'SUPER_ADMIN', 1, 0, 0)",
    "INSERT INTO resource_servers (id, name, settings, version, created_at, updated_at) VALUES
        ('default', 'default', '{}', 1, 0, 0)",
    "INSERT INTO catalogue (version) VALUES (1)",
];

/// Events outlive what they speak of: no foreign keys. Keys tell two things of one id apart, ids are for people. `count` is
/// how often it happened within a minute: refusals are folded. `subject_id` is the user that it concerns: the target, or whose
/// key, session or membership the target is. Names are those of the moment.
///
/// One writer at a time: the key is the order of commits. `INSERT OR REPLACE` deletes a row without the triggers of a
/// deletion, and has one of its own.
const AUDIT_SQLITE: &[&str] = &[
    "CREATE TABLE audit_events (
        pk {key},
        id {text} NOT NULL CONSTRAINT audit_events_id_key UNIQUE,
        organization_pk {int},
        tenant_pk {int},
        actor_pk {int},
        actor_id {text},
        impersonator_pk {int},
        impersonator_id {text},
        action {text} NOT NULL,
        target_kind {text} NOT NULL,
        target_pk {int},
        target_id {text} NOT NULL,
        target_name {text},
        subject_id {text},
        related {text},
        fields {text},
        reason {text},
        users_change {int},
        activated_change {int},
        request_id {text},
        client_address {text},
        user_agent {text},
        count {int} NOT NULL DEFAULT 1,
        refused BOOLEAN NOT NULL DEFAULT FALSE,
        position {int} GENERATED ALWAYS AS (pk) VIRTUAL,
        created_at {int} NOT NULL
    )",
    "CREATE TRIGGER audit_events_unchanged BEFORE UPDATE ON audit_events
         BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END",
    "CREATE TRIGGER audit_events_undeleted BEFORE DELETE ON audit_events
         BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END",
    "CREATE TRIGGER audit_events_unreplaced BEFORE INSERT ON audit_events
         WHEN EXISTS (SELECT 1 FROM audit_events WHERE pk = NEW.pk OR id = NEW.id)
         BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END",
];

/// The words of users by organization. `users.words` says which: each with a space before it. Triggers write them, so that
/// they are right whatever inserts, changes, moves or deletes a user. `word_fold` has one row: the version of the rules by
/// which all words were folded.
const WORDS: &[&str] = &[
    "CREATE TABLE user_words (
        organization_pk {int} NOT NULL,
        word {text} NOT NULL,
        user_pk {int} NOT NULL,
        PRIMARY KEY (organization_pk, word, user_pk)
    ){pairs}",
    "CREATE TABLE word_fold (
        pk {key},
        version {int} NOT NULL
    )",
    "INSERT INTO word_fold (version) VALUES (1)",
];

const WORDS_SQLITE: &[&str] = &[
    concat!(
        "CREATE TRIGGER users_words_insert AFTER INSERT ON users WHEN NEW.words <> '' BEGIN ",
        put!(),
        " END"
    ),
    concat!(
        "CREATE TRIGGER users_words_delete AFTER DELETE ON users WHEN OLD.words <> '' BEGIN ",
        take!(),
        " END"
    ),
    concat!(
        "CREATE TRIGGER users_words_update AFTER UPDATE OF words, organization_pk ON users
         WHEN OLD.words <> NEW.words OR OLD.organization_pk <> NEW.organization_pk BEGIN ",
        take!(),
        " ",
        put!(),
        " END"
    ),
];

const WORDS_POSTGRES: &[&str] = &[
    "CREATE FUNCTION users_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM user_words
            WHERE organization_pk = OLD.organization_pk
                AND word = ANY (string_to_array(ltrim(OLD.words), ' '))
                AND user_pk = OLD.pk;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO user_words (organization_pk, word, user_pk)
            SELECT NEW.organization_pk, word, NEW.pk FROM unnest(string_to_array(ltrim(NEW.words), ' ')) AS word;
        END IF;
        RETURN NULL;
    END $$",
    "CREATE TRIGGER users_words_insert AFTER INSERT ON users
         FOR EACH ROW WHEN (NEW.words <> '') EXECUTE FUNCTION users_words()",
    "CREATE TRIGGER users_words_delete AFTER DELETE ON users
         FOR EACH ROW WHEN (OLD.words <> '') EXECUTE FUNCTION users_words()",
    "CREATE TRIGGER users_words_update AFTER UPDATE OF words, organization_pk ON users
         FOR EACH ROW WHEN (OLD.words <> NEW.words OR OLD.organization_pk <> NEW.organization_pk)
         EXECUTE FUNCTION users_words()",
];

/// Transactions commit in another order than they count up keys. Their own numbers order them so that a reader can tell
/// which ones are still under way: a position is the transaction's number, then a counter within it. Those numbers begin
/// anew on every server: what is added to them stands in a function, which costs a statement nothing, goes with a dump, and
/// is raised at the first start after a restore.
const AUDIT_POSTGRES: &[&str] = &[
    "CREATE FUNCTION audit_events_era() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint'",
    "CREATE SEQUENCE audit_events_within AS BIGINT",
    "CREATE TABLE audit_events (
        pk {key},
        id {text} NOT NULL CONSTRAINT audit_events_id_key UNIQUE,
        organization_pk {int},
        tenant_pk {int},
        actor_pk {int},
        actor_id {text},
        impersonator_pk {int},
        impersonator_id {text},
        action {text} NOT NULL,
        target_kind {text} NOT NULL,
        target_pk {int},
        target_id {text} NOT NULL,
        target_name {text},
        subject_id {text},
        related {text},
        fields {text},
        reason {text},
        users_change {int},
        activated_change {int},
        request_id {text},
        client_address {text},
        user_agent {text},
        count {int} NOT NULL DEFAULT 1,
        refused BOOLEAN NOT NULL DEFAULT FALSE,
        position {int} NOT NULL DEFAULT
            (((audit_events_era() + pg_current_xact_id()::text::bigint) << 20) + (nextval('audit_events_within') & 1048575)),
        created_at {int} NOT NULL
    )",
    "CREATE FUNCTION audit_events_unchanged() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'audit events are never changed'; END $$",
    "CREATE TRIGGER audit_events_unchanged BEFORE UPDATE OR DELETE ON audit_events
         FOR EACH ROW EXECUTE FUNCTION audit_events_unchanged()",
    "CREATE TRIGGER audit_events_untruncated BEFORE TRUNCATE ON audit_events
         FOR EACH STATEMENT EXECUTE FUNCTION audit_events_unchanged()",
];

const AUDIT_INDEXES: &[&str] = &[
    "CREATE INDEX audit_events_position ON audit_events (position{end})",
    "CREATE INDEX audit_events_organization_position ON audit_events (organization_pk, position{end})",
    "CREATE INDEX audit_events_tenant_position ON audit_events (organization_pk, tenant_pk, position{end})
        WHERE tenant_pk IS NOT NULL",
    "CREATE INDEX audit_events_organization_target ON audit_events (organization_pk, target_id, position)",
    // Who acted is asked for by id: the internal key is nowhere in a filter.
    "CREATE INDEX audit_events_organization_actor ON audit_events (organization_pk, actor_id, position)",
    "CREATE INDEX audit_events_organization_impersonator ON audit_events (organization_pk, impersonator_id, position)
        WHERE impersonator_id IS NOT NULL",
    "CREATE INDEX audit_events_organization_subject ON audit_events (organization_pk, subject_id, position)
        WHERE subject_id IS NOT NULL",
    "CREATE INDEX audit_events_created ON audit_events (created_at{end})",
    "CREATE INDEX audit_events_organization_created ON audit_events (organization_pk, created_at{end})",
    "CREATE INDEX audit_events_tenant_created ON audit_events (organization_pk, tenant_pk, created_at{end})
        WHERE tenant_pk IS NOT NULL",
];

/// 128 bits, as 32 hex digits.
const CURSOR_KEY_SQLITE: &[&str] = &["INSERT INTO cursor_keys (secret) VALUES (lower(hex(randomblob(16))))"];
const CURSOR_KEY_POSTGRES: &[&str] =
    &["INSERT INTO cursor_keys (secret) VALUES (replace(gen_random_uuid()::text, '-', ''))"];

/// The statements of this server are planned once for all organizations, so the plan must suit small and large ones:
/// PostgreSQL is told that an organization or a tenant has a thousand rows, and a role two users. `fillfactor`
/// leaves room in a page for a user's next version, which `last_seen_at` then needs no index entries for. Many new rows
/// soon need a vacuum, or lists and counts visit them one by one. A tenant decides its organization: otherwise the two
/// would seem to leave a few rows only, and a page of a large tenant would begin with reading and sorting all of it.
const SETTINGS_POSTGRES: &[&str] = &[
    "ALTER TABLE users SET (fillfactor = 90, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.05)",
    "ALTER TABLE group_members SET (autovacuum_vacuum_insert_scale_factor = 0.02)",
    "ALTER TABLE users ALTER COLUMN organization_pk SET (n_distinct = -0.001)",
    "ALTER TABLE users ALTER COLUMN tenant_pk SET (n_distinct = -0.001)",
    "ALTER TABLE tenants ALTER COLUMN organization_pk SET (n_distinct = -0.001)",
    "ALTER TABLE groups ALTER COLUMN organization_pk SET (n_distinct = -0.001)",
    "ALTER TABLE invitations ALTER COLUMN organization_pk SET (n_distinct = -0.001)",
    "ALTER TABLE invitations ALTER COLUMN tenant_pk SET (n_distinct = -0.001)",
    "ALTER TABLE user_roles ALTER COLUMN role_pk SET (n_distinct = -0.5)",
    "ALTER TABLE group_roles ALTER COLUMN role_pk SET (n_distinct = -0.5)",
    "ALTER TABLE audit_events ALTER COLUMN organization_pk SET (n_distinct = -0.001)",
    "ALTER TABLE audit_events ALTER COLUMN tenant_pk SET (n_distinct = -0.001)",
    "CREATE STATISTICS users_tenant_decides (dependencies) ON organization_pk, tenant_pk FROM users",
    "CREATE STATISTICS audit_events_tenant_decides (dependencies) ON organization_pk, tenant_pk FROM audit_events",
    "CREATE STATISTICS invitations_tenant_decides (dependencies) ON organization_pk, tenant_pk FROM invitations",
];

/// SQLite takes an organization for ten rows unless told otherwise, and then would rather read all of it in the list's order
/// than look up an id, an address or a tenant. So it is told, once and for any size, that an organization is a fiftieth of
/// a table: rows in all, then rows for each value of the index's first column, of its first two, and so on. Every index
/// that starts with the organization, or one left out would seem the better. Were it a larger part, several organizations
/// would seem more than the table, which would then be walked; a smaller one, and a tenant or an actor would seem more
/// than the organization. Of roles an organization has few, and everybody sees the built-in ones beside them.
///
/// (`ANALYZE` would count, and find the same only in a directory that is large already.)
///
/// The tables are made anew, so that connections that are open read the schema, and with it this, again.
const SIZES: &[&str] = &[
    "DROP TABLE IF EXISTS sqlite_stat1",
    "DROP TABLE IF EXISTS sqlite_stat4",
    "ANALYZE sqlite_schema",
    "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
         ('users', 'users_organization_updated', '1000000 20000 2'),
         ('users', 'users_organization_created', '1000000 20000 2'),
         ('users', 'users_tenant', '1000000 20000 20'),
         ('users', 'users_organization_id', '1000000 20000 1'),
         ('users', 'users_organization_email', '1000000 20000 2'),
         ('users', 'users_organization_name', '1000000 20000 10 1 1'),
         ('users', 'users_email_in_organization', '1000000 20000 1'),
         ('users', 'users_user_name', '1000000 20000 1'),
         ('users', 'users_organization_sort_user_name', '1000000 20000 1'),
         ('users', 'users_external_id', '1000000 20000 2'),
         ('users', 'users_accounts', '1000000 2 2 1 1'),
         ('users', 'users_of_organization', '1000000 20000 1'),
         ('users', 'users_activated', '1000000 20000 10000 10000'),
         ('user_words', 'user_words', '4000000 80000 20 1'),
         ('tenants', 'tenants_organization_updated', '100000 2000 2'),
         ('tenants', 'tenants_organization_name', '100000 2000 2'),
         ('tenants', 'tenants_organization_id', '100000 2000 1'),
         ('tenants', 'sqlite_autoindex_tenants_2', '100000 2000 1'),
         ('groups', 'groups_organization_updated', '100000 2000 2'),
         ('groups', 'groups_organization_name', '100000 2000 2'),
         ('groups', 'groups_organization_id', '100000 2000 1'),
         ('groups', 'groups_external_id', '100000 2000 1'),
         ('groups', 'groups_name_key', '100000 2000 1'),
         ('groups', 'groups_organization_created', '100000 2000 2'),
         ('groups', 'sqlite_autoindex_groups_2', '100000 2000 1'),
         ('groups', 'sqlite_autoindex_groups_3', '100000 2000 1'),
         ('roles', 'roles_organization', '100000 10'),
         ('roles', 'roles_organization_name', '100000 10 1'),
         ('invitations', 'invitations_open', '100000 2000 1 1'),
         ('invitations', 'invitations_organization', '100000 2000'),
         ('invitations', 'invitations_organization_updated', '100000 2000 2'),
         ('invitations', 'invitations_organization_email', '100000 2000 2'),
         ('invitations', 'invitations_organization_id', '100000 2000 1'),
         ('invitations', 'invitations_tenant', '100000 2000 20'),
         ('audit_events', 'audit_events_organization_position', '1000000 20000 1'),
         ('audit_events', 'audit_events_tenant_position', '1000000 20000 100 1'),
         ('audit_events', 'audit_events_organization_target', '1000000 20000 10 1'),
         ('audit_events', 'audit_events_organization_actor', '1000000 20000 1000 1'),
         ('audit_events', 'audit_events_organization_impersonator', '100000 20000 1000 1'),
         ('audit_events', 'audit_events_organization_subject', '1000000 20000 10 1'),
         ('audit_events', 'audit_events_organization_created', '1000000 20000 1'),
         ('audit_events', 'audit_events_tenant_created', '1000000 20000 100 1')",
    "ANALYZE sqlite_schema",
];

const DOWN: &[&str] = &[
    "DROP TABLE audit_events",
    "DROP TABLE catalogue",
    "DROP TABLE permissions",
    "DROP TABLE resource_servers",
    "DROP TABLE federated_identities",
    "DROP TABLE cursor_keys",
    "DROP TABLE password_requests",
    "DROP TABLE mail_limits",
    "DROP TABLE mails",
    "DROP TABLE email_tokens",
    "DROP TABLE answered_requests",
    "DROP TABLE settings",
    "DROP TABLE invitation_roles",
    "DROP TABLE invitations",
    "DROP TABLE sign_in_attempts",
    "DROP TABLE signing_keys",
    "DROP TABLE sessions",
    "DROP TABLE group_roles",
    "DROP TABLE group_members",
    "DROP TABLE groups",
    "DROP TABLE password_tokens",
    "DROP TABLE api_keys",
    "DROP TABLE user_roles",
    "DROP TABLE roles",
    "DROP TABLE users",
    "DROP TABLE user_words",
    "DROP TABLE word_fold",
    "DROP TABLE tenants",
    "DROP TABLE organizations",
];

const DOWN_SQLITE: &[&str] = &["DROP TABLE IF EXISTS sqlite_stat1", "DROP TABLE IF EXISTS sqlite_stat4"];

const DOWN_POSTGRES: &[&str] = &[
    "DROP FUNCTION users_words()",
    "DROP FUNCTION audit_events_unchanged()",
    "DROP SEQUENCE audit_events_within",
    "DROP FUNCTION audit_events_era()",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, &statements(manager.get_connection().get_database_backend())).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, DOWN).await?;
        Dialect::run(manager, own(manager, DOWN_SQLITE, DOWN_POSTGRES)).await
    }
}

/// What `up` runs, in order.
pub(crate) fn statements(database: DbBackend) -> Vec<&'static str> {
    let own = |sqlite, postgres| of(database, sqlite, postgres);
    [
        UP,
        WORDS,
        own(WORDS_SQLITE, WORDS_POSTGRES),
        ROLES,
        PERMISSIONS,
        own(AUDIT_SQLITE, AUDIT_POSTGRES),
        AUDIT_INDEXES,
        own(CURSOR_KEY_SQLITE, CURSOR_KEY_POSTGRES),
        own(SIZES, SETTINGS_POSTGRES),
    ]
    .concat()
}

/// Those of the database at hand.
fn own<'a>(manager: &SchemaManager<'_>, sqlite: &'a [&'a str], postgres: &'a [&'a str]) -> &'a [&'a str] {
    of(manager.get_connection().get_database_backend(), sqlite, postgres)
}

fn of<'a>(database: DbBackend, sqlite: &'a [&'a str], postgres: &'a [&'a str]) -> &'a [&'a str] {
    match database {
        DbBackend::Sqlite => sqlite,
        _ => postgres,
    }
}
