"""The state of a SignedCertificate, and what is read out of it. Pure."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from alb_mutual_tls.pki.renewal import from_text, to_text
from alb_mutual_tls.provider.signed_certificate_inputs import CrossInputs
from alb_mutual_tls.wire import UNKNOWN, Unknown

if TYPE_CHECKING:
    from cryptography import x509


class Computed(TypedDict):
    """What is known of a certificate that was issued; texts are empty while none was."""

    certificatePem: str
    notBefore: str
    notAfter: str
    fingerprint: str
    serialNumber: str


class ComputedToCome(TypedDict):
    """The same in a preview."""

    certificatePem: Unknown
    notBefore: Unknown
    notAfter: Unknown
    fingerprint: Unknown
    serialNumber: Unknown


class SignedState(Computed):
    """The state, as far as it is read; the other inputs are only compared."""

    kind: NotRequired[str]
    issuerCertificatePem: str
    subjectCertificatePem: NotRequired[str]


COMPUTED: Final = tuple(Computed.__annotations__)
UNSIGNED: Final[Computed] = {
    "certificatePem": "",
    "notBefore": "",
    "notAfter": "",
    "fingerprint": "",
    "serialNumber": "",
}
TO_COME: Final[ComputedToCome] = {
    "certificatePem": UNKNOWN,
    "notBefore": UNKNOWN,
    "notAfter": UNKNOWN,
    "fingerprint": UNKNOWN,
    "serialNumber": UNKNOWN,
}
_LIMITS: Final = tuple(map(bytes.fromhex, ("30060101ff0201", "0603551d25", "0603551d20", "0603551d1e")))
"""The DER of what limits an authority: path length, and the object identifiers of extended key
usage, certificate policies and name constraints.
"""


def computed_of(certificate: x509.Certificate) -> Computed:
    from alb_mutual_tls.pki import bundle, signing

    pem = signing.to_pem(certificate)
    return {
        "certificatePem": pem,
        "notBefore": to_text(certificate.not_valid_before_utc),
        "notAfter": to_text(certificate.not_valid_after_utc),
        "fingerprint": bundle.fingerprint(pem),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def lost_limits(state: SignedState, inputs: CrossInputs, now: datetime) -> list[str]:
    """The limits that a cross certificate in the state should have and lacks.

    One that has ended lacks none, since there is none better to be had.
    """
    if inputs.get("sign") is not True:
        return []
    if not state["certificatePem"] or from_text(state["notAfter"]) <= now:
        return []
    from alb_mutual_tls.pki import bundle

    subject = state["subjectCertificatePem"]
    encoded = base64.b64decode("".join(bundle.split(subject)[0].splitlines()[1:-1]))
    if not any(limit in encoded for limit in _LIMITS):
        return []
    from alb_mutual_tls.pki import cross_certificate

    return cross_certificate.lost_limits(bundle.load_one(state["certificatePem"]), bundle.load_one(subject))
