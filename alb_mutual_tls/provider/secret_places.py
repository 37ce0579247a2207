"""`SecretPlaces`: the Secrets that a stack delivers client certificates into, as far as Kubernetes' own provider does not look after them."""

from __future__ import annotations

from alb_mutual_tls.alibaba.albconfig import Cluster
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.host import UNKNOWN, CheckFailure, Difference, Kind, Properties, Reading, Request

OWNER_LABEL = "albmtls/identity"
_INPUTS = ("owner", "secrets")
_WHAT = "what the stack has delivered into Secrets"


class SecretPlaces:
    """Stands before the Secrets, which depend on it, and cares for what the provider of Kubernetes does not.

    That one knows a Secret by its name in whatever cluster the kubeconfig leads to. So this one remembers the cluster (UID of its namespace
    kube-system) and refuses every other, refuses a Secret that does not carry the stack's label, and removes, when a place is given up, a Secret of
    the stack that is still there: a refresh in another cluster makes the other provider forget it. `secrets`: `namespace/name` of each; `owner`: the
    stack's identity. The cluster is asked in every operation, also where nothing has changed.
    """

    token = "albmtls:index:SecretPlaces"  # noqa: S105
    secret_outputs: frozenset[str] = frozenset()

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def check(self, request: Request, old_inputs: Properties, inputs: Properties) -> tuple[Properties, list[CheckFailure]]:
        return inputs, [
            CheckFailure(key, f"SecretPlaces has no property {key}: remove it, its properties are {', '.join(_INPUTS)}")
            for key in sorted(inputs.keys() - set(_INPUTS))
        ]

    def diff(self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties) -> Difference:
        self._refuse_strangers(self._cluster(state), inputs)
        return Difference({key: Kind.UPDATE for key in _INPUTS if state.get(key) != inputs.get(key)}, stables=("cluster",))

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        cluster = self._configuration.cluster()
        self._refuse_strangers(cluster, inputs)
        return cluster.uid(), {**inputs, "cluster": cluster.uid()}

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        self._cluster({"cluster": id})
        return Reading(id, state, inputs)

    def update(self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties) -> Properties:
        cluster = self._cluster(state)
        if not request.preview:
            self._remove(request, cluster, [place for place in state["secrets"] if place not in inputs["secrets"]], state["owner"])
        return {**state, **inputs}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        self._remove(request, self._cluster(state), state["secrets"], state["owner"])

    def _cluster(self, state: Properties) -> Cluster:
        return self._configuration.require_cluster(state["cluster"], _WHAT)

    @staticmethod
    def _refuse_strangers(cluster: Cluster, inputs: Properties) -> None:
        """Raises `UserError` for a Secret that is there and not the stack's; an owner that is not known yet has none."""
        for place in inputs["secrets"]:
            found = cluster.secret_metadata(*place.split("/"))
            label = (found or {}).get("labels", {}).get(OWNER_LABEL)
            if found is not None and (inputs["owner"] is UNKNOWN or label != inputs["owner"]):
                whose = f"belongs to the stack with the identity {label}" if label else "was not made by this program"
                raise UserError(
                    f"Secret {place} is there already and {whose}: give clients.NAME.secret another name, or delete it if nobody needs it"
                )

    @staticmethod
    def _remove(request: Request, cluster: Cluster, places: list[str], owner: str) -> None:
        for place in places:
            namespace, name = place.split("/")
            found = cluster.secret_metadata(namespace, name)
            if found is not None and found.get("labels", {}).get(OWNER_LABEL) == owner:
                cluster.delete_secret(namespace, name, found["uid"])
                request.info(f"Secret {place} is deleted")
