"""Where everything of a sandbox is: its directory, its ports and its files.

All of its parts share this layout.

`sandbox.json` in the directory holds what cannot be derived (the two port bases); everything else
follows from it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError

NAME: Final = "alb-mutual-tls-sandbox"
"""Name of the cluster, the context and the user in the sandbox's kubeconfig."""

PROBE_USER: Final = "sandbox-probe"
"""User of the sandbox's own looks at kube-apiserver, which logs/audit.log leaves out."""

ACCOUNT_ID: Final = "1234567890123456"
REGION: Final = "cn-hangzhou"
ACK_CLUSTER_ID: Final = "c5a9db0c5a9db0c5a9db0c5a9db0c5a9d"
"""Of every sandbox's cluster, which therefore tells one sandbox from another only where a test
gives it another.
"""
ACCESS_KEY_ID: Final = "sandbox-access-key"
ACCESS_KEY_SECRET: Final = "sandbox-access-key-secret"  # noqa: S105 -- opens nothing but a sandbox on the loopback interface
NO_ALB_ACCESS_KEY_ID: Final = "sandbox-no-alb-access-key"
"""Of another user of the same account, whom RAM permits nothing of ALB and of Container Service.

The secret of each key is the key with `-secret`.
"""

OTHER_ACCOUNT_ID: Final = "6543210987654321"
OTHER_ACCOUNT_ACCESS_KEY_ID: Final = "sandbox-other-account-access-key"
PASSPHRASE: Final = NAME

REPOSITORY: Final = Path(__file__).resolve().parents[2]
"""The checkout that this code was loaded from."""

DEFAULT_DIRECTORY: Final = REPOSITORY / ".sandbox"
DEFAULT_PORT_BASE: Final = 17000
DEFAULT_LISTENER_BASE: Final = 20000

_LOWEST_BASE: Final = 1024
_HIGHEST_PORT: Final = 65535
_SPAN: Final = 1000
"""Ports that the sandbox's own services keep free above the port base."""


class _Place:
    """A file or directory below that of a sandbox."""

    def __init__(self, relative: str) -> None:
        self._relative = relative

    def __get__(self, layout: Layout, _: type[Layout]) -> Path:
        return layout.directory / self._relative


class _Port:
    """A port on 127.0.0.1, at a distance from the port base."""

    def __init__(self, distance: int) -> None:
        self._distance = distance

    def __get__(self, layout: Layout, _: type[Layout]) -> int:
        return layout.port_base + self._distance


