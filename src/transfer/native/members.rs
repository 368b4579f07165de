//! The members of each kind of record. Unknown and repeated members are refused: a misspelled one would be lost in silence.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::error::{Error, Result};
use crate::model::{Timestamp, exact_json};
use crate::transfer::record::{
    ApiKeyRecord, GroupRecord, Hash, Held, Identity, InvitationRecord, OrganizationRecord, PermissionRecord, Record,
    ResourceServerRecord, RoleRecord, SettingRecord, Stamps, TenantRecord, UserRecord,
};

/// A role or group that something has: an id or a name, or with the tenant that it is for and the time since when.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Entry {
    Named(String),
    Precise(Precise),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Precise {
    id: String,
    tenant_id: Option<String>,
    since: Option<String>,
}

macro_rules! members {
    ($($name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            #[derive(Debug, Default, Deserialize)]
            #[serde(deny_unknown_fields, rename_all = "camelCase", default)]
            pub(super) struct $name {
                #[serde(rename = "type")]
                _kind: IgnoredAny,
                $($field: $type,)*
                version: Option<i64>,
                created_at: Option<String>,
                updated_at: Option<String>,
            }

            impl $name {
                fn stamps(&self) -> Result<Stamps> {
                    if self.version.is_some_and(|version| version < 1) {
                        return Err(Error::invalid("version", "'version' must be at least 1."));
                    }
                    Ok(Stamps {
                        version: self.version,
                        created_at: time("createdAt", self.created_at.as_deref())?,
                        updated_at: time("updatedAt", self.updated_at.as_deref())?,
                    })
                }
            }
        )*
    };
}

members! {
    ResourceServer { id: String, name: Option<String>, settings: Option<Box<RawValue>> }
    Permission {
        id: String, description: Option<String>, lowest_role: Option<String>, resource_server_id: Option<String>,
    }
    Organization {
        id: String, name: Option<String>, variables: Option<Box<RawValue>>, seat_limit: Option<i64>, mail_allowed: Option<bool>,
        account_switching: Option<bool>, product_name: Option<String>, mail_language: Option<String>,
        confirm_email_changes: Option<bool>,
    }
    Tenant { id: String, organization_id: Option<String>, name: Option<String>, variables: Option<Box<RawValue>> }
    Role {
        id: Option<String>, organization_id: Option<String>, name: String, description: Option<String>,
        permissions: Option<Vec<String>>,
    }
    Group {
        id: Option<String>, organization_id: Option<String>, key: Option<String>, name: String,
        description: Option<String>, external_id: Option<String>, roles: Option<Vec<Entry>>,
    }
    User {
        id: Option<String>, organization_id: Option<String>, tenant_id: Option<String>, email: Option<String>,
        name: Option<String>, firstname: Option<String>, lastname: Option<String>, user_name: Option<String>,
        external_id: Option<String>, profile: Option<Box<RawValue>>, activated: Option<bool>,
        service: Option<bool>, takes_seat: Option<bool>, roles: Option<Vec<Entry>>, groups: Option<Vec<Entry>>,
        federated_identities: Option<Vec<NativeIdentity>>, variables: Option<Box<RawValue>>, password: Option<String>,
        password_hash: Option<String>, password_changed_at: Option<String>, password_temporary: Option<bool>,
        password_verified_at: Option<String>, email_verified_at: Option<String>, email_changed_at: Option<String>,
        last_seen_at: Option<String>,
    }
    ApiKey {
        id: Option<String>, user_id: String, creator_id: Option<String>, name: Option<String>,
        description: Option<String>, permissions: Option<Vec<String>>, digest: String, prefix: Option<String>,
        expiry_date: Option<String>, revoked_at: Option<String>, last_used_at: Option<String>,
    }
    Invitation {
        id: Option<String>, organization_id: Option<String>, tenant_id: Option<String>, email: String,
        roles: Option<Vec<Entry>>, digest: Option<String>, inviter_id: Option<String>, expiry_date: Option<String>,
        accepted_at: Option<String>, withdrawn_at: Option<String>,
    }
}

/// A setting has no version. Its value may be null.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Setting {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    user_id: String,
    key: String,
    value: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NativeIdentity {
    identity_provider: String,
    user_id: String,
    user_name: Option<String>,
}

fn time(field: &str, text: Option<&str>) -> Result<Option<Timestamp>> {
    text.map(|text| Timestamp::parse(field, text)).transpose()
}

/// JSON that somebody has stored: every digit of it stays as it is.
fn json(field: &str, text: &RawValue) -> Result<Value> {
    let wrong = || {
        let message = format!("'{field}' is nested too deep, or a text in it is not Unicode.");
        Error::invalid(field, message)
    };
    exact_json(text.get()).map_err(|fault| fault.refusal(wrong))
}

fn given(field: &str, text: Option<&RawValue>) -> Result<Option<Value>> {
    text.map(|text| json(field, text)).transpose()
}

fn entries(field: &str, entries: Option<Vec<Entry>>) -> Result<Option<Vec<Held>>> {
    let held = |entry: Entry| -> Result<Held> {
        match entry {
            Entry::Named(reference) => Ok(Held::from(reference)),
            Entry::Precise(precise) => Ok(Held {
                since: time(&format!("{field}.since"), precise.since.as_deref())?,
                reference: precise.id,
                tenant_id: precise.tenant_id,
            }),
        }
    };
    entries
        .map(|entries| entries.into_iter().map(held).collect())
        .transpose()
}

