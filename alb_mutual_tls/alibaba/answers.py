"""The errors that Alibaba Cloud's APIs answer with, and their sentences.

Everything here is pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from alb_mutual_tls.errors import Unreachable, UserError


@dataclass(frozen=True)
class Product:
    """An Alibaba Cloud product.

    `name` is for sentences, `version` is that of the API. `ram` is the prefix of the product's RAM
    actions.
    """

    name: str
    version: str
    ram: str


CAS = Product("Certificate Management Service (CAS)", "2020-04-07", "yundun-cert")
PRIVATE_CA = Product(CAS.name, "2020-06-30", CAS.ram)
"""The actions of CAS's private CA service, on the same host."""
ALB = Product("Application Load Balancer (ALB)", "2020-06-16", "alb")
CS = Product("Container Service for Kubernetes (ACK)", "2015-12-15", "cs")
STS = Product("Security Token Service (STS)", "2015-04-01", "sts")


class ApiError(UserError):
    """The API refused a call.

    `code` is Alibaba's error code and `status` the HTTP status. `request_id` is the id to quote to
    Alibaba's support.
    """

    def __init__(self, sentence: str, *, code: str = "", status: int = 0, request_id: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.status = status
        self.request_id = request_id


class WrongCredentials(ApiError):
    """The access key is unknown, disabled or expired, or its secret is wrong."""


class NotPermitted(ApiError):
    """The credentials are right, but RAM does not allow the action."""


class Throttled(ApiError, Unreachable):
    """The call came too early and was not done."""


class ServiceFailed(ApiError, Unreachable):
    """The service answered with 5xx: whether the call was done is not known."""


def refusal(
    *,
    product: Product,
    endpoint: str,
    action: str,
    status: int,
    code: str,
    message: str,
    request_id: str,
    credential: str,
    denied_action: str = "",
) -> ApiError:
    """What an error answer means, as the exception to raise; pure.

    Codes: https://api.alibabacloud.com/document/product/common and the tables of the products.
    """
    said = f"{code} (HTTP {status}, request {request_id or 'id unknown'})"
    if code.startswith("Throttling") or status == 429:
        return Throttled(
            f"{product.name} throttled {action} until the deadline was over, {said}: wait a minute and run it"
            " again",
            code=code,
            status=status,
            request_id=request_id,
        )
    if code.startswith(
        ("InvalidAccessKeyId", "InvalidAccessKeySecret", "SignatureDoesNotMatch", "IncompleteSignature")
    ) or ("SecurityToken" in code):
        remedy = _CREDENTIAL_REMEDIES.get(
            code.split(".")[0], "set a key that is active in this account, or log in again"
        )
        return WrongCredentials(
            f"{product.name} at {endpoint} does not accept the access key {credential}: {said}; {remedy}",
            code=code,
            status=status,
            request_id=request_id,
        )
    if status == 403 or code.startswith(
        ("Forbidden", "NoPermission", "NotAuthorized", "AccessDenied", "Unauthorized")
    ):
        wanted = denied_action or f"{product.ram}:{action}"
        return NotPermitted(
            f"{credential} is not permitted to call {action} of {product.name}: {said}; "
            f"grant the RAM action {wanted} (policy in docs/permissions.md) and run it again",
            code=code,
            status=status,
            request_id=request_id,
        )
    if status >= 500 or code.startswith(("ServiceUnavailable", "InternalError", "SystemBusy")):
        return ServiceFailed(
            f"{product.name} at {endpoint} failed in {action}: {said} {short(message)}; run it again later",
            code=code,
            status=status,
            request_id=request_id,
        )
    if "TimeStamp" in code:
        return ApiError(
            f"{product.name} refused {action}: {said}; set the clock of this machine",
            code=code,
            status=status,
            request_id=request_id,
        )
    return ApiError(
        f"{product.name} refused {action}: {said} {short(message)}; if the values are right, report the"
        " request id to Alibaba Cloud",
        code=code,
        status=status,
        request_id=request_id,
    )


_CREDENTIAL_REMEDIES = {
    "InvalidAccessKeyId": (
        "it is not known there: name a key that exists and is active (alicloud:accessKey, alicloud:profile or"
        " the environment), and check that alicloud:accountType and alicloud:endpoints are those of its"
        " account"
    ),
    "SignatureDoesNotMatch": (
        "its secret is wrong: set alicloud:secretKey, or the secret in the environment or profile, anew"
    ),
    "InvalidSecurityToken": "its session is over: log in again or let the environment provide a new token",
}


def network_reason(text: str) -> str:
    """Say why a connection failed, from the HTTP library's message; pure.

    The message itself is not shown, since it holds the URL with all parameters.
    """
    for sign, reason in _NETWORK_REASONS:
        if re.search(sign, text, re.IGNORECASE):
            return reason
    return "the connection failed"


_NETWORK_REASONS = (
    (
        "ProxyError|Cannot connect to proxy|Tunnel connection failed",
        "the proxy of HTTP_PROXY or HTTPS_PROXY cannot be used",
    ),
    (
        "certificate verify failed|CertificateError|SSLCertVerificationError",
        "its TLS certificate is not trusted",
    ),
    ("SSLError|WRONG_VERSION_NUMBER", "it does not speak TLS"),
    (
        "NameResolutionError|Name or service not known|getaddrinfo|name resolution",
        "its name cannot be resolved",
    ),
    ("timed out|Timeout", "time-out"),
    ("Connection refused", "connection refused"),
    ("unreachable|No route to host", "no route to it"),
    ("reset|RemoteDisconnected|Connection aborted|IncompleteRead|Broken pipe", "it closed the connection"),
)


def short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".;")
    return line if len(line) <= 200 else line[:200] + "..."
