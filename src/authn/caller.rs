//! Reads a user as caller.

use sea_orm::{FromQueryResult, Statement};

use super::rights_and_roles_of;
use crate::model::error::Result;
use crate::model::{Caller, Email, Limits, OrganizationId, TenantId, Timestamp, UserId};
use crate::store::catalogue::{self, Catalogued};

/// A user as caller, with the current permissions of its roles; `None` if it does not exist or is deactivated.
pub async fn caller_of(connection: &impl Catalogued, user_pk: i64) -> Result<Option<Caller>> {
    read(connection, user_pk, "u.activated").await
}

/// The same for a question about what a user might do, who may be deactivated.
pub async fn caller_even_deactivated(connection: &impl Catalogued, user_pk: i64) -> Result<Option<Caller>> {
    read(connection, user_pk, "TRUE").await
}

async fn read(connection: &impl Catalogued, user_pk: i64, condition: &str) -> Result<Option<Caller>> {
    #[derive(FromQueryResult)]
    struct Known {
        user_id: UserId,
        email: Option<Email>,
        email_verified_at: Option<Timestamp>,
        organization_pk: i64,
        organization_id: OrganizationId,
        tenant_pk: Option<i64>,
        tenant_id: Option<TenantId>,
        catalogue_version: i64,
    }
    let version = catalogue::VERSION;
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        format!(
            "SELECT u.id AS user_id, u.email, u.email_verified_at, u.organization_pk, o.id AS organization_id, u.tenant_pk,
                 t.id AS tenant_id, {version}
          FROM users u
          JOIN organizations o ON o.pk = u.organization_pk
          LEFT JOIN tenants t ON t.pk = u.tenant_pk
          WHERE u.pk = $1 AND {condition}"
        ),
        [user_pk.into()],
    );
    let Some(known) = Known::find_by_statement(statement).one(connection).await? else {
        return Ok(None);
    };
    // Also for a user without roles: it says who tokens can be for.
    catalogue::at(connection, known.catalogue_version).await?;
    let (rights, roles) = rights_and_roles_of(connection, user_pk).await?;
    Ok(Some(Caller {
        user_pk,
        user_id: known.user_id,
        email: known.email,
        email_verified: known.email_verified_at.is_some(),
        organization_pk: known.organization_pk,
        organization_id: known.organization_id,
        tenant_pk: known.tenant_pk,
        tenant_id: known.tenant_id,
        roles,
        rights,
        api_key_pk: None,
        session_pk: None,
        impersonator: None,
        limits: Limits::default(),
        catalogue: connection.known().now(),
        derived: None,
    }))
}
