//! The name that a field has in the audit trail: the same for what was done and for what was denied.

/// The action of a field of `Query` or `Mutation`.
pub fn action_of(field: &str) -> &'static str {
    match field {
        "createOrganization" => "organization.create",
        "updateOrganization" => "organization.update",
        "renameOrganization" => "organization.rename",
        "updateOrganizationSettings" => "organization.updateSettings",
        "deleteOrganization" => "organization.delete",
        "createTenant" => "tenant.create",
        "updateTenant" => "tenant.update",
        "deleteTenant" => "tenant.delete",
        "createUser" | "createUserWithPassword" => "user.create",
        "updatePropertiesInUser" | "updateMe" => "user.update",
        "activateUser" => "user.activate",
        "deactivateUser" => "user.deactivate",
        "deleteUser" => "user.delete",
        "assignRole" => "user.assignRole",
        "withdrawRole" => "user.withdrawRole",
        "impersonateUser" => "user.impersonate",
        "updatePassword" | "updateMyPassword" => "password.change",
        "resetPassword" => "password.reset",
        "requestPasswordReset" => "password.requestReset",
        "completePasswordReset" => "password.completeReset",
        "changeMyEmail" => "email.requestChange",
        "requestEmailVerification" => "email.requestVerification",
        "verifyEmail" => "email.verify",
        "inviteUser" => "invitation.send",
        "resendInvitation" => "invitation.resend",
        "withdrawInvitation" => "invitation.withdraw",
        "acceptInvitation" => "invitation.accept",
        "updateSettings" => "settings.update",
        "createApiKey" => "apiKey.create",
        "rotateApiKey" => "apiKey.rotate",
        "revokeApiKeys" | "revokeUserApiKeys" => "apiKey.revoke",
        "createGroup" => "group.create",
        "updateGroup" => "group.update",
        "deleteGroup" => "group.delete",
        "addUserToGroup" => "group.addUser",
        "removeUserFromGroup" => "group.removeUser",
        "createRole" => "role.create",
        "updateRole" => "role.update",
        "deleteRole" => "role.delete",
        "signIn" => "session.signIn",
        "refreshSession" => "session.refresh",
        "switchAccount" => "session.switch",
        "signOut" => "session.signOut",
        "revokeSession" | "revokeSessions" => "session.revoke",
        "organization" | "organizations" | "countOrganizations" | "organizationsConnection" => "organization.read",
        "tenant" | "tenants" | "countTenants" | "tenantsConnection" => "tenant.read",
        "me" | "viewer" | "viewerPermissions" | "user" | "users" | "countUsers" | "usersConnection" | "outsiders" => {
            "user.read"
        }
        "apiKey" | "apiKeys" | "countApiKeys" | "apiKeysConnection" => "apiKey.read",
        "group" | "groups" | "countGroups" | "groupsConnection" => "group.read",
        "role" | "roles" | "countRoles" | "rolesConnection" => "role.read",
        "invitation" | "invitations" | "countInvitations" | "invitationsConnection" => "invitation.read",
        "session" | "sessions" | "countSessions" | "sessionsConnection" => "session.read",
        "node" => "node.read",
        "auditEvent" | "auditEvents" | "countAuditEvents" | "auditEventsConnection" => "auditEvent.read",
        _ => UNKNOWN,
    }
}

/// For a field without a name here.
const UNKNOWN: &str = "request.unknown";
