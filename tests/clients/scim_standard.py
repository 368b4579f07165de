"""RFC 7643, 7644 and 9865, place by place: errors, media types, discovery, resources, filters, paging, sorting, the choice of attributes,
versions, PATCH cell by cell, Bulk and `/Me`."""

import json
import re
import urllib.parse

import pytest

pytest.register_assert_rewrite("directory", "scim_wire")

import directory  # noqa: E402
from scim_wire import (  # noqa: E402
    BULK, BULK_RESPONSE, ENTERPRISE, GROUP, LIST, PATCH_OP, SEARCH, USER, Client, House, at, checked, op, patch, refusal, version_of, without)

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="session")
def acme():
    return House("Standard")


@pytest.fixture(scope="session")
def bolt():
    """Another organization."""
    house = House("Standard-bolt")
    house.theirs, house.their_group = house.user(externalId="theirs"), house.group()
    return house


@pytest.fixture
def name():
    return directory.unique("std")


# Credentials and permissions


def every_call(user, group):
    return [
        ("GET", "/Users", None), ("POST", "/Users", {"schemas": [USER], "userName": "call"}), ("GET", f"/Users/{user}", None),
        ("PUT", f"/Users/{user}", {"schemas": [USER], "userName": "call"}), ("PATCH", f"/Users/{user}", patch(op("replace", "title", "x"))),
        ("DELETE", f"/Users/{user}", None),
        ("GET", "/Groups", None), ("POST", "/Groups", {"schemas": [GROUP], "displayName": "call"}), ("GET", f"/Groups/{group}", None),
        ("PUT", f"/Groups/{group}", {"schemas": [GROUP], "displayName": "call"}), ("PATCH", f"/Groups/{group}", patch(op("replace", "displayName", "x"))),
        ("DELETE", f"/Groups/{group}", None), ("GET", "", None), ("POST", "/.search", {"schemas": [SEARCH]}), ("POST", "/Users/.search", {"schemas": [SEARCH]}),
        ("POST", "/Groups/.search", {"schemas": [SEARCH]})]


ALWAYS = [("GET", "/Me", None), ("POST", "/Bulk", {"schemas": [BULK], "Operations": []})]


@pytest.mark.parametrize("credential", [None, "Bearer", "Bearer ", "Bearer nonsense", "Bearer tnt_nonsense", "Bearer a.b.c", "Basic eDp5", "revoked",
                                        "disabled"])
def test_no_call_without_a_credential_in_force(acme, credential):
    headers = {} if credential is None else {"Authorization": credential}
    if credential in ("revoked", "disabled"):
        eve = acme.person("eve", "ADMIN")
        key = eve.key("one")
        headers = {"Authorization": f"Bearer {key}"}
        assert Client(key).get("/Users?count=0")["totalResults"]
        if credential == "disabled":
            acme.client.patch(at(eve.id), op("replace", "active", False))
        else:
            directory.mutate("revokeApiKeys", {"names": ("[String!]!", ["one"])}, key)
    user, group = acme.user(), acme.group()
    with acme.unchanged():
        for method, path, body in [*every_call(user["id"], group["id"]), *ALWAYS]:
            Client().refused(401, None, method, path, body, headers=headers)
        for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"]:
            if credential is None:
                Client().get(path)
            else:
                Client().refused(401, None, "GET", path, headers=headers)


def test_no_call_without_its_permission(acme):
    """Before anything is looked up: what is not there is refused alike."""
    plain = acme.person("plain", None)
    client = Client(plain.key())
    user, group = acme.user(), acme.group()
    before = acme.everything()
    for ids in [(user["id"], group["id"]), (UNKNOWN, UNKNOWN)]:
        for method, path, body in every_call(*ids):
            client.refused(403, None, method, path, body)
    assert acme.everything() == before
    assert client.get("/Me")["id"] == plain.id
    for method, body in [("PUT", {"schemas": [USER], "userName": "me"}), ("PATCH", patch(op("replace", "title", "x"))), ("DELETE", None)]:
        client.refused(403, None, method, "/Me", body)


def test_groups_and_names_need_their_own_permission(acme, name):
    directory.mutate("createRole", {"data": ("CreateRoleData!", {"name": name, "permissions": ["read:user"]})}, acme.key)
    directory.mutate("createRole", {"data": ("CreateRoleData!", {"name": f"{name}-groups", "permissions": ["read:group"]})}, acme.key)
    users, groups = (Client(acme.person("reader", None, roles=[role]).key()) for role in (name, f"{name}-groups"))
    user = acme.user(displayName="Shown")
    group = acme.group(user)
    assert users.get(at(user))["userName"] == user["userName"] and "groups" not in users.get(at(user))
    assert groups.get(at(group))["members"] == [without(acme.member(user), "display")]
    users.refused(403, None, "GET", at(group))
    groups.refused(403, None, "GET", at(user))
    assert {each["meta"]["resourceType"] for each in users.get("?count=1000")["Resources"]} == {"User"}
    assert {each["meta"]["resourceType"] for each in groups.get("?count=1000")["Resources"]} == {"Group"}


def test_a_narrowed_key_manages_nobody_who_may_more(acme, name):
    """The trap: the four permissions alone do not do for users with roles."""
    made = directory.graphql("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }",
                             {"data": {"name": name, "permissions": ["read:user", "write:user", "read:group", "write:group"]}},
                             acme.person("ada", "ADMIN", roles=["organization-admin"]).key())["createApiKey"]["secret"]
    narrow = Client(made)
    boss = acme.person("boss", "ADMIN")
    plain = acme.user()
    with acme.unchanged():
        narrow.refused(403, None, "PATCH", at(boss.id), patch(op("replace", "active", False)))
        narrow.refused(403, None, "DELETE", at(boss.id))
    narrow.patch(at(plain), op("replace", "active", False))
    narrow.delete(at(plain))


def test_nobody_harms_themselves(acme):
    with acme.unchanged():
        for path in ["/Me", at(acme.service.id)]:
            acme.client.refused(400, ..., "PATCH", path, patch(op("replace", "active", False)))
            acme.client.refused(400, ..., "DELETE", path)


def test_impersonation(acme):
    user = acme.person("max", "ADMIN")
    as_max = Client(acme.key, x_tenantry_impersonate_user=user.id)
    assert as_max.get("/Me")["id"] == user.id


# Paths and methods


@pytest.mark.parametrize("path", ["/users", "/USERS", "/User", "/Groups/x/y", "/Users/x/y", "/Users/x/", "/v1", "/Me/x", "/Bulk/x", "/.search/x", "/Roles",
                                  "/ServiceProviderConfig/x", "/Schemas/x/y", "/%55sers/x/y", "/x" * 50])
def test_an_unknown_path(acme, path):
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]:
        answer = acme.client.send(method, path)
        # A last `/` may stand behind every path that there is.
        assert answer.status in (404, 405) or path == "/Users/x/", (method, path)
        refusal(answer, answer.status, ...)
    refusal(acme.client.send("GET", path), 404, None)


@pytest.mark.parametrize("path", ["", "/", "/v2/x", "/v1/Users", "/v2x"])
def test_an_unknown_path_beside_the_base(acme, path):
    acme.client.refused(404, None, "GET", path, top="/scim")


@pytest.mark.parametrize("path, methods", [
    ("/Users", "GET POST"), (f"/Users/{UNKNOWN}", "GET PUT PATCH DELETE"), ("/Groups", "GET POST"), (f"/Groups/{UNKNOWN}", "GET PUT PATCH DELETE"), ("", "GET"),
    ("/Users/.search", "POST"), ("/Groups/.search", "POST"), ("/.search", "POST"), ("/Me", "GET POST PUT PATCH DELETE"), ("/Bulk", "POST"),
    ("/ServiceProviderConfig", "GET"), ("/ResourceTypes", "GET"), ("/ResourceTypes/User", "GET"), ("/Schemas", "GET"), (f"/Schemas/{USER}", "GET")])
def test_a_method_that_a_path_does_not_know(acme, path, methods):
    with acme.unchanged():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"} - set(methods.split()):
            answer = acme.client.send(method, path)
            refusal(answer, 405, None)
            assert set(re.split(r",\s*", answer.headers["Allow"])) - {"HEAD"} == set(methods.split())


@pytest.mark.parametrize("path", ["/Users", "/Groups", "", "/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/Me", f"/Schemas/{USER}"])
def test_a_last_slash(acme, path):
    assert acme.client.get(path + "/") == acme.client.get(path)


def test_unknown_parameters_are_ignored(acme):
    user = acme.user()
    assert acme.client.get(f"{at(user)}?aadOptscim062020&x=y&=&%20=1") == user


# Discovery


def test_the_configuration(acme):
    assert acme.client.get("/ServiceProviderConfig") == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"], "patch": {"supported": True},
        "bulk": {"supported": True, "maxOperations": 100, "maxPayloadSize": 1048576}, "filter": {"supported": True, "maxResults": 1000},
        "changePassword": {"supported": True}, "sort": {"supported": True}, "etag": {"supported": True},
        "pagination": {"cursor": True, "index": True, "defaultPaginationMethod": "index", "defaultPageSize": 100, "maxPageSize": 1000},
        "authenticationSchemes": [{"type": "oauthbearertoken", "name": "API key", "description": "An API key of a user of the organization.",
                                   "specUri": "https://www.rfc-editor.org/rfc/rfc6750", "primary": True}],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{acme.base}/ServiceProviderConfig"}}


def test_the_resource_types(acme):
    listed = acme.client.get("/ResourceTypes")
    assert (listed["schemas"], listed["totalResults"], listed["itemsPerPage"], listed["startIndex"]) == ([LIST], 2, 2, 1)
    by_name = {each["name"]: each for each in listed["Resources"]}
    assert list(by_name) == ["User", "Group"]
    for name, each in by_name.items():
        assert each["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"] and each["id"] == name and each["endpoint"] == f"/{name}s"
        assert each["meta"] == {"resourceType": "ResourceType", "location": f"{acme.base}/ResourceTypes/{name}"}
        assert acme.client.get(f"/ResourceTypes/{name}") == each
    assert by_name["User"]["schema"] == USER and by_name["User"]["schemaExtensions"] == [{"schema": ENTERPRISE, "required": False}]
    assert by_name["Group"]["schema"] == GROUP and not by_name["Group"].get("schemaExtensions")
    for path in ["/ResourceTypes/user", "/ResourceTypes/Users", "/ResourceTypes/Role"]:
        acme.client.refused(404, None, "GET", path)


@pytest.fixture(scope="session")
def schemas(acme):
    listed = acme.client.get("/Schemas")
    assert (listed["schemas"], listed["totalResults"], listed["itemsPerPage"], listed["startIndex"]) == ([LIST], 3, 3, 1)
    return {each["id"]: each for each in listed["Resources"]}


def test_the_schemas(acme, schemas):
    assert set(schemas) == {USER, GROUP, ENTERPRISE}
    for urn, each in schemas.items():
        assert acme.client.get(f"/Schemas/{urn}") == acme.client.get(f"/Schemas/{urllib.parse.quote(urn, safe='')}") == each
        assert each["meta"]["location"].startswith(f"{acme.base}/Schemas/urn")
        for attribute in walk(each["attributes"]):
            assert {"name", "type", "multiValued", "description", "required", "mutability", "returned"} <= set(attribute)
            assert attribute["type"] in {"string", "boolean", "dateTime", "reference", "complex", "binary", "integer", "decimal"}
            assert attribute["mutability"] in {"readOnly", "readWrite", "immutable", "writeOnly"}
            assert attribute["returned"] in {"always", "never", "default", "request"}
    acme.client.refused(404, None, "GET", "/Schemas/urn:x")


def walk(attributes):
    for each in attributes:
        yield each
        yield from walk(each.get("subAttributes", []))


def attribute_of(schemas, urn, *names):
    attributes = schemas[urn]["attributes"]
    for name in names:
        (found,) = [each for each in attributes if each["name"] == name]
        attributes = found.get("subAttributes", [])
    return found


