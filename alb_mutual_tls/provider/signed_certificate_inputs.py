"""The inputs of a SignedCertificate, and what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NotRequired, TypedDict

from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.provider.certificate_inputs import ISSUER, issuer_failures, pem_failures, same
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Unknown


class CrossInputs(TypedDict):
    """Another authority's certificate; without `sign` the one there is is kept."""

    kind: Literal["cross"]
    issuerCertificatePem: str | Unknown
    issuerPrivateKeyPem: str | Unknown
    subjectCertificatePem: str | Unknown
    sign: NotRequired[bool | Unknown]


PROPERTIES: Final = ("kind", *ISSUER, "subjectCertificatePem", "sign")


def input_changes(state: Mapping[str, object], inputs: Mapping[str, object]) -> dict[str, Kind]:
    """The inputs in which the state and the desired ones differ."""
    changes: dict[str, Kind] = {}
    for name in sorted(set(PROPERTIES) & (state.keys() | inputs.keys())):
        if name not in state:
            changes[name] = Kind.ADD
        elif name not in inputs:
            changes[name] = Kind.DELETE
        elif not same(name, state[name], inputs[name]):
            changes[name] = Kind.UPDATE
    return changes


def check_inputs(inputs: Mapping[str, object]) -> list[CheckFailure]:
    """Everything that is wrong with the inputs, a sentence each.

    What is not known yet is left for later.
    """
    kind = inputs.get("kind")
    if kind is UNKNOWN:
        return []
    if kind != "cross":
        return [CheckFailure("kind", f"unknown kind of certificate {kind!r}; give cross")]
    failures = [
        CheckFailure(
            "",
            f"unknown property {name} of a cross certificate; remove it, the properties are"
            f" {', '.join(PROPERTIES)}",
        )
        for name in inputs
        if name not in PROPERTIES
    ]
    failures += [
        CheckFailure("", f"{name} is missing; give it, a cross certificate needs {', '.join(PROPERTIES)}")
        for name in PROPERTIES
        if name not in inputs
    ]
    if failures:
        return failures
    from alb_mutual_tls.pki import bundle

    sign = inputs.get("sign", True)
    if not isinstance(sign, bool):
        failures = [CheckFailure("sign", f"sign is {sign!r}: give true or false")]
    return [
        *failures,
        *issuer_failures(inputs),
        *pem_failures(inputs, {"subjectCertificatePem": bundle.load_one}),
    ]
