//! Two organizations, and callers who see only part of one: whatever names a thing out of sight answers as for a name
//! that nobody bears.
//!
//! Arguments and input fields are found by walking the schema. Each that takes a name is given once the name of a thing
//! the caller must not see and once one that nobody has; the two answers must be equal to the byte, but for the name
//! itself. Out of sight are, to `ann` (who administers acme), all of globex; to those who may not read acme's users, the
//! colleague `hidden` as well.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use async_graphql::parser::types::Type;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::{Sdl, is_list, named};
use crate::on_both;
use crate::support::{App, Caller, assert_leaks_nothing};

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Organization,
    Tenant,
    User,
    ApiKey,
    Group,
    Role,
    Invitation,
    Session,
    AuditEvent,
}

/// Ids that are given to things of acme, so that calls can name them.
const SERVER: &str = "https://acme.example";
const GROUP: &str = "01900000-aaaa-7aaa-8aaa-000000000001";
const ROLE: &str = "01900000-aaaa-7aaa-8aaa-000000000002";
const INVITATION: &str = "01900000-aaaa-7aaa-8aaa-000000000003";
const SESSION: &str = "01900000-aaaa-7aaa-8aaa-000000000004";

/// A name of each sort a thing has: that of one out of sight, and one that nobody has.
#[derive(Clone, Debug)]
struct Names {
    there: String,
    nobody: String,
}

