"""The listener that a rehearsal adds to an AlbConfig, and takes away again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alb_mutual_tls.alibaba.polling import Wait
from alb_mutual_tls.cluster.api import Forbidden
from alb_mutual_tls.cluster.cluster import Cluster, Conflict, Event
from alb_mutual_tls.cluster.rewrite import TRIES, Again, rewrite
from alb_mutual_tls.entry import given_place
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener import temporary
from alb_mutual_tls.listener.declared import HTTPS, find_listener
from alb_mutual_tls.listener.enforced import load_balancer_id, shows
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import Desired
from alb_mutual_tls.listener.rehearsal_claim import RehearsalClaim, left_behind
from alb_mutual_tls.listener.temporary import Standing
from alb_mutual_tls.operations.rehearsal.cleaning import changed, take_away

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.alb import Alb


@dataclass
class TemporaryListener:
    """The listener, in the AlbConfig of that name and UID.

    `alb` raises `UserError` where ALB cannot be asked; `note` takes what else there is to know.
    """

    cluster: Cluster
    albconfig: str
    uid: str
    alb: Callable[[], Alb]
    pause: Callable[[float], None]
    note: Callable[[str], None]
    claims: list[RehearsalClaim] = field(default_factory=list)
    """Those that may have been written: an answer can be lost."""
    port: int | None = None
    """Where it was added."""
    added: float = 0.0
    """When, by the monotonic clock."""
    _reads_events: bool = True

    def add(self, new_claim: Callable[[Document], RehearsalClaim]) -> RehearsalClaim:
        """Add it with a claim that `new_claim` makes for the AlbConfig as it is.

        Raises `UserError` when the cluster does not answer, or others write all the time.
        """

        def attempt() -> RehearsalClaim:
            document = self.document()
            claim = next((known for known in self.claims if _stands(document, known)), None)
            if claim is not None:  # the answer to the patch was lost
                self.port = claim.temporary_port
                return claim
            claim = new_claim(document)
            patch = temporary.plan_add(document, find_listener(document, claim.port), claim)
            self.claims.append(claim)
            self.added = time.monotonic()
            try:
                document = self.cluster.patch_albconfig(self.albconfig, patch)
            except Conflict as error:
                self.claims.remove(claim)
                raise Again(error) from None
            except Unreachable as error:
                raise Again(error) from None
            self.port = claim.temporary_port
            if temporary.stands_alone(document, claim):
                return claim
            take_away(self.cluster, self.albconfig, claim, self.pause)
            raise Again(
                Conflict(
                    f"somebody else has added a listener on port {claim.temporary_port} at the same moment"
                )
            )

        try:
            return rewrite(attempt, self.pause)
        except Conflict as error:
            raise UserError(
                f"the temporary listener could not be added, {TRIES} times in a row: {error}; pause whoever"
                f" else writes AlbConfig {self.albconfig}, then run the command again"
            ) from None

    def document(self) -> Document:
        """The AlbConfig; raises `UserError` where it was deleted or made anew."""
        document = self.cluster.albconfig(self.albconfig)
        if document is None or str(document["metadata"]["uid"]) != self.uid:
            raise UserError(
                f"AlbConfig {self.albconfig} was deleted or made anew meanwhile: run `pulumi up` to"
                " see what became of it"
            )
        return document

    def present(self, claim: RehearsalClaim) -> Document:
        """The AlbConfig, while it has our listener as it was added; raises UserError."""
        document = self.document()
        if temporary.standing(document, claim)[0] is not Standing.UNCHANGED:
            raise UserError(
                f"somebody has changed the temporary listener {claim.temporary_port}/{HTTPS}, or taken it"
                f" away, during the rehearsal: pause whoever else writes AlbConfig {self.albconfig}"
                " (a GitOps tool?), then run the command again"
            )
        return document

    def warnings(self) -> list[Event]:
        """The controller's warnings about the AlbConfig, as far as they may be read."""
        if not self._reads_events:
            return []
        try:
            return self.cluster.warning_events(self.albconfig)
        except Forbidden as error:
            self._reads_events = False
            self.note(f"the controller's events about the AlbConfig were not looked at: {error}")
            return []

    def await_alb(
        self, claim: RehearsalClaim, desired: Desired, known: Sequence[Event], seconds: float
    ) -> None:
        """Wait until ALB shows the temporary listener as desired.

        Raises `UserError` when ALB does not within `seconds`, or the controller warns.

        `known`: the controller's warnings from before.
        """
        wait = Wait(seconds, self.pause, time.monotonic)
        while True:
            document = self.present(claim)
            if new := [event for event in self.warnings() if event not in known]:
                raise UserError(
                    f"the controller does not take the temporary listener: {new[-1]}; put right what it"
                    " names, then run the command again"
                )
            identifier = load_balancer_id(document)
            shown = f"AlbConfig {self.albconfig} has no load balancer yet"
            try:
                if identifier is not None:
                    state = self.alb().listener_state(identifier, claim.temporary_port)
                    if shows(state, desired):
                        return
                    shown = (
                        f"load balancer {identifier} shows"
                        f" {state.describe() if state else f'no {HTTPS} listener on that port'}"
                    )
            except Unreachable as error:
                shown = str(error)
            except UserError as error:
                self.note(f"whether ALB itself shows the temporary listener was not looked at: {error}")
                return
            if wait.over:
                raise UserError(
                    f"ALB did not show the temporary listener within {seconds:.0f} s: {shown}; give it more"
                    " time with --wait"
                )
            wait.pause()

    def remove(self, claim: RehearsalClaim, seconds: float) -> str | None:
        """Take it away; returns a sentence where it is left."""
        try:
            became = take_away(self.cluster, self.albconfig, claim, self.pause, seconds)
        except (UserError, KeyboardInterrupt) as error:
            why = str(error) if isinstance(error, UserError) else "interrupted"
            return (
                f"the temporary listener {claim.temporary_port}/{HTTPS} of AlbConfig {self.albconfig} and its"
                f" annotation {claim.key} could not be taken away ({why}): run ./mtls rehearse"
                f" --clean{given_place()} as soon as the cluster can be written"
            )
        return changed(self.albconfig, claim) if became is Standing.CHANGED else None

    def await_gone(self, port: int, seconds: float) -> None:
        """Wait until ALB has let go of it, and note where it has not."""
        wait = Wait(seconds, self.pause, time.monotonic)
        while True:
            try:
                document = self.cluster.albconfig(self.albconfig)
                identifier = load_balancer_id(document)
                if identifier is None or self.alb().listener_state(identifier, port) is None:
                    return
            except UserError:
                return  # whoever may not ask has been told
            if wait.over:
                self.note(
                    "ALB still shows the temporary listener, which the AlbConfig has not any more: look at"
                    f" the events of AlbConfig {self.albconfig}"
                )
                return
            wait.pause()


def _stands(document: Document, claim: RehearsalClaim) -> bool:
    claims = [leftover.claim for leftover in left_behind(document) if leftover.claim is not None]
    return (
        any(standing_claim.id == claim.id for standing_claim in claims)
        and temporary.standing(document, claim)[0] is Standing.UNCHANGED
    )
