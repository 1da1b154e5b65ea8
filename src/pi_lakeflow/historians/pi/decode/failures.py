"""Texts of the failures that PI Web API hides inside an answer of HTTP status 200.

Source: PI Web API reference, topic Error Handling. ``Errors`` is a list of texts, or of
``{"FieldName": .., "Message": [..]}``; ``WebException`` is ``{"StatusCode": .., "Errors": [..]}``.
"""

from __future__ import annotations

from pi_lakeflow.errors import Transient

_LONGEST = 300


def first_text(errors: object) -> str:
    """The first text in ``errors``, whatever its shape; never empty, never longer than 300 characters."""
    if isinstance(errors, str):
        return _tidy(errors) or "(no text)"
    if isinstance(errors, list):
        return first_text(errors[0]) if errors else "(no text)"
    if isinstance(errors, dict):
        text = first_text(errors.get("Message") or errors.get("Errors"))
        field = errors.get("FieldName")
        return f"{_tidy(field)}: {text}" if isinstance(field, str) and field else text
    return "(no text)"


def summarise(texts: list[str] | None) -> str | None:
    """One line for all failures of a stream, None when there is none."""
    if not texts:
        return None
    if len(texts) == 1:
        return texts[0]
    return f"{texts[0]} (and {len(texts) - 1} more)"


def stream_failures(errors: object, value: object, *, has_items: bool) -> list[str]:
    """What a stream says about itself as a whole: texts of its failures, none when it is sound.

    A stream without ``Items`` is a failure even when it does not say so: empty is not unknown.
    """
    failures = [first_text(errors)] if errors else []
    if value is not None:
        failures.append(first_text(value))
    if not has_items and not failures:
        failures.append("the answer has neither Items nor Errors for this stream")
    return failures


def raise_for_envelope(web_exception: object, errors: object, message: object) -> None:
    """Raise ``Transient`` when the answer as a whole is a failure."""
    if web_exception:
        status = web_exception.get("StatusCode") if isinstance(web_exception, dict) else None
        text = first_text(web_exception)
        raise Transient(f"the server failed while it wrote the answer: WebException {status}: {text}")
    if errors:
        raise Transient(f"the server answered with an error: {first_text(errors)}")
    if message:
        raise Transient(f"the server answered with an error: {first_text(message)}")


def _tidy(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text[: _LONGEST + 1])
    return printable if len(printable) <= _LONGEST else printable[:_LONGEST] + "…"
