"""`mtls verify`: every case at every address of every listener, and the verdicts.

What is to be tried is planned for all listeners, carried out at once, and then judged, so that the
order of the report is that of the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls import clock
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.bypasses import Bypass, Exposure
from alb_mutual_tls.listener.ingresses import ANY_HOST
from alb_mutual_tls.operations.verification import judgement as verdicts
from alb_mutual_tls.operations.verification.approach import Approach, approach, concrete, is_loopback, resolve
from alb_mutual_tls.operations.verification.attempts import AT_ONCE, Attempt, carry_out
from alb_mutual_tls.operations.verification.cases import (
    ALL,
    BYPASSES,
    NO_CERTIFICATE,
    NOT_YET_VALID,
    RESUMED,
    RESUMED_FROM_BEFORE,
    RESUMED_FROM_WRONG_NAME,
    WRONG_NAME,
    Case,
    Missing,
    bypass_case,
    cases,
    resumed_from,
)
from alb_mutual_tls.operations.verification.flip import Flip, flip
from alb_mutual_tls.operations.verification.judgement import Caller, Expected, Observation
from alb_mutual_tls.operations.verification.outcome import (
    ConnectionFailed,
    Destination,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
)
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import Check, ListenerReport, VerificationReport
from alb_mutual_tls.stack.cluster import StackCluster
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener, chosen_listeners
from alb_mutual_tls.verdict import Finding, Verdict

if TYPE_CHECKING:
    from alb_mutual_tls.pki.imposters import ClientCredential

MADE_UP_PATH: Final = "/mtls-verify?mtls-verify=redirect"
"""Below the path of a listener; the second one that is asked for in clear."""
UNSERVED_NAME: Final = "mtls-verify.invalid"
"""A server name that no listener serves (RFC 2606 section 2)."""


def verify_stack(
    components: Sequence[DeployedComponent],
    *,
    directory: Path,
    names: Sequence[str] | None,
    given: ClientCredential | None,
    with_authority_key: bool,
    probe: Probe,
) -> VerificationReport:
    """Verify the listeners of these components, or those of the given names.

    `directory` is the project's, which paths in the state count from. Raises UserError when a name
    is not a listener's, when there is no listener at all, or when a credential or the file of CA
    certificates cannot be used.
    """
    wanted = chosen_listeners(components, names)
    if not wanted:
        raise UserError(
            "the stack declares no listener, so there is nothing to verify: add one under listeners"
        )
    now, plans = clock.now(), []
    with ExitStack() as open_clusters, ThreadPoolExecutor(AT_ONCE) as pool:
        for component in dict.fromkeys(component for component, _ in wanted):
            tried = cases(component, given, with_authority_key=with_authority_key, now=now)
            look = _in_turn(open_clusters.enter_context(closing(StackCluster(component, directory))).look)
            own = [listener for owner, listener in wanted if owner is component]
            for listener in own:
                ports = {one.port for one in own if one.ca_enabled and one.alb_config == listener.alb_config}
                plans.append(
                    pool.submit(_plan, component.name, listener, tried, partial(look, listener), ports)
                )
        made = [plan.result() for plan in plans]
    reports = _carry_out(made, probe)
    flips = [
        _flip(component, given, reports, now)
        for component in dict.fromkeys(component for component, _ in wanted)
    ]
    return VerificationReport(tuple(reports), probe.insecure, tuple(one for one in flips if one is not None))


def verify_listener(
    component: str,
    listener: DeployedListener,
    tried: Sequence[Case | Missing],
    look: Callable[[], Exposure],
    probe: Probe,
) -> ListenerReport:
    """Try all the cases at the listener and at its bypasses. `look` reads the cluster and may
    raise UserError.

    What keeps the listener from being tried at all becomes a check that is not decided, so that
    others are still tried. Raises UserError where a credential or the file of CA certificates
    cannot be used.
    """
    (report,) = _carry_out([_plan(component, listener, tried, look, {listener.port})], probe)
    return report


_Visit = tuple[Case, Attempt]


@dataclass(frozen=True)
class _Part:
    """Attempts that are judged together, and how: from their outcomes, in their order, come the
    checks.
    """

    attempts: tuple[Attempt, ...]
    judge: Callable[[Sequence[Outcome]], Sequence[Check]]


@dataclass(frozen=True)
class _Plan:
    component: str
    listener: DeployedListener
    parts: tuple[_Part, ...]


def _carry_out(plans: Sequence[_Plan], probe: Probe) -> list[ListenerReport]:
    def outcome_of(attempt: Attempt) -> Outcome:
        if attempt.version is None:
            return probe.in_clear(attempt.to)
        if attempt.resumed_from is not None:
            return probe.resuming(attempt.resumed_from, attempt.to, attempt.version)
        return probe.over_tls(attempt.to, attempt.version, attempt.credential)

    outcomes = iter(
        carry_out([attempt for plan in plans for part in plan.parts for attempt in part.attempts], outcome_of)
    )
    reports = []
    for plan in plans:
        checks = [
            check for part in plan.parts for check in part.judge([next(outcomes) for _ in part.attempts])
        ]
        reports.append(ListenerReport(plan.component, plan.listener, tuple(_where_proven(checks))))
    return reports


def _where_proven(checks: Sequence[Check]) -> Iterator[Check]:
    """What is said in clear, or by refusing a connection, counts only where TLS has shown whose
    address it is: for that name, where it was tried.
    """
    seen: dict[tuple[str, str], list[Outcome | None]] = {}
    for check in checks:
        if check.version and check.destination and not check.destination.any_name:
            seen.setdefault((check.destination.address, check.destination.server_name), []).append(
                check.outcome
            )
    proven = {
        place: (
            any(map(verdicts.proves, outcomes))
            and not any(isinstance(one, ServerCertificateInvalid) for one in outcomes)
        )
        for place, outcomes in seen.items()
    }
    for check in checks:
        to, silent = check.destination, check.version is None or isinstance(check.outcome, ConnectionFailed)
        if (
            to is not None
            and not to.any_name
            and silent
            and check.verdict in (Verdict.HELD, Verdict.FELL_SHORT)
        ):
            anybody = any(shown for (address, _), shown in proven.items() if address == to.address)
            if not proven.get((to.address, to.server_name), anybody):
                yield replace(check, verdict=Verdict.NOT_DECIDED, why=verdicts.UNPROVEN)
                continue
        yield check


def _flip(
    component: DeployedComponent,
    given: ClientCredential | None,
    reports: Sequence[ListenerReport],
    now: datetime,
) -> Flip | None:
    own = [report for report in reports if report.component == component.name and report.listener.ca_enabled]
    return flip(
        component, given, [(check.case, check.verdict) for report in own for check in report.checks], now
    )


def _in_turn(look: Callable[[DeployedListener], Exposure]) -> Callable[[DeployedListener], Exposure]:
    """One look at a time: a cluster is asked once for what all its listeners need, also when it
    does not answer.
    """
    lock = Lock()

    def look_alone(listener: DeployedListener) -> Exposure:
        with lock:
            return look(listener)

    return look_alone


def _known(*checks: Check) -> _Part:
    """What is known without any attempt."""
    return _Part((), lambda _: checks)


def _plan(
    component: str,
    listener: DeployedListener,
    tried: Sequence[Case | Missing],
    look: Callable[[], Exposure],
    ports: Collection[int],
) -> _Plan:
    """`ports`: of the listeners of the same ALB that are verified."""
    try:
        way = approach(listener, look)
        addresses = resolve(way.address)
        front = way.destinations(listener.port, way.server_names, addresses, default_port=443)
    except UserError as error:
        return _Plan(component, listener, (_known(Check(ALL, Verdict.NOT_DECIDED, str(error))),))
    able = [
        case
        for case in tried
        if isinstance(case, Case) and (case.name != NOT_YET_VALID or all(map(is_loopback, addresses)))
    ]
    if listener.ca_enabled:
        parts = [
            _judged([*_visits(place, able), *_ways_round(place, way)], ca_enabled=True) for place in front
        ]
        parts += _bypasses(way, addresses, able, {*ports, listener.port + way.shift})
    else:
        parts = [_judged(_visits(place, able), ca_enabled=False) for place in front]
    left = [Check(case.name, Verdict.NOT_CHECKED, case.reason) for case in tried if isinstance(case, Missing)]
    left += [
        Check(case.name, Verdict.NOT_CHECKED, ONLY_ON_LOOPBACK)
        for case in tried
        if isinstance(case, Case) and case not in able
    ]
    if not listener.ca_enabled:
        left += [
            Check(name, Verdict.NOT_CHECKED, NOTHING_TO_GET_ROUND)
            for name in (WRONG_NAME, RESUMED, RESUMED_FROM_WRONG_NAME)
        ]
    left.append(Check(RESUMED_FROM_BEFORE, Verdict.NOT_CHECKED, NOBODY_WAS_THERE))
    return _Plan(component, listener, (*parts, _known(*left)))


def _visits(place: Destination, cases: Sequence[Case]) -> list[_Visit]:
    """All cases in all TLS versions at one place."""
    return [(case, Attempt(place, version, case.credential)) for case in cases for version in TlsVersion]


def _ways_round(place: Destination, way: Approach) -> Iterator[_Visit]:
    unserved = replace(place, server_name=UNSERVED_NAME, any_name=True)
    for version in TlsVersion:
        yield Case(WRONG_NAME, Caller.MISNAMED, None), Attempt(unserved, version)
    elsewhere = {RESUMED: place, RESUMED_FROM_WRONG_NAME: unserved}
    for port in way.open_ports:
        if 1 <= port + way.shift <= 65535:
            elsewhere[resumed_from(port)] = replace(place, port=port + way.shift, any_name=True)
    for name, first in elsewhere.items():
        for version in TlsVersion:
            yield Case(name, Caller.RESUMED, None), Attempt(place, version, resumed_from=first)


def _judged(visits: Sequence[_Visit], *, ca_enabled: bool) -> _Part:
    """Visits to one place, judged by the rule of `verdict.judge`."""

    def judge(outcomes: Sequence[Outcome]) -> list[Check]:
        seen = []
        for (case, attempt), outcome in zip(visits, outcomes, strict=True):
            assert attempt.version is not None
            seen.append(Observation(case.name, case.role, attempt.version, outcome, case.refused_for))
        findings = verdicts.judge(seen, ca_enabled=ca_enabled)
        return [
            _check(attempt.to, one, finding, ca_enabled=ca_enabled)
            for (_, attempt), one, finding in zip(visits, seen, findings, strict=True)
        ]

    return _Part(tuple(attempt for _, attempt in visits), judge)


def _check(place: Destination, seen: Observation, finding: Finding, *, ca_enabled: bool) -> Check:
    wished = verdicts.expected(seen.role, ca_enabled=ca_enabled)
    return Check(seen.case, finding.verdict, finding.why, wished, place, seen.version, seen.outcome)


def _bypasses(
    way: Approach, addresses: list[str], cases: Sequence[Case], ports: Collection[int]
) -> list[_Part]:
    if isinstance(way.bypasses, str):
        return [
            _known(
                Check(
                    BYPASSES,
                    Verdict.NOT_DECIDED,
                    f"what else serves these hosts is not known: {way.bypasses}",
                )
            )
        ]
    parts = []
    for bypass in way.bypasses:
        try:
            parts += _bypass(bypass, way, addresses, cases, ports)
        except UserError as error:
            parts.append(
                _known(Check(bypass_case(bypass.protocol, bypass.port), Verdict.NOT_DECIDED, str(error)))
            )
    return parts


def _bypass(
    bypass: Bypass, way: Approach, addresses: list[str], cases: Sequence[Case], ports: Collection[int]
) -> list[_Part]:
    name = bypass_case(bypass.protocol, bypass.port)
    hosts = tuple(concrete(host) for host in bypass.hosts if host != ANY_HOST) or way.server_names
    if bypass.protocol == "HTTP":
        places = way.destinations(bypass.port, hosts, addresses, default_port=80)
        return [_in_clear(name, place, ports, is_alb=way.is_alb) for place in places]
    if bypass.protocol != "HTTPS":
        why = (
            "it cannot be tried from here, and ALB has no client authentication on it: take this listener"
            " away"
        )
        return [_known(Check(name, Verdict.NOT_DECIDED, why, Expected.REJECTED))]
    # The clients come along only to compare with: whether they get in here is nobody's wish.
    visitors = [case for case in cases if case.role in (Caller.CLIENT, Caller.NOBODY)]
    return [
        _at_bypass(name, place, visitors, bypass, is_alb=way.is_alb)
        for place in way.destinations(bypass.port, hosts, addresses, default_port=443)
    ]


def _in_clear(name: str, place: Destination, ports: Collection[int], *, is_alb: bool) -> _Part:
    """Two paths, and the worse of the two: a redirect of all that is asked for keeps the path, one
    to a page of its own does not.
    """
    below = replace(place, path=place.path.partition("?")[0].rstrip("/") + MADE_UP_PATH)
    worst_first = (Verdict.FELL_SHORT, Verdict.NOT_DECIDED, Verdict.HELD)

    def judge(outcomes: Sequence[Outcome]) -> list[Check]:
        checks = []
        for to, outcome in zip((place, below), outcomes, strict=True):
            finding = verdicts.judge_bypass_in_clear(
                outcome, to, ports=ports, is_alb=is_alb, made_up=to is below
            )
            checks.append(Check(name, finding.verdict, finding.why, Expected.REDIRECTED, to, None, outcome))
        return [min(checks, key=lambda check: worst_first.index(check.verdict))]

    return _Part((Attempt(place, None), Attempt(below, None)), judge)


def _at_bypass(
    name: str, place: Destination, visitors: Sequence[Case], bypass: Bypass, *, is_alb: bool
) -> _Part:
    front = _judged(_visits(place, visitors), ca_enabled=True)

    def judge(outcomes: Sequence[Outcome]) -> list[Check]:
        seen = front.judge(outcomes)
        return [
            replace(check, case=name, **_about_bypass(check, bypass, is_alb=is_alb))
            for check in seen
            if check.case == NO_CERTIFICATE
        ]

    return _Part(front.attempts, judge)


def _about_bypass(check: Check, bypass: Bypass, *, is_alb: bool) -> dict[str, Any]:
    """The verdict on a bypass where it differs from that on a listener of the stack."""
    if check.verdict is Verdict.FELL_SHORT:
        return {"why": OPEN_BYPASS}
    if bypass.demands_certificates and check.why in (verdicts.SAME_FOR_CLIENT, verdicts.NO_GOOD_CLIENT):
        # Another stack's listener, with another CA: our clients cannot witness for it, but being
        # let in would have shown.
        return {"verdict": Verdict.NOT_CHECKED, "why": OTHER_STACK}
    if is_alb and isinstance(check.outcome, ConnectionFailed) and check.outcome.refused:
        return {"verdict": Verdict.HELD, "why": ""}
    return {}


ONLY_ON_LOOPBACK: Final = "only on the sandbox: tomorrow it would be a good certificate"
NOTHING_TO_GET_ROUND: Final = "client authentication is off, so there is nothing to get around"
NOBODY_WAS_THERE: Final = (
    "a TLS session from before client authentication was switched on, or trust changed, cannot be had"
    " afterwards: see docs/verify.md"
)
OTHER_STACK: Final = (
    "it asks for certificates and refuses this stack's clients too: verify it with the stack that declares it"
)
OPEN_BYPASS: Final = (
    "the same hosts are served here without any client certificate: declare this port under listeners, or"
    " take it away from the Ingress or the AlbConfig"
)
