"""Wasabi AiR's users and groups, by a plain HTTP client (`requests`): its makers publish no SDK for them.

The numbers in the headings are the sections of the contract. What is checked beside an answer is seen through GraphQL.
"""

import contextlib
import json
import os
import re
import shlex
import subprocess
import types

import pytest
import requests

pytest.register_assert_rewrite("directory")

import directory  # noqa: E402
from directory import OTHER_PASSWORD, PASSWORD  # noqa: E402

USERS = "/api/data/users"
ROLES = "/api/data/roles"
GROUPS = "/api/data/v3/groups"
USER_KEYS = ["created_at", "email", "enabled", "first_name", "id", "last_name", "role_id", "updated_at"]
HEX = re.compile(r"[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z")
NO_TEXTS = [None, 7, True, ["x"], {"x": 1}]
NO_FLAGS = [None, 1, 0, "true", "", [True], {}]
UNKNOWN = "0197f9d6000070008000000000000000"
CROWD = 230


class Client:
    """Somebody with a key, or without."""

    def __init__(self, key, **headers):
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(headers)
        if key is not None:
            self.session.headers["Authorization"] = f"Bearer {key}"

    def send(self, method, path, body=None, raw=None, headers=None):
        answer = self.session.request(method, directory.URL + path, json=body, data=raw, headers=headers, timeout=60)
        print(f"> {method} {path} {body if raw is None else raw}\n< {answer.status_code} {answer.text[:1500]}")
        assert answer.status_code < 500
        return answer

    def ok(self, method, path, body=None, status=200):
        answer = self.send(method, path, body)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    def get(self, path):
        return self.ok("GET", path)

    def post(self, path, body):
        return self.ok("POST", path, body, 201)

    def put(self, path, body=None):
        return self.ok("PUT", path, body)

    def patch(self, path, body):
        return self.ok("PATCH", path, body)

    def delete(self, path):
        return self.ok("DELETE", path)

    def refused(self, status, method, path, body=None, **more):
        """The text of a refusal, whose form is always the same."""
        answer = self.send(method, path, body, **more)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        assert list(answer.json()) == ["error"]
        text = answer.json()["error"]
        assert isinstance(text, str) and text
        assert not re.search("sqlite|postgres|sqlx|panicked|select ", text, re.IGNORECASE), text
        return text


class House:
    """An organization with an administrator and an ordinary user."""

    def __init__(self, word):
        self.organization = directory.organization(word)
        self.ada = self.person("ada", "ADMIN", PASSWORD)
        self.max = self.person("max", "USER", PASSWORD)
        self.ada_key, self.max_key = self.ada.key(), self.max.key()
        self.admin, self.user = Client(self.ada_key), Client(self.max_key)

    def person(self, word="eve", role="USER", password=None, **data):
        return directory.person(self.organization, word, role, password, **data)

    def new(self, **more):
        """A new user, made by the face."""
        return self.admin.post(USERS, {"email": directory.address("new"), "password": PASSWORD, **more})

    def group(self, word="Group", **more):
        return self.admin.post(GROUPS, {"name": directory.unique(word), **more})

    def directory(self):
        """All of it that a call could change."""
        document = """{ groups { key name description users { id } roles { name } } roles(where: {builtIn: false}) { name permissions } }"""
        return self.organization.users(), directory.graphql(document, key=self.ada_key)

    @contextlib.contextmanager
    def unchanged(self):
        before = self.directory()
        yield
        assert self.directory() == before


@pytest.fixture(scope="session")
def acme():
    return House("Acme")


@pytest.fixture(scope="session")
def bolt():
    """Another organization, with a group and a role of its own."""
    house = House("Bolt")
    house.theirs = house.group("Theirs")["id"]
    made = directory.mutate("createRole", {"data": ("CreateRoleData!", {"name": "theirs"})}, house.ada_key)
    assert made
    house.role = next(each["id"] for each in house.admin.get(ROLES)["roles"] if each["name"] == "theirs")
    return house


@pytest.fixture(scope="session")
def owner():
    """The super administrator, who has an organization of its own like everybody."""
    return Client(directory.ADMIN_API_KEY)


@pytest.fixture(scope="session")
def role(acme):
    """The ids of the built-in roles, by name."""
    return types.SimpleNamespace(**{each["name"].replace("-", "_"): each["id"] for each in acme.admin.get(ROLES)["roles"]})


def hyphenated(user_id):
    return "-".join([user_id[:8], user_id[8:12], user_id[12:16], user_id[16:20], user_id[20:]])


def at(user, *more):
    return "/".join([USERS, user if isinstance(user, str) else user["id"], *more])


def member(user, group):
    return f"/api/data/v3/users/{user if isinstance(user, str) else user['id']}/groups/{group}"


def groups_of(user):
    return f"/api/data/v3/users/{user if isinstance(user, str) else user['id']}/groups"


def signs_in(email, password):
    return session(email, password) is not None


