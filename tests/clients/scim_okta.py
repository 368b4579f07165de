"""What Okta sends: PUT for everything from the applications that its wizard makes, PATCH for `active`, passwords and groups from those
of its catalogue. Each call is followed by a GET of the whole resource."""

import pytest

pytest.register_assert_rewrite("directory", "scim_wire")

import directory  # noqa: E402
from scim_wire import GROUP, LIST, USER, Client, House, at, op, patch, without  # noqa: E402


@pytest.fixture(scope="session")
def okta():
    return House("Okta")


@pytest.fixture
def name():
    return directory.unique("kai")


def body(name, **more):
    return {"schemas": [USER], "userName": f"{name}@acme.example", "name": {"givenName": "Kai", "familyName": "Berg"},
            "emails": [{"primary": True, "value": f"{name}@acme.example", "type": "work"}], "displayName": "Kai Berg", "locale": "en-US",
            "externalId": f"00u{name}", "groups": [], "password": "q7w2m9zt", "active": True, **more}


def one(okta, name, **more):
    sent = body(name, **more)
    seen = without(sent, "groups", "password")
    made = okta.client.post("/Users", sent)
    okta.is_whole(made, seen)
    assert okta.same(made, seen) == made
    return made, seen


# Connect and import


def test_connect(okta, name):
    one(okta, name)
    okta.group()
    page = okta.client.get("/Users?startIndex=1&count=2")
    assert page["schemas"] == [LIST] and page["Resources"] and page["Resources"][0]["id"] == okta.service.id
    for key in ["totalResults", "startIndex", "itemsPerPage"]:
        assert type(page[key]) is int
    assert page["itemsPerPage"] == len(page["Resources"]) == 2
    groups = okta.client.get("/Groups?startIndex=1&count=100")
    assert all(isinstance(each["members"], list) for each in groups["Resources"])


def test_import(okta):
    """By 100, without a look at `itemsPerPage`; the order does not change meanwhile."""
    house = House("Okta-import")
    crowd = house.users(205)
    seen = []
    for start in (1, 101, 201, 301):
        page = house.client.get(f"/Users?startIndex={start}&count=100")
        assert (page["totalResults"], page["startIndex"]) == (206, start)
        seen += [each["id"] for each in page["Resources"]]
        house.client.patch(at(crowd[0]), op("replace", None, {"title": f"T{start}"}))
    assert seen == [house.service.id, *crowd]
    group = house.client.post("/Groups", {"schemas": [GROUP], "displayName": "All", "members": [{"value": each} for each in crowd]})
    page = house.client.get("/Groups?startIndex=1&count=100")
    assert page["totalResults"] == 1
    assert {each["value"] for each in page["Resources"][0]["members"]} == set(crowd) == {each["value"] for each in group["members"]}
    assert house.client.get("/Groups?startIndex=101&count=100")["Resources"] == []


# Create


def test_create(okta, name):
    path = f"/Users?filter=userName%20eq%20%22{name}%40acme.example%22&startIndex=1&count=100"
    assert okta.client.found(path) == []
    made, _ = one(okta, name)
    assert okta.client.found(path) == [made]
    with okta.unchanged():
        okta.client.refused(409, "uniqueness", "POST", "/Users", body(name))
    assert directory.password_is(f"{name}@acme.example", "q7w2m9zt", okta.organization)


def test_create_without_what_okta_leaves_out(okta, name):
    sent = {"schemas": [USER], "userName": f"{name}@acme.example", "name": {"givenName": "Kai", "familyName": "Berg"}, "emails": None, "active": True}
    made = okta.client.post("/Users", sent)
    # The user name is an address, and so the account has one.
    okta.same(made, sent | {"emails": [{"value": f"{name}@acme.example", "type": "work", "primary": True}]})


# Update by PUT


