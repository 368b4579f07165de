"""The tests that hold for both versions of the `kili` package.

`kili_old.py` and `kili_new.py` import everything here and add a fixture `sdk`: how to call their version, and its exceptions.
The numbers in the headings are the sections and rules of the contract with the Kili SDK.
"""

import contextlib
import re
import time
import types
from datetime import datetime, timedelta, timezone

import pytest
import requests

import directory
from directory import OTHER_PASSWORD, PASSWORD

wire = directory.Wire()
wire.attach(requests)

NO_ID = "0197f9d6-0000-7000-8000-000000000000"
NO_ADDRESS = "nobody.at.all@example.com"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CROWD = 230


# Who is there


class House:
    """An organization with an administrator and a member, both with a key."""

    def __init__(self, sdk, word):
        self.organization = directory.organization(word)
        self.id = self.organization.id
        self.admin = self.person("ada", "ADMIN", PASSWORD)
        self.member = self.person("max", "USER", PASSWORD)
        self.admin_key = self.admin.key("laptop")
        self.member_key = self.member.key("laptop")
        # The SDK in the administrator's hands, and in the member's.
        self.kili = sdk.connect(self.admin_key)
        self.member_kili = sdk.connect(self.member_key)

    def person(self, word="eve", role="USER", password=None, **data):
        return directory.person(self.organization, word, role, password, **data)


@pytest.fixture(scope="session")
def acme(sdk):
    """Two users, whom no test changes."""
    return House(sdk, "Acme")


@pytest.fixture(scope="session")
def bolt(sdk):
    """Another organization, likewise."""
    return House(sdk, "Bolt")


@pytest.fixture(scope="session")
def works(sdk):
    """The organization in which tests make and change people."""
    return House(sdk, "Works")


@pytest.fixture(scope="session")
def owner(sdk):
    """The SDK in the super administrator's hands."""
    return sdk.connect(directory.ADMIN_API_KEY)


@pytest.fixture(scope="session")
def crowd(sdk):
    """An organization of more users than fit on two pages."""
    organization = directory.organization("Crowd")
    people = [directory.person(organization, "ada", "ADMIN")] + [directory.person(organization, "one") for _ in range(CROWD - 1)]
    key = people[0].key()
    return types.SimpleNamespace(emails=[each.email for each in people], key=key, kili=sdk.connect(key))


@pytest.fixture(autouse=True)
def fresh_wire():
    wire.clear()


# What a refusal looks like (6.3)


@contextlib.contextmanager
def refused(sdk, *codes, holding=""):
    """The call inside is refused: once sent, once answered, in the form that both versions read."""
    wire.clear()
    seen = types.SimpleNamespace(code=None, message=None)
    with pytest.raises(sdk.GraphQLError) as caught:
        yield seen
    assert len(wire) == 1, "sent again"
    seen.code, seen.message = refusal(wire[0])
    assert not codes or seen.code in codes, seen.message
    assert seen.message in str(caught.value)
    assert holding in seen.message.lower()


def refusal(answer):
    """The first error's code and message, after a look at all of them."""
    assert answer.status == 400, "the old SDK sends anything else again"
    found = answer.json()
    assert found.get("data") is None
    assert found["errors"]
    for error in found["errors"]:
        assert isinstance(error.get("extensions"), dict), error
        assert isinstance(error["extensions"].get("code"), str), error
    code, message = found["errors"][0]["extensions"]["code"], found["errors"][0]["message"]
    assert re.fullmatch(r"\[\w+\] .+[.!?]", message, re.DOTALL), message
    assert _letters(message[1:message.index("]")]) == _letters(code), (code, message)
    return code, message


def _letters(code):
    return code.replace("_", "").lower()


def rows(answer):
    """The list an answer holds, or the number."""
    return answer.json()["data"]["data"]


# 3, 4: construction


def test_construction_by_an_administrator(sdk, acme):
    kili = sdk.connect(acme.admin_key)
    assert kili.users(email=acme.admin.email) == [
        {"email": acme.admin.email, "id": acme.admin.id, "firstname": "Ada", "lastname": "Example"}]
    assert {each.status for each in wire} == {200}


def test_construction_by_somebody_who_is_no_administrator(sdk, acme):
    kili = sdk.connect(acme.member_key)
    assert [each["id"] for each in kili.users()] == [acme.member.id]


def test_construction_by_the_super_administrator(sdk, owner, acme):
    assert [each["id"] for each in owner.users(organization_id=acme.id)] == [acme.admin.id, acme.member.id]


def test_construction_from_the_environment(sdk, acme, monkeypatch):
    monkeypatch.setenv("KILI_API_KEY", acme.member_key)
    monkeypatch.setenv("KILI_API_ENDPOINT", directory.KILI_ENDPOINT)
    kili = sdk.connect(None, api_endpoint=None)
    assert kili.count_users() == 1


def test_construction_without_a_warning(sdk, acme, recwarn):
    sdk.connect(acme.admin_key)
    assert [str(each.message) for each in recwarn if each.category is UserWarning] == []


@pytest.mark.parametrize("spoil", [
    lambda key: "nonsense",
    lambda key: "tnt_" + "A" * 49,
    lambda key: key[:-1],
    lambda key: key + "A",
    lambda key: key.swapcase(),
    lambda key: "X-API-Key: " + key,
], ids=["nonsense", "well-formed", "cut", "longer", "other-case", "with-the-scheme-twice"])
def test_construction_with_an_unknown_key(sdk, acme, spoil):
    with pytest.raises(sdk.AuthenticationFailed):
        sdk.connect(spoil(acme.admin_key))


