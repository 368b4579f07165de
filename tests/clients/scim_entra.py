"""What Microsoft Entra ID's provisioning service sends, in both of its forms: as it does by default, with operations in capitals and
booleans as texts, and with `?aadOptscim062020` in the tenant's URL. Each call is followed by a GET of the whole resource."""

import json

import pytest

pytest.register_assert_rewrite("directory", "scim_wire")

import directory  # noqa: E402
from scim_wire import ENTERPRISE, GROUP, USER, Client, House, at, op, patch, version_of, without  # noqa: E402

FLAG = "aadOptscim062020"
ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
ACME = "urn:ietf:params:scim:schemas:extension:Acme:2.0:User"


class Entra(Client):
    """The provisioning service: each of its paths carries the flag if the tenant's URL does."""

    def __init__(self, key, flag):
        super().__init__(key)
        self.flag = flag

    def send(self, method, path, *arguments, **more):
        if self.flag:
            path += ("&" if "?" in path else "?") + FLAG
        return super().send(method, path, *arguments, **more)


class Tenant(House):
    """An organization that Entra provisions into, in one of the two forms."""

    def __init__(self, flag):
        super().__init__("Entra-flag" if flag else "Entra")
        self.flag = flag
        self.entra = Entra(self.key, flag)

    def op(self, name, path=None, *value):
        return op(name.lower() if self.flag else name.capitalize(), path, *value)

    def boolean(self, value):
        return value if self.flag else str(value)

    def one(self, name="mei", **more):
        """A user as Entra makes it, and what must be seen of it."""
        body = {
            "schemas": [USER, ENTERPRISE], "externalId": name, "userName": f"{name}@acme.example", "active": True, "displayName": "Mei Tan",
            "emails": [{"primary": True, "type": "work", "value": f"{name}.tan@acme.example"}], "meta": {"resourceType": "User"},
            "name": {"formatted": "Mei Tan", "familyName": "Tan", "givenName": "Mei"}, "roles": [], ENTERPRISE: {"employeeNumber": "77"}, **more}
        made = self.entra.post("/Users", body)
        seen = without(body, "meta", "roles")
        self.is_whole(made, seen)
        return made, self.same(made, seen) and seen

    def change(self, user, seen, *operations):
        """PATCHes a user, who must then be `seen`."""
        changed = self.entra.patch(at(user), *operations)
        self.is_whole(changed, seen)
        assert self.same(user, seen) == changed
        return changed

    def regroup(self, group, seen, *operations):
        """PATCHes a group, which must then be `seen`."""
        assert self.entra.patch(at(group), *operations) is None
        return self.same(group, seen)


@pytest.fixture(scope="session", params=[False, True], ids=["default", "flag"])
def tenant(request):
    return Tenant(request.param)


@pytest.fixture
def name():
    return directory.unique("mei")


# Test connection


@pytest.mark.parametrize("query", ["/Users?filter=userName+eq+%22c0ffee00-12aa-4a8e-9d52-5f2f0b7a9e10%22",
                                   "/Groups?filter=displayName+eq+%22c0ffee00-12aa-4a8e-9d52-5f2f0b7a9e10%22",
                                   "/Groups?excludedAttributes=members&filter=displayName+eq+%22c0ffee00-12aa-4a8e-9d52-5f2f0b7a9e10%22"])
def test_connection(tenant, query):
    assert tenant.entra.found(query) == []


def test_connection_with_a_wrong_secret(tenant):
    Entra("tnt_nonsense", tenant.flag).refused(401, None, "GET", "/Users?filter=userName+eq+%22x%22")


# Match


def test_match_of_a_user(tenant, name):
    user, seen = tenant.one(name)
    other, _ = tenant.one(f"other-{name}")
    for text in [name, name.upper(), name.title()]:
        assert tenant.entra.found("/Users", f'userName eq "{text}@acme.example"') == [user]
        assert tenant.entra.found("/Users", f'emails[type eq "work"].value eq "{text}.tan@acme.example"') == [user]
        assert tenant.entra.found("/Users", f'userName eq "{text}@acme.example" and emails[type eq "work"].value eq "{text}.tan@acme.example"') == [user]
    assert tenant.entra.found("/Users", f'externalId eq "{name}"') == [user]
    assert tenant.entra.found("/Users", f'externalId eq "{name.upper()}"') == []
    assert tenant.entra.found("/Users", f'externalId eq "{name}" and userName eq "{other["userName"]}"') == []
    assert tenant.entra.found("/Users", f'emails[type eq "home"].value eq "{name}.tan@acme.example"') == []
    assert tenant.same(user, seen) == user


