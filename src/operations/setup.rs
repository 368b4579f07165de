//! Sets up a database: runs migrations, and creates the super admin at the first start.
//!
//! All of it is one transaction under a lock: if several processes start at the same time, one does the work and the
//! others wait.

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context, bail};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use crate::authn;
use crate::context::{OpContext, Services};
use crate::directory::audit_event;
use crate::directory::user::Known;
use crate::model::BuiltIn;
use crate::model::Secret;
use crate::model::{ApiKeyId, Email, OrganizationId, TenantId, UserId};
use crate::store::audit_trail::{self, Event, Mention};
use crate::store::db::{Database, SchemaState, schema_state};
use crate::store::entity::{api_key, organization, tenant, user, user_role};

const PLATFORM: &str = "platform";
const ADMIN: &str = "admin";
/// The super admin's e-mail address, in a domain that cannot receive mail.
pub const ADMIN_EMAIL: &str = "admin@platform.invalid";
const CONFIGURED_KEY: &str = "configured";
const FIRST_KEY: &str = "first-start";

/// Runs the pending migrations. A database with a newer schema is refused.
pub async fn migrate(db: &Database) -> anyhow::Result<()> {
    if takes_no_changes(db).await? {
        return Ok(());
    }
    let done = async {
        let transaction = db.begin_setup().await?;
        transaction.migrate().await?;
        Ok(transaction.commit().await?)
    };
    while_it_answers(db, done).await
}

/// A migration may take as long as it needs, if the database still answers other connections in the meantime.
async fn while_it_answers<T>(db: &Database, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        () = db.silence() => bail!("the database stopped answering during set-up. Start again when it answers"),
    }
}

/// Migrates the schema, and creates the super admin in an empty database. Returns the API key to print: the one of a
/// first start without a configured key.
pub async fn prepare(services: &Arc<Services>, configured: Option<&Secret>) -> anyhow::Result<Option<Secret>> {
    if takes_no_changes(&services.db).await? {
        return Ok(None);
    }
    let key = while_it_answers(&services.db, set_up(services, configured)).await?;
    services.cursor_keys.get(services.db.reader()).await?;
    Ok(key)
}

async fn set_up(services: &Arc<Services>, configured: Option<&Secret>) -> anyhow::Result<Option<Secret>> {
    let transaction = services.db.begin_setup().await?;
    transaction.migrate().await?;
    audit_event::begin_era_if_restored(&*transaction).await?;
    let op = OpContext::machine(Arc::clone(services));
    let made = first_rows(&*transaction, &op).await?;
    let printed = match configured {
        Some(secret) => {
            set_key(&*transaction, &op, CONFIGURED_KEY, secret).await?;
            None
        }
        None if made => {
            let secret = Secret::api_key()?;
            set_key(&*transaction, &op, FIRST_KEY, &secret).await?;
            Some(secret)
        }
        None => None,
    };
    services.signing.check_at_start(&*transaction, op.now()).await?;
    transaction.commit().await?;
    Ok(printed)
}

/// Whether there is nothing to set up because the database accepts no writes, like a standby, and already has the
/// schema.
async fn takes_no_changes(db: &Database) -> anyhow::Result<bool> {
    if db.takes_changes().await? {
        return Ok(false);
    }
    if schema_state(db.reader()).await?.known()? != SchemaState::Current {
        bail!(
            "the database accepts no writes (it is a standby, it is read-only, or its disk is full), and does not \
             have this release's schema yet; specify the primary server in TENANTRY_DATABASE_URL"
        );
    }
    tracing::warn!(
        "the database accepts no writes (it is a standby, it is read-only, or its disk is full): until it does, the \
         server is not ready and only reads"
    );
    Ok(true)
}