def test_the_answer_to_an_unknown_key_is_text(acme):
    for body in [{"query": "{ viewer { id email } }"}, {"query": "{"}, b"no json"]:
        answer = directory.raw(body, "tnt_unknown")
        assert (answer.status, answer.text) == (401, "Unauthorized")


def test_no_answer_without_a_key_looks_like_a_good_one():
    """The new SDK takes a 200 that holds these two words for a good key."""
    for body in [{"query": "{ viewer { id email } }"}, {"query": "{ viewer { id email shoeSize } }"}]:
        answer = directory.raw(body)
        assert answer.status != 200 or not ("email" in answer.text and "id" in answer.text)


def test_construction_with_a_revoked_key(sdk, works):
    person = works.person("rita", "ADMIN")
    revoked, other = person.key("revoked"), person.key("other")
    sdk.connect(revoked)
    directory.mutate("revokeApiKeys", {"names": ("[String!]!", ["revoked"])}, other)
    with pytest.raises(sdk.AuthenticationFailed):
        sdk.connect(revoked)
    sdk.connect(other)


def test_construction_with_an_expired_key(sdk, works):
    person = works.person("xena", "ADMIN")
    expiry = datetime.now(timezone.utc) + timedelta(seconds=3)
    data = {"name": "short", "expiryDate": expiry.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"}
    short = directory.graphql("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }",
                              {"data": data}, person.key())["createApiKey"]["secret"]
    time.sleep(max(0, (expiry - datetime.now(timezone.utc)).total_seconds()) + 1.2)
    with pytest.raises(sdk.AuthenticationFailed):
        sdk.connect(short)


def test_construction_with_the_key_of_a_deleted_user(sdk, works):
    person = works.person("dora", "ADMIN")
    key = person.key()
    sdk.connect(key)
    directory.graphql("mutation($id: ID!) { deleteUser(where: {id: $id}) { id } }", {"id": person.id})
    with pytest.raises(sdk.AuthenticationFailed):
        sdk.connect(key)


def test_the_version_needs_no_credentials_and_stays():
    answers = [directory.request(directory.KILI_VERSION) for _ in range(2)]
    answers.append(directory.request(directory.KILI_VERSION, headers={"Authorization": "X-API-Key: tnt_unknown"}))
    for answer in answers:
        assert answer.status == 200
        assert re.fullmatch(r"2\.128\.\d+", answer.json()["version"])
    assert len({answer.text for answer in answers}) == 1


def test_me_and_viewer_are_the_caller(acme):
    answer = directory.raw({"query": "{ me { id email } viewer { id email } }"}, acme.member_key)
    caller = {"id": acme.member.id, "email": acme.member.email}
    assert answer.json() == {"data": {"me": caller, "viewer": caller}}


def test_many_calls_in_a_row_are_all_answered(acme):
    body = {"query": "query countUsers($where: UserWhere!) { data: countUsers(where: $where) }", "variables": {"where": {}}}
    assert {directory.raw(body, acme.admin_key).status for _ in range(200)} == {200}


# Dates (4)


def test_dates(sdk, acme):
    row = acme.kili.users(email=acme.admin.email, fields=["createdAt", "updatedAt", "apiKeys.createdAt"])[0]
    key = sdk.api_keys(acme.kili, fields=["createdAt"])[0]
    for date in [row["createdAt"], row["updatedAt"], row["apiKeys"][0]["createdAt"], key["createdAt"]]:
        assert DATE.fullmatch(date)
        made = datetime.strptime(date, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        assert abs(datetime.now(timezone.utc) - made) < timedelta(hours=1), "UTC"


def test_a_key_that_never_expires_has_a_far_date(acme):
    body = {"query": "{ data: apiKeys(where: {}, skip: 0, first: 1) { expiryDate } }"}
    date = rows(directory.raw(body, acme.admin_key))[0]["expiryDate"]
    assert DATE.fullmatch(date)
    assert datetime.strptime(date, "%Y-%m-%dT%H:%M:%S.%fZ") > datetime.now() + timedelta(days=5 * 365)


# users, count_users (6.1; 6.2 rules 4, 5, 7, 13, 15)


def test_users_and_their_count(acme):
    assert acme.kili.users() == [
        {"email": acme.admin.email, "id": acme.admin.id, "firstname": "Ada", "lastname": "Example"},
        {"email": acme.member.email, "id": acme.member.id, "firstname": "Max", "lastname": "Example"},
    ]
    assert acme.kili.count_users() == 2


def test_users_by_email(acme):
    for email in [acme.member.email, acme.member.email.upper()]:
        assert [each["id"] for each in acme.kili.users(email=email)] == [acme.member.id]
        assert acme.kili.count_users(email=email) == 1


def test_a_plus_in_an_email_is_a_character_like_others(works):
    plain, plus = works.person(), works.person()
    tagged = plain.email.replace("@", "+tag@")
    plus.update(email=tagged)
    assert [each["id"] for each in works.kili.users(email=plain.email)] == [plain.id]
    assert [each["id"] for each in works.kili.users(email=tagged)] == [plus.id]


@pytest.mark.parametrize("email", [
    NO_ADDRESS, "nobody", "@", " ", "%", "_@example.com", "a b@example.com", "ä@exämple.example", "a\u0000b@example.com",
    "x" * 300 + "@example.com",
])
def test_an_unknown_email_finds_nobody(acme, email):
    assert acme.kili.users(email=email) == []
    assert acme.kili.count_users(email=email) == 0
    assert acme.kili.organizations(email=email) == []
    assert acme.kili.count_organizations(email=email) == 0


def test_users_by_organization(acme):
    assert [each["id"] for each in acme.kili.users(organization_id=acme.id)] == [acme.admin.id, acme.member.id]
    assert acme.kili.count_users(organization_id=acme.id) == 2
    assert [each["id"] for each in acme.kili.users(organization_id=acme.id, email=acme.member.email)] == [acme.member.id]


@pytest.mark.parametrize("id", [NO_ID, "no such thing", "%", "x" * 300, "a\u0000b"])
def test_an_unknown_organization_holds_nobody(sdk, acme, id):
    assert acme.kili.users(organization_id=id) == []
    assert acme.kili.count_users(organization_id=id) == 0
    assert acme.kili.users(organization_id=id, email=acme.member.email) == []
    assert acme.kili.organizations(organization_id=id) == []
    assert acme.kili.count_organizations(organization_id=id) == 0


def test_every_field_of_a_user(acme):
    fields = ["id", "email", "firstname", "lastname", "activated", "createdAt", "updatedAt", "organizationId", "organizationRole",
              "organization.id", "organization.name"]
    admin, member = acme.kili.users(fields=fields)
    assert admin == {
        "id": acme.admin.id, "email": acme.admin.email, "firstname": "Ada", "lastname": "Example", "activated": True,
        "createdAt": admin["createdAt"], "updatedAt": admin["updatedAt"], "organizationId": acme.id, "organizationRole": "ADMIN",
        "organization": {"id": acme.id, "name": acme.organization.name},
    }
    assert member["organizationRole"] == "USER"


def test_keys_are_seen_on_the_caller_alone(acme):
    admin, member = acme.kili.users(fields=["id", "apiKeys.id", "apiKeys.name", "apiKeys.createdAt"])
    assert [each["name"] for each in admin["apiKeys"]] == ["laptop"]
    assert member["id"] == acme.member.id
    assert not member["apiKeys"]


def test_who_is_no_administrator_sees_nobody_else(sdk, acme, bolt):
    kili = acme.member_kili
    assert [each["id"] for each in kili.users()] == [acme.member.id]
    assert kili.count_users() == 1
    assert [each["id"] for each in kili.users(email=acme.member.email)] == [acme.member.id]
    for email in [acme.admin.email, bolt.member.email]:
        assert kili.users(email=email) == []
        assert kili.count_users(email=email) == 0
    assert kili.users(organization_id=bolt.id) == []
    try:
        assert {each["id"] for each in kili.organizations()} <= {acme.id}
    except sdk.GraphQLError as error:
        assert "FORBIDDEN" in str(error), "without `read:org`"


def test_another_organization_does_not_exist(sdk, acme, bolt):
    kili = acme.kili
    assert kili.users(email=bolt.member.email) == []
    assert kili.count_users(email=bolt.member.email) == 0
    assert kili.users(organization_id=bolt.id) == []
    assert kili.count_users(organization_id=bolt.id) == 0
    assert kili.users(organization_id=bolt.id, email=acme.member.email) == []
    assert kili.organizations(organization_id=bolt.id) == []
    assert kili.organizations(email=bolt.member.email) == []
    assert kili.count_organizations(organization_id=bolt.id) == 0
    assert kili.count_organizations(email=bolt.member.email) == 0
    assert sdk.api_keys(kili, user_id=bolt.member.id) == []
    assert sdk.api_keys(kili, api_key=bolt.member_key) == []
    assert sdk.count_api_keys(kili, user_id=bolt.member.id) == 0
    assert sdk.count_api_keys(kili, api_key=bolt.member_key) == 0


# Paging (6.2 rules 5, 6)


def test_paging_lists_everybody_once_and_in_order(crowd):
    for _ in range(2):
        wire.clear()
        assert [each["email"] for each in crowd.kili.users(fields=["email"])] == crowd.emails
        assert [len(rows(page)) for page in wire.of("users")] == [100, 100, 30]
    assert crowd.kili.count_users() == CROWD


@pytest.mark.parametrize("first, skip", [
    (1, 0), (7, 0), (99, 0), (100, 0), (101, 0), (150, 0), (1000, 0), (100, 130), (50, 200), (1, 229), (None, 225), (None, 0),
    (5, 230), (5, 231), (None, 100_000), (5, 2_147_483_000),
])
def test_first_and_skip(sdk, crowd, first, skip):
    found = [each["email"] for each in crowd.kili.users(first=first, skip=skip, fields=["email"])]
    left = max(CROWD - skip, 0)
    assert len(found) == sdk.rows_given(left if first is None else min(first, left), first, left)
    assert found == crowd.emails[skip:][:len(found)]


@pytest.mark.parametrize("first", [1, 50, 100])
@pytest.mark.parametrize("skip", [0, 229, 230, 100_000])
def test_a_page_is_as_long_as_asked_for(crowd, first, skip):
    body = {"query": "query users($where: UserWhere!, $first: PageSize!, $skip: Int!) {"
                     " data: users(where: $where, first: $first, skip: $skip) { email } }",
            "variables": {"where": {"organization": {"id": None}}, "first": first, "skip": skip}}
    page = rows(directory.raw(body, crowd.key))
    assert [each["email"] for each in page] == crowd.emails[skip:skip + first]


def test_a_generator_reads_page_by_page(crowd):
    found = crowd.kili.users(fields=["email"], as_generator=True, disable_tqdm=True)
    assert isinstance(found, types.GeneratorType)
    assert next(found)["email"] == crowd.emails[0]
    assert len(wire.of("users")) == 1
    assert [each["email"] for each in found] == crowd.emails[1:]


def test_an_unknown_field_leaves_the_client_usable(sdk, acme):
    with pytest.raises(sdk.UnknownField):
        acme.kili.users(fields=["id", "shoeSize"])
    assert acme.kili.count_users() == 2


# organizations, count_organizations


def test_organizations(acme):
    own = [{"id": acme.id, "name": acme.organization.name}]
    assert acme.kili.organizations() == own
    assert acme.kili.organizations(organization_id=acme.id) == own
    assert acme.kili.organizations(email=acme.member.email.upper()) == own
    assert acme.kili.organizations(organization_id=acme.id, email=acme.member.email) == own
    assert acme.kili.organizations(disable_tqdm=True) == own
    assert list(acme.kili.organizations(as_generator=True, disable_tqdm=True)) == own
    assert acme.kili.organizations(first=1) == own
    assert acme.kili.organizations(skip=1) == []
    assert acme.kili.count_organizations() == 1
    assert acme.kili.count_organizations(organization_id=acme.id, email=acme.member.email) == 1


def test_organizations_with_their_users(acme):
    found = acme.kili.organizations(organization_id=acme.id, fields=["name", "users.email", "users.id"])
    assert found[0]["name"] == acme.organization.name
    assert sorted(each["email"] for each in found[0]["users"]) == sorted([acme.admin.email, acme.member.email])


def test_the_super_administrator_sees_every_organization(owner, acme, bolt):
    for house in [acme, bolt]:
        assert [each["id"] for each in owner.organizations(organization_id=house.id)] == [house.id]
        assert [each["id"] for each in owner.organizations(email=house.member.email)] == [house.id]
    assert owner.count_organizations() == len(owner.organizations()) >= 3


# api_keys, count_api_keys (6.2 rules 7, 14)


def test_api_keys_are_the_callers_own(sdk, works, acme):
    person = works.person("kim")
    keys = {name: person.key(name) for name in ["one", "two", "three"]}
    kili = sdk.connect(keys["two"])

    found = sdk.api_keys(kili, fields=["id", "name", "createdAt", "revoked", "userId", "user.email"])
    assert [each["name"] for each in found] == ["one", "two", "three"]
    assert {(each["revoked"], each["userId"], each["user"]["email"]) for each in found} == {(False, person.id, person.email)}
    assert sdk.count_api_keys(kili) == 3
    assert set(sdk.api_keys(kili)[0]) == {"id", "name", "createdAt", "revoked"}

    assert [each["name"] for each in sdk.api_keys(kili, first=2)] == ["one", "two"]
    assert [each["name"] for each in sdk.api_keys(kili, skip=2)] == ["three"]
    assert sdk.api_keys(kili, skip=3) == []
    assert [each["name"] for each in sdk.api_keys(kili, as_generator=True, disable_tqdm=True)] == ["one", "two", "three"]

    assert [each["name"] for each in sdk.api_keys(kili, api_key=keys["three"])] == ["three"]
    assert [each["name"] for each in sdk.api_keys(kili, api_key_id=found[0]["id"])] == ["one"]
    assert len(sdk.api_keys(kili, user_id=person.id)) == 3
    assert sdk.count_api_keys(kili, api_key=keys["one"], user_id=person.id, api_key_id=found[0]["id"]) == 1
    assert sdk.count_api_keys(kili, api_key=keys["one"], api_key_id=found[1]["id"]) == 0

    nothing = [{"api_key": "nonsense"}, {"api_key_id": "nonsense"}, {"user_id": "nonsense"}, {"api_key_id": NO_ID}, {"api_key": ""},
               {"user_id": works.admin.id}, {"api_key": works.admin_key}, {"api_key": acme.admin_key}]
    for filters in nothing:
        assert sdk.api_keys(kili, **filters) == [], filters
        assert sdk.count_api_keys(kili, **filters) == 0, filters


def test_an_administrator_sees_keys_of_others_who_are_named(sdk, acme):
    assert [each["name"] for each in sdk.api_keys(acme.kili, fields=["name", "userId"])] == ["laptop"]
    assert [each["name"] for each in sdk.api_keys(acme.kili, user_id=acme.member.id, fields=["name"])] == ["laptop"]
    assert sdk.count_api_keys(acme.kili, user_id=acme.member.id) == 1
    assert sdk.api_keys(acme.kili, api_key=acme.member_key) == []
    assert sdk.api_keys(acme.member_kili, user_id=acme.admin.id) == []


# create_user (6.2 rule 9)


@pytest.mark.parametrize("role", ["ADMIN", "USER"])
def test_create_user(sdk, works, role):
    email = directory.address("new")
    before = works.kili.count_users()
    made = works.kili.create_user(email, PASSWORD, role, firstname="Ann", lastname="Lee")
    assert set(made) == {"id"}
    assert works.kili.count_users() == before + 1
    fields = ["id", "email", "firstname", "lastname", "activated", "organizationId", "organizationRole"]
    assert works.kili.users(email=email, fields=fields) == [
        {"id": made["id"], "email": email, "firstname": "Ann", "lastname": "Lee", "activated": True, "organizationId": works.id,
         "organizationRole": role}]
    assert directory.password_is(email, PASSWORD)
    assert not directory.password_is(email, OTHER_PASSWORD)
    kili = sdk.connect(directory.Person(made["id"], email, PASSWORD, works.organization).key())
    assert (kili.count_users() > 1) == (role == "ADMIN")


def test_create_user_without_names(works):
    email = directory.address("new")
    works.kili.create_user(email, PASSWORD, "USER")
    assert works.kili.users(email=email, fields=["firstname", "lastname"]) == [{"firstname": None, "lastname": None}]


def test_create_user_stores_the_email_in_lower_case(works):
    email = directory.address("new")
    made = works.kili.create_user(email.replace("new", "New+Tag").replace("example", "EXAMPLE"), PASSWORD, "USER")
    assert works.kili.users(email=email.replace("new", "new+tag"), fields=["id", "email"]) == [
        {"id": made["id"], "email": email.replace("new", "new+tag")}]


def test_create_user_by_the_super_administrator_goes_to_its_own_organization(owner):
    email = directory.address("new")
    owner.create_user(email, PASSWORD, "USER")
    assert owner.users(email=email, fields=["organizationId"]) == [{"organizationId": "platform"}]


def test_create_user_refuses_a_taken_email(sdk, works):
    person = works.person()
    for email in [person.email, person.email.upper()]:
        with directory.unchanged(works.organization), refused(sdk, "CONFLICT"):
            works.kili.create_user(email, PASSWORD, "ADMIN", firstname="Mallory")


def test_two_organizations_share_an_address_and_neither_notices(sdk, works, owner):
    elsewhere = House(sdk, "Elsewhere")
    theirs, before = elsewhere.member, elsewhere.organization.users()
    here = works.kili.create_user(theirs.email.upper(), OTHER_PASSWORD, "USER", firstname="Here")
    # Each finds its own user by the address, and changes no other.
    for kili, id in [(works.kili, here["id"]), (elsewhere.kili, theirs.id), (elsewhere.member_kili, theirs.id)]:
        assert [each["id"] for each in kili.users(email=theirs.email)] == [id]
        assert [each["id"] for each in kili.users() if each["email"] == theirs.email] == [id]
    assert works.kili.update_properties_in_user(theirs.email, firstname="Hera", organization_role="ADMIN") == here
    passing = OTHER_PASSWORD + "!"
    assert works.kili.update_password(theirs.email, OTHER_PASSWORD, passing, passing) == here
    assert sdk.reset_password(works.kili, theirs.email) == here
    assert elsewhere.organization.users() == before
    assert directory.password_is(theirs.email, PASSWORD, elsewhere.organization)
    assert directory.password_is(theirs.email, passing, works.organization)
    ours = works.organization.users()
    assert elsewhere.kili.update_properties_in_user(theirs.email, activated=False) == {"id": theirs.id}
    assert works.organization.users() == ours
    # Only who reaches both has to say which one is meant.
    with directory.unchanged(works.organization, elsewhere.organization), refused(sdk, "CONFLICT", holding="several organizations"):
        owner.update_properties_in_user(theirs.email, firstname="Mallory")


@pytest.mark.parametrize("email", ["", "x", "@", "x@", "@example.com", "a b@example.com", "a@b@example.com", "a@example..com",
                                   "a\n@example.com", "x" * 300 + "@example.com"])
def test_create_user_refuses_what_is_no_email(sdk, works, email):
    with directory.unchanged(works.organization), refused(sdk, "INVALID"):
        works.kili.create_user(email, PASSWORD, "USER")


@pytest.mark.parametrize("password", ["", "Ab3-xyz", "x" * 129])
def test_create_user_refuses_a_password_too_short_or_too_long(sdk, works, password):
    email = directory.address("new")
    with directory.unchanged(works.organization), refused(sdk, "INVALID", holding="password"):
        works.kili.create_user(email, password, "USER")


def test_create_user_refuses_an_unknown_role(works):
    """The new SDK refuses it itself, so this one is sent by hand."""
    body = {"query": "mutation($data: CreateUserData!) { data: createUser(data: $data) { id } }",
            "variables": {"data": {"email": directory.address("new"), "password": PASSWORD, "organizationRole": "EMPEROR"}}}
    with directory.unchanged(works.organization):
        refusal(directory.raw(body, works.admin_key))


def test_create_user_is_for_administrators(sdk, works, bolt):
    for email in [directory.address("new"), works.admin.email, bolt.admin.email]:
        with directory.unchanged(works.organization, bolt.organization), refused(sdk, "FORBIDDEN"):
            works.member_kili.create_user(email, PASSWORD, "USER")


# update_properties_in_user (6.2 rules 1, 3, 4, 8, 10, 13)


@pytest.mark.parametrize("given, changed", [
    ({"firstname": "Ida"}, {"firstname": "Ida"}),
    ({"lastname": "Núñez"}, {"lastname": "Núñez"}),
    ({"organization_role": "ADMIN"}, {"organizationRole": "ADMIN"}),
    ({"organization_role": "USER"}, {}),
    ({"activated": False}, {"activated": False}),
    ({"activated": True}, {}),
    ({"firstname": "Ida", "lastname": "Núñez", "organization_role": "ADMIN", "activated": False},
     {"firstname": "Ida", "lastname": "Núñez", "organizationRole": "ADMIN", "activated": False}),
    ({}, {}),
], ids=lambda value: "-".join(value) or "nothing")
def test_update_changes_what_it_names_and_nothing_else(works, given, changed):
    person = works.person(password=PASSWORD)
    before = person.row()
    assert works.kili.update_properties_in_user(person.email, **given) == {"id": person.id}
    after = person.row()
    assert after == {**before, **changed, "updatedAt": after["updatedAt"]}
    assert after["updatedAt"] >= before["updatedAt"]
    person.update(activated=True)
    assert directory.password_is(person.email, PASSWORD)


def test_update_into_the_own_organization_changes_nothing(sdk, works):
    person = works.person()
    key, before = person.key(), person.row()
    assert works.kili.update_properties_in_user(person.email, organization_id=works.id) == {"id": person.id}
    assert person.row() == {**before, "updatedAt": person.row()["updatedAt"]}
    sdk.connect(key)


def test_update_finds_the_email_in_any_case(works):
    person = works.person()
    before = person.row()
    assert works.kili.update_properties_in_user(person.email.upper(), firstname="Ida") == {"id": person.id}
    after = person.row()
    assert after == {**before, "firstname": "Ida", "updatedAt": after["updatedAt"]}


def test_update_with_an_empty_text_clears_it(works):
    person = works.person()
    works.kili.update_properties_in_user(person.email, firstname="")
    assert person.row()["firstname"] in (None, "")
    assert person.row()["lastname"] == "Example"


def test_nulls_in_data_change_nothing(works):
    person = works.person()
    before = person.row()
    fields = ["email", "firstname", "lastname", "organizationId", "organizationRole", "activated"]
    body = {"query": "mutation($data: UserData!, $where: UserWhere!) { data: updatePropertiesInUser(data: $data, where: $where) { id } }",
            "variables": {"data": dict.fromkeys(fields), "where": {"email": person.email, "organization": {"id": None}}}}
    assert rows(directory.raw(body, works.admin_key)) == {"id": person.id}
    assert person.row() == {**before, "updatedAt": person.row()["updatedAt"]}


def test_a_deactivated_user_stays_listed_and_its_keys_end(sdk, works):
    person = works.person()
    key, before = person.key(), works.kili.count_users()
    sdk.connect(key)
    works.kili.update_properties_in_user(person.email, activated=False)
    assert works.kili.users(email=person.email, fields=["id", "activated"]) == [{"id": person.id, "activated": False}]
    assert works.kili.count_users() == before
    with pytest.raises(sdk.AuthenticationFailed):
        sdk.connect(key)
    answer = directory.raw({"query": "{ viewer { id email } }"}, key)
    assert (answer.status, answer.text) == (401, "Unauthorized")
    works.kili.update_properties_in_user(person.email, activated=True)
    assert [each["id"] for each in sdk.connect(key).users()] == [person.id]


def test_a_role_counts_from_the_next_call_on(sdk, works):
    person = works.person(role="ADMIN")
    kili = sdk.connect(person.key())
    assert kili.count_users() > 1
    works.kili.update_properties_in_user(person.email, organization_role="USER")
    assert kili.count_users() == 1
    with directory.unchanged(works.organization), refused(sdk, "FORBIDDEN"):
        kili.update_properties_in_user(works.member.email, firstname="Mallory")


def test_the_super_administrator_moves_a_user(sdk, works, owner):
    person = works.person("nomad")
    key, elsewhere = person.key(), directory.organization("Elsewhere")
    assert owner.update_properties_in_user(person.email, organization_id=elsewhere.id) == {"id": person.id}
    assert works.kili.users(email=person.email) == []
    fields = ["id", "organizationId", "organization.name", "organizationRole", "firstname", "activated"]
    assert owner.users(organization_id=elsewhere.id, fields=fields) == [
        {"id": person.id, "organizationId": elsewhere.id, "organization": {"name": elsewhere.name}, "organizationRole": "USER",
         "firstname": "Nomad", "activated": True}]
    with pytest.raises(sdk.AuthenticationFailed):
        sdk.connect(key)


def test_update_refuses_an_unknown_user_and_another_organizations_alike(sdk, works, bolt):
    seen = []
    for email in [NO_ADDRESS, bolt.member.email, bolt.admin.email, "nonsense", ""]:
        with directory.unchanged(works.organization, bolt.organization), refused(sdk, "NOT_FOUND", "INVALID") as refusal:
            works.kili.update_properties_in_user(email, firstname="Mallory", activated=False)
        seen.append((refusal.code, refusal.message.replace(email, "…") if email else None))
    assert seen[:3] == [("NOT_FOUND", seen[0][1])] * 3


def test_update_refuses_an_organization_unknown_or_not_administered_alike(sdk, works, bolt):
    person = works.person()
    key, seen = person.key(), []
    for id in [NO_ID, bolt.id]:
        with directory.unchanged(works.organization, bolt.organization), refused(sdk) as refusal:
            works.kili.update_properties_in_user(person.email, firstname="Mallory", organization_id=id)
        seen.append((refusal.code, refusal.message.replace(id, "…")))
    assert seen[0] == seen[1]
    assert seen[0][0] in ("FORBIDDEN", "INVALID", "NOT_FOUND")
    sdk.connect(key)


@pytest.mark.parametrize("given", [{"activated": False}, {"organization_role": "USER"}], ids=lambda value: "-".join(value))
def test_nobody_deactivates_or_demotes_themselves(sdk, works, given):
    person = works.person(role="ADMIN")
    kili = sdk.connect(person.key())
    with directory.unchanged(works.organization), refused(sdk, "INVALID"):
        kili.update_properties_in_user(person.email, **given)


def test_update_is_for_administrators(sdk, works, bolt):
    others = [works.person(role="ADMIN").email, works.person().email, bolt.member.email, NO_ADDRESS]
    for email in others:
        for given in [{"firstname": "Mallory"}, {"organization_role": "ADMIN"}, {"activated": False}, {"organization_id": bolt.id}]:
            with directory.unchanged(works.organization, bolt.organization), refused(sdk, "FORBIDDEN"):
                works.member_kili.update_properties_in_user(email, **given)


def test_nobody_raises_the_own_role(sdk, works):
    with directory.unchanged(works.organization), refused(sdk, "FORBIDDEN"):
        works.member_kili.update_properties_in_user(works.member.email, firstname="Mallory", organization_role="ADMIN")


def test_a_team_manager_reads_and_changes_nothing(sdk, works, bolt):
    kili = sdk.connect(works.person("tim", "TEAM_MANAGER").key())
    assert [each["id"] for each in kili.users(email=works.member.email)] == [works.member.id]
    assert kili.users(email=bolt.member.email) == []
    for change in [
        lambda: kili.create_user(directory.address("new"), PASSWORD, "USER"),
        lambda: kili.update_properties_in_user(works.member.email, firstname="Mallory"),
        lambda: kili.update_password(works.member.email, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD),
        lambda: sdk.reset_password(kili, works.member.email),
    ]:
        with directory.unchanged(works.organization), refused(sdk, "FORBIDDEN"):
            change()


# update_password (6.2 rules 11, 13; 6.3)


def test_update_password_of_oneself(sdk, works):
    person = works.person(password=PASSWORD)
    key = person.key()
    kili = sdk.connect(key)
    assert kili.update_password(person.email.upper(), PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD) == {"id": person.id}
    assert directory.password_is(person.email, OTHER_PASSWORD)
    assert not directory.password_is(person.email, PASSWORD)
    sdk.connect(key)


def test_update_password_by_an_administrator(works):
    person = works.person(password=PASSWORD)
    assert works.kili.update_password(person.email, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD) == {"id": person.id}
    assert directory.password_is(person.email, OTHER_PASSWORD)


def test_update_password_refuses_a_wrong_old_one_from_everybody(sdk, works, owner):
    person = works.person(password=PASSWORD)
    for kili in [sdk.connect(person.key()), works.kili, owner]:
        with directory.unchanged(works.organization), refused(sdk, holding="password"):
            kili.update_password(person.email, PASSWORD.lower(), OTHER_PASSWORD, OTHER_PASSWORD)
    assert directory.password_is(person.email, PASSWORD)
    assert not directory.password_is(person.email, OTHER_PASSWORD)


@pytest.mark.parametrize("first, second", [
    (OTHER_PASSWORD, OTHER_PASSWORD + "!"), (OTHER_PASSWORD, ""), (OTHER_PASSWORD, OTHER_PASSWORD.lower()),
    ("Ab3-xyz", "Ab3-xyz"), ("", ""), ("x" * 129, "x" * 129),
], ids=["different", "second-empty", "different-case", "short", "empty", "long"])
def test_update_password_refuses_a_new_one_that_will_not_do(sdk, works, first, second):
    person = works.person(password=PASSWORD)
    with directory.unchanged(works.organization), refused(sdk, "INVALID", holding="password"):
        works.kili.update_password(person.email, PASSWORD, first, second)
    assert directory.password_is(person.email, PASSWORD)


def test_update_password_refuses_an_unknown_user_and_another_organizations_alike(sdk, works, bolt):
    seen = []
    for email in [NO_ADDRESS, bolt.member.email]:
        with directory.unchanged(bolt.organization), refused(sdk, "NOT_FOUND") as refusal:
            works.kili.update_password(email, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD)
        seen.append(refusal.message.replace(email, "…"))
    assert seen[0] == seen[1]
    assert directory.password_is(bolt.member.email, PASSWORD)


def test_update_password_of_another_is_for_administrators(sdk, works, bolt):
    for email in [works.admin.email, bolt.member.email, NO_ADDRESS]:
        with directory.unchanged(works.organization, bolt.organization), refused(sdk, "FORBIDDEN"):
            works.member_kili.update_password(email, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD)
    assert directory.password_is(works.admin.email, PASSWORD)


def test_a_wrong_old_password_ten_times_over_locks_nobody_out(sdk, works):
    person = works.person(password=PASSWORD)
    kili = sdk.connect(person.key())
    for _ in range(10):
        with refused(sdk, holding="password"):
            kili.update_password(person.email, "Wrong-one-99", OTHER_PASSWORD, OTHER_PASSWORD)
    assert kili.update_password(person.email, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD) == {"id": person.id}


# reset_password (6.2 rules 12, 13)


def test_reset_password_leaves_password_and_keys_as_they_are(sdk, works):
    person = works.person(password=PASSWORD)
    key, before = person.key(), person.row()
    assert sdk.reset_password(works.kili, person.email.upper()) == {"id": person.id}
    mail, = directory.mails(person.email, at_least=1)
    assert mail.link.startswith(directory.URL)
    assert mail.token not in wire[-1].text
    assert person.row() == {**before, "updatedAt": person.row()["updatedAt"]}
    assert directory.password_is(person.email, PASSWORD)
    sdk.connect(key)


@pytest.mark.parametrize("by", ["themselves", "an administrator"])
def test_reset_password_is_completed_by_the_mail(sdk, works, by):
    person = works.person(password=PASSWORD)
    kili = sdk.connect(person.key()) if by == "themselves" else works.kili
    assert sdk.reset_password(kili, person.email) == {"id": person.id}
    mail, = directory.mails(person.email, at_least=1)
    directory.mutate("completePasswordReset", {"token": ("String!", mail.token), "newPassword": ("String!", OTHER_PASSWORD)}, key=None)
    assert directory.password_is(person.email, OTHER_PASSWORD)
    assert not directory.password_is(person.email, PASSWORD)


def test_reset_password_refuses_an_unknown_user_and_another_organizations_alike(sdk, works, bolt):
    seen = []
    for email in [NO_ADDRESS, bolt.member.email]:
        with directory.unchanged(bolt.organization), refused(sdk, "NOT_FOUND") as refusal:
            sdk.reset_password(works.kili, email)
        seen.append(refusal.message.replace(email, "…"))
    assert seen[0] == seen[1]
    assert directory.mails(bolt.member.email) == []


def test_reset_password_of_another_is_for_administrators(sdk, works, bolt):
    for email in [works.admin.email, bolt.member.email, NO_ADDRESS]:
        with directory.unchanged(works.organization, bolt.organization), refused(sdk, "FORBIDDEN"):
            sdk.reset_password(works.member_kili, email)


# null means "not given", and nobody is nobody (6.2 rules 1, 2)


@pytest.mark.parametrize("where", [
    {}, {"id": None}, {"idIn": None}, {"id": None, "idIn": None, "email": None, "activated": None, "apiKey": None, "organization": None},
    {"organization": {"id": None}}, {"organization": {"id": None, "user": None}}, {"organization": {"user": {"email": None}}},
    {"organization": {}},
], ids=str)
def test_nulls_in_where_filter_nothing(acme, where):
    body = {"query": "query($where: UserWhere!) { data: countUsers(where: $where) }", "variables": {"where": where}}
    assert rows(directory.raw(body, acme.admin_key)) == 2


@pytest.mark.parametrize("where", [{}, {"id": None, "user": None}, {"user": {"email": None}}, {"id": None, "user": {"id": None}}], ids=str)
def test_nulls_in_an_organizations_where_filter_nothing(acme, where):
    body = {"query": "query($where: OrganizationWhere!) { data: countOrganizations(where: $where) }", "variables": {"where": where}}
    assert rows(directory.raw(body, acme.admin_key)) == 1


@pytest.mark.parametrize("where", [{}, {"id": None, "key": None, "user": None}, {"user": {"id": None, "apiKey": None}, "id": None}], ids=str)
def test_nulls_in_a_keys_where_filter_nothing(acme, where):
    body = {"query": "query($where: ApiKeyWhere!) { data: countApiKeys(where: $where) }", "variables": {"where": where}}
    assert rows(directory.raw(body, acme.admin_key)) == 1


@pytest.mark.parametrize("call", [
    "updatePropertiesInUser(data: {firstname: \"Mallory\"}, where: $where)",
    "resetPassword(where: $where)",
    f"updatePassword(data: {{oldPassword: \"{PASSWORD}\", newPassword1: \"{OTHER_PASSWORD}\", newPassword2: \"{OTHER_PASSWORD}\"}},"
    " where: $where)",
], ids=["updatePropertiesInUser", "resetPassword", "updatePassword"])
def test_a_mutation_that_names_nobody_is_refused(works, call):
    body = {"query": f"mutation($where: UserWhere!) {{ data: {call} {{ id }} }}"}
    for where in [{}, {"email": None}, {"id": None, "email": None, "idIn": None, "organization": {"id": None}},
                  {"organization": {"id": works.id}}, {"activated": True}]:
        for key in [works.admin_key, works.member_key, directory.ADMIN_API_KEY]:
            with directory.unchanged(works.organization):
                refusal(directory.raw({**body, "variables": {"where": where}}, key))
    assert directory.password_is(works.member.email, PASSWORD)


# 6.3: also what never reaches a resolver has the form of an error


@pytest.mark.parametrize("body", [
    {"query": "{ viewer { id email "},
    {"query": ""},
    {"query": "{ viewer { shoeSize } }"},
    {"query": "query($where: UserWhere!) { data: countUsers(where: $where) }"},
    {"query": "query($where: UserWhere!) { data: countUsers(where: $where) }", "variables": {"where": None}},
    {"query": "query($where: UserWhere!) { data: countUsers(where: $where) }", "variables": {"where": {"email": 7}}},
    {"query": "query($where: UserWhere!) { data: countUsers(where: $where) }", "variables": {"where": {"shoeSize": 7}}},
    {"query": "{ data: users(where: {}, first: 101, skip: 0) { id } }"},
    {"query": "{ data: users(where: {}, first: 10, skip: -1) { id } }"},
    {"query": "{ viewer " + "{ organization { users " * 30 + "{ id }" + " } }" * 30 + " }"},
    {"query": "{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(2000)) + " }"},
    {"query": "subscription { users { id } }"},
], ids=["syntax", "empty", "field", "variable-missing", "variable-null", "variable-type", "variable-field", "page-size", "skip", "depth", "aliases", "subscription"])
def test_every_error_has_extensions(acme, body):
    refusal(directory.raw(body, acme.admin_key))
