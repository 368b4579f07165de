"""The WAII SDK, `waii-sdk-py` 1.30.0: its user module, one call at a time and many at once, and impersonation.

The numbers in the headings are the sections of the contract. An exception of the SDK is a plain `Exception` with the
`detail` and nothing else: the status of a refusal is seen on the wire. What is checked beside an answer is seen through
GraphQL.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import json
import math
import time

import pytest
import requests

pytest.register_assert_rewrite("directory")

import directory  # noqa: E402
import waii_sdk_py  # noqa: E402
from directory import graphql, unique  # noqa: E402
from waii_sdk_py import WAII, AsyncWaii, Waii  # noqa: E402
from waii_sdk_py.user import *  # noqa: E402, F403

URL = f"{directory.URL}/api/"
SECRETS = "user secrets are not kept by this server"

wire = directory.Wire()
wire.attach(requests)


def connect(key):
    client = Waii()
    client.initialize(url=URL, api_key=key)
    return client


@contextlib.contextmanager
def refused(status, *words):
    """Refused by the server, with this status, in words that hold these; nothing else about the directory changes."""
    before = everything()
    mark = len(wire)
    with pytest.raises(Exception) as raised:
        yield
    assert len(wire) == mark + 1, "not one call"
    assert type(raised.value) is Exception, repr(raised.value)
    exchange = wire[-1]
    assert exchange.status == status, exchange.text
    assert exchange.json() == {"detail": raised.value.args[0]} and len(raised.value.args) == 1
    detail = raised.value.args[0]
    assert len(detail) > 10 and all(word in detail for word in words), detail
    assert everything() == before


def everything():
    """What every user of these tests' organizations is, as the super admin sees it."""
    document = """{ organizations(where: {idStartsWith: "w-"}) { id name variables }
        tenants(where: {idStartsWith: "w-"}) { id name variables organizationId }
        users(where: {idStartsWith: "w-"}) { id name variables organizationId tenantId activated roles { name } } countUsers }"""
    return graphql(document)


class House:
    """An organization with two tenants, an administrator and a user who may make keys, all made by the SDK."""

    def __init__(self, root, word):
        self.id, self.tenant, self.other = unique(f"w-o-{word}"), unique(f"w-t-{word}"), unique(f"w-t2-{word}")
        root.user.create_org(CreateOrganizationRequest(organization=Organization(id=self.id, name=word)))
        for tenant in (self.tenant, self.other):
            made = Tenant(id=tenant, name=f"{word} {tenant}", org_id=self.id)
            root.user.create_tenant(CreateTenantRequest(tenant=made))
        self.root = root
        self.ada = self.person("ada", WaiiRoles.WAII_ORG_ADMIN_USER)
        self.bob = self.person("bob", WaiiRoles.WAII_API_USER)
        self.admin, self.user = self.client(self.ada), self.client(self.bob)

    def person(self, word, *roles, **more):
        made = User(id=unique(f"w-u-{word}"), tenant_id=self.tenant, org_id=self.id, roles=list(roles), **more)
        self.root.user.create_user(CreateUserRequest(user=made))
        return made.id

    def client(self, user):
        return connect(minted(user))

    def shown(self, user):
        """The user as the SDK's list shows it, or None."""
        found = self.root.user.list_users(ListUsersRequest(lookup_org_id=self.id, lookup_user_id=user)).users
        return found[0].dict() if found else None


def minted(user):
    """A first key for a user, minted on the machine: not everybody may make one."""
    return directory.Person(user, "", None, None).key(unique("first"))


@pytest.fixture(scope="session")
def root():
    """The super admin."""
    return connect(directory.ADMIN_API_KEY)


@pytest.fixture(scope="session")
def acme(root):
    return House(root, "acme")


@pytest.fixture(scope="session")
def globex(root):
    return House(root, "globex")


# 1, 4.1: the client


def test_the_release_is_the_one_these_tests_are_for():
    assert Waii.version() == "1.30.0"


def test_it_starts_with_one_call(acme):
    key = minted(acme.bob)
    mark = len(wire)
    client = connect(key)
    assert [(each.method, each.url, each.status) for each in wire[mark:]] == [("POST", f"{URL}update-db-connect-info", 200)]
    assert client.database.get_connections().connectors == []
    assert client.user.get_user_info(GetUserInfoRequest()).id == acme.bob


def test_it_starts_for_a_user_without_roles(acme):
    nil = acme.client(acme.person("nil"))
    info = nil.user.get_user_info(GetUserInfoRequest())
    assert (info.roles, info.permissions) == ([], [])


@pytest.mark.parametrize("key", ["", "no-key-that-anybody-has", "tnt_" + "0" * 49])
def test_a_bad_key_is_noticed_at_the_start(key):
    with refused(401):
        connect(key)


def test_the_ready_made_object_does_the_same(acme):
    WAII.initialize(url=URL, api_key=minted(acme.ada))
    assert WAII.User.get_user_info(GetUserInfoRequest()).id == acme.ada
    assert WAII.user.get_user_info(GetUserInfoRequest()).id == acme.ada
    with refused(401):
        WAII.initialize(url=URL, api_key="no-key-that-anybody-has")


def test_clients_do_not_mix(acme, globex):
    one, two = connect(minted(acme.ada)), connect(minted(globex.ada))
    assert one.user.get_user_info(GetUserInfoRequest()).id == acme.ada
    assert two.user.get_user_info(GetUserInfoRequest()).id == globex.ada