def test_update(okta, name):
    made, seen = one(okta, name)
    group = okta.group(made)
    read = okta.client.get(at(made))
    assert read["groups"] == [okta.membership(group)]
    seen |= {"name": {"givenName": "Kaia", "familyName": "Berg"}, "displayName": "Kaia Berg", "groups": [okta.membership(group)]}
    sent = read | {"name": {"givenName": "Kaia", "familyName": "Berg", "middleName": "", "honorificPrefix": ""}, "displayName": "Kaia Berg"}
    for _ in "twice":
        changed = okta.client.put(at(made), sent)
        okta.is_whole(changed, seen)
        assert okta.same(made, seen) == changed
    assert changed == okta.client.put(at(made), sent)
    assert directory.password_is(f"{name}@acme.example", "q7w2m9zt", okta.organization)


def test_update_that_leaves_things_out(okta, name):
    made, seen = one(okta, name, title="Engineer", nickName="kb")
    least = {"schemas": [USER], "userName": f"{name}@acme.example"}
    seen = least | {"active": True, "emails": [{"value": f"{name}@acme.example", "type": "work", "primary": True}]}
    okta.client.put(at(made), least)
    okta.same(made, seen)
    okta.client.put(at(made), least | {"active": False})
    okta.same(made, seen | {"active": False})
    # Silence enables nobody.
    okta.client.put(at(made), least)
    okta.same(made, seen | {"active": False})


def test_update_of_a_user_that_is_not_there(okta, name):
    with okta.unchanged():
        okta.client.refused(404, None, "PUT", "/Users/00000000-0000-7000-8000-000000000000", body(name))


def test_update_to_a_taken_name(okta, name):
    made, _ = one(okta, name)
    other, _ = one(okta, f"other-{name}")
    with okta.unchanged():
        okta.client.refused(409, "uniqueness", "PUT", at(made), body(f"other-{name}"))
        okta.client.refused(409, "uniqueness", "PUT", at(made), body(name, userName=other["userName"].upper()))


# Deactivate


@pytest.mark.parametrize("form", ["patch", "put"])
def test_deactivate(okta, name, form):
    made, seen = one(okta, name)
    for active in [False, False, True]:
        if form == "patch":
            changed = okta.client.patch(at(made), op("replace", None, {"active": active}))
        else:
            changed = okta.client.put(at(made), okta.client.get(at(made)) | {"active": active})
        okta.is_whole(changed, seen | {"active": active})
        assert okta.same(made, seen | {"active": active}) == changed
        assert okta.is_known(made) is active
        assert okta.client.found("/Users", f'userName eq "{name}@acme.example"') == [changed]


# Passwords


@pytest.mark.parametrize("form", ["patch", "path", "put"])
def test_password(okta, name, form):
    made, seen = one(okta, name)
    for password in ["Vetch-mallow-31", "Vetch-mallow-31", "Bracken-sorrel-62"]:
        if form == "patch":
            changed = okta.client.patch(at(made), op("replace", None, {"password": password}))
        elif form == "path":
            changed = okta.client.patch(at(made), op("replace", "password", password))
        else:
            changed = okta.client.put(at(made), seen | {"password": password})
        assert "password" not in changed
        okta.same(made, seen)
        assert directory.password_is(f"{name}@acme.example", password, okta.organization)
    before = okta.client.get(at(made))
    # The present one again changes nothing. (The check above has changed it and changed it back.)
    assert okta.client.patch(at(made), op("replace", None, {"password": "Bracken-sorrel-62"})) == before
    for weak in ["short", "password", "x" * 129]:
        with okta.unchanged():
            okta.client.refused(400, "invalidValue", "PATCH", at(made), patch(op("replace", "password", weak)))
            okta.client.refused(400, "invalidValue", "POST", "/Users", body(f"weak-{name}", password=weak))


# Group push


def pushed(okta, name):
    group = okta.client.post("/Groups", {"schemas": [GROUP], "displayName": f"Sales {name}", "members": []})
    seen = {"schemas": [GROUP], "displayName": f"Sales {name}", "members": []}
    okta.is_whole(group, seen)
    assert okta.same(group, seen) == group
    return group, seen


