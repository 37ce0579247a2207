"""Refusals of the OpenAPI endpoint.

They have the form in which Alibaba Cloud's gateway and products answer them.

Codes of the gateway are Alibaba's own
(https://error-center.alibabacloud.com/document_detail/25491.html). Codes that begin with `Sandbox.`
say that a request may well be allowed by Alibaba Cloud but that this stand-in does not know what
would happen: it refuses instead of guessing.
"""

from __future__ import annotations


class ApiError(Exception):
    """A request is refused: HTTP status, Alibaba's error code and one sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def missing(name: str) -> ApiError:
    """A mandatory parameter is not there."""
    return ApiError(400, f"Missing{name}", f"{name} is mandatory for this action.")


def invalid(name: str, reason: str) -> ApiError:
    """A parameter has a value that the action does not take."""
    return ApiError(
        400, f"InvalidParameter.{name}", f"The specified parameter {name} is not valid: {reason}."
    )


def not_covered(what: str) -> ApiError:
    """What Alibaba Cloud may allow, but the sandbox does not know."""
    return ApiError(400, "Sandbox.NotCovered", f"The sandbox does not cover {what}; see docs/sandbox.md.")


def unknown_api() -> ApiError:
    """There is no such action, or not at this path."""
    return ApiError(
        404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
    )


def not_found(kind: str, identity: str) -> ApiError:
    """Return the refusal when what a parameter names does not exist.

    The codes of CAS for this are not documented, so this one is made up.
    """
    return ApiError(404, f"{kind}.NotFound", f"The specified {kind} {identity} does not exist.")
