"""Examines how Certificate Management Service really behaves.

It creates a repository and a CA of its own, reads them back, compares and deletes them. The calls
go through the same `Cas` as those of the provider. It touches nothing but what bears the name made
up for the run.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from alb_mutual_tls.alibaba import cas as service
from alb_mutual_tls.alibaba.answers import ApiError, Throttled
from alb_mutual_tls.alibaba.cas import Cas
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.alibaba.recording import Call
from alb_mutual_tls.alibaba.warehouse import Repository, not_after
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.pki.bundle import fingerprints
from alb_mutual_tls.pki.forged import throwaway_authority
from alb_mutual_tls.verdict import Verdict

EXPECTED: Final = (
    "a repository can be made",
    "it is listed with the id that it was made with",
    "a CA can be uploaded",
    "it is listed with its id and its end",
    "its content comes back the same",
    "the CA can be deleted",
    "a deleted CA cannot be read",
    "deleting a deleted CA does no harm",
    "the repository can be deleted",
    "deleting a deleted repository does no harm",
    "nothing is left",
)


@dataclass(frozen=True)
class CaseResult:
    """One of `EXPECTED`, whether it held, and what was found."""

    case: str
    verdict: Verdict
    found: str


@dataclass
class Examination:
    """One run.

    `calls`: those of `api`, recorded; `name`: of the repository and the CA, nobody else's; `left`:
    what could not be deleted, a sentence each.
    """

    api: OpenApi
    calls: Sequence[Call]
    name: str
    now: datetime
    pause: Callable[[float], None] = time.sleep
    findings: list[CaseResult] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    interrupted: bool = False
    known: set[str] = field(default_factory=set)
    """Ids that this run made: what may be shown of lists that other people's things are in as well.
    """

    def __post_init__(self) -> None:
        self._cas = Cas(self.api, self.pause)
        self._gone: set[str] = set()

    def run(self) -> None:
        """Examine the service, and always delete what was created.

        A second Ctrl-C stops the deletion, too; `left` then says what remains.
        """
        try:
            self._examine()
        except KeyboardInterrupt:
            self.interrupted = True
        except UserError as error:
            self._say(judged(error), str(error))
        finally:
            self._clean()
        for case in EXPECTED[len(self.findings) :]:
            self.findings.append(
                CaseResult(case, Verdict.NOT_DECIDED, "interrupted" if self.interrupted else "not reached")
            )

    @property
    def verdict(self) -> Verdict:
        """The verdict on the whole; what is left behind is a fault, too."""
        verdicts = {finding.verdict for finding in self.findings}
        if self.left or Verdict.FELL_SHORT in verdicts:
            return Verdict.FELL_SHORT
        return Verdict.HELD if verdicts == {Verdict.HELD} else Verdict.NOT_DECIDED

    def _examine(self) -> None:
        certificate = throwaway_authority(self.name, self.now)
        repository = self._cas.make_repository(self.name)
        repository_ids = self._answered("CreateWarehouse", "WarehouseInstanceId")
        self.known |= {repository.instance_id, repository.warehouse_id}
        self._say(
            Verdict.HELD, f"{repository.instance_id}, WhId {repository.warehouse_id}, type {repository.type}"
        )
        if repository_ids:
            self._judge(
                repository.instance_id in repository_ids,
                f"made as {', '.join(sorted(repository_ids))}, listed as {repository.instance_id}",
            )
        else:
            self._say(
                Verdict.NOT_DECIDED,
                "the answer to CreateWarehouse got lost, so the id that it was made with is not known",
            )

        identifier = self._cas.upload(repository.warehouse_id, self.name, certificate)
        self.known.add(identifier)
        self._say(Verdict.HELD, f"{identifier}")
        self._listed(repository, identifier, not_after(certificate))
        content = self._cas.content(identifier, repository.warehouse_id) or ""
        same = "the same text" if content == certificate else "another text of the same certificate"
        equal = fingerprints(content) == fingerprints(certificate)
        self._judge(
            equal,
            (
                same
                if equal
                else (
                    f"{len(fingerprints(content))} certificates in {len(content)} characters,"
                    " not the one uploaded"
                )
            ),
        )

        self._cas.delete_certificate(identifier, repository.warehouse_id)
        self._gone.add(identifier)
        self._say(Verdict.HELD, identifier)
        self._refused(
            "DescribeWarehouseCert", {"CertIdentifier": identifier}, when_answered=Verdict.NOT_DECIDED
        )
        self._refused("DeletePCACert", {"Identifier": identifier}, when_answered=Verdict.HELD)
        if self._cas.remaining(repository.warehouse_id):
            self._say(Verdict.NOT_DECIDED, f"{repository.instance_id} goes on listing the deleted CA")
            return
        self._cas.delete_repository(repository.instance_id, self.name)
        self._gone.add(repository.instance_id)
        self._say(Verdict.HELD, repository.instance_id)
        self._refused(
            "DeleteWarehouse", {"WarehouseInstanceId": repository.instance_id}, when_answered=Verdict.HELD
        )
        gone = self._eventually(lambda: not self._ours())
        self._judge(
            gone,
            (
                "the repository is not listed any more"
                if gone
                else "the deleted repository goes on being listed"
            ),
        )

    def _listed(self, repository: Repository, identifier: str, end: int | None) -> None:
        listed = self._eventually(
            lambda: any(
                certificate.identifier == identifier
                for certificate in self._cas.certificates(repository.warehouse_id)
            )
        )
        ends = [
            certificate.not_after
            for certificate in self._cas.certificates(repository.warehouse_id)
            if certificate.identifier == identifier
        ]
        self._judge(
            listed and ends == [end],
            f"listed {len(ends)} times, ends at {ends} ms, and the certificate ends at {end} ms",
        )

    def _refused(self, action: str, query: dict[str, str], *, when_answered: Verdict) -> None:
        """Record how the service refuses a call on something that is gone.

        No code for this is documented, so any plain refusal counts.
        """
        try:
            self.api.write(action, query)
        except UserError as error:
            plain = type(error) is ApiError
            self._say(Verdict.HELD if plain else judged(error, otherwise=Verdict.FELL_SHORT), _code(error))
        else:
            self._say(when_answered, f"{action} answered as if it were there")

    def _clean(self) -> None:
        """Delete what bears our name and is not known to be gone."""
        if not any(call.action == "CreateWarehouse" and _perhaps_done(call) for call in self.calls):
            return
        try:
            remaining = self._leftovers()
        except (UserError, KeyboardInterrupt) as error:
            self._remains(f"perhaps the repository {self.name}", error)
            return
        for repository in remaining:
            try:
                self._empty(repository)
                self._cas.delete_repository(repository.instance_id, self.name)
            except (UserError, KeyboardInterrupt) as error:
                self._remains(
                    f"the repository {self.name} ({repository.instance_id}) and what is in it", error
                )

    def _empty(self, repository: Repository) -> None:
        uploaded = self._answered("UploadPCACert", "Identifier")
        if repository.warehouse_id:
            if not uploaded and any(
                call.action == "UploadPCACert" and _perhaps_done(call) for call in self.calls
            ):
                self._eventually(lambda: bool(self._cas.certificates(repository.warehouse_id)))
            uploaded |= {
                certificate.identifier for certificate in self._cas.certificates(repository.warehouse_id)
            }
        for identifier in sorted(uploaded - self._gone):
            self._cas.delete_certificate(identifier, repository.warehouse_id)
            self._gone.add(identifier)

    def _leftovers(self) -> list[Repository]:
        """Return the repositories of our name that are not known to be gone.

        Lists may lag behind, so it waits for a repository that was created.
        """
        repository_ids = self._answered("CreateWarehouse", "WarehouseInstanceId")
        if not repository_ids or repository_ids - self._gone:
            self._eventually(lambda: bool(self._ours()))
        listed = [repository for repository in self._ours() if repository.instance_id not in self._gone]
        unlisted = repository_ids - self._gone - {repository.instance_id for repository in listed}
        return listed + [Repository(instance_id, "", self.name, "") for instance_id in sorted(unlisted)]

    def _answered(self, action: str, key: str) -> set[str]:
        return {
            str(call.answer[key])
            for call in self.calls
            if call.action == action and call.answer and call.answer.get(key)
        }

    def _ours(self) -> list[Repository]:
        return [
            repository
            for repository in self._cas.repositories({"Name": self.name})
            if repository.name == self.name
        ]

    def _remains(self, what: str, error: BaseException) -> None:
        self.interrupted = self.interrupted or isinstance(error, KeyboardInterrupt)
        why = str(error) if isinstance(error, UserError) else "interrupted"
        self.left.append(
            f"{what} could not be deleted: {why}; delete it in the console of Certificate Management Service"
        )

    def _eventually(self, look: Callable[[], bool]) -> bool:
        waited, wait = 0.0, 0.25
        while not (seen := look()) and waited < service.SETTLING:
            self.pause(wait)
            waited, wait = waited + wait, min(wait * 2, 2.0)
        return seen

    def _judge(self, held: bool, seen: str) -> None:
        self._say(Verdict.HELD if held else Verdict.FELL_SHORT, seen)

    def _say(self, verdict: Verdict, seen: str) -> None:
        self.findings.append(CaseResult(EXPECTED[len(self.findings)], verdict, seen))


def new_name() -> str:
    """A name that nobody has."""
    return f"alb-mutual-tls-doctor-{secrets.token_hex(6)}"


def judged(error: UserError, *, otherwise: Verdict = Verdict.NOT_DECIDED) -> Verdict:
    """Return the verdict that an error implies.

    Not decided where the service was not reached. `otherwise` (by default not decided) where it did
    not let us in. Else it fell short: the service does not do as expected.
    """
    if isinstance(error, Unreachable):
        return Verdict.NOT_DECIDED
    return otherwise if isinstance(error, ApiError) and type(error) is not ApiError else Verdict.FELL_SHORT


def _perhaps_done(call: Call) -> bool:
    if call.answer is not None or call.error is None:
        return True
    return isinstance(call.error, Unreachable) and not isinstance(call.error, Throttled)


def _code(error: UserError) -> str:
    return f"{error.code} (HTTP {error.status})" if isinstance(error, ApiError) else str(error)