/// What an input field holds.
#[derive(Clone, Debug)]
enum Holds {
    /// A name of a thing: its kind, and which of its names. `…In`, `…StartsWith` and `…Contains` follow the plain field.
    Name(Kind, &'static str),
    /// A name of something that is judged by another case: a new thing's own id or address, or the address of an account
    /// that somebody without a credential claims to have.
    New,
    /// Nothing that names anything.
    Plain,
}

/// Every leaf of every input type, and every argument that is one. Types and fields that are not here fail the test.
fn holds(owner: &str, field: &str) -> Option<Holds> {
    use Holds::{Name, New, Plain};
    let base = ["StartsWith", "Contains", "In"]
        .into_iter()
        .find_map(|suffix| field.strip_suffix(suffix).filter(|_| owner.ends_with("Where")))
        .unwrap_or(field);
    Some(match (owner, base) {
        ("OrganizationWhere", "id") => Name(Kind::Organization, "id"),
        ("OrganizationWhere", "name" | "text") => Name(Kind::Organization, "name"),
        ("TenantWhere", "id") => Name(Kind::Tenant, "id"),
        ("TenantWhere", "name" | "text") => Name(Kind::Tenant, "name"),
        ("UserWhere", "id") => Name(Kind::User, "id"),
        ("UserWhere", "email") => Name(Kind::User, "email"),
        ("UserWhere", "name" | "text") => Name(Kind::User, "name"),
        ("UserWhere", "firstname") => Name(Kind::User, "firstname"),
        ("UserWhere", "lastname") => Name(Kind::User, "lastname"),
        ("UserWhere", "userName") => Name(Kind::User, "userName"),
        ("UserWhere", "externalId") => Name(Kind::User, "externalId"),
        ("UserWhere", "apiKey") => Name(Kind::ApiKey, "secret"),
        ("ApiKeyWhere", "id") => Name(Kind::ApiKey, "id"),
        ("ApiKeyWhere", "name") => Name(Kind::ApiKey, "name"),
        ("ApiKeyWhere", "key") => Name(Kind::ApiKey, "secret"),
        ("GroupWhere", "id") => Name(Kind::Group, "id"),
        ("GroupWhere", "key") => Name(Kind::Group, "key"),
        ("GroupWhere", "externalId") => Name(Kind::Group, "externalId"),
        ("GroupWhere", "name" | "text") => Name(Kind::Group, "name"),
        ("RoleWhere", "id") => Name(Kind::Role, "id"),
        ("RoleWhere", "name") => Name(Kind::Role, "name"),
        ("InvitationWhere", "id") => Name(Kind::Invitation, "id"),
        ("InvitationWhere", "email") => Name(Kind::Invitation, "email"),
        ("SessionWhere", "id") => Name(Kind::Session, "id"),
        ("AuditEventWhere", "id") => Name(Kind::AuditEvent, "id"),
        ("AuditEventWhere", "requestId") => Name(Kind::AuditEvent, "request"),
        ("AuditEventWhere", "actorId" | "impersonatorId" | "targetId" | "concernsUserId") => Name(Kind::User, "id"),
        ("Mutation.assignRole" | "Mutation.withdrawRole", "role") => Name(Kind::Role, "id"),
        (
            "Mutation.assignRole"
            | "Mutation.withdrawRole"
            | "Query.outsiders"
            | "Query.can"
            | "Query.check"
            | "User.roles"
            | "User.permissions",
            "tenant",
        ) => Name(Kind::Tenant, "id"),
        // Two that go together; `tenancy` asks with both.
        ("TenantRoleData", "role" | "tenant") => New,
        (_, "roles") => Name(Kind::Role, "name"),
        ("Mutation.switchAccount", "userId") => Name(Kind::User, "id"),
        ("Mutation.revokeApiKeys", "names") => Name(Kind::ApiKey, "name"),
        ("Mutation.revokeUserApiKeys", "ids") => Name(Kind::ApiKey, "id"),
        ("Mutation.revokeSessions", "keepCurrent") => Plain,
        (_, "organizationId") => Name(Kind::Organization, "id"),
        (_, "tenantId") => Name(Kind::Tenant, "id"),
        ("CreateOrganizationData" | "CreateTenantData" | "CreateUserData", "id") => New,
        ("CreateUserData" | "UserData" | "InviteUserData" | "ChangeMyEmailData", "email") => New,
        ("CreateUserData" | "UserData", "userName") => New,
        // That these tell nothing of who has an account is tested where passwords and sessions are.
        ("SignInData" | "Mutation.requestPasswordReset", "email") => New,
        // Of another identity provider.
        ("FederatedIdentityData", "identityProvider" | "userId" | "userName") => Plain,
        ("UserWhere", "activated" | "kind" | "permission" | "lastSeenBefore" | "emailVerified") => Plain,
        ("ApiKeyWhere", "revoked") => Plain,
        ("CheckData", "userId") => Name(Kind::User, "id"),
        ("CheckData" | "Query.accessExplanation", "permission") => Plain,
        ("Query.accessExplanation", "apiKey") => Name(Kind::ApiKey, "id"),
        // Which permissions there are is the same for every organization.
        ("PermissionWhere", "id" | "builtIn" | "built" | "lowestRole" | "resourceServerId") => Plain,
        ("CreatePermissionData" | "UpdatePermissionData", "name" | "lowestRole" | "replaces" | "resourceServerId") => {
            Plain
        }
        // Who sees resource servers reaches every organization, and everybody may ask for a token for one.
        ("ResourceServerWhere" | "CreateResourceServerData" | "UpdateResourceServerData", _) => Plain,
        ("SignInData" | "RefreshSessionData", "resource") => Plain,
        ("Mutation.deletePermission", "withdraw") => Plain,
        ("CreateRoleData", "scope") => Plain,
        ("RoleWhere", "builtIn" | "built" | "scope" | "permission")
        | ("InvitationWhere", "state")
        | ("SessionWhere", "active" | "impersonated") => Plain,
        ("AuditEventWhere", "action" | "targetKind" | "refused" | "from") => Plain,
        ("Mutation.updateSettings", "updated" | "deleted") => Plain,
        (_, "keys") => Plain,
        // What a nodeId says and hides is tested below.
        ("Query.node", "nodeId") => Plain,
        ("Mutation.impersonateUser", "reason" | "lifetimeSeconds") => Plain,
        ("Mutation.createUserWithPassword", "requireReset") => Plain,
        (
            _,
            "name"
            | "firstname"
            | "lastname"
            | "externalId"
            | "description"
            | "variables"
            | "password"
            | "seatLimit"
            | "activated"
            | "organizationRole"
            | "expiryDate"
            | "permissions"
            | "oldPassword"
            | "newPassword"
            | "newPassword1"
            | "newPassword2"
            | "expectedVersion"
            | "overlapSeconds"
            | "token"
            | "refreshToken"
            | "passwordHash"
            | "mailAllowed"
            | "accountSwitching"
            | "productName"
            | "mailLanguage"
            | "confirmEmailChanges"
            | "kind"
            | "takesSeat"
            | "clear"
            | "revokeApiKeys",
        ) => Plain,
        (_, "orderBy" | "first" | "last" | "skip" | "after" | "before") => Plain,
        _ => return None,
    })
}

/// Mutations with a call of each that is fine as it stands, for `ann`; `null` for one whose input names nothing.
/// Where a name is put in, the rest stays.
pub fn base_call(mutation: &str) -> Option<Value> {
    let bob = json!({ "id": "acme-bob" });
    Some(match mutation {
        "createOrganization" => json!({ "data": { "name": "acme new" } }),
        "updateOrganization" => json!({ "where": { "id": "acme" }, "data": { "name": "acme other" } }),
        "renameOrganization" => json!({ "where": { "id": "acme" }, "name": "acme other" }),
        "updateOrganizationSettings" => json!({ "where": { "id": "acme" }, "data": { "productName": "acme other" } }),
        "deleteOrganization" => json!({ "where": { "id": "acme" } }),
        "createTenant" => json!({ "data": { "name": "acme new" } }),
        "updateTenant" => json!({ "where": { "id": "acme-berlin" }, "data": { "name": "acme other" } }),
        "deleteTenant" => json!({ "where": { "id": "acme-berlin" } }),
        "createUser" | "createUserWithPassword" => json!({ "data": { "email": "new@acme.example" } }),
        "createUsers" => json!({ "data": [{ "email": "new@acme.example" }] }),
        "updatePropertiesInUser" => json!({ "where": bob, "data": { "firstname": "other" } }),
        "activateUser" | "deactivateUser" | "deleteUser" | "resetPassword" => json!({ "where": bob }),
        "updatePassword" => json!({
            "where": bob,
            "data": { "oldPassword": "password-of-acme-bob", "newPassword1": "another-password", "newPassword2": "another-password" },
        }),
        "createApiKey" => json!({ "data": { "name": "another" }, "user": { "id": "acme-bot" } }),
        "revokeUserApiKeys" => json!({ "where": { "id": "acme-bot" }, "ids": [] }),
        "revokeSessions" => json!({ "where": {} }),
        "updateMe" => json!({ "data": { "lastname": "acme-other" } }),
        "changeMyEmail" => json!({ "data": { "email": "new@acme.example", "password": "password-of-acme-ann" } }),
        "updateMyPassword" => {
            json!({ "data": { "oldPassword": "password-of-acme-ann", "newPassword": "another-password" } })
        }
        "rotateApiKey" => json!({ "where": { "name": "acme-key" } }),
        "revokeApiKeys" => json!({ "names": [] }),
        "createGroup" => json!({ "data": { "name": "acme other" } }),
        "updateGroup" => json!({ "where": { "id": GROUP }, "data": { "description": "other" } }),
        "deleteGroup" => json!({ "where": { "id": GROUP } }),
        "addUserToGroup" | "removeUserFromGroup" => json!({ "where": { "id": GROUP }, "user": bob }),
        "createRole" => json!({ "data": { "name": "acme other" } }),
        "updateRole" => json!({ "where": { "id": ROLE }, "data": { "description": "other" } }),
        "deleteRole" => json!({ "where": { "id": ROLE } }),
        "createPermission" => json!({ "data": { "name": "acme:other" } }),
        "updatePermission" => json!({ "where": { "id": "acme:read" }, "data": { "description": "other" } }),
        "deletePermission" => json!({ "where": { "id": "acme:read" } }),
        "createResourceServer" => json!({ "data": { "id": "https://acme-other.example", "name": "acme other" } }),
        "updateResourceServer" => json!({ "where": { "id": SERVER }, "data": { "name": "other" } }),
        "deleteResourceServer" => json!({ "where": { "id": SERVER } }),
        "assignRole" | "withdrawRole" => json!({ "where": bob, "role": "reviewer" }),
        "inviteUser" => json!({ "data": { "email": "new@acme.example" } }),
        "resendInvitation" | "withdrawInvitation" => json!({ "where": { "id": INVITATION } }),
        "acceptInvitation" => json!({ "token": "of nobody", "data": { "password": "another-password" } }),
        "signIn" => json!({ "data": { "email": "acme-bob@mail.example", "password": "password-of-acme-bob" } }),
        "refreshSession" => json!({ "data": { "refreshToken": "of nobody" } }),
        "switchAccount" => json!({ "userId": "acme-bob" }),
        "signOut" | "updateSettings" => json!({}),
        "revokeSession" => json!({ "where": { "id": SESSION } }),
        "impersonateUser" => json!({ "where": bob, "reason": "to help" }),
        "requestEmailVerification" => json!({ "where": bob }),
        "verifyEmail" => json!({ "token": "of nobody" }),
        "requestPasswordReset" => json!({ "email": "acme-bob@mail.example" }),
        "completePasswordReset" => json!({ "token": "of nobody", "newPassword": "another-password" }),
        _ => return None,
    })
}

/// Inputs nest without end; so far they are followed: how often one type may stand on a path, and how long it may be.
const SAME_TYPE_MAX: usize = 2;
const QUERY_DEPTH: usize = 4;
const MUTATION_DEPTH: usize = 2;

/// A way to a leaf through input fields, and what the leaf holds.
#[derive(Clone, Debug)]
struct Leaf {
    path: Vec<Step>,
    kind: Kind,
    which: &'static str,
    /// `StartsWith`, `Contains`, `In`, or nothing.
    list: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    field: String,
    list: bool,
}

impl Leaf {
    fn shown(&self) -> String {
        let names: Vec<&str> = self.path.iter().map(|step| step.field.as_str()).collect();
        names.join(".")
    }

