"""The inputs of a ListenerClientAuthentication, and what is wrong with them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict, TypeGuard

from alb_mutual_tls.listener.patch import Desired
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown


class ListenerSettings(TypedDict):
    """What a listener is to have, and how that is brought about."""

    caEnabled: bool | Unknown
    caCertificateId: str | Unknown
    caCertificateExisting: bool | Unknown
    trustedFingerprint: str | Unknown
    trustedNotAfter: str | Unknown
    issuingFingerprint: str | Unknown
    crossFingerprints: list[str | Unknown] | Unknown
    owner: str | Unknown
    awaitListener: bool | Unknown
    awaitTimeoutSeconds: int | Unknown
    takeOver: bool | Unknown
    cutOff: bool | Unknown


class ListenerAddress(TypedDict):
    """Which listener it is."""

    albConfig: str
    port: int


class LocatedInputs(ListenerAddress, ListenerSettings):
    """Inputs for a listener that is known."""


class ListenerInputs(ListenerSettings):
    """Inputs of a preview, in which the AlbConfig may still be to be made."""

    albConfig: str | Unknown
    port: int | Unknown


INPUTS: Final = (*ListenerAddress.__annotations__, *ListenerSettings.__annotations__)
DEFAULTS: Final[Mapping[str, Any]] = {
    "caCertificateExisting": False,
    "trustedNotAfter": "",
    "crossFingerprints": [],
    "awaitListener": True,
    "awaitTimeoutSeconds": 180,
    "takeOver": False,
    "cutOff": False,
}
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_IDENTITY: Final = re.compile(r"[0-9a-f]{8}")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_MOST_SECONDS: Final = 86400


def located(inputs: ListenerInputs) -> TypeGuard[LocatedInputs]:
    """Whether the inputs say already which listener it is."""
    return inputs["albConfig"] is not UNKNOWN and inputs["port"] is not UNKNOWN


def desired(inputs: ListenerSettings) -> Desired | None:
    """What the listener shall have; None while that is not known."""
    if inputs["caEnabled"] is UNKNOWN or inputs["caCertificateId"] is UNKNOWN:
        return None
    return Desired(inputs["caEnabled"], inputs["caCertificateId"])


def check_inputs(inputs: Properties) -> list[CheckFailure]:
    """Everything that is wrong with the inputs, whose defaults are filled in.

    Values that are not known yet are not judged.
    """
    failures = unexpected("ListenerClientAuthentication", inputs, INPUTS)

    def require(key: str, holds: Any, rule: str) -> None:
        value = inputs.get(key)
        if value is not UNKNOWN and not holds(value):
            failures.append(
                CheckFailure(
                    key,
                    (
                        f"{key} is {value!r}: give {rule}"
                        if value is not None
                        else f"{key} is missing: give {rule}"
                    ),
                )
            )

    def whole(value: Any, least: int, most: int) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    def text(pattern: re.Pattern[str]) -> Any:
        return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None

    require("albConfig", text(_NAME), "the name of an AlbConfig (lower-case letters, digits, - and .)")
    require("port", lambda value: whole(value, 1, 65535), "a whole number from 1 to 65535")
    for key in ("caEnabled", "caCertificateExisting", "awaitListener", "takeOver", "cutOff"):
        require(key, lambda value: isinstance(value, bool), "true or false, without quotes")
    needs_id = (
        inputs.get("caEnabled") is not False
    )  # an upload that failed has none, which must not keep a listener on
    require(
        "caCertificateId",
        lambda value: isinstance(value, str) and value.strip() == value and (value != "" or not needs_id),
        "the id of a CA certificate in CAS (it is empty after a failed upload)",
    )
    for key in ("trustedFingerprint", "issuingFingerprint"):
        require(key, text(_FINGERPRINT), "a SHA-256 fingerprint of 64 lower-case hexadecimal digits")
    require(
        "trustedNotAfter",
        lambda value: isinstance(value, str) and (value == "" or _MOMENT.fullmatch(value) is not None),
        "when the trusted CA ends, for instance 2036-11-20T12:00:00Z",
    )
    fingerprint = text(_FINGERPRINT)
    require(
        "crossFingerprints",
        lambda value: isinstance(value, list) and all(item is UNKNOWN or fingerprint(item) for item in value),
        "a list of SHA-256 fingerprints of 64 lower-case hexadecimal digits",
    )
    require("owner", text(_IDENTITY), "the identity of a StackIdentity (8 hexadecimal digits)")
    require(
        "awaitTimeoutSeconds",
        lambda value: whole(value, 1, _MOST_SECONDS),
        f"a whole number of seconds from 1 to {_MOST_SECONDS}",
    )
    return failures