def test_an_address_without_its_slash_is_no_redirect():
    with pytest.raises(Exception):
        Waii().initialize(url=URL.removesuffix("/"), api_key=directory.ADMIN_API_KEY)
    assert (wire[-1].url, wire[-1].status) == (f"{directory.URL}/apiupdate-db-connect-info", 404)


# 2: requests


def test_company_fields_are_ignored(acme, globex):
    client = connect(minted(acme.ada))
    client.http_client.set_user_id(globex.ada)
    client.http_client.set_org_id(globex.id)
    assert client.user.get_user_info(GetUserInfoRequest()).id == acme.ada
    assert {user.org_id for user in client.user.list_users(ListUsersRequest()).users} == {acme.id}
    assert json.loads(wire[-1].body)["org_id"] == globex.id


def test_tenants_are_listed_by_a_users_request(root, acme):
    found = root.user.list_tenants(ListUsersRequest(lookup_org_id=acme.id, lookup_tenant_id="x", lookup_user_id="y")).tenants
    assert [tenant.id for tenant in found] == [acme.tenant, acme.other]


def test_empty_texts_are_not_given(acme):
    found = acme.admin.user.list_users(ListUsersRequest(lookup_org_id="", lookup_tenant_id="", lookup_user_id="")).users
    assert acme.ada in [user.id for user in found]
    user = acme.person("empty")
    acme.admin.user.update_user(UpdateUserRequest(user=User(id=user, tenant_id="", org_id="", name="E", roles=None)))
    assert acme.shown(user) == {"id": user, "name": "E", "tenant_id": acme.tenant, "org_id": acme.id, "variables": None, "roles": []}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "\ud800", {"\udfff": 1}, [["\ud800"]], "\0", {"\0": 1}])
def test_what_is_no_json_is_refused(acme, value):
    with refused(400):
        acme.user.user.update_config(UpdateConfigRequest(updated={"a": value}))
    with refused(400):
        acme.admin.user.create_user(CreateUserRequest(user=User(id=unique("w-u-bad"), tenant_id=acme.tenant, variables={"a": value})))


@pytest.mark.parametrize("bad", ["", " ", " a", "a ", "zoë", "a\tb", "a\nb", "\0", "x" * 256, "\U0001f600", "\ud800"])
def test_bad_ids_are_refused(root, acme, bad):
    for call, request in [
        (root.user.create_org, CreateOrganizationRequest(organization=Organization(id=bad, name="N"))),
        (root.user.update_org, UpdateOrganizationRequest(organization=Organization(id=bad, name="N"))),
        (root.user.delete_org, DeleteOrganizationRequest(id=bad)),
        (root.user.create_tenant, CreateTenantRequest(tenant=Tenant(id=bad, name="N", org_id=acme.id))),
        (root.user.update_tenant, UpdateTenantRequest(tenant=Tenant(id=bad, name="N"))),
        (root.user.delete_tenant, DeleteTenantRequest(id=bad)),
        (root.user.create_user, CreateUserRequest(user=User(id=bad, tenant_id=acme.tenant))),
        (root.user.update_user, UpdateUserRequest(user=User(id=bad))),
        (root.user.delete_user, DeleteUserRequest(id=bad)),
    ]:
        with refused(400):
            call(request)


def test_ids_are_any_printable_ascii(acme):
    odd = unique("w-u-!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ada@example.com")
    long = unique("w-u-long") + "x" * 200
    for id in (odd, long, odd.upper()):
        acme.root.user.create_user(CreateUserRequest(user=User(id=id, tenant_id=acme.tenant, org_id=acme.id)))
        assert acme.shown(id)["id"] == id
        with acme.admin.impersonate_user(user_id=id):
            assert acme.admin.user.get_user_info(GetUserInfoRequest()).id == id
        acme.admin.user.delete_user(DeleteUserRequest(id=id))
        assert acme.shown(id) is None


# 3: answers and refusals


def test_a_refusal_tells_what_it_is_about(root, acme):
    def user(**more):
        return CreateUserRequest(user=User(**{"id": unique("w-u-new"), "tenant_id": acme.tenant, **more}))

    nothing = unique("w-nothing") + "x" * 120
    for status, word, call, request in [
        (409, acme.id, root.user.create_org, CreateOrganizationRequest(organization=Organization(id=acme.id, name="N"))),
        (404, nothing, root.user.update_org, UpdateOrganizationRequest(organization=Organization(id=nothing, name="N"))),
        (404, nothing, root.user.delete_org, DeleteOrganizationRequest(id=nothing)),
        (409, acme.id, root.user.delete_org, DeleteOrganizationRequest(id=acme.id)),
        (409, acme.tenant, root.user.create_tenant, CreateTenantRequest(tenant=Tenant(id=acme.tenant, name="N"))),
        (404, nothing, root.user.create_tenant, CreateTenantRequest(tenant=Tenant(id=unique("w-t"), name="N", org_id=nothing))),
        (404, nothing, root.user.update_tenant, UpdateTenantRequest(tenant=Tenant(id=nothing, name="N"))),
        (400, "platform", root.user.update_tenant, UpdateTenantRequest(tenant=Tenant(id=acme.tenant, name="N", org_id="platform"))),
        (404, nothing, root.user.delete_tenant, DeleteTenantRequest(id=nothing)),
        (409, acme.tenant, root.user.delete_tenant, DeleteTenantRequest(id=acme.tenant)),
        (409, acme.bob, root.user.create_user, user(id=acme.bob)),
        (404, nothing, root.user.create_user, user(tenant_id=nothing)),
        (404, nothing, root.user.create_user, user(org_id=nothing)),
        (400, acme.tenant, root.user.create_user, user(org_id="platform")),
        (400, "tenant_id", root.user.create_user, user(tenant_id=None)),
        (400, nothing, root.user.create_user, user(roles=["waii-user", nothing])),
        (404, nothing, root.user.update_user, UpdateUserRequest(user=User(id=nothing))),
        (400, nothing, root.user.update_user, UpdateUserRequest(user=User(id=acme.bob, roles=[nothing]))),
        (404, nothing, root.user.delete_user, DeleteUserRequest(id=nothing)),
    ]:
        with refused(status, word):
            call(request)


