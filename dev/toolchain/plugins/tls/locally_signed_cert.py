"""`tls:index/locallySignedCert:LocallySignedCert`: a certificate made of a request and signed with
a CA's key.
"""

from __future__ import annotations

from typing import cast

from cryptography import x509

from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties
from dev.toolchain.plugins.tls import alternative_names, names, pem
from dev.toolchain.plugins.tls.certificate import Form, end_of_validity, key_identifier, outputs, sign
from dev.toolchain.plugins.tls.inputs import Input, Kind
from dev.toolchain.plugins.tls.key_input import KeyInput
from dev.toolchain.plugins.tls.renewable import VALIDITY, Renewable, path_length

KEY = KeyInput("caPrivateKeyPem")


class LocallySignedCert(Renewable):
    """Takes names and alternative names from the request, unchecked, as the real provider does."""

    token = "tls:index/locallySignedCert:LocallySignedCert"  # noqa: S105  # a type, not a password
    inputs = (
        Input("certRequestPem", Kind.TEXT, required=True, hidden=True),
        *KEY.inputs,
        Input("caCertPem", Kind.TEXT, required=True, hidden=True),
        *VALIDITY,
    )
    computed = ("certPem", "caKeyAlgorithm", "validityStartTime", "validityEndTime")
    secret_outputs = KEY.secrets

    def rules(self, inputs: Properties) -> list[CheckFailure]:
        """The request, the CA, and whether its key is its own."""
        found = [*super().rules(inputs), *KEY.failures(inputs)]
        authority, request = inputs["caCertPem"], inputs["certRequestPem"]
        try:
            certificate = None if authority is UNKNOWN else pem.certificate(authority, "caCertPem")
            key = None if found else KEY.key(inputs)
            if (
                certificate is not None
                and key is not None
                and _public(certificate) != pem.public_der(key.public_key())
            ):
                found.append(
                    CheckFailure(
                        "",
                        "caPrivateKeyPem is not the key of the certificate in caCertPem: give the two that"
                        " belong together",
                    )
                )
        except pem.NotUsable as error:
            found.append(CheckFailure("", str(error)))
        try:
            parsed = None if request is UNKNOWN else pem.request(request, "certRequestPem")
            if (
                parsed is not None
                and inputs["isCaCertificate"] is True
                and not list(names.of_request(parsed))
            ):
                found.append(
                    CheckFailure(
                        "", "a CA must have a name: make the request with a subject (RFC 5280, 4.1.2.6)"
                    )
                )
        except pem.NotUsable as error:
            found.append(CheckFailure("", str(error)))
        return found

    def make(self, request: Request, inputs: Properties) -> Properties:
        """Issue the certificate, valid from now on."""
        authority = pem.certificate(inputs["caCertPem"], "caCertPem")
        asked = pem.request(inputs["certRequestPem"], "certRequestPem")
        public_key = cast(pem.VerifyingKey, asked.public_key())
        key = KEY.known_key(inputs)
        if not _is_authority(authority):
            request.warn("caCertPem is no CA certificate: what it signs will fail validation")
        start = self.now()
        subject = names.of_request(asked)
        form = Form(
            subject=subject,
            not_before=start,
            not_after=end_of_validity(start, inputs["validityPeriodHours"]),
            uses=inputs["allowedUses"],
            is_ca=inputs["isCaCertificate"],
            path_length=path_length(inputs),
            subject_key_id=(
                key_identifier(public_key) if inputs["isCaCertificate"] or inputs["setSubjectKeyId"] else None
            ),
            authority_key_id=_authority_key_id(authority, subject),
            names=alternative_names.of_request(asked),
        )
        made = outputs(sign(form, authority.subject, public_key, key), form)
        return made | {"caKeyAlgorithm": pem.key_algorithm(key)}


def _authority_key_id(authority: x509.Certificate, subject: x509.Name) -> bytes | None:
    """The authority's key identifier, which Go leaves out when issuer and subject have the same
    name.
    """
    if authority.subject.public_bytes() == subject.public_bytes():
        return None
    try:
        return authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _public(certificate: x509.Certificate) -> bytes:
    return pem.public_der(cast(pem.VerifyingKey, certificate.public_key()))
