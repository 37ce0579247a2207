"""Name what the register of client certificates holds, in states and in differences.

The register is the resource `IssuedCertificates`. Of its outputs, `client:NAME` is the certificate
of a client, and `group:NAME` those of a group's members by their names. A member is called
GROUP/MEMBER. These names are a persisted contract, since they stand in users' states.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

CLIENT: Final = "client:"
GROUP: Final = "group:"
KEYS: Final = "privateKeys"
"""The output, a secret, with the private keys of members by their full names."""
_STEP: Final = re.compile(r'\["(?P<quoted>[^"]*)"\]|(?P<plain>[^.\[\]"]+)')


def member(group: str, name: str) -> str:
    """Return the full name of a group's member."""
    return f"{group}/{name}"


def path(*steps: str) -> str:
    """Return the path of a property, as the engine writes it.

    Source: https://www.pulumi.com/docs/iac/concepts/miscellaneous/property-paths/.
    """
    text = ""
    for step in steps:
        if set(step) & set('.[]"'):
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else step
    return text


def steps(path: str) -> tuple[str, ...]:
    """Return the steps of a property's path; the opposite of `path`."""
    return tuple(match["plain"] or match["quoted"] for match in _STEP.finditer(path))


def end_path(client: str) -> str:
    """Return the path of the end of a client's certificate.

    It is what differs when a certificate is issued anew since its time has come.
    """
    group, _, name = client.rpartition("/")
    return path(f"{GROUP}{group}", name, "notAfter") if group else path(f"{CLIENT}{client}", "notAfter")


def due(path: str) -> str | None:
    """Return whose certificate is due, by a path of `end_path`; None for other paths."""
    match steps(path):
        case (output, "notAfter") if output.startswith(CLIENT):
            return output.removeprefix(CLIENT)
        case (output, name, "notAfter") if output.startswith(GROUP):
            return member(output.removeprefix(GROUP), name)
    return None


def renewal_days(inputs: Mapping[str, Any]) -> dict[str, int]:
    """Return how many days before its end each client's certificate is renewed."""
    days = {client: wish["renewBeforeDays"] for client, wish in (inputs.get("clients") or {}).items()}
    for group, wish in (inputs.get("groups") or {}).items():
        days |= dict.fromkeys((member(group, name) for name in wish["names"]), wish["renewBeforeDays"])
    return {client: int(number) for client, number in days.items()}


def certificates(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the register holds of each client that has a certificate, by its full name."""
    return dict(_certificates(outputs))


def _certificates(outputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(current := outputs.get("current"), Mapping):  # as the version before kept them
        remembered = outputs.get("certificates")
        for client, pem in current.items():
            known = remembered.get(client) if isinstance(remembered, Mapping) else None
            yield client, {**(known if isinstance(known, Mapping) else {}), "certificatePem": pem}
    for name, value in outputs.items():
        if not isinstance(value, Mapping):
            continue
        if name.startswith(CLIENT):
            yield name.removeprefix(CLIENT), value
        elif name.startswith(GROUP):
            for own, certificate in value.items():
                if isinstance(certificate, Mapping):
                    yield member(name.removeprefix(GROUP), own), certificate
