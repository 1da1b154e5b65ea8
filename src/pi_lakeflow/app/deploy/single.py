"""The connector as Lakeflow's hosts take it: ``connector_spec.yaml`` and one file of code.

A host that cannot import modules beside a Python data source gets the package inside that one file, as
a zip archive. Its dependencies are still named in the pipeline's environment.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pi_lakeflow
from pi_lakeflow.app.deploy.templates import environment, write
from pi_lakeflow.settings.keys import Leaf
from pi_lakeflow.settings.schema import DECLARED

SOURCE = "pi_lakeflow"
CODE = f"_generated_{SOURCE}_python_source.py"
SPEC = "connector_spec.yaml"

# What each way to authenticate needs; the first names are required.
_METHODS = {
    "basic": (("auth.username", "auth.password"), ()),
    "bearer": (("auth.token",), ()),
    "oidc": (("auth.client_id", "auth.client_secret"), ("auth.scope", "auth.token_url")),
    "anonymous": ((), ()),
}
_CONNECTION = ("pi_web_api_url", "data_server", "proxy", "tls.verify", "tls.ca_bundle")
_TABLE = (
    "tags",
    "since",
    "until",
    "time_zone",
    "settle",
    "late_data.look_back",
    "performance.base_batch_size",
    "performance.max_workers",
    "performance.rate_limit",
    "performance.retry_backoff",
)
_SPARK = ("max_records_per_batch", "partitions", "state")
# Not needed where the connector runs.
_LEFT_OUT = ("simulator", "cli", "dashboard", "testing", "deploy")


def build(folder: Path, *, overwrite: bool = False) -> list[str]:
    """Write both files into ``folder``; the same package gives the same bytes.

    Raises ``SettingsError`` when files are in the way.
    """
    templates = environment()
    words = {
        "version": metadata.version("pi-lakeflow"),
        "requirements": sorted(_requirements()),
        "archive": base64.b64encode(archive := _archive()).decode(),
        "digest": hashlib.sha256(archive).hexdigest()[:16],
        "connection": [_parameter(name) for name in _CONNECTION],
        "methods": [
            {
                "name": method,
                "parameters": [
                    *(_parameter(name, required=True) for name in needed),
                    *(_parameter(name) for name in more),
                ],
            }
            for method, (needed, more) in _METHODS.items()
        ],
        "allowed": ",".join([*map(_flat, _TABLE), *_SPARK]),
    }
    texts = {
        CODE: templates.get_template("single.py.j2").render(words),
        SPEC: templates.get_template("connector_spec.yaml.j2").render(words),
    }
    write(folder, texts, overwrite=overwrite)
    return sorted(texts)


def _parameter(path: str, *, required: bool = False) -> dict[str, Any]:
    leaf: Leaf = DECLARED.leaves[path]
    return {
        "name": _flat(path),
        "required": required or path == "pi_web_api_url",
        "secret": leaf.kind.secret,
        "description": leaf.doc.replace("`", "").replace("**", ""),
    }


def _flat(path: str) -> str:
    """Names of a connection have no dots."""
    return path.replace(".", "_")


def _requirements() -> Iterator[str]:
    for requirement in metadata.requires("pi-lakeflow") or ():
        if ";" not in requirement:
            yield requirement


def _archive() -> bytes:
    root = Path(pi_lakeflow.__file__).parent
    files = sorted(path for path in root.rglob("*.py") if not set(path.parts) & set(_LEFT_OUT))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            _add(archive, str(path.relative_to(root.parent)), path.read_bytes())
        version = metadata.version("pi-lakeflow")
        about = f"Metadata-Version: 2.1\nName: pi-lakeflow\nVersion: {version}\n"
        _add(archive, f"pi_lakeflow-{version}.dist-info/METADATA", about.encode())
    return held.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """With a fixed date, so that the archive depends on the content alone."""
    entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