def test_characteristics(schemas):
    for urn in schemas:
        for each in schemas[urn]["attributes"]:
            for inner in [each, *each.get("subAttributes", [])]:
                folded = (urn, each["name"], inner["name"]) in {(USER, "userName", "userName"), (USER, "emails", "value"),
                                                                (GROUP, "displayName", "displayName")}
                if inner["type"] == "string":
                    assert inner["caseExact"] is not folded, (each["name"], inner["name"])
    assert attribute_of(schemas, USER, "active")["required"] is True and attribute_of(schemas, USER, "userName")["required"] is True
    assert attribute_of(schemas, USER, "userName")["uniqueness"] == "server"
    assert (attribute_of(schemas, GROUP, "displayName")["required"], attribute_of(schemas, GROUP, "displayName")["uniqueness"]) == (True, "server")
    roles = attribute_of(schemas, USER, "roles")
    assert roles["mutability"] == "readOnly" and [each["name"] for each in roles["subAttributes"]] == ["value", "type"]
    assert attribute_of(schemas, USER, "roles", "type")["canonicalValues"] == ["direct", "indirect"]
    assert attribute_of(schemas, USER, "groups", "type")["canonicalValues"] == ["direct"]
    assert attribute_of(schemas, GROUP, "members", "type")["canonicalValues"] == ["User"]
    ref = attribute_of(schemas, GROUP, "members", "$ref")
    assert (ref["referenceTypes"], ref["mutability"]) == (["User"], "immutable")
    assert attribute_of(schemas, GROUP, "members", "display")["mutability"] == "readOnly"
    for name in ["$ref", "displayName"]:
        assert attribute_of(schemas, ENTERPRISE, "manager", name)["mutability"] == "readOnly"
    assert (attribute_of(schemas, USER, "password")["mutability"], attribute_of(schemas, USER, "password")["returned"]) == ("writeOnly", "never")


def test_discovery_takes_no_filter(acme):
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", f"/Schemas/{USER}"]:
        acme.client.refused(403, None, "GET", path, filter='name eq "x"')
        acme.client.get(path, count=0, startIndex=7, attributes="name", sortBy="x")


# Resources

EVERYTHING = {
    "externalId": "00u7k2", "name": {"formatted": "Dr. Lin B. Okafor III", "familyName": "Okafor", "givenName": "Lin", "middleName": "B.",
                                     "honorificPrefix": "Dr.", "honorificSuffix": "III"},
    "displayName": "Lin Okafor", "nickName": "Lin", "profileUrl": "https://x.example/lin", "title": "Engineer", "userType": "Employee",
    "preferredLanguage": "en-US, en;q=0.5", "locale": "en-GB", "timezone": "Africa/Lagos", "active": True,
    "phoneNumbers": [{"value": "tel:+1", "display": "one", "type": "work", "primary": True}, {"value": "any text", "type": "other"}],
    "ims": [{"value": "lin", "display": "Lin", "type": "xmpp", "primary": False}], "photos": [{"value": "https://x.example/p.png", "type": "photo",
        "display": "P"}],
    "addresses": [{"formatted": "1 Way\nLagos", "streetAddress": "1 Way", "locality": "Lagos", "region": "LA", "postalCode": "100001", "country": "NG",
                   "type": "work",
                   "primary": True}],
    "entitlements": [{"value": "e", "display": "E", "type": "t", "primary": True}],
    "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAw", "display": "C", "type": "t"}],
    ENTERPRISE: {"employeeNumber": "701984", "costCenter": "4130", "organization": "Acme", "division": "Theme Park", "department": "Tour",
                 "manager": {"value": "nobody"}}}


def test_a_user_with_everything(acme, name):
    sent = {"schemas": [USER, ENTERPRISE], "userName": f"{name}@acme.example", **EVERYTHING,
            "emails": [{"value": f"{name}@Acme.example", "display": "Lin", "type": "work", "primary": True},
                       {"value": "no address", "type": "home", "primary": False}]}
    made = acme.client.post("/Users", sent)
    acme.is_whole(made, sent)
    assert acme.same(made, sent) == made
    least = {"schemas": [USER], "userName": name}
    assert acme.client.put(at(made), sent) == made
    acme.client.put(at(made), least)
    acme.same(made, least | {"active": True})
    acme.client.put(at(made), without(sent, "schemas") | {"schemas": [USER]})
    acme.same(made, sent)


def test_what_is_unknown_or_read_only_is_ignored(acme, name):
    sent = {"schemas": [USER, "urn:x:y"], "userName": name, "id": "mine", "meta": {"created": "1999"}, "groups": [{"value": UNKNOWN}],
            "roles": [{"value": "super-admin"}],
            "favourite": {"colour": [1.5, None]}, "phoneNumbers": [{"value": "1", "colour": "red"}], "name": {"givenName": "G", "nick": "N"},
            "urn:x:y": {"z": 1}}
    made = acme.client.post("/Users", sent)
    acme.same(made, {"schemas": [USER], "userName": name, "active": True, "phoneNumbers": [{"value": "1"}], "name": {"givenName": "G"}})
    assert made["id"] != "mine" and re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made["id"])


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_names_in_any_case(acme, name, change):
    sent = {change("schemas"): [change(USER), change(ENTERPRISE)], change("userName"): name, change("displayName"): "D",
            change("name"): {change("givenName"): "G"},
            change("phoneNumbers"): [{change("value"): "1", change("type"): "work"}], change(ENTERPRISE): {change("department"): "R"}, change("active"): False}
    seen = {"schemas": [USER, ENTERPRISE], "userName": name, "displayName": "D", "name": {"givenName": "G"}, "phoneNumbers": [{"value": "1", "type": "work"}],
            ENTERPRISE: {"department": "R"}, "active": False}
    made = acme.client.post("/Users", sent)
    acme.same(made, seen)
    body = {change("schemas"): [change(PATCH_OP)], change("Operations"): [
        {change("op"): change("replace"), change("path"): change("displayName"), change("value"): "E"},
        {change("op"): change("add"), change("path"): change('phoneNumbers[type eq "home"].value').replace(change("home"), "home"), change("value"): "2"},
        {change("op"): change("add"), change("path"): change(f"{ENTERPRISE}:division"), change("value"): "V"},
        {change("op"): change("remove"), change("path"): change(f"{USER}:name.givenName")}]}
    acme.client.ok("PATCH", at(made), body)
    acme.same(made, without(seen, "name") | {"displayName": "E", "phoneNumbers": [{"value": "1", "type": "work"}, {"type": "home", "value": "2"}],
                                             ENTERPRISE: {"department": "R", "division": "V"}})


@pytest.mark.parametrize("sent, seen", [
    ({"phoneNumbers": {"value": "1"}}, {"phoneNumbers": [{"value": "1"}]}), ({"phoneNumbers": ["1"]}, {"phoneNumbers": [{"value": "1"}]}),
    ({"phoneNumbers": "1"}, {"phoneNumbers": [{"value": "1"}]}), ({"phoneNumbers": [{"type": "work"}]}, {}),
    ({"phoneNumbers": [{"value": ""}, {"value": "2"}]}, {"phoneNumbers": [{"value": "2"}]}),
    ({"addresses": [{"type": "work", "primary": True}]}, {}), ({"addresses": [{"type": "work", "country": "NG"}]},
                                                               {"addresses": [{"type": "work", "country": "NG"}]}),
    ({"title": None, "nickName": "", "ims": [], "name": {}}, {}), ({"active": "FALSE"}, {"active": False}), ({"name": {"formatted": None}}, {}),
    ({"phoneNumbers": [{"value": "1", "primary": True}, {"value": "2", "primary": True}, {"value": "3"}]},
     {"phoneNumbers": [{"value": "1", "primary": True}, {"value": "2", "primary": False}, {"value": "3"}]}),
    ({"phoneNumbers": [{"value": "1", "primary": "true"}]}, {"phoneNumbers": [{"value": "1", "primary": True}]}),
    ({ENTERPRISE: {"manager": "m"}}, {"schemas": [USER, ENTERPRISE], ENTERPRISE: {"manager": {"value": "m"}}}),
    ({ENTERPRISE: {"manager": {"value": "m", "$ref": "../x", "displayName": "M"}}}, {"schemas": [USER, ENTERPRISE], ENTERPRISE: {"manager": {"value": "m"}}}),
    ({ENTERPRISE: {"manager": {"displayName": "M"}}}, {}), ({ENTERPRISE: {}}, {}), ({"title": "tab\tand\nline"}, {"title": "tab\tand\nline"}),
    ({"title": "x" * 2000}, {"title": "x" * 2000}), ({"displayName": "x" * 255}, {"displayName": "x" * 255})])
def test_values_as_clients_write_them(acme, name, sent, seen):
    made = acme.client.post("/Users", {"schemas": [USER], "userName": name, **sent})
    acme.same(made, {"schemas": [USER], "userName": name, "active": True, **seen})


@pytest.mark.parametrize("sent", [
    {"userName": None}, {"userName": ""}, {"userName": "   "}, {"userName": 7}, {"userName": ["x"]}, {"userName": "x" * 256}, {"userName": "a\0b"},
    {"displayName": 7}, {"displayName": "x" * 256},
    {"active": "maybe"}, {"active": 1}, {"active": [True]}, {"name": "text"}, {"name": [1]}, {"name": {"givenName": 7}}, {"name": {"givenName": "x" * 256}},
    {"emails": 7},
    {"emails": [7]}, {"emails": [{"value": 7}]}, {"emails": [{"value": "no address", "primary": True}]},
    {"emails": [{"value": "a@x.example", "primary": "maybe"}]},
    {"emails": [{"value": "no address"}]}, {"title": "x" * 2001}, {"title": {"value": "x"}}, {"title": True}, {"externalId": 7}, {"externalId": "x" * 256},
    {"phoneNumbers": [{"value": str(number)} for number in range(51)]}, {"x509Certificates": [{"value": "x" * 16385}]}, {"addresses": [{"country": 1}]},
    {"addresses": True},
    {ENTERPRISE: "text"}, {ENTERPRISE: {"department": 7}}, {ENTERPRISE: {"manager": 7}}, {"password": "short"}, {"password": 7}, {"title": "a\0b"},
    {"schemas": 7},
    {"addresses": [{"formatted": "x" * 2000, "streetAddress": "y" * 2000} for _ in range(17)]}])
def test_values_that_are_refused(acme, name, sent):
    there = acme.user(title="T")
    with acme.unchanged():
        acme.client.refused(400, ... if "schemas" in sent else "invalidValue", "POST", "/Users", {"schemas": [USER], "userName": name, **sent})
        acme.client.refused(400, ... if "schemas" in sent else "invalidValue", "PUT", at(there), {"schemas": [USER], "userName": name, **sent})


@pytest.mark.parametrize("schemas", [None, [], "", "x", ["x"], [GROUP], [ENTERPRISE], {}])
def test_schemas_must_name_the_resource(acme, name, schemas):
    there, group = acme.user(), acme.group()
    sent = {"userName": name} if schemas is None else {"userName": name, "schemas": schemas}
    wrong = {**sent, "schemas": [USER]} if schemas == [GROUP] else sent
    with acme.unchanged():
        acme.client.refused(400, ..., "POST", "/Users", sent)
        acme.client.refused(400, ..., "PUT", at(there), sent)
        acme.client.refused(400, ..., "POST", "/Groups", {**wrong, "displayName": name})
        acme.client.refused(400, ..., "PATCH", at(there), {**sent, "Operations": []})
        acme.client.refused(400, ..., "PATCH", at(group), {**sent, "Operations": []})
        acme.client.refused(400, ..., "POST", "/Bulk", {**sent, "Operations": []})
        acme.client.refused(400, ..., "POST", "/.search", sent)


def test_keys_that_are_the_same_attribute(acme, name):
    with acme.unchanged():
        for raw in ['{"schemas": ["%s"], "userName": "%s", "username": "b"}', '{"schemas": ["%s"], "userName": "%s", "userName": "%s"}' % (USER, name, name),
                    '{"schemas": ["%s"], "userName": "%s", "name": {"givenName": "a", "GIVENNAME": "b"}}',
                    '{"schemas": ["%s"], "userName": "%s", "SCHEMAS": []}']:
            raw = raw % (USER, name) if "%s" in raw else raw
            acme.client.refused(400, "invalidSyntax", "POST", "/Users", raw=raw.encode())


def test_the_address_of_the_account(acme, name):
    def address(*emails, **more):
        made = acme.client.post("/Users", {"schemas": [USER], "userName": directory.unique(name), "emails": list(emails), **more})
        assert acme.client.get(at(made)) == made
        (row,) = directory.graphql("query($id: ID!) { users(where: {id: $id}) { email } }", {"id": made["id"]})["users"]
        return row["email"], made.get("emails")

    def email(word, **more):
        return {"value": directory.unique(word) + "@acme.example", **more}

    home, work, other = email("home", type="home"), email("work", type="work"), email("other", type="other")
    assert address(home, work, other) == (work["value"], [home, work, other])
    home, work, other = email("home", type="home"), email("work", type="work"), email("other", type="other", primary=True)
    assert address(home, work, other) == (other["value"], [home, work, other])
    home, other = email("home", type="home"), email("other")
    assert address(home, other) == (home["value"], [home, other])
    assert address({"value": "text", "type": "home"}, work := email("work", type="work")) == (work["value"], [{"value": "text", "type": "home"}, work])
    assert address() == (None, None)
    capital = {"value": directory.unique("Capital") + "@Acme.Example"}
    assert address(capital) == (capital["value"].lower(), [capital])


