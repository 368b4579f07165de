"""What JumpCloud sends, and what Ping, Google Workspace, authentik and the Keycloak plug-ins send where they differ from others. Each call
is followed by a GET of the whole resource."""

import pytest

pytest.register_assert_rewrite("directory", "scim_wire")

import directory  # noqa: E402
from scim_wire import ENTERPRISE, GROUP, USER, House, at, op, without  # noqa: E402


@pytest.fixture(scope="session")
def jumpcloud():
    return House("JumpCloud")


@pytest.fixture
def name():
    return directory.unique("ola")


def body(name, **more):
    """A plain user name, an address beside it."""
    return {"schemas": [USER, ENTERPRISE], "userName": name, "externalId": f"jc{name}", "displayName": "Ola Nordmann",
            "name": {"givenName": "Ola", "familyName": "Nordmann"}, "active": True,
            "emails": [{"value": f"{name}@acme.example", "type": "work", "primary": True}],
            "phoneNumbers": [{"type": "work", "value": "+47 5555 0100"}], ENTERPRISE: {"department": "R&D", "employeeNumber": "9"}, **more}


def one(house, name, **more):
    sent = body(name, **more)
    made = house.client.post("/Users", sent)
    house.is_whole(made, sent)
    assert house.same(made, sent) == made
    return made, sent


# JumpCloud


def test_activation(jumpcloud, name):
    """A test user and a test group are made, changed and deleted."""
    assert jumpcloud.client.found("/Users", f'userName eq "{name}"') == []
    user, seen = one(jumpcloud, name)
    assert jumpcloud.client.found("/Users", f'userName eq "{name.upper()}"') == [user]
    seen |= {"name": {"givenName": "Kari", "familyName": "Nordmann"}}
    changed = jumpcloud.client.put(at(user), seen | {"id": user["id"]})
    assert jumpcloud.same(user, seen) == changed
    jumpcloud.client.put(at(user), seen | {"active": False})
    jumpcloud.same(user, seen | {"active": False})
    group = jumpcloud.client.post("/Groups", {"schemas": [GROUP], "displayName": f"Test {name}", "members": []})
    jumpcloud.client.patch(at(group), op("replace", None, {"displayName": f"Tested {name}"}))
    jumpcloud.same(group, {"schemas": [GROUP], "displayName": f"Tested {name}", "members": []})
    for each in (group, user):
        jumpcloud.client.delete(at(each))
        jumpcloud.client.refused(404, None, "GET", at(each))


def test_taking_over_of_a_group(jumpcloud, name):
    """Groups are taken over by their names: also one that was made over GraphQL."""
    directory.graphql("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }",
                      {"data": {"name": f"Staff {name}", "organizationId": jumpcloud.organization.id, "description": "All of them", "roles": ["user"]}})
    (group,) = jumpcloud.client.found("/Groups", f'displayName eq "staff {name}"')
    user, seen = one(jumpcloud, name)
    jumpcloud.client.patch(at(group), op("add", "members", [{"value": user["id"]}]))
    jumpcloud.same(group, {"schemas": [GROUP], "displayName": f"Staff {name}", "members": [jumpcloud.member(user)]})
    jumpcloud.same(user, seen | {"groups": [jumpcloud.membership(group)], "roles": [{"value": "user", "type": "indirect"}]})
    there = directory.graphql("query($id: ID!) { groups(where: {id: $id}) { description roles { name } } }", {"id": group["id"]}, jumpcloud.key)["groups"]
    assert there == [{"description": "All of them", "roles": [{"name": "user"}]}]
    jumpcloud.client.patch(at(group), op("remove", "members"))
    jumpcloud.same(user, seen)


def test_a_user_with_a_role_of_its_own(jumpcloud):
    eve = jumpcloud.person("eve", roles=["team-manager"])
    (seen,) = jumpcloud.client.found("/Users", f'id eq "{eve.id}"')
    assert sorted(seen["roles"], key=lambda each: each["value"]) == [{"value": "team-manager", "type": "direct"}, {"value": "user", "type": "direct"}]


# Ping