def test_a_body_too_large_is_refused_as_everything_else(acme):
    with refused(413):
        acme.user.user.update_config(UpdateConfigRequest(updated={"a": "x" * 1_100_000}))


def test_an_unknown_call_is_refused_as_everything_else(acme):
    with refused(404):
        acme.user.http_client.common_fetch("get-models", {}, need_scope=False)


# 4.2: access keys


def keys(client):
    return client.user.list_access_keys(GetAccessKeyRequest()).access_keys


def test_keys_come_and_go(acme):
    bob = acme.client(acme.person("keys", WaiiRoles.WAII_API_USER))
    mine = bob.user.get_user_info(GetUserInfoRequest()).id
    assert len(keys(bob)) == 1
    made = bob.user.create_access_key(CreateAccessKeyRequest(name="k1")).access_keys
    assert len(made) == 1
    key = made[0]
    assert (key.user_id, key.name, key.description) == (mine, "k1", None)
    assert abs(key.created_at / 1000 - time.time()) < 120
    assert len(key.access_key) >= 20 and key.access_key.isascii()
    other = connect(key.access_key)
    assert other.user.get_user_info(GetUserInfoRequest()).id == mine
    with refused(409, "k1"):
        bob.user.create_access_key(CreateAccessKeyRequest(name="k1"))
    assert len(keys(other)) == 2
    # The list shows a mask, which is no key.
    masked = next(each for each in keys(bob) if each.name == "k1")
    assert masked.copy(update={"access_key": ""}) == key.copy(update={"access_key": ""})
    assert "*" in masked.access_key and masked.access_key.isascii() and len(masked.access_key) < len(key.access_key)
    with refused(401):
        connect(masked.access_key)
    bob.user.delete_access_key(DelAccessKeyRequest(names=[]))
    bob.user.delete_access_key(DelAccessKeyRequest(names=["nothing", unique("nothing")]))
    bob.user.delete_access_key(DelAccessKeyRequest(names=["k1", "nothing"]))
    with refused(401):
        other.user.get_user_info(GetUserInfoRequest())
    again = bob.user.create_access_key(CreateAccessKeyRequest(name="k1")).access_keys[0]
    assert again.access_key != key.access_key
    connect(again.access_key)


def test_names_of_keys_are_each_users_own(acme):
    one, two = (acme.client(acme.person("names", WaiiRoles.WAII_API_USER)) for _ in range(2))
    first = one.user.create_access_key(CreateAccessKeyRequest(name="default")).access_keys[0].access_key
    two.user.create_access_key(CreateAccessKeyRequest(name="default"))
    two.user.delete_access_key(DelAccessKeyRequest(names=["default"]))
    assert connect(first).user.get_user_info(GetUserInfoRequest()).id == keys(one)[0].user_id


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "a\0"])
def test_bad_names_of_keys_are_refused(acme, name):
    with refused(400):
        acme.user.user.create_access_key(CreateAccessKeyRequest(name=name))


# 4.3: oneself


def test_information(root, acme):
    info = root.user.get_user_info(GetUserInfoRequest())
    assert (info.id, info.email, info.roles) == ("admin", "admin@platform.invalid", ["waii-super-admin-user"])
    named = acme.person("named", WaiiRoles.WAII_USER, name="Zoë Ünïcode")
    info = acme.client(named).user.get_user_info(GetUserInfoRequest())
    assert (info.id, info.name, info.email, info.roles) == (named, "Zoë Ünïcode", named, ["waii-user"])
    bare = acme.person("bare")
    info = acme.client(bare).user.get_user_info(GetUserInfoRequest())
    assert (info.id, info.name, info.email) == (bare, bare, bare)


def configure(client, updated=None, deleted=None):
    return client.user.update_config(UpdateConfigRequest(updated=updated, deleted=deleted)).configs


def test_configuration(acme):
    nil = acme.client(acme.person("config"))
    assert configure(nil) == {}
    values = {"a": None, "b": [1, {"c": None}], "d": 2**63 - 1, "e": -(2**63), "f": "Zoë \u2028", "g": {"x": {"y": [True, 1.5]}}, "h": 2**64 - 1}
    assert configure(nil, values) == values
    assert configure(nil) == values
    assert configure(nil, {"a": 1, "z": 2}, ["z", "b", "nothing"]) == {**{k: v for k, v in values.items() if k != "b"}, "a": 1}
    assert configure(nil, deleted=list("adefgh")) == {}
    assert configure(acme.user) == {}


