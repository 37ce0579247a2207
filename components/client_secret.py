"""Client certificates where they are used: Secrets of the stack's cluster.

Imported only where a client has a Secret: `pulumi_kubernetes` takes 0.4 s, and its plugin is not
started for anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as kubernetes

from alb_mutual_tls import tokens
from alb_mutual_tls.pki import tls_secret

from .albmtls import ClusterIdentity, SecretPlace
from .clients import IssuedClient
from .models import ClientSecretArgs

if TYPE_CHECKING:
    from .arguments import AlbMutualTlsArgs


def kubernetes_provider(name: str, properties: Mapping[str, Any]) -> kubernetes.Provider:
    """A provider for Secrets whose content changes in place.

    It works in the cluster that `AlbMtls` with the same properties works in. Of these it takes
    `kubeconfig` (a path; else KUBECONFIG or ~/.kube/config of whoever runs Pulumi, neither of which
    is kept in state) and `context` (else the current one).
    """
    return kubernetes.Provider(
        name,
        # An output of None, as for a None the SDK would put the value of KUBECONFIG into the state.
        kubeconfig=pulumi.Output.from_input(properties.get("kubeconfig")),
        context=properties.get("context"),
        # Kubeconfigs move and are fetched anew; whether they lead to another cluster is for
        # ClusterIdentity to say, and never replaces a Secret.
        cluster_identifier="the cluster of this stack",
        # Else a renewal deletes the Secret and makes a new one.
        enable_secret_mutable=True,
        # A Secret that a refresh in another cluster has lost from the state is found again;
        # SecretPlace has seen to it that it is nobody else's.
        upsert_existing_objects=True,
        # Not to be decided by an environment variable: an outage loses no Secret.
        delete_unreachable=False,
    )


def deliver(
    name: str,
    args: AlbMutualTlsArgs,
    clients: Mapping[str, IssuedClient],
    root_pems: Sequence[pulumi.Input[str]],
    identity: pulumi.Output[str],
    parent: pulumi.Resource,
    *,
    after: list[pulumi.Resource],
) -> list[pulumi.Resource]:
    """Put certificates and private keys of clients into their Secrets.

    `SecretPlace` deletes these. They are named by namespace and name, never by the user's key:
    another client in the same Secret is a change of its content. `root_pems`: the roots that vouch
    for clients, the trusted one first. Raises `pulumi.RunError` without a provider of Kubernetes.
    """
    if parent.get_provider(tokens.KUBERNETES_SECRET) is None:
        raise pulumi.RunError(
            f"clients.{next(iter(args.secrets))}.secret needs a provider of Kubernetes: give the component"
            " one beside albmtls, made by kubernetes_provider() for the same cluster"
        )

    def opts(*depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=parent, depends_on=list(depends_on))

    cluster = ClusterIdentity(f"{name}-cluster", opts(*after))
    places = {
        client: SecretPlace(
            f"{name}-place-{secret.namespace}/{secret.name}",
            namespace=secret.namespace,
            secret_name=secret.name,
            cluster=cluster.uid,
            owner=identity,
            opts=opts(cluster),
        )
        for client, secret in args.secrets.items()
    }
    return [
        _secret(
            f"{name}-secret-{secret.namespace}/{secret.name}",
            client,
            secret,
            clients[client],
            root_pems,
            identity,
            opts(places[client]),
        )
        for client, secret in args.secrets.items()
    ]


def _secret(
    resource_name: str,
    client: str,
    secret: ClientSecretArgs,
    issued: IssuedClient,
    root_pems: Sequence[pulumi.Input[str]],
    identity: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> kubernetes.core.v1.Secret:
    assert issued.private_key_pem is not None
    content = pulumi.Output.all(issued.chain_pem, issued.private_key_pem, *root_pems)
    return kubernetes.core.v1.Secret(
        resource_name,
        metadata=kubernetes.meta.v1.ObjectMetaArgs(
            namespace=secret.namespace,
            name=secret.name,
            labels={
                "app.kubernetes.io/managed-by": "alb-mutual-tls",
                "albmtls/identity": identity,
                "albmtls/client": client,
            },
            # The Secret is this stack's, since it made it: what others have written into it is put
            # back, not argued about.
            annotations={"pulumi.com/patchForce": "true"},
        ),
        type=tls_secret.TYPE,
        data=content.apply(lambda pems: tls_secret.data(pems[0], pems[1], pems[2:])),
        # In another cluster the provider of Kubernetes would delete somebody else's Secret of that
        # name.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True)),
    )
