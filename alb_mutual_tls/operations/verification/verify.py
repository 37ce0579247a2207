"""`mtls verify`: every case at every address of every listener, and the judgement.

What is to be tried is planned for all listeners, carried out at once, and then judged, so that the
order of the report is that of the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from alb_mutual_tls import clock
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.bypasses import Exposure
from alb_mutual_tls.operations.verification import judgement
from alb_mutual_tls.operations.verification.attempts import AT_ONCE, Attempt, carry_out
from alb_mutual_tls.operations.verification.cases import (
    Case,
    Missing,
    cases,
)
from alb_mutual_tls.operations.verification.flip import Flip, flip
from alb_mutual_tls.operations.verification.outcome import (
    ConnectionFailed,
    Outcome,
    ServerCertificateInvalid,
)
from alb_mutual_tls.operations.verification.plan import Plan, plan_listener
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import Check, ListenerReport, VerificationReport
from alb_mutual_tls.stack.cluster import StackCluster
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener, chosen_listeners
from alb_mutual_tls.threads import threads
from alb_mutual_tls.verdict import Verdict

if TYPE_CHECKING:
    from alb_mutual_tls.pki.forged import ClientCredential


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
    with ExitStack() as open_clusters, threads(AT_ONCE) as pool:
        for component in dict.fromkeys(component for component, _ in wanted):
            tried = cases(component, given, with_authority_key=with_authority_key, now=now)
            look = _in_turn(open_clusters.enter_context(closing(StackCluster(component, directory))).look)
            own = [listener for owner, listener in wanted if owner is component]
            for listener in own:
                ports = {
                    neighbour.port
                    for neighbour in own
                    if neighbour.ca_enabled and neighbour.alb_config == listener.alb_config
                }
                plans.append(
                    pool.submit(
                        plan_listener, component.name, listener, tried, partial(look, listener), ports
                    )
                )
        planned = [plan.result() for plan in plans]
    reports = _carry_out(planned, probe)
    flips = [
        _flip(component, given, reports, now)
        for component in dict.fromkeys(component for component, _ in wanted)
    ]
    return VerificationReport(
        tuple(reports), probe.insecure, tuple(flip for flip in flips if flip is not None)
    )


def verify_listener(
    component: str,
    listener: DeployedListener,
    tried: Sequence[Case | Missing],
    look: Callable[[], Exposure],
    probe: Probe,
) -> ListenerReport:
    """Try all the cases at the listener and its bypasses.

    `look` reads the cluster and may raise UserError. What keeps the listener from being tried at
    all becomes a check that is not decided, so that others are still tried. Raises UserError where
    a credential or the file of CA certificates cannot be used.
    """
    (report,) = _carry_out([plan_listener(component, listener, tried, look, {listener.port})], probe)
    return report


def _carry_out(plans: Sequence[Plan], probe: Probe) -> list[ListenerReport]:
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
    """The checks; HTTP and refused connections count only at proven addresses.

    An address is proven when a server there showed its certificate over TLS for that name.
    """
    seen: dict[tuple[str, str], list[Outcome | None]] = {}
    for check in checks:
        if check.version and check.destination and not check.destination.any_name:
            seen.setdefault((check.destination.address, check.destination.server_name), []).append(
                check.outcome
            )
    proven = {
        where: (
            any(map(judgement.proves, outcomes))
            and not any(isinstance(outcome, ServerCertificateInvalid) for outcome in outcomes)
        )
        for where, outcomes in seen.items()
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
                yield replace(check, verdict=Verdict.NOT_DECIDED, why=judgement.UNPROVEN)
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
    """One look at a time, so that a cluster is asked once for all its listeners."""
    lock = Lock()

    def look_alone(listener: DeployedListener) -> Exposure:
        with lock:
            return look(listener)

    return look_alone
