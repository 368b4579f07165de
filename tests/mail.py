#!/usr/bin/env python3
"""Sends mails through real SMTP servers, and reads them with a strict parser.

    cargo build
    python3 tests/mail.py --server target/debug/tenantry

Each check has a mail server (aiosmtpd) and a tenantry server of its own, and they run side by side. It closes with a line
like `mail on sqlite: 19 passed, 0 failed`.
"""

import argparse
import asyncio
import concurrent.futures
import email
import email.policy
import importlib.util
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
KEY = "a-key-of-this-test-0123456789"
SENDER = "Ada’s Directory <directory@sender.example>"
# A mail is given up after 60 s of a silent server; its own tries and the machine's load come on top.
STATE_SECONDS_MAX = 150
START_SECONDS_MAX = 60

spec = importlib.util.spec_from_file_location("run", HERE / "clients" / "run.py")
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)

try:
    import aiosmtpd.smtp
except ImportError:
    python = run.environment("mail")
    os.execv(python, [python, *sys.argv])


class Wrong(Exception):
    """What a check saw, for people."""


class MailServer:
    """An SMTP server that keeps what it gets. `refused` is what it says to a recipient, `stalls` where it falls silent."""

    def __init__(self, folder, host="127.0.0.1", tls=None, sign_in=False, refused=None, stalls=None):
        self.mails, self.recipients, self.passwords, self.refused, self.stalls = [], [], [], refused, stalls
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        options = {"authenticator": self.check, "auth_required": sign_in, "auth_require_tls": tls == "starttls"}
        if tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        self.loop = asyncio.new_event_loop()
        listening = self.loop.create_server(
            lambda: aiosmtpd.smtp.SMTP(self, hostname="mail.test", loop=self.loop, **options),
            host,
            0,
            ssl=context if tls == "smtps" else None,
        )
        self.port = self.loop.run_until_complete(listening).sockets[0].getsockname()[1]
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def check(self, server, session, envelope, mechanism, data):
        self.passwords.append(data.password.decode())
        good = (data.login, data.password) == (b"us er", b"pass@wo/rd%")
        return aiosmtpd.smtp.AuthResult(success=good, handled=good, auth_data=data)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        await self.stall("EHLO")
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refused:
            return self.refused
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 yes"

    async def handle_DATA(self, server, session, envelope):
        await self.stall("DATA")
        self.mails.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 taken"

    async def stall(self, where):
        if self.stalls == where:
            await asyncio.sleep(3600)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)


