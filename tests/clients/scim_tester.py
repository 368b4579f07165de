"""`scim2 … test`, the public checks of SCIM 2.0 servers, as an administrator runs them: in a new organization, whose lists fit one
page, with the key of a service user. Each of its checks is a test here."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

pytest.register_assert_rewrite("directory")

import directory  # noqa: E402
from scim_wire import House  # noqa: E402

# What the checks are with three schemas; a server that shows fewer attributes is checked less.
CHECKS_MIN = 125
CHECK = re.compile(r"(SUCCESS|COMPLIANT|ACCEPTABLE|DEVIATION|ERROR|CRITICAL|SKIPPED) (\w+)")
SECONDS_MAX = 300


def run():
    """How `scim2` ended, and what it says of each check: its status, its name and why."""
    house = House("Tester")
    program = pathlib.Path(sys.executable).parent / "scim2"
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SCIM_CLI_")}
    done = subprocess.run([program, "--url", f"{directory.URL}/scim/v2", "test", "--verbose"], text=True, capture_output=True, timeout=SECONDS_MAX,
                          env=variables | {"SCIM_CLI_HEADERS": f"Authorization: Bearer {house.key}"})
    checks = []
    for line in done.stdout.splitlines():
        if found := CHECK.fullmatch(line):
            checks.append((found[1], found[2], []))
        elif checks:
            checks[-1][2].append(line)
    return done, checks


def pytest_generate_tests(metafunc):
    if "check" in metafunc.fixturenames:
        metafunc.parametrize("check", CHECKS, ids=[f"{number}-{name}" for number, (_, name, _) in enumerate(CHECKS, 1)])


DONE, CHECKS = run()


def test_the_run():
    assert DONE.returncode == 0, DONE.stdout[-3000:] + DONE.stderr[-3000:]
    assert len(CHECKS) >= CHECKS_MIN


def test_a_check(check):
    status, name, why = check
    assert status == "SUCCESS", "\n".join([name, *why])
