//! Who has roles that are hidden.

use sea_orm::{ConnectionTrait, Statement};
use strum::VariantArray;

use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::Result;
use crate::model::{BuiltIn, Faces};

/// How often users, groups and invitations have a role that is hidden if only these faces are on.
pub async fn hidden_roles_assigned(op: &OpContext, on: Faces) -> Result<u64> {
    op.authorize(Action::Read, Resource::Role)?;
    let hidden = BuiltIn::VARIANTS.iter().filter(|role| role.is_hidden_with(on));
    let ids: Vec<String> = hidden.map(|role| format!("'{}'", role.id())).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let roles = format!("SELECT pk FROM roles WHERE id IN ({})", ids.join(", "));
    let count = |table: &str| format!("(SELECT COUNT(*) FROM {table} WHERE role_pk IN ({roles}))");
    let counts = ["user_roles", "group_roles", "invitation_roles"].map(count).join(" + ");
    let statement = Statement::from_string(op.db().backend(), format!("SELECT {counts} AS assigned"));
    let row = op.db().reader().query_one_raw(statement).await?;
    let assigned: i64 = row.map_or(Ok(0), |row| row.try_get("", "assigned"))?;
    Ok(assigned.unsigned_abs())
}
