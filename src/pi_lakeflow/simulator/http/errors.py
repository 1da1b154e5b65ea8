"""Errors as the server words them (PI Web API reference, topic Error Handling)."""

from __future__ import annotations

DEBUG_SUFFIX = (
    " If more details are needed, please contact your PI Web API administrator"
    " for help in enabling debug mode."
)


class ApiError(Exception):
    """A handled error: ``{"Errors": [...]}``.

    ``generic`` texts get the debug-mode suffix while the server's DebugMode is off.
    """

    def __init__(self, status: int, *texts: str, generic: bool = False) -> None:
        super().__init__(status, *texts)
        self.status = status
        self.texts = texts
        self.generic = generic

    def bodies(self, *, debug: bool) -> list[str]:
        """The texts as they are sent."""
        suffix = DEBUG_SUFFIX if self.generic and not debug else ""
        return [text + suffix for text in self.texts]


class PipelineError(Exception):
    """An error from in front of the controllers: ``{"Message": "..."}``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def bad_webid() -> ApiError:
    """The text in place of an id is none. The real wording is not public."""
    return ApiError(400, "The specified WebId is not valid.", generic=True)


def not_found(what: str = "PI Point") -> ApiError:
    """A well-formed id or path of nothing."""
    return ApiError(404, f"{what} not found.", generic=True)


def path_not_found() -> ApiError:
    """``?path=`` of nothing."""
    return ApiError(404, "The specified path was not found.", generic=True)


def over_limit(parameter: str, limit: int) -> ApiError:
    """A limit of the server's configuration."""
    return ApiError(400, f"Parameter '{parameter}' is greater than the maximum allowed ({limit}).")
