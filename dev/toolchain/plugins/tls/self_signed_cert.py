"""`tls:index/selfSignedCert:SelfSignedCert`: a certificate signed with its own key, such as a root
CA.
"""

from __future__ import annotations

from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, has_unknown
from dev.toolchain.plugins.tls import alternative_names, names
from dev.toolchain.plugins.tls.cert_request import KEY, NAMES, name_failures
from dev.toolchain.plugins.tls.certificate import Form, end_of_validity, key_identifier, outputs, sign
from dev.toolchain.plugins.tls.inputs import Input, Kind
from dev.toolchain.plugins.tls.pem import key_algorithm
from dev.toolchain.plugins.tls.renewable import VALIDITY, Renewable, path_length


class SelfSignedCert(Renewable):
    """Issuer and subject are the same; an authority key identifier is written only on demand."""

    token = "tls:index/selfSignedCert:SelfSignedCert"  # noqa: S105  # a type, not a password
    inputs = (*KEY.inputs, *NAMES, *VALIDITY, Input("setAuthorityKeyId", Kind.BOOLEAN, default=False))
    computed = ("certPem", "keyAlgorithm", "validityStartTime", "validityEndTime")
    secret_outputs = KEY.secrets

    def rules(self, inputs: Properties) -> list[CheckFailure]:
        """The key, the names, and what a CA and an authority key identifier need."""
        found = [*super().rules(inputs), *KEY.failures(inputs), *name_failures(inputs)]
        subject = inputs.get("subject")
        if (
            not found
            and inputs["isCaCertificate"] is True
            and not has_unknown(subject)
            and not list(names.of_subject(subject))
        ):
            found.append(
                CheckFailure(
                    "subject", "a CA must have a name: give at least one field of subject (RFC 5280, 4.1.2.6)"
                )
            )
        no_identifier = inputs["isCaCertificate"] is False and inputs["setSubjectKeyId"] is False
        if inputs["setAuthorityKeyId"] not in (False, UNKNOWN) and no_identifier:
            found.append(
                CheckFailure(
                    "setAuthorityKeyId",
                    "there is no key identifier to refer to: set setSubjectKeyId or isCaCertificate too",
                )
            )
        return found

    def make(self, request: Request, inputs: Properties) -> Properties:
        """Issue the certificate, valid from now on."""
        key = KEY.known_key(inputs)
        start = self.now()
        identifier = key_identifier(key.public_key())
        form = Form(
            subject=names.of_subject(inputs.get("subject")),
            not_before=start,
            not_after=end_of_validity(start, inputs["validityPeriodHours"]),
            uses=inputs["allowedUses"],
            is_ca=inputs["isCaCertificate"],
            path_length=path_length(inputs),
            subject_key_id=identifier if inputs["isCaCertificate"] or inputs["setSubjectKeyId"] else None,
            authority_key_id=identifier if inputs["setAuthorityKeyId"] else None,
            names=alternative_names.of_inputs(inputs),
        )
        return outputs(sign(form, form.subject, key.public_key(), key), form) | {
            "keyAlgorithm": key_algorithm(key)
        }
