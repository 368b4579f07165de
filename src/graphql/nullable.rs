//! The root of all mutations: every result is nullable.
//!
//! Otherwise one mutation that fails would make the whole `data` null, and hide what the mutations before it have done.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaType, Registry};
use async_graphql::resolver_utils::resolve_container_serial;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value,
};

use super::schema::Mutations;

/// The mutations. Their resolvers return a value or an error; here, an error becomes null and an entry of `errors`.
#[derive(Default)]
pub struct Mutation(Mutations);

impl ContainerType for Mutation {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.resolve_field(ctx).await.or_else(|error| {
            ctx.add_error(error);
            Ok(Some(Value::Null))
        })
    }
}

impl OutputType for Mutation {
    fn type_name() -> Cow<'static, str> {
        Mutations::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = Mutations::create_type_info(registry);
        if let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(&*Self::type_name()) {
            for field in fields.values_mut() {
                field.ty.truncate(field.ty.trim_end_matches('!').len());
            }
        }
        name
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container_serial(ctx, self).await
    }
}

impl ObjectType for Mutation {}
