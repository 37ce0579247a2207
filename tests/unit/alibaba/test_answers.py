"""What an error answer of Alibaba Cloud becomes."""

from __future__ import annotations

import pytest

from alb_mutual_tls.alibaba.answers import (
    ALB,
    CAS,
    ApiError,
    NotPermitted,
    ServiceFailed,
    Throttled,
    WrongCredentials,
    network_reason,
    refusal,
)
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.errors import Unreachable, UserError


def answer(
    code: str, status: int = 400, *, action: str = "UploadPCACert", denied_action: str = ""
) -> ApiError:
    return refusal(
        product=CAS,
        endpoint="cas.aliyuncs.com",
        action=action,
        status=status,
        code=code,
        message="Something\nwas wrong.",
        request_id="R-1",
        credential="LTAI****AKey from alicloud:accessKey",
        denied_action=denied_action,
    )


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("Throttling", 400, Throttled),
        ("Throttling.User", 400, Throttled),
        ("Anything", 429, Throttled),
        ("InvalidAccessKeyId.NotFound", 404, WrongCredentials),
        ("InvalidAccessKeyId.Inactive", 403, WrongCredentials),
        ("SignatureDoesNotMatch", 400, WrongCredentials),
        ("IncompleteSignature", 400, WrongCredentials),
        ("InvalidSecurityToken.Expired", 400, WrongCredentials),
        ("MissingSecurityToken", 400, WrongCredentials),
        ("Forbidden.RAM", 403, NotPermitted),
        ("NoPermission", 403, NotPermitted),
        ("Forbidden", 400, NotPermitted),
        ("InternalError", 500, ServiceFailed),
        ("ServiceUnavailable", 503, ServiceFailed),
        ("SystemBusy", 400, ServiceFailed),
        ("NotFound", 404, ApiError),
        ("InvalidParameter", 400, ApiError),
        ("InvalidTimeStamp.Expired", 400, ApiError),
    ],
)
def test_a_code_means_one_thing_and_is_told_in_one_sentence(
    code: str, status: int, kind: type[ApiError]
) -> None:
    error = answer(code, status)
    assert type(error) is kind
    assert (error.code, error.status) == (code, status)
    assert code in str(error)
    assert "R-1" in str(error)
    assert "\n" not in str(error)
    assert isinstance(error, UserError)


def test_only_what_may_pass_by_itself_counts_as_unreachable() -> None:
    assert isinstance(answer("Throttling"), Unreachable)
    assert isinstance(answer("ServiceUnavailable", 503), Unreachable)
    for code in ("SignatureDoesNotMatch", "Forbidden.RAM", "InvalidParameter"):
        assert not isinstance(answer(code), Unreachable)


def test_the_missing_permission_is_named() -> None:
    assert "grant the RAM action yundun-cert:UploadPCACert" in str(answer("Forbidden.RAM", 403))
    assert "grant the RAM action yundun-cert:Other" in str(
        answer("Forbidden.RAM", 403, denied_action="yundun-cert:Other")
    )


def test_the_key_and_its_origin_are_named() -> None:
    for code in ("InvalidAccessKeyId.NotFound", "SignatureDoesNotMatch", "Forbidden.RAM"):
        assert "LTAI****AKey from alicloud:accessKey" in str(
            answer(code, 403 if code.startswith("Forbidden") else 400)
        )
    assert "set alicloud:secretKey" in str(answer("SignatureDoesNotMatch"))
    assert "log in again" in str(answer("InvalidSecurityToken.Expired"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            (
                "Max retries exceeded with url: /?OIDCToken=hidden (Caused by NewConnectionError('...: [Errno"
                " 111] Connection refused'))"
            ),
            "connection refused",
        ),
        (
            (
                "(Caused by NameResolutionError(\"Failed to resolve 'x' ([Errno -2] Name or service not"
                ' known)"))'
            ),
            "its name cannot be resolved",
        ),
        ("HTTPConnectionPool(host='x', port=80): Read timed out. (read timeout=15.0)", "time-out"),
        (
            "ProxyError('Cannot connect to proxy.', NewConnectionError('Connection refused'))",
            "the proxy of HTTP_PROXY or HTTPS_PROXY cannot be used",
        ),
        (
            "(Caused by SSLError(SSLCertVerificationError(1, 'certificate verify failed: self-signed')))",
            "its TLS certificate is not trusted",
        ),
        (
            "(Caused by SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number')))",
            "it does not speak TLS",
        ),
        (
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
            "it closed the connection",
        ),
        (
            "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
            "it closed the connection",
        ),
        ("?OIDCToken=hidden something new", "the connection failed"),
    ],
)
def test_a_lost_connection_is_told_without_the_parameters_of_the_call(text: str, reason: str) -> None:
    assert network_reason(text) == reason


def test_nothing_is_repeated_once_cancelled() -> None:
    tried = []
    api = OpenApi(ALB, "127.0.0.1:9", "HTTP", None).until(lambda: True)
    with pytest.raises(Throttled):
        for attempt in api.attempts():
            with attempt:
                tried.append(1)
                raise answer("Throttling")
    assert tried == [1]
