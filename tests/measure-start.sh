#!/bin/sh
# Measures a server on a database that exists: time from exec to the first answered request, memory when idle, the time that
# `--help` takes, and the size of the binary.
#
#   tests/measure-start.sh SERVER_BINARY [ROUNDS]
#
# The targets, for a release build: 100 ms, 64 MB, 20 ms and 30 MB. Exits non-zero when the best round misses one.
set -eu

server=$(realpath "${1:?usage: measure-start.sh SERVER_BINARY [ROUNDS]}")
exec python3 - "$server" "${2:-5}" <<'PYTHON'
import http.client, os, pathlib, subprocess, sys, tempfile, time

server, rounds = sys.argv[1], int(sys.argv[2])
folder = tempfile.TemporaryDirectory()
key = "measuring-key-0123456789"
environment = {**os.environ, "TENANTRY_DATABASE_URL": f"sqlite://{folder.name}/t.db",
               "TENANTRY_LISTEN": "127.0.0.1:0", "TENANTRY_ADMIN_API_KEY": key}


def round_of():
    started = time.perf_counter()
    process = subprocess.Popen([server, "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = next(line for line in process.stdout if line.startswith("listening on ")).split("//")[1].strip()
        connection = http.client.HTTPConnection(address)
        connection.request("POST", "/graphql", '{"query": "{ me { id } }"}',
                           {"Content-Type": "application/json", "Authorization": f"Bearer {key}"})
        answer = connection.getresponse().read()
        milliseconds = (time.perf_counter() - started) * 1000
        assert answer == b'{"data":{"me":{"id":"admin"}}}', answer
        time.sleep(1)
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
        return milliseconds, int(resident) / 1024
    finally:
        process.terminate()
        process.wait()


round_of()  # The first start makes the database.
results = [round_of() for _ in range(rounds)]
for milliseconds, megabytes in results:
    print(f"first answer after {milliseconds:.0f} ms, {megabytes:.0f} MB resident")
fastest, smallest = min(result[0] for result in results), min(result[1] for result in results)
print(f"best: {fastest:.0f} ms (target 100), {smallest:.0f} MB (target 64)")


def help_of():
    started = time.perf_counter()
    subprocess.run([server, "--help"], stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1000


helped = min(help_of() for _ in range(rounds + 1))
size = pathlib.Path(server).stat().st_size / 1e6
print(f"--help: {helped:.1f} ms (target 20); binary: {size:.1f} MB (target 30)")
sys.exit(0 if fastest < 100 and smallest < 64 and helped < 20 and size <= 30 else 1)
PYTHON
