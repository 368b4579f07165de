"""What went wrong in other servers, as their users have reported it, and races: many requests at once that are about the same things."""

import concurrent.futures
import threading

import pytest

pytest.register_assert_rewrite("directory", "scim_wire")

import directory  # noqa: E402
from scim_wire import BULK, ENTERPRISE, GROUP, USER, Client, House, at, op, patch, refusal, version_of, without  # noqa: E402

ROUNDS = 4
AT_ONCE = 8


@pytest.fixture(scope="session")
def acme():
    return House("Seen")


@pytest.fixture
def name():
    return directory.unique("seen")


def at_once(*calls):
    """Runs all of them at the same moment, each in a thread of its own; gives their answers in order."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(run, call) for call in calls]]


def statuses(answers):
    return sorted(each.status for each in answers)


# Groups that lost their members


@pytest.mark.parametrize("size", [3, 150, 1200])
def test_only_the_named_member_changes(acme, name, size):
    crowd = acme.users(size)
    group = acme.client.post("/Groups", {"schemas": [GROUP], "displayName": name})
    for start in range(0, size, 1000):
        acme.client.patch(at(group), op("add", "members", [{"value": each} for each in crowd[start:start + 1000]]))
    expected = set(crowd)
    assert acme.members(group) == expected
    late = acme.user()["id"]
    for operation, change in [
            (op("remove", f'members[value eq "{crowd[0]}"]'), ({crowd[0]}, set())), (op("Remove", "members", [{"value": crowd[1]}]), ({crowd[1]}, set())),
            (op("Add", "members", [{"value": late}]), (set(), {late})),
            (op("add", "members", [{"value": crowd[0]}]), (set(), {crowd[0]})), (op("replace", None, {"displayName": f"{name} x"}), (set(), set())),
            (op("replace", "externalId", "x"), (set(), set())),
            (op("remove", 'members[value eq "nobody"]'), (set(), set())), (op("remove", "members", [{"value": "nobody"}]), (set(), set()))]:
        assert acme.client.patch(at(group), operation) is None
        expected = (expected - change[0]) | change[1]
        assert acme.members(group) == expected
    acme.client.put(at(group), {"schemas": [GROUP], "displayName": name})
    assert acme.members(group) == expected
    found = acme.client.found("/Groups", f'displayName eq "{name}" and members eq "{crowd[-1]}"', excludedAttributes="members")
    assert [each["id"] for each in found] == [group["id"]]
    assert (len(acme.client.get("/Groups", filter=f'id eq "{group["id"]}"')["Resources"][0]["members"])) == len(expected)
    listed = acme.client.get(at(group))["members"]
    assert all(each["$ref"] == f"{acme.base}/Users/{each['value']}" for each in listed)
    acme.client.patch(at(group), op("replace", "members", []))
    assert acme.members(group) == set()


# Names in capitals


@pytest.mark.parametrize("change", [str, str.upper, str.lower, str.title], ids=["camel", "upper", "lower", "title"])
def test_every_name_in_any_case(acme, name, change):
    user = acme.user(userName=name)
    for word in ("add", "replace", "remove"):
        for path, value, seen in [("displayName", "D", {"displayName": "D"}), ("name.familyName", "F", {"name": {"familyName": "F"}}),
                                  ('phoneNumbers[type eq "work"].value', "1", {"phoneNumbers": [{"type": "work", "value": "1"}]}),
                                  (f"{ENTERPRISE}:costCenter", "C", {"schemas": [USER, ENTERPRISE], ENTERPRISE: {"costCenter": "C"}}),
                                  (f"{USER}:profileUrl", "P", {"profileUrl": "P"})]:
            odd = change(path).replace(change("work"), "work")
            base = {"schemas": [USER], "userName": name, "active": True}
            if word == "remove":
                acme.client.patch(at(user), op("add", path, value))
                acme.client.patch(at(user), op(change(word), odd))
                acme.same(user, base if "[" not in path else base)
            else:
                acme.client.patch(at(user), op(change(word), odd, value))
                acme.same(user, base | seen)
                acme.client.patch(at(user), op("remove", path.removesuffix(".value")))
                acme.same(user, base)


# What stood in the way of a leaver


@pytest.mark.parametrize("other", [
    op("Add", "urn:ietf:params:scim:schemas:extension:Acme:2.0:User:tag", "x"), op("Remove", "urn:x:y:z"),
    op("Replace", 'phoneNumbers[type eq "fax"].value', "1"), op("Replace", 'addresses[type eq "work"].country', ""),
    op("Remove", 'emails[type eq "other"]'), op("Remove", 'phoneNumbers[type eq "fax"].value'), op("Remove", "title"),
    op("Remove", "emails", [{"value": "nobody"}]), op("Replace", "title", None), op("Replace", "title", ""),
    op("Add", f"{ENTERPRISE}:manager", "nobody"), op("Replace", None, {"id": "x", "favourite": 1, "groups": []}), op("Replace", None, {}),
    op("Add", "phoneNumbers", []), op("Add", "ENTITLEMENTS", [{"value": "e"}]),
    op("Replace", 'emails[type eq "work"].Value', "leaver@acme.example")])
def test_a_leaver_leaves(acme, other):
    for first in (True, False):
        user = acme.user(title="T")
        active = op("Replace", "active", "False")
        changed = acme.client.patch(at(user), *([active, other] if first else [other, active]))
        assert changed["active"] is False and acme.client.get(at(user)) == changed and acme.is_known(user) is False
        acme.client.delete(at(user))


# Repeated POSTs


def test_a_repeated_post_changes_nothing(acme, name):
    body = {"schemas": [USER], "userName": name, "externalId": "first", "title": "T", "emails": [{"value": f"{name}@acme.example"}]}
    made = acme.client.post("/Users", body)
    group = acme.group(externalId="first", displayName=name)
    with acme.unchanged():
        for change in [{}, {"externalId": "second"}, {"externalId": None}, {"active": False}, {"userName": name.upper()}, {"userName": f"other-{name}"},
                       {"emails": [], "userName": f"{name}@ACME.example"}]:
            acme.client.refused(409, "uniqueness", "POST", "/Users", body | change)
        acme.client.refused(409, "uniqueness", "POST", "/Groups", {"schemas": [GROUP], "displayName": name.upper()})
    assert acme.client.get(at(made)) == made and acme.client.get(at(group)) == group


# The guards that were forgotten here


def test_seats(name):
    house = House("Seats")
    house.user()
    directory.graphql("mutation($id: ID!) { updateOrganization(where: {id: $id}, data: {seatLimit: 3}) { id } }", {"id": house.organization.id})
    third, idle = house.user(), house.user(active=False)
    body = {"schemas": [USER], "userName": name}
    with house.unchanged():
        for call in [("POST", "/Users", body), ("PATCH", at(idle), patch(op("replace", "active", True))),
                     ("PUT", at(idle), {"schemas": [USER], "userName": idle["userName"], "active": True}),
                     ("PATCH", at(idle), patch(op("replace", None, {"title": "x", "active": "True"})))]:
            assert "3" in house.client.refused(403, None, *call)
        done = house.client.ok("POST", "/Bulk", {"schemas": [BULK], "Operations": [{"method": "POST", "path": "/Users", "bulkId": "a",
                                                                                    "data": body}]})["Operations"]
        assert done[0]["status"] == done[0]["response"]["status"] == "403"
    house.client.post("/Users", body | {"active": False})
    house.client.patch(at(third), op("replace", "active", False))
    house.client.patch(at(idle), op("replace", "active", True))
    house.client.refused(403, None, "PATCH", at(third), patch(op("replace", "active", True)))
    house.client.delete(at(idle))
    house.client.patch(at(third), op("replace", "active", True))


def test_nobody_beyond_the_key(acme, name):
    directory.mutate("createRole", {"data": ("CreateRoleData!", {"name": name, "permissions": ["read:user", "write:user", "read:group", "write:group"]})},
                     acme.key)
    small = Client(acme.person("small", None, roles=[name]).key())
    boss = acme.person("boss", "ADMIN", roles=["organization-admin"])
    user = acme.user(userName=name)
    with acme.unchanged():
        small.refused(403, None, "DELETE", at(boss.id))
        small.refused(403, None, "PATCH", at(boss.id), patch(op("replace", "active", False)))
        small.refused(403, None, "PATCH", at(boss.id), patch(op("replace", "emails", [{"value": "taken.over@acme.example"}])))
        small.refused(403, None, "PATCH", at(boss.id), patch(op("replace", "password", "Vetch-mallow-31")))
        small.refused(403, None, "PUT", at(boss.id), {"schemas": [USER], "userName": boss.email, "emails": [{"value": "taken.over@acme.example"}]})
    assert small.patch(at(user), op("replace", "title", "T"))["title"] == "T"
    small.delete(at(user))


def test_the_trail(acme, name):
    """One event for a request that changed something, by the key's owner; none where nothing changed."""
    def events(target):
        document = """query($where: AuditEventWhere!) { auditEvents(where: $where, first: 50) { action actorId fields refused } }"""
        return directory.graphql(document, {"where": {"targetId": target["id"]}})["auditEvents"]

    user = acme.user(userName=name)
    group = acme.group()
    made = len(events(user))
    assert made == 1
    acme.client.patch(at(user), op("replace", "externalId", "x"), op("replace", "title", "T"), op("replace", "userName", f"{name}-2"),
                      op("replace", "name.givenName", "G"))
    (last,) = [each for each in events(user) if each["action"] != "user.create"]
    assert last["actorId"] == acme.service.id and set(last["fields"]) == {"userName", "externalId", "profile", "firstname"}
    count = len(events(user))
    acme.client.patch(at(user), op("replace", "externalId", "x"), op("replace", "title", "T"))
    acme.client.put(at(user), without(acme.client.get(at(user)), "meta"))
    assert len(events(user)) == count
    for _ in "twice":
        acme.client.patch(at(group), op("add", "members", [{"value": user["id"]}]))
    assert len(events(user)) + len(events(group)) <= count + 3