def test_configuration_is_graphqls_settings(acme):
    user = acme.person("settings")
    key = minted(user)
    configure(connect(key), {"theme": {"dark": True, "n": None}})
    assert graphql("{ me { settings } }", key=key)["me"]["settings"] == {"theme": {"dark": True, "n": None}}


# 4.4 to 4.7: organizations, tenants, users


def test_organizations(root):
    id = unique("w-o-life")
    variables = {"a": None, "b": {"c": [2**63 - 1]}}
    assert root.user.create_org(CreateOrganizationRequest(organization=Organization(id=id, name="Zoë", variables=variables))) is not None

    def shown():
        return next((each.dict() for each in root.user.list_orgs(ListOrganizationsRequest()).organizations if each.id == id), None)

    assert shown() == {"id": id, "name": "Zoë", "variables": variables}
    root.user.update_org(UpdateOrganizationRequest(organization=Organization(id=id, name="Two")))
    assert shown() == {"id": id, "name": "Two", "variables": variables}
    root.user.update_org(UpdateOrganizationRequest(organization=Organization(id=id, name="Two", variables={})))
    assert shown() == {"id": id, "name": "Two", "variables": {}}
    root.user.delete_org(DeleteOrganizationRequest(id=id))
    assert shown() is None
    with refused(404, id):
        root.user.delete_org(DeleteOrganizationRequest(id=id))
    root.user.create_org(CreateOrganizationRequest(organization=Organization(id=id, name="Again")))
    assert shown() == {"id": id, "name": "Again", "variables": None}
    root.user.delete_org(DeleteOrganizationRequest(id=id))


def test_tenants(root, acme):
    id = unique("w-t-life")
    acme.admin.user.create_tenant(CreateTenantRequest(tenant=Tenant(id=id, name="T", variables={"a": None})))

    def shown(client=acme.admin, **lookup):
        return next((each.dict() for each in client.user.list_tenants(ListTenantsRequest(**lookup)).tenants if each.id == id), None)

    assert shown() == {"id": id, "name": "T", "org_id": acme.id, "variables": {"a": None}}
    assert shown(lookup_org_id=acme.id) == shown() == shown(root, lookup_org_id=acme.id)
    assert shown(root) is None
    acme.admin.user.update_tenant(UpdateTenantRequest(tenant=Tenant(id=id, name="U", org_id=acme.id)))
    assert shown() == {"id": id, "name": "U", "org_id": acme.id, "variables": {"a": None}}
    acme.admin.user.update_tenant(UpdateTenantRequest(tenant=Tenant(id=id, name="U", variables={"b": 1})))
    assert shown()["variables"] == {"b": 1}
    acme.admin.user.delete_tenant(DeleteTenantRequest(id=id))
    assert shown() is None
    assert root.user.list_tenants(ListTenantsRequest(lookup_org_id=unique("w-o-nothing"))).tenants == []


def test_users(root, acme):
    id = unique("w-u-life")
    made = User(id=id, name="U", tenant_id=acme.tenant, org_id=acme.id, variables={"a": {"b": None}}, roles=[WaiiRoles.WAII_USER, WaiiRoles.WAII_API_USER])
    expected = {**made.dict(), "roles": ["waii-api-user", "waii-user"]}
    acme.admin.user.create_user(CreateUserRequest(user=made))
    assert acme.shown(id) == expected
    found = graphql("query($id: ID) { users(where: {id: $id}) { email organizationId tenantId variables roles { name } } }", {"id": id})["users"]
    assert found == [{"email": None, "organizationId": acme.id, "tenantId": acme.tenant, "variables": {"a": {"b": None}},
                      "roles": [{"name": "api-user"}, {"name": "user"}]}]

    def update(**fields):
        acme.admin.user.update_user(UpdateUserRequest(user=User(id=id, **fields)))
        expected.update({name: value for name, value in fields.items() if value is not None})
        assert acme.shown(id) == expected

    update(roles=None)
    update(name="V", roles=None)
    update(tenant_id=acme.other, roles=None)
    update(variables={}, roles=None)
    update(roles=[WaiiRoles.WAII_ADMIN_USER])
    # The SDK's own default takes all roles away.
    expected["roles"] = []
    acme.admin.user.update_user(UpdateUserRequest(user=User(id=id)))
    assert acme.shown(id) == expected
    # A refused update changes nothing, not even what was right.
    with refused(400, "nobody"):
        acme.admin.user.update_user(UpdateUserRequest(user=User(id=id, name="W", roles=["nobody"])))
    key = minted(id)
    configure(connect(key), {"a": 1})
    acme.admin.user.delete_user(DeleteUserRequest(id=id))
    with refused(401):
        connect(key)
    acme.admin.user.create_user(CreateUserRequest(user=User(id=id, tenant_id=acme.tenant)))
    assert acme.shown(id) == {"id": id, "name": None, "tenant_id": acme.tenant, "org_id": acme.id, "variables": None, "roles": []}
    anew = acme.client(id)
    assert (configure(anew), len(keys(anew))) == ({}, 1)
    with refused(401):
        connect(key)


