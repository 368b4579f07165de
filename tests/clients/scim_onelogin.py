"""What OneLogin sends. Its bodies are templates of the administrator, so that `emails` may be missing, and it may ask for
`application/json`. Each call is followed by a GET of the whole resource."""

import pytest

pytest.register_assert_rewrite("directory", "scim_wire")

import directory  # noqa: E402
from scim_wire import ENTERPRISE, GROUP, USER, Client, House, at, checked, op, without  # noqa: E402


@pytest.fixture(scope="session")
def onelogin():
    return House("OneLogin")


@pytest.fixture
def name():
    return directory.unique("noor")


def template(name, **more):
    return {"schemas": [USER], "userName": f"{name}@acme.example", "externalId": name, "displayName": "Noor Haddad",
            "name": {"givenName": "Noor", "familyName": "Haddad", "formatted": "Noor Haddad"},
            "emails": [{"value": f"{name}@acme.example", "type": "work", "primary": True}], **more}


def one(onelogin, name, **more):
    sent = template(name, **more)
    made = onelogin.client.post("/Users", sent)
    seen = sent | {"active": True}
    onelogin.is_whole(made, seen)
    assert onelogin.same(made, seen) == made
    return made, seen


def test_connect(onelogin):
    """It asks for somebody who cannot exist."""
    assert onelogin.client.found("/Users", 'userName eq "onelogin-test-connection"') == []
    assert onelogin.client.found("/Users?filter=userName+Eq+%22nobody%22") == []


@pytest.mark.parametrize("accept, media_type", [
    ("application/json", "application/json"), ("application/json, text/plain", "application/json"), ("Application/JSON; charset=utf-8", "application/json"),
    ("application/scim+json, application/json", "application/scim+json"), ("application/json, */*", "application/scim+json"), ("*/*", "application/scim+json"),
    ("application/*, application/json", "application/scim+json"), ("text/html", "application/scim+json"), (None, "application/scim+json"),
    ("", "application/scim+json")])
def test_media_type_of_answers(onelogin, accept, media_type):
    answer = onelogin.client.send("GET", "/Users?count=1", headers={"Accept": accept})
    assert answer.status == 200 and checked(answer, media_type)["Resources"]
    missing = onelogin.client.send("GET", "/Users/nobody", headers={"Accept": accept})
    assert (missing.status, missing.headers["Content-Type"]) == (404, media_type)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "application/scim+json; charset=UTF-8", "text/plain",
                                          "nonsense", "", None])
def test_media_type_of_bodies(onelogin, name, content_type):
    made = onelogin.client.post("/Users", template(name), headers={"Content-Type": content_type})
    onelogin.same(made, template(name) | {"active": True})


def test_life_of_a_user(onelogin, name):
    assert onelogin.client.found("/Users", f'userName eq "{name}@acme.example"') == []
    made, seen = one(onelogin, name)
    assert onelogin.client.found("/Users", f'userName eq "{name}@acme.example"') == [made]
    onelogin.client.refused(409, "uniqueness", "POST", "/Users", template(name))
    for change in [{"title": "Engineer"}, {"title": "Engineer"}, {"title": None}, {"name": {"givenName": "N", "familyName": "Haddad"}},
                   {"displayName": "Noor"}]:
        changed = onelogin.client.put(at(made), template(name) | change)
        seen = template(name) | {"active": True} | change
        onelogin.is_whole(changed, {key: value for key, value in seen.items() if value is not None})
        assert onelogin.same(made, without(changed, "id", "meta")) == changed
    onelogin.client.put(at(made), template(name) | {"active": False})
    onelogin.same(made, template(name) | {"active": False})
    onelogin.client.patch(at(made), op("replace", "active", True))
    onelogin.same(made, template(name) | {"active": True})
    onelogin.client.delete(at(made))
    onelogin.client.refused(404, None, "GET", at(made))
    assert onelogin.client.found("/Users", f'userName eq "{name}@acme.example"') == []


def test_a_template_without_emails(onelogin, name):
    """The name is the account's address if it is one."""
    sent = without(template(name), "emails")
    made = onelogin.client.post("/Users", sent)
    seen = sent | {"active": True, "emails": [{"value": f"{name}@acme.example", "type": "work", "primary": True}]}
    onelogin.same(made, seen)
    assert directory.graphql("query($id: ID!) { users(where: {id: $id}) { email } }", {"id": made["id"]})["users"] == [{"email": f"{name}@acme.example"}]
    onelogin.client.put(at(made), sent)
    onelogin.same(made, seen)
    plain = onelogin.client.post("/Users", sent | {"userName": name})
    onelogin.same(plain, sent | {"userName": name, "active": True})
    assert directory.graphql("query($id: ID!) { users(where: {id: $id}) { email } }", {"id": plain["id"]})["users"] == [{"email": None}]


def test_a_template_with_the_extension(onelogin, name):
    made = onelogin.client.post("/Users", template(name, **{ENTERPRISE: {"department": "R&D", "manager": {"value": "", "displayName": ""}}}))
    onelogin.same(made, template(name, **{ENTERPRISE: {"department": "R&D"}}) | {"schemas": [USER, ENTERPRISE], "active": True})


def test_groups(onelogin, name):
    users = [one(onelogin, f"{each}-{name}")[0] for each in "ab"]
    group = onelogin.client.post("/Groups", {"schemas": [GROUP], "displayName": f"Staff {name}"})
    seen = {"schemas": [GROUP], "displayName": f"Staff {name}", "members": []}
    assert onelogin.same(group, seen) == group
    # It reads all groups, page by page.
    found, start = [], 1
    while True:
        page = onelogin.client.get(f"/Groups?startIndex={start}&count=1")
        found += page["Resources"]
        start += page["itemsPerPage"]
        if not page["itemsPerPage"]:
            break
    assert len(found) == page["totalResults"] and found.count(group) == 1
    onelogin.client.patch(at(group), op("add", "members", [{"value": each["id"]} for each in users]))
    onelogin.same(group, seen | {"members": list(map(onelogin.member, users))})
    onelogin.client.patch(at(group), op("remove", "members", [{"value": users[0]["id"]}]))
    onelogin.same(group, seen | {"members": [onelogin.member(users[1])]})
    onelogin.client.patch(at(group), op("replace", "members", [{"value": users[0]["id"]}]))
    onelogin.same(group, seen | {"members": [onelogin.member(users[0])]})
    onelogin.client.patch(at(group), op("remove", f'members[value eq "{users[0]["id"]}"]'))
    onelogin.same(group, seen)
    onelogin.client.patch(at(group), op("replace", "displayName", f"Team {name}"))
    onelogin.same(group, seen | {"displayName": f"Team {name}"})
    onelogin.client.delete(at(group))
    onelogin.client.refused(404, None, "GET", at(group))


def test_a_session_token_is_as_good_as_a_key(onelogin, name):
    ada = onelogin.person("ada", "ADMIN", password=directory.PASSWORD)
    token = directory.graphql("mutation($data: SignInData!) { signIn(data: $data) { accessToken } }",
                              {"data": {"email": ada.email, "password": directory.PASSWORD}}, key=None)["signIn"]["accessToken"]
    assert Client(token).get("/Me")["id"] == ada.id
    assert Client(token).get("/Users?count=1") == onelogin.client.get("/Users?count=1")