def test_match_of_a_user_who_is_disabled(tenant, name):
    user, seen = tenant.one(name)
    changed = tenant.change(user, seen | {"active": False}, tenant.op("Replace", "active", tenant.boolean(False)))
    assert tenant.entra.found("/Users", f'userName eq "{name}@acme.example"') == [changed]
    assert tenant.entra.found("/Users", f'externalId eq "{name}"') == [changed]


def test_match_of_a_group(tenant, name):
    group = tenant.entra.post("/Groups", {"schemas": [GROUP, ADSCIM], "externalId": name, "displayName": f"Sales {name}"})
    for text in [f"Sales {name}", f"SALES {name.upper()}", f"sales {name}"]:
        assert tenant.entra.found("/Groups", f'displayName eq "{text}"', excludedAttributes="members") == [without(group, "members") | {
            "meta": group["meta"] | {"version": tenant.entra.get(at(group), excludedAttributes="members")["meta"]["version"]}}]
    assert tenant.entra.found("/Groups", f'externalId eq "{name}"') == [group]
    assert tenant.entra.found("/Groups", f'displayName eq "Sales {name}x"', excludedAttributes="members") == []


# Reference check


def test_reference_check(tenant, name):
    manager, _ = tenant.one(f"boss-{name}")
    user, seen = tenant.one(name)
    group = tenant.group(user)
    shown = {"schemas": [GROUP], "id": group["id"]}
    assert tenant.entra.found("/Groups", f'id eq "{group["id"]}" and members eq "{user["id"]}"', attributes="id") == [shown]
    assert tenant.entra.found("/Groups", f'id eq "{group["id"]}" and members eq "{manager["id"]}"', attributes="id") == []
    assert tenant.entra.found("/Users", f'id eq "{user["id"]}" and manager eq "{manager["id"]}"', attributes="id") == []
    tenant.entra.patch(at(user), tenant.op("Add", f"{ENTERPRISE}:manager", manager["id"]))
    found = tenant.entra.found("/Users", f'id eq "{user["id"]}" and manager eq "{manager["id"]}"', attributes="id")
    assert [each["id"] for each in found] == [user["id"]]
    assert [each["id"] for each in tenant.entra.found("/Users", f'manager eq "{manager["id"]}"', attributes="id")] == [user["id"]]


# Create


def test_create_with_a_manager(tenant, name):
    manager, _ = tenant.one(f"boss-{name}")
    body = {"schemas": [USER, ENTERPRISE], "externalId": name, "userName": f"{name}@acme.example", "active": True, "displayName": "Mei Tan",
            "emails": [{"primary": True, "type": "work", "value": f"{name}.tan@acme.example"}], "meta": {"resourceType": "User"},
            "name": {"formatted": "Mei Tan", "familyName": "Tan", "givenName": "Mei"}, "roles": [],
            ENTERPRISE: {"employeeNumber": "77", "manager": manager["id"]}}
    seen = without(body, "meta", "roles") | {ENTERPRISE: {"employeeNumber": "77", "manager": {
        "value": manager["id"], "$ref": f"{tenant.base}{at(manager)}", "displayName": "Mei Tan"}}}
    made = tenant.entra.post("/Users", body)
    tenant.is_whole(made, seen)
    assert tenant.same(made, seen) == made
    with tenant.unchanged():
        tenant.entra.refused(409, "uniqueness", "POST", "/Users", body)


def test_create_with_booleans_as_texts(tenant, name):
    seen = {"schemas": [USER], "userName": name, "active": False, "emails": [{"primary": True, "value": f"{name}@acme.example"}]}
    made = tenant.entra.post("/Users", seen | {"active": "False", "emails": [{"primary": "True", "value": f"{name}@acme.example"}]})
    tenant.same(made, seen)


def test_create_with_empty_texts(tenant, name):
    made = tenant.entra.post("/Users", {"schemas": [USER, ENTERPRISE], "userName": name, "externalId": "", "displayName": "", "title": "", "active": True,
                                        "name": {"givenName": "", "familyName": "Tan", "formatted": None}, "emails": [], "phoneNumbers": None,
                                        "addresses": [{"type": "work", "streetAddress": "", "primary": False}], ENTERPRISE: {"department": "", "manager": ""}})
    tenant.same(made, {"schemas": [USER], "userName": name, "active": True, "name": {"familyName": "Tan"}})