def test_lookups(root, acme, globex):
    def found(client, **lookup):
        return [user.id for user in client.user.list_users(ListUsersRequest(**lookup)).users]

    mona = acme.person("mona")
    acme.admin.user.update_user(UpdateUserRequest(user=User(id=mona, tenant_id=acme.other)))
    assert found(acme.admin) == found(root, lookup_org_id=acme.id) == found(acme.admin, lookup_org_id=acme.id)
    assert found(acme.admin, lookup_tenant_id=acme.other) == [mona]
    assert found(acme.admin, lookup_user_id=mona) == [mona]
    assert found(acme.admin, lookup_tenant_id=acme.tenant, lookup_user_id=mona) == []
    assert found(root, lookup_user_id=mona) == [] and "admin" in found(root)
    assert found(root, lookup_org_id=unique("w-o-nothing")) == []
    for lookup in ({"lookup_org_id": globex.id}, {"lookup_tenant_id": globex.tenant}, {"lookup_user_id": globex.bob},
                   {"lookup_org_id": unique("w-o-nothing")}):
        assert found(acme.admin, **lookup) == []
    assert acme.admin.user.list_tenants(ListTenantsRequest(lookup_org_id=globex.id)).tenants == []
    assert [each.id for each in acme.admin.user.list_orgs(ListOrganizationsRequest()).organizations] == [acme.id]


def test_bottom_up_as_the_vendors_example_clears_away(root):
    house = House(root, "example")
    for status, call, request in [
        (409, root.user.delete_org, DeleteOrganizationRequest(id=house.id)),
        (409, root.user.delete_tenant, DeleteTenantRequest(id=house.tenant)),
        (None, root.user.delete_user, DeleteUserRequest(id=house.ada)),
        (None, root.user.delete_user, DeleteUserRequest(id=house.bob)),
        (None, root.user.delete_tenant, DeleteTenantRequest(id=house.tenant)),
        (409, root.user.delete_org, DeleteOrganizationRequest(id=house.id)),
        (None, root.user.delete_tenant, DeleteTenantRequest(id=house.other)),
        (None, root.user.delete_org, DeleteOrganizationRequest(id=house.id)),
    ]:
        with refused(status) if status else contextlib.nullcontext():
            call(request)


@pytest.mark.parametrize("who", ["root", "admin", "user"])
def test_secrets_are_not_kept(acme, who):
    client = getattr(acme, who)
    with refused(400):
        client.user.create_secret(CreateSecretRequest(user=User(id=acme.bob), secret={"a": {"b": 1}}))
    assert wire[-1].json() == {"detail": SECRETS}


# 5: roles and reach

CALLS = {
    "create_access_key": lambda house: CreateAccessKeyRequest(name=unique("k")),
    "list_users": lambda house: ListUsersRequest(),
    "create_user": lambda house: CreateUserRequest(user=User(id=unique("w-u-role"), tenant_id=house.tenant)),
    "update_user": lambda house: UpdateUserRequest(user=User(id=house.person("role"), name="N")),
    "delete_user": lambda house: DeleteUserRequest(id=house.person("role")),
    "list_tenants": lambda house: ListTenantsRequest(),
    "create_tenant": lambda house: CreateTenantRequest(tenant=Tenant(id=unique("w-t-role"), name="N")),
    "update_tenant": lambda house: UpdateTenantRequest(tenant=Tenant(id=house.other, name="N")),
    "delete_tenant": lambda house: DeleteTenantRequest(id=unique("w-t-nothing")),
    "list_orgs": lambda house: ListOrganizationsRequest(),
    "create_org": lambda house: CreateOrganizationRequest(organization=Organization(id=unique("w-o-role"), name="N")),
    "update_org": lambda house: UpdateOrganizationRequest(organization=Organization(id=house.id, name="N")),
    "delete_org": lambda house: DeleteOrganizationRequest(id=unique("w-o-nothing")),
}
OWN = {
    "get_user_info": lambda: GetUserInfoRequest(),
    "update_config": lambda: UpdateConfigRequest(),
    "list_access_keys": lambda: GetAccessKeyRequest(),
    "delete_access_key": lambda: DelAccessKeyRequest(names=["nothing"]),
}
MAKE_KEYS = {"create_access_key"}
MANAGE = {"list_users", "create_user", "update_user", "delete_user", "list_tenants", "create_tenant", "update_tenant", "delete_tenant", "list_orgs"}
ROLES = {
    None: set(),
    "waii-trial-user": set(),
    "waii-trial-api-user": MAKE_KEYS,
    "waii-user": set(),
    "waii-api-user": MAKE_KEYS,
    "waii-admin-user": MAKE_KEYS,
    "waii-org-admin-user": MAKE_KEYS | MANAGE,
    "waii-super-admin-user": set(CALLS),
}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_it_may(acme, role):
    client = acme.client(acme.person("role", *([role] if role else [])))
    assert client.user.get_user_info(GetUserInfoRequest()).roles == ([role] if role else [])
    for name, request in OWN.items():
        getattr(client.user, name)(request())
    for name, request in CALLS.items():
        made = request(acme)
        if name not in ROLES[role]:
            with refused(403):
                getattr(client.user, name)(made)
        elif name in ("delete_tenant", "delete_org"):
            with refused(404 if role == "waii-super-admin-user" else 403):
                getattr(client.user, name)(made)
        else:
            getattr(client.user, name)(made)


