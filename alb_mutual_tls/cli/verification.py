"""`mtls verify`: every case at every door of every listener, and the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.cli import verdict as verdicts
from alb_mutual_tls.cli.cases import NO_CERTIFICATE, NOT_YET_VALID, Case, Missing, cases
from alb_mutual_tls.cli.doors import Approach, Door, Surroundings, approach, concrete, is_loopback, resolve
from alb_mutual_tls.cli.handshake import ConnectionFailed, Destination, Outcome, TlsVersion, Trust, request_in_clear, request_over_tls
from alb_mutual_tls.cli.neighbourhood import Neighbourhood
from alb_mutual_tls.cli.stack import Component, Listener, chosen_listeners
from alb_mutual_tls.cli.verdict import Expected, Finding, Observation, Role, Verdict
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from alb_mutual_tls.pki.imposters import Credential

CONNECTIONS_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Check:
    """One case at one place. Place, version and outcome are None where nothing could be tried; version also for plain HTTP."""

    case: str
    verdict: Verdict
    why: str = ""
    expected: Expected | None = None
    destination: Destination | None = None
    version: TlsVersion | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True)
class ListenerReport:
    """All checks of one listener; `component` is the name of its AlbMutualTls."""

    component: str
    listener: Listener
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        return verdicts.overall(check.verdict for check in self.checks)


@dataclass(frozen=True)
class Report:
    """The reports of all listeners; `insecure`: server certificates were not verified."""

    listeners: tuple[ListenerReport, ...]
    insecure: bool = False

    @property
    def verdict(self) -> Verdict:
        return verdicts.overall(listener.verdict for listener in self.listeners)

    @property
    def exit_code(self) -> int:
        return verdicts.EXIT_CODE[self.verdict]


@dataclass(frozen=True)
class Knocker:
    """How connections are made: trust in the server's certificate, and the time-out of each attempt in seconds."""

    trust: Trust
    timeout: float

    def over_tls(self, to: Destination, version: TlsVersion, credential: Credential | None) -> Outcome:
        return request_over_tls(to, version, credential, self.trust, self.timeout)

    def in_clear(self, to: Destination) -> Outcome:
        return request_in_clear(to, self.timeout)


def verify_stack(
    components: Sequence[Component],
    *,
    directory: Path,
    names: Sequence[str] | None,
    given: Credential | None,
    with_authority_key: bool,
    knocker: Knocker,
) -> Report:
    """Verify the listeners of these components, or those of the given names.

    `directory` is the project's, which paths in the state count from. Raises UserError when a name is not a listener's, when there is no
    listener at all, or when a credential or the file of CA certificates cannot be used.
    """
    wanted = chosen_listeners(components, names)
    if not wanted:
        raise UserError("the stack declares no listener, so there is nothing to verify: add one under listeners")
    reports = []
    for component in dict.fromkeys(component for component, _ in wanted):
        tried = cases(component, given, with_authority_key=with_authority_key, now=datetime.now(UTC))
        with closing(Neighbourhood(component, directory)) as neighbourhood:
            for listener in (listener for owner, listener in wanted if owner is component):
                look = partial(neighbourhood.look, listener)
                reports.append(verify_listener(component.name, listener, tried, look, knocker))
    return Report(tuple(reports), insecure=knocker.trust.insecure)


def verify_listener(
    component: str, listener: Listener, tried: Sequence[Case | Missing], look: Callable[[], Surroundings], knocker: Knocker
) -> ListenerReport:
    """Try all the cases at the listener and at its side doors. `look` reads the cluster and may raise UserError.

    What keeps the listener from being tried at all becomes a check that is not decided, so that others are still tried.
    Raises UserError where a credential or the file of CA certificates cannot be used.
    """
    try:
        way = approach(listener, look)
        addresses = resolve(way.address)
        front = way.destinations(listener.port, way.server_names, addresses, default_port=443)
    except UserError as error:
        return ListenerReport(component, listener, (Check("all cases", Verdict.NOT_DECIDED, str(error)),))
    able = [case for case in tried if isinstance(case, Case) and (case.name != NOT_YET_VALID or all(map(is_loopback, addresses)))]
    checks = _at_doors(front, able, knocker, ca_enabled=listener.ca_enabled)
    if listener.ca_enabled:
        checks += _side_doors(way, addresses, able, knocker)
    checks += [Check(case.name, Verdict.NOT_CHECKED, case.reason) for case in tried if isinstance(case, Missing)]
    checks += [
        Check(case.name, Verdict.NOT_CHECKED, "only on the sandbox: tomorrow it would be a good certificate")
        for case in tried
        if isinstance(case, Case) and case not in able
    ]
    return ListenerReport(component, listener, tuple(checks))