def session(email, password):
    document = "mutation($data: SignInData!) { signIn(data: $data) { accessToken } }"
    try:
        return directory.graphql(document, {"data": {"email": email, "password": password}}, key=None)["signIn"]["accessToken"]
    except directory.Refused:
        return None


# 1. Conventions


def every_call(user, group):
    """Each call, with a body that is fine where one is needed."""
    body = {"email": directory.address("call"), "password": PASSWORD}
    return [
        ("GET", USERS, None), ("GET", f"{USERS}?email=a@b.example", None), ("POST", USERS, body), ("GET", at(user), None), ("PUT", at(user), body),
        ("PATCH", at(user), {"last_name": "X"}), ("PUT", at(user, "password"), {"password": PASSWORD}), ("GET", ROLES, None),
        ("GET", f"{ROLES}/{UNKNOWN}", None), ("GET", GROUPS, None), ("POST", GROUPS, {"name": "Call"}), ("GET", f"{GROUPS}/{group}", None),
        ("PUT", f"{GROUPS}/{group}", {"name": "X"}), ("DELETE", f"{GROUPS}/{group}", None), ("GET", groups_of(user), None),
        ("PUT", member(user, group), None), ("DELETE", member(user, group), None),
    ]


@pytest.mark.parametrize("credential", [None, "Bearer", "Bearer ", "Bearer nonsense", "Bearer tnt_nonsense", "Bearer a.b.c", "Basic eDp5", "revoked", "disabled"])
def test_no_call_without_a_credential_in_force(acme, credential):
    eve = acme.person("eve", "ADMIN")
    group = acme.group()["id"]
    headers = {"Authorization": credential}
    if credential in ("revoked", "disabled"):
        key = eve.key("one")
        headers = {"Authorization": f"Bearer {key}"}
        assert Client(key).get(USERS)
        if credential == "disabled":
            eve.update(activated=False)
        else:
            directory.mutate("revokeApiKeys", {"names": ("[String!]!", ["one"])}, key)
    with acme.unchanged():
        for method, path, body in every_call(eve.id, group):
            Client(None).refused(401, method, path, body, headers=headers)


def test_any_credential_of_the_server(acme):
    eve = acme.person("eve", "ADMIN", PASSWORD)
    everybody = acme.admin.get(USERS)
    assert Client(session(eve.email, PASSWORD)).get(USERS) == everybody
    assert Client(None, Authorization=f"X-API-Key: {acme.ada_key}").get(USERS) == everybody
    assert Client(None, Authorization=f"bearer {acme.ada_key}").get(USERS) == everybody


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "nonsense", ""])
def test_a_body_is_json_whatever_its_label(acme, content_type):
    name = directory.unique("Label")
    answer = acme.admin.send("POST", GROUPS, raw=json.dumps({"name": name}), headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["name"]) == (201, name)


@pytest.mark.parametrize("body", ["", " ", "{", "null", "[]", "7", '"x"', "true", '{"name": NaN}', '{"name": "\\ud800"}', "{'name': 1}", '{"name": 1,}', "{} {}",
                                  "name=x", "<x/>", "\ufeff{}", b"{\xff}", '{"x":' + "[" * 9000 + "]" * 9000 + "}"])
def test_a_body_that_is_no_json_object(acme, body):
    group = acme.group()["id"]
    with acme.unchanged():
        for method, path, fine in every_call(acme.max.id, group):
            if fine is not None:
                client = acme.user if path.endswith("/password") else acme.admin
                client.refused(400, method, path, raw=body if isinstance(body, bytes) else body.encode())


def test_a_body_that_is_too_large(acme):
    with acme.unchanged():
        acme.admin.refused(413, "POST", GROUPS, {"name": "Large", "x": "x" * 1024 * 1024})
        # Also if it does not say how large it is.
        acme.admin.refused(413, "POST", GROUPS, raw=iter([b"{" + b" " * 65536] * 20))


def test_unknown_keys_are_ignored(acme):
    made = acme.new(id="mine", created_at="1999-01-01T00:00:00Z", updated_at=7, admin=True, shoe_size=None)
    assert sorted(made) == USER_KEYS
    assert made["id"] != "mine" and not made["created_at"].startswith("1999")
    group = acme.group(id="MINE", x=[None])
    assert sorted(group) == ["description", "id", "name"] and group["id"] != "MINE"


@pytest.mark.parametrize("path", ["/api/data", "/api/data/", "/api/data/user", "/api/data/users/", "/api/data/v3", "/api/data/v3/users", "/api/data/groups",
                                  "/api/data/users/x/groups", "/api/data/v3/roles", "/api/data/v3/groups/", "/api/data/v3/groups/X/users", "/api/data/api-keys"])
def test_an_unknown_path(acme, path):
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"]:
        acme.admin.refused(404, method, path)


@pytest.mark.parametrize("path, methods", [
    (USERS, "GET POST"), (at("x"), "GET PUT PATCH"), (at("x", "password"), "PUT"), (ROLES, "GET"), (f"{ROLES}/x", "GET"), (GROUPS, "GET POST"),
    (f"{GROUPS}/X", "GET PUT DELETE"), (groups_of("x"), "GET"), (member("x", "X"), "PUT DELETE")])
