"""The claim of a rehearsal on its temporary listener: an annotation. Pure.

`albmtls/<port>-https-rehearsal` says who added the listener, until when it may be in use, and what
was added. It is how a listener that was left behind is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener.declared import HTTPS, name_of, port_number
from alb_mutual_tls.listener.exact_json import Document

_SUFFIX: Final = "-rehearsal"
_VERSION: Final = 1
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Runner:
    """A process that rehearses.

    `pid_namespace` tells containers of the same host name apart.
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
        """Whether nobody rehearses with it any more.

        Its time is up, or its process was of this machine and is gone.
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
    """Read the annotation `key`; `None` when `render` did not write its text."""
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


@dataclass(frozen=True)
class LeftBehind:
    """A temporary listener that an AlbConfig has, or had.

    `claim` is None when its annotation cannot be read.
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
    """The temporary listeners of an AlbConfig, in the order of their annotations.

    Those of a rehearsal that still runs are included.
    """
    annotations: Mapping[str, Any] = (document.get("metadata") or {}).get("annotations") or {}
    return [
        LeftBehind(name_of(document), key, parse(str(text), key))
        for key, text in annotations.items()
        if key.startswith(claims.PREFIX) and key.endswith(_SUFFIX)
    ]