    /// Puts a value in at the path's end, beside what is there.
    fn put(&self, into: &Value, name: &str) -> Value {
        let mut value = if self.list { json!([name]) } else { json!(name) };
        let mut present: Vec<Value> = vec![into.clone()];
        for step in &self.path {
            let below = present.last().unwrap().get(&step.field).cloned().unwrap_or(Value::Null);
            // Of several objects, the first.
            present.push(match below {
                Value::Array(all) => all.into_iter().next().unwrap_or(Value::Null),
                one => one,
            });
        }
        for (step, mut at) in self.path.iter().zip(present).rev() {
            if !at.is_object() {
                at = json!({});
            }
            let is_leaf = step == self.path.last().unwrap() && !value.is_object();
            at[step.field.as_str()] = if step.list && !is_leaf { json!([value]) } else { value };
            value = at;
        }
        value
    }
}

/// All leaves of an input type that name things.
fn leaves(sdl: &Sdl, ty: &str, depth: usize) -> Vec<Leaf> {
    let mut found = Vec::new();
    walk(sdl, ty, depth, &mut vec![ty.to_owned()], &mut Vec::new(), &mut found);
    found
}

fn walk(sdl: &Sdl, ty: &str, depth: usize, types: &mut Vec<String>, path: &mut Vec<Step>, found: &mut Vec<Leaf>) {
    for field in sdl.input_fields(ty) {
        let name = field.name.node.as_str();
        let below = named(&field.ty.node);
        path.push(Step {
            field: name.to_owned(),
            list: is_list(&field.ty.node),
        });
        if sdl.is_input(below) {
            let again = types.iter().filter(|known| *known == below).count();
            // A junction's inside is the type around it: followed at the top, for its first leaf.
            let junction = ["AND", "OR", "NOT"].contains(&name);
            if junction {
                if path.len() == 1 {
                    let first = leaf_of(sdl, below, "id", path);
                    found.extend(first);
                }
            } else if again < SAME_TYPE_MAX && path.len() < depth {
                types.push(below.to_owned());
                walk(sdl, below, depth, types, path, found);
                types.pop();
            }
        } else if let Some(Holds::Name(kind, which)) = holds(ty, name) {
            found.push(Leaf {
                path: path.clone(),
                kind,
                which,
                list: is_list(&field.ty.node),
            });
        }
        path.pop();
    }
}

fn leaf_of(sdl: &Sdl, ty: &str, name: &str, path: &[Step]) -> Option<Leaf> {
    let field = sdl.input_fields(ty).into_iter().find(|field| field.name.node == name)?;
    let Some(Holds::Name(kind, which)) = holds(ty, name) else {
        return None;
    };
    let list = is_list(&field.ty.node);
    let mut path = path.to_vec();
    path.push(Step {
        field: name.to_owned(),
        list,
    });
    Some(Leaf {
        path,
        kind,
        which,
        list,
    })
}

/// Every input field and argument is known here, or nobody thought of whether it names something.
#[test]
fn every_input_is_known() {
    let sdl = Sdl::read();
    let mut unknown = BTreeSet::new();
    for name in sdl.types.keys() {
        for field in sdl.input_fields(name) {
            let leaf = !sdl.is_input(named(&field.ty.node));
            if leaf && holds(name, field.name.node.as_str()).is_none() {
                unknown.insert(format!("{name}.{}", field.name.node));
            }
        }
        for field in sdl.fields(name) {
            for argument in &field.arguments {
                let owner = format!("{name}.{}", field.name.node);
                let leaf = !sdl.is_input(named(&argument.node.ty.node));
                if leaf && holds(&owner, argument.node.name.node.as_str()).is_none() {
                    unknown.insert(format!("{owner}({})", argument.node.name.node));
                }
            }
        }
    }
    for field in sdl.fields("Mutation") {
        let name = field.name.node.as_str();
        if base_call(name).is_none() {
            unknown.insert(format!("Mutation.{name} has no base call"));
        }
    }
    assert!(
        unknown.is_empty(),
        "say in 'holds' and 'base_call' what these name: {unknown:#?}"
    );
}

/// What one caller must not see.
pub(super) struct View<'a> {
    pub(super) name: &'static str,
    pub(super) caller: Caller<'a>,
    /// By kind and which name of it. A kind that is absent is in sight.
    hidden: BTreeMap<(Kind, &'static str), Names>,
    /// Words of things out of sight, that no answer may hold.
    words: Vec<&'static str>,
}

impl View<'_> {
    /// Whether there is a thing out of sight that this leaf could name. For who sees one organization only, each kind of
    /// thing has one in the other, or nobody thought of it.
    fn hides(&self, leaf: &Leaf) -> bool {
        let hides = self.hidden.contains_key(&(leaf.kind, leaf.which));
        assert!(
            hides || self.name != "ann, globex",
            "'views' has no {:?} {} of globex",
            leaf.kind,
            leaf.which
        );
        hides
    }
}