def test_another_organization_is_as_if_it_were_not_there(acme, globex):
    def detail(call, request, *there):
        with refused(403):
            call(request)
        words = wire[-1].json()["detail"]
        for id in there:
            words = words.replace(id, "…")
        return words

    user, nobody, tenant, nowhere = globex.bob, unique("w-u-nothing"), globex.tenant, unique("w-t-nothing")
    organization, no = globex.id, unique("w-o-nothing")
    calls = acme.admin.user
    for call, request in [
        (calls.update_user, lambda u, t, o: UpdateUserRequest(user=User(id=u, name="Mine", tenant_id=acme.tenant, org_id=acme.id))),
        (calls.update_user, lambda u, t, o: UpdateUserRequest(user=User(id=acme.bob, tenant_id=t, org_id=o))),
        (calls.update_user, lambda u, t, o: UpdateUserRequest(user=User(id=acme.bob, org_id=o))),
        (calls.delete_user, lambda u, t, o: DeleteUserRequest(id=u)),
        (calls.create_user, lambda u, t, o: CreateUserRequest(user=User(id=unique("w-u-x"), tenant_id=t))),
        (calls.create_user, lambda u, t, o: CreateUserRequest(user=User(id=unique("w-u-x"), tenant_id=t, org_id=acme.id))),
        (calls.create_user, lambda u, t, o: CreateUserRequest(user=User(id=unique("w-u-x"), tenant_id=acme.tenant, org_id=o))),
        (calls.create_tenant, lambda u, t, o: CreateTenantRequest(tenant=Tenant(id=unique("w-t-x"), name="N", org_id=o))),
        (calls.update_tenant, lambda u, t, o: UpdateTenantRequest(tenant=Tenant(id=t, name="Mine", org_id=acme.id))),
        (calls.delete_tenant, lambda u, t, o: DeleteTenantRequest(id=t)),
    ]:
        assert detail(call, request(user, tenant, organization), user, tenant, organization) == detail(call, request(nobody, nowhere, no), nobody, nowhere, no)


def test_two_organizations_share_an_address_and_neither_notices(acme, globex):
    address, users = directory.address("both"), []
    for house in (acme, globex):
        users.append(house.person("both", WaiiRoles.WAII_USER))
        graphql("mutation($id: ID!, $email: String!) { updatePropertiesInUser(where: {id: $id}, data: {email: $email}) { id } }",
                {"id": users[-1], "email": address})
    for house, user, other in [(acme, *users), (globex, *reversed(users))]:
        info = house.client(user).user.get_user_info(GetUserInfoRequest())
        assert (info.id, info.email) == (user, address)
        listed = {each.id for each in house.admin.user.list_users(ListUsersRequest()).users}
        assert user in listed and other not in listed
        with refused(403):
            house.admin.user.update_user(UpdateUserRequest(user=User(id=other, name="Mallory")))
    acme.admin.user.delete_user(DeleteUserRequest(id=users[0]))
    assert globex.shown(users[1])["id"] == users[1]


def test_nobody_grants_or_manages_beyond_their_own(acme):
    boss = acme.person("boss", WaiiRoles.WAII_SUPER_ADMIN_USER)
    for call, request in [
        (acme.admin.user.create_user, CreateUserRequest(user=User(id=unique("w-u-x"), tenant_id=acme.tenant, roles=["waii-super-admin-user"]))),
        (acme.admin.user.update_user, UpdateUserRequest(user=User(id=acme.bob, roles=["waii-super-admin-user"]))),
        (acme.admin.user.update_user, UpdateUserRequest(user=User(id=acme.ada, roles=["waii-org-admin-user", "waii-super-admin-user"]))),
        (acme.admin.user.update_user, UpdateUserRequest(user=User(id=boss, name="Mine", roles=None))),
        (acme.admin.user.delete_user, DeleteUserRequest(id=boss)),
    ]:
        with refused(403):
            call(request)
    acme.root.user.delete_user(DeleteUserRequest(id=boss))


def test_a_role_taken_away_is_gone_at_once(acme):
    user = acme.person("fallen", WaiiRoles.WAII_ORG_ADMIN_USER)
    client = acme.client(user)
    client.user.list_users(ListUsersRequest())
    acme.admin.user.update_user(UpdateUserRequest(user=User(id=user, roles=[])))
    with refused(403):
        client.user.list_users(ListUsersRequest())
    assert client.user.get_user_info(GetUserInfoRequest()).permissions == []


def test_the_last_super_admin_stays(root):
    for request in (User(id="admin", roles=[]), User(id="admin", roles=["waii-user"])):
        with refused(400):
            root.user.update_user(UpdateUserRequest(user=request))
    with refused(400):
        root.user.delete_user(DeleteUserRequest(id="admin"))


def test_roles_of_ones_own_go_by_their_names(acme):
    name = unique("night watch")
    directory.mutate("createRole", {"data": ("CreateRoleData!", {"name": name, "permissions": ["read:user"], "organizationId": acme.id})})
    user = acme.person("watch", name, "team-manager", "labeler", "reviewer", "waii-user")
    assert sorted(acme.shown(user)["roles"]) == sorted([name, "team-manager", "labeler", "reviewer", "waii-user"])
    info = acme.client(user).user.get_user_info(GetUserInfoRequest())
    assert name in info.roles and "read:user" in info.permissions


# 6: impersonation