def test_an_address_changed_elsewhere(acme, name):
    sent = {"schemas": [USER], "userName": name, "emails": [{"value": f"{name}@A.example", "type": "home", "display": "H"},
                                                            {"value": "old text", "type": "other"}], "active": True}
    made = acme.client.post("/Users", sent)
    directory.Person(made["id"], "", None, acme.organization).update(email=f"new.{name}@acme.example")
    acme.same(made, sent | {"emails": [sent["emails"][0] | {"value": f"new.{name}@acme.example"}, sent["emails"][1]]})
    assert [each["id"] for each in acme.client.found("/Users", f'emails eq "NEW.{name}@acme.example"')] == [made["id"]]
    assert acme.client.found("/Users", f'emails eq "{name}@a.example"') == []
    acme.client.patch(at(made), op("remove", "emails"))
    acme.same(made, without(sent, "emails"))


def test_a_user_made_elsewhere(acme):
    eve = acme.person("eve", None)
    acme.is_whole(acme.client.get(at(eve.id)), {
        "schemas": [USER], "userName": eve.email, "name": {"givenName": "Eve", "familyName": "Example"}, "active": True,
        "emails": [{"value": eve.email, "type": "work", "primary": True}]})


def test_names_are_taken_in_any_case(acme, name):
    there = acme.user(userName=f"{name}@Acme.example")
    eve = acme.person("eve", None)
    other = acme.user()
    with acme.unchanged():
        for taken in [there["userName"], there["userName"].upper(), eve.email, eve.email.upper()]:
            acme.client.refused(409, "uniqueness", "POST", "/Users", {"schemas": [USER], "userName": taken})
            acme.client.refused(409, "uniqueness", "PUT", at(other), {"schemas": [USER], "userName": taken})
            acme.client.refused(409, "uniqueness", "PATCH", at(other), patch(op("replace", "userName", taken)))
    acme.client.delete(at(there))
    again = acme.client.post("/Users", {"schemas": [USER], "userName": there["userName"].upper()})
    assert again["userName"] == there["userName"].upper()
    assert acme.user(userName=f"Ｊ{name}Ä")["userName"] == f"Ｊ{name}Ä"
    acme.client.refused(409, "uniqueness", "POST", "/Users", {"schemas": [USER], "userName": f"Ｊ{name}ä"})
    acme.client.refused(409, "uniqueness", "POST", "/Users", {"schemas": [USER], "userName": f"Ｊ{name}A\u0308"})


def test_external_ids_need_not_be_unique(acme, name):
    first, second = acme.user(externalId=name), acme.user(externalId=name)
    assert {each["id"] for each in acme.client.found("/Users", f'externalId eq "{name}"')} == {first["id"], second["id"]}


def test_a_group(acme, name):
    users = [acme.user(displayName="One"), acme.user()]
    sent = {"schemas": [GROUP], "displayName": name, "externalId": "x", "members": [
        {"value": users[0]["id"], "display": "ignored", "$ref": "../x", "type": "User"}, {"value": users[1]["id"]},
        {"value": users[1]["id"], "type": "user"}][:2]}
    made = acme.client.post("/Groups", sent)
    seen = {"schemas": [GROUP], "displayName": name, "externalId": "x", "members": list(map(acme.member, users))}
    acme.is_whole(made, seen)
    assert acme.same(made, seen) == made
    assert acme.client.put(at(made), without(seen, "members")) == made
    acme.client.put(at(made), {"schemas": [GROUP], "displayName": name})
    acme.same(made, without(seen, "externalId"))
    acme.client.put(at(made), {"schemas": [GROUP], "displayName": name, "members": [{"value": users[1]["id"]}, {"value": users[1]["id"]}]})
    acme.same(made, without(seen, "externalId") | {"members": [acme.member(users[1])]})
    acme.client.delete(at(users[1]))
    acme.same(made, without(seen, "externalId") | {"members": []})


@pytest.mark.parametrize("sent", [
    {"displayName": None}, {"displayName": ""}, {"displayName": "  "}, {"displayName": 7}, {"displayName": "x" * 256}, {"displayName": "a\0b"}, {"members": 7},
    {"members": [7]},
    {"members": [{"value": 7}]}, {"members": [{"value": UNKNOWN}]}, {"members": [{"value": "nobody"}]}, {"members": [{"value": "SERVICE", "type": "Group"}]},
    {"members": [{"value": "GROUP"}]}, {"members": [{"value": "SERVICE"}, {"value": UNKNOWN}]}, {"members": [{"value": "THEIRS"}]}, {"externalId": 7},
    {"externalId": "x" * 256}])
def test_groups_that_are_refused(acme, bolt, name, sent):
    there = acme.group()
    ids = {"SERVICE": acme.service.id, "GROUP": there["id"], "THEIRS": bolt.theirs["id"]}
    sent = json.loads(re.sub("SERVICE|GROUP|THEIRS", lambda found: ids[found[0]], json.dumps(sent)))
    with acme.unchanged():
        acme.client.refused(400, "invalidValue", "POST", "/Groups", {"schemas": [GROUP], "displayName": name, **sent})
        acme.client.refused(400, "invalidValue", "PUT", at(there), {"schemas": [GROUP], "displayName": name, **sent})


def test_names_of_groups(acme, name):
    there = acme.group(displayName=f"{name} R&D")
    same_key = acme.group(displayName=f"{name} R/D")
    signs = acme.client.post("/Groups", {"schemas": [GROUP], "displayName": "!?" if not acme.client.found("/Groups", 'displayName eq "!?"') else name})
    assert there["displayName"] == f"{name} R&D" and same_key["displayName"] == f"{name} R/D" and signs["id"]
    with acme.unchanged():
        acme.client.refused(409, "uniqueness", "POST", "/Groups", {"schemas": [GROUP], "displayName": f"{name} r&d".upper()})
        acme.client.refused(409, "uniqueness", "PATCH", at(same_key), patch(op("replace", "displayName", f"{name.upper()} r&D")))
        acme.client.refused(409, "uniqueness", "PUT", at(same_key), {"schemas": [GROUP], "displayName": f"{name} R&D"})
    acme.client.patch(at(there), op("replace", "displayName", f"{name} r&d"))
    acme.same(there, {"schemas": [GROUP], "displayName": f"{name} r&d", "members": []})


def test_a_group_that_permits_more_than_the_key(acme, name):
    made = directory.graphql("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }",
                             {"data": {"name": name, "permissions": ["read:user", "write:user", "read:group", "write:group"]}},
                             acme.person("ada", "ADMIN", roles=["organization-admin"]).key())["createApiKey"]["secret"]
    narrow = Client(made)
    directory.graphql("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }",
                      {"data": {"name": name, "organizationId": acme.organization.id, "roles": ["organization-admin"]}})
    (group,) = acme.client.found("/Groups", f'displayName eq "{name}"')
    user = acme.user()
    with acme.unchanged():
        for change in [op("add", "members", [{"value": user["id"]}]), op("replace", "members", [{"value": user["id"]}]),
                       op("replace", "displayName", f"{name}x")]:
            narrow.refused(403, None, "PATCH", at(group), patch(change))
        narrow.refused(403, None, "DELETE", at(group))
    acme.client.patch(at(group), op("add", "members", [{"value": user["id"]}]))
    assert acme.client.get(at(user))["roles"] == [{"value": "organization-admin", "type": "indirect"}]


def test_the_end_of_a_user(acme, name):
    user = acme.user(userName=name, externalId=name, emails=[{"value": f"{name}@acme.example"}])
    group = acme.group(user)
    acme.client.delete(at(user))
    for method, body in [("GET", None), ("DELETE", None), ("PUT", {"schemas": [USER], "userName": name}), ("PATCH", patch(op("replace", "title", "x")))]:
        acme.client.refused(404, None, method, at(user), body)
    assert acme.members(group) == set() and acme.is_known(user) is None
    again = acme.user(userName=name, externalId=name, emails=[{"value": f"{name}@acme.example"}])
    assert again["id"] != user["id"]


@pytest.mark.parametrize("user_id", ["nobody", UNKNOWN, "x" * 255, "x" * 300, "%20", "%00", "a%2Fb", "%ff", "é", "..%2f", "'", "%", "%zz"])
def test_ids_that_are_not_there(acme, user_id):
    path = urllib.parse.quote(user_id) if not user_id.isascii() else user_id
    for kind, body in [("Users", {"schemas": [USER], "userName": "nobody"}), ("Groups", {"schemas": [GROUP], "displayName": "nobody"})]:
        for method, sent in [("GET", None), ("PUT", body), ("PATCH", patch()), ("DELETE", None)]:
            acme.client.refused(404, None, method, f"/{kind}/{path}", sent)


def test_ids_are_texts(acme):
    """A user of an id that is no UUID; and no other notation of one."""
    odd = acme.person("odd.id", None)
    directory.graphql("mutation($data: CreateUserData!) { createUser(data: $data) { id } }",
                      {"data": {"id": f"a/b {odd.id}?#%~", "organizationId": acme.organization.id}})
    user = acme.client.get(at(f"a/b {odd.id}?#%~"))
    assert user["id"] == f"a/b {odd.id}?#%~" and user["meta"]["location"].endswith("%3F%23%25~")
    assert acme.client.get(user["meta"]["location"].removeprefix(acme.base)) == user
    plain = acme.user()
    for other in [plain["id"].upper(), plain["id"].replace("-", ""), "{" + plain["id"] + "}", f"urn:uuid:{plain['id']}"]:
        acme.client.refused(404, None, "GET", at(other))
        assert acme.client.found("/Users", f'id eq "{other}"') == []


# Queries: filters


@pytest.fixture(scope="session")
def people():
    """An organization with a few different users and groups, for filters."""
    house = House("Filters")
    house.ids = {}
    rich = {
        "anna": {"userName": "Anna@Acme.example", "externalId": "E-1", "displayName": "Anna Ärger", "name": {"givenName": "Anna", "familyName": "Ärger"},
                 "title": "Engineer",
                 "emails": [{"value": "Anna@Acme.example", "type": "work", "primary": True}, {"value": "anna@home.example", "type": "home"}],
                 "addresses": [{"type": "work", "locality": "Oslo", "country": "NO"}, {"type": "home", "locality": "Bergen", "country": "NO"}],
                 "phoneNumbers": [{"value": "1", "type": "work", "primary": True}], ENTERPRISE: {"department": "R&D", "employeeNumber": "10"}},
        "bert": {"userName": "bert", "externalId": "e-1", "displayName": "100% Bert_x", "name": {"givenName": "Bert"}, "title": "engineer", "active": False,
                 "emails": [{"value": "bert@acme.example", "type": "home"}], "addresses": [{"type": "work", "locality": "Bergen", "country": "NO"}],
                 "phoneNumbers": [{"value": "2", "type": "home", "primary": False}], ENTERPRISE: {"department": "Sales", "employeeNumber": "9"}},
        "cleo": {"userName": "Cleo", "name": {"familyName": "Zhou"}, "nickName": 'say "hi" \\o/', ENTERPRISE: {"manager": {"value": "nobody"}}},
        "dora": {"userName": "dora", "externalId": "E-10", "displayName": "\U0001f600 Dora", "title": "Chef"}}
    for name, each in rich.items():
        house.ids[name] = house.user(**each)["id"]
    house.client.patch(at(house.ids["dora"]), op("add", f"{ENTERPRISE}:manager", house.ids["anna"]))
    house.rows = {name: house.client.get(at(each)) for name, each in house.ids.items()}
    house.ids["scim"] = house.service.id
    house.rows["scim"] = house.client.get(at(house.service.id))
    house.sales = house.group(house.rows["anna"], house.rows["bert"], displayName="Sales Team", externalId="G-1")
    house.empty = house.group(displayName="empty")
    return house