class Directory:
    """A tenantry server with an organization, whose mails go where `mail` says."""

    def __init__(self, binary, folder, mail):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TENANTRY_")}
        environment |= {
            "TENANTRY_DATABASE_URL": f"sqlite://{self.folder}/t.db",
            "TENANTRY_LISTEN": "127.0.0.1:0",
            "TENANTRY_ADMIN_API_KEY": KEY,
            "TENANTRY_PUBLIC_URL": "https://directory.example/below",
            "TENANTRY_MAIL_FROM": SENDER,
            "SSL_CERT_FILE": str(folder / "cert.pem"),
        }
        self.log = open(self.folder / "log", "wb+")
        self.process = subprocess.Popen(
            [binary], env=environment | mail, stdout=subprocess.PIPE, stderr=self.log, cwd=self.folder, text=True
        )
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.address = line.split()[-1]
                break
        else:
            raise Wrong(f"the server did not start:\n{self.logged()}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.ask('mutation { createOrganization(data: { name: "Acme" }) { id } }')

    def ask(self, document, **variables):
        request = urllib.request.Request(
            f"{self.address}/graphql",
            json.dumps({"query": document, "variables": variables}).encode(),
            {"content-type": "application/json", "authorization": f"X-API-Key: {KEY}"},
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            answer = json.load(answer)
        if "errors" in answer:
            raise Wrong(f"{document}: {answer['errors']}")
        return answer["data"]

    def invite(self, address="new@person.example"):
        organization = self.ask("{ organizations { id name } }")["organizations"]
        of = next(one["id"] for one in organization if one["name"] == "Acme")
        self.ask(
            "mutation($data: InviteUserData!) { inviteUser(data: $data) { id } }",
            data={"email": address, "organizationId": of},
        )

    def invitation(self, *states):
        """The invitation, once its mail is in one of these states, or has a problem if that is asked for."""
        until = time.monotonic() + STATE_SECONDS_MAX
        while time.monotonic() < until:
            (one,) = self.ask("{ invitations { mailState mailedAt mailProblem } }")["invitations"]
            if one["mailState"] in states and (one["mailState"] != "WAITING" or one["mailProblem"]):
                return one
            time.sleep(0.2)
        raise Wrong(f"the invitation is still {one}:\n{self.logged()}")

    def logged(self):
        return (self.folder / "log").read_text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            if self.process.wait(40) != 0:
                raise Wrong(f"the server ended with {self.process.returncode}:\n{self.logged()}")
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Wrong("the server does not end with SIGTERM") from None


def expect(condition, *seen):
    if not condition:
        raise Wrong(" ".join(map(repr, seen)))


def expect_mail(content):
    """A mail that every reader understands alike, whose link is whole."""
    mail = email.message_from_bytes(content, policy=email.policy.strict)
    defects = [defect for part in mail.walk() for defect in part.defects]
    expect(not defects, defects)
    for name in mail.keys():
        expect(mail.get_all(name) == [mail[name]] and not mail[name].defects, name, mail[name])
    expect(re.fullmatch(r"<[^@\s]+@directory\.example>", mail["Message-ID"]), mail["Message-ID"])
    expect(mail["MIME-Version"] == "1.0", mail["MIME-Version"])
    expect(abs(mail["Date"].datetime.timestamp() - time.time()) < 300, mail["Date"])
    expect(mail["Auto-Submitted"] == "auto-generated", mail["Auto-Submitted"])
    expect(mail["From"].addresses[0].addr_spec == "directory@sender.example", mail["From"])
    expect(mail["From"].addresses[0].display_name == "Ada’s Directory", mail["From"])
    expect(mail["To"].addresses[0].addr_spec == "new@person.example", mail["To"])
    expect(mail.get_content_type() == "multipart/alternative", mail["Content-Type"])
    # The last part is the one that a program prefers which can show it.
    parts = [(part.get_content_type(), part.get_content_charset()) for part in mail.iter_parts()]
    expect(parts == [("text/plain", "utf-8"), ("text/html", "utf-8")], parts)
    raw = content.replace(b"\r\n", b"")
    expect(b"\n" not in raw and b"\r" not in raw, "a line that does not end with CRLF")
    expect(all(len(line) <= 998 for line in content.split(b"\r\n")), "a line is too long")
    links = set()
    for part in mail.iter_parts():
        links |= set(re.findall(r"https://directory\.example/below/[^\s\"<]+", part.get_content()))
    expect(len(links) == 1, links, content)
    expect(re.fullmatch(r"https://directory\.example/below/[a-z-]+#token=[A-Za-z0-9_-]+", links.pop()), content)


def delivered(server, directory):
    directory.invite()
    expect(directory.invitation("SENT", "FAILED")["mailState"] == "SENT", directory.logged())
    expect(server.recipients == ["new@person.example"], server.recipients)
    expect_mail(server.mails[0])


def put_off(*words):
    """The mail waits, with the reason on the invitation and in the log, and no password anywhere."""

    def check(server, directory):
        directory.invite()
        one = directory.invitation("WAITING", "SENT", "FAILED")
        expect(one["mailState"] == "WAITING", one)
        for word in words:
            expect(word in one["mailProblem"], word, one)
            expect(word in directory.logged(), word, directory.logged())
        expect("pass@wo" not in directory.logged() and "pass%40" not in directory.logged(), directory.logged())
        if server:
            expect(not server.mails, server.mails)

    return check


def refused(*words):
    """The mail will never arrive: the invitation and the log say so in the server's words, and it is not tried again."""

    def check(server, directory):
        directory.invite()
        one = directory.invitation("SENT", "FAILED", "WAITING")
        expect(one["mailState"] == "FAILED" and one["mailedAt"] is None, one)
        for word in words:
            expect(word in one["mailProblem"], word, one)
            expect(word in directory.logged(), word, directory.logged())

    return check


def never_in_the_clear(server, directory):
    put_off()(server, directory)
    expect(not server.passwords, "a password went over an unencrypted connection")


def as_files(_, directory):
    directory.invite()
    expect(directory.invitation("SENT", "FAILED")["mailState"] == "SENT", directory.logged())
    folder = directory.folder / "mails"
    (mail,) = folder.iterdir()
    expect(mail.suffix == ".eml", mail)
    expect(stat.S_IMODE(folder.stat().st_mode) == 0o700, oct(folder.stat().st_mode))
    expect(stat.S_IMODE(mail.stat().st_mode) == 0o600, oct(mail.stat().st_mode))
    expect_mail(mail.read_bytes())


def silent_port():
    """A port that takes connections and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, listener.getsockname()[1]


USER = "us%20er:pass%40wo%2Frd%25"
WRONG = "us%20er:pass%40wo%2Fno"

# What it is called, the server's options, the URL, and what is to be seen.
CHECKS = [
    ("STARTTLS and a password", {"tls": "starttls", "sign_in": True}, f"smtp://{USER}@localhost:PORT", delivered),
    ("STARTTLS as demanded", {"tls": "starttls"}, "smtp://localhost:PORT?tls=required", delivered),
    ("STARTTLS because it is offered", {"tls": "starttls"}, "smtp://localhost:PORT", delivered),
    ("TLS from the start", {"tls": "smtps", "sign_in": True}, f"smtps://{USER}@localhost:PORT", delivered),
    ("neither TLS nor password", {}, "smtp://127.0.0.1:PORT", delivered),
    ("an unencrypted password, as said", {"sign_in": True}, f"smtp://{USER}@127.0.0.1:PORT?tls=none", delivered),
    ("no unencrypted password unless said", {"sign_in": True}, f"smtp://{USER}@127.0.0.1:PORT", never_in_the_clear),
    ("no mail without the TLS demanded", {}, "smtp://127.0.0.1:PORT?tls=required", put_off()),
    ("a certificate of another name", {"tls": "smtps"}, "smtps://127.0.0.1:PORT", put_off("certificate")),
    ("an IPv6 address", {"host": "::1"}, "smtp://[::1]:PORT", delivered),
    ("a wrong password", {"tls": "starttls", "sign_in": True}, f"smtp://{WRONG}@localhost:PORT", put_off("535")),
    ("an unknown recipient", {"refused": "550 5.1.1 nobody of that name"}, "smtp://127.0.0.1:PORT", refused("nobody of that name")),
    ("a mailbox name not allowed", {"refused": "553 5.1.3 what a name"}, "smtp://127.0.0.1:PORT", refused("what a name")),
    ("greylisting", {"refused": "450 4.2.0 come back"}, "smtp://127.0.0.1:PORT", put_off("come back")),
    ("no room for now", {"refused": "452 4.3.1 no room"}, "smtp://127.0.0.1:PORT", put_off("no room")),
    ("silence after EHLO", {"stalls": "EHLO"}, "smtp://127.0.0.1:PORT", put_off()),
    ("silence after DATA", {"stalls": "DATA"}, "smtp://127.0.0.1:PORT", put_off()),
    ("no greeting", None, "smtp://127.0.0.1:PORT", put_off()),
    ("files", None, None, as_files),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, type=pathlib.Path, help="the tenantry binary")
    binary = parser.parse_args().server.resolve()

    def one(name, options, url, check):
        server, listener, port = None, None, 0
        if options is not None:
            server = MailServer(folder, **options)
            port = server.port
        elif url:
            listener, port = silent_port()
        mail = {"TENANTRY_SMTP_URL": url.replace("PORT", str(port))} if url else {"TENANTRY_MAIL_DIR": "mails"}
        directory = None
        try:
            directory = Directory(binary, folder, mail)
            check(server, directory)
        finally:
            if directory:
                directory.stop()
            if server:
                server.stop()
            if listener:
                listener.close()

    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
            + ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
            check=True,
            capture_output=True,
        )
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            # The long ones first.
            running = {pool.submit(one, *check): check[0] for check in reversed(CHECKS)}
            for future in concurrent.futures.as_completed(running):
                name, problem = running[future], future.exception()
                if problem is None:
                    passed += 1
                    continue
                failed += 1
                print(f"FAILED {name}: {problem}")
                if not isinstance(problem, Wrong):
                    traceback.print_exception(problem)
    print(f"mail on sqlite: {passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
