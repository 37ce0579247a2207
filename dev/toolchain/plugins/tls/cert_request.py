"""`tls:index/certRequest:CertRequest`: a certificate signing request (PKCS #10)."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding

from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties
from dev.toolchain.plugins.tls import alternative_names, names
from dev.toolchain.plugins.tls.certificate import sign_request
from dev.toolchain.plugins.tls.inputs import Input, Kind
from dev.toolchain.plugins.tls.key_input import KeyInput
from dev.toolchain.plugins.tls.pem import identifier, key_algorithm
from dev.toolchain.plugins.tls.resource import Resource

KEY = KeyInput("privateKeyPem")
NAMES = (
    Input("subject", Kind.OBJECT),
    Input("dnsNames", Kind.TEXTS),
    Input("ipAddresses", Kind.TEXTS, no_empty_items=True),
    Input("uris", Kind.TEXTS, no_empty_items=True),
)


def name_failures(inputs: Properties) -> list[CheckFailure]:
    """What is wrong with the subject and the alternative names."""
    subject = inputs.get("subject")
    return [
        *(names.failures(subject) if subject not in (None, UNKNOWN) else []),
        *alternative_names.failures(inputs),
    ]


class CertRequest(Resource):
    """Names and the public half of a key, signed with the key."""

    token = "tls:index/certRequest:CertRequest"  # noqa: S105  # a type, not a password
    inputs = (*KEY.inputs, *NAMES)
    computed = ("certRequestPem", "keyAlgorithm")
    secret_outputs = KEY.secrets

    def rules(self, inputs: Properties) -> list[CheckFailure]:
        """The key and the names."""
        return [*KEY.failures(inputs), *name_failures(inputs)]

    def make(self, request: Request, inputs: Properties) -> Properties:
        """Sign the request."""
        key = KEY.known_key(inputs)
        made = sign_request(names.of_subject(inputs.get("subject")), alternative_names.of_inputs(inputs), key)
        return {
            "id": identifier(made.public_bytes(Encoding.DER)),
            "certRequestPem": made.public_bytes(Encoding.PEM).decode(),
            "keyAlgorithm": key_algorithm(key),
        }