pub(super) async fn views(app: &App) -> Vec<View<'_>> {
    for (organization, tenants) in [
        ("acme", ["acme-berlin", "acme-paris"]),
        ("globex", ["globex-rome", "globex-oslo"]),
    ] {
        app.organization(organization, &tenants).await;
    }
    let admin = app.admin();
    let create = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
    for (organization, tenant, id, role) in [
        ("acme", "acme-berlin", "acme-ann", Some("organization-admin")),
        ("acme", "acme-berlin", "acme-bob", None),
        ("acme", "acme-berlin", "acme-una", Some("api-user")),
        ("acme", "acme-berlin", "acme-bea", None),
        ("acme", "acme-paris", "hidden-hal", None),
        ("globex", "globex-rome", "globex-tom", Some("organization-admin")),
    ] {
        let prefix = id.split('-').next().unwrap();
        let data = json!({
            "id": id, "organizationId": organization, "tenantId": tenant, "email": format!("{id}@mail.example"),
            "name": format!("{id} the name"), "firstname": format!("{prefix}-first"), "lastname": format!("{prefix}-last"),
            "userName": format!("{id} the user name"), "externalId": format!("{prefix}-external"),
            "password": format!("password-of-{id}"), "roles": role.into_iter().collect::<Vec<_>>(),
            "variables": { "of": format!("{prefix}-variables") },
        });
        admin.ok(create, json!({ "data": data })).await;
    }
    let bot = json!({ "id": "acme-bot", "kind": "SERVICE", "organizationId": "acme", "tenantId": "acme-berlin" });
    admin.ok(create, json!({ "data": bot })).await;
    let key = |caller: &str| {
        let (caller, name) = (caller.to_owned(), format!("{}-key", caller.split('-').next().unwrap()));
        async move {
            let new = tenantry::directory::api_key::NewApiKey {
                name,
                ..Default::default()
            };
            let made = tenantry::directory::api_key::create_for(
                &app.machine(),
                &tenantry::directory::user::Target::id(caller),
                new,
                None,
            )
            .await
            .unwrap();
            (made.key.id.to_string(), made.secret.expose().to_owned())
        }
    };
    let declare = "mutation { createPermission(data: {name: \"acme:read\"}) { id } }";
    admin.ok(declare, json!({})).await;
    let server = "mutation($id: ID!) { createResourceServer(data: {id: $id, name: \"acme\"}) { id } }";
    admin.ok(server, json!({ "id": SERVER })).await;
    let (_, ann) = key("acme-ann").await;
    let (_, una) = key("acme-una").await;
    let (_, bea) = key("acme-bea").await;
    let assign = "mutation($role: String!) { assignRole(where: {id: \"acme-bea\"}, role: $role, tenant: \"acme-berlin\") { id } }";
    for role in ["tenant-admin", "organization-admin"] {
        admin.ok(assign, json!({ "role": role })).await;
    }
    let (hal_key, hal) = key("hidden-hal").await;
    let (tom_key, tom) = key("globex-tom").await;
    let ann = app.key(ann);
    let groups = "mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }";
    let roles = "mutation($data: CreateRoleData!) { createRole(data: $data) { id } }";
    let invitations = "mutation($data: InviteUserData!) { inviteUser(data: $data) { id } }";
    for (caller, word, member) in [
        (&ann, "acme", "acme-bob"),
        (&app.key(tom.clone()), "globex", "globex-tom"),
    ] {
        caller
            .ok(
                groups,
                json!({ "data": { "name": format!("{word} group"), "externalId": format!("{word}-group-external") } }),
            )
            .await;
        let join =
            "mutation($where: GroupWhere!, $user: UserWhere!) { addUserToGroup(where: $where, user: $user) { id } }";
        let key = format!("{}_GROUP", word.to_uppercase());
        caller
            .ok(join, json!({ "where": { "key": key }, "user": { "id": member } }))
            .await;
        caller
            .ok(roles, json!({ "data": { "name": format!("{word} role") } }))
            .await;
        caller
            .ok(
                invitations,
                json!({ "data": { "email": format!("{word}-invited@mail.example") } }),
            )
            .await;
    }
    // Of the tenant in Paris, which who administers Berlin does not see.
    ann.ok(
        groups,
        json!({ "data": { "name": "hidden group", "externalId": "hidden-group-external" } }),
    )
    .await;
    let join = "mutation { addUserToGroup(where: {key: \"HIDDEN_GROUP\"}, user: {id: \"hidden-hal\"}) { id } }";
    ann.ok(join, json!({})).await;
    let data = json!({ "email": "hidden-invited@mail.example", "tenantId": "acme-paris" });
    ann.ok(invitations, json!({ "data": data })).await;
    let sign_in = "mutation($data: SignInData!) { signIn(data: $data) { expiresIn } }";
    for user in ["acme-ann", "hidden-hal", "globex-tom"] {
        let data = json!({ "email": format!("{user}@mail.example"), "password": format!("password-of-{user}") });
        app.anonymous().ok(sign_in, json!({ "data": data })).await;
    }
    let change = app.services.db.begin().await.unwrap();
    for (table, id, which) in [
        ("groups", GROUP, "name = 'acme group'"),
        ("roles", ROLE, "name = 'acme role'"),
        ("invitations", INVITATION, "email = 'acme-invited@mail.example'"),
        (
            "sessions",
            SESSION,
            "user_pk = (SELECT pk FROM users WHERE id = 'acme-ann')",
        ),
    ] {
        let given = change
            .execute_unprepared(&format!("UPDATE {table} SET id = '{id}' WHERE {which}"))
            .await
            .unwrap();
        assert_eq!(given.rows_affected(), 1, "{table}");
    }
    change.commit().await.unwrap();
    let one = async |column: &str, from: &str| {
        let select = format!("SELECT {column} AS one FROM {from} LIMIT 1");
        let statement = Statement::from_string(app.services.db.backend(), select);
        let row = app
            .services
            .db
            .reader()
            .query_one_raw(statement)
            .await
            .unwrap()
            .unwrap();
        row.try_get::<String>("", "one").unwrap()
    };
    let session_of = |user: &str| format!("sessions WHERE user_pk = (SELECT pk FROM users WHERE id = '{user}')");
    let (hal_session, tom_session) = (
        one("id", &session_of("hidden-hal")).await,
        one("id", &session_of("globex-tom")).await,
    );
    let event = "audit_events WHERE organization_pk = (SELECT pk FROM organizations WHERE id = 'globex') AND actor_id = 'globex-tom' AND request_id IS NOT NULL";
    // Keys that are limited reach organizations or tenants, and of the users only their owner.
    let limited = async |permission: &str| {
        let document = "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }";
        let data = json!({ "name": permission, "permissions": [permission] });
        let made = ann.ok(document, json!({ "data": data })).await;
        app.key(made["createApiKey"]["secret"].as_str().unwrap())
    };
    let (tenants, organizations) = (limited("read:tenant").await, limited("read:org").await);

    let nobodys_key = "01900000-1111-7111-8111-111111111111".to_owned();
    let nobodys_secret = "tnt_0000000000000000000000000000000000000000000000000".to_owned();
    let of = |word: &'static str, user: &str, key: String, secret: String, session: String| {
        let same = |text: &str| Names {
            there: text.to_owned(),
            nobody: text.replace(word, "nobody"),
        };
        BTreeMap::from([
            ((Kind::User, "id"), same(user)),
            ((Kind::User, "email"), same(&format!("{user}@mail.example"))),
            ((Kind::User, "name"), same(&format!("{user} the name"))),
            ((Kind::User, "firstname"), same(&format!("{word}-first"))),
            ((Kind::User, "lastname"), same(&format!("{word}-last"))),
            ((Kind::User, "userName"), same(&format!("{user} the user name"))),
            ((Kind::User, "externalId"), same(&format!("{word}-external"))),
            ((Kind::ApiKey, "name"), same(&format!("{word}-key"))),
            (
                (Kind::Session, "id"),
                Names {
                    there: session,
                    nobody: nobodys_key.clone(),
                },
            ),
            (
                (Kind::ApiKey, "id"),
                Names {
                    there: key,
                    nobody: nobodys_key.clone(),
                },
            ),
            (
                (Kind::ApiKey, "secret"),
                Names {
                    there: secret,
                    nobody: nobodys_secret.clone(),
                },
            ),
        ])
    };
    let hidden = of("hidden", "hidden-hal", hal_key, hal, hal_session);
    let mut globex = of("globex", "globex-tom", tom_key, tom, tom_session);
    for (which, there) in [
        ((Kind::Organization, "id"), "globex"),
        ((Kind::Organization, "name"), "Organization globex"),
        ((Kind::Tenant, "id"), "globex-rome"),
        ((Kind::Tenant, "name"), "Tenant globex-rome"),
        ((Kind::Group, "name"), "globex group"),
        ((Kind::Group, "externalId"), "globex-group-external"),
        ((Kind::Role, "name"), "globex role"),
        ((Kind::Invitation, "email"), "globex-invited@mail.example"),
    ] {
        globex.insert(
            which,
            Names {
                there: there.to_owned(),
                nobody: there.replace("globex", "nobody"),
            },
        );
    }
    globex.insert(
        (Kind::Group, "key"),
        Names {
            there: "GLOBEX_GROUP".to_owned(),
            nobody: "NOBODY_GROUP".to_owned(),
        },
    );
    for (which, column, from) in [
        ((Kind::Group, "id"), "id", "groups WHERE name = 'globex group'"),
        ((Kind::Role, "id"), "id", "roles WHERE name = 'globex role'"),
        ((Kind::Invitation, "id"), "id", "invitations WHERE email LIKE 'globex%'"),
        ((Kind::AuditEvent, "id"), "id", event),
        ((Kind::AuditEvent, "request"), "request_id", event),
    ] {
        globex.insert(
            which,
            Names {
                there: one(column, from).await,
                nobody: nobodys_key.clone(),
            },
        );
    }
    // To whom a colleague is hidden, so is a tenant that they may not read and do not belong to.
    let mut hidden_with_tenant = hidden.clone();
    for (which, there) in [
        ((Kind::Tenant, "id"), "acme-paris"),
        ((Kind::Tenant, "name"), "Tenant acme-paris"),
    ] {
        let nobody = there.replace("acme-paris", "nobody-xyz");
        hidden_with_tenant.insert(
            which,
            Names {
                there: there.to_owned(),
                nobody,
            },
        );
    }
    let mut paris = hidden_with_tenant.clone();
    for (which, there, nobody) in [
        ((Kind::Group, "name"), "hidden group", "nobody group"),
        ((Kind::Group, "key"), "HIDDEN_GROUP", "NOBODY_GROUP"),
        (
            (Kind::Group, "externalId"),
            "hidden-group-external",
            "nobody-group-external",
        ),
        (
            (Kind::Invitation, "email"),
            "hidden-invited@mail.example",
            "nobody-invited@mail.example",
        ),
    ] {
        let (there, nobody) = (there.to_owned(), nobody.to_owned());
        paris.insert(which, Names { there, nobody });
    }
    let of_hal = "audit_events WHERE target_id = 'hidden-hal' AND request_id IS NOT NULL";
    for (which, column, from) in [
        ((Kind::Group, "id"), "id", "groups WHERE name = 'hidden group'"),
        ((Kind::Invitation, "id"), "id", "invitations WHERE email LIKE 'hidden%'"),
        ((Kind::AuditEvent, "id"), "id", of_hal),
        ((Kind::AuditEvent, "request"), "request_id", of_hal),
    ] {
        let (there, nobody) = (one(column, from).await, nobodys_key.clone());
        paris.insert(which, Names { there, nobody });
    }
    let una = app.key(una);
    let bea = app.key(bea);
    let both = vec!["globex", "hidden"];
    vec![
        View {
            name: "ann, globex",
            caller: ann.clone(),
            hidden: globex.clone(),
            words: vec!["globex"],
        },
        View {
            name: "una, globex",
            caller: una.clone(),
            hidden: globex,
            words: both.clone(),
        },
        View {
            name: "una, a colleague",
            caller: una,
            hidden: hidden_with_tenant,
            words: both.clone(),
        },
        View {
            name: "bea, paris",
            caller: bea,
            hidden: paris,
            words: vec!["globex", "hidden", "HIDDEN", "paris"],
        },
        View {
            name: "read:tenant, a colleague",
            caller: tenants,
            hidden: hidden.clone(),
            words: both.clone(),
        },
        View {
            name: "read:org, a colleague",
            caller: organizations,
            hidden,
            words: both,
        },
    ]
}

