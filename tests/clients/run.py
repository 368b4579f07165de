#!/usr/bin/env python3
"""Runs real clients, as their makers publish them, against a live tenantry server.

    cargo build
    python3 tests/clients/run.py --server target/debug/tenantry --database sqlite
    python3 tests/clients/run.py --server target/debug/tenantry --database postgres:postgres://…/empty --client kili-new

What it does
    1. makes a virtual environment for each client from `<client>.lock` (every package pinned), once per content of the
       lock file, under `<target>/clients/`; `<target>` is `$CARGO_TARGET_DIR` or `target`. Packages come from wherever
       pip is configured to take them; afterwards no network is needed. The clients of SCIM share `scim.lock`.
    2. starts the server on a free port, on a new SQLite file or on the PostgreSQL database given, which must be empty.
       Without a URL, `postgres` takes `$TENANTRY_DATABASE_URL`.
    3. runs each client's tests in its environment, one client after the other, against that one server.
    4. ends the server with SIGTERM, which must make it exit with 0.

For each client it closes with a line like `kili-new on sqlite: 41 passed, 0 failed`, and it exits with 0 only if nothing
failed anywhere. On a failure it shows the end of the server's log; a failed test shows what went over the wire.

Files
    run.py          this
    kili-old.lock   `kili` 2.128.2: plain `requests`, no schema of its own
    kili-new.lock   `kili` 26.2.4: introspects the schema and checks every document before it sends it
    kili_both.py    the tests that hold for both versions
    kili_old.py     how to call the old one, and the tests for it alone
    kili_new.py     the same for the new one
    air.lock        plain `requests`: Wasabi AiR's users and groups, for which there is no SDK
    air.py          the tests of it
    wallaroo.lock   `wallaroo` 2026.1.3, with 600 MB of what it depends on
    wallaroo_sdk.py the tests of it; `wallaroo.py` would stand in the package's place
    waii.lock       `waii-sdk-py` 1.30.0, with `pydantic`, which it needs and does not name
    waii.py         the tests of its user module
    scim.lock       `scim2-cli` 0.6.0 with `scim2-tester` 0.5.2, and pytest for the other clients of SCIM, which need no package
    scim_tester.py  `scim2 … test`: each of its checks is a test
    scim_entra.py   what Microsoft Entra ID sends, with its newer form of PATCH and without
    scim_okta.py    what Okta sends, from its wizard's and its catalogue's applications
    scim_onelogin.py what OneLogin sends
    scim_jumpcloud.py what JumpCloud, Ping, Google Workspace, authentik and the Keycloak plug-ins send
    scim_standard.py RFC 7643, 7644 and 9865: errors, discovery, queries, PATCH, Bulk, versions
    scim_hostile.py what nobody should send
    scim_seen.py    what went wrong in other servers, and races
    scim_wire.py    what these share
    directory.py    set-up over plain GraphQL, mails, and what goes over the wire

To see one test: put what pytest should know behind `--`, as in `… --client kili-old -- -k paging -x`.

A lock file is made again with `pip freeze` in a new environment in which `pip install kili==<version> pytest` was run
(`pip install requests pytest` for `air`, `pip install wallaroo==<version> pytest` for `wallaroo`,
`pip install waii-sdk-py==<version> pydantic pytest` for `waii`, `pip install scim2-cli==<version> scim2-tester==<version> pytest` for
`scim`).
Python 3.11 is needed for the clients; this file takes it from the PATH when it is run by another one.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CLIENTS = {"kili-old": "kili_old.py", "kili-new": "kili_new.py", "air": "air.py", "wallaroo": "wallaroo_sdk.py", "waii": "waii.py"}
SCIM_CLIENTS = {f"scim-{name}": f"scim_{name}.py" for name in ("tester", "entra", "okta", "onelogin", "jumpcloud", "standard", "hostile", "seen")}
CLIENTS |= SCIM_CLIENTS
# The lock files that do not have their client's name.
LOCKS = dict.fromkeys(SCIM_CLIENTS, "scim")

SERVER_START_SECONDS_MAX = 60
SERVER_STOP_SECONDS_MAX = 20
CLIENT_SECONDS_MAX = 1200
# A test that hangs, as in the new SDK's two minutes of retries, shows where.
TEST_SECONDS_BEFORE_TRACE = 150
LOG_LINES_SHOWN = 30


class Failed(Exception):
    """Something beside the tests went wrong; the message is for people."""


def main():
    options = parse_options()
    # So that whoever ends this also ends the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("failed: ended by SIGTERM"))
    clients = {"all": list(CLIENTS), "scim": list(SCIM_CLIENTS)}.get(options.client, [options.client])
    pythons = {client: environment(LOCKS.get(client, client)) for client in clients}
    database, url = options.database
    healthy = True
    with tempfile.TemporaryDirectory(prefix="tenantry-clients-") as folder:
        folder = pathlib.Path(folder)
        server = Server(options.server, url or f"sqlite://{folder}/t.db", folder, encrypted=database == "postgres")
        try:
            server.start()
            for client in clients:
                passed, failed = run_client(client, pythons[client], server, folder, options.pytest)
                healthy = healthy and failed == 0 and passed > 0
                print(f"{client} on {database}: {passed} passed, {failed} failed", flush=True)
        except Failed as failure:
            healthy = False
            print(f"failed: {failure}", file=sys.stderr)
        finally:
            problem = server.stop()
            if problem:
                healthy = False
                print(f"failed: {problem}", file=sys.stderr)
            if not healthy:
                server.show_log()
    return 0 if healthy else 1


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     epilog="Arguments after -- go to pytest. More at the top of this file.")
    parser.add_argument("--server", required=True, type=pathlib.Path, help="the tenantry binary")
    parser.add_argument("--database", required=True, type=parse_database, metavar="sqlite|postgres[:URL]")
    parser.add_argument("--client", default="all", choices=[*CLIENTS, "scim", "all"])
    parser.add_argument("pytest", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.server = options.server.resolve()
    if not os.access(options.server, os.X_OK) or options.server.is_dir():
        parser.error(f"--server: {options.server} is not a program")
    return options


def parse_database(text):
    kind, _, url = text.partition(":")
    if kind == "sqlite" and not url:
        return kind, None
    if kind == "postgres":
        url = url or os.environ.get("TENANTRY_DATABASE_URL", "")
        if url.startswith(("postgres://", "postgresql://")):
            return kind, url
    raise argparse.ArgumentTypeError("sqlite, postgres:<postgres://… of an empty database>, or postgres with TENANTRY_DATABASE_URL set")


# Environments


def environment(name):
    """The Python of the virtual environment of a lock file, which is made if it is not there whole."""
    lock = HERE / f"{name}.lock"
    clients = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target").absolute() / "clients"
    clients.mkdir(parents=True, exist_ok=True)
    folder = clients / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    # Two runs at once must not build the same folder.
    with open(clients / f"{name}.building", "w") as building:
        fcntl.flock(building, fcntl.LOCK_EX)
        if not complete.exists():
            print(f"{name}: making its environment", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            checked([python_3_11(), "-m", "venv", folder])
            pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
            checked([*pip, "install", "--quiet", "--no-deps", "--requirement", lock])
            checked([*pip, "check"])
            complete.touch()
    return python


def python_3_11():
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    found = shutil.which("python3.11")
    if found is None:
        raise Failed("the clients need Python 3.11, and there is no python3.11 on the PATH")
    return found


def checked(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout[-4000:]}")


# The server


class Server:
    def __init__(self, program, database_url, folder, encrypted):
        self.variables = {
            "TENANTRY_DATABASE_URL": database_url,
            "TENANTRY_LISTEN": "127.0.0.1:0",
            "TENANTRY_ADMIN_API_KEY": secrets.token_urlsafe(32),
            "TENANTRY_MAIL_DIR": str(folder / "mail"),
        }
        self.program = program
        # SQLite keeps a key file beside the database; PostgreSQL wants to be told, by a server that has use for a key.
        # One that has none refuses the variable.
        if encrypted and "TENANTRY_SECRET_KEY" in self.help():
            self.variables["TENANTRY_SECRET_KEY"] = secrets.token_hex(32)
        self.folder = folder
        self.process = None
        self.url = None
        self.log = []
        self.listening = threading.Event()

    def help(self):
        return subprocess.run([self.program, "--help"], capture_output=True, text=True, timeout=SERVER_START_SECONDS_MAX).stdout

    def start(self):
        self.process = subprocess.Popen([self.program], env=clean_environment() | {"NO_COLOR": "1"} | self.variables, cwd=self.folder, text=True,
                                        errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.readers = [threading.Thread(target=self._read, args=(pipe,), daemon=True)
                        for pipe in (self.process.stdout, self.process.stderr)]
        for reader in self.readers:
            reader.start()
        deadline = time.monotonic() + SERVER_START_SECONDS_MAX
        while not self.listening.wait(0.1):
            if self.process.poll() is not None:
                raise Failed(f"the server exited with {self.process.returncode} before it listened")
            if time.monotonic() > deadline:
                raise Failed(f"the server did not say `listening on http://127.0.0.1:…` within {SERVER_START_SECONDS_MAX} s")

    def _read(self, pipe):
        for line in pipe:
            self.log.append(line.rstrip("\n"))
            found = re.search(r"listening on (http://127\.0\.0\.1:\d+)", line)
            if found and not self.url:
                self.url = found[1]
                self.listening.set()

    def stop(self):
        """Ends the server; gives what was wrong with its end, or None."""
        if self.process is None:
            return None
        if self.process.poll() is not None:
            return f"the server had already exited with {self.process.returncode}"
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(SERVER_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"the server did not exit within {SERVER_STOP_SECONDS_MAX} s of SIGTERM"
        return f"the server exited with {code} after SIGTERM" if code != 0 else None

    def show_log(self):
        for reader in getattr(self, "readers", []):
            reader.join(2)
        print(f"--- the server's last {LOG_LINES_SHOWN} lines", *self.log[-LOG_LINES_SHOWN:], "---", sep="\n", file=sys.stderr)


# The tests


def run_client(client, python, server, folder, pytest_options):
    """Runs one client's tests; gives how many passed and failed."""
    home = folder / client
    home.mkdir()
    report = home / "report.xml"
    variables = clean_environment() | server.variables | {
        "TENANTRY_URL": server.url,
        "TENANTRY_SERVER": str(server.program),
        # The SDKs look for settings and keep caches there.
        "HOME": str(home),
        "KILI_SDK_TRIALS_NUMBER": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [python, "-m", "pytest", "-q", "--tb=short", "--disable-warnings", "-c", os.devnull, "--rootdir", HERE, "-p", "no:cacheprovider",
               "-o", f"faulthandler_timeout={TEST_SECONDS_BEFORE_TRACE}", "--junitxml", report, *pytest_options, HERE / CLIENTS[client]]
    process = subprocess.Popen(command, env=variables, cwd=home, start_new_session=True)
    try:
        code = process.wait(CLIENT_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise Failed(f"{client}: not finished after {CLIENT_SECONDS_MAX} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    passed, failed = count(report)
    # Also a run that pytest itself gave up on, or that skipped something, has failed.
    return passed, failed if failed or code == 0 else 1


def count(report):
    if not report.exists():
        return 0, 1
    suites = xml.etree.ElementTree.parse(report).getroot().iter("testsuite")
    tests, failed = 0, 0
    for suite in suites:
        tests += int(suite.get("tests", 0))
        failed += sum(int(suite.get(kind, 0)) for kind in ("failures", "errors", "skipped"))
    return tests - failed, failed


def clean_environment():
    """This process's environment without what would steer the server or a client."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("TENANTRY_", "KILI_", "WALLAROO_", "PYTEST_", "PYTHON", "VIRTUAL_ENV"))}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(f"failed: {failure}")
