//! Renames an organization.

use super::update::update_as;
use super::{Organization, OrganizationChange, Term};
use crate::authz::Resource;
use crate::context::OpContext;
use crate::list::Named;
use crate::model::error::Result;

/// Renames an organization, which its own administrators may do. `CONFLICT` if `expected_version` is given and the row
/// has changed.
pub async fn rename(
    op: &OpContext,
    named: &Named<Term>,
    name: &str,
    expected_version: Option<i64>,
) -> Result<Organization> {
    let wanted = OrganizationChange {
        name: Some(name.to_owned()),
        ..OrganizationChange::default()
    };
    let resource = Resource::OrganizationSettings;
    update_as(op, "organization.rename", resource, named, wanted, expected_version).await
}