# Disable


def test_disable_and_enable(tenant, name):
    user, seen = tenant.one(name)
    key = directory.Person(user["id"], "", None, tenant.organization).key()
    theirs = Client(key)
    assert theirs.get("/Me")["id"] == user["id"]
    for value in [False, False, True]:
        tenant.change(user, seen | {"active": value}, tenant.op("Replace", "active", tenant.boolean(value)))
        assert tenant.is_known(user) is value
        if not value:
            theirs.refused(401, None, "GET", "/Me")
    for value in ["false", "FALSE", "False", "true", "TRUE", "True"]:
        tenant.change(user, seen | {"active": value.lower() == "true"}, tenant.op("Replace", "active", value))
    with tenant.unchanged():
        tenant.entra.refused(400, "invalidValue", "PATCH", at(user), patch(tenant.op("Replace", "active", "maybe")))


# Change


def test_change_of_the_address(tenant, name):
    user, seen = tenant.one(name)
    emails = [{"primary": True, "type": "work", "value": f"m.{name}@acme.example"}]
    tenant.change(user, seen | {"emails": emails}, tenant.op("Replace", 'emails[type eq "work"].value', emails[0]["value"]))
    assert tenant.entra.found("/Users", f'emails[type eq "work"].value eq "M.{name}@acme.example"')[0]["id"] == user["id"]
    assert tenant.entra.found("/Users", f'emails[type eq "work"].value eq "{name}.tan@acme.example"') == []
    emails.append({"type": "other", "value": "Mei at home"})
    tenant.change(user, seen | {"emails": emails}, tenant.op("Add", 'emails[type eq "other"].Value', "Mei at home"))
    tenant.change(user, seen | {"emails": emails}, tenant.op("Add", 'emails[type eq "other"].Value', "Mei at home"))


def test_change_of_an_address_that_never_was(tenant, name):
    made = tenant.entra.post("/Users", {"schemas": [USER], "userName": name, "active": True})
    seen = {"schemas": [USER], "userName": name, "active": True, "emails": [{"type": "work", "value": f"{name}@acme.example"}]}
    tenant.change(made, seen, tenant.op("Replace", 'emails[type eq "work"].value', f"{name}@acme.example"))


def test_change_of_the_address_to_a_taken_one(tenant, name):
    user, _ = tenant.one(name)
    other, _ = tenant.one(f"other-{name}")
    with tenant.unchanged():
        detail = tenant.entra.refused(409, "uniqueness", "PATCH", at(user), patch(tenant.op("Replace", 'emails[type eq "work"].value',
            other["emails"][0]["value"])))
        assert other["id"] not in detail and other["userName"] not in detail


@pytest.mark.parametrize("path, value, change", [
    (f"{ENTERPRISE}:department", "R&D", {ENTERPRISE: {"employeeNumber": "77", "department": "R&D"}}),
    (f"{ENTERPRISE}:employeeNumber", "78", {ENTERPRISE: {"employeeNumber": "78"}}),
    (f"{ENTERPRISE}:costCenter", "C-4", {ENTERPRISE: {"employeeNumber": "77", "costCenter": "C-4"}}),
    ("displayName", "Mei T", {"displayName": "Mei T"}),
    ("title", "Engineer", {"title": "Engineer"}),
    ("preferredLanguage", "en-US", {"preferredLanguage": "en-US"}),
    ("name.givenName", "Meili", {"name": {"formatted": "Mei Tan", "familyName": "Tan", "givenName": "Meili"}}),
    ("name.formatted", "Meili Tan", {"name": {"formatted": "Meili Tan", "familyName": "Tan", "givenName": "Mei"}}),
    ("externalId", "another", {"externalId": "another"}),
    ('phoneNumbers[type eq "mobile"].value', "+65 5555 0100", {"phoneNumbers": [{"type": "mobile", "value": "+65 5555 0100"}]}),
    ('phoneNumbers[type eq "fax"].value', "+65 5555 0101", {"phoneNumbers": [{"type": "fax", "value": "+65 5555 0101"}]}),
    ('addresses[type eq "work"].streetAddress', "1 Quay", {"addresses": [{"type": "work", "streetAddress": "1 Quay"}]}),
    ('addresses[type eq "work"].formatted', "1 Quay, Singapore", {"addresses": [{"type": "work", "formatted": "1 Quay, Singapore"}]}),
    ('addresses[type eq "work"].postalCode', "018956", {"addresses": [{"type": "work", "postalCode": "018956"}]}),
])
@pytest.mark.parametrize("name_of_op", ["Add", "Replace"])
def test_change_of_an_attribute(tenant, name, name_of_op, path, value, change):
    user, seen = tenant.one(name)
    changed = tenant.change(user, seen | change, tenant.op(name_of_op, path, value))
    again = tenant.change(user, seen | change, tenant.op(name_of_op, path, value))
    assert again == changed and changed["meta"]["lastModified"] > user["meta"]["lastModified"]