def test_a_method_that_a_path_does_not_know(acme, path, methods):
    with acme.unchanged():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - set(methods.split()):
            acme.admin.refused(405, method, path)


def test_there_is_no_deleting_of_users(acme):
    eve = acme.person()
    acme.admin.refused(405, "DELETE", at(eve.id))
    assert acme.admin.get(at(eve.id))["email"] == eve.email


def test_impersonation_has_the_others_rights(acme, bolt):
    as_max = Client(acme.ada_key, **{"x-tenantry-impersonate-user": acme.max.id})
    assert as_max.get(at(acme.max.id)) == acme.user.get(at(acme.max.id))
    with acme.unchanged():
        as_max.refused(401, "POST", GROUPS, {"name": "Max's"})
        as_max.refused(401, "PUT", at(acme.max.id, "password"), {"password": OTHER_PASSWORD})
        Client(acme.ada_key, **{"x-tenantry-impersonate-user": bolt.max.id}).refused(404, "GET", USERS)
        Client(acme.max_key, **{"x-tenantry-impersonate-user": acme.ada.id}).refused(401, "GET", USERS)
    assert signs_in(acme.max.email, PASSWORD)


# 2. Users


def test_a_user_with_everything(acme, role):
    address = directory.address("Grace.Hopper")
    made = acme.new(email=address.upper(), first_name="Grace", last_name="Hopper", enabled=True, role_id=role.team_manager)
    assert sorted(made) == USER_KEYS
    assert HEX.fullmatch(made["id"]) and HEX.fullmatch(made["role_id"])
    assert TIME.fullmatch(made["created_at"]) and TIME.fullmatch(made["updated_at"])
    assert made | {"id": 0, "created_at": 0, "updated_at": 0} == {
        "id": 0, "email": address.lower(), "first_name": "Grace", "last_name": "Hopper", "enabled": True, "role_id": role.team_manager,
        "created_at": 0, "updated_at": 0}
    assert made["updated_at"] >= made["created_at"]
    assert acme.admin.get(at(made)) == made
    seen = directory.graphql("query($id: ID) { users(where: {id: $id}) { email firstname lastname activated organizationId roles { name } } }",
                             {"id": hyphenated(made["id"])})["users"]
    assert seen == [{"email": address.lower(), "firstname": "Grace", "lastname": "Hopper", "activated": True,
                     "organizationId": acme.organization.id, "roles": [{"name": "team-manager"}]}]
    assert signs_in(address, PASSWORD)


def test_a_user_with_the_least(acme, role):
    made = acme.new()
    assert (made["first_name"], made["last_name"], made["enabled"], made["role_id"]) == ("", "", True, role.user)
    assert signs_in(made["email"], PASSWORD)


def test_a_user_that_is_made_disabled(acme):
    made = acme.new(enabled=False)
    assert made["enabled"] is False and acme.admin.get(at(made))["enabled"] is False
    assert not signs_in(made["email"], PASSWORD)
    acme.admin.patch(at(made), {"enabled": True})
    assert signs_in(made["email"], PASSWORD)


def wrong_users():
    fine = {"email": "wrong@example.com", "password": PASSWORD}
    yield {}
    yield {"email": fine["email"]}
    yield {"password": PASSWORD}
    for key in ["email", "password", "first_name", "last_name", "role_id"]:
        yield from (fine | {key: value} for value in NO_TEXTS)
    yield from (fine | {"enabled": value} for value in NO_FLAGS)
    for value in ["", " ", "nobody", "@example.com", "a b@example.com", "a@", "a@b@c", "a@example.com\0"]:
        yield fine | {"email": value}
    for value in ["", "short-1", "password", "wrong@example.com", "x" * 129, "with\0zero-1234"]:
        yield fine | {"password": value}
    for value in ["", "user", "nonsense", UNKNOWN, "\0"]:
        yield fine | {"role_id": value}
    for value in ["a\0b", "a\nb", "x" * 256]:
        yield fine | {"first_name": value}
        yield fine | {"last_name": value}


def test_what_cannot_be_a_user(acme, bolt):
    with acme.unchanged():
        for body in wrong_users():
            text = acme.admin.refused(400, "POST", USERS, body)
            assert PASSWORD not in text
        acme.admin.refused(400, "POST", USERS, {"email": "wrong@example.com", "password": PASSWORD, "role_id": bolt.role})


def test_an_address_is_one_persons(acme):
    made = acme.new()
    with acme.unchanged():
        words = set()
        for address in [made["email"], made["email"].upper()]:
            text = acme.admin.refused(400, "POST", USERS, {"email": address, "password": PASSWORD})
            words.add(text.lower())
        assert len(words) == 1
        acme.admin.refused(400, "PATCH", at(acme.max.id), {"email": made["email"].upper(), "first_name": "Not"})
        acme.admin.refused(400, "PUT", at(acme.max.id), {"email": made["email"].upper(), "first_name": "Not"})
    # Not against the user itself.
    assert acme.admin.patch(at(made), {"email": made["email"].upper()}) == made
    assert acme.admin.put(at(made), {"email": made["email"]}) == made


