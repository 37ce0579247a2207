"""The register as the version before kept it, with a resource for each certificate. Pure.

Its `current` held the certificates in PEM, and `certificates` what was remembered of them. They go
on: what fits the configuration is not issued anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from alb_mutual_tls.pki.issued import IssuedCertificate, entry
from alb_mutual_tls.wire import has_unknown

if TYPE_CHECKING:
    from cryptography import x509

    from alb_mutual_tls.provider.register_inputs import ClientWish, RegisterInputs


def is_before(state: Mapping[str, Any]) -> bool:
    """Whether the version before has written a state."""
    return "current" in state


def carried_over(
    state: Mapping[str, Any], inputs: RegisterInputs, wanted: Mapping[str, ClientWish]
) -> tuple[dict[str, IssuedCertificate], dict[str, tuple[str, ...]]]:
    """Return the certificates, and in what each differs from what is wanted."""
    held = {
        client: entry(pem, state["certificates"].get(client, {}).get("acceptedBy", ()))
        for client, pem in state["current"].items()
    }
    issuer = inputs.get("issuerCertificatePem")
    return held, {
        client: _faults(certificate["certificatePem"], wanted[client], issuer)
        for client, certificate in held.items()
        if client in wanted
    }


def _faults(pem: str, wish: ClientWish, issuer_pem: object) -> tuple[str, ...]:
    """The inputs that a certificate does not fit."""
    from alb_mutual_tls.pki import bundle
    from alb_mutual_tls.pki.names import to_name

    if has_unknown(wish) or not isinstance(issuer_pem, str):
        unknown = [name for name, value in wish.items() if has_unknown(value)]
        return tuple(sorted(unknown or ["issuerCertificatePem"]))
    certificate, issuer = bundle.load_one(pem), bundle.load_one(issuer_pem)
    subject = wish["subject"]
    assert isinstance(subject, Mapping)
    fits = {
        "issuerCertificatePem": bundle.issued_by(issuer, certificate),
        next(name for name in ("csrPem", "publicKeyPem") if name in wish): _has_key(certificate, wish),
        "subject": certificate.subject == to_name({name: str(value) for name, value in subject.items()}),
        "uris": _uris(certificate) == wish["uris"],
        "validityDays": _lasts(certificate, issuer, wish),
    }
    return tuple(sorted(name for name, fit in fits.items() if not fit))


def _has_key(certificate: x509.Certificate, wish: ClientWish) -> bool:
    from alb_mutual_tls.pki.keys import load_public_key, same_key
    from alb_mutual_tls.pki.request import SigningRequest

    if "csrPem" in wish:
        return same_key(certificate.public_key(), SigningRequest.load(str(wish["csrPem"])).public_key)
    return same_key(certificate.public_key(), load_public_key(str(wish["publicKeyPem"])))


def _uris(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    from alb_mutual_tls.pki.authority_faults import extension

    names = extension(certificate, x509.SubjectAlternativeName)
    return [] if names is None else names.get_values_for_type(x509.UniformResourceIdentifier)


def _lasts(certificate: x509.Certificate, issuer: x509.Certificate, wish: ClientWish) -> bool:
    from alb_mutual_tls.pki.profile import BACKDATE

    end = certificate.not_valid_after_utc
    asked = (end - certificate.not_valid_before_utc - BACKDATE).days == wish["validityDays"]
    return asked or end == issuer.not_valid_after_utc