# Races


@pytest.mark.parametrize("round", range(ROUNDS))
def test_equal_posts_at_once(acme, name, round):
    body = {"schemas": [USER], "userName": f"{name}@acme.example", "externalId": name, "title": "T"}
    answers = at_once(*[lambda: acme.client.send("POST", "/Users", body)] * AT_ONCE)
    assert statuses(answers) == [201] + [409] * (AT_ONCE - 1)
    for each in answers:
        if each.status == 409:
            refusal(each, 409, "uniqueness")
    (there,) = acme.client.found("/Users", f'externalId eq "{name}"')
    assert there == next(each for each in answers if each.status == 201).json()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_equal_posts_of_a_group_at_once(acme, name, round):
    answers = at_once(*[lambda: acme.client.send("POST", "/Groups", {"schemas": [GROUP], "displayName": name})] * AT_ONCE)
    assert statuses(answers) == [201] + [409] * (AT_ONCE - 1)
    for each in answers:
        if each.status == 409:
            refusal(each, 409, "uniqueness")
    assert len(acme.client.found("/Groups", f'displayName eq "{name}"')) == 1


@pytest.mark.parametrize("round", range(ROUNDS))
def test_posts_of_one_address_at_once(acme, name, round):
    answers = at_once(*[lambda number=number: acme.client.send("POST", "/Users", {"schemas": [USER], "userName": f"{name}-{number}",
                                                                                  "emails": [{"value": f"{name}@acme.example"}]}) for number in range(AT_ONCE)])
    assert statuses(answers) == [201] + [409] * (AT_ONCE - 1)
    assert len(acme.client.found("/Users", f'emails eq "{name}@acme.example"')) == 1


