"""An engine that signs certificates with the real handler."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography import x509

from alb_mutual_tls.plugin.handler import Difference, Handler, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
from alb_mutual_tls.wire import Properties
from tests.unit.pki.material import NOW, authority, key_pem, pem

ROOT, OTHER = authority("root a"), authority("root b")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Engine:
    """Calls the handler in the order of the real engine: check, diff, then create or update; keeps
    the state.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.handler: Handler = SignedCertificate(self.clock)
        self.said: list[str] = []
        self.inputs: Properties = {}
        self.state: Mapping[str, Any] = {}
        self.id = ""

    def request(self, preview: bool = False) -> Request:
        urn = "urn:pulumi:dev::alb-mutual-tls::albmtls:index:SignedCertificate::mtls-b-by-a"
        return Request(
            urn,
            "mtls-b-by-a",
            preview,
            0.0,
            threading.Event(),
            lambda severity, text, _: self.said.append(f"{severity}: {text}"),
        )

    def check(self, inputs: Properties) -> list[str]:
        _, failures = self.handler.check(self.request(), self.inputs, inputs)
        return [f"{failure.property}: {failure.reason}" for failure in failures]

    def difference(self, inputs: Properties) -> Difference:
        return self.handler.diff(self.request(), self.id, self.state, self.inputs, inputs)

    def changes(self, inputs: Properties) -> dict[str, Kind]:
        return self.difference(inputs).changes

    def preview(self, inputs: Properties) -> Mapping[str, Any]:
        if not self.state:
            return self.handler.create(self.request(preview=True), inputs)[1]
        return self.handler.update(self.request(preview=True), self.id, self.state, self.inputs, inputs)

    def up(self, inputs: Properties) -> dict[str, Kind]:
        assert self.check(inputs) == []
        changes: dict[str, Kind] = {}
        if not self.state:
            self.id, self.state = self.handler.create(self.request(), inputs)
        elif changes := self.changes(inputs):
            self.state = self.handler.update(self.request(), self.id, self.state, self.inputs, inputs)
        self.inputs = inputs
        return changes

    def refresh(self) -> Mapping[str, Any]:
        found = self.handler.read(self.request(), self.id, self.inputs, self.state)
        assert isinstance(found, Reading)
        assert (found.id, found.inputs) == (self.id, self.inputs)
        self.state = found.state
        return self.state


def cross_inputs(**changed: Any) -> Properties:
    return {
        "kind": "cross",
        "issuerCertificatePem": pem(ROOT.certificate),
        "issuerPrivateKeyPem": key_pem(ROOT.private_key),
        "subjectCertificatePem": pem(OTHER.certificate),
        "sign": True,
        **changed,
    }


LIMITED = pem(authority("root b", constraints=x509.BasicConstraints(True, 0)).certificate)


def as_signed_before(engine: Engine) -> None:
    """The state that an earlier version left: a cross certificate without the limits of the
    authority that it certifies.
    """
    engine.up(cross_inputs())
    wide = {
        name: engine.state[name]
        for name in ("certificatePem", "fingerprint", "serialNumber", "notBefore", "notAfter")
    }
    engine.up(cross_inputs(subjectCertificatePem=LIMITED))
    engine.state = {**engine.state, **wide}
    engine.said.clear()
