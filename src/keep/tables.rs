//! Every table with its columns, in an order in which each refers only to itself and to those before it. A test compares
//! them with the schema of both databases.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
    /// SQLite stores it as 0 or 1.
    Flag,
}

/// Who writes a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    ByUs,
    /// The database computes it.
    Never,
    /// SQLite computes it, and PostgreSQL stores what it is given.
    OnPostgres,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub written: Written,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// The columns that order its rows the same way on both databases. No two rows have the same.
    pub key: &'static [&'static str],
    pub columns: &'static [Column],
    /// Triggers fill it with what another table has.
    pub by_triggers: bool,
}

/// The audit trail: on SQLite, an event's key is its position.
pub const AUDIT_EVENTS: &str = "audit_events";
/// What mutations were answered.
pub const ANSWERED_REQUESTS: &str = "answered_requests";
const PK: &str = "pk";

impl Table {
    /// Whether the database counts up its keys.
    pub fn is_counted(&self) -> bool {
        self.columns.first().is_some_and(|column| column.name == PK)
    }

    /// The columns that are copied: all but those that every database computes.
    pub fn copied(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(|column| column.written != Written::Never)
    }

    /// The columns that must be equal in a copy. The keys of events may differ; their positions do not.
    pub fn compared(&self) -> impl Iterator<Item = &'static Column> {
        let is_trail = self.name == AUDIT_EVENTS;
        self.copied().filter(move |column| !(is_trail && column.name == PK))
    }
}

macro_rules! written {
    () => {
        Written::ByUs
    };
    ($written:ident) => {
        Written::$written
    };
}

macro_rules! tables {
    ($($table:ident by $($key:ident)+ $(, $how:ident)? { $($column:ident: $kind:ident $(= $written:ident)?),+ $(,)? })+) => {
        /// Every table.
        pub const TABLES: &[Table] = &[$(Table {
            name: stringify!($table),
            key: &[$(stringify!($key)),+],
            columns: &[$(Column {
                name: stringify!($column),
                kind: Kind::$kind,
                written: written!($($written)?),
            }),+],
            by_triggers: !matches!(stringify!($($how)?).as_bytes(), []),
        }),+];
    };
}

