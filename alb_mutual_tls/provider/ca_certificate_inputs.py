"""The inputs of a CaCertificate, and what is wrong with them. Pure."""

from __future__ import annotations

from typing import Final, TypedDict

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.bundle import fingerprint
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown


class CaInputs(TypedDict):
    """The inputs once they are checked.

    `generated`: whether nobody but the stack has its key; `demanded`: whether a listener asks for
    certificates of it now.
    """

    warehouseId: str | Unknown
    name: str | Unknown
    certificatePem: str | Unknown
    generated: bool | Unknown
    demanded: bool | Unknown


_INPUTS: Final = tuple(CaInputs.__annotations__)


def check_inputs(inputs: Properties) -> tuple[Properties, list[CheckFailure]]:
    """The inputs with defaults filled in, and everything that is wrong with them."""
    failures = unexpected("CaCertificate", inputs, _INPUTS)
    given = {key: inputs.get(key) for key in _INPUTS}
    checked = {**given, "generated": inputs.get("generated", False), "demanded": inputs.get("demanded", True)}
    pending = checked["warehouseId"] == "" and checked["demanded"] is False
    for key in ("name",) if pending else ("warehouseId", "name"):
        value = checked[key]
        if value is not UNKNOWN and not (isinstance(value, str) and value.strip()):
            failures.append(CheckFailure(key, f"{key} is {value!r}: give a text"))
    generated, pem = checked["generated"], checked["certificatePem"]
    if generated is not UNKNOWN and not isinstance(generated, bool):
        failures.append(CheckFailure("generated", f"generated is {generated!r}: give true or false"))
    if pem is not UNKNOWN and (reason := unfit(pem)):
        failures.append(CheckFailure("certificatePem", reason))
        if "PRIVATE KEY" in str(pem):
            # the engine prints the value of a property that has a problem
            checked["certificatePem"] = ""
    return checked, failures


def unfit(pem: object) -> str | None:
    """Why a text may not be uploaded as a certificate; None when it may."""
    if not isinstance(pem, str) or not pem.strip():
        return "certificatePem is empty: give the PEM text of a CA certificate"
    if "PRIVATE KEY" in pem:
        return (
            "certificatePem contains a private key, which ALB does not need and which must not be sent: give"
            " the certificate alone"
        )
    try:
        fingerprint(pem)
    except UserError as error:
        return f"certificatePem is not the PEM text of a certificate: {error}"
    return None
