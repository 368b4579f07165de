//! Groups: named sets of users of one organization. A group may carry roles, which its members then have.
//!
//! - Who holds `read:group` sees the groups of the own organization, a super admin those of all; everybody sees the
//!   groups they are in, beside themselves.
//! - Who holds `write:group` makes, changes and deletes them and says who is in them; but nobody touches a group whose
//!   roles permit more than they may themselves, and nobody gives a group such a role. That is asked of the group alone,
//!   not of the member: being in a group changes a user by the group's roles and by nothing else.
//! - Nobody takes permissions away from themselves by it, and the last super admin stays.
//! - A member is a user of the group's organization: composite foreign keys say so. Moving to another organization ends
//!   a user's memberships.
//! - The `key` is made from the first name and never changes; it is unique within the organization. Deleting a group
//!   ends its memberships, and a later group of the same key starts empty, because members point to the internal key.

mod create;
mod delete;
mod members;
mod read;
mod update;

pub use create::{NewGroup, create, key_of};
pub use delete::delete;
pub use members::{add_user, leave_all_in_txn, remove_user};
pub use read::{Target, Term, has_one_of, locate, of_user, readable, readable_of_oneself};
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
        DESCRIPTION description: Option<String> = Description,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

orders! {
    Group, GroupFields {
        CreatedAt: CREATED_AT CreatedAt created_at,
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Name: NAME Name name,
    }
}