def test_inside_everything_is_the_users(acme):
    bob = acme.person("inside", WaiiRoles.WAII_API_USER)
    for client in (acme.admin, acme.root):
        me = client.user.get_user_info(GetUserInfoRequest()).id
        with client.impersonate_user(user_id=bob):
            assert client.user.get_user_info(GetUserInfoRequest()).id == bob
            assert wire[-1].headers["x-waii-impersonate-user"] == bob
            name = unique("k")
            made = client.user.create_access_key(CreateAccessKeyRequest(name=name)).access_keys[0]
            assert made.user_id == bob and name in [each.name for each in keys(client)]
            configure(client, {"by": me})
            for call, request in [(client.user.list_users, ListUsersRequest()), (client.user.list_orgs, ListOrganizationsRequest()),
                                  (client.user.create_user, CreateUserRequest(user=User(id=unique("w-u-x"), tenant_id=acme.tenant)))]:
                with refused(403):
                    call(request)
        assert client.user.get_user_info(GetUserInfoRequest()).id == me
        # The key is an ordinary one and outlives it.
        assert configure(connect(made.access_key)) == {"by": me}
        client.set_impersonate_user(user_id=bob)
        client.user.delete_access_key(DelAccessKeyRequest(names=[name]))
        client.clear_impersonation()
        with refused(401):
            connect(made.access_key)
    events = graphql("query($id: String) { auditEvents(where: {targetId: $id, action: \"settings.update\"}) { actorId impersonatorId } }", {"id": bob})
    assert events["auditEvents"] == [{"actorId": bob, "impersonatorId": acme.ada}, {"actorId": bob, "impersonatorId": "admin"}]


def test_an_inner_block_ends_the_outer_one_too(acme):
    eve = acme.person("inner", WaiiRoles.WAII_USER)
    with acme.admin.impersonate_user(user_id=acme.bob):
        with acme.admin.impersonate_user(user_id=eve):
            assert acme.admin.user.get_user_info(GetUserInfoRequest()).id == eve
        assert acme.admin.user.get_user_info(GetUserInfoRequest()).id == acme.ada
        assert "x-waii-impersonate-user" not in wire[-1].headers


def test_nobody_impersonates_themselves(acme):
    with acme.admin.impersonate_user(user_id=acme.ada):
        with refused(403):
            acme.admin.user.get_user_info(GetUserInfoRequest())


def test_reach_inside_is_the_users(acme, globex):
    with acme.root.impersonate_user(user_id=acme.ada):
        assert [each.id for each in acme.root.user.list_orgs(ListOrganizationsRequest()).organizations] == [acme.id]
        for id in (globex.bob, unique("w-u-nothing")):
            with refused(403, id):
                acme.root.user.delete_user(DeleteUserRequest(id=id))


@pytest.mark.parametrize("name", [*OWN, *CALLS, "create_secret"])
def test_a_header_that_cannot_be_honoured_fails_every_call(acme, globex, name):
    boss = acme.person("boss", WaiiRoles.WAII_SUPER_ADMIN_USER)
    gone = acme.person("gone")
    acme.root.user.delete_user(DeleteUserRequest(id=gone))
    nothing = unique("w-u-nothing")
    for client, user, status in [
        (acme.user, acme.ada, 403), (acme.user, acme.bob, 403), (acme.user, nothing, 403),
        (acme.admin, globex.bob, 403), (acme.admin, nothing, 403), (acme.admin, gone, 403), (acme.admin, boss, 403),
        (acme.root, nothing, 404), (acme.root, gone, 404), (acme.root, "zoë", 400), (acme.admin, "zoë", 400),
    ]:
        if name == "create_secret":
            request = CreateSecretRequest(user=User(id=acme.bob), secret={})
        else:
            request = OWN[name]() if name in OWN else CALLS[name](acme)
        with client.impersonate_user(user_id=user), refused(status):
            getattr(client.user, name)(request)
    acme.root.user.delete_user(DeleteUserRequest(id=boss))


def test_who_is_out_of_reach_is_told_of_in_one_wording(acme, globex):
    words = set()
    for user in (globex.bob, "admin", unique("w-u-nothing")):
        with acme.admin.impersonate_user(user_id=user), refused(403, user):
            acme.admin.user.get_user_info(GetUserInfoRequest())
        words.add(wire[-1].json()["detail"].replace(user, "…"))
    assert len(words) == 1


def test_equals_may(acme):
    eve = acme.person("eve", WaiiRoles.WAII_ORG_ADMIN_USER)
    with acme.admin.impersonate_user(user_id=eve):
        assert acme.admin.user.get_user_info(GetUserInfoRequest()).id == eve
        acme.admin.user.list_users(ListUsersRequest())


# AsyncWaii, and many at once


def outcomes(results):
    """How many succeeded, and with which status the others were refused."""
    return collections.Counter("ok" if not isinstance(each, Exception) else type(each).__name__ for each in results)


async def begun(key):
    client = AsyncWaii()
    await client.initialize(url=URL, api_key=key)
    return client


