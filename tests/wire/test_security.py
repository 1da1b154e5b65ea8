"""Where credentials go, what is trusted, and what errors tell."""

from __future__ import annotations

import ipaddress
import json
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.wire.served import Script, answer, served, transport
from yarl import URL

from pi_lakeflow.errors import PiLakeflowError, SettingsError, SourceUnavailable, TlsRefused
from pi_lakeflow.historians.pi.wire.auth import OIDC, Auth, Basic, Bearer, make_auth
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.historians.pi.wire.connection import Connection, InsecureConnection
from pi_lakeflow.historians.pi.wire.links import same_origin
from pi_lakeflow.historians.pi.wire.negotiate import Negotiate

HIDDEN = "Tr0ub4dor+3"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_is_an_error_and_tells_it_nothing(status: int) -> None:
    other = Script(answer(200))
    async with served(other) as elsewhere:
        first = Script(answer(status, "", Location=f"{elsewhere}/system"))
        async with served(first) as root, transport(root, Basic("user", HIDDEN)) as way:
            with pytest.raises(SourceUnavailable, match="another origin"):
                await way.json("GET", "system")
    assert len(first.seen) == 1
    assert other.seen == []


async def test_a_redirect_on_the_server_is_followed_with_credentials() -> None:
    script = Script(answer(302, "", Location="/piwebapi/system/"), answer(200))
    async with served(script) as root, transport(root, Basic("user", HIDDEN)) as way:
        assert await way.json("GET", "system") == {"ok": True}
    assert [request.path for request in script.seen] == ["/piwebapi/system", "/piwebapi/system/"]
    assert all("Authorization" in request.headers for request in script.seen)


async def test_redirects_end() -> None:
    script = Script(answer(302, "", Location="/piwebapi/system"))
    async with served(script) as root, transport(root) as way:
        with pytest.raises(SourceUnavailable, match="redirects more than 3 times"):
            await way.json("GET", "system")
        with pytest.raises(SourceUnavailable, match="sends data"):
            await way.json("POST", "batch", json={})


@pytest.mark.parametrize(
    "link",
    [
        "http://other.example/piwebapi/x?startIndex=1",
        "https://127.0.0.1/piwebapi/x",
        "http://user:word@127.0.0.1:1/piwebapi/x",
        "file:///etc/passwd",
    ],
)
async def test_a_next_link_to_another_origin_is_refused(link: str) -> None:
    script = Script(answer(200, json.dumps({"Items": [1], "Links": {"Next": link}})))
    async with served(script) as root, AsyncPIWebAPIClient(root) as client:
        with pytest.raises(PiLakeflowError):
            [item async for item in client.items("points")]
    assert len(script.seen) == 1


def test_links_without_a_scheme_are_checked_too() -> None:
    root = URL("https://pi.example/piwebapi")
    with pytest.raises(SourceUnavailable, match="another origin"):
        same_origin(root, "//other.example/piwebapi/x")
    assert str(same_origin(root, "/piwebapi/x?a=%2B")) == "https://pi.example/piwebapi/x?a=%2B"


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS settings, and the certificate to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plant CA")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    bundle, private = folder / "ca.pem", folder / "key.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, private)
    return context, bundle


async def test_a_self_signed_certificate_is_refused_unless_it_is_given(tmp_path: Path) -> None:
    tls, bundle = self_signed(tmp_path)
    script = Script(answer(200))
    async with served(script, tls=tls) as root:
        async with transport(root, Basic("user", HIDDEN)) as way:
            with pytest.raises(TlsRefused) as caught:
                await way.json("GET", "system")
        assert "verify_ssl" in (caught.value.hint or "")
        assert script.seen == []
        async with transport(root, verify=bundle) as way:
            assert await way.json("GET", "system") == {"ok": True}
        with pytest.warns(InsecureConnection, match="not verified"):
            async with transport(root, verify=False) as way:
                assert await way.json("GET", "system") == {"ok": True}


def test_tls_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="verify_ssl"):
        Connection("https://x/piwebapi", verify=tmp_path / "missing.pem").ssl_context()
    with pytest.raises(SettingsError, match="client_cert"):
        Connection("https://x/piwebapi", client_cert=str(tmp_path / "missing.pem")).ssl_context()


AUTHS = [
    Basic("user", HIDDEN),
    Bearer(HIDDEN),
    OIDC("client", HIDDEN),
    Negotiate("user", HIDDEN, protocol="ntlm"),
]
TROUBLES = {
    "401": answer(401, ""),
    "403": answer(403, ""),
    "500": answer(500, ""),
    "html": answer(200, "<html>"),
    "redirect": answer(302, "", Location="http://other.example/"),
    "bad json": answer(200, "{"),
}


@pytest.mark.parametrize("auth", AUTHS, ids=lambda auth: type(auth).__name__)
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_no_error_shows_a_credential(auth: Auth, trouble: object) -> None:
    """Neither in the error nor in its causes; nor does any repr on the way."""
    script = Script(trouble)  # type: ignore[arg-type]  # parametrize knows no types
    async with served(script) as root, transport(root, auth) as way:
        with pytest.raises(PiLakeflowError) as caught:
            await way.json("GET", "system", params=[("q", "secret query")])
        shown = [repr(auth), str(auth), repr(way), repr(way.connection), *texts(caught.value)]
    encoded = str(await Basic("user", HIDDEN).authorization(way.connection.root, None)).split()[1]  # type: ignore[arg-type]
    for text in shown:
        assert HIDDEN not in text
        assert encoded not in text
        assert "secret" not in text.replace("client_secret", "")


def texts(error: BaseException | None) -> list[str]:
    found: list[str] = []
    while error is not None:
        found += [str(error), repr(error), repr(vars(error)), *traceback.format_exception_only(error)]
        error = error.__cause__ or error.__context__
    return found


async def test_a_proxy_password_is_shown_nowhere() -> None:
    proxy = f"http://user:{HIDDEN}@127.0.0.1:1"
    async with transport("http://pi.example/piwebapi", proxy=proxy) as way:
        with pytest.raises(SourceUnavailable, match="proxy") as caught:
            await way.json("GET", "system")
        for text in [repr(way), repr(way.connection), *texts(caught.value)]:
            assert HIDDEN not in text


@pytest.mark.parametrize(
    "wrong",
    [
        ("user", ""),
        ("us:er", "x"),
        {"type": "basic", "username": "u"},
        {"type": "basic", "username": "u", "password": "p", "pasword": HIDDEN},
        {"type": "magic", "password": HIDDEN},
        {"type": "bearer", "token": f"{HIDDEN}\n"},
        object(),
    ],
)
def test_credentials_that_cannot_work_are_refused_without_showing_them(wrong: object) -> None:
    with pytest.raises(SettingsError) as caught:
        make_auth(wrong)
    assert not any(HIDDEN in text for text in texts(caught.value))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "server/piwebapi",
        "ftp://x/y",
        "https://",
        "https://u:Tr0ub4dor+3@x/y",
        "https://x/y?z",
        "http://x:y",
    ],
)
def test_roots_that_cannot_work_are_refused(wrong: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Connection(wrong)
    assert not any(HIDDEN in text for text in texts(caught.value))


async def test_cookies_and_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async def handler(request: web.Request) -> web.Response:
        assert "Cookie" not in request.headers
        return web.json_response({}, headers={"Set-Cookie": "a=b"})

    async with served(handler) as root, transport(root) as way:
        for _ in range(2):
            assert await way.json("GET", "system") == {}
