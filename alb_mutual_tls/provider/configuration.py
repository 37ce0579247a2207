"""The configuration of the provider `albmtls`, turned into clients of the cluster and of Alibaba
Cloud when they are first needed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from alb_mutual_tls.access.check import plain
from alb_mutual_tls.errors import Unreachable, UserError, WrongPlace
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import Properties

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.alb import Alb
    from alb_mutual_tls.alibaba.answers import Product
    from alb_mutual_tls.alibaba.cas import Cas
    from alb_mutual_tls.alibaba.credentials import Choice, CredentialSettings
    from alb_mutual_tls.alibaba.endpoints import Endpoints
    from alb_mutual_tls.alibaba.openapi import OpenApi
    from alb_mutual_tls.alibaba.session import SdkCredential
    from alb_mutual_tls.cluster.cluster import Cluster

T = TypeVar("T")


class NoRegion(UserError):
    """ALB cannot be asked, because no region is configured."""


@dataclass(frozen=True)
class Configuration:
    """What the provider was configured with; the methods make each client once, when it is first
    asked for, from any thread.
    """

    kubeconfig: str | None = None
    context: str | None = None
    region: str | None = None
    account_type: str = "domestic"
    endpoints: Mapping[str, str] = field(default_factory=dict)
    protocol: str = "HTTPS"
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    profile: str | None = None
    assume_role: Mapping[str, Any] | None = None
    assume_role_with_oidc: Mapping[str, Any] | None = None
    ecs_role_name: str | None = None
    credentials_uri: str | None = None
    account: str | None = None
    ack_cluster_id: str | None = None
    _made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @staticmethod
    def of(properties: Properties) -> Configuration:
        """Read the properties of the provider resource; they have been through `check`."""
        values = {
            key: plain(key, value) for key, value in properties.items() if value is not None and value != ""
        }
        account_type = values.get("accountType") or os.environ.get("ALIBABA_CLOUD_ACCOUNT_TYPE") or "domestic"
        return Configuration(
            kubeconfig=values.get("kubeconfig"),
            context=values.get("context"),
            region=values.get("region"),
            account_type=account_type.lower(),
            endpoints=values.get("endpoints") or {},
            protocol=(values.get("protocol") or "HTTPS").upper(),
            access_key=values.get("accessKey"),
            secret_key=values.get("secretKey"),
            profile=values.get("profile"),
            assume_role=values.get("assumeRole"),
            assume_role_with_oidc=values.get("assumeRoleWithOidc"),
            ecs_role_name=values.get("ecsRoleName"),
            credentials_uri=values.get("credentialsUri"),
            account=values.get("accountId"),
            ack_cluster_id=values.get("ackClusterId"),
        )

    # --- the cluster

    def has_cluster(self) -> bool:
        """Whether a kubeconfig is configured or lies where kubectl looks for it (a program without
        listeners needs no cluster).
        """
        return (
            bool(self.kubeconfig or os.environ.get("KUBECONFIG"))
            or (Path.home() / ".kube" / "config").is_file()
        )

    def cluster(self) -> Cluster:
        """The Kubernetes cluster; raises `WrongPlace` when it is not the ACK cluster that
        `ackClusterId` names.

        A cluster that did not answer is not asked again for half a minute, as with the account.
        """

        def make() -> Cluster:
            from alb_mutual_tls.cluster.cluster import Cluster

            cluster = Cluster(kubeconfig=self.kubeconfig, context=self.context)
            if self.ack_cluster_id is not None:
                found = cluster.ack_cluster_id()
                if found is None:
                    raise WrongPlace(
                        f"the key ackClusterId wants the ACK cluster {self.ack_cluster_id}, and the cluster"
                        " of the kubeconfig does not tell its ACK id: check kubernetes:kubeconfig and"
                        " kubernetes:context, or unset ackClusterId"
                    )
                if found != self.ack_cluster_id:
                    raise WrongPlace(
                        f"the kubeconfig leads to the ACK cluster {found}, and the key ackClusterId wants"
                        f" {self.ack_cluster_id}: set kubernetes:kubeconfig and kubernetes:context to the"
                        " right one"
                    )
            return cluster

        return self._while_reachable("cluster", make)

    # --- Alibaba Cloud

    def cas(self, request: Request) -> Cas:
        """Certificate Management Service, for the time of a request: what it waits for ends with
        the request's cancellation.
        """
        from alb_mutual_tls.alibaba.answers import CAS
        from alb_mutual_tls.alibaba.cas import Cas
        from alb_mutual_tls.alibaba.endpoints import half_of_cas

        if self.first("half of CAS"):
            request.info(half_of_cas(self._places().cas))
        api = self._once("cas", lambda: self._api(CAS, self._places().cas))
        return Cas(api.until(request.cancelled.is_set), request.wait)

    def cas_host(self) -> str:
        """Where Certificate Management Service is asked."""
        return self._places().cas

    def alb(self) -> Alb:
        """The ALB API of the region; raises `NoRegion` when there is none."""

        def make() -> Alb:
            from alb_mutual_tls.alibaba.alb import Alb
            from alb_mutual_tls.alibaba.answers import ALB

            host = self._places().alb
            if host is None:
                raise NoRegion(
                    "alicloud:region is not set, so ALB cannot be asked: set it to the region of the ACK"
                    " cluster"
                )
            return Alb(self._api(ALB, host))

        return self._once("alb", make)

    def account_id(self) -> str:
        """The id of the account that the credentials belong to, asked once; raises `WrongPlace`
        when it is not the configured one.

        While STS cannot be reached the same error is raised for half a minute without asking again:
        with the kill switch on its way, every resource would wait for it one after the other.
        """

        def ask() -> str:
            from alb_mutual_tls.alibaba.answers import STS
            from alb_mutual_tls.alibaba.sts import account_id

            found = account_id(self._api(STS, self._places().sts))
            if self.account is not None and found != self.account:
                raise WrongPlace(
                    f"the credentials ({self._credential().describe()}) belong to the account {found}, and"
                    f" the key accountId wants {self.account}: use credentials of that account, or correct"
                    " accountId"
                )
            return found

        return self._while_reachable("account", ask)

    def require_account(self, recorded: str, what: str) -> str:
        """The account, when it is the one `recorded` in the state of `what`; raises `WrongPlace`
        otherwise.
        """
        found = self.account_id()
        if recorded and found != recorded:
            raise WrongPlace(
                f"{what} is in the Alibaba Cloud account {recorded}, and the credentials"
                f" ({self._credential().describe()}) belong to the account {found}: use credentials of"
                f" {recorded}; nothing was changed"
            )
        return found

    def require_cluster(self, recorded: str, what: str) -> Cluster:
        """The cluster, when it is the one `recorded` (UID of its namespace kube-system); raises
        `WrongPlace` otherwise.
        """
        cluster = self.cluster()
        found = cluster.uid()
        if recorded and found != recorded:
            raise WrongPlace(
                f"{what} belongs to the cluster with the UID {recorded}, and the kubeconfig leads to the"
                f" cluster with the UID {found}: set kubernetes:kubeconfig and kubernetes:context to the"
                " right one; nothing was changed"
            )
        return cluster

    def first(self, what: str) -> bool:
        """Whether this is asked for the first time: what is to be said once in a run is said by
        whoever is first.
        """
        with self._lock:
            before = self._made.get(f"{what} said", False)
            self._made[f"{what} said"] = True
            return not before

    # --- the ground under them

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]
            return made

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

    def _settings(self) -> CredentialSettings:
        from alb_mutual_tls.alibaba.credentials import AssumedRole, CredentialSettings, OidcRole

        role, oidc = self.assume_role, self.assume_role_with_oidc
        return CredentialSettings(
            access_key=self.access_key,
            secret_key=self.secret_key,
            profile=self.profile,
            assume_role=AssumedRole.of(role) if role else None,
            assume_role_with_oidc=OidcRole.of(oidc) if oidc else None,
            ecs_role_name=self.ecs_role_name,
            credentials_uri=self.credentials_uri,
        )

    def _choice(self) -> Choice:
        from alb_mutual_tls.alibaba.credentials import choose

        return self._once("choice", lambda: choose(self._settings(), os.environ, Path.home()))

    def _credential(self) -> SdkCredential:
        from alb_mutual_tls.alibaba.answers import STS
        from alb_mutual_tls.alibaba.session import SdkCredential

        def sts(credential: SdkCredential | None) -> OpenApi:
            from alb_mutual_tls.alibaba.openapi import OpenApi

            return OpenApi(STS, self._places().sts, self.protocol, credential)

        return self._once("credential", lambda: SdkCredential(self._choice(), sts))

    def _places(self) -> Endpoints:
        from alb_mutual_tls.alibaba.credentials import profile_region
        from alb_mutual_tls.alibaba.endpoints import endpoints

        def make() -> Endpoints:
            region = (
                self.region or os.environ.get("ALICLOUD_REGION") or os.environ.get("ALIBABA_CLOUD_REGION")
            )
            return endpoints(
                account_type=self.account_type,
                region=region or profile_region(self._settings(), os.environ, Path.home()),
                overrides=self.endpoints,
                protocol=self.protocol,
            )

        return self._once("endpoints", make)

    def _api(self, product: Product, endpoint: str) -> OpenApi:
        from alb_mutual_tls.alibaba.openapi import OpenApi

        return OpenApi(product, endpoint, self.protocol, self._credential())
