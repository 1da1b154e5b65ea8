"""Kerberos inside Negotiate, against a realm of its own: a real KDC, a keytab, a ticket, an exchange.

Needs the programs of an MIT Kerberos KDC and the extra ``kerberos``; skipped in one line without them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_MISSING = [p for p in _PROGRAMS if shutil.which(p, path=_PATH) is None]
_MISSING += [m for m in ("gssapi", "krb5", "spnego") if importlib.util.find_spec(m) is None]
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"no KDC to test with: {', '.join(_MISSING)}")
_CLIENT = """
import base64, sys, urllib.error, urllib.request
import spnego

def get(url, token):
    header = {"Authorization": "Negotiate " + base64.b64encode(token).decode()} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=header)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("WWW-Authenticate")

url = sys.argv[1]
print(*get(url, b""))
context = spnego.client(hostname="localhost", service="HTTP", protocol=sys.argv[2])
print(*get(url, context.step()))
"""


@dataclass
class Realm:
    """``environment`` is for programs that use the realm."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, typed: str = "") -> str:
        done = subprocess.run(
            command,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """PLANT.TEST with the user operator and the service HTTP/localhost."""
    folder = tmp_path_factory.mktemp("realm")
    port = _free_port()
    (folder / "krb5.conf").write_text(
        "[libdefaults]\n default_realm = PLANT.TEST\n dns_lookup_kdc = false\n rdns = false\n"
        " dns_canonicalize_hostname = false\n"
        f"[realms]\n PLANT.TEST = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        "[domain_realm]\n localhost = PLANT.TEST\n"
    )
    (folder / "kdc.conf").write_text(
        f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n"
        f"[realms]\n PLANT.TEST = {{\n  database_name = {folder}/principal\n"
        f"  key_stash_file = {folder}/stash\n  acl_file = {folder}/acl\n }}\n"
    )
    environment = {
        **os.environ,
        "PATH": _PATH,
        "KRB5_CONFIG": str(folder / "krb5.conf"),
        "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        "KRB5CCNAME": str(folder / "tickets"),
        "KRB5_KTNAME": str(folder / "keytab"),
    }
    made = Realm(folder, environment)
    made.run("kdb5_util", "create", "-s", "-r", "PLANT.TEST", "-P", "master")
    made.run("kadmin.local", "addprinc", "-pw", "secret", "operator@PLANT.TEST")
    made.run("kadmin.local", "addprinc", "-randkey", "HTTP/localhost@PLANT.TEST")
    made.run("kadmin.local", "ktadd", "-k", str(folder / "keytab"), "HTTP/localhost@PLANT.TEST")
    with subprocess.Popen(["krb5kdc", "-n"], env=environment, stderr=subprocess.DEVNULL) as kdc:
        try:
            _wait_for(port)
            made.run("kinit", "operator@PLANT.TEST", typed="secret\n")
            yield made
        finally:
            kdc.terminate()


@pytest.mark.parametrize("protocol", ["negotiate", "kerberos"])
def test_a_ticket_opens_the_door(realm: Realm, protocol: str) -> None:
    """Wrapped in SPNEGO, and bare as some clients send it; without one there is a challenge."""
    source = str(Path(__file__).parents[2] / "src")
    path = os.pathsep.join([source, realm.environment.get("PYTHONPATH", "")])
    environment = {**realm.environment, "PYTHONPATH": path}
    command = [sys.executable, "-m", "pi_lakeflow.simulator", "--tags", "3", "--auth", "kerberos"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["url"].replace("127.0.0.1", "localhost")
            asked = realm.run(sys.executable, "-c", _CLIENT, f"{url}/system/userinfo", protocol)
        finally:
            server.terminate()
    refused, admitted = asked.splitlines()
    assert refused == "401 Negotiate"
    assert admitted.startswith("200 ")
    assert '"Name":"operator@PLANT.TEST"' in admitted


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the KDC does not answer")