/// A place in a query document where an argument stands.
pub struct Place {
    /// What stands before and behind `field(argument: $x)`. Before the argument may stand others.
    pub before: String,
    pub behind: String,
    pub field: String,
    pub argument: String,
    pub ty: Type,
    pub selection: String,
    /// What a filter must hold beside what is put in: a query for one thing names it.
    pub base: Value,
    /// The response keys from the top to the field.
    pub keys: Vec<String>,
}

impl Place {
    /// The filter's type, for a document with a variable in its place.
    pub fn declared(&self) -> String {
        self.ty.to_string()
    }
}

/// The query that says `NOT_FOUND`.
const EXPLANATION: &str = "accessExplanation";

/// A thing in sight of `ann`, for a query for one thing.
pub fn in_sight(query: &str) -> Option<Value> {
    let id = match query {
        "organization" => "acme",
        "tenant" => "acme-berlin",
        "user" => "acme-bob",
        "group" => GROUP,
        "role" => ROLE,
        "permission" => "acme:read",
        "resourceServer" => SERVER,
        "invitation" => INVITATION,
        "session" => SESSION,
        "apiKey" => return Some(json!({ "name": "acme-key" })),
        "auditEvent" => "nobody",
        _ => return None,
    };
    Some(json!({ "id": id }))
}

/// What a query needs beside the argument that is tried: other arguments, and what its input must hold.
fn beside(query: &str, argument: &str) -> (&'static str, Option<Value>) {
    let bob = || Some(json!({ "id": "acme-bob" }));
    match query {
        "accessExplanation" if argument == "target" => ("user: {id: \"acme-bob\"}, permission: \"read:user\", ", bob()),
        "accessExplanation" => ("permission: \"read:user\", ", bob()),
        "can" => ("permissions: [\"usage:api\"], ", bob()),
        "check" => ("", Some(json!({ "permission": "usage:api" }))),
        _ => ("", in_sight(query)),
    }
}

/// Every argument that takes an input type: of Query's own fields, and of the fields of objects, by the shortest way.
pub fn places(sdl: &Sdl) -> Vec<Place> {
    let mut places = Vec::new();
    let mut seen = BTreeSet::from(["Query".to_owned(), "User".to_owned()]);
    // From the caller itself first: this way is open to everybody.
    let mut next = VecDeque::from([("User".to_owned(), vec!["me".to_owned()])]);
    let mut top = Some(("Query".to_owned(), Vec::new()));
    while let Some((ty, way)) = next.pop_front().or_else(|| top.take()) {
        for field in sdl.fields(&ty) {
            let name = field.name.node.to_string();
            let below = named(&field.ty.node).to_owned();
            for argument in &field.arguments {
                if sdl.is_input(named(&argument.node.ty.node)) {
                    let (others, base) = beside(&name, argument.node.name.node.as_str());
                    let keys = way.iter().cloned().chain([name.clone()]).collect();
                    places.push(Place {
                        before: way.iter().map(|step| format!("{step} {{ ")).collect(),
                        behind: " }".repeat(way.len()),
                        field: name.clone(),
                        argument: format!("{others}{}", argument.node.name.node),
                        ty: argument.node.ty.node.clone(),
                        selection: selection(sdl, &below),
                        base: base.filter(|_| way.is_empty()).unwrap_or_else(|| json!({})),
                        keys,
                    });
                }
            }
            if sdl.is_object(&below) && seen.insert(below.clone()) {
                next.push_back((below, way.iter().cloned().chain([name]).collect()));
            }
        }
    }
    places
}

/// Enough of a type to tell what it is.
pub fn selection(sdl: &Sdl, ty: &str) -> String {
    if sdl.is_interface(ty) {
        " { __typename }".to_owned()
    } else if !sdl.is_object(ty) {
        String::new()
    } else if sdl.field(ty, "nodes").is_some() {
        " { totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor } }".to_owned()
    } else if sdl.field(ty, "id").is_some() {
        " { id }".to_owned()
    } else if sdl.field(ty, "refusal").is_some() {
        " { refusal { code reason field permissions message } }".to_owned()
    } else {
        " { __typename }".to_owned()
    }
}

