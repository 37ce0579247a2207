"""Alibaba Cloud and the cluster, as a stack's provider reaches them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from alb_mutual_tls.access import keys
from alb_mutual_tls.access.check import ACCOUNT
from alb_mutual_tls.errors import Unreachable, UserError, WrongPlace

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.alb import Alb
    from alb_mutual_tls.alibaba.answers import Product
    from alb_mutual_tls.alibaba.credentials import CredentialSettings
    from alb_mutual_tls.alibaba.endpoints import Endpoints
    from alb_mutual_tls.alibaba.openapi import OpenApi
    from alb_mutual_tls.alibaba.recording import Call
    from alb_mutual_tls.alibaba.session import SdkCredential
    from alb_mutual_tls.cluster.cluster import Cluster

T = TypeVar("T")


class NoRegion(UserError):
    """A regional API cannot be asked, because no region is configured."""


def region(values: Mapping[str, Any]) -> str | None:
    """The region that is configured, else that of the environment."""
    variables = ("ALICLOUD_REGION", "ALIBABA_CLOUD_REGION")
    return values.get("region") or next(filter(None, map(os.environ.get, variables)), None)


@dataclass(frozen=True)
class Cloud:
    """The clients of CAS, ALB, CS and STS and of the cluster, with one configuration.

    Each is made once, when it is first asked for, from any thread. `values`: the provider's inputs,
    see `keys.values`; `deadline`: seconds within which a call is repeated; `calls`: where every
    call is recorded, if anywhere.
    """

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    deadline: float = 45.0
    calls: list[Call] | None = field(default=None, repr=False)
    _made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @classmethod
    def of(
        cls, inputs: Mapping[str, Any], *, deadline: float = 45.0, calls: list[Call] | None = None
    ) -> Self:
        """From the inputs of the provider, as they stand in the state, or from options."""
        return cls(keys.values(inputs), deadline, calls)

    # --- the cluster

    def has_cluster(self) -> bool:
        """Whether a kubeconfig is configured or lies where kubectl looks for it.

        A program without listeners needs no cluster.
        """
        return (
            bool(self.values.get("kubeconfig") or os.environ.get("KUBECONFIG"))
            or (Path.home() / ".kube" / "config").is_file()
        )

    @property
    def ack_cluster_id(self) -> str | None:
        """The ACK cluster that is meant, where the configuration says it."""
        return self.values.get("ackClusterId")

    def cluster(self) -> Cluster:
        """Return the Kubernetes cluster.

        Raises `WrongPlace` when it is not the ACK cluster that `ackClusterId` names.

        A cluster that did not answer is not asked again for half a minute, as with the account.
        """

        def make() -> Cluster:
            from alb_mutual_tls.cluster.cluster import Cluster

            cluster = Cluster(kubeconfig=self.values.get("kubeconfig"), context=self.values.get("context"))
            expected = self.ack_cluster_id
            if expected is not None:
                ack_id = cluster.ack_cluster_id()
                if ack_id is None:
                    raise WrongPlace(
                        f"the key ackClusterId wants the ACK cluster {expected}, and the cluster of the"
                        " kubeconfig does not tell its ACK id: check kubernetes:kubeconfig and"
                        " kubernetes:context, or unset ackClusterId"
                    )
                if ack_id != expected:
                    raise WrongPlace(
                        f"the kubeconfig leads to the ACK cluster {ack_id}, and the key ackClusterId wants"
                        f" {expected}: set kubernetes:kubeconfig and kubernetes:context to the right one"
                    )
            return cluster

        return self._while_reachable("cluster", make)

    def require_cluster(self, recorded: str, what: str) -> Cluster:
        """The cluster, when it is the one `recorded`; raises `WrongPlace` otherwise.

        `recorded`: the UID of its namespace kube-system.
        """
        cluster = self.cluster()
        uid = cluster.uid()
        if recorded and uid != recorded:
            raise WrongPlace(
                f"{what} belongs to the cluster with the UID {recorded}, and the kubeconfig leads to the"
                f" cluster with the UID {uid}: set kubernetes:kubeconfig and kubernetes:context to the"
                " right one; nothing was changed"
            )
        return cluster

    # --- the account

    @property
    def account(self) -> str | None:
        """The account that is meant, where the configuration says it."""
        return self.values.get("accountId")

    def account_id(self) -> str:
        """The id of the account that the credentials belong to, asked once.

        Raises `WrongPlace` when it is not the one of `accountId`, else of the stack's state. While
        STS cannot be reached the same error is raised for half a minute without asking again: with
        the kill switch on its way, every resource would wait for it one after the other.
        """

        def ask() -> str:
            from alb_mutual_tls.alibaba.answers import STS
            from alb_mutual_tls.alibaba.sts import account_id

            account = account_id(self._api(STS, self.endpoints.sts))
            if self.account is not None and account != self.account:
                raise WrongPlace(
                    f"the credentials ({self.describe_credential()}) belong to the account {account}, and"
                    f" the key accountId wants {self.account}: use credentials of that account, or correct"
                    " accountId"
                )
            if self.account is None:
                self._compare(account, self.values.get(ACCOUNT, ""), "this stack")
            return account

        return self._while_reachable("account", ask)

    def require_account(self, recorded: str, what: str) -> str:
        """The account, when it is the one `recorded`; raises `WrongPlace` otherwise.

        `recorded`: the account in the state of `what`.
        """
        account = self.account_id()
        self._compare(account, recorded, what)
        return account

    def _compare(self, account: str, recorded: str, what: str) -> None:
        if recorded and account != recorded:
            raise WrongPlace(
                f"{what} is in the Alibaba Cloud account {recorded}, and the credentials"
                f" ({self.describe_credential()}) belong to the account {account}: use credentials of"
                f" {recorded}; nothing was changed"
            )

    # --- the APIs

    @property
    def endpoints(self) -> Endpoints:
        """The hosts of the APIs, and the protocol."""

        def make() -> Endpoints:
            from alb_mutual_tls.alibaba.credential_choice import profile_region
            from alb_mutual_tls.alibaba.endpoints import endpoints

            account_type = self.values.get("accountType") or os.environ.get("ALIBABA_CLOUD_ACCOUNT_TYPE")
            return endpoints(
                account_type=(account_type or "domestic").lower(),
                region=region(self.values) or profile_region(self._settings(), os.environ, Path.home()),
                overrides=self.values.get("endpoints") or {},
                protocol=(self.values.get("protocol") or "HTTPS").upper(),
            )

        return self._once("endpoints", make)

    def cas_api(self) -> OpenApi:
        """The API of Certificate Management Service."""
        from alb_mutual_tls.alibaba.answers import CAS

        return self._once("cas", lambda: self._api(CAS, self.endpoints.cas))

    def alb(self) -> Alb:
        """The ALB API of the region; raises `NoRegion` when there is none."""
        from alb_mutual_tls.alibaba.alb import Alb
        from alb_mutual_tls.alibaba.answers import ALB

        return self._once("alb", lambda: Alb(self._regional_api(ALB, self.endpoints.alb)))

    def cs(self) -> OpenApi:
        """Container Service in the region; raises `NoRegion` when there is none."""
        from alb_mutual_tls.alibaba.answers import CS

        return self._once("cs", lambda: self._regional_api(CS, self.endpoints.cs))

    def describe_credential(self) -> str:
        """The masked key id and where it came from."""
        return self._credential().describe()

    def _regional_api(self, product: Product, host: str | None) -> OpenApi:
        if host is None:
            raise NoRegion(
                f"alicloud:region is not set, so {product.name} cannot be asked: set it to the region of the"
                " ACK cluster"
            )
        return self._api(product, host)

    def _api(self, product: Product, host: str) -> OpenApi:
        from alb_mutual_tls.alibaba.openapi import OpenApi
        from alb_mutual_tls.alibaba.recording import RecordedApi

        protocol, credential = self.endpoints.protocol, self._credential()
        if self.calls is None:
            return OpenApi(product, host, protocol, credential, deadline=self.deadline)
        return RecordedApi(product, host, protocol, credential, self.calls, deadline=self.deadline)

    def _credential(self) -> SdkCredential:
        def make() -> SdkCredential:
            from alb_mutual_tls.alibaba.credential_choice import choose
            from alb_mutual_tls.alibaba.session import SdkCredential

            return SdkCredential(choose(self._settings(), os.environ, Path.home()), self._sts)

        return self._once("credential", make)

    def _sts(self, credential: SdkCredential | None) -> OpenApi:
        """STS for the credentials themselves; never recorded, for its answers are secret."""
        from alb_mutual_tls.alibaba.answers import STS
        from alb_mutual_tls.alibaba.openapi import OpenApi

        return OpenApi(STS, self.endpoints.sts, self.endpoints.protocol, credential)

    def _settings(self) -> CredentialSettings:
        from alb_mutual_tls.alibaba.credentials import CredentialSettings

        return CredentialSettings.of(self.values)

    # --- once

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            client: T = self._made[name]
            return client

    def _while_reachable(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            failed = self._made.get(f"{name} failed")
            if failed is not None and time.monotonic() - failed[1] < 30:
                raise Unreachable(str(failed[0]))
            try:
                return self._once(name, make)
            except Unreachable as error:
                self._made[f"{name} failed"] = (error, time.monotonic())
                raise
