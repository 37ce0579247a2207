"""The signature check of the sandbox's OpenAPI endpoint, against the official SDK's signing
code.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from alibabacloud_tea_openapi.utils import Utils

from dev.sandbox.cloud import signature
from dev.sandbox.cloud.errors import ApiError
from dev.sandbox.cloud.signature import Request

SECRET = "a-secret"
NOW = 1_800_000_000.0


def request(
    query: dict[str, str] | None = None, body: bytes = b"", changed: dict[str, str | None] | None = None
) -> Request:
    """A request as the SDK signs it, with headers changed (None: left out) before signing."""
    headers: dict[str, str | None] = {
        "host": "127.0.0.1:17080",
        "x-acs-version": "2020-04-07",
        "x-acs-action": "UploadPCACert",
        "user-agent": "AlibabaCloud (linux; x86_64)",
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW)),
        "x-acs-signature-nonce": "0123456789abcdef",
        "accept": "application/json",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    }
    if body:
        headers["content-type"] = "application/x-www-form-urlencoded"
    headers |= changed or {}
    sent = {name: value for name, value in headers.items() if value is not None}
    query = query or {}
    signed = SimpleNamespace(method="POST", pathname="/", query=query, headers=sent)
    payload = hashlib.sha256(body).hexdigest()
    sent["authorization"] = Utils.get_authorization(
        signed, signature.ALGORITHM, payload, "an-access-key", SECRET
    )
    return Request("POST", "/", list(query.items()), sent, body)


def check(made: Request, secret: str = SECRET, now: float = NOW) -> None:
    signature.check(made, signature.parse(made.headers), secret, now)


def code(made: Request, **arguments: Any) -> str:
    with pytest.raises(ApiError) as refused:
        check(made, **arguments)
    return refused.value.code


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"Name": "plain"},
        {"Z": "1", "A": "2", "a": "3"},
        {"Cert": "-----BEGIN CERTIFICATE-----\nab+/=\n", "Name": "ü ~*'()/?&=%"},
        {"Empty": ""},
    ],
)
def test_a_request_signed_by_the_official_sdk_is_accepted(query: dict[str, str]) -> None:
    check(request(query))


def test_a_form_body_signed_by_the_official_sdk_is_accepted() -> None:
    check(request(body=b"Cert=-----BEGIN&WarehouseId=1"))


def test_the_access_key_is_read_from_the_header() -> None:
    assert signature.parse(request().headers).access_key_id == "an-access-key"


def test_another_secret_does_not_match() -> None:
    assert code(request({"Name": "x"}), secret="another") == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "tampered",
    [
        replace(request({"Name": "x"}), query=[("Name", "y")]),
        replace(request({"Name": "x"}), query=[("Name", "x"), ("Type", "ssl")]),
        replace(request({"Name": "x"}), method="GET"),
        replace(request(body=b"a=b"), body=b"a=c"),
        replace(request(), headers={**request().headers, "x-acs-action": "DeletePCACert"}),
    ],
    ids=["value", "added parameter", "method", "body", "action"],
)
def test_what_was_changed_after_signing_does_not_match(tampered: Request) -> None:
    assert code(tampered) == "SignatureDoesNotMatch"


def test_a_body_that_is_not_the_hashed_one_does_not_match_even_if_both_are_signed() -> None:
    assert (
        code(request(body=b"a=b", changed={"x-acs-content-sha256": hashlib.sha256(b"").hexdigest()}))
        == "SignatureDoesNotMatch"
    )


@pytest.mark.parametrize("skew", [15 * 60 + 1, -15 * 60 - 1])
def test_a_clock_that_is_more_than_a_quarter_of_an_hour_off_is_refused(skew: int) -> None:
    assert code(request(), now=NOW + skew) == "InvalidTimeStamp.Expired"


@pytest.mark.parametrize("skew", [15 * 60, -15 * 60])
def test_a_clock_that_is_a_quarter_of_an_hour_off_is_accepted(skew: int) -> None:
    check(request(), now=NOW + skew)


def test_a_date_in_another_form_is_refused() -> None:
    assert code(request(changed={"x-acs-date": "Mon, 23 Nov 2026 22:00:00 GMT"})) == "InvalidTimeStamp.Format"


@pytest.mark.parametrize("name", ["host", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"])
def test_a_header_that_must_be_signed_must_be_there(name: str) -> None:
    assert code(request(changed={name: None})) == "IncompleteSignature"


def test_a_security_token_that_was_added_after_signing_is_refused() -> None:
    made = request()
    assert code(replace(made, headers={**made.headers, "x-acs-security-token": "t"})) == "IncompleteSignature"


@pytest.mark.parametrize(
    "text", ["", "Basic eDp5", "ACS3-HMAC-SM3 Credential=a,SignedHeaders=host,Signature=00"]
)
def test_another_kind_of_authorization_is_refused(text: str) -> None:
    made = request()
    assert code(replace(made, headers={**made.headers, "authorization": text})) == "IncompleteSignature"


def test_no_authorization_is_refused() -> None:
    made = request()
    headers = {name: value for name, value in made.headers.items() if name != "authorization"}
    assert code(replace(made, headers=headers)) == "MissingAuthorization"
