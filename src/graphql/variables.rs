//! Effective variables in the schema: fields that users and tenants have.

use std::sync::Arc;

use async_graphql::{Context, Enum, Object, SimpleObject};

use crate::directory::variables::{Inherited, Keys};
use crate::graphql::{KeptJson, List, Result, Selection, op, or_null};
use crate::model::variables::{VariableLevel, VariableSource};

/// The fields for effective variables.
#[derive(Clone, Debug)]
pub struct EffectiveVariables {
    /// `None` if the caller may not see any.
    inherited: Option<Arc<Inherited>>,
    own: Option<KeptJson>,
}

/// Where variables are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "VariableLevel", remote = "VariableLevel")]
pub enum VariableLevelValue {
    /// On the organization.
    Organization,
    /// On the tenant.
    Tenant,
    /// On the user.
    User,
}

/// Where one of the effective variables is from.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "VariableSource")]
pub struct VariableSourceObject {
    /// The path of the value: a JSON Pointer, such as `/theme/color`.
    path: String,
    /// The level that it is from.
    from: VariableLevelValue,
    /// The levels whose values it replaces, at this path or at one that contains it.
    overrides: Vec<VariableLevelValue>,
}

impl From<VariableSource> for VariableSourceObject {
    fn from(source: VariableSource) -> Self {
        Self {
            path: source.path,
            from: source.from.into(),
            overrides: source.overrides.into_iter().map(Into::into).collect(),
        }
    }
}

impl EffectiveVariables {
    /// The fields of an object that inherits this, with its own variables if they are not part of it.
    pub fn new(inherited: Option<Arc<Inherited>>, own: Option<KeptJson>) -> Self {
        Self { inherited, own }
    }

    /// Whether one of the fields is selected.
    pub fn are_selected(selection: &Selection<'_>) -> bool {
        ["effectiveVariables", "effectiveVariableSources"]
            .iter()
            .any(|field| selection.has(field))
    }

    /// What `read` reads of them, unless the caller may not see any.
    fn read<T>(
        &self,
        keys: Option<Vec<String>>,
        read: impl FnOnce(&Inherited, Option<&str>, &Keys) -> crate::model::error::Result<T>,
    ) -> Result<Option<T>> {
        // Invalid keys are refused in any case.
        let keys = Keys::new(keys)?;
        let Some(inherited) = &self.inherited else {
            return Ok(None);
        };
        let own = self.own.as_ref().map(KeptJson::text).transpose()?;
        Ok(Some(read(inherited, own, &keys)?))
    }
}

#[Object]
impl EffectiveVariables {
    /// The variables of its organization, of its tenant and, for a user, its own, as one object: in this order, objects are
    /// merged by key at every depth, and any other value, null too, replaces the one before. Keys are in the order of the
    /// organization's, then the tenant's, then the user's; numbers keep every digit. At most 192 KiB and 32 levels.
    ///
    /// Needs `read:org` and, if there is a tenant, `read:tenant`. Without them, callers see, of themselves and of their own
    /// tenant, only the top-level keys that the server's `TENANTRY_PUBLIC_VARIABLES` lists; otherwise it is null.
    async fn effective_variables(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these top-level keys, at most 100. Default: all.")] keys: Option<Vec<String>>,
    ) -> Option<KeptJson> {
        let merged = self.read(keys, |inherited, own, keys| inherited.merged(op(ctx), own, keys));
        or_null(ctx, merged.map(|text| text.map(KeptJson::from)))
    }

    /// Where each value of `effectiveVariables` is from, in the same order: each value that is not an object, and each empty
    /// object. Fails with `LIMIT_EXCEEDED` for more than 1,000 values, and if their paths are longer than 192 KiB together.
    /// Null if `effectiveVariables` is.
    async fn effective_variable_sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these top-level keys, at most 100. Default: all.")] keys: Option<Vec<String>>,
    ) -> Option<List<VariableSourceObject>> {
        let sources = self.read(keys, Inherited::sources);
        or_null(
            ctx,
            sources.map(|found| found.map(|found| found.into_iter().map(Into::into).collect())),
        )
    }
}
