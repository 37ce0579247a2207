"""`mtls rehearse`: a temporary listener that already asks for client certificates of the wanted CA,
tried like the real one, and taken away again.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from alb_mutual_tls import clock
from alb_mutual_tls.cluster.api import Forbidden
from alb_mutual_tls.cluster.cluster import Cluster, Conflict, Event
from alb_mutual_tls.entry import given_place
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener import temporary
from alb_mutual_tls.listener.bypasses import Exposure, open_bypasses
from alb_mutual_tls.listener.claim import new_id
from alb_mutual_tls.listener.declared import HTTPS, find_listener
from alb_mutual_tls.listener.enforced import load_balancer_id, shows
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.fitness import unfit
from alb_mutual_tls.listener.ingresses import ingresses_of
from alb_mutual_tls.listener.owners import declarative_owners
from alb_mutual_tls.listener.patch import Desired
from alb_mutual_tls.listener.rehearsal_claim import RehearsalClaim, Runner, left_behind
from alb_mutual_tls.listener.temporary import Standing
from alb_mutual_tls.operations.rehearsal.cleaning import CLEANING, changed, cleared, take_away
from alb_mutual_tls.operations.rehearsal.probes import KEY_ELSEWHERE, LEADS_ELSEWHERE, needed_lengths
from alb_mutual_tls.operations.rehearsal.result import Depth, Need, Purpose, RehearsalResult
from alb_mutual_tls.operations.verification.approach import approach, resolve, split_address
from alb_mutual_tls.operations.verification.cases import Case, Missing, cases
from alb_mutual_tls.operations.verification.judgement import Caller, Expected
from alb_mutual_tls.operations.verification.outcome import (
    ConnectionFailed,
    Destination,
    ServerCertificateInvalid,
    TlsVersion,
)
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import Check
from alb_mutual_tls.operations.verification.verify import verify_listener
from alb_mutual_tls.stack.cluster import StackCluster
from alb_mutual_tls.stack.deployed import (
    DeployedAuthority,
    DeployedComponent,
    DeployedListener,
    chosen_listeners,
)
from alb_mutual_tls.verdict import Verdict

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.alb import Alb
    from alb_mutual_tls.pki.imposters import ClientCredential

T = TypeVar("T")
_TRIES: Final = 8
"""How often the addition is planned anew when somebody else writes the AlbConfig at the same
moment.
"""
_TRYING: Final = timedelta(minutes=15)
"""Longer than the cases take: until then, and the wait for ALB, a claim is one of a rehearsal that
may still run.
"""
_PAUSES: Final = (0.25, 0.5, 1.0, 2.0)
"""Between looks, in seconds; the last one repeats."""
_DEEPEST: Final = 3
"""Chains are tried up to this length at least: root -> cross certificate -> intermediate -> client.
"""


def chosen_listener(
    components: Sequence[DeployedComponent], name: str | None
) -> tuple[DeployedComponent, DeployedListener]:
    """The listener to rehearse, the only one where none is named; raises UserError."""
    found = chosen_listeners(components, [name] if name else None)
    if not found:
        raise UserError(
            "the stack declares no listener, so there is nothing to rehearse: add one under listeners"
        )
    if len(found) > 1:
        names = ", ".join(f"{listener.name} of {component.name}" for component, listener in found)
        raise UserError(
            f"the stack has {len(found)} listeners: choose one with --listener (and --component), of {names}"
        )
    return found[0]


def chosen_authority(component: DeployedComponent, name: str | None) -> DeployedAuthority:
    """The authority to rehearse with, the trusted one where none is named; raises UserError."""
    wanted = name or component.trusted_authority
    for authority in component.authorities:
        if authority.name == wanted:
            if authority.ca_certificate_id is None:
                raise UserError(
                    f"the state does not say under which id CAS has authority {wanted}: run `pulumi up` once,"
                    " then rehearse"
                )
            return authority
    known = ", ".join(authority.name for authority in component.authorities)
    raise UserError(
        f"--authority {wanted} is none of this stack's authorities: it has {known}; add it under authorities"
        " and run `pulumi up`"
    )


def this_runner() -> Runner:
    """This process."""
    namespace = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return Runner(socket.gethostname(), namespace, os.getpid())


def alive(pid: int) -> bool:
    """Whether another process of this machine has this id."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


