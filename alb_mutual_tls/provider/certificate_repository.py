"""`CertificateRepository`: a repository of CAS for uploaded CA certificates.

It is of the documentation's step 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NotRequired, TypedDict

from alb_mutual_tls import tokens
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.provider.outage import PENDING, raise_unless_tolerable
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown, has_unknown, known


class RepositoryInputs(TypedDict):
    """The inputs once they are checked.

    `configured`: whether the user has given the name; `demanded`: whether a listener needs what is
    in it now.
    """

    name: str | Unknown
    configured: bool | Unknown
    demanded: bool | Unknown


class RepositoryIds(TypedDict):
    """What CAS knows the repository by; empty while it is pending."""

    instanceId: str | Unknown
    warehouseId: str | Unknown
    type: str | Unknown
    account: str
    owned: bool | Unknown


class RepositoryState(TypedDict):
    """The state; what earlier versions did not write may be missing."""

    name: str
    configured: NotRequired[bool]
    instanceId: str
    warehouseId: str
    type: str
    account: NotRequired[str]
    owned: NotRequired[bool]


_INPUTS: Final = tuple(RepositoryInputs.__annotations__)


class CertificateRepository:
    """The handler. It finds a repository by its name, or makes it.

    `owned` says whether it may be deleted: one that this stack made, or that was found under the
    default name, whose random id is the stack's own. One found under a name that the user
    configured is somebody's, and never deleted. While no listener needs what is in it, failing to
    find or make it is a warning, and the id is `PENDING`.
    """

    token = tokens.CERTIFICATE_REPOSITORY
    secret_outputs: frozenset[str] = frozenset()

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        failures = unexpected("CertificateRepository", inputs, _INPUTS)
        name, configured = inputs.get("name"), inputs.get("configured", False)
        if name is not UNKNOWN and (not isinstance(name, str) or not name.strip()):
            failures.append(CheckFailure("name", f"the name of a repository is {name!r}: give a text"))
        if configured is not UNKNOWN and not isinstance(configured, bool):
            failures.append(CheckFailure("configured", f"configured is {configured!r}: give true or false"))
        return {"name": name, "configured": configured, "demanded": inputs.get("demanded", True)}, failures

    def diff(
        self,
        request: Request,
        id: str,
        state: RepositoryState,
        old_inputs: RepositoryInputs,
        inputs: RepositoryInputs,
    ) -> Difference:
        if has_unknown(inputs["name"]) or inputs["name"] != state.get("name"):
            return Difference({"name": Kind.UPDATE_REPLACE})
        if inputs["configured"] != state.get("configured"):
            # The same repository by another reason: replacing it would delete what the replacement
            # has just found.
            return Difference(
                {"configured": Kind.UPDATE}, stables=("instanceId", "warehouseId", "type", "account", "name")
            )
        return Difference()

    def create(self, request: Request, inputs: RepositoryInputs) -> tuple[str, Mapping[str, Any]]:
        try:
            id, ids = self._find_or_make(request, inputs)
        except UserError as error:
            raise_unless_tolerable(error)
            if inputs.get("demanded") is not False:
                raise
            request.warn(
                f"the repository {inputs['name']} is neither found nor made, and the next pulumi up does it:"
                f" {error}"
            )
            id = "" if request.preview else PENDING
            ids = {"instanceId": "", "warehouseId": "", "type": "", "account": "", "owned": False}
        return id, {**inputs, **ids}

    def _find_or_make(self, request: Request, inputs: RepositoryInputs) -> tuple[str, RepositoryIds]:
        account = self._configuration.account_id()
        unplanned: RepositoryIds = {
            "instanceId": UNKNOWN,
            "warehouseId": UNKNOWN,
            "type": UNKNOWN,
            "owned": UNKNOWN,
            "account": account,
        }
        if request.preview and has_unknown(inputs):
            return "", unplanned
        cas, name, configured = self._configuration.cas(request), known(inputs["name"]), inputs["configured"]
        existing = cas.find_repository(name, configured=configured is True)
        if existing is None and request.preview:
            return "", {**unplanned, "owned": True}
        repository = existing or cas.make_repository(name)
        return repository.instance_id, {
            "instanceId": repository.instance_id,
            "warehouseId": repository.warehouse_id,
            "type": repository.type,
            "account": account,
            "owned": existing is None or configured is not True,
        }

    def read(
        self, request: Request, id: str, inputs: RepositoryInputs, state: RepositoryState
    ) -> Reading | None:
        if id == PENDING:
            return None
        if not state.get("name"):
            raise UserError(
                f"the repository {id} cannot be imported: set the key repository to its name, and it is found"
                " and used when pulumi up runs"
            )
        what = f"the repository {state['name']} ({id})"
        try:
            self._configuration.require_account(state.get("account", ""), what)
            repository = self._configuration.cas(request).repository(id, state["name"])
        except UserError as error:
            raise_unless_tolerable(error)
            request.warn(f"{what} was not looked at, what is known of it is kept: {error}")
            return Reading(id, state, inputs)
        if repository is None:
            return None
        # A name changed in the console does not replace it: everything else refers to the ids.
        live: RepositoryState = {
            **state,
            "instanceId": repository.instance_id,
            "warehouseId": repository.warehouse_id,
            "type": repository.type,
        }
        return Reading(id, live, inputs)

    def update(
        self,
        request: Request,
        id: str,
        state: RepositoryState,
        old_inputs: RepositoryInputs,
        inputs: RepositoryInputs,
    ) -> Mapping[str, Any]:
        return {**state, **inputs}

    def delete(self, request: Request, id: str, inputs: RepositoryInputs, state: RepositoryState) -> None:
        if id == PENDING:
            return
        name = state["name"]
        self._configuration.require_account(state.get("account", ""), f"the repository {name} ({id})")
        if not state.get("owned"):
            request.info(f"the repository {name} was there before this stack used it, so it is left")
            return
        cas = self._configuration.cas(request)
        left = cas.remaining(state["warehouseId"])
        if left:
            # Never an error: what is in it belongs to somebody else, who would block this stack's
            # destruction for ever.
            request.warn(
                f"the repository {name} ({id}) is left, because it holds {len(left)} certificate(s) that this"
                " stack did not put there or no longer knows:"
                f" {', '.join(item.describe() for item in left[:10])}{', ...' if len(left) > 10 else ''}; if"
                " nobody uses them, delete them and the repository in the Certificate Management Service"
                " console"
            )
            return
        cas.delete_repository(id, name)