def test_two_primary_addresses(jumpcloud, name):
    sent = body(name, emails=[{"value": f"{name}@acme.example", "type": "work", "primary": True},
                              {"value": f"{name}@home.example", "type": "home", "primary": True}])
    made = jumpcloud.client.post("/Users", sent)
    jumpcloud.same(made, sent | {"emails": [sent["emails"][0], sent["emails"][1] | {"primary": False}]})


@pytest.mark.parametrize("operator", ["eq", "EQ", "Eq", "eQ"])
def test_matching(jumpcloud, name, operator):
    made, _ = one(jumpcloud, name)
    assert jumpcloud.client.found("/Users", f'userName {operator} "{name}"') == [made]
    assert jumpcloud.client.found("/Users", f'emails {operator} "{name}@ACME.example"') == [made]
    assert jumpcloud.client.found("/Users", f'emails.value {operator} "{name}@acme.example"') == [made]
    assert jumpcloud.client.found("/Users", f'USERNAME {operator} "{name}" AND Emails.Value {operator} "{name}@acme.example"') == [made]


def test_changes_one_by_one(jumpcloud, name):
    made, seen = one(jumpcloud, name)
    seen |= {"name": {"givenName": "Kari", "familyName": "Nordmann"}, "active": False}
    jumpcloud.client.patch(at(made), op("replace", "name.givenName", "Kari"), op("replace", "active", False))
    jumpcloud.same(made, seen)
    jumpcloud.client.patch(at(made), op("replace", "emails", [{"value": f"k.{name}@acme.example", "type": "work", "primary": True},
                                                             {"value": "elsewhere", "type": "home", "primary": True}]))
    jumpcloud.same(made, seen | {"emails": [{"value": f"k.{name}@acme.example", "type": "work", "primary": True},
                                            {"value": "elsewhere", "type": "home", "primary": False}]})


# Google Workspace


def test_suspended_then_deleted(jumpcloud, name):
    made, seen = one(jumpcloud, name)
    jumpcloud.client.patch(at(made), op("replace", None, {"active": False}))
    jumpcloud.same(made, seen | {"active": False})
    jumpcloud.client.delete(at(made))
    jumpcloud.client.refused(404, None, "GET", at(made))


# authentik, Keycloak plug-ins


def test_an_account_that_is_there_is_linked(jumpcloud, name):
    """After 409 with `uniqueness` they look the user up and go on."""
    made, _ = one(jumpcloud, name)
    with jumpcloud.unchanged():
        jumpcloud.client.refused(409, "uniqueness", "POST", "/Users", body(name))
        jumpcloud.client.refused(409, "uniqueness", "POST", "/Users", body(f"other-{name}", emails=made["emails"]))
    (found,) = jumpcloud.client.found("/Users", f'userName eq "{name}"')
    changed = jumpcloud.client.put(at(found), body(name, externalId="of-authentik"))
    assert jumpcloud.same(found, body(name, externalId="of-authentik")) == changed


@pytest.mark.parametrize("form", ["put", "replace"])
def test_all_members_each_time(jumpcloud, name, form):
    users = [one(jumpcloud, f"{each}-{name}")[0] for each in "abc"]
    group = jumpcloud.client.post("/Groups", {"schemas": [GROUP], "displayName": f"Crew {name}", "externalId": f"pk{name}"})
    seen = {"schemas": [GROUP], "displayName": f"Crew {name}", "externalId": f"pk{name}"}
    for some in [users, users[1:], users[:1], []]:
        members = [{"value": each["id"]} for each in some]
        if form == "put":
            jumpcloud.client.put(at(group), seen | {"id": group["id"], "members": members})
        else:
            jumpcloud.client.patch(at(group), op("replace", "members", members))
        there = jumpcloud.client.get(at(group))
        assert without(there, "id", "meta", "members") == seen
        assert sorted(there["members"], key=lambda each: each["value"]) == sorted(map(jumpcloud.member, some), key=lambda each: each["value"])


def test_configuration_is_read_first(jumpcloud):
    """authentik reads what the server can do, and sends PATCH only if it can."""
    config = jumpcloud.client.get("/ServiceProviderConfig")
    assert config["patch"]["supported"] is True and config["filter"] == {"supported": True, "maxResults": 1000} and config["bulk"]["maxOperations"] == 100