on_both! {
    async fn queries(app: App) {
        let sdl = Sdl::read();
        let views = views(&app).await;
        let places = places(&sdl);
        assert!(places.iter().any(|place| place.keys == ["me", "organization", "users"]), "nested lists are found");
        let mut asked = 0;
        for view in &views {
            for place in &places {
                let leaves: Vec<Leaf> = leaves(&sdl, named(&place.ty), QUERY_DEPTH)
                    .into_iter()
                    .filter(|leaf| view.hides(leaf))
                    .collect();
                // An explanation of nobody is an error, and so is asked for alone.
                let at_once = if place.field == EXPLANATION { 1 } else { 12 };
                for leaves in leaves.chunks(at_once) {
                    asked += leaves.len();
                    equal_in_queries(view, place, leaves).await;
                }
            }
        }
        assert!(asked > 1_000, "only {asked} questions");
    }

    /// Everybody is shown their own organization and tenant, and so finds them again.
    async fn own_surroundings_are_nodes(app: App) {
        app.organization("acme", &["berlin", "paris"]).await;
        let data = json!({ "id": "bob", "organizationId": "acme", "tenantId": "berlin" });
        app.admin().ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": data })).await;
        let bob = app.key_of("bob").await;
        let shown = bob.ok("{ me { organization { id nodeId name variables } tenant { id nodeId name variables } } }", json!({})).await;
        for (field, ty) in [("organization", "Organization"), ("tenant", "Tenant")] {
            let document = format!("query($id: ID!) {{ node(nodeId: $id) {{ ... on {ty} {{ id nodeId name variables }} }} }}");
            let again = bob.ok(&document, json!({ "id": shown["me"][field]["nodeId"] })).await;
            assert_eq!(again["node"], shown["me"][field]);
        }
        let paris = app.admin().ok("{ tenant(where: {id: \"paris\"}) { nodeId } }", json!({})).await;
        let document = "query($id: ID!) { node(nodeId: $id) { nodeId } }";
        assert_eq!(bob.ok(document, json!({ "id": paris["tenant"]["nodeId"] })).await["node"], Value::Null);
    }

    /// `node` finds what the query for one thing finds, by whatever id, and nothing out of sight.
    async fn nodes(app: App) {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;

        let types = ["Organization", "Tenant", "User", "ApiKey", "Group", "Role", "Invitation", "Session", "AuditEvent"];
        let document = "query($id: ID!) { node(nodeId: $id) { __typename nodeId ... on User { email } ... on Tenant { name } } }";
        let views = views(&app).await;
        for view in &views {
            let mut asked = 0;
            for ((kind, which), names) in &view.hidden {
                let ty = format!("{kind:?}");
                assert!(types.contains(&ty.as_str()), "{ty}");
                if *which != "id" {
                    continue;
                }
                let mut answers = Vec::new();
                for id in [&names.there, &names.nobody] {
                    let id = URL_SAFE_NO_PAD.encode(format!("{ty}:{id}"));
                    let answer = view.caller.send(document, json!({ "id": id })).await;
                    assert_eq!(answer["data"]["node"], Value::Null, "{}: {ty} {id}\n{answer}", view.name);
                    answers.push(answer);
                }
                assert_eq!(answers[0], answers[1], "{}: {ty}", view.name);
                asked += 1;
            }
            assert!(asked > 0, "{}", view.name);
        }
        let ann = &views[0].caller;
        for (query, ty) in [("organization", "Organization"), ("tenant", "Tenant"), ("user", "User"), ("group", "Group"), ("role", "Role"), ("permission", "Permission"),
            ("invitation", "Invitation"), ("session", "Session"), ("apiKey", "ApiKey")] {
            let known = in_sight(query).unwrap();
            let document = format!("query($where: {ty}Where!) {{ {query}(where: $where) {{ id nodeId }} }}");
            let found = ann.ok(&document, json!({ "where": known })).await;
            let node = "query($id: ID!) { node(nodeId: $id) { __typename nodeId } }";
            let again = ann.ok(node, json!({ "id": found[query]["nodeId"] })).await;
            assert_eq!(again["node"], json!({ "__typename": ty, "nodeId": found[query]["nodeId"] }));
        }
        let events = ann.ok("{ auditEvents(first: 1) { id nodeId } }", json!({})).await;
        let event = &events["auditEvents"][0];
        let document = "query($id: ID!, $node: ID!) { auditEvent(where: {id: $id}) { nodeId } node(nodeId: $node) { ... on AuditEvent { id } } }";
        let found = ann.ok(document, json!({ "id": event["id"], "node": event["nodeId"] })).await;
        assert_eq!(found, json!({ "auditEvent": { "nodeId": event["nodeId"] }, "node": { "id": event["id"] } }));
        for nonsense in ["", "zz", "VXNlcg", "VXNlcjphZG1pbg==", "UGxhbmV0Om1hcnM"] {
            let document = "query($id: ID!) { node(nodeId: $id) { nodeId } }";
            let error = ann.refusal(document, json!({ "id": nonsense })).await;
            assert_eq!((&error["extensions"]["code"], &error["extensions"]["field"]), (&json!("INVALID"), &json!("nodeId")));
        }
    }

    async fn mutations(app: App) {
        let sdl = Sdl::read();
        let views = views(&app).await;
        // The limited keys may change nothing, and una nothing of others, whoever they are.
        for view in views.iter().filter(|view| ["ann, globex", "una, a colleague", "bea, paris"].contains(&view.name)) {
            for field in sdl.fields("Mutation") {
                equal_in_mutation(&app, &sdl, view, field).await;
            }
        }
    }

    /// The one exception: an id that is taken elsewhere is `CONFLICT`, in words that name only what the caller sent. An
    /// address that is taken elsewhere is free.
    async fn what_is_taken_elsewhere(app: App) {
        let views = views(&app).await;
        let ann = &views[0].caller;
        let user = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
        let tenant = "mutation($data: CreateTenantData!) { createTenant(data: $data) { id } }";
        for (document, data, sent) in [
            (user, json!({ "id": "globex-tom" }), "globex-tom"),
            (tenant, json!({ "id": "globex-rome", "name": "acme" }), "globex-rome"),
        ] {
            let before = app.dump().await;
            let error = ann.refusal(document, json!({ "data": data })).await;
            assert_eq!(error["extensions"]["code"], "CONFLICT", "{error}");
            let message = error["message"].as_str().unwrap().replace(sent, "");
            assert!(!message.to_lowercase().contains("globex"), "{error}");
            assert_eq!(before, app.dump().await);
        }
        ann.ok(user, json!({ "data": { "email": "Globex-Tom@mail.example" } })).await;
    }

    /// Every way through objects to an object: none shows what is out of sight, and one thing's field has one verdict
    /// whatever the way to it.
    async fn every_way_to_an_object(app: App) {
        let sdl = Sdl::read();
        let views = views(&app).await;
        let mut ways = Vec::new();
        for field in sdl.fields("Query") {
            go_on(&sdl, named(&field.ty.node), &mut vec![field.name.node.to_string()], &mut ways);
        }
        assert!(ways.iter().any(|(way, _)| way.join(".") == "me.organization.users.tenant"), "ways are found");
        for view in views.iter().filter(|view| view.name != "una, globex") {
            let mut verdicts: BTreeMap<(String, String, String), BTreeMap<String, String>> = BTreeMap::new();
            for (way, ty) in &ways {
                for (chunk, long) in affordable(&sdl, way, ty) {
                    let mut document = format!("{{ id __typename {} }}", chunk.join(" "));
                    for step in paged(&sdl, way).iter().map(|step| step.replace("first: 12", long)).rev() {
                        document = format!("{{ {step} {document} }}");
                    }
                    let answer = view.caller.send(&document, json!({})).await;
                    let text = answer.to_string();
                    assert_leaks_nothing(&text);
                    for word in &view.words {
                        assert!(!text.contains(word), "{}: '{word}' in the answer to {document}\n{answer:#}", view.name);
                    }
                    if answer.get("errors").is_none() {
                        judge(&answer["data"], &way.join("."), &mut verdicts);
                    } else {
                        let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
                        assert_eq!(code, "FORBIDDEN", "{}: {document}\n{answer:#}", view.name);
                    }
                }
            }
            assert!(verdicts.len() > 20, "{}: {} fields seen", view.name, verdicts.len());
            for (what, said) in &verdicts {
                assert!(said.len() == 1, "{}: {what:?} has several verdicts: {said:#?}", view.name);
            }
        }
    }
}

