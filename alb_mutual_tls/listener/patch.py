"""AlbConfig document + desired values -> JSON Patch (RFC 6902), and back again.

A patch consists of `test` operations for everything the decision rested on (the AlbConfig's uid,
the listener's port and protocol, the present values of our two keys, our annotation), then of
writes to `caEnabled`, `caCertificates` and the annotation, and of nothing else: every other key,
listener, order and unknown field stays. The API server evaluates the tests on the object as it then
is, so whoever writes something else at the same time does not disturb, and whoever writes the same
is noticed (HTTP 422; then plan anew). A `test` for null holds for an absent key too, but fails
where the parent is absent. All functions are pure; nothing to do is the empty patch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener.declared import (
    CA_CERTIFICATES,
    CA_ENABLED,
    CERTIFICATE_ID,
    Listener,
    certificate_ids,
    fold,
    spellings,
)
from alb_mutual_tls.listener.exact_json import Document, same


class Operation(TypedDict):
    """One operation of a JSON Patch."""

    op: Literal["test", "add", "replace", "remove"]
    path: str
    value: NotRequired[Any]


Patch = list[Operation]


@dataclass(frozen=True)
class Desired:
    """What a listener shall have: client authentication on or off, one CA certificate.

    Without an id (only where it is off) the CA certificates stay what they are.
    """

    ca_enabled: bool
    ca_certificate_id: str


def pointer(*tokens: str) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def annotation(document: Document, key: str) -> str | None:
    """The text of an annotation, or `None`."""
    value = ((document.get("metadata") or {}).get("annotations") or {}).get(key)
    return value if isinstance(value, str) else None


def fulfils(listener: Listener, desired: Desired) -> bool:
    """Whether the listener already has what is desired, in the controller's eyes."""
    return not _value_writes(listener, desired)


def plan(document: Document, listener: Listener, desired: Desired, claim_key: str, claim: str) -> Patch:
    """What gives `listener` the desired values, and the AlbConfig the claim.

    `claim_key` and `claim`: key and text of the annotation.
    """
    values = _value_writes(listener, desired)
    claims = annotation_set(document, claim_key, claim)
    if not values and not claims:
        return []
    if not desired.ca_enabled and listener.fields.get(listener.key(CA_ENABLED)) is None:
        values.insert(
            0, _set(listener, CA_ENABLED, False)
        )  # off is written down, so that a reader need not know the default
    return _guards(document, listener, claim_key) + values + claims


def switch_off(document: Document, listener: Listener, claim_key: str, claim: str | None) -> Patch:
    """What switches a listener off and leaves its CA certificates.

    `claim`: the new text of the annotation, None to leave that alone.
    """
    values = _value_writes(listener, Desired(False, ""))
    claims = [] if claim is None else annotation_set(document, claim_key, claim)
    return _guards(document, listener, claim_key) + values + claims if values else []


def restore(
    document: Document, listener: Listener, previous: str, claim_key: str, own_uploads: Collection[str]
) -> Patch:
    """What gives `listener` its previous values back and takes the annotation away.

    `previous`: a text of `previous_values`. Where it names one of `own_uploads`, a CA certificate
    that is about to be deleted, the listener is restored as off.
    """
    earlier = parse_previous(previous)
    if any(
        id in own_uploads
        for key, value in earlier.items()
        if fold(key) == fold(CA_CERTIFICATES)
        for id in certificate_ids(value)
    ):
        earlier = {listener.key(CA_ENABLED): False}
    writes: Patch = []
    for name in (CA_ENABLED, CA_CERTIFICATES):
        key = listener.key(name)
        before = spellings(earlier, name)
        if not before:
            if key in listener.fields:
                writes.append({"op": "remove", "path": pointer(*listener.path, key)})
        elif key not in listener.fields:
            writes.append(
                {"op": "add", "path": pointer(*listener.path, before[0]), "value": earlier[before[0]]}
            )
        elif not same(listener.fields[key], earlier[before[0]]):
            writes.append(
                {"op": "replace", "path": pointer(*listener.path, key), "value": earlier[before[0]]}
            )
    writes += annotation_removed(document, claim_key)
    return _guards(document, listener, claim_key) + writes if writes else []


def forget(document: Document, claim_key: str) -> Patch:
    """What takes the annotation away and leaves all values as they are."""
    removal = annotation_removed(document, claim_key)
    return identity_guard(document) + claim_guard(document, claim_key) + removal if removal else []


