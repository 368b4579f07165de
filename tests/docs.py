#!/usr/bin/env python3
"""Runs what the documentation shows, read from the Markdown files themselves, against a live tenantry server.

    cargo build
    python3 tests/docs.py --server target/debug/tenantry
    python3 tests/docs.py --server target/debug/tenantry docs/clients/kili.md

Without names it takes README.md, the other pages at the top, and those of docs/. Each page has a server, an empty database and an empty
folder of its own; its blocks run from top to bottom, and the first that fails ends the page. It closes with a line like
`docs on sqlite: 41 passed, 0 failed`; a block, and the links of a page, count one each.

What a page may hold, by the first word behind the three backticks
    sh        run by bash, in the page's folder, and must end with 0. Variables and the folder live on in later blocks.
              `tenantry` is on the PATH and finds the server's database. A line `export KEY=tnt_…`, with the dots, is for
              readers: it is left out, KEY being there already. `sh 3` must end with 3 instead, and what it says on
              standard error counts as printed.
    graphql   one operation, sent to /graphql as the owner of $KEY. `graphql ADA_KEY` takes another variable, which an
              earlier block has set; `graphql -` sends no credential. A block `json variables` right before it is its variables.
    python    run by one Python for the whole page: names live on. Whatever the shell has set is in os.environ.
    json      behind one of the above, the answer expected: of graphql the whole answer, else what was printed. The order
              of keys does not matter. In a text, `…` stands for anything; `"…"` alone for any value; a key `"…"` for
              further keys; a last item `"…"` for further items.
    text      the same for what was printed, line by line. A line of `…` alone stands for any lines.
    others, and blocks without a word, are for reading. So is any block whose first line says `ignored`: ```sh ignored.

`pip install` names the packages of the page's Python: a block `sh` whose lines all start with `pip install`, `python3 -m venv`,
`python3.11 -m venv` or `. ` is not run. The page gets the environment of the lock file in tests/clients that pins
exactly those packages, as in `pip install kili==26.2.4`, also for the commands of later sh blocks. Without such a block
Python is the one that runs this, and has its own library only.

`sh server` starts the page's server in the background, from the repository's root, as in `make run`, in place of the one that ran
before; a `text` behind it is what it has printed when it listens.

In every block
    http://127.0.0.1:8000               becomes the server's address
    postgres://tenantry@localhost/tenantry  becomes an empty database of the PostgreSQL server in $TENANTRY_TEST_POSTGRES_URL

A page's server has mails written to the folder `mail` in the page's folder.

A comment `<!-- samples: json/kratos.json, csv/clerk.csv as users.csv -->` puts these files of tests/import-samples into the page's
folder, under their own names or, with `as`, under others; a folder is put there as a folder. A change of them does not reach the
samples.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import queue
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent
ADDRESS = "http://127.0.0.1:8000"
POSTGRES = "postgres://tenantry@localhost/tenantry"
SAMPLES = HERE / "import-samples"
INSTALLING = ("pip install ", "python3 -m venv ", "python3.11 -m venv ", ". ")

BLOCK_SECONDS_MAX = 180
# `make run` may have to build first.
SERVER_START_SECONDS_MAX = 1800
SERVER_STOP_SECONDS_MAX = 40
LOG_LINES_SHOWN = 20


class Wrong(Exception):
    """A block that does not do what the page says; the message is for people."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="More at the top of this file.")
    parser.add_argument("--server", required=True, type=pathlib.Path, help="the tenantry binary")
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    server = options.server.resolve()
    if not os.access(server, os.X_OK) or server.is_dir():
        parser.error(f"--server: {server} is not a program")
    # A script starts what it puts into the background with interrupts ignored, and so would everything started from here:
    # a page's `make run` would not end by one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # So that whoever ends this also ends the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("failed: ended by SIGTERM"))
    pages = options.pages or [*sorted(REPOSITORY.glob("*.md"), key=lambda page: (page.name != "README.md", page)), *sorted(REPOSITORY.glob("docs/**/*.md"))]
    passed = failed = 0
    for path in pages:
        path = path.resolve()
        name = path.relative_to(REPOSITORY)
        blocks = read_blocks(path)
        began = time.monotonic()
        done, problem = 0, None
        with tempfile.TemporaryDirectory(prefix="tenantry-docs-") as folder:
            page = Page(server, pathlib.Path(folder))
            try:
                check_links(path)
                copy_samples(path, page.folder)
                done += 1
                for block in blocks:
                    if block.runs:
                        page.run(block)
                        done += 1
            except Wrong as wrong:
                problem = str(wrong)
            finally:
                ended = page.end()
                problem = problem or ended
                if problem:
                    print(f"{name}: {problem}", file=sys.stderr)
                    page.show_log()
        passed += done
        failed += problem is not None
        print(f"{name}: {'ok' if problem is None else 'FAILED'}, {max(done - 1, 0)} blocks in {time.monotonic() - began:.1f} s", flush=True)
    print(f"docs on sqlite: {passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


# Reading


class Block:
    def __init__(self, line, info, text):
        self.line = line
        words = info.split()
        self.language = words[0] if words else ""
        self.words = words[1:]
        self.text = text
        self.expected = None
        self.variables = None

    @property
    def runs(self):
        return self.language in ("sh", "graphql", "python") and "ignored" not in self.words

    @property
    def requirements(self):
        """What a block that only installs asks for; None for any other."""
        lines = [line for line in self.text.splitlines() if line.strip() and not line.startswith("#")]
        if self.language != "sh" or not lines or not all(line.startswith(INSTALLING) for line in lines):
            return None
        words = [word for line in lines if line.startswith("pip install ") for word in shlex.split(line)[2:]]
        return [word for word in words if not word.startswith("-")] or None


def read_blocks(path):
    """The page's blocks, those with what is expected of another joined to that one."""
    blocks, variables, block, fence = [], None, None, None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        opened = re.match(r"^ {0,3}(`{3,})\s*(.*)$", line)
        if block is None and opened:
            fence, block = opened[1], Block(number, opened[2], [])
        elif block is not None and line.strip() == fence:
            block.text = "\n".join(block.text) + "\n"
            ours = "ignored" not in block.words
            if block.runs:
                block.variables, variables = variables, None
                blocks.append(block)
            elif ours and block.language == "json" and block.words == ["variables"]:
                variables = block.text
            elif ours and block.language in ("json", "text") and blocks and blocks[-1].expected is None:
                blocks[-1].expected = block
            block = None
        elif block is not None:
            block.text.append(line)
    if block is not None:
        sys.exit(f"failed: {path}: the block of line {block.line} has no end")
    return blocks


def check_links(path):
    """Every relative link leads to a file, and to a heading that is there."""
    text = path.read_text(encoding="utf-8")
    prose = re.sub(r"^ {0,3}(`{3,}).*?^ {0,3}\1$", "", text, flags=re.M | re.S)
    for target in re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, heading = target.partition("#")
        wanted = path.parent / urllib.parse.unquote(file) if file else path
        if not wanted.exists():
            raise Wrong(f"links to {target}, which is not there")
        if heading and wanted.suffix == ".md" and heading not in headings(wanted):
            raise Wrong(f"links to {target}, but there is no such heading")


def copy_samples(path, folder):
    """What the page's comment asks for."""
    for listed in re.findall(r"^<!-- samples: (.+) -->$", path.read_text(encoding="utf-8"), flags=re.M):
        for sample in listed.split(", "):
            source, _, name = sample.partition(" as ")
            source = SAMPLES / source
            if not source.exists():
                raise Wrong(f"asks for the sample {source}, which is not there")
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / (name or source.name))


