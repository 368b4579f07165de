//! Tenants: parts of an organization. A tenant groups users. A role that is assigned for a tenant gives its permissions
//! for that tenant only; so a tenant can have administrators of its own.
//!
//! An organization's administrators create, change and delete its tenants; a tenant never changes its organization, and
//! one that still has users cannot be deleted.

mod create;
mod delete;
mod named;
mod read;
mod update;

pub use create::{NewTenant, create};
pub use delete::delete;
pub use named::{ForNew, Label, NamedTenants, find, for_new, of_organization, within};
pub use read::{Nameable, Term, by_keys, id_of, is_one_of, key_within, labels, nameable, readable};
pub use update::{Clearable, TenantChange, update};

use crate::list::{orders, record};
use crate::model::{JsonText, TenantId, Timestamp};
use crate::store::entity::tenant::{self as table, Column};

record! {
    /// A tenant.
    Tenant, TenantFields, TenantFieldNumber of Tenant {
        always {
            pk: i64 = Pk,
            id: TenantId = Id,
            organization_pk: i64 = OrganizationPk,
        }
        NAME name: String = Name,
        /// The folded name, by which lists are sorted.
        SORT_NAME sort_name: String = SortName,
        VARIABLES variables: Option<JsonText> = Variables,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

orders! {
    Tenant, TenantFields {
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Name: SORT_NAME SortName sort_name,
    }
}