ALL = "anna bert cleo dora scim"
FILTERS = [
    # Names, in any case where the schema says so.
    ('userName eq "anna@acme.example"', "anna"), ('userName eq "ANNA@ACME.EXAMPLE"', "anna"), ('username EQ "BERT"', "bert"),
    ('userName ne "bert"', "anna cleo dora scim"),
    ('userName co "ACME"', "anna"), ('userName sw "an"', "anna"), ('userName sw "AN"', "anna"), ('userName ew "O"', "cleo"), ('userName pr', ALL),
    ('not (userName pr)', ""),
    ('userName gt "BERT" and userName lt "dorb"', "cleo dora"), ('userName ge "bert" and userName le "CLEO"', "bert cleo"), ('userName eq ""', ""),
    ('userName co ""', ALL),
    ('userName sw "%"', ""), ('userName co "_"', ""), ('userName eq "bert" or userName eq "dora"', "bert dora"), (f'{USER}:userName eq "bert"', "bert"),
    (f'{USER.upper()}:USERNAME eq "bert"', "bert"),
    # Exact texts.
    ('externalId eq "E-1"', "anna"), ('externalId eq "e-1"', "bert"), ('externalId sw "E-1"', "anna dora"), ('externalId pr', "anna bert dora"),
    ('externalId eq null', "cleo scim"),
    ('externalId ne null', "anna bert dora"), ('externalId ne "E-1"', "bert cleo dora scim"), ('externalId gt "E-1"', "bert dora"),
    ('externalId ge "E-1"', "anna bert dora"),
    ('title eq "Engineer"', "anna"), ('title eq "engineer"', "bert"), ('title co "ngine"', "anna bert"), ('title ew "r"', "anna bert"),
    ('title pr', "anna bert dora"),
    ('title ne "Engineer"', "bert cleo dora scim"), ('title lt "Engineer"', "dora"), ('title le "Engineer"', "anna dora"),
    ('not (title eq "Engineer")', "bert cleo dora scim"),
    ('displayName eq "Anna Ärger"', "anna"), (r'displayName eq "Anna \u00c4rger"', "anna"), ('displayName eq "anna ärger"', ""),
    ('displayName pr', "anna bert dora"),
    (r'displayName sw "\ud83d\ude00"', "dora"), ('displayName co "%"', "bert"), ('displayName co "_"', "bert"), ('displayName sw "100%"', "bert"),
    ('displayName ew "_x"', "bert"),
    (r'nickName eq "say \"hi\" \\o\/"', "cleo"), (r'nickName co "\\"', "cleo"), (r'nickName eq "\u0000"', ""), (r'userName eq "bert\u0000"', ""),
    ('name.givenName eq "Bert"', "bert"), ('name.familyName pr', "anna cleo scim"), ('name pr', "anna bert cleo scim"),
    ('name.givenName eq "Anna" and name.familyName sw "Ä"', "anna"),
    # Flags.
    ('active eq true', "anna cleo dora scim"), ('active eq false', "bert"), ('active eq "True"', "anna cleo dora scim"), ('active eq "FALSE"', "bert"),
    ('active ne true', "bert"), ('active pr', ALL),
    ('not (active eq true)', "bert"), ('active eq null', ""),
    # Values of lists.
    ('emails eq "anna@home.example"', "anna"), ('emails eq "ANNA@HOME.EXAMPLE"', "anna"), ('emails.value eq "anna@acme.example"', "anna"),
    ('emails co "home"', "anna"),
    ('emails.type eq "home"', "anna bert"), ('emails[type eq "work"]', "anna scim"), ('emails[type eq "work"].value eq "ANNA@acme.example"', "anna"),
    ('emails[type eq "work" and value eq "anna@home.example"]', ""), ('emails[type eq "home" and value eq "anna@home.example"]', "anna"),
    ('emails[type eq "home"].value ew "acme.example"', "bert"), ('emails.type eq "work" and emails.value eq "anna@home.example"', "anna"),
    ('emails[primary eq true].value sw "anna"', "anna"),
    ('emails[not (type eq "work")]', "anna bert"), ('emails ne "bert@acme.example" and title pr', "anna dora"),
    ('addresses[type eq "work" and locality co "erge"]', "bert"),
    ('addresses.locality eq "Bergen"', "anna bert"), ('addresses[type eq "home" or country eq "SE"]', "anna"), ('addresses pr', "anna bert"),
    ('phoneNumbers.primary eq true', "anna"),
    ('phoneNumbers[primary eq false]', "bert"), ('phoneNumbers.value eq "2"', "bert"), ('phoneNumbers[type pr]', "anna bert"), ('ims pr', ""),
    ('not (phoneNumbers pr)', "cleo dora scim"),
    # The extension.
    (f'{ENTERPRISE}:department eq "R&D"', "anna"), (f'{ENTERPRISE}:department pr', "anna bert"), (f'{ENTERPRISE.lower()}:DEPARTMENT eq "Sales"', "bert"),
    (f'{ENTERPRISE}:employeeNumber gt "10"', "bert"), (f'{ENTERPRISE}:manager eq "nobody"', "cleo"), (f'{ENTERPRISE}:manager.value eq "$anna"', "dora"),
    ('manager eq "$anna"', "dora"),
    (f'{ENTERPRISE}:manager pr', "cleo dora"),
    # Memberships, ids, times, constants.
    ('groups eq "$sales"', "anna bert"), ('groups.value eq "$empty"', ""), ('groups pr', "anna bert"), ('not (groups eq "$sales")', "cleo dora scim"),
    ('id eq "$cleo"', "cleo"), ('id ne "$cleo"', "anna bert dora scim"), ('id eq "$cleo" or id eq "$dora"', "cleo dora"), ('id pr', ALL),
    ('meta.created ge "$anna.created" and meta.created lt "$cleo.created"', "anna bert"), ('meta.created eq "$dora.created"', "dora"),
    ('meta.created le "2000-01-01T00:00:00Z"', ""),
    ('meta.created gt "2000-01-01T00:00:00+05:30"', ALL), ('meta.created lt "99999-01-01T00:00:00Z"', None),
    ('meta.lastModified gt "$cleo.lastModified"', "dora"),
    ('meta.created gt "0001-01-01T00:00:00Z"', ALL), ('meta.created lt "9999-12-31T23:59:59Z"', ALL),
    ('meta.resourceType eq "User"', ALL), ('meta.resourceType eq "Group"', ""), ('meta.resourceType ne "Group"', ALL),
    # Logic.
    ('userName eq "bert" or userName eq "dora" and title eq "none"', "bert"), ('(userName eq "bert" or userName eq "dora") and title eq "Chef"', "dora"),
    ('not (userName eq "bert") and active eq false', ""), ('NOT(userName eq "bert" OR userName eq "dora")', "anna cleo scim"),
    ('not (not (userName eq "bert"))', "bert"),
    ('userName eq "bert" And active EQ False', None), ('( ( userName eq "bert" ) )', "bert"), ('title eq "a" or not (title pr)', "cleo scim"), ("", ALL)]


@pytest.mark.parametrize("filter, expected", FILTERS, ids=[f"{number}" for number in range(1, len(FILTERS) + 1)])
def test_filter_of_users(people, filter, expected):
    def meant(found):
        name, _, attribute = found[1].partition(".")
        return people.rows[name]["meta"][attribute] if attribute else {"sales": people.sales["id"], "empty": people.empty["id"], **people.ids}[name]

    filter = re.sub(r"\$([a-z]+(?:\.[a-zA-Z]+)?)", meant, filter)
    if expected is None:
        # It may be refused or not, but the server says so in its form.
        assert people.client.send("GET", "/Users", filter=filter).status in (200, 400)
        return
    names = {each: name for name, each in people.ids.items()}
    found = people.client.found("/Users", filter)
    assert " ".join(sorted(names[each["id"]] for each in found)) == expected
    searched = people.client.ok("POST", "/Users/.search", {"schemas": [SEARCH], "filter": filter})
    assert searched["Resources"] == found
    # Blanks as `+`, and as `%20`.
    for quoted in [urllib.parse.quote_plus(filter), urllib.parse.quote(filter)]:
        assert people.client.found(f"/Users?filter={quoted}") == found
    if filter:
        opposite = people.client.found("/Users", f"not ({filter})")
        assert {each["id"] for each in opposite} == set(names) - {each["id"] for each in found}


@pytest.mark.parametrize("filter, expected", [
    ('displayName eq "sales team"', "sales"), ('displayName sw "SALES"', "sales"), ('displayName ew "team"', "sales"), ('displayName co "S T"', "sales"),
    ('displayName ne "empty"', "sales"),
    ('displayName gt "empty"', "sales"), ('displayName pr', "empty sales"), ('externalId eq "G-1"', "sales"), ('externalId pr', "sales"),
    ('not (externalId pr)', "empty"), ('id eq "$empty"', "empty"),
    ('members eq "$anna"', "sales"), ('members.value eq "$cleo"', ""), ('members[value eq "$bert"]', "sales"), ('members pr', "sales"),
    ('not (members pr)', "empty"),
    ('members eq "$anna" and members eq "$bert"', "sales"), ('id eq "$empty" and members eq "$anna"', ""),
    ('meta.resourceType eq "Group"', "empty sales"), ('meta.created ge "2001-01-01T00:00:00Z"', "empty sales"), (f'{GROUP}:displayName eq "empty"', "empty")])
def test_filter_of_groups(people, filter, expected):
    groups = {"sales": people.sales["id"], "empty": people.empty["id"]}
    filter = re.sub(r"\$([a-z]+)", lambda found: {**people.ids, **groups}[found[1]], filter)
    if expected is None:
        assert people.client.send("GET", "/Groups", filter=filter).status in (200, 400)
        return
    names = {each: name for name, each in groups.items()}
    found = people.client.found("/Groups", filter)
    assert " ".join(sorted(names[each["id"]] for each in found)) == expected


WRONG_FILTERS = [
    "x", "userName", "userName eq", 'userName eq "x', "userName eq x", "userName eq 'x'", 'userName is "x"', 'eq "x"', '"x" eq userName', 'userName eq "x" and',
    'and userName eq "x"',
    'userName eq "x" userName eq "y"', '(userName eq "x"', 'userName eq "x")', "()", "not", 'not userName eq "x"', "not ()", 'userName pr "x"',
    'userName eq "x" or or userName pr',
    'favourite eq "x"', 'name.nick eq "x"', 'name.givenName.x eq "y"', 'emails[type eq "work"', 'emails[]', 'emails[nick eq "x"]', 'emails["x"]',
    'userName[type eq "x"]', 'emails[type eq "work"].nick eq "x"',
    "userName eq 7", "userName eq true", "userName eq {}", "userName eq []", 'active eq "maybe"', "active gt true", "active co true", "active eq 1",
    'meta.created gt "yesterday"', "meta.created gt 7",
    'meta.created co "2026"', 'userName eq "\\x"', 'userName eq "\\ud800"', 'userName eq "a\nb"', "userName gt null", "userName co null", 'password eq "x"',
    "password pr", 'x509Certificates.value eq "x"', "x509Certificates pr",
    'roles eq "user"', "roles.value pr", 'schemas eq "x"', 'groups.display eq "x"', 'groups.$ref eq "x"', 'meta.location eq "x"', 'meta.version eq "x"',
    'manager.displayName eq "x"', "members pr",
    'urn:x:y:name eq "x"', f'{ENTERPRISE}:favourite eq "x"', f'{ENTERPRISE} eq "x"', f'{GROUP}:displayName eq "x"', 'name eq "x"',
    'userName eq "x" xor userName pr', "userName  eq", "%", ";", "userName eq NaN",
    "userName eq 1e999", "(" * 11 + 'userName eq "x"' + ")" * 11, " or ".join(['userName eq "x"'] * 101), 'userName eq "' + "x" * 8192 + '"',
    "not (" * 12 + "userName pr" + ")" * 12, 'emails.value.x eq "y"']


@pytest.mark.parametrize("filter", WRONG_FILTERS, ids=[f"{number}" for number in range(1, len(WRONG_FILTERS) + 1)])
def test_a_filter_that_is_refused(people, filter):
    people.client.refused(400, "invalidFilter", "GET", "/Users", filter=filter)
    people.client.refused(400, "invalidFilter", "POST", "/Users/.search", {"schemas": [SEARCH], "filter": filter})


@pytest.mark.parametrize("filter", ['userName eq "x"', 'members.display eq "x"', 'members.$ref eq "x"', 'members.type eq "User"', 'active eq true', 'title pr',
                                    'meta.version pr', "displayName eq 1", "members eq true"])
def test_a_filter_of_groups_that_is_refused(people, filter):
    people.client.refused(400, "invalidFilter", "GET", "/Groups", filter=filter)


def test_a_filter_at_its_limits(people):
    assert people.client.found("/Users", " or ".join(['userName eq "bert"'] * 100))[0]["id"] == people.ids["bert"]
    assert people.client.found("/Users", "(" * 9 + 'userName eq "bert"' + ")" * 9)[0]["id"] == people.ids["bert"]


def test_both_types_in_one_list(people):
    def names(filter=None):
        found = people.client.found("", filter)
        assert [each["meta"]["resourceType"] for each in found] == sorted([each["meta"]["resourceType"] for each in found], reverse=True)
        assert people.client.ok("POST", "/.search", {"schemas": [SEARCH], **({"filter": filter} if filter else {})})["Resources"] == found
        return [each.get("userName") or each["displayName"] for each in found]

    assert names() == [people.service.email, "Anna@Acme.example", "bert", "Cleo", "dora", "Sales Team", "empty"]
    assert names('userName eq "bert"') == ["bert"]
    assert names('displayName co "e"') == ["Anna@Acme.example", "bert", "Sales Team", "empty"]
    assert names('not (userName eq "bert")') == [people.service.email, "Anna@Acme.example", "Cleo", "dora", "Sales Team", "empty"]
    assert names('meta.resourceType eq "Group"') == ["Sales Team", "empty"]
    assert names('meta.resourceType eq "User" and active eq false') == ["bert"]
    assert names(f'members eq "{people.ids["anna"]}" or userName eq "dora"') == ["dora", "Sales Team"]
    page = people.client.get("", startIndex=4, count=3)
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (7, 3, 4)
    assert [each.get("userName") or each["displayName"] for each in page["Resources"]] == ["Cleo", "dora", "Sales Team"]
    people.client.refused(400, "invalidValue", "GET", "", sortBy="id")
    people.client.refused(400, "invalidFilter", "GET", "", filter='favourite eq "x"')


