"""`kili` 2.128.2: the tests of both versions, and those for this one alone."""

import math

import pytest

pytest.register_assert_rewrite("kili_both", "directory")

import directory  # noqa: E402
from directory import OTHER_PASSWORD, PASSWORD  # noqa: E402
from kili.client import Kili  # noqa: E402
from kili.exceptions import AuthenticationFailed, GraphQLError, NonExistingFieldError  # noqa: E402
from kili_both import *  # noqa: E402, F403
from kili_both import refused, wire  # noqa: E402


class Old:
    AuthenticationFailed = AuthenticationFailed
    GraphQLError = GraphQLError
    UnknownField = NonExistingFieldError

    @staticmethod
    def connect(key, api_endpoint=directory.KILI_ENDPOINT):
        return Kili(api_key=key, api_endpoint=api_endpoint)

    @staticmethod
    def reset_password(kili, email):
        return kili.reset_password(email)

    @staticmethod
    def api_keys(kili, **arguments):
        found = kili.api_keys(**arguments)
        return list(found) if arguments.get("as_generator") else found

    @staticmethod
    def count_api_keys(kili, **arguments):
        return kili.count_api_keys(**arguments)

    @staticmethod
    def rows_given(wanted, first, left):
        """It asks for whole pages and does not cut: up to 200 rows for 150."""
        page = min(100, first or 100)
        return min(math.ceil(wanted / page) * page, left)


@pytest.fixture(scope="session")
def sdk():
    return Old


def test_old_construction_in_order(acme):
    Old.connect(acme.admin_key)
    version, me, count, keys = wire
    assert (version.method, version.url, version.status) == ("GET", directory.KILI_VERSION, 200)
    assert "Authorization" not in version.headers
    assert "me" in me.document
    assert me.variables is None
    assert me.json() == {"data": {"data": {"id": acme.admin.id, "email": acme.admin.email}}}
    assert (count in wire.of("countApiKeys"), keys in wire.of("apiKeys")) == (True, True)
    assert keys.variables == {"where": {"user": {"id": None, "apiKey": acme.admin_key}, "id": None}, "skip": 0, "first": 100}
    for each in [me, count, keys]:
        assert each.headers["Authorization"] == f"X-API-Key: {acme.admin_key}"


def test_old_knows_the_caller(acme):
    kili = Old.connect(acme.member_key)
    assert (kili.auth.user_id, kili.auth.user_email) == (acme.member.id, acme.member.email)


def test_old_users_by_key(acme, bolt):
    assert [each["id"] for each in acme.kili.users(api_key=acme.admin_key)] == [acme.admin.id]
    assert acme.kili.count_users(api_key=acme.admin_key) == 1
    assert acme.kili.users(api_key=acme.admin_key, email=acme.member.email) == []
    assert [each["id"] for each in acme.member_kili.users(api_key=acme.member_key)] == [acme.member.id]
    for key in ["nonsense", "", "tnt_unknown", acme.admin_key[:-1], acme.admin_key.swapcase(), "a\u0000b", bolt.admin_key, bolt.member_key]:
        assert acme.kili.users(api_key=key) == [], key
        assert acme.kili.count_users(api_key=key) == 0, key


def test_old_a_key_of_somebody_else_finds_its_owner_or_nobody(acme):
    """The contract leaves open whether an administrator may ask whose key this is; a member never sees the administrator."""
    assert [each["id"] for each in acme.kili.users(api_key=acme.member_key)] in ([], [acme.member.id])
    assert acme.member_kili.users(api_key=acme.admin_key) == []


def test_old_empty_filters_are_given(acme):
    assert acme.kili.users(email="") == []
    assert acme.kili.users(organization_id="") == []
    assert acme.kili.organizations(organization_id="") == []


def test_old_a_key_that_ends_in_mid_life(works):
    person = works.person()
    kili = Old.connect(person.key())
    assert kili.count_users() == 1
    works.kili.update_properties_in_user(person.email, activated=False)
    with pytest.raises(Exception, match="^b'Unauthorized'$"):
        kili.count_users()
    works.kili.update_properties_in_user(person.email, activated=True)
    assert kili.count_users() == 1


@pytest.mark.parametrize("role", ["ADMIN", "TEAM_MANAGER", "REVIEWER", "LABELER", "USER"])
def test_old_every_role_of_its_documentation(works, role):
    email = directory.address("new")
    works.kili.create_user(email, PASSWORD, role)
    assert works.kili.users(email=email, fields=["organizationRole"]) == [{"organizationRole": role}]
    person = works.person(role="USER")
    works.kili.update_properties_in_user(person.email, organization_role=role)
    assert person.row()["organizationRole"] == role


def test_old_an_unknown_role(works):
    person = works.person()
    for role in ["EMPEROR", "admin", ""]:
        with directory.unchanged(works.organization), refused(Old):
            works.kili.create_user(directory.address("new"), PASSWORD, role)
        with directory.unchanged(works.organization), refused(Old):
            works.kili.update_properties_in_user(person.email, firstname="Mallory", organization_role=role)


def test_old_what_is_not_given_is_absent_and_changes_nothing(works):
    person = works.person()
    before = person.row()
    wire.clear()
    works.kili.update_properties_in_user(person.email, firstname="Ida")
    assert wire[0].variables == {"email": person.email, "firstname": "Ida"}
    after = person.row()
    assert after == {**before, "firstname": "Ida", "updatedAt": after["updatedAt"]}


def test_old_sends_emails_as_they_are(works):
    email = directory.address("new")
    works.kili.create_user(email.upper(), PASSWORD, "USER")
    assert wire[-1].variables["data"]["email"] == email.upper()
    assert works.kili.users(email=email, fields=["email"]) == [{"email": email}]
    works.kili.update_properties_in_user(email.upper(), firstname="Ida")
    assert wire[-1].variables["email"] == email.upper()
    assert works.kili.users(email=email, fields=["email", "firstname"]) == [{"email": email, "firstname": "Ida"}]


def test_old_a_refusal_is_not_sent_again(works, monkeypatch):
    """As delivered it sends a failure with status 200 ten times; `refused` sees to it that it was sent once."""
    monkeypatch.delenv("KILI_SDK_TRIALS_NUMBER")
    person = works.person(password=PASSWORD)
    kili = Old.connect(person.key())
    with directory.unchanged(works.organization):
        with refused(Old, holding="password"):
            kili.update_password(person.email, "Wrong-one-99", OTHER_PASSWORD, OTHER_PASSWORD)
        with refused(Old, "CONFLICT"):
            works.kili.create_user(person.email, PASSWORD, "USER")
        with refused(Old, "FORBIDDEN"):
            kili.update_properties_in_user(works.admin.email, firstname="Mallory")
        with refused(Old, "NOT_FOUND"):
            works.kili.reset_password("nobody.at.all@example.com")
    assert kili.update_password(person.email, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD) == {"id": person.id}


def test_old_organizations_reads_until_a_page_is_empty(acme):
    assert [each["id"] for each in acme.kili.organizations(disable_tqdm=True)] == [acme.id]
    assert [each.json()["data"]["data"] != [] for each in wire.of("organizations")] == [True, False]