def test_two_organizations_share_an_address_and_neither_notices(acme):
    house, ours = House("Elsewhere"), acme.new()
    with acme.unchanged():
        theirs = house.new(email=ours["email"].upper())
        assert theirs["id"] != ours["id"] and theirs["email"] == ours["email"]
        other = house.new()
        house.admin.patch(at(other), {"email": acme.ada.email})
        house.admin.put(at(other), {"email": acme.max.email})
        for client, found in [(acme.admin, ours), (house.admin, theirs)]:
            assert [each["id"] for each in client.get(USERS)["users"] if each["email"] == ours["email"]] == [found["id"]]
            assert client.get(at(found))["email"] == ours["email"]
        for made in [theirs, other]:
            house.admin.refused(404, "GET", at(ours))
            assert house.admin.patch(at(made), {"enabled": False})["enabled"] is False
    assert acme.admin.get(at(ours)) == ours


def test_a_user_is_read_by_its_id_in_any_form(acme, bolt, owner):
    made = acme.new()
    for form in [made["id"], made["id"].upper(), hyphenated(made["id"]), hyphenated(made["id"]).upper()]:
        assert acme.admin.get(at(form)) == made
    assert acme.admin.get(at(acme.max.id))["id"] == acme.max.id
    unknown = acme.admin.refused(404, "GET", at("unknown"))
    for client, user in [(acme.admin, bolt.max.id), (owner, acme.max.id), (acme.admin, UNKNOWN), (bolt.admin, made["id"]), (owner, made["id"])]:
        text = client.refused(404, "GET", at(user))
        assert text == unknown.replace("unknown", user)
    for odd in ["%20", "%00", "%C3%A9", "%FF", made["id"][:-1], made["id"] + "0", "x" * 300, made["email"]]:
        for method, body in [("GET", None), ("PATCH", {"last_name": "X"}), ("PUT", {"email": "x@example.com"})]:
            acme.admin.refused(404, method, at(odd), body)


def test_the_list_is_whole_and_of_ones_own(acme, bolt, owner):
    house = House("Crowd")
    for _ in range(CROWD - 2):
        house.person("one")
    for client, organization in [(house.admin, house.organization), (bolt.admin, bolt.organization)]:
        answer = client.get(USERS)
        assert list(answer) == ["users"]
        assert [each["email"] for each in answer["users"]] == [each["email"] for each in organization.users()]
        for each in answer["users"]:
            assert sorted(each) == USER_KEYS and None not in each.values()
    assert len(house.admin.get(f"{USERS}?limit=1&page=2")["users"]) == CROWD
    # A super administrator's own organization, an ordinary user's own self.
    assert "admin" in [each["id"] for each in owner.get(USERS)["users"]]
    assert [each["id"] for each in house.user.get(USERS)["users"]] == [house.max.id]


def test_by_address(acme, bolt, owner):
    plus = acme.new(email=directory.address("one+two"))
    found = acme.admin.get(f"{USERS}?email={plus['email'].replace('+', '%2B')}")
    assert found == [plus]
    assert acme.admin.get(f"{USERS}?email={plus['email'].upper().replace('+', '%2B')}") == [plus]
    for text in [plus["email"], plus["email"][1:], plus["email"].split("@")[0].replace("+", "%2B"), "", "%25", "@example.com", bolt.max.email, "admin@platform.invalid", "%00"]:
        assert acme.admin.get(f"{USERS}?email={text}") == [], text
    assert acme.user.get(f"{USERS}?email={acme.max.email}") == [acme.user.get(at(acme.max.id))]
    assert acme.user.get(f"{USERS}?email={acme.ada.email}") == []
    assert owner.get(f"{USERS}?email={acme.max.email}") == []


def test_putting(acme, role):
    made = acme.new(first_name="Ann", last_name="Lee", role_id=role.api_user)
    address = directory.address("put")
    body = {"email": address.upper(), "first_name": "Anne", "last_name": "", "enabled": False, "role_id": role.labeler}
    put = acme.admin.put(at(made), body)
    assert put == made | body | {"email": address, "updated_at": put["updated_at"]}
    assert put["updated_at"] > made["updated_at"]
    # What is left out stays: saying nothing enables nobody.
    assert acme.admin.put(at(made), {"email": address}) == put
    assert acme.admin.put(at(made), {"email": address, "password": OTHER_PASSWORD, "admin": True, "id": "x"}) == put
    acme.admin.patch(at(made), {"enabled": True})
    assert signs_in(address, PASSWORD) and not signs_in(address, OTHER_PASSWORD)
    with acme.unchanged():
        for wrong in [{}, {"first_name": "X"}, {"email": ""}, {"email": "nobody"}, {"email": address, "role_id": UNKNOWN}]:
            acme.admin.refused(400, "PUT", at(made), wrong)
        for key in ["email", "first_name", "last_name", "role_id"]:
            for value in NO_TEXTS:
                acme.admin.refused(400, "PUT", at(made), {"email": address, key: value})
        for value in NO_FLAGS:
            acme.admin.refused(400, "PUT", at(made), {"email": address, "enabled": value})


