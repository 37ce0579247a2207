"""Check the signature of a request by ACS3-HMAC-SHA256.

The check is written from scratch: the SDK's code, which makes the signature, is not used.

Source: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from dev.sandbox.cloud.errors import ApiError

ALGORITHM: Final = "ACS3-HMAC-SHA256"
MAXIMUM_SKEW: Final = 15 * 60
"""Seconds by which the client's clock may differ."""

_FORM: Final = re.compile(
    rf"{ALGORITHM} Credential=([^,\s]+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{{64}})"
)
_ALWAYS_SIGNED: Final = (
    "host",
    "x-acs-action",
    "x-acs-version",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-content-sha256",
)


@dataclass(frozen=True)
class Request:
    """What of an HTTP request is signed.

    Header names are in lower case; query holds decoded names and values in the order sent.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Authorization:
    """The parsed `Authorization` header."""

    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str


def parse(headers: Mapping[str, str]) -> Authorization:
    """Read the `Authorization` header.

    Raises:
        ApiError: there is none, it has another form, or it leaves a header unsigned that must be
        signed.
    """
    text = headers.get("authorization")
    if text is None:
        raise ApiError(400, "MissingAuthorization", "Authorization is mandatory for this action.")
    found = _FORM.fullmatch(text)
    if found is None:
        raise ApiError(
            400,
            "IncompleteSignature",
            f"The request signature does not conform to Aliyun standards: {ALGORITHM} is expected.",
        )
    access_key_id, names, signature = found.groups()
    signed = tuple(names.split(";"))
    if list(signed) != sorted(set(signed)):
        raise ApiError(400, "IncompleteSignature", "SignedHeaders is not a sorted list of different names.")
    for name in (
        *_ALWAYS_SIGNED,
        *(name for name in headers if name.startswith("x-acs-") or name == "content-type"),
    ):
        if name not in headers:
            raise ApiError(400, "IncompleteSignature", f"The header {name} is missing.")
        if name not in signed:
            raise ApiError(400, "IncompleteSignature", f"The header {name} is not signed.")
    return Authorization(access_key_id, signed, signature)


def canonical_query(query: Sequence[tuple[str, str]]) -> str:
    """Return the query with names in order of their code points.

    Both sides are percent-encoded as RFC 3986 says.
    """
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(query))


def canonical_request(request: Request, signed_headers: Sequence[str]) -> str:
    """The text that is hashed and signed."""
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed_headers)
    payload = hashlib.sha256(request.body).hexdigest()
    return "\n".join(
        (
            request.method,
            request.path,
            canonical_query(request.query),
            headers,
            ";".join(signed_headers),
            payload,
        )
    )


def sign(request: Request, signed_headers: Sequence[str], secret: str) -> str:
    """The signature, in lower-case hex."""
    digest = hashlib.sha256(canonical_request(request, signed_headers).encode()).hexdigest()
    return hmac.new(secret.encode(), f"{ALGORITHM}\n{digest}".encode(), hashlib.sha256).hexdigest()


def check(request: Request, authorization: Authorization, secret: str, now: float) -> None:
    """Check date, payload hash and signature.

    Args:
        now: the server's time, seconds since 1970.
    Raises:
        ApiError: one of them is wrong.
    """
    try:
        date = calendar.timegm(time.strptime(request.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise ApiError(
            400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
        ) from None
    if abs(now - date) > MAXIMUM_SKEW:
        raise ApiError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
    hashed = request.headers["x-acs-content-sha256"]
    if hashed != hashlib.sha256(request.body).hexdigest() or not hmac.compare_digest(
        sign(request, authorization.signed_headers, secret), authorization.signature
    ):
        raise ApiError(400, "SignatureDoesNotMatch", "Specified signature does not match our calculation.")