tables! {
    organizations by pk {
        pk: Number, id: Text, name: Text, variables: Text, seat_limit: Number, seats_used: Number, mail_allowed: Flag,
        account_switching: Flag, product_name: Text, mail_language: Text, confirm_email_changes: Flag, sort_name: Text,
        words: Text, version: Number, created_at: Number, updated_at: Number,
    }
    tenants by pk {
        pk: Number, id: Text, organization_pk: Number, name: Text, variables: Text, sort_name: Text, words: Text,
        version: Number, created_at: Number, updated_at: Number,
    }
    users by pk {
        pk: Number, id: Text, organization_pk: Number, tenant_pk: Number, email: Text, name: Text, firstname: Text,
        lastname: Text, user_name: Text, user_name_key: Text, external_id: Text, profile: Text, activated: Flag, service: Flag, takes_seat: Flag, variables: Text, password_hash: Text,
        password_changed_at: Number, password_temporary: Flag, password_verified_at: Number, email_changed_at: Number,
        email_verified_at: Number, last_seen_at: Number, sort_name: Text, words: Text, version: Number,
        created_at: Number, updated_at: Number, uuid: Text = Never, display_name: Text = Never, sort_email: Text = Never,
        sort_user_name: Text = Never,
    }
    user_words by organization_pk word user_pk, by_triggers {
        organization_pk: Number, word: Text, user_pk: Number,
    }
    word_fold by pk { pk: Number, version: Number }
    roles by pk {
        pk: Number, id: Text, organization_pk: Number, product: Flag, name: Text, description: Text, permissions: Text,
        version: Number, created_at: Number, updated_at: Number,
    }
    resource_servers by pk {
        pk: Number, id: Text, name: Text, settings: Text, version: Number, created_at: Number, updated_at: Number,
    }
    permissions by pk {
        pk: Number, id: Text, description: Text, bit: Number, lowest_role: Text, resource_server_pk: Number,
        deleted_at: Number, version: Number, created_at: Number, updated_at: Number,
    }
    catalogue by pk { pk: Number, version: Number, faces: Text, applied_revision: Number }
    user_roles by user_pk role_pk scope {
        user_pk: Number, role_pk: Number, organization_pk: Number, tenant_pk: Number, scope: Number, created_at: Number,
        created_by: Number,
    }
    api_keys by pk {
        pk: Number, id: Text, user_pk: Number, creator_pk: Number, name: Text, description: Text, digest: Text,
        prefix: Text, permissions: Text, expires_at: Number, revoked_at: Number, last_used_at: Number, version: Number,
        created_at: Number, updated_at: Number,
    }
    password_tokens by pk {
        pk: Number, user_pk: Number, digest: Text, expires_at: Number, used_at: Number, created_at: Number,
    }
    groups by pk {
        pk: Number, id: Text, organization_pk: Number, key: Text, name: Text, description: Text, external_id: Text,
        name_key: Text, sort_name: Text, words: Text, version: Number, created_at: Number, updated_at: Number,
    }
    group_members by group_pk user_pk {
        group_pk: Number, user_pk: Number, organization_pk: Number, created_at: Number, created_by: Number,
    }
    group_roles by group_pk role_pk scope {
        group_pk: Number, role_pk: Number, organization_pk: Number, tenant_pk: Number, scope: Number,
        created_at: Number, created_by: Number,
    }
    sessions by pk {
        pk: Number, id: Text, user_pk: Number, family: Text, generation: Number, rotated_at: Number, verified: Flag,
        authenticated_at: Number, impersonator_pk: Number, parent_pk: Number, api_key_pk: Number, reason: Text,
        expires_at: Number, ended_at: Number, created_at: Number, updated_at: Number,
    }
    signing_keys by pk {
        pk: Number, id: Text, algorithm: Text, public: Text, sealed: Text, signs_from: Number, ends_at: Number,
        created_at: Number,
    }
    sign_in_attempts by bucket {
        bucket: Text, failures: Number, started_at: Number, blocked_until: Number, forget_at: Number,
    }
    invitations by pk {
        pk: Number, id: Text, organization_pk: Number, tenant_pk: Number, email: Text, digest: Text, expires_at: Number,
        accepted_at: Number, withdrawn_at: Number, mailed_at: Number, mail_failed_at: Number, mail_problem: Text,
        inviter_pk: Number, version: Number, created_at: Number, updated_at: Number,
    }
    invitation_roles by invitation_pk role_pk scope {
        invitation_pk: Number, role_pk: Number, tenant_pk: Number, scope: Number,
    }
    settings by user_pk key { user_pk: Number, key: Text, value: Text }
    // For a day. A copy or a backup has it too: it tells which of the changes in it a client may send again.
    answered_requests by digest {
        digest: Text, request: Text, rights: Text, target_id: Text, answer: Text, created_at: Number,
    }
    email_tokens by pk {
        pk: Number, user_pk: Number, email: Text, changes: Flag, requester_pk: Number, digest: Text, expires_at: Number,
        created_at: Number,
    }
    mails by pk {
        pk: Number, id: Text, user_pk: Number, invitation_pk: Number, recipient: Text, kind: Text, letter: Text,
        sealed: Flag, withheld: Flag, attempts: Number, due_at: Number, leased_until: Number, ends_at: Number,
        request_id: Text, created_at: Number,
    }
    mail_limits by bucket { bucket: Text, count: Number, started_at: Number }
    password_requests by pk {
        pk: Number, email: Text, organization_id: Text, request_id: Text, client_address: Text, user_agent: Text,
        created_at: Number,
    }
    cursor_keys by pk { pk: Number, secret: Text }
    federated_identities by pk {
        pk: Number, user_pk: Number, identity_provider: Text, user_id: Text, user_name: Text,
    }
    audit_events by position {
        pk: Number, id: Text, organization_pk: Number, tenant_pk: Number, actor_pk: Number, actor_id: Text,
        impersonator_pk: Number, impersonator_id: Text, action: Text, target_kind: Text, target_pk: Number,
        target_id: Text, target_name: Text, subject_id: Text, related: Text, fields: Text, reason: Text,
        users_change: Number, activated_change: Number, request_id: Text, client_address: Text, user_agent: Text,
        count: Number, refused: Flag, position: Number = OnPostgres, created_at: Number,
    }
}