def test_patching(acme, role):
    made = acme.new(first_name="Ann")
    assert acme.admin.patch(at(made), {}) == made
    seen = made
    for key, value in [("email", directory.address("patch")), ("first_name", "Anna"), ("last_name", "Lee"), ("role_id", role.labeler), ("enabled", False)]:
        patched = acme.admin.patch(at(made), {key: value})
        assert patched == seen | {key: value, "updated_at": patched["updated_at"]}
        assert patched["updated_at"] > seen["updated_at"]
        seen = patched
    with acme.unchanged():
        for key in ["email", "first_name", "last_name", "role_id"]:
            for value in NO_TEXTS:
                acme.admin.refused(400, "PATCH", at(made), {key: value})
        for value in NO_FLAGS:
            acme.admin.refused(400, "PATCH", at(made), {"enabled": value})
        for wrong in [{"email": ""}, {"email": "nobody"}, {"role_id": UNKNOWN}, {"role_id": "user"}, {"first_name": "x" * 256}]:
            acme.admin.refused(400, "PATCH", at(made), wrong)


def test_admin_is_ignored(acme, role):
    """The vendor's own example."""
    for value in [False, True, None, "yes"]:
        made = acme.new()
        patched = acme.admin.patch(at(made), {"admin": value, "last_name": "Potter"})
        assert patched == made | {"last_name": "Potter", "updated_at": patched["updated_at"]}
        assert acme.admin.patch(at(made), {"admin": value}) == patched
        client = Client(session(made["email"], PASSWORD))
        client.refused(401, "GET", ROLES)
        client.refused(401, "PATCH", at(made), {"admin": True})


def test_patching_a_password_is_ignored(acme):
    made = acme.new()
    for value in [OTHER_PASSWORD, None, 7]:
        assert acme.admin.patch(at(made), {"password": value}) == made
    assert signs_in(made["email"], PASSWORD)


def test_ones_own_password(acme):
    made = acme.new()
    client = Client(session(made["email"], PASSWORD))
    with acme.unchanged():
        for wrong in [{}] + [{"password": value} for value in NO_TEXTS + ["", "short-1", "password", made["email"], "x" * 129, "with\0zero-1234"]]:
            client.refused(400, "PUT", at(made, "password"), wrong)
    assert client.put(at(made, "password"), {"password": OTHER_PASSWORD}) == {"ok": True}
    assert signs_in(made["email"], OTHER_PASSWORD) and not signs_in(made["email"], PASSWORD)
    assert directory.mails(made["email"], at_least=1)
    assert client.put(at(hyphenated(made["id"]), "password"), {"password": PASSWORD}) == {"ok": True}


def test_nobody_elses_password(acme, bolt, owner):
    made = acme.new()
    for client in [acme.admin, acme.user, bolt.admin, owner]:
        text = client.refused(401, "PUT", at(made, "password"), {"password": OTHER_PASSWORD})
        assert text == client.refused(401, "PUT", at(UNKNOWN, "password"), {"password": OTHER_PASSWORD})
    assert signs_in(made["email"], PASSWORD)


def test_an_ordinary_user(acme, bolt, role):
    assert acme.user.get(at(acme.max.id)) == acme.admin.get(at(acme.max.id))
    with acme.unchanged():
        words = {acme.user.refused(401, "GET", at(each)) for each in [acme.ada.id, bolt.max.id, UNKNOWN, "%00"]}
        assert len(words) == 1
        acme.user.refused(401, "POST", USERS, {"email": directory.address("not"), "password": PASSWORD})
        for each in [acme.max.id, acme.ada.id, UNKNOWN]:
            for body in [{"last_name": "X"}, {"role_id": role.organization_admin}, {"enabled": False}, {}]:
                acme.user.refused(401, "PATCH", at(each), body)
                acme.user.refused(401, "PUT", at(each), body | {"email": acme.max.email})


def test_nobody_goes_beyond_their_own(acme, role):
    with acme.unchanged():
        acme.admin.refused(401, "POST", USERS, {"email": directory.address("not"), "password": PASSWORD, "role_id": role.super_admin})
        acme.admin.refused(401, "PATCH", at(acme.max.id), {"role_id": role.super_admin})
        acme.admin.refused(401, "PATCH", at(acme.ada.id), {"role_id": role.super_admin})
        acme.admin.refused(400, "PATCH", at(acme.ada.id), {"role_id": role.user})
        acme.admin.refused(400, "PATCH", at(acme.ada.id), {"enabled": False})


def test_seats():
    house = House("Small")
    directory.graphql("mutation($id: ID!) { updateOrganization(where: {id: $id}, data: {seatLimit: 2}) { id } }", {"id": house.organization.id})
    with house.unchanged():
        house.admin.refused(400, "POST", USERS, {"email": directory.address("third"), "password": PASSWORD})
    made = house.new(enabled=False)
    with house.unchanged():
        house.admin.refused(400, "PATCH", at(made), {"enabled": True})


