"""An engine that keeps a register of client certificates with the real handler."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alb_mutual_tls.pki import register
from alb_mutual_tls.plugin.handler import Handler, Kind
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.pki.material import FIELDS, NOW, URIS, authority, key_pem, pem, request

ROOT, OTHER = authority("root a"), authority("root b")
CSR = request(common_name=FIELDS["commonName"])
ISSUER = {
    "issuerCertificatePem": pem(ROOT.certificate),
    "issuerPrivateKeyPem": key_pem(ROOT.private_key),
}
BY_OTHER = {
    "issuerCertificatePem": pem(OTHER.certificate),
    "issuerPrivateKeyPem": key_pem(OTHER.private_key),
}


def client(**changed: Any) -> Properties:
    return {
        "csrPem": CSR,
        "subject": dict(FIELDS),
        "uris": list(URIS),
        "validityDays": 90,
        "renewBeforeDays": 30,
        **changed,
    }


def group(*names: str, **changed: Any) -> Properties:
    return {
        "names": list(names),
        "keyAlgorithm": "ECDSA-P256",
        "subject": {"organizationName": "fleet"},
        "uriPrefix": "spiffe://0a1b2c3d.alb-mutual-tls/client/fleet/",
        "validityDays": 90,
        "renewBeforeDays": 30,
        **changed,
    }


def having(roots: tuple[Any, ...] = (pem(ROOT.certificate),), **clients: Any) -> Properties:
    return {**ISSUER, "clients": clients, "rootCertificatePems": list(roots)}


class Engine:
    """Calls the handler in the order of the real engine; keeps the state.

    `said` is what the user sees.
    """

    def __init__(self) -> None:
        self.now = NOW
        self.handler: Handler = IssuedCertificates(self.clock)
        self.said: list[str] = []
        self.inputs: Properties = {}
        self.state: Mapping[str, Any] = {}

    def clock(self) -> datetime:
        return self.now

    def request(self, preview: bool = False) -> Request:
        urn = f"urn:pulumi:dev::alb-mutual-tls::{IssuedCertificates.token}::mtls-issued"
        return Request(
            urn,
            "mtls-issued",
            preview,
            0.0,
            threading.Event(),
            lambda severity, text, _: self.said.append(f"{severity}: {text}"),
        )

    def check(self, inputs: Properties) -> list[str]:
        _, failures = self.handler.check(self.request(), self.inputs, inputs)
        return [f"{failure.property}: {failure.reason}" for failure in failures]

    def changes(self, inputs: Properties) -> dict[str, Kind]:
        assert self.check(inputs) == []
        return self.handler.diff(self.request(), "mtls-issued", self.state, self.inputs, inputs).changes

    def preview(self, inputs: Properties) -> Mapping[str, Any]:
        if not self.state:
            return self.handler.create(self.request(preview=True), inputs)[1]
        return self.handler.update(self.request(preview=True), "mtls-issued", self.state, self.inputs, inputs)

    def up(self, inputs: Properties) -> dict[str, Kind]:
        if not self.state:
            assert self.check(inputs) == []
            _, self.state = self.handler.create(self.request(), inputs)
            changes: dict[str, Kind] = {}
        elif changes := self.changes(inputs):
            self.state = self.handler.update(self.request(), "mtls-issued", self.state, self.inputs, inputs)
        self.inputs = inputs
        return changes

    def pem(self, client: str) -> str:
        return str(register.certificates(self.state)[client]["certificatePem"])

    def is_kept(self, client: str, inputs: Properties) -> bool:
        """Whether a preview leaves a client's certificate as it is."""
        planned = register.certificates(self.preview(inputs)).get(client, UNKNOWN)
        return planned is not UNKNOWN and planned["certificatePem"] == self.pem(client)

    def outstanding(self) -> list[tuple[str, str, str]]:
        return [(one["client"], one["reason"], one["notAfter"]) for one in self.state["outstanding"]]