async fn equal_in_queries(view: &View<'_>, place: &Place, leaves: &[Leaf]) {
    let declared: Vec<String> = (0..leaves.len())
        .map(|i| format!("$w{i}: {}", place.declared()))
        .collect();
    let calls: Vec<String> = (0..leaves.len())
        .map(|i| format!("a{i}: {}({}: $w{i}){}", place.field, place.argument, place.selection))
        .collect();
    let document = format!(
        "query({}) {{ {}{}{} }}",
        declared.join(", "),
        place.before,
        calls.join(" "),
        place.behind
    );
    let mut answers = Vec::new();
    for there in [true, false] {
        let variables = leaves.iter().enumerate().map(|(i, leaf)| {
            let names = &view.hidden[&(leaf.kind, leaf.which)];
            (
                format!("w{i}"),
                leaf.put(&place.base, if there { &names.there } else { &names.nobody }),
            )
        });
        let answer = view.caller.send(&document, Value::Object(variables.collect())).await;
        let refusal = answer["errors"].get(0).map(|error| &error["extensions"]["code"]);
        let told = |code: &Value| code == "FORBIDDEN" || code == "NOT_FOUND" && place.field == EXPLANATION;
        assert!(refusal.is_none_or(told), "{document}\n{answer:#}");
        answers.push(answer);
    }
    let [mut there, nobody]: [Value; 2] = answers.try_into().unwrap();
    if place.field == EXPLANATION {
        // The words name what the caller sent, and nothing else.
        let names = &view.hidden[&(leaves[0].kind, leaves[0].which)];
        there = serde_json::from_str(&there.to_string().replace(&names.there, &names.nobody)).unwrap();
    }
    let text = there.to_string();
    for word in &view.words {
        assert!(
            !text.contains(word),
            "{}: '{word}' in the answer to {document}\n{there:#}",
            view.name
        );
    }
    if there == nobody {
        return;
    }
    for (i, leaf) in leaves.iter().enumerate() {
        let of = |answer: &Value| {
            place.keys[..place.keys.len() - 1]
                .iter()
                .fold(answer["data"].clone(), |at, key| at[key].clone())[format!("a{i}")]
            .clone()
        };
        let what = format!(
            "{}: {}({}: {})",
            view.name,
            place.keys.join("."),
            place.argument,
            leaf.shown()
        );
        assert_eq!(
            of(&there),
            of(&nobody),
            "{what} tells a thing out of sight from one that is not there"
        );
    }
    panic!("{}: {document}\n{there:#}\n{nobody:#}", view.name);
}

async fn equal_in_mutation(
    app: &App,
    sdl: &Sdl,
    view: &View<'_>,
    field: &async_graphql::parser::types::FieldDefinition,
) {
    let name = field.name.node.as_str();
    let Some(base) = base_call(name) else { return };
    let declared: Vec<String> = field
        .arguments
        .iter()
        .map(|a| format!("${}: {}", a.node.name.node, a.node.ty.node))
        .collect();
    let given: Vec<String> = field
        .arguments
        .iter()
        .map(|a| format!("{0}: ${0}", a.node.name.node))
        .collect();
    // Arguments with a default are not given.
    let (declared, given): (Vec<String>, Vec<String>) = declared
        .into_iter()
        .zip(given)
        .zip(&field.arguments)
        .filter(|(_, argument)| argument.node.default_value.is_none())
        .map(|(pair, _)| pair)
        .unzip();
    let document = format!(
        "mutation({}) {{ {name}({}){} }}",
        declared.join(", "),
        given.join(", "),
        selection(sdl, named(&field.ty.node)),
    );
    let mut all = Vec::new();
    for argument in &field.arguments {
        let (top, ty) = (argument.node.name.node.to_string(), &argument.node.ty.node);
        let step = Step {
            field: top.clone(),
            list: is_list(ty),
        };
        if sdl.is_input(named(ty)) {
            all.extend(leaves(sdl, named(ty), MUTATION_DEPTH).into_iter().map(|mut leaf| {
                leaf.path.insert(0, step.clone());
                leaf
            }));
        } else if let Some(Holds::Name(kind, which)) = holds(&format!("Mutation.{name}"), &top) {
            all.push(Leaf {
                path: vec![step],
                kind,
                which,
                list: is_list(ty),
            });
        }
    }
    let before = app.dump().await;
    for leaf in all {
        // "Not another's": true of all that one has, so the change would be made.
        if !view.hides(&leaf) {
            continue;
        }
        let names = &view.hidden[&(leaf.kind, leaf.which)];
        if leaf.path.iter().any(|step| step.field == "NOT") {
            continue;
        }
        let what = format!("{}: {name}({})", view.name, leaf.shown());
        let there = view.caller.send(&document, leaf.put(&base, &names.there)).await;
        let nobody = view.caller.send(&document, leaf.put(&base, &names.nobody)).await;
        assert_leaks_nothing(&there.to_string());
        // The words name what the caller sent, and nothing else.
        let told = there.to_string().replace(&names.there, &names.nobody);
        assert_eq!(
            told,
            nobody.to_string(),
            "{what} tells a thing out of sight from one that is not there"
        );
        for word in &view.words {
            assert!(!told.contains(word), "{what}: '{word}' in {there:#}");
        }
        // One of several objects is refused by itself.
        let of_one = there["data"][name][0]["refusal"]["code"].as_str();
        let code = there["errors"][0]["extensions"]["code"].as_str().or(of_one);
        let expected: &[Option<&str>] = match name {
            // Names that no key bears are passed over.
            "revokeApiKeys" => &[None],
            "revokeUserApiKeys" if leaf.path.iter().any(|step| step.field == "ids") => &[None, Some("FORBIDDEN")],
            // It is for all that pass its filter.
            "revokeSessions" => &[None],
            // Open to everybody, and the same whether or not there is such an account.
            "requestPasswordReset" => &[None],
            "signIn" => &[Some("UNAUTHENTICATED")],
            // Roles are given to, not found in, what a change is for.
            _ if leaf.kind == Kind::Role && !leaf.path.iter().any(|step| step.field == "where") => {
                &[Some("INVALID"), Some("NOT_FOUND"), Some("FORBIDDEN")]
            }
            _ => &[Some("NOT_FOUND"), Some("FORBIDDEN")],
        };
        assert!(expected.contains(&code), "{what}: {there:#}");
        if code.is_none() && name.starts_with("revoke") {
            assert!([json!([]), json!(0)].contains(&there["data"][name]), "{what}");
        }
    }
    assert!(before == app.dump().await, "{}: {name} changed something", view.name);
}