/// A record whose members are checked for what the format itself demands.
pub(super) trait IntoRecord {
    fn into_record(self) -> Result<Record>;
}

impl IntoRecord for ResourceServer {
    fn into_record(self) -> Result<Record> {
        Ok(Record::ResourceServer(Box::new(ResourceServerRecord {
            stamps: self.stamps()?,
            id: self.id,
            name: self.name,
            settings: given("settings", self.settings.as_deref())?,
        })))
    }
}

impl IntoRecord for Permission {
    fn into_record(self) -> Result<Record> {
        Ok(Record::Permission(Box::new(PermissionRecord {
            stamps: self.stamps()?,
            id: self.id,
            description: self.description,
            lowest_role: self.lowest_role,
            resource_server_id: self.resource_server_id,
        })))
    }
}

impl IntoRecord for Organization {
    fn into_record(self) -> Result<Record> {
        Ok(Record::Organization(OrganizationRecord {
            stamps: self.stamps()?,
            id: self.id,
            name: self.name,
            variables: given("variables", self.variables.as_deref())?,
            seat_limit: self.seat_limit,
            mail_allowed: self.mail_allowed,
            account_switching: self.account_switching,
            product_name: self.product_name,
            mail_language: self.mail_language,
            confirm_email_changes: self.confirm_email_changes,
        }))
    }
}

impl IntoRecord for Tenant {
    fn into_record(self) -> Result<Record> {
        Ok(Record::Tenant(TenantRecord {
            stamps: self.stamps()?,
            id: self.id,
            organization_id: self.organization_id,
            name: self.name,
            variables: given("variables", self.variables.as_deref())?,
        }))
    }
}

impl IntoRecord for Role {
    fn into_record(self) -> Result<Record> {
        Ok(Record::Role(RoleRecord {
            stamps: self.stamps()?,
            id: self.id,
            organization_id: self.organization_id,
            name: self.name,
            description: self.description,
            permissions: self.permissions,
        }))
    }
}

impl IntoRecord for Group {
    fn into_record(self) -> Result<Record> {
        Ok(Record::Group(GroupRecord {
            stamps: self.stamps()?,
            id: self.id,
            organization_id: self.organization_id,
            key: self.key,
            name: self.name,
            description: self.description,
            external_id: self.external_id,
            roles: entries("roles", self.roles)?,
        }))
    }
}

impl IntoRecord for User {
    fn into_record(self) -> Result<Record> {
        let stamps = self.stamps()?;
        let identity = |one: NativeIdentity| Identity {
            provider: one.identity_provider,
            user_id: one.user_id,
            user_name: one.user_name,
        };
        let identities = self.federated_identities;
        Ok(Record::User(Box::new(UserRecord {
            id: self.id,
            organization_id: self.organization_id,
            tenant_id: self.tenant_id,
            email: self.email,
            name: self.name,
            firstname: self.firstname,
            lastname: self.lastname,
            user_name: self.user_name,
            external_id: self.external_id,
            profile: given("profile", self.profile.as_deref())?,
            activated: self.activated,
            service: self.service,
            takes_seat: self.takes_seat,
            roles: entries("roles", self.roles)?,
            groups: entries("groups", self.groups)?,
            federated_identities: identities.map(|all| all.into_iter().map(identity).collect()),
            variables: given("variables", self.variables.as_deref())?,
            password: self.password,
            password_hash: self.password_hash.map(Hash::Text),
            password_changed_at: time("passwordChangedAt", self.password_changed_at.as_deref())?,
            password_temporary: self.password_temporary,
            password_verified_at: time("passwordVerifiedAt", self.password_verified_at.as_deref())?,
            email_changed_at: time("emailChangedAt", self.email_changed_at.as_deref())?,
            email_verified_at: time("emailVerifiedAt", self.email_verified_at.as_deref())?,
            last_seen_at: time("lastSeenAt", self.last_seen_at.as_deref())?,
            stamps,
            ..UserRecord::default()
        })))
    }
}

impl IntoRecord for Setting {
    fn into_record(self) -> Result<Record> {
        Ok(Record::Setting(Box::new(SettingRecord {
            user_id: self.user_id,
            key: self.key,
            value: json("value", &self.value)?,
        })))
    }
}

impl IntoRecord for ApiKey {
    fn into_record(self) -> Result<Record> {
        Ok(Record::ApiKey(Box::new(ApiKeyRecord {
            stamps: self.stamps()?,
            id: self.id,
            user_id: self.user_id,
            creator_id: self.creator_id,
            name: self.name,
            description: self.description,
            permissions: self.permissions,
            digest: self.digest,
            prefix: self.prefix,
            expires_at: time("expiryDate", self.expiry_date.as_deref())?,
            revoked_at: time("revokedAt", self.revoked_at.as_deref())?,
            last_used_at: time("lastUsedAt", self.last_used_at.as_deref())?,
        })))
    }
}

impl IntoRecord for Invitation {
    fn into_record(self) -> Result<Record> {
        Ok(Record::Invitation(Box::new(InvitationRecord {
            stamps: self.stamps()?,
            id: self.id,
            organization_id: self.organization_id,
            tenant_id: self.tenant_id,
            email: self.email,
            roles: entries("roles", self.roles)?.unwrap_or_default(),
            digest: self.digest,
            inviter_id: self.inviter_id,
            expires_at: time("expiryDate", self.expiry_date.as_deref())?,
            accepted_at: time("acceptedAt", self.accepted_at.as_deref())?,
            withdrawn_at: time("withdrawnAt", self.withdrawn_at.as_deref())?,
        })))
    }
}
