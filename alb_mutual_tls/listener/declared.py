"""The listeners of an AlbConfig document, and why one cannot be found there.

A listener is known by its port and protocol (HTTPS and QUIC may share a port). The CRD has no
schema, so nothing in a document can be taken for granted. Keys are matched in any case, as the
controller's JSON decoder does (Go, encoding/json). Ports may be numbers or text (IntOrString).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.exact_json import Document

HTTPS: Final = "HTTPS"
CA_ENABLED: Final = "caEnabled"
CA_CERTIFICATES: Final = "caCertificates"
CERTIFICATE_ID: Final = "CertificateId"


class ListenerMissing(UserError):
    """The AlbConfig has no HTTPS listener on that port."""


class ListenerMalformed(UserError):
    """The AlbConfig leaves open what its listener is; its author must correct that."""


@lru_cache(maxsize=4096)
def fold(key: str) -> str:
    """A key as Go's encoding/json compares it.

    Source: `foldFunc`: ASCII case, and the long s and the Kelvin sign.
    """
    return key.lower().replace("ſ", "s")


def spellings(mapping: Document, key: str) -> list[str]:
    """The keys of `mapping` that the controller takes for `key`, in their order."""
    wanted = fold(key)
    return [present for present in mapping if fold(present) == wanted]


def member(mapping: Any, key: str) -> Any:
    """The value that the controller sees under `key`; `None` when there is none.

    Of several spellings the last one counts.
    """
    if not isinstance(mapping, dict):
        return None
    present = spellings(mapping, key)
    return mapping[present[-1]] if present else None


@dataclass(frozen=True)
class Listener:
    """One listener of an AlbConfig: its path in the document and its own part of it."""

    albconfig: str
    path: tuple[str, ...]
    """Keys and indices from the document's root, as they are spelled."""
    fields: Document
    port: int
    protocol: str

    @property
    def label(self) -> str:
        """Port and protocol, for instance `443/HTTPS`."""
        return f"{self.port}/{self.protocol}"

    @property
    def reference(self) -> str:
        """AlbConfig and port, for instance `alb:443`."""
        return f"{self.albconfig}:{self.port}"

    def key(self, name: str) -> str:
        """How `name` is spelled on this listener, or would be."""
        return (spellings(self.fields, name) or [name])[0]

    @property
    def ca_enabled(self) -> bool:
        """Whether the controller is told to ask for client certificates.

        Absent and null mean no.
        """
        return member(self.fields, CA_ENABLED) is True

    @property
    def ca_certificate_ids(self) -> tuple[str, ...]:
        """The ids of the CA certificates it names; absent, null and [] mean none."""
        return certificate_ids(member(self.fields, CA_CERTIFICATES))


def certificate_ids(certificates: Any) -> tuple[str, ...]:
    """The ids in a list of certificates, as text; items that name none are left out."""
    if not isinstance(certificates, list):
        return ()
    return tuple(
        str(value) for value in (member(item, CERTIFICATE_ID) for item in certificates) if value is not None
    )


def name_of(document: Document) -> str:
    """The AlbConfig's name, for sentences."""
    return str((document.get("metadata") or {}).get("name") or "(without a name)")