def headings(path):
    prose = re.sub(r"^ {0,3}(`{3,}).*?^ {0,3}\1$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    found, seen = set(), {}
    for title in re.findall(r"^#{1,6} +(.+?)\s*$", prose, flags=re.M):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower()).replace(" ", "-")
        number = seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{number}" if number else slug)
    return found


# Running


class Page:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.server = None
        self.python = None
        self.bin = None
        self.postgres_url = None
        self.shell_folder = folder
        tools = folder / ".bin"
        tools.mkdir()
        (tools / "tenantry").symlink_to(program)
        self.variables = clean_environment() | {
            "HOME": str(folder),
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TENANTRY_DATABASE_URL": f"sqlite://{folder}/tenantry.db",
        }
        # What only the server is told. Whoever builds it needs a home with the tools in it.
        self.hidden = {"TENANTRY_LISTEN": "127.0.0.1:0", "TENANTRY_MAIL_DIR": str(folder / "mail"), "HOME": os.environ.get("HOME", str(folder))}

    def run(self, block):
        try:
            if block.requirements is not None:
                self.use_environment(block.requirements)
                return
            if block.language == "sh" and "server" in block.words:
                self.start_server(["bash", "-euo", "pipefail", "-c", self.placed(block.text)], REPOSITORY)
                printed = self.server.printed
            else:
                if self.server is None:
                    self.variables["KEY"] = f"docs-{secrets.token_hex(16)}"
                    self.start_server([str(self.program)], self.folder, {"TENANTRY_ADMIN_API_KEY": self.variables["KEY"]})
                printed = {"sh": self.run_shell, "graphql": self.run_graphql, "python": self.run_python}[block.language](block)
            if block.expected is not None:
                compare(self.placed(block.expected.text), printed, block.expected.language)
        except Wrong as wrong:
            raise Wrong(f"line {block.line}, {block.language}: {wrong}") from None

    def placed(self, text):
        """The text with the addresses of this run."""
        if POSTGRES in text:
            text = text.replace(POSTGRES, self.postgres())
        return text.replace(ADDRESS, self.server.address) if self.server else text

    def postgres(self):
        if self.postgres_url is None:
            url = os.environ.get("TENANTRY_TEST_POSTGRES_URL")
            if not url:
                raise Wrong("needs PostgreSQL: run this by tests/with-postgres.sh")
            name = f"tenantry_docs_{secrets.token_hex(4)}"
            done = subprocess.run(["psql", "-q", url, "-c", f"CREATE DATABASE {name}"], capture_output=True, text=True)
            if done.returncode != 0:
                raise Wrong(f"cannot make a database: {done.stderr}")
            self.postgres_url = f"{url.rpartition('/')[0]}/{name}"
        return self.postgres_url

    def start_server(self, command, folder, more=None):
        if self.server is not None:
            problem = self.server.stop()
            if problem:
                raise Wrong(problem)
        self.server = Server(command, folder, self.variables | self.hidden | (more or {}))
        self.server.wait()
        key = re.search(r"\btnt_\w+", self.server.printed)
        if key:
            self.variables["KEY"] = key[0]
        elif "KEY" not in self.variables:
            raise Wrong("the server printed no key, and there was none before")

    def run_shell(self, block):
        state = self.folder / ".state"
        text = "\n".join(line for line in self.placed(block.text).splitlines() if not re.match(r"export KEY=.*…", line))
        # What the block has set is there for the next one, also when it is Python.
        script = f"set -aeuo pipefail\ntrap 'printf \"%s\\0\" \"PWD=$PWD\" >{state}; env -0 >>{state}' EXIT\n{text}\n"
        wanted = next((int(word) for word in block.words if word.isdigit()), 0)
        process = subprocess.Popen(["bash", "-c", script], cwd=self.shell_folder, env=self.variables, text=True, errors="replace",
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT if wanted else subprocess.PIPE, start_new_session=True)
        try:
            printed, said = process.communicate(timeout=BLOCK_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Wrong(f"did not end within {BLOCK_SECONDS_MAX} s") from None
        if process.returncode != wanted:
            raise Wrong(f"ended with {process.returncode}\n{printed}{said or ''}")
        values = dict(item.split("=", 1) for item in state.read_text().split("\0") if "=" in item)
        self.shell_folder = pathlib.Path(values["PWD"])
        self.variables = {name: value for name, value in values.items() if name not in ("PWD", "OLDPWD", "SHLVL", "_")}
        return printed

    def run_graphql(self, block):
        [name] = block.words or ["KEY"]
        headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
        if name != "-":
            if name not in self.variables:
                raise Wrong(f"no earlier block has set {name}")
            headers["Authorization"] = f"Bearer {self.variables[name]}"
        body = {"query": self.placed(block.text)}
        if block.variables:
            body["variables"] = json.loads(self.placed(block.variables))
        request = urllib.request.Request(f"{self.server.address}/graphql", json.dumps(body).encode(), headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            answered = opener.open(request, timeout=BLOCK_SECONDS_MAX).read().decode()
        except urllib.error.HTTPError as error:
            answered = error.read().decode()
        answer = json.loads(answered)
        # A refusal is welcome only where the page shows it.
        if "errors" in answer and block.expected is None:
            raise Wrong(f"was refused: {answered}")
        return answered

    def run_python(self, block):
        if self.python is None:
            self.python = Python((self.bin / "python") if self.bin else sys.executable, self.folder, self.variables)
        return self.python.run(self.placed(block.text), self.variables)

    def use_environment(self, requirements):
        if self.bin is not None:
            raise Wrong("this page has named its packages already")
        clients = load_clients()
        wanted = {normal(requirement) for requirement in requirements}
        for lock in sorted((HERE / "clients").glob("*.lock")):
            pinned = {normal(line) for line in lock.read_text().splitlines()}
            if wanted <= pinned:
                try:
                    # Not resolved: a virtual environment's own name for Python is what makes it one.
                    self.bin = pathlib.Path(clients.environment(lock.stem)).parent
                except clients.Failed as failure:
                    raise Wrong(str(failure)) from None
                self.variables["PATH"] = f"{self.bin}{os.pathsep}{self.variables['PATH']}"
                return
        raise Wrong(f"no lock file in tests/clients pins {' '.join(requirements)}")

    def end(self):
        if self.python is not None:
            self.python.end()
        problem = self.server.stop() if self.server else None
        if self.postgres_url is not None:
            name = self.postgres_url.rpartition("/")[2]
            drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
            subprocess.run(["psql", "-q", os.environ["TENANTRY_TEST_POSTGRES_URL"], "-c", drop], capture_output=True)
        return problem

    def show_log(self):
        if self.server:
            print("--- the server's last lines", *self.server.log[-LOG_LINES_SHOWN:], "---", sep="\n", file=sys.stderr)


def normal(requirement):
    """A requirement as pip compares it."""
    name, mark, version = requirement.strip().partition("==")
    return re.sub(r"[-_.]+", "-", name).lower() + mark + version


def load_clients():
    """tests/clients/run.py, which makes the environments."""
    found = importlib.util.spec_from_file_location("clients", HERE / "clients" / "run.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def clean_environment():
    """This process's environment without what would steer the server or a client."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("TENANTRY_", "KILI_", "WAII_", "WALLAROO_", "PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS"))
            and name not in ("KEY", "RUST_LOG")}


class Server:
    def __init__(self, command, folder, variables):
        self.address = None
        self.log = []
        self.said = []
        self.listening = threading.Event()
        self.process = subprocess.Popen(command, cwd=folder, env=variables, text=True, errors="replace", stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        for pipe in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe):
        for line in pipe:
            self.log.append(line.rstrip("\n"))
            if pipe is self.process.stdout:
                self.said.append(line)
                found = re.search(r"listening on (http://127\.0\.0\.1:\d+)", line)
                if found and self.address is None:
                    self.address = found[1]
                    self.listening.set()

    def wait(self):
        deadline = time.monotonic() + SERVER_START_SECONDS_MAX
        while not self.listening.wait(0.05):
            if self.process.poll() is not None:
                raise Wrong(f"the server ended with {self.process.returncode} before it listened")
            if time.monotonic() > deadline:
                raise Wrong(f"the server did not listen within {SERVER_START_SECONDS_MAX} s")

    @property
    def printed(self):
        return "".join(self.said)

    def stop(self):
        """Ends the server as a terminal would; gives what was wrong with its end, or None."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(SERVER_STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                return f"the server did not end within {SERVER_STOP_SECONDS_MAX} s of being interrupted"
            return None
        return f"the server had already ended with {self.process.returncode}"


class Python:
    """One interpreter for a page. It gets each block as a line of JSON and answers with one."""

    DRIVER = """
import contextlib, io, json, os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
names = {"__name__": "__main__"}
for line in sys.stdin:
    block = json.loads(line)
    os.environ.update(block["variables"])
    printed, failed = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(block["text"], "the page", "exec"), names)
        except BaseException:
            failed = traceback.format_exc()
    print(json.dumps({"printed": printed.getvalue(), "failed": failed}), file=answers, flush=True)
"""

    def __init__(self, python, folder, variables):
        self.answers = queue.Queue()
        self.process = subprocess.Popen([python, "-c", self.DRIVER], cwd=folder, env=variables, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put(None)

    def run(self, text, variables):
        self.process.stdin.write(json.dumps({"text": text, "variables": variables}) + "\n")
        self.process.stdin.flush()
        try:
            line = self.answers.get(timeout=BLOCK_SECONDS_MAX)
        except queue.Empty:
            raise Wrong(f"did not end within {BLOCK_SECONDS_MAX} s") from None
        if line is None:
            raise Wrong("ended its Python")
        answer = json.loads(line)
        if answer["failed"]:
            raise Wrong(f"raised\n{answer['printed']}{answer['failed']}")
        return answer["printed"]

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


# Comparing


def compare(expected, got, language):
    if language == "json":
        try:
            found = json.loads(got)
        except ValueError:
            raise Wrong(f"printed no JSON:\n{got}") from None
        try:
            wanted = json.loads(expected)
        except ValueError as error:
            raise Wrong(f"expects what is no JSON: {error}") from None
        where = difference(wanted, found, "")
        if where:
            raise Wrong(f"answered otherwise at {where}:\n{json.dumps(found, indent=2, ensure_ascii=False)}")
    elif not matches_text(expected, got):
        raise Wrong(f"printed otherwise:\n{got}")


def difference(wanted, found, path):
    """Where the two differ first, or None."""
    at = path or "the top"
    if wanted == "…":
        return None
    if isinstance(wanted, str) and isinstance(found, str):
        return None if matches_line(wanted, found) else at
    if isinstance(wanted, dict) and isinstance(found, dict):
        named = wanted.keys() - {"…"}
        if named - found.keys() or ("…" not in wanted and found.keys() - named):
            return at
        return next((where for key in wanted if key != "…" for where in [difference(wanted[key], found[key], f"{path}.{key}")] if where), None)
    if isinstance(wanted, list) and isinstance(found, list):
        opened = bool(wanted) and wanted[-1] == "…"
        items = wanted[:-1] if opened else wanted
        if len(found) < len(items) or (not opened and len(found) > len(items)):
            return at
        return next((where for number, item in enumerate(items) for where in [difference(item, found[number], f"{path}[{number}]")] if where), None)
    # True is not 1 here.
    return None if type(wanted) is type(found) and wanted == found else at


def matches_line(wanted, found):
    return re.fullmatch(".*".join(map(re.escape, wanted.split("…"))), found, flags=re.S) is not None


def matches_text(wanted, found):
    pattern = []
    for line in wanted.strip("\n").split("\n"):
        if line.strip() == "…":
            pattern.append(r"(?:[^\n]*\n)*")
        else:
            pattern.append("[^\n]*".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n")
    return re.fullmatch("".join(pattern), found.strip("\n") + "\n") is not None


if __name__ == "__main__":
    sys.exit(main())