def test_a_disabled_user_is_out_at_once(acme):
    eve = acme.person("eve", "ADMIN", PASSWORD)
    clients = [Client(eve.key()), Client(session(eve.email, PASSWORD))]
    for client in clients:
        assert client.get(at(eve.id))["enabled"]
    acme.admin.patch(at(eve.id), {"enabled": False})
    for client in clients:
        client.refused(401, "GET", at(eve.id))
        client.refused(401, "PUT", at(eve.id, "password"), {"password": OTHER_PASSWORD})
    assert not signs_in(eve.email, PASSWORD)
    assert acme.admin.put(at(eve.id), {"email": eve.email})["enabled"] is False
    assert acme.admin.patch(at(eve.id), {"enabled": True})["enabled"] is True
    assert clients[0].get(at(eve.id))["enabled"]


# 3. Roles


def test_roles(acme, bolt, owner):
    directory.mutate("createRole", {"data": ("CreateRoleData!", {"name": directory.unique("own"), "permissions": ["read:user"]})}, acme.ada_key)
    answer = acme.admin.get(ROLES)
    assert list(answer) == ["roles"]
    names = [each["name"] for each in answer["roles"]]
    assert {"organization-admin", "user", "super-admin"} <= set(names) and "theirs" not in names
    assert "theirs" in [each["name"] for each in bolt.admin.get(ROLES)["roles"]]
    seen = directory.graphql("{ roles { id name description permissions } }", key=acme.ada_key)["roles"]
    # That one can only be assigned for a tenant, which this product does not have.
    seen = [each for each in seen if each["name"] != "tenant-admin"]
    for each, same in zip(answer["roles"], seen, strict=True):
        assert sorted(each) == ["description", "id", "name"] and HEX.fullmatch(each["id"])
        whole = acme.admin.get(f"{ROLES}/{each['id']}")
        assert whole == each | {"scopes": same["permissions"]}
        assert whole == acme.admin.get(f"{ROLES}/{hyphenated(each['id'])}")
        assert (same["id"], same["name"], same["description"] or "") == (hyphenated(each["id"]), each["name"], each["description"])
    assert len(owner.get(ROLES)["roles"]) == 10


def test_roles_that_are_not_there_or_not_ones_own(acme, bolt, owner, role):
    for client in [acme.admin, owner]:
        unknown = client.refused(404, "GET", f"{ROLES}/unknown")
        assert client.refused(404, "GET", f"{ROLES}/{bolt.role}") == unknown.replace("unknown", bolt.role)
    for odd in ["user", "%00", "%FF", "%20", "x" * 300, UNKNOWN]:
        acme.admin.refused(404, "GET", f"{ROLES}/{odd}")
    acme.user.refused(401, "GET", ROLES)
    acme.user.refused(401, "GET", f"{ROLES}/{role.user}")
    acme.user.refused(401, "GET", f"{ROLES}/{UNKNOWN}")


def test_every_user_has_a_role_that_can_be_read(acme):
    for each in acme.admin.get(USERS)["users"]:
        assert acme.admin.get(f"{ROLES}/{each['role_id']}")["id"] == each["role_id"]


# 4. Groups


def test_the_life_of_a_group(acme):
    house = House("Groups")
    assert house.admin.get(GROUPS) == {"groups": []}
    made = house.admin.post(GROUPS, {"name": "  Editors ", "description": "They edit."})
    assert made == {"id": "EDITORS", "name": "Editors", "description": "They edit."}
    assert house.admin.get(f"{GROUPS}/EDITORS") == made and house.admin.get(GROUPS) == {"groups": [made]}
    assert directory.graphql("{ groups { key name description } }", key=house.ada_key)["groups"] == [
        {"key": "EDITORS", "name": "Editors", "description": "They edit."}]
    renamed = house.admin.put(f"{GROUPS}/EDITORS", {"name": "Video Editors", "id": "X"})
    assert renamed == made | {"name": "Video Editors"}
    assert house.admin.put(f"{GROUPS}/EDITORS", {}) == renamed
    assert house.admin.put(f"{GROUPS}/EDITORS", {"description": ""}) == renamed | {"description": ""}
    house.admin.refused(400, "POST", GROUPS, {"name": "Editors"})
    assert house.admin.post(GROUPS, {"name": "Video Editors"})["id"] == "VIDEO_EDITORS"
    assert house.admin.delete(f"{GROUPS}/EDITORS") == {"ok": True}
    for method, body in [("DELETE", None), ("GET", None), ("PUT", {"name": "X"})]:
        house.admin.refused(404, method, f"{GROUPS}/EDITORS", body)
    assert [each["id"] for each in house.admin.get(GROUPS)["groups"]] == ["VIDEO_EDITORS"]