@dataclass(frozen=True)
class Layout:
    """A sandbox's directory (absolute) with the ports and files that belong to it.

    Making a layout touches nothing.
    """

    directory: Path
    port_base: int = DEFAULT_PORT_BASE
    listener_base: int = DEFAULT_LISTENER_BASE

    def __post_init__(self) -> None:
        object.__setattr__(self, "directory", self.directory.resolve())
        for option, base in (("port base", self.port_base), ("listener base", self.listener_base)):
            if not _LOWEST_BASE <= base <= _HIGHEST_PORT - _SPAN:
                raise UserError(
                    f"{option} {base} is out of range; choose one from {_LOWEST_BASE} to"
                    f" {_HIGHEST_PORT - _SPAN}"
                )
        if abs(self.port_base - self.listener_base) < _SPAN:
            raise UserError(
                f"port base {self.port_base} and listener base {self.listener_base} overlap; choose them at"
                f" least {_SPAN} apart"
            )

    @classmethod
    def load(cls, directory: Path) -> Layout:
        """Read `sandbox.json` of a sandbox.

        Args:
            directory: the sandbox's directory, relative or absolute.
        Raises:
            UserError: the directory has no sandbox, or its `sandbox.json` is damaged.
        """
        directory = directory.resolve()
        file = directory / "sandbox.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            return cls(directory, int(content["portBase"]), int(content["listenerBase"]))
        except FileNotFoundError:
            raise UserError(
                f"there is no sandbox in {directory}; make one with `python -m dev.sandbox start --directory"
                f" {directory}`"
            ) from None
        except (ValueError, KeyError, TypeError) as reason:
            raise UserError(
                f"{file} is damaged ({reason!r}); delete it and start the sandbox again with its --port-base"
            ) from reason

    @classmethod
    def choose(
        cls, directory: Path, port_base: int | None = None, listener_base: int | None = None
    ) -> Layout:
        """Return the layout for a start.

        What is given comes first, then what `sandbox.json` says, then the default ports.

        Raises:
            UserError: a base is not possible, or `sandbox.json` is damaged.
        """
        recorded = cls.load(directory) if (directory / "sandbox.json").exists() else cls(directory)
        return cls(
            directory,
            recorded.port_base if port_base is None else port_base,
            recorded.listener_base if listener_base is None else listener_base,
        )

    def save(self) -> None:
        """Write `sandbox.json`, at once (a reader sees the old or the new one)."""
        content = {
            "portBase": self.port_base,
            "listenerBase": self.listener_base,
            "directory": str(self.directory),
        }
        write_atomically(self.file, json.dumps(content, indent=2) + "\n")

    # Ports, all on 127.0.0.1

    openapi_port = _Port(80)
    """CAS, ALB and STS; plain HTTP."""
    backends_port = _Port(81)
    """The HTTP server that stands in for every backend Service."""
    data_plane_port = _Port(82)
    """Where nginx tells which configuration it works with."""
    etcd_port = _Port(379)
    etcd_peer_port = _Port(380)
    apiserver_port = _Port(443)

    @property
    def openapi_endpoint(self) -> str:
        """`host:port` of CAS, ALB and STS, as the SDKs and `alicloud:endpoints` want it."""
        return f"127.0.0.1:{self.openapi_port}"

    @property
    def apiserver_url(self) -> str:
        return f"https://127.0.0.1:{self.apiserver_port}"

    @staticmethod
    def listener_address(index: int) -> str:
        """The loopback address of an AlbConfig's load balancer.

        Args:
            index: place of the AlbConfig among all, `alb` is 0.
        """
        if not 0 <= index < 254:
            raise UserError(
                f"AlbConfig number {index + 1} cannot be served: the sandbox has addresses for 254 of them"
            )
        return f"127.0.0.{1 + index}"

    def listener_port(self, port: int) -> int:
        """The port on which the data plane serves listener `port`.

        Raises:
            UserError: the sum is not a port number.
        """
        served = self.listener_base + port
        if served > _HIGHEST_PORT:
            raise UserError(
                f"listener {port} would be served on port {served}, which does not exist; choose a"
                f" --listener-base below {self.listener_base}"
            )
        return served

    # Files

    file = _Place("sandbox.json")
    lock = _Place("lock")
    """Held by `start` and `stop`."""
    kubeconfig = _Place("kubeconfig")
    """The cluster's administrator, for people, the provider and `./mtls`."""
    controller_kubeconfig = _Place("pki/controller.kubeconfig")
    """User `alb-ingress-controller` (also an administrator): tells the controller from people in
    logs/audit.log and in managedFields.
    """
    env = _Place("env")
    logs = _Place("logs")
    api_log = _Place("logs/api.log")
    """A JSON line for each OpenAPI request."""
    audit_log = _Place("logs/audit.log")
    """A JSON line for each request to kube-apiserver."""
    audit_policy = _Place("audit-policy.json")
    pids = _Place("pids")
    pki = _Place("pki")
    """Keys (0600) and certificates of the sandbox itself."""
    server_ca = _Place("pki/server-ca.crt")
    """Certificate of the CA that signs the listeners' server certificates (made by the cloud part).
    """
    state = _Place("state")
    """Pulumi's file backend."""
    pulumi_home = _Place("pulumi-home")
    etcd_directory = _Place("etcd")
    nginx_directory = _Place("nginx")
    """The data plane's prefix (`nginx -p`)."""
    nginx_configuration = _Place("nginx/nginx.conf")
    """Written by the cloud part, read by the data plane."""
    cloud_directory = _Place("cloud")
    """Stores of the cloud part."""
    faults_file = _Place("faults.json")
    """Desired faults, written by `python -m dev.sandbox fault`."""
    faults_applied_file = _Place("cloud/faults-applied.json")
    """The faults that the data plane works with; same content as `faults_file`, written by the
    cloud part.
    """
    faults_spent_file = _Place("cloud/faults-spent.json")
    """How many requests have met each fault of the OpenAPI endpoint, written by the cloud part."""

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"


def write_atomically(file: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that a reader sees either the old or the whole new content.

    Nobody else ever reads a secret file.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(file)
