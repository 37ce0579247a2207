"""`ci/renew`: reissues the client certificates that are due, and only those.

A preview with the configuration that was deployed last tells what is due. What is committed but not
deployed yet therefore plays no part. The targets of `pulumi up` are the registers of certificates
and the Secrets that deliver them. No listener is a target: one switched off by hand in an incident
stays off.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, Literal

from alb_mutual_tls.engine.events import Events, Severity, Step, name_of
from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.engine.program import export
from alb_mutual_tls.engine.run import Run, run
from alb_mutual_tls.entry import given_place
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import register
from alb_mutual_tls.stack import configuration, history
from alb_mutual_tls.tokens import COMPONENT, ISSUED_CERTIFICATES, KUBERNETES_SECRET, STACK

_BEFORE: Final = "current"
"""The path by which a register differs that the version before wrote. Its certificates stay."""
_OUTPUTS_ONLY: Final = frozenset({STACK, COMPONENT})


@dataclass(frozen=True)
class Due:
    """The certificate of a client whose time has come, or those of a group.

    `urn`: the register's; `clients`: whose they are, by their full names; `not_after`: the first
    end of those there are; `obstacle`: why they are not renewed, empty where they can be.
    """

    urn: str
    name: str
    clients: tuple[str, ...]
    not_after: str
    obstacle: str = ""
    renewed_until: str = ""


@dataclass(frozen=True)
class RenewalPlan:
    """What a renewal does, and what it leaves alone.

    `targets`: the certificates, and what follows them; `followers`: those of the latter, and
    `pending`: the other steps of the preview, in words.
    """

    due: tuple[Due, ...]
    targets: tuple[str, ...]
    followers: tuple[str, ...]
    pending: tuple[str, ...]


def plan(events: Events) -> RenewalPlan:
    """What is due according to a preview, and the targets of a run that renews it."""
    due = tuple(
        certificate
        for step in events.of_type(ISSUED_CERTIFICATES)
        if step.changes
        for certificate in _due(step)
    )
    ready = {certificate.urn for certificate in due if not certificate.obstacle}
    renewed = {
        (_component(urn), client) for urn in ready for one in due for client in one.clients if one.urn == urn
    }
    by_hand = {step.urn for step in events.refreshed}
    followers = [step for step in events.changing if _follows(step, renewed, by_hand)]
    targets = {*ready, *(step.urn for step in followers)}
    pending = [
        step
        for step in events.changing
        if step.urn not in targets | {one.urn for one in due} and step.type not in _OUTPUTS_ONLY
    ]
    return RenewalPlan(
        due, tuple(sorted(targets)), tuple(map(_words, followers)), tuple(map(_words, pending))
    )


def _due(step: Step) -> list[Due]:
    """What is due of a register, the members of a group as one."""
    others = sorted(path for path in step.paths if register.due(path) is None and path != _BEFORE)
    obstacle = (
        ""
        if step.op == "update" and not others
        else f"{', '.join(others) or step.op} would change with it, which is not deployed yet"
    )
    held = register.certificates(step.old.outputs) if step.old else {}
    groups: dict[str, list[str]] = {}
    for client in filter(None, map(register.due, step.paths)):
        groups.setdefault(client.partition("/")[0] if "/" in client else client, []).append(client)
    return [
        Due(
            step.urn,
            f"client {name}" if clients == [name] else f"client group {name}: {len(clients)} certificates",
            tuple(clients),
            min(str(held.get(client, {}).get("notAfter") or "") for client in clients),
            obstacle,
        )
        for name, clients in sorted(groups.items())
    ]


def _component(urn: str) -> str:
    """The component whose register has a URN."""
    return name_of(urn).removesuffix("-issued")


def _follows(step: Step, renewed: Collection[tuple[str, str]], by_hand: Collection[str]) -> bool:
    """Whether a resource follows certificates: a Secret of which only the content changes.

    This includes those that an earlier renewal had no time for. A Secret that was changed `by_hand`
    waits for a renewal of its own certificate.
    """
    content = step.type == KUBERNETES_SECRET and all(
        path.startswith(("data", "stringData")) for path in step.paths
    )
    return step.op == "update" and content and (step.urn not in by_hand or _client_of(step) in renewed)


def _client_of(secret: Step) -> tuple[str, str]:
    """The component and the client whose certificate a Secret delivers."""
    labels = ((secret.new.inputs if secret.new else {}).get("metadata") or {}).get("labels") or {}
    return secret.name.partition("-secret-")[0], str(labels.get("albmtls/client"))


def _words(step: Step) -> str:
    return f"{step.op} {step.name} ({step.type.rpartition(':')[2]})" + (
        f": {', '.join(step.paths)}" if step.paths else ""
    )


@dataclass(frozen=True)
class Renewal:
    """A renewal that has ended.

    `followers`: what followed the certificates, in words; `undeployed`: keys of the checkout's
    configuration that are not deployed; `unseen`: why the rest of the stack could not be looked at;
    `failure`: why it is not known what is due (not `decided`), or why not all of it was done;
    `warnings`: what the preview says of listeners that were switched off by hand.
    """

    stack: str
    due: tuple[Due, ...] = ()
    followers: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    undeployed: tuple[str, ...] = ()
    unseen: Failure | None = None
    failure: Failure | None = None
    decided: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def renewed(self) -> tuple[Due, ...]:
        return tuple(certificate for certificate in self.due if certificate.renewed_until)

    @property
    def left(self) -> tuple[Due, ...]:
        return tuple(certificate for certificate in self.due if not certificate.renewed_until)

    @property
    def exit_code(self) -> int:
        """The exit code: 0 renewed or nothing due, 1 something left, 2 unknown.

        1 also covers resources that follow certificates, and a preview that was refused. 2 means
        that it is not known what is due.
        """
        if self.failure is not None and not self.decided:
            return 1 if self.failure.reason is FailureKind.REFUSED else 2
        return 1 if self.left or self.failure else 0


@dataclass(frozen=True)
class Renewer:
    """Renews the certificates of a stack.

    `directory`: the project's directory. `log`: receives what the engine prints.
    """

    directory: Path
    stack: str
    log: IO[str] | None = None

    def renew(self) -> Renewal:
        """Renew what is due.

        Raises UserError where nothing is deployed, or pulumi, state or deployed configuration
        cannot be had.
        """
        with tempfile.TemporaryDirectory(prefix="alb-mutual-tls-") as folder:  # mode 0700
            entries = history.history(self.directory, self.stack)
            last = history.deployed(entries)
            if last is None:
                raise UserError(
                    f"stack {self.stack} has no deployment that got to its end, so there is nothing to renew:"
                    f" run ci/deploy{given_place()}"
                )
            file = Path(folder) / "deployed.yaml"
            configuration.write(self.directory, self.stack, entries, last, file)
            undeployed = history.different(
                history.of_checkout(self.directory, self.stack), last.configuration
            )
            configured = ("--config-file", str(file))
            looked = whole = self._run("preview", *configured)
            if whole.failure and whole.failure.reason is not FailureKind.INTERRUPTED:
                # Whatever is the matter with a listener or its cluster: it does not keep a
                # certificate from being issued.
                looked = self._run(
                    "preview",
                    *configured,
                    *_targets(kept_in_state(export(self.directory, self.stack, secrets=False))),
                )
            renewal_plan = plan(looked.events)
            told = Renewal(
                self.stack,
                renewal_plan.due,
                renewal_plan.followers,
                renewal_plan.pending,
                tuple(undeployed),
                unseen=whole.failure,
                warnings=_by_hand(looked),
            )
            if looked.failure:
                return replace(told, due=(), followers=(), failure=looked.failure, decided=False)
            if not renewal_plan.targets:
                return told
            done = self._run("up", *configured, *_targets(renewal_plan.targets))
            ends = certificate_ends(export(self.directory, self.stack, secrets=False))
            return replace(told, due=after(renewal_plan.due, ends), failure=done.failure)

    def _run(self, command: Literal["preview", "up"], *arguments: str) -> Run:
        return run(command, directory=self.directory, stack=self.stack, arguments=arguments, log=self.log)


def _by_hand(looked: Run) -> tuple[str, ...]:
    """What a preview warns of listeners that `mtls off` has switched off."""
    said = (warning.text for warning in looked.events.said(Severity.WARNING))
    return tuple(sorted({text for text in said if "with ./mtls off" in text}))


def _targets(urns: Iterable[str]) -> tuple[str, ...]:
    return tuple(part for urn in urns for part in ("--target", urn))


def kept_in_state(exported: Mapping[str, Any]) -> list[str]:
    """Return the URNs of all registers in a deployment.

    They live in the state alone; no other system is asked about them.
    """
    resources: Iterable[Mapping[str, Any]] = (exported.get("deployment") or {}).get("resources") or ()
    return sorted(
        {str(resource["urn"]) for resource in resources if resource.get("type") == ISSUED_CERTIFICATES}
    )


def after(due: Sequence[Due], ends: Mapping[tuple[str, str], str]) -> tuple[Due, ...]:
    """Return what was due, with the new end of what was renewed.

    `ends`: URN of the register and client -> notAfter. A certificate was renewed when its end is
    later than before.
    """

    def renewed(certificate: Due) -> Due:
        first = min(ends.get((certificate.urn, client), "") for client in certificate.clients)
        return replace(certificate, renewed_until=first) if first > certificate.not_after else certificate

    return tuple(map(renewed, due))


def certificate_ends(exported: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """URN of the register and client -> notAfter of the certificates in a deployment."""
    resources: Iterable[Mapping[str, Any]] = (exported.get("deployment") or {}).get("resources") or ()
    return {
        (str(resource["urn"]), client): str(certificate["notAfter"])
        for resource in resources
        if resource.get("type") == ISSUED_CERTIFICATES
        for client, certificate in register.certificates(resource.get("outputs") or {}).items()
    }
