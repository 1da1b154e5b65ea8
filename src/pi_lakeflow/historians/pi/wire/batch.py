"""``POST /batch``: many requests in one, answers matched by id, failures kept apart.

The reply is always 207 if the batch itself was understood; each child has a status of its own
(PI Web API reference, topic Batch). Children are matched by id, never by position, and a missing
one is an error. See ``failed_children`` for those that failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from yarl import URL

from pi_lakeflow.errors import PiLakeflowError, SettingsError, SourceUnavailable
from pi_lakeflow.historians.pi.wire.answers import error_for, web_exception
from pi_lakeflow.historians.pi.wire.links import Params, join

BatchRequest = Mapping[str, Any]


def sub_request(root: URL, path: str, params: Params = (), **rest: Any) -> dict[str, Any]:
    """A GET for a batch: ``rest`` adds ``ParentIds``, ``Parameters``, ``Headers``, ..."""
    return {"Method": "GET", "Resource": str(join(root, path, params)), **rest}


def prepared(root: URL, requests: Mapping[str, BatchRequest]) -> dict[str, Any]:
    """The body to post: relative resources made absolute, contents turned into the text PI wants."""
    if not requests:
        raise SettingsError("a batch needs at least one request", subject="batch")
    return {name: _prepared(root, name, request) for name, request in requests.items()}


def _prepared(root: URL, name: str, request: BatchRequest) -> dict[str, Any]:
    made = {"Method": "GET", **request}
    resource = made.get("Resource")
    if resource is None and "RequestTemplate" not in made:
        raise SettingsError("has neither Resource nor RequestTemplate", subject=f"batch request {name!r}")
    if isinstance(resource, str) and not resource.startswith(("http://", "https://", "{", "$")):
        made["Resource"] = f"{str(root).rstrip('/')}/{resource.lstrip('/')}"
    if "Content" in made and not isinstance(made["Content"], str):
        made["Content"] = msgspec.json.encode(made["Content"]).decode()
    return made


def checked(requests: Mapping[str, BatchRequest], answer: Any, *, subject: str) -> dict[str, dict[str, Any]]:
    """The answers by id, in the order of the requests. Raises ``SourceUnavailable`` if one is missing."""
    if not isinstance(answer, dict):
        raise SourceUnavailable("the batch answer is not a JSON object", subject=subject)
    missing = [name for name in requests if not _is_child(answer.get(name))]
    if missing:
        raise SourceUnavailable(
            f"the batch answer lacks {len(missing)} of {len(requests)} requests, the first is {missing[0]!r}",
            subject=subject,
        )
    return {name: answer[name] for name in requests}


def _is_child(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("Status"), int)


def failed_children(result: Mapping[str, Mapping[str, Any]]) -> dict[str, PiLakeflowError]:
    """The failures of a batch by id; ``id[3]`` is the fourth item of a ``RequestTemplate``.

    A ``WebException`` under status 200 counts as a failure too.
    """
    return {name: error for name, child in result.items() for name, error in _failures(name, child)}


def _failures(name: str, child: Mapping[str, Any]) -> Iterator[tuple[str, PiLakeflowError]]:
    content = child.get("Content")
    items = content.get("Items") if isinstance(content, dict) and "Total" in content else None
    if isinstance(items, list) and child["Status"] == 207:
        for number, item in enumerate(items):
            if _is_child(item):
                yield from _failures(f"{name}[{number}]", item)
        return
    headers = child.get("Headers") or {}
    error = error_for(child["Status"], headers, msgspec.json.encode(content), subject=name)
    error = error or web_exception(content, subject=name)
    if error is not None:
        yield name, error