def port_number(value: Any) -> int | None:
    """A port as the controller reads it (Kubernetes' IntOrString), or `None`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,9}", value):
        return int(value)
    return None


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{value}"'
    return "a list" if isinstance(value, list) else "an object"


def _only(mapping: Document, key: str, where: str) -> str | None:
    present = spellings(mapping, key)
    if len(present) > 1:
        raise ListenerMalformed(
            f"{where} has {key} {len(present)} times, as {', '.join(present)}: keep one of them"
        )
    return present[0] if present else None


def _listener_list(document: Document) -> tuple[tuple[str, ...], list[Any]]:
    name = name_of(document)
    spec_key = _only(document, "spec", f"AlbConfig {name}")
    spec = document[spec_key] if spec_key else None
    if spec is None:
        return ("spec", "listeners"), []
    if not isinstance(spec, dict):
        raise ListenerMalformed(
            f"spec of AlbConfig {name} is {kind_of(spec)}, not an object: correct the AlbConfig"
        )
    listeners_key = _only(spec, "listeners", f"spec of AlbConfig {name}")
    items = spec[listeners_key] if listeners_key else None
    if items is not None and not isinstance(items, list):
        raise ListenerMalformed(
            f"spec.listeners of AlbConfig {name} is {kind_of(items)}, not a list: correct the AlbConfig"
        )
    return (str(spec_key), listeners_key or "listeners"), items or []


def all_listeners(document: Document) -> list[Listener]:
    """The listeners that port and protocol tell apart, in their order.

    Others are left out. Raises `ListenerMalformed` when `spec` or `spec.listeners` is malformed.
    """
    root, items = _listener_list(document)
    listeners = []
    for index, item in enumerate(items):
        port = port_number(member(item, "port"))
        protocol = member(item, "protocol")
        if port is not None and isinstance(protocol, str):
            listeners.append(Listener(name_of(document), (*root, str(index)), item, port, protocol))
    return listeners


def find_listener(document: Document, port: int) -> Listener:
    """The HTTPS listener on `port`.

    Raises `ListenerMissing`, naming the listeners that exist, or `ListenerMalformed`.
    """
    name = name_of(document)
    root, items = _listener_list(document)
    of_port = [
        (index, item)
        for index, item in enumerate(items)
        # a key in two spellings may hide the port that is looked for
        if isinstance(item, dict) and any(port_number(item[key]) == port for key in spellings(item, "port"))
    ]
    for index, item in of_port:
        for key in ("port", "protocol", CA_ENABLED, CA_CERTIFICATES):
            _only(item, key, f"listener {index + 1} of AlbConfig {name} (port {port})")
    https = [(index, item) for index, item in of_port if member(item, "protocol") == HTTPS]
    if len(https) == 1:
        ((index, item),) = https
        return Listener(name, (*root, str(index)), item, port, HTTPS)
    listeners = all_listeners(document)
    matches = [listener for listener in listeners if listener.port == port and listener.protocol == HTTPS]
    if len(matches) == 1:
        return matches[0]
    if matches:
        positions = " and ".join(str(int(listener.path[-1]) + 1) for listener in matches)
        raise ListenerMalformed(
            f"AlbConfig {name} has {len(matches)} listeners on port {port} with protocol HTTPS (numbers"
            f" {positions} of spec.listeners): keep one"
        )
    if not items:
        raise ListenerMissing(
            f"AlbConfig {name} has no listeners, so none on port {port}: add one with port {port}, protocol"
            " HTTPS and certificates to it"
        )
    if malformed := malformed_items(document):
        raise ListenerMalformed(malformed[0])
    exist = ", ".join(listener.label for listener in listeners)
    protocols = sorted({listener.protocol for listener in listeners if listener.port == port})
    if protocols:
        raise ListenerMissing(
            f"port {port} of AlbConfig {name} speaks {' and '.join(protocols)}, and only HTTPS listeners can"
            f" ask for client certificates; AlbConfig {name} has {exist}: name an HTTPS port in listeners, or"
            " set protocol: HTTPS on the listener"
        )
    raise ListenerMissing(
        f"AlbConfig {name} has no listener on port {port}, it has {exist}: correct the port in listeners, or"
        " add the listener to the AlbConfig"
    )


def malformed_items(document: Document) -> list[str]:
    """A sentence for every item of `spec.listeners` that is malformed.

    The controller would refuse the whole AlbConfig because of it, or not know the listener.
    """
    name = name_of(document)
    sentences = []
    for index, item in enumerate(_listener_list(document)[1]):
        where = f"item {index + 1} of spec.listeners of AlbConfig {name}"
        if not isinstance(item, dict):
            sentences.append(
                f"{where} is {kind_of(item)}, not an object with port and protocol: correct the AlbConfig"
            )
            continue
        port, protocol = member(item, "port"), member(item, "protocol")
        if port_number(port) is None:
            sentences.append(
                f"{where} has {kind_of(port)} as port, not a number from 1 to 65535: correct the AlbConfig"
            )
        elif not isinstance(protocol, str):
            sentences.append(
                f"{where} (port {port}) has {kind_of(protocol)} as protocol, not HTTP, HTTPS or QUIC: correct"
                " the AlbConfig"
            )
    return sentences


def wrong_types(listener: Listener) -> list[str]:
    """A sentence for each of our two keys whose value the controller cannot read.

    It refuses the whole AlbConfig then.
    """
    where = f"of listener {listener.label} of AlbConfig {listener.albconfig}"
    enabled, certificates = member(listener.fields, CA_ENABLED), member(listener.fields, CA_CERTIFICATES)
    sentences = []
    if enabled is not None and not isinstance(enabled, bool):
        sentences.append(
            f"caEnabled {where} is {kind_of(enabled)}, neither true nor false, so the controller refuses the"
            " AlbConfig: correct it there"
        )
    if certificates is not None and not isinstance(certificates, list):
        sentences.append(
            f"caCertificates {where} is {kind_of(certificates)}, not a list, so the controller refuses the"
            " AlbConfig: correct it there"
        )
    return sentences