def previous_values(listener: Listener) -> str:
    """The values of our two keys as JSON text.

    Absent keys are absent, null is null, numbers and spellings are kept.
    """
    keys = [key for name in (CA_ENABLED, CA_CERTIFICATES) for key in spellings(listener.fields, name)]
    return exact_json.dumps({key: listener.fields[key] for key in keys})


def parse_previous(text: str) -> Document:
    """Read a text of `previous_values`; raises `ValueError` when it is none."""
    values = exact_json.loads(text)
    folded = [fold(key) for key in values] if isinstance(values, dict) else ["?"]
    if len(set(folded)) != len(folded) or not set(folded) <= {fold(CA_ENABLED), fold(CA_CERTIFICATES)}:
        raise ValueError("not an object with caEnabled and caCertificates")
    return dict(values)


OFF = exact_json.dumps({CA_ENABLED: False})
"""The previous values of a listener of which nothing better is known: client authentication off, no
CA certificate.
"""


def _set(listener: Listener, name: str, value: Any) -> Operation:
    key = listener.key(name)
    return {
        "op": "replace" if key in listener.fields else "add",
        "path": pointer(*listener.path, key),
        "value": value,
    }


def _value_writes(listener: Listener, desired: Desired) -> Patch:
    writes: Patch = []
    enabled = listener.fields.get(listener.key(CA_ENABLED))
    if (enabled is True) != desired.ca_enabled or not (enabled is None or isinstance(enabled, bool)):
        writes.append(_set(listener, CA_ENABLED, desired.ca_enabled))
    if desired.ca_certificate_id and not _names_exactly(
        listener.fields.get(listener.key(CA_CERTIFICATES)), desired.ca_certificate_id
    ):
        writes.append(_set(listener, CA_CERTIFICATES, [{CERTIFICATE_ID: desired.ca_certificate_id}]))
    return writes


def _names_exactly(certificates: Any, id: str) -> bool:
    """Whether the list has one item, which names `id`.

    What else the item says (IsDefault) is its own affair.
    """
    if not isinstance(certificates, list) or len(certificates) != 1 or not isinstance(certificates[0], dict):
        return False
    keys = spellings(certificates[0], CERTIFICATE_ID)
    return len(keys) == 1 and certificates[0][keys[0]] == id


def _guards(document: Document, listener: Listener, claim_key: str) -> Patch:
    return identity_guard(document) + listener_guard(listener) + claim_guard(document, claim_key)


def listener_guard(listener: Listener) -> Patch:
    """Tests that a listener is where it was, and has our two keys as they were."""
    return [
        {
            "op": "test",
            "path": pointer(*listener.path, listener.key(name)),
            "value": listener.fields.get(listener.key(name)),
        }
        for name in ("port", "protocol", CA_ENABLED, CA_CERTIFICATES)
    ]


def identity_guard(document: Document) -> Patch:
    """Tests that the AlbConfig is still the same object, not one made anew."""
    uid = (document.get("metadata") or {}).get("uid")
    return [{"op": "test", "path": "/metadata/uid", "value": uid}] if uid is not None else []


def claim_guard(document: Document, claim_key: str) -> Patch:
    """Tests that an annotation is still what it is, or still absent."""
    annotations = (document.get("metadata") or {}).get("annotations")
    if not annotations:
        return [{"op": "test", "path": "/metadata/annotations", "value": annotations}]
    return [
        {
            "op": "test",
            "path": pointer("metadata", "annotations", claim_key),
            "value": annotations.get(claim_key),
        }
    ]


def annotation_set(document: Document, key: str, text: str) -> Patch:
    """Gives an annotation a text."""
    annotations = (document.get("metadata") or {}).get("annotations")
    if not annotations:
        return [{"op": "add", "path": "/metadata/annotations", "value": {key: text}}]
    if annotations.get(key) == text:
        return []
    return [
        {
            "op": "replace" if key in annotations else "add",
            "path": pointer("metadata", "annotations", key),
            "value": text,
        }
    ]


def annotation_removed(document: Document, key: str) -> Patch:
    """Takes an annotation away; nothing where there is none."""
    annotations = (document.get("metadata") or {}).get("annotations") or {}
    return [{"op": "remove", "path": pointer("metadata", "annotations", key)}] if key in annotations else []