# Queries: paging


@pytest.fixture(scope="session")
def crowd():
    house = House("Crowd")
    house.crowd = [house.service.id, *house.users(120)]
    house.groups = [house.group()["id"] for _ in range(5)]
    return house


@pytest.mark.parametrize("query, start, ids", [
    ("", 1, slice(0, 100)), ("startIndex=1", 1, slice(0, 100)), ("startIndex=0", 1, slice(0, 100)), ("startIndex=-7", 1, slice(0, 100)),
    ("startIndex=101", 101, slice(100, None)),
    ("startIndex=122", 122, slice(0, 0)), ("startIndex=99999999999", 99999999999, slice(0, 0)), ("count=0", 1, slice(0, 0)), ("count=-1", 1, slice(0, 0)),
    ("count=1", 1, slice(0, 1)), ("count=1000", 1, slice(None)),
    ("count=1001", 1, slice(None)), ("count=2147483648", 1, slice(None)), ("count=10&startIndex=6", 6, slice(5, 15)),
    ("count=200&startIndex=120", 120, slice(119, None))])
def test_paging_by_index(crowd, query, start, ids):
    page = crowd.client.get(f"/Users?{query}")
    assert [each["id"] for each in page["Resources"]] == crowd.crowd[ids]
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (121, len(crowd.crowd[ids]), start)
    body = {key: int(value) for key, value in urllib.parse.parse_qsl(query)}
    assert crowd.client.ok("POST", "/Users/.search", {"schemas": [SEARCH], **body}) == page


@pytest.mark.parametrize("query", ["count=x", "count=1.5", "count=", "count=1e3", "count=0x10", "startIndex=x", "startIndex=1.5", "startIndex=", "count=%00",
                                   "startIndex=1;2"])
def test_paging_by_what_is_no_number(crowd, query):
    for path in ["/Users", "/Groups", ""]:
        crowd.client.refused(400, "invalidValue", "GET", f"{path}?{query}")


@pytest.mark.parametrize("path", ["/Users", "/Groups", ""])
@pytest.mark.parametrize("count", [1, 7, 50, 1000])
def test_paging_by_cursor(crowd, path, count):
    everybody = {"/Users": crowd.crowd, "/Groups": crowd.groups, "": crowd.crowd + crowd.groups}[path]
    if count == 1 and path != "/Groups":
        everybody, count = everybody, 31
    ids, cursor = [], ""
    while cursor is not None:
        page = crowd.client.get(path, cursor=cursor, count=count)
        assert "startIndex" not in page and page["schemas"] == [LIST] and page["totalResults"] == len(everybody) and page["itemsPerPage"] == len(page["Resources"])
        ids += [each["id"] for each in page["Resources"]]
        cursor = page.get("nextCursor")
        assert cursor is None or (re.fullmatch(r"[A-Za-z0-9_-]+", cursor) and len(page["Resources"]) == count)
        assert "previousCursor" not in page
    assert ids == everybody


def test_a_cursor_belongs_to_its_list(crowd):
    cursor = crowd.client.get("/Users", cursor="", count=5)["nextCursor"]
    assert crowd.client.get("/Users", cursor=cursor, count=3)["Resources"][0]["id"] == crowd.crowd[5]
    assert crowd.client.ok("POST", "/Users/.search", {"schemas": [SEARCH], "cursor": cursor, "count": 3}) == crowd.client.get("/Users", cursor=cursor, count=3)
    for path, query in [("/Groups", {}), ("", {}), ("/Users", {"filter": "active eq true"}), ("/Users", {"sortBy": "userName"}),
                        ("/Users", {"sortOrder": "descending", "sortBy": "id"})]:
        crowd.client.refused(400, "invalidCursor", "GET", path, cursor=cursor, **query)
    for wrong in ["x", "!", cursor[:-1], cursor + "A", cursor[::-1], "A" * 5000, "%00", "\x00", "é", "-1", "AAAA"]:
        crowd.client.refused(400, "invalidCursor", "GET", "/Users", cursor=wrong)
    crowd.client.refused(400, "invalidValue", "GET", "/Users", cursor=cursor, startIndex=1)
    crowd.client.refused(400, "invalidValue", "GET", "/Users", cursor="", startIndex=2)
    for count in ["-1", "x", "1.5", ""]:
        crowd.client.refused(400, "invalidCount", "GET", "/Users", cursor="", count=count)


@pytest.mark.parametrize("sort", [{"sortBy": "userName"}, {"sortBy": "userName", "sortOrder": "descending"}, {"sortBy": "meta.lastModified"},
                                  {"filter": 'userName sw "crowd"'},
                                  {"sortBy": "meta.created", "sortOrder": "descending", "filter": "active eq true"}])
def test_a_cursor_with_an_order_and_a_filter(crowd, sort):
    whole = [each["id"] for each in crowd.client.get("/Users", count=1000, **sort)["Resources"]]
    ids, cursor = [], ""
    while cursor is not None:
        page = crowd.client.get("/Users", cursor=cursor, count=33, **sort)
        ids += [each["id"] for each in page["Resources"]]
        cursor = page.get("nextCursor")
    assert ids == whole


def test_a_page_of_a_thousand_is_whole():
    house = House("Thousand")
    house.users(1003)
    page = house.client.get("/Users", count=5000, attributes="userName")
    assert (page["totalResults"], page["itemsPerPage"], len(page["Resources"])) == (1004, 1000, 1000)
    assert len(house.client.get("/Users", count=1000, startIndex=1001, attributes="id")["Resources"]) == 4


# Queries: sorting


@pytest.mark.parametrize("by, names", [
    ("userName", "anna bert cleo dora scim"), ("USERNAME", "anna bert cleo dora scim"), ("meta.created", "scim anna bert cleo dora"),
    ("meta.lastModified", "scim anna bert cleo dora"),
    ("id", None), (f"{USER}:userName", "anna bert cleo dora scim")])
def test_sorting_of_users(people, by, names):
    by_id = {each: name for name, each in people.ids.items()}
    up = [by_id[each["id"]] for each in people.client.get("/Users", sortBy=by)["Resources"]]
    assert up == (names.split() if names else [by_id[each] for each in sorted(by_id)])
    assert [by_id[each["id"]] for each in people.client.get("/Users", sortBy=by, sortOrder="ascending")["Resources"]] == up
    assert [by_id[each["id"]] for each in people.client.get("/Users", sortBy=by, sortOrder="descending")["Resources"]] == up[::-1]


def test_sorting_by_display_name(people):
    up = [each["id"] for each in people.client.get("/Users", sortBy="displayName")["Resources"]]
    assert sorted(up) == sorted(people.ids.values())
    assert [each["id"] for each in people.client.get("/Users", sortBy="displayName", sortOrder="descending")["Resources"]] == up[::-1]
    groups = [each["displayName"] for each in people.client.get("/Groups", sortBy="displayName")["Resources"]]
    assert groups == ["empty", "Sales Team"] or groups == ["Sales Team", "empty"]


@pytest.mark.parametrize("query", [{"sortBy": "title"}, {"sortBy": "favourite"}, {"sortBy": "emails.value"}, {"sortBy": "password"},
                                   {"sortBy": "name.familyName"}, {"sortBy": "userName", "sortOrder": "up"},
                                   {"sortBy": "id", "sortOrder": ""}, {"sortBy": "x" * 5000}])
def test_sorting_that_is_refused(people, query):
    people.client.refused(400, "invalidValue", "GET", "/Users", **query)
    people.client.refused(400, "invalidValue", "POST", "/Users/.search", {"schemas": [SEARCH], **query})


# Queries: attributes


@pytest.mark.parametrize("attributes, keys", [
    ("userName", "userName"), ("USERNAME", "userName"), ("id", ""), ("title,displayName", "title displayName"), ("title , displayName", "title displayName"),
    ("favourite", ""), ("password", ""),
    (f"{USER}:userName", "userName"), ("name.givenName", "name"), ("name", "name"), ("meta.created", "meta"), ("groups", "groups"), ("roles", ""),
    ("emails.value", "emails"), (ENTERPRISE, ENTERPRISE),
    (f"{ENTERPRISE}:department", ENTERPRISE), ("active,externalId", "active externalId"), ("schemas", ""), ("addresses.country,addresses.type", "addresses")])
def test_attributes(people, attributes, keys):
    anna = people.rows["anna"]
    anna = people.client.get(at(anna))
    got = people.client.get(at(anna), attributes=attributes)
    assert set(got) == {"schemas", "id", *keys.split()}
    for key in set(got) - {"name", "emails", "addresses", "meta", ENTERPRISE, "schemas"}:
        assert got[key] == anna[key]
    parts = {"name.givenName": {"name": {"givenName": "Anna"}}, "name": {"name": anna["name"]}, "meta.created": {"meta": {"created": anna["meta"]["created"]}},
             ENTERPRISE: {ENTERPRISE: anna[ENTERPRISE]},
             f"{ENTERPRISE}:department": {ENTERPRISE: {"department": "R&D"}}, "emails.value": {"emails": [{"value": each["value"]} for each in anna["emails"]]},
             "addresses.country,addresses.type": {"addresses": [{"type": each["type"], "country": each["country"]} for each in anna["addresses"]]}}
    assert parts.get(attributes, {}).items() <= got.items()
    listed = people.client.get("/Users", filter=f'id eq "{anna["id"]}"', attributes=attributes)["Resources"]
    searched = people.client.ok("POST", "/Users/.search", {"schemas": [SEARCH], "filter": f'id eq "{anna["id"]}"',
                                                           "attributes": attributes.split(",")})["Resources"]
    assert listed == searched == [got]


@pytest.mark.parametrize("attributes, keys, parts", [
    ("userName", "userName", {}), ("members", "", {}), ("name.givenName", "", {"name": {"familyName": "Ärger"}}), ("NAME", "name", {}), ("id,schemas", "", {}),
    ("meta", "meta", {}), (ENTERPRISE, ENTERPRISE, {}),
    (f"{ENTERPRISE}:department", "", {ENTERPRISE: {"employeeNumber": "10"}}), ("groups,roles,emails", "groups emails", {}), ("favourite", "", {}),
    ("emails.type", "", {})])
def test_excluded_attributes(people, attributes, keys, parts):
    anna = people.client.get(at(people.rows["anna"]))
    got = people.client.get(at(anna), excludedAttributes=attributes)
    assert set(got) == set(anna) - set(keys.split())
    assert parts.items() <= got.items()
    assert people.client.get("/Users", filter=f'id eq "{anna["id"]}"', excludedAttributes=attributes)["Resources"] == [got]


def test_attributes_of_groups(people):
    group = people.client.get(at(people.sales))
    assert set(people.client.get(at(group), excludedAttributes="members")) == set(group) - {"members"}
    assert people.client.get(at(group), attributes="members.value") == {"schemas": [GROUP], "id": group["id"],
                                                                        "members": [{"value": each["value"]} for each in group["members"]]}
    assert people.client.get(at(group), attributes="displayName") == {"schemas": [GROUP], "id": group["id"], "displayName": "Sales Team"}


def test_attributes_of_every_answer(acme, name):
    answer = acme.client.send("POST", "/Users?attributes=userName", {"schemas": [USER], "userName": name, "title": "T"})
    made = answer.json()
    assert answer.status == 201 and made == {"schemas": [USER], "id": made["id"],
                                             "userName": name} and answer.headers["Location"] == f"{acme.base}/Users/{made['id']}"
    seen = {"schemas": [USER], "id": made["id"], "title": "U"}
    assert acme.client.put(f"/Users/{made['id']}?attributes=title", {"schemas": [USER], "userName": name, "title": "U"}) == seen
    assert acme.client.patch(f"/Users/{made['id']}?attributes=title", op("replace", "title", "U")) == seen
    group = acme.group()
    assert set(acme.client.patch(f"{at(group)}?excludedAttributes=members", op("replace", "displayName", name), status=200)) == {"schemas", "id", "displayName",
        "meta"}
    assert acme.client.patch(f"{at(group)}?attributes=displayName", op("replace", "displayName", name), status=200) == {"schemas": [GROUP], "id": group["id"],
        "displayName": name}
    for path in ["/Users", f"/Users/{made['id']}", "/Groups", at(group), "", "/Me"]:
        acme.client.refused(400, "invalidValue", "GET", path, attributes="id", excludedAttributes="meta")


# Versions