def test_group_push(okta, name):
    group, seen = pushed(okta, name)
    one_user, two = one(okta, f"1-{name}")[0], one(okta, f"2-{name}")[0]
    rename = op("replace", None, {"id": group["id"], "displayName": f"Sellers {name}"})
    seen |= {"displayName": f"Sellers {name}"}
    for _ in "twice":
        assert okta.client.patch(at(group), rename) is None
        there = okta.same(group, seen)
    okta.client.patch(at(group), rename, op("add", "members", [{"value": one_user["id"], "display": one_user["userName"]}]))
    there = okta.same(group, seen | {"members": [okta.member(one_user)]})
    okta.client.patch(at(group), op("remove", f'members[value eq "{one_user["id"]}"]'),
                      op("add", "members", [{"value": two["id"], "display": two["userName"]}]))
    there = okta.same(group, seen | {"members": [okta.member(two)]})
    # Both once more: nobody is taken out who is not there, nobody comes in twice.
    okta.client.patch(at(group), op("remove", f'members[value eq "{one_user["id"]}"]'),
                      op("add", "members", [{"value": two["id"], "display": two["userName"]}]))
    assert okta.same(group, seen | {"members": [okta.member(two)]}) == there


def test_push_of_256_at_once(okta, name):
    group, _ = pushed(okta, name)
    crowd = okta.users(300)
    okta.client.patch(at(group), op("add", "members", [{"value": each} for each in crowd[:256]]))
    assert okta.members(group) == set(crowd[:256])
    okta.client.patch(at(group), *[op("remove", f'members[value eq "{each}"]') for each in crowd[:128]],
                      op("add", "members", [{"value": each} for each in crowd[256:]]))
    assert okta.members(group) == set(crowd[128:])


def test_push_now(okta, name):
    group, seen = pushed(okta, name)
    users = [one(okta, f"{each}-{name}")[0] for each in "abc"]
    for some in [users[:2], users[1:], users[1:], [], users]:
        okta.client.patch(at(group), op("replace", "members", [{"value": each["id"], "display": each["userName"]} for each in some]))
        assert okta.members(group) == {each["id"] for each in some}
        assert without(okta.client.get(at(group)), "id", "meta", "members") == without(seen, "members")
    # Memberships that stay keep their rows, so a push of what is there changes nothing.
    before = okta.client.get(at(group))
    okta.client.patch(at(group), op("replace", "members", [{"value": each["id"]} for each in reversed(users)]))
    assert okta.client.get(at(group)) == before


def test_put_of_a_group(okta, name):
    group, seen = pushed(okta, name)
    users = [one(okta, f"{each}-{name}")[0] for each in "abc"]

    def put(**more):
        changed = okta.client.put(at(group), {"schemas": [GROUP], "id": group["id"], "displayName": f"Sales {name}", **more})
        assert okta.client.get(at(group)) == changed
        return {each["value"] for each in changed["members"]}

    for some in [users, users[:1], users[1:]]:
        ids = [each["id"] for each in some]
        assert put(members=[{"value": each} for each in ids]) == set(ids)
        # Left out they stay, and a rename keeps them.
        assert put() == put(displayName=f"Sellers {name}") == set(ids)
    assert put(members=[]) == set()
    okta.same(group, seen)


def test_linking_of_a_group(okta, name):
    """A group of the name that is there already is taken over."""
    group, seen = pushed(okta, name)
    okta.client.refused(409, "uniqueness", "POST", "/Groups", {"schemas": [GROUP], "displayName": f"Sales {name}", "members": []})
    assert okta.client.found("/Groups", f'displayName eq "Sales {name}"', startIndex=1, count=100) == [group]
    okta.client.delete(at(group))
    assert okta.client.found("/Groups", f'displayName eq "Sales {name}"') == []
    okta.client.refused(404, None, "GET", at(group))


def test_a_wrong_key(okta):
    for client in [Client(), Client("tnt_nonsense"), Client(None, Authorization="Basic eDp5")]:
        client.refused(401, None, "GET", "/Users?startIndex=1&count=2")
