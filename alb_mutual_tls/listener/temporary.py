"""The temporary listener of a rehearsal: what it is, the patches that add it and take it away, and
how one that was left behind is known.

It comes with a claim, an annotation `albmtls/<port>-https-rehearsal` written in the same patch,
which holds who added it, until when it may be in use, and the listener itself. A listener is taken
away only while it is what was added, in the controller's eyes: a key that is absent and one with
Go's zero value are the same to it, and a controller that writes the AlbConfig back adds such keys.
Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from itertools import count
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener import patch as listener_patch
from alb_mutual_tls.listener.declared import (
    CA_CERTIFICATES,
    CA_ENABLED,
    CERTIFICATE_ID,
    HTTPS,
    Listener,
    all_listeners,
    certificate_ids,
    fold,
    member,
    name_of,
    port_number,
)
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.ingresses import label, listen_ports
from alb_mutual_tls.listener.patch import Patch, pointer

FIRST_PORT: Final = 8443
"""The first port that is tried when none is asked for."""

_SUFFIX: Final = "-rehearsal"
_VERSION: Final = 1
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
_COPIED: Final = ("certificates", "defaultCertificate", "securityPolicyId", "http2Enabled")
"""What of the real listener decides about TLS.

Not its description, by which the controller knows in reuse mode whether it manages a listener.
"""


@dataclass(frozen=True)
class Runner:
    """A process that rehearses; `pid_namespace` tells two machines of the same host name apart that
    are containers.
    """

    host: str
    pid_namespace: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True)
class RehearsalClaim:
    """What the annotation says.

    `identity` is the stack's (StackIdentity), `port` the rehearsed listener's; the rehearsal ends
    by `until` (UTC).
    """

    id: str
    identity: str
    component: str
    port: int
    runner: Runner
    since: datetime
    until: datetime
    added: Document
    """The temporary listener, as it was added."""

    @property
    def temporary_port(self) -> int:
        return int(self.added["port"])

    @property
    def key(self) -> str:
        """The annotation's key."""
        return annotation_key(self.temporary_port)

    def is_over(self, runner: Runner, now: datetime, alive: Callable[[int], bool]) -> bool:
        """Whether nobody rehearses with it any more: its time is up, or its process was of this
        machine and is gone.
        """
        here = (self.runner.host, self.runner.pid_namespace) == (runner.host, runner.pid_namespace)
        return now >= self.until or (here and not alive(self.runner.pid))


def annotation_key(port: int) -> str:
    """The annotation's key, for instance `albmtls/8443-https-rehearsal`."""
    return claims.annotation_key(port) + _SUFFIX


def render(claim: RehearsalClaim) -> str:
    """The annotation's text."""
    return exact_json.dumps(
        {
            "version": _VERSION,
            "rehearsal": claim.id,
            "identity": claim.identity,
            "component": claim.component,
            "port": claim.port,
            "host": claim.runner.host,
            "pidNamespace": claim.runner.pid_namespace,
            "pid": claim.runner.pid,
            "since": claim.since.strftime(_INSTANT),
            "until": claim.until.strftime(_INSTANT),
            "added": claim.added,
        }
    )


