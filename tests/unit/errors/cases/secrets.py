"""Secrets that client certificates are delivered into."""

from __future__ import annotations

from alb_mutual_tls.provider.cluster_identity import ClusterIdentity
from tests.unit.errors.case import Case
from tests.unit.errors.cases.stack import own
from tests.unit.pki.material import request
from tests.unit.provider.test_secret_place import INPUTS, Secrets, call, configuration, place


def delivered(**secret: object) -> Case:
    """The configuration of a client with a Secret."""
    return own(clients={"web": {"secret": {"namespace": "shop", "name": "web-tls", **secret}}})


CASES: dict[str, Case] = {
    "a namespace": delivered(namespace="Shop"),
    "a name": delivered(name="web_tls"),
    "a Secret beside a request": own(
        clients={"web": {"csr": request(), "secret": {"namespace": "shop", "name": "web-tls"}}}
    ),
    "one Secret of two clients": own(
        clients={name: {"secret": {"namespace": "shop", "name": "web-tls"}} for name in ("web", "app")}
    ),
    "no name": own(clients={"web": {"secret": {"namespace": "shop"}}}),
    "somebody else's Secret": lambda _: place({"uid": "1"})[0].create(call(), INPUTS),
    "an imported place": lambda _: place()[0].read(call(), "shop/web-tls", {}, {}),
    "an input of SecretPlace": lambda _: place()[0].check(call(), {}, {**INPUTS, "color": "red"})[1],
    "an input of ClusterIdentity": (
        lambda _: ClusterIdentity(configuration(Secrets({}))).check(call(), {}, {"seed": 1})[1]
    ),
}