/// The platform's organization, tenant and super admin; `false` if this database has had its first start.
async fn first_rows(connection: &impl ConnectionTrait, op: &OpContext) -> anyhow::Result<bool> {
    if organization::Entity::find().one(connection).await?.is_some() {
        return Ok(false);
    }
    let now = op.now();
    let organization = organization::ActiveModel {
        id: Set(OrganizationId::parse("id", PLATFORM)?),
        name: Set("Platform".to_owned()),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let organization = organization.insert(connection).await?;
    let tenant = tenant::ActiveModel {
        id: Set(TenantId::parse("id", PLATFORM)?),
        organization_pk: Set(organization.pk),
        name: Set("Platform".to_owned()),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let tenant = tenant.insert(connection).await?;
    let admin = user::ActiveModel {
        id: Set(UserId::parse("id", ADMIN)?),
        organization_pk: Set(organization.pk),
        tenant_pk: Set(Some(tenant.pk)),
        email: Set(Some(Email::parse("email", ADMIN_EMAIL)?)),
        name: Set(Some("Super admin".to_owned())),
        activated: Set(true),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let admin = admin.insert(connection).await?;
    let role_pk = op.built_in_roles().pk(connection, BuiltIn::SuperAdmin).await?;
    let assignment = user_role::ActiveModel {
        user_pk: Set(admin.pk),
        role_pk: Set(role_pk),
        organization_pk: Set(organization.pk),
        scope: Set(0),
        created_at: Set(now),
        ..Default::default()
    };
    user_role::Entity::insert(assignment)
        .exec_without_returning(connection)
        .await?;
    for event in [
        Event::new("organization.create", organization.pk, &organization.id).named(organization.name.clone()),
        Event::new("tenant.create", tenant.pk, &tenant.id).named(tenant.name.clone()),
        Event::new("user.create", admin.pk, &admin.id)
            .concerning(&admin)
            .counting(None, Some(&admin))
            .about([Mention::new("role", BuiltIn::SuperAdmin.id(), BuiltIn::SuperAdmin.name().to_owned()).added()]),
    ] {
        audit_trail::record(connection, op.author(), event.of_organization(organization.pk)).await?;
    }
    Ok(true)
}

/// Makes this the admin's API key with that name, and logs its owner. An earlier key with the same name is revoked.
async fn set_key(connection: &impl ConnectionTrait, op: &OpContext, name: &str, secret: &Secret) -> anyhow::Result<()> {
    let known = api_key::Entity::find()
        .filter(api_key::Column::Digest.eq(secret.digest()))
        .one(connection)
        .await?;
    let now = op.now();
    if let Some(known) = known {
        if known.revoked_at.is_some_and(|at| at <= now) {
            bail!("the key in TENANTRY_ADMIN_API_KEY was revoked; choose another one");
        }
        let owner = user::Entity::find_by_id(known.user_pk).one(connection).await?;
        let owner = owner.context("a key without its owner")?;
        return is_for_super_admin(connection, &owner).await;
    }
    let admin = user::Entity::find()
        .filter(user::Column::Id.eq(ADMIN))
        .one(connection)
        .await?;
    let Some(admin) = admin else {
        bail!(
            "the key in TENANTRY_ADMIN_API_KEY belongs to the user '{ADMIN}', who does not exist; unset the variable"
        );
    };
    is_for_super_admin(connection, &admin).await?;
    let earlier = api_key::Entity::find()
        .filter(api_key::Column::UserPk.eq(admin.pk))
        .filter(api_key::Column::Name.eq(name))
        .filter(api_key::Column::RevokedAt.is_null())
        .one(connection)
        .await?;
    if let Some(earlier) = earlier {
        let mut earlier = earlier.into_active_model();
        earlier.revoked_at = Set(Some(now));
        let earlier = earlier.update(connection).await?;
        let event = Event::new("apiKey.revoke", earlier.pk, &earlier.id)
            .named(earlier.name.clone())
            .of_organization(admin.organization_pk)
            .concerning(&admin);
        audit_trail::record(connection, op.author(), event).await?;
    }
    let key = api_key::ActiveModel {
        id: Set(ApiKeyId::from(op.new_id())),
        user_pk: Set(admin.pk),
        name: Set(name.to_owned()),
        digest: Set(secret.digest()),
        prefix: Set(secret.prefix()),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let key = key.insert(connection).await?;
    let event = Event::new("apiKey.create", key.pk, &key.id)
        .named(key.name.clone())
        .of_organization(admin.organization_pk)
        .concerning(&admin);
    audit_trail::record(connection, op.author(), event).await?;
    Ok(())
}

/// Refuses to start if the configured key belongs, or would belong, to a user who is not a super admin: the first super
/// admin may have been deleted, and anybody may have got its id.
async fn is_for_super_admin(connection: &impl ConnectionTrait, owner: &user::Model) -> anyhow::Result<()> {
    let home = organization::Entity::find_by_id(owner.organization_pk)
        .one(connection)
        .await?
        .context("a user without its organization")?;
    let known = Known {
        id: owner.id.clone(),
        email: owner.email.clone(),
        organization_id: home.id,
    };
    if !authn::built_in_rights_of(connection, owner.pk)
        .await?
        .reach_everywhere()
    {
        bail!(
            "the key in TENANTRY_ADMIN_API_KEY would belong to the user {known}, who is not a super admin; unset the \
             variable, and create keys for a super admin with 'tenantry api-key --user <id>'"
        );
    }
    tracing::info!(user = %known.id, organization = %known.organization_id, "the super admin's API key belongs to \
                                                                             this user");
    Ok(())
}