def test_changes_of_an_address_in_one_request(tenant, name):
    user, seen = tenant.one(name)
    tenant.change(user, seen | {"addresses": [{"type": "work", "streetAddress": "1 Quay", "locality": "Singapore", "country": "SG"}]},
                  tenant.op("Add", 'addresses[type eq "work"].streetAddress', "1 Quay"),
                  tenant.op("Add", 'addresses[type eq "work"].locality', "Singapore"),
                  tenant.op("Add", 'addresses[type eq "work"].country', "SG"))


@pytest.mark.parametrize("form", ["text", "object"])
def test_change_of_the_manager(tenant, name, form):
    manager, _ = tenant.one(f"boss-{name}")
    user, seen = tenant.one(name)
    value = manager["id"] if form == "text" else {"value": manager["id"]}
    shown = {"value": manager["id"], "$ref": f"{tenant.base}{at(manager)}", "displayName": "Mei Tan"}
    tenant.change(user, seen | {ENTERPRISE: {"employeeNumber": "77", "manager": shown}}, tenant.op("Add", f"{ENTERPRISE}:manager", value))
    tenant.change(user, seen | {ENTERPRISE: {"employeeNumber": "77", "manager": {"value": "nobody-yet"}}},
                  tenant.op("Replace", f"{ENTERPRISE}:manager", "nobody-yet"))
    tenant.change(user, seen, tenant.op("Remove", f"{ENTERPRISE}:manager"))


def test_removing_an_attribute(tenant, name):
    user, seen = tenant.one(name)
    tenant.change(user, without(seen, "displayName"), tenant.op("Remove", "displayName"))
    tenant.change(user, without(seen, "displayName", ENTERPRISE) | {"schemas": [USER]}, tenant.op("Remove", f"{ENTERPRISE}:employeeNumber"))
    tenant.change(user, without(seen, "displayName", ENTERPRISE) | {"schemas": [USER], "name": {"familyName": "Tan", "givenName": "Mei"}},
                  tenant.op("Replace", "name.formatted", ""))


def test_changes_without_a_path(tenant, name):
    """The newer form bundles simple attributes; the older one may come with it, too."""
    user, seen = tenant.one(name)
    seen |= {"displayName": "Mei T", "name": seen["name"] | {"givenName": "Meili"}, ENTERPRISE: {"employeeNumber": "78"}}
    tenant.change(user, seen, tenant.op("Replace", None, {"displayName": "Mei T", "name.givenName": "Meili", f"{ENTERPRISE}:employeeNumber": "78"}))
    seen |= {"active": False, "emails": [{"primary": True, "type": "work", "value": f"t.{name}@acme.example"}],
             "phoneNumbers": [{"type": "mobile", "value": "1"}]}
    tenant.change(user, seen, tenant.op("Replace", None, {"active": tenant.boolean(False), 'emails[type eq "work"].value': f"t.{name}@acme.example",
                                                          'phoneNumbers[type eq "mobile"].value': "1"}))
    seen |= {"userName": f"x-{name}@acme.example"}
    tenant.change(user, seen, tenant.op("Replace", None, {"userName": f"x-{name}@acme.example"}))


# Groups


def groups_of(tenant, name):
    body = {"schemas": [GROUP, ADSCIM], "externalId": name, "displayName": f"Sales {name}", "meta": {"resourceType": "Group"}}
    seen = {"schemas": [GROUP], "externalId": name, "displayName": f"Sales {name}", "members": []}
    made = tenant.entra.post("/Groups", body)
    tenant.is_whole(made, seen)
    return body, seen, tenant.same(made, seen)