@pytest.mark.parametrize("round", range(ROUNDS))
def test_a_member_added_twice_at_once(acme, name, round):
    user, group = acme.user(), acme.group(displayName=name)
    answers = at_once(*[lambda: acme.client.send("PATCH", at(group), patch(op("add", "members", [{"value": user["id"]}])))] * AT_ONCE)
    assert statuses(answers) == [204] * AT_ONCE
    assert acme.client.get(at(group))["members"] == [acme.member(user)]
    answers = at_once(*[lambda: acme.client.send("PATCH", at(group), patch(op("remove", f'members[value eq "{user["id"]}"]')))] * AT_ONCE)
    assert statuses(answers) == [204] * AT_ONCE
    assert acme.members(group) == set()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_members_put_in_at_once(acme, name, round):
    """Pushes of several pages of one group, of which none must be lost."""
    crowd, group = acme.users(AT_ONCE * 20), acme.group(displayName=name)
    answers = at_once(*[lambda number=number: acme.client.send("PATCH", at(group), patch(op("add", "members",
        [{"value": each} for each in crowd[number::AT_ONCE]]))) for number in range(AT_ONCE)])
    assert statuses(answers) == [204] * AT_ONCE
    assert acme.members(group) == set(crowd)
    shuffled = [list(reversed(crowd)) if number % 2 else crowd for number in range(AT_ONCE)]
    answers = at_once(*[lambda part=part: acme.client.send("PATCH", at(group), patch(op("replace", "members", [{"value": each} for each in part])))
                        for part in shuffled])
    assert statuses(answers) == [204] * AT_ONCE
    assert acme.members(group) == set(crowd)