@pytest.mark.parametrize("name, key", [("Editors", "EDITORS"), ("Video Editors", "VIDEO_EDITORS"), ("R&D / (beta)", "R_D_BETA"), ("__x", "X"),
                                       ("Größe 7", "GRÖSSE_7"), ("編集-部", "編集_部"), ("Команда", "КОМАНДА")])
def test_the_id_is_made_from_the_name(name, key):
    house = House("Keys")
    made = house.admin.post(GROUPS, {"name": name})
    assert made == {"id": key, "name": name, "description": ""}
    assert house.admin.get(f"{GROUPS}/{key}") == made
    with house.unchanged():
        for same in [name.upper(), name.lower() + "!", f" {name}", f"({name})"]:
            house.admin.refused(400, "POST", GROUPS, {"name": same})


def test_what_cannot_be_a_group(acme):
    group = acme.group("Editors", description="They edit.")
    with acme.unchanged():
        for name in [*NO_TEXTS, "", " ", "!?", "___", "\0", "a\nb", "x" * 256]:
            acme.admin.refused(400, "POST", GROUPS, {"name": name})
        for name in [*NO_TEXTS, "", " ", "a\0", "x" * 256]:
            acme.admin.refused(400, "PUT", f"{GROUPS}/{group['id']}", {"name": name})
        for text in [*NO_TEXTS, "x" * 2001]:
            acme.admin.refused(400, "POST", GROUPS, {"name": "Fine", "description": text})
            acme.admin.refused(400, "PUT", f"{GROUPS}/{group['id']}", {"name": "Fine", "description": text})
        acme.admin.refused(400, "POST", GROUPS, {})
        acme.admin.refused(400, "POST", GROUPS, {"description": "x"})


def test_groups_of_two_organizations(acme, bolt, owner):
    name = directory.unique("Shared")
    ours, theirs = (house.admin.post(GROUPS, {"name": name, "description": house.organization.id}) for house in [acme, bolt])
    assert ours["id"] == theirs["id"]
    acme.admin.put(f"{GROUPS}/{ours['id']}", {"name": "Ours"})
    assert bolt.admin.get(f"{GROUPS}/{ours['id']}") == theirs
    owner.refused(404, "GET", f"{GROUPS}/{ours['id']}")
    owner.refused(404, "DELETE", f"{GROUPS}/{ours['id']}")
    acme.admin.delete(f"{GROUPS}/{ours['id']}")
    assert bolt.admin.get(f"{GROUPS}/{ours['id']}") == theirs
    unknown = acme.admin.refused(404, "GET", f"{GROUPS}/UNKNOWN")
    assert acme.admin.refused(404, "GET", f"{GROUPS}/{bolt.theirs}") == unknown.replace("UNKNOWN", bolt.theirs)
    for odd in [theirs["id"].lower(), "%00", "%FF", "%20", "X" * 300]:
        acme.admin.refused(404, "GET", f"{GROUPS}/{odd}")


def test_groups_are_not_for_ordinary_users(acme):
    group = acme.group()["id"]
    with acme.unchanged():
        acme.user.refused(401, "GET", GROUPS)
        acme.user.refused(401, "POST", GROUPS, {"name": "Not"})
        for each in [group, "UNKNOWN"]:
            acme.user.refused(401, "GET", f"{GROUPS}/{each}")
            acme.user.refused(401, "PUT", f"{GROUPS}/{each}", {"name": "Not"})
            acme.user.refused(401, "DELETE", f"{GROUPS}/{each}")


# 5. Users in groups


def test_joining_and_leaving(acme):
    made, group = acme.new(), acme.group("Editors", description="They edit.")
    assert acme.admin.get(groups_of(made)) == {"groups": []}
    for _ in range(2):
        assert acme.admin.put(member(made, group["id"])) == {"ok": True}
        assert acme.admin.get(groups_of(made)) == {"groups": [{"id": group["id"], "name": group["name"]}]}
    acme.admin.put(f"{GROUPS}/{group['id']}", {"name": "New name"})
    assert acme.admin.get(groups_of(hyphenated(made["id"]))) == {"groups": [{"id": group["id"], "name": "New name"}]}
    users = directory.graphql("query($key: String) { groups(where: {key: $key}) { users { id } } }", {"key": group["id"]}, acme.ada_key)
    assert users["groups"] == [{"users": [{"id": hyphenated(made["id"])}]}]
    for _ in range(2):
        assert acme.admin.delete(member(made, group["id"])) == {"ok": True}
        assert acme.admin.get(groups_of(made)) == {"groups": []}


def test_a_group_made_again_is_empty(acme):
    made, group = acme.new(), acme.group()
    acme.admin.put(member(made, group["id"]))
    acme.admin.delete(f"{GROUPS}/{group['id']}")
    assert acme.admin.get(groups_of(made)) == {"groups": []}
    assert acme.admin.post(GROUPS, {"name": group["name"]})["id"] == group["id"]
    assert acme.admin.get(groups_of(made)) == {"groups": []}