def test_all_calls_in_async(root, acme):
    async def run():
        client = await begun(directory.ADMIN_API_KEY)
        calls = client.user
        organization, tenant, user = unique("w-o-async"), unique("w-t-async"), unique("w-u-async")
        await calls.create_org(CreateOrganizationRequest(organization=Organization(id=organization, name="O")))
        await calls.update_org(UpdateOrganizationRequest(organization=Organization(id=organization, name="P")))
        assert (organization, "P") in [(each.id, each.name) for each in (await calls.list_orgs(ListOrganizationsRequest())).organizations]
        await calls.create_tenant(CreateTenantRequest(tenant=Tenant(id=tenant, name="T", org_id=organization)))
        await calls.update_tenant(UpdateTenantRequest(tenant=Tenant(id=tenant, name="U")))
        assert [each.name for each in (await calls.list_tenants(ListTenantsRequest(lookup_org_id=organization))).tenants] == ["U"]
        await calls.create_user(CreateUserRequest(user=User(id=user, tenant_id=tenant, roles=[WaiiRoles.WAII_API_USER])))
        await calls.update_user(UpdateUserRequest(user=User(id=user, name="N", roles=None)))
        found = (await calls.list_users(ListUsersRequest(lookup_org_id=organization))).users
        assert [(each.name, each.roles) for each in found] == [("N", ["waii-api-user"])]
        with pytest.raises(Exception) as raised:
            await calls.create_secret(CreateSecretRequest(user=User(id=user), secret={"a": 1}))
        assert raised.value.args == (SECRETS,)
        # There is no block here: the header is set on the client.
        client.http_client.set_impersonate_user_id(user)
        assert (await calls.get_user_info(GetUserInfoRequest())).id == user
        made = (await calls.create_access_key(CreateAccessKeyRequest(name="k"))).access_keys[0]
        assert (await calls.update_config(UpdateConfigRequest(updated={"a": 1}))).configs == {"a": 1}
        assert [each.name for each in (await calls.list_access_keys(GetAccessKeyRequest())).access_keys] == ["k"]
        other = await begun(made.access_key)
        assert (await other.user.get_user_info(GetUserInfoRequest())).id == user
        await calls.delete_access_key(DelAccessKeyRequest(names=["k"]))
        with pytest.raises(Exception):
            await other.user.get_user_info(GetUserInfoRequest())
        assert wire[-1].status == 401
        client.http_client.set_impersonate_user_id("")
        await calls.delete_user(DeleteUserRequest(id=user))
        await calls.delete_tenant(DeleteTenantRequest(id=tenant))
        await calls.delete_org(DeleteOrganizationRequest(id=organization))

    asyncio.run(run())


def at_once(key, call, requests):
    """Sends all of these from one client at the same moment; gives what came of each."""
    async def run():
        client = await begun(key)
        return await asyncio.gather(*(getattr(client.user, call)(request) for request in requests), return_exceptions=True)

    # As many threads as calls: the pool that is there has one for each core and four.
    loop = asyncio.new_event_loop()
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(12))
    try:
        return loop.run_until_complete(run())
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@pytest.mark.parametrize("call", ["create_org", "create_tenant", "create_user", "create_access_key"])
def test_of_twelve_who_make_one_id_one_does(acme, call):
    id = unique("w-x-twelve")
    request = {
        "create_org": lambda: CreateOrganizationRequest(organization=Organization(id=id, name="O")),
        "create_tenant": lambda: CreateTenantRequest(tenant=Tenant(id=id, name="T", org_id=acme.id)),
        "create_user": lambda: CreateUserRequest(user=User(id=id, tenant_id=acme.tenant, roles=[WaiiRoles.WAII_USER])),
        "create_access_key": lambda: CreateAccessKeyRequest(name=id),
    }[call]
    mark = len(wire)
    results = at_once(directory.ADMIN_API_KEY, call, [request() for _ in range(12)])
    assert outcomes(results) == {"ok": 1, "Exception": 11}
    assert collections.Counter(each.status for each in wire[mark + 1:]) == {200: 1, 409: 11}
    assert all(id in each.args[0] for each in results if isinstance(each, Exception))


def test_configurations_at_one_moment_all_survive(acme):
    user = acme.person("race")
    key = minted(user)
    for _ in range(5):
        names = [unique("k") for _ in range(12)]
        results = at_once(key, "update_config", [UpdateConfigRequest(updated={name: 1, "shared": name}) for name in names])
        assert outcomes(results) == {"ok": 12}
        assert set(names) < set(configure(connect(key)))


def test_a_thousand_calls_and_twenty_wrong_keys(acme):
    house = House(acme.root, "crowd")
    key = minted(house.ada)
    mark = len(wire)
    made = [User(id=unique("w-u-crowd"), tenant_id=house.tenant) for _ in range(600)]
    assert outcomes(at_once(key, "create_user", [CreateUserRequest(user=user) for user in made])) == {"ok": 600}
    for _ in range(20):
        with pytest.raises(Exception):
            connect("no-key-that-anybody-has")
        assert wire[-1].status == 401
    assert outcomes(at_once(key, "get_user_info", [GetUserInfoRequest() for _ in range(400)])) == {"ok": 400}
    assert collections.Counter(each.status for each in wire[mark:]) == {200: 1002, 401: 20}
    # The list is whole.
    listed = house.admin.user.list_users(ListUsersRequest()).users
    assert {user.id for user in listed} == {user.id for user in made} | {house.ada, house.bob}
    assert len(listed) == 602


# 8: what the SDK itself refuses


def test_what_never_reaches_the_server(acme):
    mark = len(wire)
    request = GetUserInfoRequest()
    acme.user.user.get_user_info(request)
    for attempt in (
        lambda: acme.user.user.get_user_info(request),
        lambda: acme.user.user.get_user_info(GetUserInfoRequest(user_id="x")),
    ):
        with pytest.raises(ValueError):
            attempt()
    with pytest.raises(TypeError):
        acme.user.user.update_config(UpdateConfigRequest(updated={"a": {1, 2}}))
    assert len(wire) == mark + 1
    assert waii_sdk_py.Waii is Waii
