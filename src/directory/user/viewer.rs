//! What the caller may do to a user, for user interfaces that show or hide buttons. The verbs check permissions
//! themselves.

use super::User;
use crate::authz::escalation::{Managing, as_oneself, may_impersonate, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::Rights;

/// What the caller may do to one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewerCan {
    pub update: bool,
    pub update_account: bool,
    pub deactivate: bool,
    pub delete: bool,
    pub send_link: bool,
    pub manage_groups: bool,
    pub map_roles: bool,
    pub impersonate: bool,
}

/// `rights` are the user's own; no statement is sent.
pub fn viewer_can(op: &OpContext, user: &User, rights: &Rights) -> ViewerCan {
    let reaches = |action, resource| {
        op.authorize(action, resource)
            .is_ok_and(|granted| granted.includes(user.pk, user.organization_pk, user.tenant_pk))
    };
    let manages = |what| may_manage(op.actor(), what, rights).is_ok();
    let oneself = op.actor().is(user.pk);
    let updates = reaches(Action::Modify, Resource::User);
    let of_account = [
        Managing::Address,
        Managing::Password,
        Managing::FederatedIdentities,
        Managing::Home,
        Managing::Variables,
    ];
    ViewerCan {
        update: updates && manages(Managing::Names),
        update_account: updates && of_account.into_iter().all(manages),
        deactivate: updates && manages(Managing::Activation) && !oneself,
        delete: reaches(Action::Delete, Resource::User) && manages(Managing::Deletion) && !oneself,
        send_link: reaches(Action::Create, Resource::EmailVerification) && manages(Managing::Link) && !user.service,
        manage_groups: reaches(Action::Modify, Resource::Membership) && manages(Managing::Memberships),
        map_roles: updates && manages(Managing::Roles),
        impersonate: may_impersonate(op.actor(), rights).is_ok()
            && !oneself
            && user.activated
            && reaches(Action::Create, Resource::Session)
            && op.actor().caller().is_some()
            && as_oneself(op.actor(), "Impersonating another user").is_ok(),
    }
}
