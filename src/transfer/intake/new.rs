//! The rows of new users.

use sea_orm::{EntityTrait, Set};

use super::Intake;
use super::check::Checked;
use super::hashes::Given;
use super::places::Place;
use crate::context::Change;
use crate::directory::role::Assigned;
use crate::directory::user::new_row;
use crate::model::error::Result;
use crate::model::{Profile, Timestamp};
use crate::store::entity::{federated_identity, group_member, user, user_role};

/// Rows of pairs in a statement: below SQLite's limit of 32,766 bound values.
const PAIRS: usize = 4_000;

impl Intake<'_> {
    pub(super) async fn row(&self, one: &Checked<'_>) -> Result<user::ActiveModel> {
        let now = self.op.now();
        let record = one.record;
        let (version, created_at, updated_at) = super::structure::stamped(&record.stamps, now);
        let hash = self.stored(&one.at, &one.password).await?;
        let has = hash.is_some();
        let is_clear = matches!(one.password, Given::Clear(_));
        Ok(user::ActiveModel {
            id: Set(one.id.clone().unwrap_or_else(|| self.op.new_id().into())),
            organization_pk: Set(one.home.pk),
            tenant_pk: Set(one.tenant.as_ref().map(|tenant| tenant.pk)),
            email: Set(one.address().cloned()),
            name: Set(one.name.clone().flatten()),
            firstname: Set(one.firstname.clone().flatten()),
            lastname: Set(one.lastname.clone().flatten()),
            user_name: Set(one.user_name.clone().flatten()),
            external_id: Set(one.external_id.clone().flatten()),
            profile: Set(one.profile.clone().flatten().map(Profile::into_text)),
            activated: Set(record.activated.unwrap_or(true)),
            service: Set(record.service.unwrap_or(false)),
            takes_seat: Set(record.takes_seat.unwrap_or(true)),
            variables: Set(one.variables.clone()),
            password_hash: Set(hash),
            password_changed_at: Set(has.then(|| record.password_changed_at.unwrap_or(now))),
            password_temporary: Set(has && record.password_temporary.unwrap_or(is_clear)),
            password_verified_at: Set(record.password_verified_at.filter(|_| has)),
            email_verified_at: Set(record.email_verified_at.filter(|_| one.address().is_some())),
            email_changed_at: Set(record.email_changed_at),
            last_seen_at: Set(record.last_seen_at),
            version: Set(version),
            updated_at: Set(updated_at),
            ..new_row(created_at)
        })
    }

    /// The roles, memberships and federated identities of new users.
    pub(super) async fn belongings(&self, change: &Change<'_>, written: &[(i64, Checked<'_>)]) -> Result<()> {
        let now = self.op.now();
        let (mut roles, mut members, mut identities) = (Vec::new(), Vec::new(), Vec::new());
        for (pk, one) in written {
            let given = one.first_roles();
            roles.extend(given.map(|(role, since)| assigned(*pk, one.home.pk, role, since.unwrap_or(now))));
            let groups = one.groups.iter().flatten();
            members.extend(groups.map(|(group, since)| member(*pk, one.home.pk, *group, since.unwrap_or(now))));
            identities.extend(
                one.identities
                    .iter()
                    .flatten()
                    .map(|identity| federated_identity::ActiveModel {
                        user_pk: Set(*pk),
                        identity_provider: Set(identity.identity_provider.clone()),
                        user_id: Set(identity.user_id.clone()),
                        user_name: Set(identity.user_name.clone()),
                        ..Default::default()
                    }),
            );
        }
        write::<user_role::Entity>(change, roles).await?;
        write::<group_member::Entity>(change, members).await?;
        write::<federated_identity::Entity>(change, identities).await
    }
}

/// A role of a user.
pub(super) fn assigned(
    user_pk: i64,
    organization_pk: i64,
    role: &Assigned,
    since: Timestamp,
) -> user_role::ActiveModel {
    user_role::ActiveModel {
        user_pk: Set(user_pk),
        role_pk: Set(role.role_pk),
        organization_pk: Set(organization_pk),
        tenant_pk: Set(role.tenant_pk),
        scope: Set(role.scope_key()),
        created_at: Set(since),
        created_by: Set(None),
    }
}

/// A membership of a user.
pub(super) fn member(user_pk: i64, organization_pk: i64, group: Place, since: Timestamp) -> group_member::ActiveModel {
    group_member::ActiveModel {
        group_pk: Set(group.pk),
        user_pk: Set(user_pk),
        organization_pk: Set(organization_pk),
        created_at: Set(since),
        created_by: Set(None),
    }
}

/// Writes rows that have no key of their own.
pub(super) async fn write<E: EntityTrait>(change: &Change<'_>, rows: Vec<E::ActiveModel>) -> Result<()> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<E::ActiveModel> = rows.by_ref().take(PAIRS).collect();
        E::insert_many(some).exec_without_returning(&**change).await?;
    }
    Ok(())
}
