"""Removes temporary listeners.

This happens at the end of a rehearsal, before the next one, and with `mtls rehearse --clean`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from alb_mutual_tls.cluster.api import KubernetesError
from alb_mutual_tls.cluster.cluster import Cluster, Conflict, NoAlbConfigKind
from alb_mutual_tls.cluster.rewrite import Again, rewrite
from alb_mutual_tls.entry import given_place
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener import temporary
from alb_mutual_tls.listener.declared import HTTPS
from alb_mutual_tls.listener.rehearsal_claim import LeftBehind, RehearsalClaim, left_behind
from alb_mutual_tls.listener.temporary import Standing
from alb_mutual_tls.stack.cluster import StackCluster
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
from alb_mutual_tls.verdict import EXIT_CODE, Verdict

CLEANING: Final = 60.0
"""Seconds for which taking a listener away is tried."""


def take_away(
    cluster: Cluster,
    albconfig: str,
    claim: RehearsalClaim,
    pause: Callable[[float], None],
    seconds: float = CLEANING,
) -> Standing:
    """Remove a temporary listener with its claim, trying for `seconds`.

    Returns what had become of the listener; `CHANGED` means that it was left.

    Raises UserError when the cluster does not answer, or forbids it.
    """
    became = Standing.GONE

    def attempt() -> Standing:
        nonlocal became
        try:
            while (document := cluster.albconfig(albconfig)) is not None:
                patch, now = temporary.plan_removal(document, claim)
                if not patch:
                    return became if now is Standing.GONE else now
                became = now
                cluster.patch_albconfig(albconfig, patch)
        except NoAlbConfigKind:
            pass
        except (Conflict, Unreachable, KubernetesError) as error:
            if isinstance(error, KubernetesError) and error.status < 500:
                raise
            raise Again(error) from None
        return became

    return rewrite(attempt, pause, seconds=seconds)


def changed(albconfig: str, claim: RehearsalClaim) -> str:
    """About a temporary listener that is left because somebody has changed it."""
    return (
        f"the temporary listener {claim.temporary_port}/{HTTPS} of AlbConfig {albconfig} is no longer what"
        f" was added, so it is left: remove it by hand and run ./mtls rehearse --clean{given_place()}, or"
        f" keep it and remove the annotation {claim.key}"
    )


def cleared(
    cluster: Cluster, albconfig: str, claim: RehearsalClaim, pause: Callable[[float], None] = time.sleep
) -> tuple[Standing, str]:
    """Remove a temporary listener that a rehearsal left behind.

    Returns what had become of it, and a sentence about what was done. Raises as `take_away` does.
    """
    what = (
        f"the temporary listener {claim.temporary_port}/{HTTPS} of AlbConfig {albconfig} ({claim.runner},"
        f" since {claim.since:%Y-%m-%d %H:%M:%S} UTC)"
    )
    standing = take_away(cluster, albconfig, claim, pause)
    match standing:
        case Standing.CHANGED:
            return standing, changed(albconfig, claim)
        case Standing.GONE:
            return standing, f"{what} was gone already; its annotation was taken away"
        case _:
            return standing, f"{what} was left behind and has been taken away"


@dataclass
class Cleaning:
    """`mtls rehearse --clean`: removes the temporary listeners of this stack.

    It finds them in the stack's AlbConfigs, including those of rehearsals that may still run.
    """

    found: list[tuple[Cluster, LeftBehind]] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """About those of other stacks."""

    def look(
        self,
        component: DeployedComponent,
        listener: DeployedListener,
        neighbourhood: StackCluster,
        *,
        only: bool,
    ) -> None:
        """Find the temporary listeners in a listener's AlbConfig.

        `only`: find just those of rehearsals of this listener. Raises UserError.
        """
        cluster = neighbourhood.cluster_of(listener)
        known = [(leftover.albconfig, leftover.key) for _, leftover in self.found]
        for leftover in left_behind(cluster.albconfig(listener.alb_config) or {}):
            if leftover.claim is None or leftover.claim.identity != component.identity:
                told = self.left if leftover.claim is None else self.notes
                told += [leftover.sentence()] if leftover.sentence() not in told else []
            elif (leftover.albconfig, leftover.key) not in known and (
                leftover.claim.port == listener.port or not only
            ):
                self.found.append((cluster, leftover))

    def question(self) -> str:
        """What to ask before writing."""
        ports = ", ".join(
            f"{leftover.claim.temporary_port}/{HTTPS} of AlbConfig {leftover.albconfig}"
            for _, leftover in self.found
            if leftover.claim
        )
        return f"Take away the temporary listener {ports}, also where its rehearsal still runs?"

    def run(self) -> None:
        """Take them away."""
        for cluster, leftover in self.found:
            assert leftover.claim is not None
            try:
                standing, sentence = cleared(cluster, leftover.albconfig, leftover.claim)
                (self.left if standing is Standing.CHANGED else self.cleaned).append(sentence)
            except UserError as error:
                self.left.append(str(error))
            except KeyboardInterrupt:
                self.left.append(f"{leftover.sentence()} (interrupted)")

    @property
    def exit_code(self) -> int:
        """0 nothing is left, 2 something is."""
        return EXIT_CODE[Verdict.NOT_DECIDED if self.left else Verdict.HELD]