def test_a_group(tenant, name):
    body, seen, group = groups_of(tenant, name)
    with tenant.unchanged():
        tenant.entra.refused(409, "uniqueness", "POST", "/Groups", body)
        tenant.entra.refused(409, "uniqueness", "POST", "/Groups", body | {"displayName": body["displayName"].upper()})
    changed = tenant.regroup(group, seen | {"displayName": f"Sellers {name}"}, tenant.op("Replace", "displayName", f"Sellers {name}"))
    tenant.regroup(group, seen | {"displayName": f"Sellers {name}"}, tenant.op("Replace", "displayName", f"Sellers {name}"))
    assert tenant.entra.get(at(group)) == changed
    tenant.regroup(group, seen | {"displayName": f"Sellers {name}", "externalId": "g-2"}, tenant.op("Replace", None, {"externalId": "g-2"}))


def test_members(tenant, name):
    _, seen, group = groups_of(tenant, name)
    users = [tenant.one(f"{each}-{name}") for each in ("a", "b", "c")]
    members = [tenant.member(user) for user, _ in users]
    for number, (user, _) in enumerate(users, 1):
        add = tenant.op("Add", "members", [{"$ref": None, "value": user["id"]}])
        for _ in "twice":
            tenant.regroup(group, seen | {"members": members[:number]}, add)
    there = tenant.entra.get(at(group))
    assert there["meta"]["lastModified"] == group["meta"]["lastModified"] and version_of(there) == version_of(group)
    assert there["meta"]["version"] != group["meta"]["version"]
    tenant.same(users[1][0], users[1][1] | {"groups": [tenant.membership(group)]})
    second = users[1][0]["id"]
    remove = tenant.op("Remove", f'members[value eq "{second}"]') if tenant.flag else tenant.op("Remove", "members", [{"$ref": None, "value": second}])
    for _ in "twice":
        tenant.regroup(group, seen | {"members": [members[0], members[2]]}, remove)
    tenant.same(*users[1])
    # Either form in either mode.
    tenant.regroup(group, seen | {"members": [members[2]]}, tenant.op("Remove", f'members[value eq "{users[0][0]["id"]}"]'))
    tenant.regroup(group, seen | {"members": []}, tenant.op("Remove", "members", [{"value": users[2][0]["id"]}]))


def test_many_members_at_once(tenant, name):
    _, seen, group = groups_of(tenant, name)
    crowd = tenant.users(120)
    tenant.entra.patch(at(group), *[tenant.op("Add", "members", [{"$ref": None, "value": each}]) for each in crowd])
    assert tenant.members(group) == set(crowd)
    tenant.entra.patch(at(group), tenant.op("Remove", "members", [{"$ref": None, "value": crowd[7]}]))
    assert tenant.members(group) == set(crowd) - {crowd[7]}


def test_the_end_of_a_group(tenant, name):
    body, seen, group = groups_of(tenant, name)
    tenant.entra.delete(at(group))
    tenant.entra.refused(404, None, "GET", at(group))
    tenant.entra.refused(404, None, "DELETE", at(group))
    tenant.entra.refused(404, None, "PATCH", at(group), patch())
    again = tenant.entra.post("/Groups", body)
    assert again["id"] != group["id"]
    tenant.same(again, seen)


# App roles, custom attributes


def test_app_roles(tenant, name):
    user, seen = tenant.one(name)
    value = [{"value": json.dumps({"id": "c0ffee00-12aa-4a8e-9d52-5f2f0b7a9e10", "value": "User", "displayName": "User"})}]
    for path in ["roles", 'roles[primary eq "True"].value', "roles.value"]:
        with tenant.unchanged():
            tenant.entra.refused(400, "mutability", "PATCH", at(user), patch(tenant.op("Replace", "title", "Boss"), tenant.op("Add", path, value)))
    tenant.same(user, seen)


def test_custom_attributes(tenant, name):
    body = {"schemas": [USER], "userName": name, "active": True, ACME: {"tag": "x"}}
    user, seen = tenant.entra.post("/Users", body), without(body, ACME)
    before = tenant.same(user, seen)
    for path in [f"{ACME}:tag", ACME, f"{ACME}:tag.sub", f'{ACME}:tags[type eq "a"].value']:
        assert tenant.change(user, seen, tenant.op("Add", path, "y")) == before
    assert tenant.change(user, seen, tenant.op("Replace", None, {f"{ACME}:tag": "y", ACME: {"tag": "z"}})) == before
    assert tenant.change(user, seen, tenant.op("Remove", f"{ACME}:tag")) == before
    # Whatever is bundled with it counts.
    tenant.change(user, seen | {"active": False}, tenant.op("Add", f"{ACME}:tag", "y"), tenant.op("Replace", "active", tenant.boolean(False)))


