"""`SecretPlace`: a Secret that a client certificate is delivered into.

It does what Kubernetes' own provider does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from alb_mutual_tls import tokens
from alb_mutual_tls.cluster.api import Forbidden
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.cluster_identity import WHAT
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster

OWNER_LABEL = "albmtls/identity"
_INPUTS = {
    "namespace": Kind.UPDATE_REPLACE,
    "name": Kind.UPDATE_REPLACE,
    "cluster": Kind.UPDATE,
    "owner": Kind.UPDATE,
}


class SecretInputs(TypedDict):
    """Which Secret; `cluster`: UID of the right one; `owner`: the stack's identity."""

    namespace: str
    name: str
    cluster: str | Unknown
    owner: str | Unknown


class SecretState(TypedDict):
    """The same once it is known."""

    namespace: str
    name: str
    cluster: str
    owner: str


class SecretPlace:
    """The handler. It stands before a Secret, which depends on it.

    The provider of Kubernetes knows a Secret by its name alone, in whatever cluster the kubeconfig
    leads to. So this one refuses a Secret that does not carry the stack's label before anything is
    written into it, and it is the one that deletes the Secret at the end, after cluster and label
    were compared; the other provider retains it.
    """

    token = tokens.SECRET_PLACE
    secret_outputs: frozenset[str] = frozenset()

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        return inputs, unexpected("SecretPlace", inputs, _INPUTS)

    def diff(
        self, request: Request, id: str, state: SecretState, old_inputs: SecretInputs, inputs: SecretInputs
    ) -> Difference:
        try:
            self._refuse_stranger(self._cluster(inputs["cluster"]), inputs)
        except Forbidden as error:
            # Nobody's Secret is written here, and a preview that ended here would keep a listener
            # on.
            request.warn(
                f"whether Secret {id} is still this stack's was not looked at, what is known of it is kept:"
                f" {error}"
            )
        return Difference({key: kind for key, kind in _INPUTS.items() if state.get(key) != inputs.get(key)})

    def create(self, request: Request, inputs: SecretInputs) -> tuple[str, Mapping[str, Any]]:
        self._refuse_stranger(self._cluster(inputs["cluster"]), inputs)
        return f"{inputs['namespace']}/{inputs['name']}", inputs

    def read(self, request: Request, id: str, inputs: SecretInputs, state: SecretState) -> Reading | None:
        """What is to be read of the Secret, the other provider reads."""
        if not state.get("cluster"):
            raise UserError(
                f"the place of Secret {id} cannot be imported: declare clients.NAME.secret, and pulumi up"
                " looks at the Secret"
            )
        return Reading(id, state, inputs)

    def update(
        self, request: Request, id: str, state: SecretState, old_inputs: SecretInputs, inputs: SecretInputs
    ) -> Mapping[str, Any]:
        return inputs

    def delete(self, request: Request, id: str, inputs: SecretInputs, state: SecretState) -> None:
        cluster = self._cluster(state["cluster"])
        metadata = cluster.secret_metadata(state["namespace"], state["name"])
        if metadata is None:
            return
        if _owner(metadata) != state["owner"]:
            request.warn(
                f"Secret {id} is left where it is: it does not carry this stack's label"
                f" {OWNER_LABEL}={state['owner']} any more"
            )
            return
        cluster.delete_secret(state["namespace"], state["name"], metadata["uid"])

    def _cluster(self, uid: str | Unknown) -> Cluster:
        return self._configuration.require_cluster("" if uid is UNKNOWN else uid, WHAT)

    @staticmethod
    def _refuse_stranger(cluster: Cluster, inputs: SecretInputs) -> None:
        """Raise `UserError` for a Secret that is there and not the stack's.

        An owner that is not known yet has none.
        """
        metadata = cluster.secret_metadata(inputs["namespace"], inputs["name"])
        if metadata is None or (inputs["owner"] is not UNKNOWN and _owner(metadata) == inputs["owner"]):
            return
        whose = (
            f"belongs to the stack with the identity {_owner(metadata)}"
            if _owner(metadata)
            else "was not made by this program"
        )
        raise UserError(
            f"Secret {inputs['namespace']}/{inputs['name']} is there already and {whose}: give"
            " clients.NAME.secret another name, or delete it if nobody needs it"
        )


def _owner(metadata: Mapping[str, Any]) -> str | None:
    label = (metadata.get("labels") or {}).get(OWNER_LABEL)
    return None if label is None else str(label)
