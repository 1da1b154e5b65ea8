"""Derives tests/contract/read_side.json from the vendor's machine-readable description of PI Web API.

    python scripts/derive_contract.py piwebapi-swagger.json

The description (Swagger 2.0, "PI Web API 2018 SP1 Swagger Spec", 1.11.1.5383, published by OSIsoft) is
a megabyte and is not part of this project. What is kept are the facts of the API that a client meets
when it reads: the GET routes with their parameters, and the properties, types and links of what they
answer. A type is written as

- ``string``, ``integer``, ``number``, ``boolean``, ``any``, with the format behind a colon,
- ``[T]`` for an array of T, ``{T}`` for a dictionary of T, or the name of another object;
- a link as the path that it leads to (empty when the description names none); ``?`` behind its name
  says that it is only there when it applies.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "tests" / "contract" / "read_side.json"
_REF = "#/definitions/"


def derive(swagger: dict[str, Any]) -> dict[str, Any]:
    """Routes and the objects that they answer."""
    routes = {path: _route(item["get"]) for path, item in sorted(swagger["paths"].items()) if "get" in item}
    objects: dict[str, Any] = {}
    waiting = [route["answer"] for route in routes.values()]
    while waiting:
        for name in _names(waiting.pop()):
            if name in swagger["definitions"] and name not in objects:
                objects[name] = _object(swagger["definitions"][name])
                waiting += objects[name].values()
    info = swagger["info"]
    source = f"{info['title']}, version {info['version']}, {info['contact']['name']}"
    return {"source": source, "routes": routes, "objects": dict(sorted(objects.items()))}


def _route(operation: dict[str, Any]) -> dict[str, Any]:
    parameters = {
        p["name"] + ("!" if p.get("required") else ""): _type(p)
        for p in operation.get("parameters", ())
        if p["in"] == "query"
    }
    responses = operation["responses"]
    answer = responses.get("200") or responses.get("101") or {}
    return {"parameters": parameters, "answer": _type(answer["schema"]) if "schema" in answer else ""}


def _object(definition: dict[str, Any]) -> dict[str, str]:
    properties = definition.get("properties", {})
    if any("x-link-optional" in p for p in properties.values()):
        return {
            name + ("?" if p.get("x-link-optional") else ""): p.get("x-link-path", "")
            for name, p in sorted(properties.items())
        }
    # "SerializeLinks" and the like are switches of the server's own code that slipped into the description
    names = sorted(name for name in properties if not name.startswith("Serialize"))
    return {name: _type(properties[name]) for name in names}


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REF)
    kind = schema.get("type", "any")
    if kind == "array":
        return f"[{_type(schema['items'])}]"
    if kind == "object":
        return f"{{{_type(schema['additionalProperties'])}}}" if "additionalProperties" in schema else "any"
    return f"{kind}:{schema['format']}" if "format" in schema else str(kind)


def _names(text: str) -> list[str]:
    """The object's name in a type, and what stands inside brackets."""
    inner = text[1:-1] if text[:1] in ("[", "{") else ""
    return [text, *(_names(inner) if inner else [])]


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    swagger = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8-sig"))
    contract = derive(swagger)
    lines = ["{", f'"source": {json.dumps(contract["source"])},']
    for part in ("routes", "objects"):
        rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in contract[part].items()]
        lines += [f'"{part}": {{', ",\n".join(rows), "}," if part == "routes" else "}"]
    TARGET.write_text("\n".join([*lines, "}", ""]), encoding="utf-8")
    print(f"{TARGET}: {len(contract['routes'])} routes, {len(contract['objects'])} objects")
    return 0


if __name__ == "__main__":
    sys.exit(main())