# Leave


def test_leaving_and_coming_back(tenant, name):
    user, seen = tenant.one(name)
    tenant.change(user, seen | {"active": False}, tenant.op("Replace", "active", tenant.boolean(False)))
    tenant.change(user, seen, tenant.op("Replace", "active", tenant.boolean(True)))
    tenant.entra.delete(at(user))
    tenant.entra.refused(404, None, "GET", at(user))
    tenant.entra.refused(404, None, "DELETE", at(user))
    assert tenant.entra.found("/Users", f'externalId eq "{name}"') == []
    again, _ = tenant.one(name)
    assert again["id"] != user["id"]


# What the public validator sends besides


def test_validator(tenant, name):
    user, seen = tenant.one(name)
    seen |= {"userName": f"x{name}@acme.example"}
    changed = tenant.change(user, seen, op("replace", None, {"userName": seen["userName"]}))
    seen |= {ENTERPRISE: {"employeeNumber": "77", "manager": {"value": "invented manager"}}}
    changed = tenant.change(user, seen, op("Replace", f"{ENTERPRISE}:manager", "invented manager"))
    assert tenant.change(user, seen) == changed
    seen |= {"phoneNumbers": [{"type": "mobile", "value": "1", "primary": True}], "photos": [{"value": "https://x.example/p.png", "primary": False}]}
    tenant.change(user, seen, op("add", "phoneNumbers", [{"type": "mobile", "value": "1", "primary": "True"}]),
                  op("add", "photos", [{"value": "https://x.example/p.png", "primary": "False"}]))
    group = tenant.entra.post("/Groups", {"schemas": [GROUP], "displayName": f"V {name}", "externalId": "g-1"})
    tenant.regroup(group, {"schemas": [GROUP], "displayName": f"V {name}", "externalId": "g-2", "members": []}, op("replace", None, {"externalId": "g-2"}))
    tenant.regroup(group, {"schemas": [GROUP], "displayName": f"V {name}", "externalId": "g-2", "members": []})
    tenant.entra.refused(409, "uniqueness", "POST", "/Groups", {"schemas": [GROUP], "displayName": f"V {name}"})
    tenant.entra.delete(at(group))
    tenant.entra.refused(404, None, "DELETE", at(group))
    tenant.entra.delete(at(user))
    tenant.entra.refused(404, None, "DELETE", at(user))


def test_validator_with_every_attribute(tenant, name):
    """The validator makes a user with all that `/Schemas` shows, and compares."""
    body = {
        "schemas": [USER, ENTERPRISE], "userName": f"{name}@acme.example", "active": True, "displayName": "All", "nickName": "al", "title": "T",
        "userType": "U",
        "preferredLanguage": "en", "locale": "en-GB", "timezone": "Asia/Singapore", "profileUrl": "https://x.example/al", "externalId": name,
        "name": {"formatted": "Dr. A. B. C. Jr.", "familyName": "C", "givenName": "A", "middleName": "B", "honorificPrefix": "Dr.", "honorificSuffix": "Jr."},
        "emails": [{"type": "work", "value": f"{name}@acme.example", "primary": True}, {"type": "home", "value": f"{name}@home.example"}],
        "phoneNumbers": [{"type": "work", "value": "1"}, {"type": "mobile", "value": "2"}, {"type": "fax", "value": "3"}],
        "addresses": [{"type": "work", "formatted": "F", "streetAddress": "S", "locality": "L", "region": "R", "postalCode": "P", "country": "SG"}],
        "ims": [{"type": "xmpp", "value": "im"}], "photos": [{"type": "photo", "value": "https://x.example/a.png"}], "entitlements": [{"value": "e"}],
        ENTERPRISE: {"employeeNumber": "1", "costCenter": "2", "organization": "3", "division": "4", "department": "5"}}
    made = tenant.entra.post("/Users", body)
    tenant.is_whole(made, body)
    assert tenant.same(made, body) == made