def test_versions(acme):
    user = acme.user()
    answer = acme.client.send("GET", at(user))
    tag = answer.headers["ETag"]
    assert tag == user["meta"]["version"]
    for value in [tag, f'"other", {tag}', "*", tag.removeprefix("W/")]:
        same = acme.client.send("GET", at(user), headers={"If-None-Match": value})
        assert (same.status, same.text) == (304, "") and same.headers["ETag"] == tag
    for value in ['"other"', 'W/"0"', "nonsense"]:
        assert acme.client.get(at(user), headers={"If-None-Match": value}) == user
    group = acme.group(user)
    changed = acme.client.get(at(user), headers={"If-None-Match": tag})
    assert changed["groups"] == [acme.membership(group)] and changed["meta"]["version"] != tag and version_of(changed) == version_of(user)
    assert changed["meta"]["lastModified"] == user["meta"]["lastModified"]
    role = acme.client.get(at(group))["meta"]["version"]
    other = acme.user()
    acme.client.patch(at(group), op("add", "members", [{"value": other["id"]}]), op("remove", f'members[value eq "{user["id"]}"]'))
    there = acme.client.get(at(group), headers={"If-None-Match": role})
    assert there["meta"]["version"] != role and there["meta"]["lastModified"] == group["meta"]["lastModified"]
    slim = acme.client.send("GET", at(group) + "?excludedAttributes=members")
    assert slim.headers["ETag"] == f'W/"{version_of(group)}"' == slim.json()["meta"]["version"]


@pytest.mark.parametrize("kind", ["user", "group"])
def test_a_version_that_is_past(acme, name, kind):
    there = acme.user(userName=name) if kind == "user" else acme.group(displayName=name)
    named = {"schemas": [USER], "userName": name} if kind == "user" else {"schemas": [GROUP], "displayName": name}
    path, past = at(there), there["meta"]["version"]
    acme.client.patch(path, op("replace", "externalId", "1"))
    now = acme.client.get(path)["meta"]["version"]
    with acme.unchanged():
        for value in [past, past.removeprefix("W/"), '"0"', 'W/"999"', f'{past}, "0"', "nonsense"]:
            for method, body in [("PUT", named), ("PATCH", patch(op("replace", "externalId", "2"))), ("DELETE", None)]:
                acme.client.refused(412, None, method, path, body, headers={"If-Match": value})
    number = 3
    for value in ["*", "now", "bare", "list"]:
        now = acme.client.get(path)["meta"]["version"]
        value = {"now": now, "bare": f'"{version_of(acme.client.get(path))}"', "list": f'"0", {now}'}.get(value, value)
        acme.client.patch(path, op("replace", "externalId", str(number)), headers={"If-Match": value})
        number += 1
    acme.client.put(path, named, headers={"If-Match": acme.client.get(path)["meta"]["version"]})
    acme.client.delete(path, headers={"If-Match": "*"})
    acme.client.refused(404, None, "PATCH", path, patch(), headers={"If-Match": "*"})


def test_members_do_not_make_a_version_past(acme):
    group, user = acme.group(), acme.user()
    acme.client.patch(at(group), op("add", "members", [{"value": user["id"]}]))
    acme.client.patch(at(group), op("replace", "externalId", "x"), headers={"If-Match": group["meta"]["version"]})
    assert acme.client.get(at(group))["externalId"] == "x"


# PATCH, cell by cell

PHONES = [{"value": "1", "type": "work", "primary": True}, {"value": "2", "type": "home"}, {"value": "3", "type": "home", "display": "three"}]
ADDRESS = {"type": "work", "streetAddress": "1 Way", "country": "NO"}
FULL_NAME = {"givenName": "G", "familyName": "F", "formatted": "G F"}

CELLS = {
    # No path.
    "add-none": ({"title": "T"}, [op("add", None, {"displayName": "D", "title": "U"})], {"displayName": "D", "title": "U"}),
    "add-none-paths": ({}, [op("add", None, {"name.familyName": "F", 'phoneNumbers[type eq "work"].value': "1", f"{ENTERPRISE}:department": "R",
                                             f"{USER}:nickName": "N"})],
                       {"name": {"familyName": "F"}, "phoneNumbers": [{"type": "work", "value": "1"}], ENTERPRISE: {"department": "R"}, "nickName": "N"}),
    "replace-none-objects": ({"name": FULL_NAME}, [op("replace", None, {"name": {"givenName": "H"},
                                                                        ENTERPRISE: {"department": "R", "manager": {"value": "m"}}})],
                             {"name": FULL_NAME | {"givenName": "H"}, ENTERPRISE: {"department": "R", "manager": {"value": "m"}}}),
    "replace-none-list": ({"phoneNumbers": PHONES}, [op("replace", None, {"phoneNumbers": [{"value": "9"}]})], {"phoneNumbers": [{"value": "9"}]}),
    "add-none-list": ({"phoneNumbers": PHONES}, [op("add", None, {"phoneNumbers": [{"value": "9"}]})], {"phoneNumbers": [*PHONES, {"value": "9"}]}),
    "replace-none-ignored": ({}, [op("replace", None, {"id": "x", "meta": {"created": "x"}, "groups": [], "roles": [{"value": "user"}], "schemas": ["x"],
                                                       "favourite": 1, "title": "T"})], {"title": "T"}),
    "replace-none-null": ({"title": "T", "nickName": "N"}, [op("replace", None, {"title": None, "nickName": ""})], {}),
    "replace-none-empty": ({"title": "T"}, [op("replace", None, {})], {"title": "T"}),
    # Simple attributes.
    "add-simple": ({}, [op("add", "title", "T")], {"title": "T"}),
    "add-simple-again": ({"title": "T"}, [op("add", "title", "U")], {"title": "U"}),
    "replace-simple": ({"title": "T"}, [op("replace", "title", "U")], {"title": "U"}),
    "replace-simple-absent": ({}, [op("replace", "title", "U")], {"title": "U"}),
    "replace-simple-null": ({"title": "T"}, [op("replace", "title", None)], {}),
    "replace-simple-empty": ({"title": "T"}, [op("replace", "title", "")], {}),
    "remove-simple": ({"title": "T", "externalId": "E", "displayName": "D"}, [op("remove", "title"), op("remove", "externalId"), op("remove", "displayName")],
                      {}),
    "remove-simple-absent": ({}, [op("remove", "title")], {}),
    "replace-active": ({}, [op("replace", "active", "False")], {"active": False}),
    "urn-simple": ({}, [op("replace", f"{USER}:title", "T")], {"title": "T"}),
    "sub-simple": ({"name": FULL_NAME}, [op("replace", "name.givenName", "H"), op("remove", "name.formatted"), op("add", "name.middleName", "M")],
                   {"name": {"givenName": "H", "familyName": "F", "middleName": "M"}}),
    # Complex ones.
    "add-complex": ({"name": FULL_NAME}, [op("add", "name", {"givenName": "H", "honorificPrefix": "Dr."})],
                    {"name": FULL_NAME | {"givenName": "H", "honorificPrefix": "Dr."}}),
    "replace-complex": ({"name": FULL_NAME}, [op("replace", "name", {"givenName": "H"})], {"name": FULL_NAME | {"givenName": "H"}}),
    "replace-complex-part-null": ({"name": FULL_NAME}, [op("replace", "name", {"formatted": None, "givenName": ""})], {"name": {"familyName": "F"}}),
    "remove-complex": ({"name": FULL_NAME}, [op("remove", "name")], {}),
    "add-manager": ({}, [op("add", f"{ENTERPRISE}:manager", {"value": "m", "displayName": "ignored"})], {ENTERPRISE: {"manager": {"value": "m"}}}),
    "replace-manager-text": ({ENTERPRISE: {"manager": {"value": "m"}}}, [op("replace", f"{ENTERPRISE}:manager", "n")],
                             {ENTERPRISE: {"manager": {"value": "n"}}}),
    "replace-manager-value": ({ENTERPRISE: {"manager": {"value": "m"}}}, [op("replace", f"{ENTERPRISE}:manager.value", "n")],
                              {ENTERPRISE: {"manager": {"value": "n"}}}),
    "remove-manager": ({ENTERPRISE: {"manager": {"value": "m"}, "division": "V"}}, [op("remove", f"{ENTERPRISE}:manager")], {ENTERPRISE: {"division": "V"}}),
    "add-extension": ({ENTERPRISE: {"division": "V"}}, [op("add", ENTERPRISE, {"schemas": [ENTERPRISE], "department": "R"})],
                      {ENTERPRISE: {"division": "V", "department": "R"}}),
    "replace-extension": ({ENTERPRISE: {"division": "V"}}, [op("replace", ENTERPRISE, {"department": "R"})],
                          {ENTERPRISE: {"division": "V", "department": "R"}}),
    "remove-extension": ({ENTERPRISE: {"division": "V"}}, [op("remove", ENTERPRISE)], {}),
    "remove-extension-part": ({ENTERPRISE: {"division": "V"}}, [op("remove", f"{ENTERPRISE}:division")], {}),
    # Lists.
    "add-list": ({"phoneNumbers": PHONES}, [op("add", "phoneNumbers", [{"value": "9", "type": "fax"}])],
                 {"phoneNumbers": [*PHONES, {"value": "9", "type": "fax"}]}),
    "add-list-absent": ({}, [op("add", "phoneNumbers", [{"value": "9"}])], {"phoneNumbers": [{"value": "9"}]}),
    "add-list-there": ({"phoneNumbers": PHONES}, [op("add", "phoneNumbers", [PHONES[1]])], {"phoneNumbers": PHONES}),
    "add-list-other-type": ({"phoneNumbers": PHONES}, [op("add", "phoneNumbers", [{"value": "2", "type": "fax"}])],
                            {"phoneNumbers": [*PHONES, {"value": "2", "type": "fax"}]}),
    "add-list-object": ({}, [op("add", "phoneNumbers", {"value": "9"})], {"phoneNumbers": [{"value": "9"}]}),
    "add-list-text": ({}, [op("add", "phoneNumbers", "9")], {"phoneNumbers": [{"value": "9"}]}),
    "add-list-primary": ({"phoneNumbers": PHONES}, [op("add", "phoneNumbers", [{"value": "9", "primary": True}])],
                         {"phoneNumbers": [PHONES[0] | {"primary": False}, *PHONES[1:], {"value": "9", "primary": True}]}),
    "replace-list": ({"phoneNumbers": PHONES}, [op("replace", "phoneNumbers", [{"value": "9"}, {"value": "8"}])],
                     {"phoneNumbers": [{"value": "9"}, {"value": "8"}]}),
    "replace-list-empty": ({"phoneNumbers": PHONES}, [op("replace", "phoneNumbers", [])], {}),
    "replace-list-null": ({"phoneNumbers": PHONES}, [op("replace", "phoneNumbers", None)], {}),
    "remove-list": ({"phoneNumbers": PHONES}, [op("remove", "phoneNumbers")], {}),
    "remove-list-values": ({"phoneNumbers": PHONES}, [op("remove", "phoneNumbers", [{"value": "2"}, {"value": "7"}])],
                           {"phoneNumbers": [PHONES[0], PHONES[2]]}),
    # Filters.
    "add-filter": ({"phoneNumbers": PHONES}, [op("add", 'phoneNumbers[type eq "home"]', {"display": "at home"})],
                   {"phoneNumbers": [PHONES[0], PHONES[1] | {"display": "at home"}, PHONES[2] | {"display": "at home"}]}),
    "replace-filter": ({"phoneNumbers": PHONES}, [op("replace", 'phoneNumbers[value eq "2"]', {"value": "9", "type": "fax"})],
                       {"phoneNumbers": [PHONES[0], {"value": "9", "type": "fax"}, PHONES[2]]}),
    "remove-filter": ({"phoneNumbers": PHONES}, [op("remove", 'phoneNumbers[type eq "home"]')], {"phoneNumbers": PHONES[:1]}),
    "remove-filter-and": ({"phoneNumbers": PHONES}, [op("remove", 'phoneNumbers[type eq "home" and display pr]')], {"phoneNumbers": PHONES[:2]}),
    "remove-filter-not": ({"phoneNumbers": PHONES}, [op("remove", 'phoneNumbers[not (type eq "home")]')], {"phoneNumbers": PHONES[1:]}),
    "remove-filter-none": ({"phoneNumbers": PHONES}, [op("remove", 'phoneNumbers[type eq "fax"]')], {"phoneNumbers": PHONES}),
    "replace-filter-none": ({"addresses": [ADDRESS]}, [op("replace", 'addresses[type eq "home"]', {"country": "SE"})],
                            {"addresses": [ADDRESS, {"type": "home", "country": "SE"}]}),
    "add-filter-none": ({}, [op("add", 'addresses[type eq "home"]', {"country": "SE"})], {"addresses": [{"type": "home", "country": "SE"}]}),
    # A filter with a sub-attribute.
    "add-filter-sub": ({"phoneNumbers": PHONES}, [op("add", 'phoneNumbers[type eq "home"].display', "h")],
                       {"phoneNumbers": [PHONES[0], PHONES[1] | {"display": "h"}, PHONES[2] | {"display": "h"}]}),
    "replace-filter-sub": ({"addresses": [ADDRESS]}, [op("replace", 'addresses[type eq "work"].country', "SE")], {"addresses": [ADDRESS | {"country": "SE"}]}),
    "replace-filter-sub-empty": ({"addresses": [ADDRESS]}, [op("replace", 'addresses[type eq "work"].country', "")],
                                 {"addresses": [{"type": "work", "streetAddress": "1 Way"}]}),
    "replace-filter-sub-null": ({"addresses": [ADDRESS]}, [op("replace", 'addresses[type eq "work"].country', None)],
                                {"addresses": [{"type": "work", "streetAddress": "1 Way"}]}),
    "remove-filter-sub": ({"addresses": [ADDRESS]}, [op("remove", 'addresses[type eq "work"].country')],
                          {"addresses": [{"type": "work", "streetAddress": "1 Way"}]}),
    "remove-filter-sub-last": ({"phoneNumbers": PHONES}, [op("remove", 'phoneNumbers[type eq "home"].value')], {"phoneNumbers": PHONES[:1]}),
    "remove-filter-sub-none": ({"addresses": [ADDRESS]}, [op("remove", 'addresses[type eq "home"].country')], {"addresses": [ADDRESS]}),
    "add-filter-sub-none": ({"phoneNumbers": PHONES}, [op("add", 'phoneNumbers[type eq "fax"].value', "9")],
                            {"phoneNumbers": [*PHONES, {"type": "fax", "value": "9"}]}),
    "replace-filter-sub-none-two": ({}, [op("replace", 'phoneNumbers[type eq "fax" and display eq "d"].value', "9")],
                                    {"phoneNumbers": [{"type": "fax", "display": "d", "value": "9"}]}),
    "replace-filter-primary-none": ({}, [op("replace", "phoneNumbers[primary eq true].value", "9")], {"phoneNumbers": [{"primary": True, "value": "9"}]}),
    "replace-filter-primary": ({"phoneNumbers": PHONES}, [op("replace", 'phoneNumbers[value eq "2"].primary', True)],
                               {"phoneNumbers": [PHONES[0] | {"primary": False}, PHONES[1] | {"primary": True}, PHONES[2]]}),
    # A sub-attribute of a list.
    "add-sub": ({}, [op("add", "phoneNumbers.value", "9")], {"phoneNumbers": [{"value": "9"}]}),
    "replace-sub-one": ({"addresses": [ADDRESS]}, [op("replace", "addresses.country", "SE")], {"addresses": [ADDRESS | {"country": "SE"}]}),
    "remove-sub": ({"phoneNumbers": PHONES}, [op("remove", "phoneNumbers.type")], {"phoneNumbers": [without(each, "type") for each in PHONES]}),
    "remove-sub-value": ({"phoneNumbers": PHONES}, [op("remove", "phoneNumbers.value")], {}),
    # In order, and under another URN.
    "in-order": ({}, [op("add", "title", "A"), op("replace", "title", "B"), op("remove", "title"), op("add", "title", "C")], {"title": "C"}),
    "made-then-changed": ({}, [op("add", 'phoneNumbers[type eq "work"].value', "1"), op("add", 'phoneNumbers[type eq "work"].display', "one"),
                               op("replace", 'phoneNumbers[value eq "1"].value', "2")],
                          {"phoneNumbers": [{"type": "work", "value": "2", "display": "one"}]}),
    "other-urn": ({"title": "T"}, [op("add", "urn:x:y:2.0:User:tag", "x"), op("remove", "urn:x:y:2.0:User"),
                                   op("replace", "urn:x:y:2.0:User:tags[a eq \"b\"].c", "x")], {"title": "T"}),
    "ops-in-any-case": ({}, [op("ADD", "title", "T"), op("Replace", "nickName", "N"), op("rEmOvE", "title")], {"nickName": "N"}),
    "many": ({}, [op("replace", "title", str(number)) for number in range(1000)], {"title": "999"}),
}