/// All ways from a field on, through objects that have an id, so far that every type is reached by every other.
pub(super) fn go_on(sdl: &Sdl, ty: &str, way: &mut Vec<String>, ways: &mut Vec<(Vec<String>, String)>) {
    const STEPS_MAX: usize = 4;
    // Two lists without pages within each other cost too much for one document.
    let mut at = "Query";
    let mut unpaged = 0;
    for step in way.iter() {
        let field = sdl.field(at, step).unwrap();
        unpaged += usize::from(is_unpaged(field));
        at = named(&field.ty.node);
    }
    if !sdl.is_object(ty) || unpaged > 1 {
        return;
    }
    if sdl.field(ty, "id").is_some() {
        ways.push((way.clone(), ty.to_owned()));
    }
    // A connection or an edge is a way, and no step.
    let steps = way
        .iter()
        .filter(|step| !["edges", "node", "nodes"].contains(&step.as_str()))
        .count();
    for field in sdl.fields(ty) {
        let below = named(&field.ty.node);
        let through = matches!(field.name.node.as_str(), "edges" | "node" | "nodes");
        if sdl.is_object(below) && below != "PageInfo" && (through || steps < STEPS_MAX) {
            way.push(field.name.node.to_string());
            go_on(sdl, below, way, ways);
            way.pop();
        }
    }
}

/// The steps of a way, each list with a page that is short enough for the four of them to stand within each other, and
/// long enough for all that there is.
pub(super) fn paged(sdl: &Sdl, way: &[String]) -> Vec<String> {
    let mut ty = "Query";
    let mut steps = Vec::new();
    for step in way {
        let field = sdl.field(ty, step).unwrap();
        let paged = field
            .arguments
            .iter()
            .any(|argument| argument.node.name.node == "first");
        // The built-in roles come before the organization's own.
        let first = match (steps.is_empty(), way.len() > 2) {
            (true, false) => 100,
            (true, true) => 12,
            (false, _) => 4,
        };
        let mut given = Vec::new();
        if paged {
            given.push(format!("first: {first}"));
        }
        for argument in field
            .arguments
            .iter()
            .filter(|argument| !argument.node.ty.node.nullable)
        {
            given.push(match (argument.node.name.node.as_str(), in_sight(step)) {
                ("tenant", _) => "tenant: \"acme-berlin\"".to_owned(),
                ("where", Some(filter)) => {
                    let (name, value) = filter.as_object().unwrap().iter().next().unwrap();
                    format!("where: {{{name}: {value}}}")
                }
                ("user", _) => "user: {id: \"acme-bob\"}".to_owned(),
                ("permission", _) => "permission: \"read:user\"".to_owned(),
                (name, _) => panic!("{step} needs the argument '{name}', that nobody thought of"),
            });
        }
        steps.push(match given.is_empty() {
            true => step.clone(),
            false => format!("{step}({})", given.join(", ")),
        });
        ty = named(&field.ty.node);
    }
    steps
}

/// The fields of a type at the end of a way, in documents that do not cost too much, each with how long its longest page may
/// be. A list without pages counts as a hundred. What is merged costs more: it is asked for alone, by the shorter ways.
pub(super) fn affordable(sdl: &Sdl, way: &[String], ty: &str) -> Vec<(Vec<String>, &'static str)> {
    const COST_MAX: usize = 240_000;
    let first = |step: &String| {
        let (_, page) = step.split_once("first: ")?;
        page.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
    };
    let (mut at, mut objects) = ("Query", 1);
    for (name, step) in way.iter().zip(paged(sdl, way)) {
        let field = sdl.field(at, name).unwrap();
        objects *= first(&step).unwrap_or(if is_unpaged(field) { 100 } else { 1 });
        at = named(&field.ty.node);
    }
    let (merged, own): (Vec<_>, Vec<_>) = scalars(sdl, ty)
        .into_iter()
        .partition(|field| field == "effectiveVariables");
    let at_once = (COST_MAX / objects).saturating_sub(2 + way.len()).min(30);
    assert!(at_once > 0, "{way:?} costs too much");
    let chunks = own.chunks(at_once).map(|chunk| (chunk.to_vec(), "first: 12"));
    let is_affordable = objects * 8 / 12 * (52 + way.len()) < COST_MAX;
    let merged = merged.into_iter().filter(|_| is_affordable);
    chunks.chain(merged.map(|field| (vec![field], "first: 8"))).collect()
}

fn is_unpaged(field: &async_graphql::parser::types::FieldDefinition) -> bool {
    let is_page = ["edges", "nodes"].contains(&field.name.node.as_str());
    let has_pages = field
        .arguments
        .iter()
        .any(|argument| argument.node.name.node == "first");
    is_list(&field.ty.node) && !is_page && !has_pages
}

/// The fields of a type that are no objects, and those that are, by what they are.
pub(super) fn scalars(sdl: &Sdl, ty: &str) -> Vec<String> {
    sdl.fields(ty)
        .into_iter()
        .filter(|field| field.name.node != "id" && !sdl.is_object(named(&field.ty.node)))
        .map(|field| field.name.node.to_string())
        .collect()
}

/// Notes what is said of each field of each thing in an answer.
fn judge(value: &Value, way: &str, verdicts: &mut BTreeMap<(String, String, String), BTreeMap<String, String>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| judge(item, way, verdicts)),
        Value::Object(members) => {
            let id = (
                members.get("__typename").and_then(Value::as_str),
                members.get("id").and_then(Value::as_str),
            );
            // What an event says of a thing is what was true of it then.
            let is_remembered = id.0 == Some("AuditRelated");
            for (name, below) in members {
                judge(below, way, verdicts);
                if let (Some(ty), Some(id), false) = (id.0, id.1, is_remembered) {
                    let key = (ty.to_owned(), id.to_owned(), name.clone());
                    verdicts
                        .entry(key)
                        .or_default()
                        .entry(below.to_string())
                        .or_insert_with(|| way.to_owned());
                }
            }
        }
        _ => {}
    }
}
