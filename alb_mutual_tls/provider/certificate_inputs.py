"""What the inputs of certificates have in common. Pure.

`cryptography` is imported only when a PEM is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import check_subject
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Unknown, has_unknown

SubjectInput = Mapping[str, str | Unknown] | Unknown
ISSUER: Final = ("issuerCertificatePem", "issuerPrivateKeyPem")
"""The inputs that say what signs."""


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number, which `True` is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def same(name: str, old: object, new: object) -> bool:
    """Whether a property is what it was; in PEM, white space makes no difference."""
    if name.endswith("Pem") and isinstance(old, str) and isinstance(new, str):
        return old.split() == new.split()
    return old == new


def known_subject(subject: object) -> dict[str, str] | None:
    """The fields of a subject; None while one of them is not known."""
    if not isinstance(subject, Mapping) or has_unknown(subject):
        return None
    return dict(subject)


def subject_faults(subject: object) -> list[str]:
    """What is wrong with the fields of a subject that are known, a sentence each."""
    if subject is UNKNOWN:
        return []
    if not isinstance(subject, Mapping):
        return ["subject is not an object of subject fields; give for instance {commonName: name}"]
    if not subject:
        return ["subject has no field; give at least commonName"]
    return check_subject({name: value for name, value in subject.items() if value is not UNKNOWN})


def pem_failures(
    inputs: Mapping[str, object], readers: Mapping[str, Callable[[str], object]]
) -> list[CheckFailure]:
    """What is wrong with the PEM inputs that are known.

    No failure names its property, since the engine would print the value, which may be a private
    key.
    """
    failures = []
    for name, reader in readers.items():
        if name not in inputs or (text := inputs[name]) is UNKNOWN:
            continue
        if not isinstance(text, str):
            failures.append(CheckFailure("", f"{name} is not text; give it in PEM"))
            continue
        try:
            reader(text)
        except UserError as error:
            failures.append(CheckFailure("", f"{name}: {error}"))
    return failures


def issuer_failures(inputs: Mapping[str, object]) -> list[CheckFailure]:
    """What is wrong with the certificate and the private key that sign."""
    from alb_mutual_tls.pki import bundle, keys, signing

    failures = pem_failures(inputs, dict(zip(ISSUER, (bundle.load_one, keys.load_private_key), strict=True)))
    certificate, key = (inputs.get(name) for name in ISSUER)
    if not failures and isinstance(certificate, str) and isinstance(key, str):
        try:
            signing.Issuer.load(certificate, key)
        except UserError as error:
            failures.append(CheckFailure("", f"issuerPrivateKeyPem: {error}"))
    return failures