@pytest.mark.parametrize("cell", CELLS)
def test_patch(acme, name, cell):
    start, operations, expected = CELLS[cell]
    made = acme.client.post("/Users", {"schemas": [USER], "userName": name, **start})

    def seen(attributes):
        return {"schemas": [USER, ENTERPRISE] if ENTERPRISE in attributes else [USER], "userName": name, "active": True, **attributes}

    acme.same(made, seen(start))
    changed = acme.client.patch(at(made), *operations)
    acme.is_whole(changed, seen(expected))
    there = acme.same(made, seen(expected))
    assert there == changed
    if seen(start) == seen(expected):
        assert there == made
    else:
        assert there["meta"]["lastModified"] > made["meta"]["lastModified"] and version_of(there) != version_of(made)
    assert acme.client.patch(at(made)) == there
    # As the data that the same operations make of nothing else: alone in a Bulk, too.
    if cell in ("add-none-paths", "replace-filter", "remove-list-values"):
        acme.client.put(at(made), seen(start))
        done = acme.client.ok("POST", "/Bulk", {"schemas": [BULK], "Operations": [{"method": "PATCH", "path": at(made),
                                                                                   "data": patch(*operations)}]})["Operations"]
        assert done[0]["status"] == "200"
        acme.same(made, seen(expected))


REFUSED_PATCHES = [
    ("noTarget", [op("remove")]), ("noTarget", [op("remove", None, {"title": "T"})]), ("mutability", [op("remove", "userName")]),
    ("mutability", [op("remove", "active")]),
    ("mutability", [op("remove", "password")]), ("mutability", [op("replace", "id", "x")]), ("mutability", [op("add", "meta", {})]),
    ("mutability", [op("replace", "meta.created", "x")]),
    ("mutability", [op("add", "schemas", ["x"])]), ("mutability", [op("add", "groups", [{"value": "x"}])]),
    ("mutability", [op("remove", 'groups[value eq "x"]')]), ("mutability", [op("add", "roles", [])]),
    ("mutability", [op("remove", "roles")]), ("mutability", [op("replace", f"{USER}:id", "x")]),
    ("invalidSyntax", [op("move", "title", "x")]), ("invalidSyntax", [op("", "title", "x")]), ("invalidSyntax", [{"path": "title", "value": "x"}]),
    ("invalidSyntax", [op(7, "title", "x")]),
    ("invalidSyntax", ["replace"]), ("invalidSyntax", [7]), ("invalidSyntax", [None]), ("invalidSyntax", [[]]), ("invalidSyntax", None), ("invalidSyntax", "x"),
    ("invalidSyntax", {}),
    ("invalidValue", [op("add", "title")]), ("invalidValue", [op("replace", "title")]), ("invalidValue", [op("replace")]),
    ("invalidValue", [op("replace", None, "x")]), ("invalidValue", [op("add", None, [1])]),
    ("invalidValue", [op("replace", "title", 7)]), ("invalidValue", [op("replace", "title", {"value": "x"})]),
    ("invalidValue", [op("replace", "active", "maybe")]), (..., [op("replace", "active", None)]),
    (..., [op("replace", "userName", "")]), (..., [op("replace", "userName", None)]),
    ("invalidValue", [op("replace", "phoneNumbers", 7)]), ("invalidValue", [op("replace", "name", 7)]),
    ("invalidValue", [op("replace", 'phoneNumbers[type eq "work"].value', 7)]), ("invalidValue",
                                                                                 [op("replace", 'phoneNumbers[type eq "work"].primary', "maybe")]),
    ("invalidValue", [op("replace", "password", "short")]), ("invalidValue", [op("replace", 'emails[type eq "work"].value', "no address")]),
    ("invalidValue", [op("replace", "title", "x" * 2001)]),
    ("invalidPath", [op("replace", "favourite", "x")]), ("invalidPath", [op("replace", "name.nick", "x")]), ("invalidPath", [op("replace", "title.sub", "x")]),
    ("invalidPath", [op("replace", "phoneNumbers[", "x")]),
    ("invalidPath", [op("replace", "phoneNumbers[]", "x")]), ("invalidPath", [op("replace", 'phoneNumbers[type eq "work"', "x")]),
    ("invalidPath", [op("replace", 'phoneNumbers[type eq "work"]x', "x")]),
    ("invalidPath", [op("replace", 'phoneNumbers[type eq "work"].nick', "x")]), ("invalidPath", [op("replace", 'phoneNumbers[nick eq "x"].value', "x")]),
    ("invalidPath", [op("replace", "", "x")]),
    ("invalidPath", [op("replace", " ", "x")]), ("invalidPath", [op("replace", "title title", "x")]), ("invalidPath", [op("replace", ".title", "x")]),
    ("invalidPath", [op("replace", "name..givenName", "x")]),
    ("invalidPath", [op("replace", f"{ENTERPRISE}:favourite", "x")]), ("invalidPath", [op("replace", f"{USER}:favourite", "x")]),
    ("invalidPath", [op("replace", 'title[type eq "x"]', "x")]),
    ("invalidPath", [op("replace", "phoneNumbers.value", "x")]), ("invalidPath", [op("replace", "emails[type eq]", "x")]),
    ("invalidPath", [op("replace", 7, "x")]), ("invalidPath", [op("remove", "favourite")]),
    ("noTarget", [op("replace", 'phoneNumbers[type co "fax"].value', "x")]), ("noTarget", [op("replace", 'phoneNumbers[type eq "fax" or type eq "pager"].value',
        "x")]),
    ("noTarget", [op("add", 'phoneNumbers[not (type pr)].value', "x")]), ("noTarget", [op("add", 'phoneNumbers[type ne "work" and type ne "home"]',
        {"value": "x"})]),
]


@pytest.mark.parametrize("scim_type, operations", REFUSED_PATCHES, ids=[str(number) for number in range(1, len(REFUSED_PATCHES) + 1)])
def test_a_patch_that_is_refused(acme, scim_type, operations):
    """All or nothing: what stands before it is not done either."""
    there = acme.user(title="T", phoneNumbers=PHONES)
    before = op("replace", "nickName", "never")
    body = {"schemas": [PATCH_OP], "Operations": [before, *operations] if isinstance(operations, list) else operations}
    # A path that is no text is a message of the wrong shape.
    scim_type = ... if operations in ([op("replace", 7, "x")], [op("replace", "", "x")], [op("replace", " ", "x")]) else scim_type
    with acme.unchanged():
        acme.client.refused(400, scim_type, "PATCH", at(there), body)


def test_a_patch_without_operations(acme):
    there, group = acme.user(), acme.group()
    with acme.unchanged():
        for path in [at(there), at(group)]:
            acme.client.refused(400, "invalidSyntax", "PATCH", path, {"schemas": [PATCH_OP]})
            acme.client.refused(400, ..., "PATCH", path, patch(*[op("replace", "externalId", str(number)) for number in range(1001)]))
            acme.client.patch(path)


def test_patches_of_a_group(acme, name):
    users = [acme.user() for _ in range(4)]
    ids = [each["id"] for each in users]
    group = acme.group(users[0], displayName=name)

    def values(*numbers):
        return [{"value": ids[number]} for number in numbers]

    def then(*operations):
        assert acme.client.patch(at(group), *operations) is None
        return {ids.index(each) for each in acme.members(group)}

    assert then(op("add", "members", values(1))) == {0, 1}
    assert then(op("add", "members", values(1, 2))) == {0, 1, 2}
    assert then(op("add", "members", values(3)[0])) == {0, 1, 2, 3}
    assert then(op("remove", "members", values(0))) == {1, 2, 3}
    assert then(op("remove", "members", values(1)[0])) == {2, 3}
    assert then(op("remove", f'members[value eq "{ids[2]}" or value eq "{ids[0]}"]')) == {3}
    assert then(op("remove", f'members[value eq "{ids[2]}"]')) == {3}
    assert then(op("remove", 'members[value eq "nobody"]'), op("remove", "members", [{"value": UNKNOWN}])) == {3}
    assert then(op("replace", "members", values(0, 1))) == {0, 1}
    assert then(op("replace", "members", values(0, 1, 1))) == {0, 1}
    assert then(op("replace", "members", [])) == set()
    assert then(op("add", None, {"members": values(0), "displayName": name})) == {0}
    assert then(op("replace", None, {"members": values(1, 2)})) == {1, 2}
    assert then(op("replace", "members", None)) == set()
    assert then(op("add", "members", values(0, 1)), op("remove", "members", values(0)), op("add", "members", values(2))) == {1, 2}
    assert then(op("remove", "members"), op("add", "members", values(3))) == {3}
    assert then(op("add", "members", values(0)), op("remove", "members")) == set()
    assert then(op("ADD", "MEMBERS", values(0)), op("Remove", f'MEMBERS[VALUE EQ "{ids[0]}"]'), op("add", f"{GROUP}:members", values(1))) == {1}
    assert then(op("add", "members", [])) == {1}
    assert then(op("remove", "externalId"), op("replace", "externalId", "E"), op("add", "members", values(2))) == {1, 2}
    acme.same(group, {"schemas": [GROUP], "displayName": name, "externalId": "E", "members": [acme.member(users[1]), acme.member(users[2])]})


