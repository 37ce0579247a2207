"""`ClusterIdentity`: the cluster that a stack's Secrets are in.

They wait for it, so that no private key gets into another cluster.
"""

from __future__ import annotations

from alb_mutual_tls import tokens
from alb_mutual_tls.plugin.handler import Difference, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.wire import CheckFailure, Properties

WHAT = "what the stack has delivered into Secrets"


class ClusterIdentity:
    """The handler. It refuses every other cluster, also where nothing has changed.

    A cluster is known by the UID of its namespace kube-system.
    """

    token = tokens.CLUSTER_IDENTITY
    secret_outputs: frozenset[str] = frozenset()

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        return {}, unexpected("ClusterIdentity", inputs, ())

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        self._configuration.require_cluster(id, WHAT)
        return Difference(stables=("uid",))

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        uid = self._configuration.cluster().uid()
        return uid, {"uid": uid}

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        self._configuration.require_cluster(id, WHAT)
        return Reading(id, {"uid": id}, {})

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        return {"uid": id}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """There is nothing outside the state."""