def parse(text: str, key: str) -> RehearsalClaim | None:
    """Read the annotation `key`; `None` when its text is none that `render` wrote for it."""
    try:
        content = exact_json.loads(text)
        if content["version"] != _VERSION or port_number(content["added"]["port"]) is None:
            return None
        claim = RehearsalClaim(
            id=_text(content["rehearsal"]),
            identity=_text(content["identity"]),
            component=_text(content["component"]),
            port=int(content["port"]),
            runner=Runner(_text(content["host"]), _text(content["pidNamespace"]), int(content["pid"])),
            since=_instant(content["since"]),
            until=_instant(content["until"]),
            added=dict(content["added"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
    return claim if claim.key == key and claim.added.get("protocol") == HTTPS else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _instant(value: Any) -> datetime:
    return datetime.strptime(_text(value), _INSTANT).replace(tzinfo=UTC)


# --- what is left behind


@dataclass(frozen=True)
class LeftBehind:
    """A temporary listener that an AlbConfig has, or had; `claim` is None when its annotation
    cannot be read.
    """

    albconfig: str
    key: str
    claim: RehearsalClaim | None

    def sentence(self) -> str:
        """What stands there, and what to do about it."""
        if self.claim is None:
            return (
                f"annotation {self.key} of AlbConfig {self.albconfig} cannot be read as one of mtls rehearse,"
                " so that a temporary listener may stand on its port: look at both with kubectl get"
                f" albconfig {self.albconfig} -o yaml and remove them"
            )
        claim = self.claim
        return (
            f"AlbConfig {self.albconfig} has the temporary listener {claim.temporary_port}/{HTTPS} of a"
            f" rehearsal of listener {claim.port}/{HTTPS} ({claim.runner}, since"
            f" {claim.since.strftime(_INSTANT)}): unless that still runs, take it away with ./mtls rehearse"
            " --clean"
        )


def left_behind(document: Document) -> list[LeftBehind]:
    """The temporary listeners of rehearsals that an AlbConfig has, those of one that still runs
    included, in the order of their annotations.
    """
    annotations: Mapping[str, Any] = (document.get("metadata") or {}).get("annotations") or {}
    return [
        LeftBehind(name_of(document), key, parse(str(text), key))
        for key, text in annotations.items()
        if key.startswith(claims.PREFIX) and key.endswith(_SUFFIX)
    ]


# --- adding


def free_port(
    document: Document, ingresses: Iterable[Document], wanted: int | None, also_taken: Iterable[int] = ()
) -> int:
    """A port on which nobody listens and that no Ingress of the AlbConfig names; raises `UserError`
    when the `wanted` one is not such a port.

    An Ingress that names the port would be served there.
    """
    taken = dict.fromkeys(also_taken, "a listener of the stack")
    for ingress in ingresses:
        taken |= {port: f"Ingress {label(ingress)}" for _, port in listen_ports(ingress)}
    taken |= {listener.port: f"listener {listener.label}" for listener in all_listeners(document)}
    if wanted is None:
        return next(port for port in count(FIRST_PORT) if port not in taken)
    if wanted in taken:
        raise UserError(
            f"a temporary listener cannot have port {wanted} of AlbConfig {name_of(document)}, which"
            f" {taken[wanted]} has: give another --port, or none"
        )
    return wanted


def temporary(document: Document, real: Listener, port: int, ca_certificate_id: str) -> Document:
    """The listener to add: like the real one in all that is about TLS, asking for client
    certificates of one CA; raises `UserError`.

    Server certificates that the real one has from elsewhere (Ingress, discovery) are taken from the
    status: nothing of the kind finds the new one.
    """
    copied = {key: value for key in _COPIED if (value := member(real.fields, key)) is not None}
    listed = [item for item in _list(copied.get("certificates")) if isinstance(item, dict)]
    named = {*certificate_ids(listed), str(member(copied.get("defaultCertificate"), "certificateId"))}
    listed += [{CERTIFICATE_ID: id, "IsDefault": False} for id in _served(document, real) if id not in named]
    if not listed and not copied.get("defaultCertificate"):
        raise UserError(
            f"listener {real.label} of AlbConfig {real.albconfig} names no server certificate and its status"
            " shows none, so that a temporary listener would have none either: add certificates to the"
            " listener"
        )
    if (
        listed
        and not copied.get("defaultCertificate")
        and not any(member(item, "IsDefault") is True for item in listed)
    ):
        listed[0] = {**listed[0], "IsDefault": True}
    if listed:
        copied["certificates"] = listed
    return {
        "port": port,
        "protocol": HTTPS,
        **copied,
        CA_ENABLED: True,
        CA_CERTIFICATES: [{CERTIFICATE_ID: ca_certificate_id}],
    }


def _served(document: Document, real: Listener) -> list[str]:
    """The server certificates that the status shows of a listener, the default one first."""
    for shown in _list(member(member(member(document, "status"), "loadBalancer"), "listeners")):
        if member(shown, "portAndProtocol") == real.label:
            return list(
                certificate_ids(
                    sorted(
                        _list(member(shown, "certificates")),
                        key=lambda one: member(one, "isDefault") is not True,
                    )
                )
            )
    return []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def plan_add(document: Document, real: Listener, claim: RehearsalClaim) -> Patch:
    """What adds the temporary listener at the end of the list, and its claim; rests on the ports of
    all listeners that are there.
    """
    root, key = real.path[:-1], claim.key
    guards: Patch = [
        {
            "op": "test",
            "path": pointer(*listener.path, listener.key(name)),
            "value": listener.fields[listener.key(name)],
        }
        for listener in all_listeners(document)
        for name in ("port", "protocol")
    ]
    added: Patch = [{"op": "add", "path": pointer(*root, "-"), "value": claim.added}]
    return [
        *listener_patch.identity_guard(document),
        *guards,
        *listener_patch.claim_guard(document, key),
        *added,
        *listener_patch.annotation_set(document, key, render(claim)),
    ]


def stands_alone(document: Document, claim: RehearsalClaim) -> bool:
    """Whether no other listener has the port: somebody may have added one at the same moment."""
    return sum(listener.port == claim.temporary_port for listener in all_listeners(document)) == 1


# --- taking away


class Standing(Enum):
    """What has become of a temporary listener."""

    UNCHANGED = auto()
    CHANGED = auto()
    """Somebody has made something else of it."""
    GONE = auto()


def standing(document: Document, claim: RehearsalClaim) -> tuple[Standing, Listener | None]:
    """What has become of the temporary listener, and where it is; raises `ListenerMalformed` when
    the list cannot be read.
    """
    at_port = [
        one for one in all_listeners(document) if (one.port, one.protocol) == (claim.temporary_port, HTTPS)
    ]
    unchanged = [one for one in at_port if exact_json.same(_bare(one.fields), _bare(claim.added))]
    if unchanged:
        return Standing.UNCHANGED, unchanged[-1]
    return (Standing.CHANGED, at_port[-1]) if at_port else (Standing.GONE, None)


def plan_removal(document: Document, claim: RehearsalClaim) -> tuple[Patch, Standing]:
    """What takes the temporary listener away with its claim, wherever in the list it is by now, and
    what has become of it.

    One that was changed is left with its claim, so that whoever looks is told; nothing but the
    claim is taken away where it is gone.
    """
    text = listener_patch.annotation(document, claim.key)
    read = parse(text, claim.key) if text is not None else None
    if read is not None and read.id != claim.id:
        return [], Standing.GONE  # what stands there is another rehearsal's
    found, listener = standing(document, claim)
    forgotten = listener_patch.annotation_removed(document, claim.key) if read is not None else []
    guards = [*listener_patch.identity_guard(document), *listener_patch.claim_guard(document, claim.key)]
    if found is Standing.CHANGED:
        return [], found
    if listener is None:
        return ([*guards, *forgotten] if forgotten else []), Standing.GONE
    values: Patch = [
        {
            "op": "test",
            "path": pointer(*listener.path, listener.key(name)),
            "value": listener.fields.get(listener.key(name)),
        }
        for name in ("port", "protocol", CA_ENABLED, CA_CERTIFICATES)
    ]
    removal: Patch = [{"op": "remove", "path": pointer(*listener.path)}]
    return [*guards, *values, *removal, *forgotten], Standing.UNCHANGED


def _bare(value: Any) -> Any:
    """A value without members that Go's encoding/json takes for absent, its keys as the controller
    compares them.
    """
    if isinstance(value, dict):
        return {fold(key): bare for key, item in value.items() if (bare := _bare(item))}
    return [_bare(item) for item in value] if isinstance(value, list) else value
