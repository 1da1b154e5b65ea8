"""The two routes of Unity Catalog's REST API that a writer of external tables needs.

Usage: catalog_server.py TOKEN. A stand-in for a service that cannot be
had here: it shows that our side asks as documented, not that the real one agrees.
"""

from __future__ import annotations

import sys
import time

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)
leases: list[str] = []  # the tables that keys were given for


@app.before_request
def _authorised() -> ResponseReturnValue | None:
    if request.path.startswith("/api/") and request.headers.get("Authorization") != f"Bearer {sys.argv[1]}":
        return jsonify(error_code="PERMISSION_DENIED", message="no such token"), 403
    return None


@app.get("/api/2.1/unity-catalog/tables/<name>")
def table(name: str) -> ResponseReturnValue:
    catalog, schema, table_name = name.split(".")
    if catalog != "plant":
        return jsonify(error_code="TABLE_DOES_NOT_EXIST", message=f"Table '{name}' does not exist."), 404
    return jsonify(
        name=table_name,
        catalog_name=catalog,
        schema_name=schema,
        table_type="EXTERNAL",
        table_id=f"id-of-{table_name}",
        storage_location=f"s3://lake/uc/{schema}/{table_name}",
    )


@app.post("/api/2.0/unity-catalog/temporary-table-credentials")
def credentials() -> ResponseReturnValue:
    body = request.get_json()
    assert body["operation"] == "READ_WRITE"
    assert body["table_id"].startswith("id-of-")
    leases.append(body["table_id"])
    keys = {"access_key_id": f"temporary-{len(leases)}", "secret_access_key": "s", "session_token": "t"}
    return jsonify(aws_temp_credentials=keys, expiration_time=int((time.time() + 3600) * 1000))


@app.get("/leases")
def given() -> ResponseReturnValue:
    return jsonify(len(leases))


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=0)
