"""What `mtls verify` tries at one listener and its bypasses, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.bypasses import Bypass, Exposure
from alb_mutual_tls.listener.ingresses import ANY_HOST
from alb_mutual_tls.operations.verification import judgement
from alb_mutual_tls.operations.verification.approach import Approach, approach, concrete, is_loopback, resolve
from alb_mutual_tls.operations.verification.attempts import Attempt
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
    resumed_from,
)
from alb_mutual_tls.operations.verification.judgement import Caller, Expected, Observation
from alb_mutual_tls.operations.verification.outcome import ConnectionFailed, Destination, Outcome, TlsVersion
from alb_mutual_tls.operations.verification.redirect import judge_bypass_in_clear
from alb_mutual_tls.operations.verification.result import Check
from alb_mutual_tls.stack.deployed import DeployedListener
from alb_mutual_tls.verdict import Finding, Verdict

MADE_UP_PATH: Final = "/mtls-verify?mtls-verify=redirect"
"""Below the path of a listener; the second one that is asked for in clear."""
UNSERVED_NAME: Final = "mtls-verify.invalid"
"""A server name that no listener serves (RFC 2606 section 2)."""


ONLY_ON_LOOPBACK: Final = "only on the sandbox: tomorrow it would be a good certificate"
NOTHING_TO_GET_AROUND: Final = "client authentication is off, so there is nothing to get around"
NO_EARLIER_SESSION: Final = (
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

_Trial = tuple[Case, Attempt]


@dataclass(frozen=True)
class Part:
    """Attempts that are judged together; `judge` makes checks of their outcomes."""

    attempts: tuple[Attempt, ...]
    judge: Callable[[Sequence[Outcome]], Sequence[Check]]


@dataclass(frozen=True)
class Plan:
    """What is tried at one listener; `component` is the name of its AlbMutualTls."""

    component: str
    listener: DeployedListener
    parts: tuple[Part, ...]


def plan_listener(
    component: str,
    listener: DeployedListener,
    tried: Sequence[Case | Missing],
    look: Callable[[], Exposure],
    ports: Collection[int],
) -> Plan:
    """What is to be tried at a listener and its bypasses.

    `look` reads the cluster. `ports`: those of the ALB's listeners that are verified.
    """
    try:
        way = approach(listener, look)
        addresses = resolve(way.address)
        own = way.destinations(listener.port, way.server_names, addresses, default_port=443)
    except UserError as error:
        return Plan(component, listener, (_known(Check(ALL, Verdict.NOT_DECIDED, str(error))),))
    able = [
        case
        for case in tried
        if isinstance(case, Case) and (case.name != NOT_YET_VALID or all(map(is_loopback, addresses)))
    ]
    if listener.ca_enabled:
        parts = [
            _judged([*_trials(destination, able), *_ways_around(destination, way)], ca_enabled=True)
            for destination in own
        ]
        parts += _bypasses(way, addresses, able, {*ports, listener.port + way.shift})
    else:
        parts = [_judged(_trials(destination, able), ca_enabled=False) for destination in own]
    left = [Check(case.name, Verdict.NOT_CHECKED, case.reason) for case in tried if isinstance(case, Missing)]
    left += [
        Check(case.name, Verdict.NOT_CHECKED, ONLY_ON_LOOPBACK)
        for case in tried
        if isinstance(case, Case) and case not in able
    ]
    if not listener.ca_enabled:
        left += [
            Check(name, Verdict.NOT_CHECKED, NOTHING_TO_GET_AROUND)
            for name in (WRONG_NAME, RESUMED, RESUMED_FROM_WRONG_NAME)
        ]
    left.append(Check(RESUMED_FROM_BEFORE, Verdict.NOT_CHECKED, NO_EARLIER_SESSION))
    return Plan(component, listener, (*parts, _known(*left)))


def _trials(destination: Destination, cases: Sequence[Case]) -> list[_Trial]:
    """All cases in all TLS versions at one destination."""
    return [
        (case, Attempt(destination, version, case.credential)) for case in cases for version in TlsVersion
    ]


def _ways_around(destination: Destination, way: Approach) -> Iterator[_Trial]:
    unserved = replace(destination, server_name=UNSERVED_NAME, any_name=True)
    for version in TlsVersion:
        yield Case(WRONG_NAME, Caller.MISNAMED, None), Attempt(unserved, version)
    elsewhere = {RESUMED: destination, RESUMED_FROM_WRONG_NAME: unserved}
    for port in way.open_ports:
        if 1 <= port + way.shift <= 65535:
            elsewhere[resumed_from(port)] = replace(destination, port=port + way.shift, any_name=True)
    for name, first in elsewhere.items():
        for version in TlsVersion:
            yield Case(name, Caller.RESUMED, None), Attempt(destination, version, resumed_from=first)


def _judged(trials: Sequence[_Trial], *, ca_enabled: bool) -> Part:
    """Trials at one destination, judged by the rule of `judgement.judge`."""

    def judge(outcomes: Sequence[Outcome]) -> list[Check]:
        seen = []
        for (case, attempt), outcome in zip(trials, outcomes, strict=True):
            assert attempt.version is not None
            seen.append(Observation(case.name, case.role, attempt.version, outcome, case.refused_for))
        findings = judgement.judge(seen, ca_enabled=ca_enabled)
        return [
            _check(attempt.to, observation, finding, ca_enabled=ca_enabled)
            for (_, attempt), observation, finding in zip(trials, seen, findings, strict=True)
        ]

    return Part(tuple(attempt for _, attempt in trials), judge)


def _check(destination: Destination, seen: Observation, finding: Finding, *, ca_enabled: bool) -> Check:
    desired = judgement.expected(seen.role, ca_enabled=ca_enabled)
    return Check(seen.case, finding.verdict, finding.why, desired, destination, seen.version, seen.outcome)


def _bypasses(
    way: Approach, addresses: list[str], cases: Sequence[Case], ports: Collection[int]
) -> list[Part]:
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
) -> list[Part]:
    name = bypass_case(bypass.protocol, bypass.port)
    hosts = tuple(concrete(host) for host in bypass.hosts if host != ANY_HOST) or way.server_names
    if bypass.protocol == "HTTP":
        destinations = way.destinations(bypass.port, hosts, addresses, default_port=80)
        return [_in_clear(name, destination, ports, is_alb=way.is_alb) for destination in destinations]
    if bypass.protocol != "HTTPS":
        why = (
            "it cannot be tried from here, and ALB has no client authentication on it: take this listener"
            " away"
        )
        return [_known(Check(name, Verdict.NOT_DECIDED, why, Expected.REJECTED))]
    # The clients come along only to compare with: whether they get in here is not judged.
    callers = [case for case in cases if case.role in (Caller.CLIENT, Caller.ANONYMOUS)]
    return [
        _at_bypass(name, destination, callers, bypass, is_alb=way.is_alb)
        for destination in way.destinations(bypass.port, hosts, addresses, default_port=443)
    ]


def _in_clear(name: str, destination: Destination, ports: Collection[int], *, is_alb: bool) -> Part:
    """Two paths, and the worse finding: only a redirect of everything keeps both."""
    below = replace(destination, path=destination.path.partition("?")[0].rstrip("/") + MADE_UP_PATH)
    worst_first = (Verdict.FELL_SHORT, Verdict.NOT_DECIDED, Verdict.HELD)

    def judge(outcomes: Sequence[Outcome]) -> list[Check]:
        checks = []
        for to, outcome in zip((destination, below), outcomes, strict=True):
            finding = judge_bypass_in_clear(outcome, to, ports=ports, is_alb=is_alb, made_up=to is below)
            checks.append(Check(name, finding.verdict, finding.why, Expected.REDIRECTED, to, None, outcome))
        return [min(checks, key=lambda check: worst_first.index(check.verdict))]

    return Part((Attempt(destination, None), Attempt(below, None)), judge)


def _at_bypass(
    name: str, destination: Destination, callers: Sequence[Case], bypass: Bypass, *, is_alb: bool
) -> Part:
    as_listener = _judged(_trials(destination, callers), ca_enabled=True)

    def judge(outcomes: Sequence[Outcome]) -> list[Check]:
        seen = as_listener.judge(outcomes)
        return [
            replace(check, case=name, **_about_bypass(check, bypass, is_alb=is_alb))
            for check in seen
            if check.case == NO_CERTIFICATE
        ]

    return Part(as_listener.attempts, judge)


def _about_bypass(check: Check, bypass: Bypass, *, is_alb: bool) -> dict[str, Any]:
    """The verdict on a bypass where it differs from that on a listener of the stack."""
    if check.verdict is Verdict.FELL_SHORT:
        return {"why": OPEN_BYPASS}
    if bypass.demands_certificates and check.why in (judgement.SAME_FOR_CLIENT, judgement.NO_GOOD_CLIENT):
        # Another stack's listener, with another CA: our clients cannot witness for it, but being
        # let in would have shown.
        return {"verdict": Verdict.NOT_CHECKED, "why": OTHER_STACK}
    if is_alb and isinstance(check.outcome, ConnectionFailed) and check.outcome.refused:
        return {"verdict": Verdict.HELD, "why": ""}
    return {}


def _known(*checks: Check) -> Part:
    """What is known without any attempt."""
    return Part((), lambda _: checks)