def _at_doors(places: Sequence[Destination], cases: Sequence[Case], knocker: Knocker, *, ca_enabled: bool) -> list[Check]:
    """All cases in all TLS versions at all places, each place judged for itself."""
    attempts = [(place, case, version) for place in places for case in cases for version in TlsVersion]
    with ThreadPoolExecutor(CONNECTIONS_AT_ONCE) as pool:
        outcomes = list(pool.map(lambda attempt: knocker.over_tls(attempt[0], attempt[2], attempt[1].credential), attempts))
    seen: dict[Destination, list[Observation]] = {place: [] for place in places}
    for (place, case, version), outcome in zip(attempts, outcomes, strict=True):
        seen[place].append(Observation(case.name, case.role, version, outcome))
    return [
        _check(place, observation, finding, ca_enabled=ca_enabled)
        for place, observations in seen.items()
        for observation, finding in zip(observations, verdicts.judge(observations, ca_enabled=ca_enabled), strict=True)
    ]


def _check(place: Destination, seen: Observation, finding: Finding, *, ca_enabled: bool) -> Check:
    wished = verdicts.expected(seen.role, ca_enabled=ca_enabled)
    return Check(seen.case, finding.verdict, finding.why, wished, place, seen.version, seen.outcome)


def _side_doors(way: Approach, addresses: list[str], cases: Sequence[Case], knocker: Knocker) -> list[Check]:
    if isinstance(way.doors, str):
        return [Check("side doors", Verdict.NOT_DECIDED, f"what else serves these hosts is not known: {way.doors}")]
    checks = []
    for door in way.doors:
        try:
            checks += _side_door(door, way, addresses, cases, knocker)
        except UserError as error:
            checks.append(Check(_door_name(door), Verdict.NOT_DECIDED, str(error)))
    return checks


def _side_door(door: Door, way: Approach, addresses: list[str], cases: Sequence[Case], knocker: Knocker) -> list[Check]:
    name = _door_name(door)
    hosts = tuple(map(concrete, door.hosts)) or way.server_names
    if door.protocol == "HTTP":
        places = way.destinations(door.port, hosts, addresses, default_port=80)
        with ThreadPoolExecutor(CONNECTIONS_AT_ONCE) as pool:
            outcomes = list(pool.map(knocker.in_clear, places))
        findings = [verdicts.judge_door_in_clear(outcome, is_alb=way.is_alb) for outcome in outcomes]
        return [
            Check(name, finding.verdict, finding.why, Expected.REDIRECTED, place, None, outcome)
            for place, outcome, finding in zip(places, outcomes, findings, strict=True)
        ]
    if door.protocol != "HTTPS":
        why = "it cannot be tried from here, and ALB has no client authentication on it: take this listener away"
        return [Check(name, Verdict.NOT_DECIDED, why, Expected.REJECTED)]
    # The clients come along only to compare with: whether they get in here is nobody's wish.
    visitors = [case for case in cases if case.role is not Role.IMPOSTER]
    seen = _at_doors(way.destinations(door.port, hosts, addresses, default_port=443), visitors, knocker, ca_enabled=True)
    return [replace(check, case=name, **_about_door(check, door, is_alb=way.is_alb)) for check in seen if check.case == NO_CERTIFICATE]


def _about_door(check: Check, door: Door, *, is_alb: bool) -> dict[str, Any]:
    """The verdict on a side door where it differs from that on a front door."""
    if check.verdict is Verdict.FELL_SHORT:
        return {"why": OPEN_DOOR}
    if door.asks and check.verdict is Verdict.NOT_DECIDED:
        # Another stack's listener, with another CA: our clients cannot witness for it, but being let in would have shown.
        return {"verdict": Verdict.NOT_CHECKED, "why": OTHER_STACK}
    if is_alb and isinstance(check.outcome, ConnectionFailed) and check.outcome.refused:
        return {"verdict": Verdict.HELD, "why": ""}
    return {}


OTHER_STACK: Final = "it asks for certificates and refuses this stack's clients too: verify it with the stack that declares it"
OPEN_DOOR: Final = (
    "the same hosts are served here without any client certificate: declare this port under listeners, or take it away from the Ingress "
    "or the AlbConfig"
)


def _door_name(door: Door) -> str:
    return f"side door {door.protocol} {door.port}"
