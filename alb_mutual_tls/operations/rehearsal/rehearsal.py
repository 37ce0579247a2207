"""`mtls rehearse`: tries a temporary listener that demands client certificates.

The listener trusts the wanted CA. It is tried like the real one, and then removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from alb_mutual_tls import clock
from alb_mutual_tls.alibaba.polling import Wait
from alb_mutual_tls.cluster.cluster import Cluster
from alb_mutual_tls.entry import given_place
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import temporary
from alb_mutual_tls.listener.bypasses import Exposure, open_bypasses
from alb_mutual_tls.listener.claim import new_id
from alb_mutual_tls.listener.declared import HTTPS, find_listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.fitness import unfit
from alb_mutual_tls.listener.ingresses import ingresses_of
from alb_mutual_tls.listener.owners import declarative_owners
from alb_mutual_tls.listener.patch import Desired
from alb_mutual_tls.listener.rehearsal_claim import RehearsalClaim, Runner, left_behind
from alb_mutual_tls.listener.temporary import Standing
from alb_mutual_tls.operations.rehearsal import probes as chains
from alb_mutual_tls.operations.rehearsal.cleaning import CLEANING, cleared
from alb_mutual_tls.operations.rehearsal.probes import needed_lengths
from alb_mutual_tls.operations.rehearsal.reach import moved_address, unreached
from alb_mutual_tls.operations.rehearsal.result import Depth, Need, Purpose, RehearsalResult
from alb_mutual_tls.operations.rehearsal.runner import alive, this_runner
from alb_mutual_tls.operations.rehearsal.temporary_listener import TemporaryListener
from alb_mutual_tls.operations.verification.approach import approach, resolve
from alb_mutual_tls.operations.verification.cases import Case, Missing, cases
from alb_mutual_tls.operations.verification.judgement import Expected
from alb_mutual_tls.operations.verification.outcome import Answered, Destination
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import Check
from alb_mutual_tls.operations.verification.verify import verify_listener
from alb_mutual_tls.stack.cluster import StackCluster
from alb_mutual_tls.stack.deployed import (
    DeployedAuthority,
    DeployedComponent,
    DeployedListener,
)
from alb_mutual_tls.threads import in_thread
from alb_mutual_tls.verdict import Verdict

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.alb import Alb
    from alb_mutual_tls.pki.forged import ClientCredential

_TRYING: Final = timedelta(minutes=15)
"""Longer than the cases take: until then, and the wait for ALB, its rehearsal may still run."""
_DEEPEST: Final = 3
"""Chains are tried to this length at least: root, cross certificate, intermediate, client."""

NOTHING_BOUND: Final = (
    "no Ingress is bound to the temporary listener, so whoever is let in gets HTTP 503 there instead of a"
    " page: that is as it should be"
)


def _nothing_bound(check: Check) -> bool:
    return (
        check.verdict is Verdict.HELD
        and check.expected is Expected.LET_IN
        and isinstance(check.outcome, Answered)
        and check.outcome.status == 503
    )


@dataclass
class Rehearsal:
    """One rehearsal of a listener.

    `prepare` looks and refuses; `run` adds the temporary listener and always removes it.
    """

    component: DeployedComponent
    listener: DeployedListener
    authority: DeployedAuthority
    neighbourhood: StackCluster
    alb: Callable[[], Alb]
    """Raises UserError where ALB cannot be asked."""
    probe: Probe
    given: ClientCredential | None = None
    with_authority_key: bool = False
    port: int | None = None
    wait: float = 180.0
    say: Callable[[str], None] = lambda _: None
    pause: Callable[[float], None] = time.sleep
    runner: Runner = field(default_factory=this_runner)

    def __post_init__(self) -> None:
        self.result = RehearsalResult(self.component.name, self.listener, self.authority)
        self._stale: list[RehearsalClaim] = []
        self._uid = ""

    @cached_property
    def _cluster(self) -> Cluster:
        return self.neighbourhood.cluster_of(self.listener)

    @cached_property
    def _temporary(self) -> TemporaryListener:
        return TemporaryListener(
            self._cluster,
            self.listener.alb_config,
            self._uid,
            self.alb,
            self.pause,
            self.result.notes.append,
        )

    # --- before anything is written

    def prepare(self) -> str:
        """Look at everything; returns the question to ask.

        Raises UserError when there cannot be a rehearsal, with nothing written.
        """
        if self.listener.cluster is None:
            raise UserError(
                f"the state does not say in which cluster listener {self.listener.name} is: run `pulumi up`,"
                " then rehearse"
            )
        document = self.neighbourhood.albconfig(self.listener)
        self._uid = str(document["metadata"]["uid"])
        real = find_listener(document, self.listener.port)
        if reasons := unfit(document, real):
            raise UserError("; ".join(reasons))
        if real.ca_enabled:
            same = real.ca_certificate_ids == (self.authority.ca_certificate_id,)
            self.result.purpose = Purpose.AS_IT_IS if same else Purpose.FLIP
        self._look_at_others(document)
        self._reach_the_real_one()
        self._note_surroundings(document)
        where = f"AlbConfig {self.listener.alb_config} in {self._cluster}"
        first = "".join(
            f"take away the temporary listener {claim.temporary_port}/{HTTPS} that was left behind, "
            for claim in self._stale
        )
        port = "" if self._stale else f" {self._new_claim(document).temporary_port}/{HTTPS}"
        added = (
            f"add a temporary listener{port}, which asks for client certificates of authority"
            f" {self.authority.name}"
        )
        return (
            f"In {where}: {first}{added} ({self.authority.ca_certificate_id}), try it, and take it away"
            " again?"
        )

    def _look_at_others(self, document: Document) -> None:
        for leftover in left_behind(document):
            if leftover.claim is None or leftover.claim.identity != self.component.identity:
                self.result.notes.append(leftover.sentence())
            elif leftover.claim.is_over(self.runner, clock.now(), alive):
                self._stale.append(leftover.claim)
            elif leftover.claim.port == self.listener.port:
                raise UserError(
                    f"a rehearsal of listener {leftover.claim.port}/{HTTPS} of AlbConfig"
                    f" {leftover.albconfig} is in progress ({leftover.claim.runner}, until"
                    f" {leftover.claim.until:%H:%M:%S} UTC at the latest): wait for it, or take its"
                    f" temporary listener away with ./mtls rehearse --clean{given_place()}"
                )

    def _reach_the_real_one(self) -> None:
        """Check that the real listener can be reached from here.

        Where nothing can be learned about it, a rehearsal learns nothing either. Raises UserError
        then.
        """
        if failed := unreached(self._destinations(self.listener), self.probe, verified=True):
            place, reason = failed
            raise UserError(
                f"listener {self.listener.name} itself cannot be tried at {place.address} port"
                f" {place.port} ({reason}), so nothing was added: put that right first,"
                f" `./mtls verify --listener {self.listener.name}{given_place()}` says more"
            )

    def _destinations(self, listener: DeployedListener) -> Sequence[Destination]:
        way = approach(listener, self._around)
        return way.destinations(listener.port, way.server_names, resolve(way.address), default_port=443)

    def _around(self) -> Exposure:
        """What is known about the real listener, without its bypasses.

        The cluster is asked only where the configuration does not say it.
        """
        if self.listener.address is None or self.listener.server_name is None:
            return replace(self.neighbourhood.look(self.listener), bypasses=())
        return Exposure(None, (), ())

    def _note_surroundings(self, document: Document) -> None:
        if owners := declarative_owners(document):
            self.result.notes.append(
                f"{' and '.join(owners)} also writes spec.listeners of AlbConfig {self.listener.alb_config}"
                " and may take the temporary listener away during the rehearsal: pause it for some minutes"
                " if that happens"
            )
        real = find_listener(document, self.listener.port)
        classes, ingresses = self._cluster.ingress_classes(), self._cluster.ingresses()
        bypasses = open_bypasses(document, classes, ingresses, real)
        self.result.notes += [bypass.sentence(real) for bypass in bypasses]

    def _new_claim(self, document: Document) -> RehearsalClaim:
        members = ingresses_of(document, self._cluster.ingress_classes(), self._cluster.ingresses())
        own = [
            listener.port
            for listener in self.component.listeners
            if listener.alb_config == self.listener.alb_config
        ]
        port = temporary.free_port(document, members, self.port, own)
        moved_address(self.listener, port)
        now = clock.now()
        added = temporary.temporary(
            document, find_listener(document, self.listener.port), port, str(self.authority.ca_certificate_id)
        )
        until = now + timedelta(seconds=self.wait) + _TRYING
        return RehearsalClaim(
            new_id(),
            self.component.identity,
            self.component.name,
            self.listener.port,
            self.runner,
            now,
            until,
            added,
        )

    # --- the run

    def run(self) -> None:
        """Rehearse, and always remove what was added.

        A second Ctrl-C stops the removal, too; `result.left` then says what remains.
        """
        try:
            self._rehearse()
        except KeyboardInterrupt:
            self.result.reason = "interrupted: run the command again"
        except UserError as error:
            self.result.reason = str(error)
        finally:
            self._clean()

    def _rehearse(self) -> None:
        for claim in self._stale:
            standing, sentence = cleared(self._cluster, self.listener.alb_config, claim, self.pause)
            (self.result.notes if standing is Standing.CHANGED else self.result.cleaned).append(sentence)
            self.say(sentence)
        warned = self._temporary.warnings()
        began = time.monotonic()
        claim = self._temporary.add(self._new_claim)
        self.result.port = claim.temporary_port
        until = time.monotonic() + self.wait
        self.say(
            f"added {claim.temporary_port}/{HTTPS} to AlbConfig {self.listener.alb_config}; waiting for ALB"
        )
        desired = Desired(True, str(self.authority.ca_certificate_id))
        self._temporary.await_alb(claim, desired, warned, self.wait)
        self.say(f"ALB has it after {time.monotonic() - began:.1f} s; waiting until it can be reached")
        way_in = replace(
            self.listener,
            port=claim.temporary_port,
            address=moved_address(self.listener, claim.temporary_port),
            ca_enabled=True,
            ca_certificate_id=self.authority.ca_certificate_id,
        )
        self._await_reachable(claim, way_in, until)
        self.say("trying every case")
        self._try_every(way_in)
        self._temporary.present(claim)

    def _await_reachable(self, claim: RehearsalClaim, way_in: DeployedListener, until: float) -> None:
        places = self._destinations(way_in)
        patience = replace(self.probe, timeout=min(self.probe.timeout, 5.0))
        wait = Wait(until - time.monotonic(), self.pause, time.monotonic)
        while failed := in_thread(lambda: unreached(places, patience)):
            self._temporary.present(claim)
            if wait.over:
                place, reason = failed
                raise UserError(
                    f"the temporary listener could not be reached at {place.address} port {place.port} within"
                    f" {self.wait:.0f} s ({reason}), so nothing was tried: open that port in whatever stands"
                    " before the ALB (security group, access control, firewall), or give an open --port"
                )
            wait.pause()

    def _try_every(self, way_in: DeployedListener) -> None:
        """Everything that is taken from `mtls verify` about trying a listener."""
        now = clock.now()
        wanted = replace(
            self.component,
            trusted_authority=self.authority.name,
            ca_certificate_pem=self.authority.ca_certificate_pem,
            authority_private_key_pem=self.authority.private_key_pem,
        )
        tried = cases(wanted, self.given, with_authority_key=self.with_authority_key, now=now)
        needed = needed_lengths(self.component, self.authority, now)
        probes = self._probes(max(_DEEPEST, *needed), now)
        by_chain = [] if self.given else chains.by_chain(self.component, self.authority, now)
        tried = [
            case
            for case in tried
            if not (isinstance(case, Missing) and case.name in {check.case for check in by_chain})
        ]
        every = [*tried, *probes]
        report = in_thread(
            lambda: verify_listener(self.component.name, way_in, every, self._around, self.probe)
        )
        names = {case.name: length for length, case in enumerate(probes, 1)}
        self.result.report = replace(
            report, checks=(*(check for check in report.checks if check.case not in names), *by_chain)
        )
        if any(map(_nothing_bound, report.checks)):
            self.result.notes.append(NOTHING_BOUND)
        self.result.depths = tuple(
            Depth(
                length,
                needed.get(length, Need.NOTHING),
                tuple(check for check in report.checks if check.case == name),
            )
            for name, length in names.items()
        )

    def _probes(self, longest: int, now: datetime) -> list[Case]:
        if self.with_authority_key and self.authority.private_key_pem is not None:
            return chains.probes(self.authority, longest, now)
        why = (
            "only the CA itself can sign such chains: --with-authority-key"
            if not self.with_authority_key
            else f"the private key of authority {self.authority.name} is not in the stack's state"
        )
        self.result.notes.append(f"how long a chain ALB accepts was not tried, {why}")
        return []

    # --- afterwards

    def _clean(self) -> None:
        until = time.monotonic() + CLEANING
        claims = self._temporary.claims if "_temporary" in self.__dict__ else []
        if claims:
            self.say("taking the temporary listener away")
        for claim in claims:
            if sentence := self._temporary.remove(claim, until - time.monotonic()):
                self.result.left.append(sentence)
        port = self.result.port = self._temporary.port if claims else None
        if port is None or self.result.left:
            return
        self.result.stood = time.monotonic() - self._temporary.added
        self.say(f"it stood for {self.result.stood:.1f} s and is gone")
        if self.result.reason:
            return
        try:
            self._temporary.await_gone(port, min(self.wait, CLEANING))
        except KeyboardInterrupt:
            self.result.notes.append(
                "whether ALB has let go of the temporary listener was not waited for: interrupted"
            )
