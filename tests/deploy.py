#!/usr/bin/env python3
"""Checks what is in deploy/: that it is well-formed, and that it does what the Makefile does.

    cargo build
    python3 tests/deploy.py --server target/debug/tenantry

- Dockerfile: no image is pulled here, so it is read: every source is in the tree, the commands are those of the Makefile, the
  last stage runs without rights and looks after its health.
- tenantry.service: `systemd-analyze verify`.
- alerts.yml: `promtool check rules` and `promtool test rules`, and every series in it is one that the server has.
- The Debian package: made by cargo-deb, unpacked by dpkg into a folder, started there, removed, purged.

It closes with a line like `deploy on debian: 9 passed, 0 failed`.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
CARGO_DEB = "3.8.0"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def instructions():
    """The Dockerfile as (word, rest), with continued lines joined."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines()]
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def stages():
    found = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def commands(words):
    """Every command of the RUN instructions, as a shell parts them."""
    return [part.strip() for word, rest in words if word == "RUN" for part in rest.split("&&")]


def test_the_dockerfiles_sources_are_there():
    known = {"ADD", "ARG", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
    assert {word for word, _ in instructions()} <= known
    names = set()
    for stage in stages():
        assert re.fullmatch(r"[a-z]+(:[\w.-]+)( AS [a-z]+)?", stage[0][1]), stage[0]
        for word, rest in stage:
            if word != "COPY":
                continue
            parts = shlex.split(rest)
            origin = next((part[len("--from="):] for part in parts if part.startswith("--from=")), None)
            *sources, _ = [part for part in parts if not part.startswith("--")]
            if origin is None:
                assert all((ROOT / source).exists() for source in sources), rest
            else:
                assert origin in names, rest
        names |= set(re.findall(r" AS (\w+)$", stage[0][1]))


def test_the_dockerfile_builds_as_the_makefile_does():
    makefile = (ROOT / "Makefile").read_text().replace("$(CARGO)", "cargo")
    pages, binary, last = stages()
    for command in ["npm ci --no-audit --no-fund", "npm run --silent build"]:
        assert command in commands(pages) and command in makefile, command
    assert "cargo build --locked --release" in commands(binary)
    assert re.search(r"^release: web\n\tcargo build --locked --release$", makefile, re.M)
    assert ("COPY", "--from=binary /tenantry/target/release/tenantry /usr/local/bin/tenantry") in last


def test_the_image_runs_without_rights_and_looks_after_its_health():
    last = dict(stages()[-1])
    assert last["USER"] not in ("root", "0")
    assert json.loads(last["ENTRYPOINT"]) == ["/usr/local/bin/tenantry"]
    check = last["HEALTHCHECK"].split(" CMD ")[1]
    assert last["STOPSIGNAL"] == "SIGTERM"
    port = last["ENV"].rsplit(":", 1)[1]
    assert last["EXPOSE"] == port
    # The check follows the variable.
    shown = subprocess.run(["sh", "-c", f"echo {check}"], capture_output=True, text=True, env={"TENANTRY_LISTEN": "0.0.0.0:123"})
    assert shown.stdout.split() == ["curl", "--fail", "--silent", "http://127.0.0.1:123/healthz"], shown


def test_nothing_private_is_sent_to_the_builder():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert {".git", "target", "*.db", "*.db.key"} <= set(ignored)


def test_systemd_takes_the_service():
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "tenantry.service"
        # Where no package is installed, the binary is another one.
        unit.write_text((DEPLOY / "tenantry.service").read_text().replace("/usr/bin/tenantry", "/bin/true"))
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
        ours = [line for line in done.stderr.splitlines() if "tenantry.service" in line]
        assert not ours, ours
        assert done.returncode == 0, done.stderr


def test_the_settings_are_settings():
    names = re.findall(r"^#?(TENANTRY_\w+)=", (DEPLOY / "tenantry.env").read_text(), re.M)
    options = run(SERVER, "--help")
    assert len(names) > 3 and all(f"env: {name}" in options for name in names), names


def test_prometheus_takes_the_alerts():
    run("promtool", "check", "rules", DEPLOY / "alerts.yml")
    run("promtool", "test", "rules", DEPLOY / "alerts.test.yml")


class Running:
    """The server in a folder of its own."""

    def __init__(self, server, folder):
        environment = {"TENANTRY_LISTEN": "127.0.0.1:0", "PATH": os.environ["PATH"]}
        audit = {"TENANTRY_AUDIT_LOG": str(folder / "audit.log")}
        self.process = subprocess.Popen(
            [server], cwd=folder, env=environment | audit, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.url = line.split()[-1]
                return
        raise AssertionError("the server does not listen")

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=40) == 0


def test_alerts_speak_of_series_that_there_are():
    with tempfile.TemporaryDirectory() as folder:
        running = Running(SERVER, pathlib.Path(folder))
        try:
            # A family without a member is not told of: one request to the API, and one refusal.
            try:
                running.get("/graphql?query={me{id}}&operationName=x")
            except urllib.error.HTTPError as refused:
                assert refused.code < 500
            until = time.monotonic() + 20
            while "tenantry_audit_file_position" not in (told := running.get("/metrics")):
                assert time.monotonic() < until, told
                time.sleep(0.2)
        finally:
            running.stop()
    families = set(re.findall(r"^# TYPE (\w+) ", told, re.M))
    for name in set(re.findall(r"tenantry_\w+", (DEPLOY / "alerts.yml").read_text())):
        assert re.sub(r"_(total|bucket)$", "", name) in families, f"{name} is no series"


def cargo_deb():
    tools = TARGET / "tools"
    if not (tools / "bin/cargo-deb").exists():
        print("installing cargo-deb …", flush=True)
        run("cargo", "install", "--quiet", "--locked", "--root", tools, f"cargo-deb@{CARGO_DEB}")
    return tools / "bin/cargo-deb"


def test_the_package_is_installed_started_and_removed():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        package = folder / "tenantry.deb"
        profile = "release" if SERVER.parent.name == "release" else "dev"
        run(cargo_deb(), "--locked", "--no-build", "--no-strip", "--profile", profile, "--output", package, cwd=ROOT)
        root, admin = folder / "root", folder / "root/var/lib/dpkg"
        for each in (admin / "info", admin / "updates"):
            each.mkdir(parents=True)
        (admin / "status").touch()
        dpkg = ["dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends", "--force-not-root", "--force-bad-path"]
        quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        run(*dpkg, "--install", package, **quiet)
        settings = root / "etc/tenantry/tenantry.env"
        assert settings.stat().st_mode & 0o777 == 0o600
        unit = next(path for path in root.rglob("tenantry.service") if path.is_file())
        assert "systemd/system" in str(unit)
        assert (root / "usr/share/doc/tenantry/docs/operating.md").exists()
        data = root / "var/lib/tenantry"
        data.mkdir(parents=True)
        running = Running(root / "usr/bin/tenantry", data)
        assert running.get("/readyz").strip() == "ready"
        running.stop()
        run(*dpkg, "--remove", "tenantry", **quiet)
        assert not (root / "usr/bin/tenantry").exists() and not unit.exists()
        assert settings.exists() and (data / "tenantry.db").exists(), "what is configured and kept stays"
        run(*dpkg, "--purge", "tenantry", **quiet)
        assert not settings.exists() and not data.exists()


def main():
    global SERVER
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--server", required=True, type=pathlib.Path)
    SERVER = arguments.parse_args().server.resolve()
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    failed = 0
    for name, test in tests:
        try:
            test()
            print(f"ok {name}", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print(f"FAILED {name}", flush=True)
    print(f"deploy on debian: {len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