@pytest.mark.parametrize("round", range(ROUNDS))
def test_a_leaver_against_other_changes(acme, name, round):
    user = acme.user(userName=name)
    changes = [op("replace", "active", False), op("replace", "title", "T"), op("add", f"{ENTERPRISE}:department", "R"), op("replace", "name.givenName", "G"),
               op("add", "phoneNumbers", [{"value": "1"}]), op("replace", "externalId", "E")]
    answers = at_once(*[lambda change=change: acme.client.send("PATCH", at(user), patch(change)) for change in changes])
    assert statuses(answers) == [200] * len(changes)
    acme.same(user, {"schemas": [USER, ENTERPRISE], "userName": name, "active": False, "title": "T", ENTERPRISE: {"department": "R"},
                     "name": {"givenName": "G"}, "phoneNumbers": [{"value": "1"}], "externalId": "E"})


@pytest.mark.parametrize("round", range(ROUNDS))
def test_the_end_of_a_user_against_adding_it(acme, name, round):
    group = acme.group(displayName=name)
    users = [acme.user() for _ in range(4)]
    answers = at_once(*[lambda user=user: acme.client.send("DELETE", at(user)) for user in users],
                      *[lambda user=user: acme.client.send("PATCH", at(group), patch(op("add", "members", [{"value": user["id"]}]))) for user in users])
    assert statuses(answers[:4]) == [204] * 4
    assert {each.status for each in answers[4:]} <= {204, 400}
    for each in answers[4:]:
        if each.status == 400:
            refusal(each, 400, "invalidValue")
    assert acme.members(group) == set()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_the_end_of_a_group_against_its_members(acme, name, round):
    group, users = acme.group(displayName=name), [acme.user() for _ in range(4)]
    answers = at_once(lambda: acme.client.send("DELETE", at(group)), *[lambda user=user: acme.client.send("PATCH", at(group),
        patch(op("add", "members", [{"value": user["id"]}]))) for user in users])
    assert answers[0].status == 204 and {each.status for each in answers[1:]} <= {204, 404}
    acme.client.refused(404, None, "GET", at(group))
    for user in users:
        assert "groups" not in acme.client.get(at(user))


@pytest.mark.parametrize("round", range(ROUNDS))
def test_deletes_at_once(acme, round):
    for there in (acme.user(), acme.group()):
        answers = at_once(*[lambda: acme.client.send("DELETE", at(there))] * AT_ONCE)
        assert statuses(answers) == [204] + [404] * (AT_ONCE - 1)


@pytest.mark.parametrize("form", ["post", "activate"])
def test_the_last_seat(name, form):
    house = House("Last-seat")
    idle = [house.user(active=False) for _ in range(AT_ONCE)]
    directory.graphql("mutation($id: ID!) { updateOrganization(where: {id: $id}, data: {seatLimit: 2}) { id } }", {"id": house.organization.id})
    for _ in range(ROUNDS):
        if form == "post":
            calls = [lambda number=number: house.client.send("POST", "/Users", {"schemas": [USER], "userName": f"{name}-{number}"})
                     for number in range(AT_ONCE)]
        else:
            calls = [lambda user=user: house.client.send("PATCH", at(user), patch(op("replace", "active", True))) for user in idle]
        answers = at_once(*calls)
        assert statuses(answers) == [201 if form == "post" else 200] + [403] * (AT_ONCE - 1)
        for each in answers:
            if each.status == 403:
                refusal(each, 403, None)
            else:
                house.client.patch(at(each.json()), op("replace", "active", False))
                if form == "post":
                    house.client.delete(at(each.json()))


@pytest.mark.parametrize("round", range(ROUNDS))
def test_one_version_for_many(acme, round):
    """Of several who have read the same version, one writes."""
    user = acme.user()
    answers = at_once(*[lambda number=number: acme.client.send("PATCH", at(user), patch(op("replace", "title", str(number))),
                                                               headers={"If-Match": user["meta"]["version"]}) for number in range(AT_ONCE)])
    assert statuses(answers) == [200] + [412] * (AT_ONCE - 1)
    (written,) = [each.json() for each in answers if each.status == 200]
    assert acme.client.get(at(user)) == written and int(version_of(written)) == int(version_of(user)) + 1


@pytest.mark.parametrize("round", range(ROUNDS))
def test_pages_while_others_write(acme, round):
    """Pages by cursor neither repeat nor lose anybody who stays."""
    house = House("Pages")
    stay, go = house.users(60), house.users(20)
    ends = threading.Event()

    def write():
        for user in go:
            house.client.delete(f"/Users/{user}")
            house.user()
        ends.set()

    def read():
        seen = []
        while not ends.is_set():
            ids, cursor = [], ""
            while cursor is not None:
                page = house.client.get("/Users", cursor=cursor, count=7)
                ids += [each["id"] for each in page["Resources"]]
                cursor = page.get("nextCursor")
            seen.append(ids)
        return seen

    for ids in at_once(write, read)[1]:
        assert len(ids) == len(set(ids)) and set(ids) >= set(stay)