@dataclass
class Rehearsal:
    """One run: `prepare` looks and refuses, `run` writes and takes away again whatever happens."""

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
        self._claims: list[RehearsalClaim] = []
        """Those that may have been written: an answer can be lost."""
        self._added = 0.0
        self._stale: list[RehearsalClaim] = []
        self._warned: list[Event] = []
        self._uid = ""
        self._reads_events = True

    @cached_property
    def _cluster(self) -> Cluster:
        return self.neighbourhood.cluster_of(self.listener)

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
            f"take away the temporary listener {one.temporary_port}/{HTTPS} that was left behind, "
            for one in self._stale
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
        for one in left_behind(document):
            if one.claim is None or one.claim.identity != self.component.identity:
                self.result.notes.append(one.sentence())
            elif one.claim.is_over(self.runner, clock.now(), alive):
                self._stale.append(one.claim)
            elif one.claim.port == self.listener.port:
                raise UserError(
                    f"a rehearsal of listener {one.claim.port}/{HTTPS} of AlbConfig {one.albconfig} is in"
                    f" progress ({one.claim.runner}, until {one.claim.until:%H:%M:%S} UTC at the latest):"
                    " wait for it, or take its temporary listener away with ./mtls rehearse"
                    f" --clean{given_place()}"
                )

    def _reach_the_real_one(self) -> None:
        """From where nothing can be found out about the real listener, a rehearsal finds out
        nothing either.
        """
        way = approach(self.listener, self._around)
        for place in way.destinations(
            self.listener.port, way.server_names, resolve(way.address), default_port=443
        ):
            outcome = self.probe.over_tls(place, TlsVersion.TLS_1_2, None)
            if isinstance(outcome, ConnectionFailed | ServerCertificateInvalid):
                fault = (
                    "its certificate does not verify: "
                    if isinstance(outcome, ServerCertificateInvalid)
                    else ""
                )
                raise UserError(
                    f"listener {self.listener.name} itself cannot be tried at {place.address} port"
                    f" {place.port} ({fault}{outcome.reason}), so nothing was added: put that right first,"
                    f" `./mtls verify --listener {self.listener.name}{given_place()}` says more"
                )

    def _around(self) -> Exposure:
        """What is known about the real listener, without its bypasses; the cluster is asked only
        where the configuration does not say it.
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
        for bypass in open_bypasses(
            document, self._cluster.ingress_classes(), self._cluster.ingresses(), real
        ):
            self.result.notes.append(bypass.sentence(real))

    def _new_claim(self, document: Document) -> RehearsalClaim:
        members = ingresses_of(document, self._cluster.ingress_classes(), self._cluster.ingresses())
        own = [one.port for one in self.component.listeners if one.alb_config == self.listener.alb_config]
        port = temporary.free_port(document, members, self.port, own)
        self._moved_address(port)
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

    def _moved_address(self, port: int) -> str | None:
        """`verify.address` for the temporary listener: other ports of the ALB are as far away from
        theirs as the real listener's is.
        """
        if self.listener.address is None:
            return None
        host, at = split_address(self.listener.address)
        if at is None:
            return self.listener.address
        moved = at - self.listener.port + port
        if not 1 <= moved <= 65535:
            raise UserError(
                f"port {port} moved by {at - self.listener.port}, as verify.address moves its listener, is"
                f" {moved} and no port: give another --port"
            )
        return f"[{host}]:{moved}" if ":" in host else f"{host}:{moved}"

    # --- the run

    def run(self) -> None:
        """Rehearse, and take away what was added whatever happens; a second Ctrl-C ends that too,
        and `result.left` says what remains.
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
            found, sentence = cleared(self._cluster, self.listener.alb_config, claim, self.pause)
            (self.result.notes if found is Standing.CHANGED else self.result.cleaned).append(sentence)
            self.say(sentence)
        self._warned = self._warnings()
        began = time.monotonic()
        claim = self._add()
        until = time.monotonic() + self.wait
        self.say(
            f"added {claim.temporary_port}/{HTTPS} to AlbConfig {self.listener.alb_config}; waiting for ALB"
        )
        self._await_alb(claim, until)
        self.say(f"ALB has it after {time.monotonic() - began:.1f} s; waiting until it can be reached")
        way_in = replace(
            self.listener,
            port=claim.temporary_port,
            address=self._moved_address(claim.temporary_port),
            ca_enabled=True,
            ca_certificate_id=self.authority.ca_certificate_id,
        )
        self._await_reachable(claim, way_in, until)
        self.say("trying every case")
        self._try_every(way_in)
        self._present(claim)

    def _add(self) -> RehearsalClaim:
        last: UserError | None = None
        for attempt in range(_TRIES):
            if attempt:
                self.pause(random.uniform(0.02, 0.2 * attempt))  # noqa: S311
            document = self._document()
            claim = next((one for one in self._claims if self._stands(document, one)), None)
            if claim is not None:  # the answer to the patch was lost
                self.result.port = claim.temporary_port
                return claim
            claim = self._new_claim(document)
            patch = temporary.plan_add(document, find_listener(document, self.listener.port), claim)
            self._claims.append(claim)
            self._added = time.monotonic()
            try:
                document = self._cluster.patch_albconfig(self.listener.alb_config, patch)
            except Conflict as error:
                self._claims.remove(claim)
                last = error
                continue
            except Unreachable as error:
                last = error
                continue
            self.result.port = claim.temporary_port
            if temporary.stands_alone(document, claim):
                return claim
            last = Conflict(
                f"somebody else has added a listener on port {claim.temporary_port} at the same moment"
            )
            take_away(self._cluster, self.listener.alb_config, claim, self.pause)
        if isinstance(last, Unreachable):
            raise last
        raise UserError(
            f"the temporary listener could not be added, {_TRIES} times in a row: {last}; pause whoever else"
            f" writes AlbConfig {self.listener.alb_config}, then run the command again"
        )

    @staticmethod
    def _stands(document: Document, claim: RehearsalClaim) -> bool:
        found = [one.claim for one in left_behind(document) if one.claim is not None]
        return (
            any(one.id == claim.id for one in found)
            and temporary.standing(document, claim)[0] is Standing.UNCHANGED
        )

    def _document(self) -> Document:
        document = self._cluster.albconfig(self.listener.alb_config)
        if document is None or str(document["metadata"]["uid"]) != self._uid:
            raise UserError(
                f"AlbConfig {self.listener.alb_config} was deleted or made anew meanwhile: run `pulumi up` to"
                " see what became of it"
            )
        return document

    def _present(self, claim: RehearsalClaim) -> Document:
        """The AlbConfig, while it has our listener as it was added; raises UserError."""
        document = self._document()
        if temporary.standing(document, claim)[0] is not Standing.UNCHANGED:
            raise UserError(
                f"somebody has changed the temporary listener {claim.temporary_port}/{HTTPS}, or taken it"
                f" away, during the rehearsal: pause whoever else writes AlbConfig {self.listener.alb_config}"
                " (a GitOps tool?), then run the command again"
            )
        return document

    def _warnings(self) -> list[Event]:
        if not self._reads_events:
            return []
        try:
            return self._cluster.warning_events(self.listener.alb_config)
        except Forbidden as error:
            self._reads_events = False
            self.result.notes.append(
                f"the controller's events about the AlbConfig were not looked at: {error}"
            )
            return []

    def _await_alb(self, claim: RehearsalClaim, until: float) -> None:
        wish, looks = Desired(True, str(self.authority.ca_certificate_id)), 0
        while True:
            document = self._present(claim)
            if new := [event for event in self._warnings() if event not in self._warned]:
                raise UserError(
                    f"the controller does not take the temporary listener: {new[-1]}; put right what it"
                    " names, then run the command again"
                )
            identifier = load_balancer_id(document)
            shown = f"AlbConfig {self.listener.alb_config} has no load balancer yet"
            try:
                if identifier is not None:
                    state = self.alb().listener_state(identifier, claim.temporary_port)
                    if shows(state, wish):
                        return
                    shown = (
                        f"load balancer {identifier} shows"
                        f" {state.describe() if state else f'no {HTTPS} listener on that port'}"
                    )
            except Unreachable as error:
                shown = str(error)
            except UserError as error:
                self.result.notes.append(
                    f"whether ALB itself shows the temporary listener was not looked at: {error}"
                )
                return
            if time.monotonic() >= until:
                raise UserError(
                    f"ALB did not show the temporary listener within {self.wait:.0f} s: {shown}; give it more"
                    " time with --wait"
                )
            self.pause(_PAUSES[min(looks, len(_PAUSES) - 1)])
            looks += 1

    def _await_reachable(self, claim: RehearsalClaim, way_in: DeployedListener, until: float) -> None:
        way = approach(way_in, self._around)
        places = way.destinations(way_in.port, way.server_names, resolve(way.address), default_port=443)
        patience = replace(self.probe, timeout=min(self.probe.timeout, 5.0))
        looks = 0
        while failed := self._beside(lambda: _unreached(places, patience)):
            self._present(claim)
            if time.monotonic() >= until:
                place, reason = failed
                raise UserError(
                    f"the temporary listener could not be reached at {place.address} port {place.port} within"
                    f" {self.wait:.0f} s ({reason}), so nothing was tried: open that port in whatever stands"
                    " before the ALB (security group, access control, firewall), or give an open --port"
                )
            self.pause(_PAUSES[min(looks, len(_PAUSES) - 1)])
            looks += 1

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
        by_chain = self._by_chain(now)
        tried = [
            case
            for case in tried
            if not (isinstance(case, Missing) and case.name in {check.case for check in by_chain})
        ]
        every = [*tried, *probes]
        report = self._beside(
            lambda: verify_listener(self.component.name, way_in, every, self._around, self.probe)
        )
        names = {case.name: length for length, case in enumerate(probes, 1)}
        self.result.report = replace(
            report, checks=(*(check for check in report.checks if check.case not in names), *by_chain)
        )
        self.result.depths = tuple(
            Depth(
                length,
                needed.get(length, Need.NOTHING),
                tuple(check for check in report.checks if check.case == name),
            )
            for name, length in names.items()
        )

    def _probes(self, longest: int, now: datetime) -> list[Case]:
        if not self.with_authority_key or self.authority.private_key_pem is None:
            why = (
                "only the CA itself can sign such chains: --with-authority-key"
                if not self.with_authority_key
                else f"the private key of authority {self.authority.name} is not in the stack's state"
            )
            self.result.notes.append(f"how long a chain ALB accepts was not tried, {why}")
            return []
        from alb_mutual_tls.pki import imposters
        from alb_mutual_tls.pki.signing import Issuer

        issuer = Issuer.load(self.authority.ca_certificate_pem, self.authority.private_key_pem)
        made = (imposters.probe(issuer, length, now) for length in range(1, longest + 1))
        return [Case(probe.name, Caller.CLIENT, probe) for probe in made]

    def _by_chain(self, now: datetime) -> list[Check]:
        """What can be said of clients whose private keys are not in the stack: whether their chains
        lead to the wanted authority at all.
        """
        if self.given is not None:
            return []
        from alb_mutual_tls.pki.certification_path import length_to

        checks = []
        for client in self.component.clients:
            if client.private_key_pem is None:
                leads = length_to(client.chain_pem, self.authority.ca_certificate_pem, now) is not None
                checks.append(
                    Check(f"client {client.name}", Verdict.NOT_CHECKED, KEY_ELSEWHERE, Expected.LET_IN)
                    if leads
                    else Check(f"client {client.name}", Verdict.FELL_SHORT, LEADS_ELSEWHERE, Expected.LET_IN)
                )
        return checks

    @staticmethod
    def _beside(act: Callable[[], T]) -> T:
        """Run it in a thread of its own, so that Ctrl-C does not wait for connections that hang."""
        pool = ThreadPoolExecutor(1)
        try:
            return pool.submit(act).result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    # --- afterwards

    def _clean(self) -> None:
        until = time.monotonic() + CLEANING
        if self._claims:
            self.say("taking the temporary listener away")
        for claim in self._claims:
            self._clean_one(claim, until)
        if self.result.port is None or self.result.left:
            return
        self.result.stood = time.monotonic() - self._added
        self.say(f"it stood for {self.result.stood:.1f} s and is gone")
        if self.result.reason:
            return
        try:
            self._await_gone(self.result.port)
        except KeyboardInterrupt:
            self.result.notes.append(
                "whether ALB has let go of the temporary listener was not waited for: interrupted"
            )

    def _clean_one(self, claim: RehearsalClaim, until: float) -> None:
        name = self.listener.alb_config
        try:
            found = take_away(self._cluster, name, claim, self.pause, until - time.monotonic())
        except (UserError, KeyboardInterrupt) as error:
            why = str(error) if isinstance(error, UserError) else "interrupted"
            self.result.left.append(
                f"the temporary listener {claim.temporary_port}/{HTTPS} of AlbConfig {name} and its"
                f" annotation {claim.key} could not be taken away ({why}): run ./mtls rehearse"
                f" --clean{given_place()} as soon as the cluster can be written"
            )
            return
        if found is Standing.CHANGED:
            self.result.left.append(changed(name, claim))

    def _await_gone(self, port: int) -> None:
        until, looks = time.monotonic() + min(self.wait, CLEANING), 0
        while True:
            try:
                document = self._cluster.albconfig(self.listener.alb_config)
                identifier = load_balancer_id(document)
                if identifier is None or self.alb().listener_state(identifier, port) is None:
                    return
            except UserError:
                return  # whoever may not ask has been told
            if time.monotonic() >= until:
                self.result.notes.append(
                    "ALB still shows the temporary listener, which the AlbConfig has not any more: look at"
                    f" the events of AlbConfig {self.listener.alb_config}"
                )
                return
            self.pause(_PAUSES[min(looks, len(_PAUSES) - 1)])
            looks += 1


def _unreached(places: Sequence[Destination], probe: Probe) -> tuple[Destination, str] | None:
    for place in places:
        outcome = probe.over_tls(place, TlsVersion.TLS_1_2, None)
        if isinstance(outcome, ConnectionFailed):
            return place, outcome.reason
    return None