def test_members_that_are_not_there_or_elsewhere(acme, bolt, owner):
    made, group = acme.new(), acme.group()["id"]
    with acme.unchanged(), bolt.unchanged():
        for method in ["PUT", "DELETE"]:
            for client, user, key in [(acme.admin, UNKNOWN, group), (acme.admin, bolt.max.id, group), (acme.admin, made["id"], "UNKNOWN"),
                                      (acme.admin, made["id"], bolt.theirs), (acme.admin, bolt.max.id, bolt.theirs), (acme.admin, "%00", group),
                                      (acme.admin, made["id"], group.lower()), (owner, made["id"], group), (owner, bolt.max.id, bolt.theirs)]:
                client.refused(404, method, member(user, key))
        for client, user in [(acme.admin, UNKNOWN), (acme.admin, bolt.max.id), (owner, made["id"])]:
            client.refused(404, "GET", groups_of(user))


def test_nobody_joins_by_themselves(acme, bolt):
    group, other = acme.group(), acme.group()
    acme.admin.put(member(acme.max.id, group["id"]))
    with acme.unchanged():
        for user, key in [(acme.max.id, other["id"]), (acme.max.id, group["id"]), (acme.ada.id, group["id"]), (acme.max.id, "UNKNOWN"), (UNKNOWN, group["id"])]:
            acme.user.refused(401, "PUT", member(user, key))
            acme.user.refused(401, "DELETE", member(user, key))
        words = {acme.user.refused(401, "GET", groups_of(each)) for each in [acme.ada.id, bolt.max.id, UNKNOWN]}
        assert len(words) == 1
    assert {"id": group["id"], "name": group["name"]} in acme.user.get(groups_of(acme.max.id))["groups"]


# 8. Try it, as printed


def test_the_printed_lines():
    house = House("Curl")
    email = directory.address("curl")
    found = curl(house, "curl -s -H \"$H\" $B/api/data/roles")
    assert "user" in [each["name"] for each in found["roles"]]
    made = curl(house, f"curl -s -H \"$H\" -d '{{\"email\":\"{email}\",\"password\":\"secret-1234-X\"}}' $B/api/data/users")
    assert made["email"] == email
    assert curl(house, f"curl -s -H \"$H\" \"$B/api/data/users?email={email}\"") == [made]
    group = curl(house, "curl -s -H \"$H\" -d '{\"name\":\"Video Editors\"}' $B/api/data/v3/groups")
    assert group == {"id": "VIDEO_EDITORS", "name": "Video Editors", "description": ""}
    line = f"curl -s -H \"$H\" -X PUT $B/api/data/v3/users/{made['id']}/groups/VIDEO_EDITORS"
    assert curl(house, line) == {"ok": True}
    assert house.admin.get(groups_of(made)) == {"groups": [{"id": "VIDEO_EDITORS", "name": "Video Editors"}]}
    assert signs_in(email, "secret-1234-X")


def curl(house, line):
    set_up = f"B={shlex.quote(directory.URL)}; H={shlex.quote(f'Authorization: Bearer {house.ada_key}')}\n"
    done = subprocess.run(["bash", "-ec", set_up + line], env=dict(os.environ), capture_output=True, text=True, timeout=60)
    print(f"$ {line}\n{done.stdout}{done.stderr}")
    assert done.returncode == 0
    return json.loads(done.stdout)


# 9. The same in GraphQL


def test_what_graphql_makes_is_shown_at_once(acme, role):
    eve = acme.person("eve", "USER")
    assert acme.admin.get(at(eve.id))["role_id"] == role.user
    eve.update(firstname="Eva", activated=False, organizationRole="ADMIN")
    seen = acme.admin.get(at(eve.id))
    assert (seen["first_name"], seen["enabled"], seen["role_id"]) == ("Eva", False, role.organization_admin)
    name = directory.unique("Graph")
    made = directory.graphql("mutation($data: CreateGroupData!) { createGroup(data: $data) { key } }", {"data": {"name": name}}, acme.ada_key)
    key = made["createGroup"]["key"]
    assert acme.admin.get(f"{GROUPS}/{key}") == {"id": key, "name": name, "description": ""}
    directory.graphql("mutation($key: String, $id: ID) { addUserToGroup(where: {key: $key}, user: {id: $id}) { id } }",
                      {"key": key, "id": eve.id}, acme.ada_key)
    assert acme.admin.get(groups_of(eve.id)) == {"groups": [{"id": key, "name": name}]}
    directory.graphql("mutation($id: ID) { deleteUser(where: {id: $id}) { id } }", {"id": eve.id}, acme.ada_key)
    acme.admin.refused(404, "GET", at(eve.id))
    acme.admin.refused(404, "PUT", member(eve.id, key))


def test_a_user_without_an_address(acme):
    name = directory.unique("nameless")
    directory.graphql("mutation($data: CreateUserData!) { createUser(data: $data) { id } }",
                      {"data": {"id": name, "organizationId": acme.organization.id}})
    assert acme.admin.get(at(name))["email"] == ""
    assert acme.admin.get(f"{USERS}?email=") == []
