//! Groups: named sets of users of one organization. A group may have roles, which its members then have.
//!
//! - Callers with `read:group` see the groups of their organization, super admins those of all organizations; everybody
//!   sees the groups they are in, on their own user.
//! - Callers with `write:group` create, change and delete groups and their members; but nobody can change a group whose
//!   roles go beyond their own permissions, or give such a role to a group. Only the group's permissions are checked,
//!   not the member's, because a membership changes nothing about a user except its roles.
//! - Nobody can remove permissions from themselves this way, and the last super admin cannot be removed.
//! - A member is a user of the group's organization; composite foreign keys ensure it. Moving to another organization
//!   ends a user's memberships.
//! - The `key` is derived from the original name and never changes; it is unique within the organization. Deleting a
//!   group ends its memberships, and a later group with the same key starts empty, because members reference the
//!   internal key.

mod change_members;
mod create;
mod delete;
mod many;
mod members;
mod naming;
mod read;
mod update;

pub use change_members::MembersChange;
pub use create::{NewGroup, create, given_external_id, group_name};
pub use delete::delete;
pub use many::{Fingerprint, fingerprints, members_in_stretches, members_readable, of_users};
pub use members::{add_user, leave_all_in_txn, remove_user};
pub use naming::{Naming, key_of};
pub use read::{
    Membership, Target, Term, by_keys, changeable, giving_roles, keys_of_user, locate, of_user, readable,
    readable_of_oneself,
};
pub use update::{Clearable, GroupChange, update};

use crate::list::{orders, record};
use crate::model::{GroupId, Timestamp};
use crate::store::entity::group::{self as table, Column};

record! {
    /// A group.
    Group, GroupFields, GroupFieldNumber of Group {
        always {
            pk: i64 = Pk,
            id: GroupId = Id,
            organization_pk: i64 = OrganizationPk,
        }
        KEY key: String = Key,
        NAME name: String = Name,
        /// The folded name, by which lists are sorted.
        SORT_NAME sort_name: String = SortName,
        DESCRIPTION description: Option<String> = Description,
        EXTERNAL_ID external_id: Option<String> = ExternalId,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

orders! {
    Group, GroupFields {
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Name: SORT_NAME SortName sort_name,
    }
}