@pytest.mark.parametrize("scim_type, operation", [
    ("invalidPath", op("remove", 'members[display eq "x"]')), ("invalidPath", op("remove", 'members[value sw "x"]')),
    ("invalidPath", op("remove", 'members[not (value eq "x")]')),
    ("invalidPath", op("remove", 'members[value eq "x" and value eq "y"]')), ("invalidPath", op("remove", "members[value pr]")),
    ("invalidPath", op("remove", 'members[type eq "User"]')),
    ("invalidValue", op("add", "members", [{"value": UNKNOWN}])), ("invalidValue", op("add", "members", [{"value": "GROUP"}])),
    ("invalidValue", op("add", "members", [{"value": "USER", "type": "Group"}])),
    ("invalidValue", op("replace", "members", [{"value": "USER"}, {"value": "nobody"}])), ("invalidValue", op("add", "members", [{"value": 7}])),
    ("invalidValue", op("add", "members", 7)),
    ("invalidValue", op("add", "members", [{"value": "THEIRS"}])), ("mutability", op("remove", "displayName")), ("mutability", op("replace", "id", "x")),
    ("mutability", op("replace", "meta", {})),
    ("invalidPath", op("replace", "userName", "x")), ("invalidPath", op("replace", "description", "x")), ("noTarget", op("remove")),
    (..., op("replace", "displayName", "")),
    ("invalidValue", op("replace", "displayName", 7))])
def test_a_patch_of_a_group_that_is_refused(acme, bolt, scim_type, operation):
    user, other = acme.user(), acme.user()
    group = acme.group(user)
    ids = {"USER": other["id"], "GROUP": group["id"], "THEIRS": bolt.theirs["id"]}
    operation = json.loads(re.sub('"(USER|GROUP|THEIRS)"', lambda found: f'"{ids[found[1]]}"', json.dumps(operation)))
    with acme.unchanged():
        detail = acme.client.refused(400, scim_type, "PATCH", at(group), patch(op("add", "members", [{"value": other["id"]}]),
                                                                               op("replace", "externalId", "never"), operation))
        if UNKNOWN in str(operation):
            assert UNKNOWN in detail


# Bulk


def bulk(*operations, **more):
    return {"schemas": [BULK], "Operations": list(operations), **more}


def call(method, path, data=None, bulk_id=None, **more):
    return {"method": method, "path": path, **({"data": data} if data is not None else {}), **({"bulkId": bulk_id} if bulk_id else {}), **more}


def do(house, *operations, **more):
    answer = house.client.ok("POST", "/Bulk", bulk(*operations, **more))
    assert set(answer) == {"schemas", "Operations"} and answer["schemas"] == [BULK_RESPONSE]
    for each in answer["Operations"]:
        assert isinstance(each["status"], str)
        if each["status"][0] != "2":
            assert each["response"]["status"] == each["status"] and "version" not in each
    return answer["Operations"]


def user_data(name, **more):
    return {"schemas": [USER], "userName": name, **more}


def test_bulk(acme, name):
    user, group = acme.user(userName=name), acme.group(displayName=name)
    done = do(acme, call("post", "/Users", user_data(f"{name}-a"), "a"), call("PUT", at(user), user_data(name, title="T"), "b"),
              call("Patch", at(group), patch(op("add", "members", [{"value": "bulkId:a"}, {"value": user["id"]}]))),
              call("POST", "/Groups", {"schemas": [GROUP], "displayName": f"{name}-g"}, "g"),
              call("DELETE", "/Users/bulkId:a"), call("GET", at(user)), call("DELETE", f"/Users/{UNKNOWN}"))
    assert [each["status"] for each in done] == ["201", "200", "204", "201", "204", "400", "404"] or [each["status"] for each in done][5] in ("400", "405")
    assert [each["method"].upper() for each in done] == ["POST", "PUT", "PATCH", "POST", "DELETE", "GET", "DELETE"]
    assert [each.get("bulkId") for each in done] == ["a", "b", None, "g", None, None, None]
    made = done[0]["location"].rsplit("/", 1)[1]
    assert done[0]["location"] == f"{acme.base}/Users/{made}" and done[1]["location"] == user["meta"]["location"] and done[3]["version"].startswith('W/"')
    acme.same(user, {"schemas": [USER], "userName": name, "title": "T", "active": True, "groups": [acme.membership(group)]})
    assert acme.members(group) == {user["id"]}
    acme.client.refused(404, None, "GET", f"/Users/{made}")


def test_references_in_bulk(acme, name):
    """One that is referred to runs before those that refer to it; the answers stand as the request does."""
    done = do(acme, call("POST", "/Groups", {"schemas": [GROUP], "displayName": name, "members": [{"value": "bulkId:u"}]}, "g"),
              call("POST", "/Users", user_data(f"{name}-u", **{ENTERPRISE: {"manager": {"value": "bulkId:m"}}}), "u"),
              call("POST", "/Users", user_data(f"{name}-m"), "m"),
              call("PATCH", "/Users/bulkId:m", patch(op("add", "title", "Boss"))))
    assert [each["status"] for each in done] == ["201", "201", "201", "200"] and [each.get("bulkId") for each in done] == ["g", "u", "m", None]
    group, user, manager = (acme.client.get(each["location"].removeprefix(acme.base)) for each in done[:3])
    assert group["members"] == [acme.member(user)] and user[ENTERPRISE]["manager"]["value"] == manager["id"] and manager["title"] == "Boss"


def test_references_that_fail(acme, name):
    done = do(acme, call("POST", "/Users", user_data(f"{name}-a", **{ENTERPRISE: {"manager": {"value": "bulkId:b"}}}), "a"),
              call("POST", "/Users", user_data(f"{name}-b", **{ENTERPRISE: {"manager": {"value": "bulkId:a"}}}), "b"),
              call("POST", "/Users", user_data(f"{name}-c"), "c"),
              call("POST", "/Groups", {"schemas": [GROUP], "displayName": name, "members": [{"value": "bulkId:nobody"}]}, "d"),
              call("POST", "/Users", user_data(f"{name}-e")),
              call("POST", "/Users", user_data(f"{name}-c"), "f"), call("PATCH", "/Users/bulkId:f", patch(op("add", "title", "T"))))
    assert [each["status"] for each in done] == ["409", "409", "201", "400", "400", "409", "400"]
    assert [each.get("response", {}).get("scimType") for each in done] == [None, None, None, "invalidValue", "invalidValue", "uniqueness", "invalidValue"]
    assert "location" not in done[5]
    twice = do(acme, call("POST", "/Users", user_data(f"{name}-g"), "same"), call("POST", "/Users", user_data(f"{name}-h"), "same"))
    assert "400" in [each["status"] for each in twice]
    assert [each["userName"] for each in acme.client.found("/Users", f'userName sw "{name}-"')] in ([f"{name}-c"], [f"{name}-c", f"{name}-g"])


def test_bulk_ends_after_errors(acme, name):
    wrong = call("DELETE", f"/Users/{UNKNOWN}")
    done = do(acme, wrong, call("POST", "/Users", user_data(f"{name}-a"), "a"), wrong, call("POST", "/Users", user_data(f"{name}-b"), "b"), failOnErrors=2)
    assert [each["status"] for each in done] == ["404", "201", "404"]
    assert [each["userName"] for each in acme.client.found("/Users", f'userName sw "{name}-"')] == [f"{name}-a"]
    assert len(do(acme, wrong, wrong, wrong)) == 3


def test_versions_in_bulk(acme, name):
    user = acme.user(userName=name)
    done = do(acme, call("PUT", at(user), user_data(name, title="T"), version=user["meta"]["version"]),
              call("PUT", at(user), user_data(name, title="U"), version=user["meta"]["version"]),
              call("DELETE", at(user), version='W/"0"'), call("DELETE", at(user), version="*"))
    assert [each["status"] for each in done] == ["200", "412", "412", "204"]


def test_bulk_that_is_too_much(acme, name):
    many = [call("POST", "/Users", user_data(f"{name}-{number}"), str(number)) for number in range(101)]
    with acme.unchanged():
        acme.client.refused(413, None, "POST", "/Bulk", bulk(*many))
        acme.client.refused(413, None, "POST", "/Bulk", bulk(many[0], filler="x" * 1024 * 1024))
    assert {each["status"] for each in do(acme, *many[:100])} == {"201"}


@pytest.mark.parametrize("operation", [{}, {"method": "POST"}, {"path": "/Users"}, {"method": "POST", "path": "/Nothing", "bulkId": "a", "data": {}},
                                       {"method": "HEAD", "path": "/Users"},
                                       {"method": "POST", "path": "/Users", "bulkId": "a"}, {"method": "PUT", "path": "/Users", "data": {}},
                                       {"method": "POST", "path": "/Bulk", "bulkId": "a", "data": {}},
                                       {"method": "PATCH", "path": "/Users/x", "data": 7}, {"method": 7, "path": 8},
                                       {"method": "DELETE", "path": "/Users/bulkId:"}, {"method": "DELETE", "path": "/Users/bulkId:x"},
                                       {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"schemas": [USER]}},
                                       {"method": "DELETE", "path": "Users/x"}, {"method": "DELETE", "path": ""}])
def test_an_operation_in_bulk_that_is_refused(acme, operation):
    with acme.unchanged():
        answer = acme.client.send("POST", "/Bulk", bulk(operation))
        if answer.status == 200:
            (one,) = answer.json()["Operations"]
            assert one["status"][0] == "4" and one["response"]["detail"]
        else:
            refusal(answer, 400, ...)


@pytest.mark.parametrize("body", [{"schemas": [BULK]}, {"schemas": [BULK], "Operations": None}, {"schemas": [BULK], "Operations": {}},
                                  {"schemas": [BULK], "Operations": "x"},
                                  {"schemas": [BULK], "Operations": [7]}, {"schemas": [BULK], "Operations": [None]},
                                  {"schemas": [BULK], "Operations": [], "failOnErrors": "x"},
                                  {"schemas": [BULK], "Operations": [], "failOnErrors": -1}])
def test_a_bulk_that_is_refused(acme, body):
    with acme.unchanged():
        answer = acme.client.send("POST", "/Bulk", body)
        assert answer.status == 400 or (answer.status == 200 and all(each["status"] == "400" for each in answer.json()["Operations"])), answer.text


# Me


def test_me(acme):
    me = acme.client.get("/Me")
    assert me == acme.client.get(at(acme.service.id)) and me["meta"]["location"] == f"{acme.base}/Users/{acme.service.id}"
    assert acme.client.get("/Me", attributes="userName") == {"schemas": [USER], "id": acme.service.id, "userName": me["userName"]}
    assert acme.client.send("GET", "/Me", headers={"If-None-Match": me["meta"]["version"]}).status == 304
    changed = acme.client.patch("/Me", op("add", "title", "Robot"))
    assert changed["title"] == "Robot" and changed == acme.client.get("/Me")
    acme.client.patch("/Me", op("remove", "title"))
    refusal(acme.client.send("POST", "/Me", {"schemas": [USER], "userName": "x"}), 501, None)


def test_put_and_delete_of_me(acme, name):
    boss = acme.person("boss", "ADMIN", roles=["organization-admin"])
    client = Client(boss.key())
    changed = client.put("/Me", {"schemas": [USER], "userName": name, "emails": [{"value": boss.email}], "title": "T"})
    assert changed["userName"] == name and changed["title"] == "T" and changed["emails"] == [{"value": boss.email}]
    client.refused(400, ..., "DELETE", "/Me")


# GraphQL shows the same


def test_graphql_shows_the_same(acme, name):
    made = acme.user(userName=f"{name}@Acme.example", externalId=name, displayName="D", title="T", active=False)
    document = """query($id: ID!) { users(where: {id: $id}) { userName externalId name activated email profile } }"""
    (row,) = directory.graphql(document, {"id": made["id"]}, acme.key)["users"]
    assert (row["userName"], row["externalId"], row["name"], row["activated"], row["email"]) == (f"{name}@Acme.example", name, "D", False,
        f"{name}@acme.example")
    assert row["profile"]["title"] == "T"
    directory.graphql("mutation($id: ID!) { updatePropertiesInUser(where: {id: $id}, data: {externalId: \"\", userName: \"other %s\"}) { id } }" % name,
                      {"id": made["id"]}, acme.key)
    there = acme.client.get(at(made))
    assert "externalId" not in there and there["userName"] == f"other {name}"
    assert checked(acme.client.send("GET", at(made))) == there
