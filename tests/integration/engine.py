"""What integration tests hold in their hands: a sandbox, a stack on the real engine, a prober."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from alb_mutual_tls.pki.register import certificates
from alb_mutual_tls.stack.state import components_of
from dev.sandbox import faults
from dev.sandbox.cloud.actions import VERSIONS
from dev.sandbox.cloud.seeds import SERVER_CERTIFICATE_ID
from dev.sandbox.layout import Layout
from tests.integration.underway import Underway

REPOSITORY = Path(__file__).resolve().parents[2]
# other ones where two checkouts are tested at once; each worker of pytest-xdist has a sandbox of
# its own
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORT_BASE = int(os.environ.get("INTEGRATION_PORT_BASE", "25000")) + 2000 * _WORKER
LISTENER_BASE = int(os.environ.get("INTEGRATION_LISTENER_BASE", "22000")) + 500 * _WORKER
_UPLOADS, _PRIVATE_CA, ALB, STS, CS = (tuple(actions) for actions in VERSIONS.values())
CAS = _UPLOADS + _PRIVATE_CA
"""The actions of each product."""
CERTIFICATES = [{"CertificateId": SERVER_CERTIFICATE_ID, "IsDefault": True}]
"""What an HTTPS listener of an AlbConfig that a test makes shows to its clients."""
Apply = Callable[[str, list[dict[str, Any]]], None]
"""Makes an AlbConfig of that name with these listeners."""
PROGRAM = ("__main__.py", "Pulumi.yaml", "mtls", "components", "alb_mutual_tls", ".venv", ".toolchain", "dev")


def run(
    *command: str | Path, env: dict[str, str] | None = None, cwd: Path = REPOSITORY, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal; its output comes back as text, whatever its exit code."""
    return subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        timeout=timeout,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    """The standard output of a command that must have ended with 0."""
    assert done.returncode == 0, f"{done.args} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _start(directory: Path, port_base: int, listener_base: int) -> None:
    arguments = (
        "--directory",
        str(directory),
        "--port-base",
        str(port_base),
        "--listener-base",
        str(listener_base),
    )
    succeed(run(REPOSITORY / ".venv/bin/python", "-m", "dev.sandbox", "start", *arguments))


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: its directory, its ports, and the environment of a shell that sourced its
    `env`.
    """

    directory: Path
    port_base: int
    listener_base: int
    env: dict[str, str]

    @classmethod
    def start(cls, directory: Path, port_base: int, listener_base: int) -> Sandbox:
        _start(directory, port_base, listener_base)
        clean = {key: value for key, value in os.environ.items() if key in ("HOME", "PATH", "LANG", "TMPDIR")}
        shown = succeed(run("bash", "-c", f'. "{directory}/env" && env -0', env=clean))
        env = dict(line.split("=", 1) for line in shown.split("\0") if "=" in line)
        return cls(directory, port_base, listener_base, env)

    def __call__(self, *command: str) -> subprocess.CompletedProcess[str]:
        return run(
            REPOSITORY / ".venv/bin/python", "-m", "dev.sandbox", *command, "--directory", str(self.directory)
        )

    def mend(self, first: dict[str, Any]) -> None:
        """Begin anew, with the same ports and files, where AlbConfig `alb` is not what it was
        `first`: a story that failed on its way left its claim.

        Else each story after it would fail with "claimed by another stack".
        """
        now = self.albconfig()
        if (
            any(key.startswith("albmtls/") for key in now["metadata"].get("annotations", {}))
            or now["spec"] != first["spec"]
        ):
            succeed(self("stop", "--purge"))
            _start(self.directory, self.port_base, self.listener_base)

    def kubectl(self, *arguments: str | Path) -> str:
        return succeed(run("kubectl", *arguments, env=self.env))

    def namespace(self, name: str) -> None:
        """Make a namespace, unless an earlier test has: nobody on the sandbox ends the deletion of
        one, so they stay.
        """
        if f"namespace/{name}" not in self.kubectl("get", "namespaces", "-o", "name").split():
            self.kubectl("create", "namespace", name)

    def albconfig(self, name: str = "alb") -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.kubectl("get", "albconfig", name, "-o", "json"))
        return document

    def listeners(self, name: str = "alb") -> dict[int, dict[str, Any]]:
        """The listeners of an AlbConfig by port, without those for QUIC, which may share a port."""
        return {
            item["port"]: item
            for item in self.albconfig(name)["spec"]["listeners"]
            if item["protocol"] != "QUIC"
        }

    def claims(self, name: str = "alb") -> dict[str, str]:
        """The annotations of an AlbConfig."""
        found: dict[str, str] = self.albconfig(name)["metadata"].get("annotations", {})
        return found

    def edit(self, *operations: dict[str, Any], name: str = "alb") -> None:
        """What somebody does to an AlbConfig in the console or with kubectl edit, as JSON Patch."""
        self.kubectl(
            "patch", "albconfig", name, "--type=json", "--field-manager=console", "-p", json.dumps(operations)
        )

    def stored(self, kind: str) -> list[dict[str, Any]]:
        """What CAS holds (`warehouses`, `certificates`), whatever its lists show."""
        file = self.directory / "cloud/cas.json"  # made by the first repository
        found: list[dict[str, Any]] = json.loads(file.read_text())[kind] if file.exists() else []
        return found

    def address(self, name: str = "alb") -> str:
        """The loopback address on which an AlbConfig's listeners are served."""
        content = json.loads((self.directory / "cloud/alb.json").read_text())
        return next(str(item["address"]) for item in content["balancers"] if item["albconfig"] == name)

    def audit_log(self) -> list[dict[str, Any]]:
        """The requests that kube-apiserver has answered, oldest first."""
        return [json.loads(line) for line in self.layout.audit_log.read_text().splitlines()]

    def patches(self, since: int) -> list[tuple[str, int]]:
        """AlbConfig and HTTP status of each PATCH that a provider sent, from place `since` of the
        audit log on.
        """
        return [
            (event["objectRef"]["name"], event["responseStatus"]["code"])
            for event in self.audit_log()[since:]
            if event["verb"] == "patch"
            and event["objectRef"]["resource"] == "albconfigs"
            and "fieldManager=alb-mutual-tls" in event["requestURI"]
        ]

    @property
    def layout(self) -> Layout:
        return Layout.load(self.directory)

    @contextmanager
    def failing(self, actions: Iterable[str], kind: str = "reset") -> Iterator[None]:
        """As long as this lasts, every request of these actions of the OpenAPI endpoint meets this
        fault.
        """
        for action in actions:
            faults.wish_api(self.layout, action, faults.scripted(action, kind, times=10_000))
        try:
            yield
        finally:
            faults.clear(self.layout)

    @property
    def server_ca(self) -> Path:
        return self.directory / "pki/server-ca.crt"

    def api_log(self) -> list[dict[str, Any]]:
        log = self.directory / "logs/api.log"  # made by the first request
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@dataclass
class Stack:
    """A stack of the program on a sandbox; `config` is written as its stack file before each
    command.
    """

    name: str
    directory: Path
    sandbox: Sandbox
    config: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        base = self.sandbox.port_base + 80
        dev = yaml.safe_load((REPOSITORY / "Pulumi.dev.yaml").read_text())
        self._salt = dev["encryptionsalt"]
        endpoint = f"127.0.0.1:{base}"
        self.config = {
            **dev["config"],
            "alb-mutual-tls:caEnabled": True,  # whatever the user of the checkout has set last
            "kubernetes:kubeconfig": str(self.sandbox.directory / "kubeconfig"),
            "alicloud:endpoints": [{"alb": endpoint, "cas": endpoint, "sts": endpoint, "cs": endpoint}],
            "alb-mutual-tls:listeners": {"https": self.listener("alb", 443)},
            **self.config,
        }
        self.pulumi("stack", "init", self.name)

    def listener(self, alb_config: str, port: int, *, at: str = "127.0.0.1", **more: Any) -> dict[str, Any]:
        address = f"{at}:{self.sandbox.listener_base + port}"
        return {
            "albConfig": alb_config,
            "port": port,
            "verify": {"address": address, "serverName": "demo.alb.ingress.top"},
            **more,
        }

    def set(self, **keys: Any) -> None:
        """Set keys of the project's namespace."""
        self.config |= {f"alb-mutual-tls:{key}": value for key, value in keys.items()}

    def set_by_command(self, path: str, value: str) -> None:
        """`pulumi config set --path`, as a user types it."""
        succeed(self.pulumi("config", "set", "--path", path, value))
        self._read()

    def type(self, commands: str) -> str:
        """Commands of the documentation as they stand there, typed by a user who has selected the
        stack and says yes; returns what they print.
        """
        env = (
            self.sandbox.env
            | self.env
            | {
                "PULUMI_SKIP_CONFIRMATIONS": "true",
                "SSL_CERT_FILE": str(self.sandbox.server_ca),
            }
        )
        succeed(self.pulumi("stack", "select"))
        shown = succeed(run("bash", "-euo", "pipefail", "-c", commands, env=env, cwd=self.directory))
        self._read()
        return shown

    def _read(self) -> None:
        self.config = yaml.safe_load((self.directory / f"Pulumi.{self.name}.yaml").read_text())["config"]

    def set_secret(self, path: str, value: str) -> None:
        """`pulumi config set --secret --path PATH < FILE`."""
        command = self.command("config", "set", "--secret", "--path", path)
        env = self.sandbox.env | self.env
        succeed(
            subprocess.run(
                command,
                env=env,
                cwd=self.directory,
                input=value,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        )
        self.config = yaml.safe_load((self.directory / f"Pulumi.{self.name}.yaml").read_text())["config"]

    def command(self, *arguments: str) -> list[str]:
        """A pulumi command on the stack as it is configured now."""
        document = {"encryptionsalt": self._salt, "config": self.config}
        (self.directory / f"Pulumi.{self.name}.yaml").write_text(yaml.safe_dump(document))
        stack = () if arguments[:2] == ("stack", "init") else ("--stack", self.name)
        return ["pulumi", *arguments, *stack, "--non-interactive"]

    def pulumi(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return run(
            *self.command(*arguments), env=self.sandbox.env | self.env, cwd=self.directory, timeout=timeout
        )

    def begin(self, *arguments: str) -> Underway:
        """Start a pulumi command in a session of its own."""
        log = self.directory / f"{self.name}.log"
        command, env = self.command(*arguments), self.sandbox.env | self.env
        with log.open("w") as output:
            engine = subprocess.Popen(
                command,
                env=env,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return Underway(engine, log)

    def up(self) -> str:
        return succeed(self.carry_out("up"))

    def preview(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.pulumi("preview", "--diff", "--suppress-progress", *arguments)

    def refused(self) -> str:
        """The output of a preview and of an up that must both fail; nothing of a traceback may
        stand in it.
        """
        shown = ""
        for command in ("preview", "up"):
            shown = self.fails(command)
        return shown

    def fails(self, command: str) -> str:
        """The output of a preview, up, refresh or destroy that must fail; nothing of a traceback
        may stand in it.
        """
        done = self.preview() if command == "preview" else self.carry_out(command)
        shown = done.stdout + done.stderr
        assert done.returncode != 0, shown
        for word in ("Traceback", "internal error", "rpc error"):
            assert word not in shown, shown
        return shown

    def carry_out(self, command: str) -> subprocess.CompletedProcess[str]:
        """`pulumi up`, `refresh` or `destroy`."""
        return self.pulumi(command, "--yes", "--skip-preview", "--suppress-progress")

    def pending(self, kind: str) -> list[str]:
        """What the engine has told the provider to do with resources of a type, and has no answer:
        `creating`, `updating`, `deleting`.

        A `creating` of a run that was killed stands there until `pulumi refresh
        --clear-pending-creates`.
        """
        file = self.sandbox.layout.state / ".pulumi/stacks/alb-mutual-tls" / f"{self.name}.json"
        latest = json.loads(file.read_text())["checkpoint"].get("latest") or {} if file.exists() else {}
        operations = latest.get("pending_operations") or []
        return [operation["type"] for operation in operations if operation["resource"]["type"] == kind]

    def unchanged(self) -> None:
        """There is nothing to do."""
        done = self.preview("--expect-no-changes")
        assert done.returncode == 0, done.stdout + done.stderr

    def kept(self) -> dict[str, dict[str, Any]]:
        """What the state knows of each resource; of secrets only that they are there, since their
        ciphertext is new in every export.
        """

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return (
                    "secret" if "ciphertext" in value else {key: plain(item) for key, item in value.items()}
                )
            return [plain(item) for item in value] if isinstance(value, list) else value

        resources = self.export()["deployment"]["resources"]
        return {
            item["urn"]: {key: plain(item.get(key)) for key in ("id", "inputs", "outputs")}
            for item in resources
        }

    def export(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(succeed(self.pulumi("stack", "export")))
        return document

    def issued(self) -> dict[str, dict[str, Any]]:
        """What the state holds of each client's certificate, by the client's name."""
        (register,) = [one for urn, one in self.kept().items() if "IssuedCertificates::" in urn]
        return certificates(register["outputs"])

    def private_keys(self) -> dict[str, str]:
        """The private keys of clients that the stack has made, decrypted."""
        exported = json.loads(succeed(self.pulumi("stack", "export", "--show-secrets")))
        (component,) = components_of(exported)
        return {one.name: one.private_key_pem for one in component.clients if one.private_key_pem}

    def destroy(self) -> str:
        return succeed(self.carry_out("destroy"))

    def remove(self) -> None:
        self.destroy()
        succeed(self.pulumi("stack", "rm", "--yes"))

    def rename(self, name: str) -> None:
        """`pulumi stack rename`; its stack file moves along."""
        succeed(self.pulumi("stack", "rename", name))
        self.name = name

    def client(self, directory: Path, name: str = "client") -> tuple[Path, Path]:
        """Certificate and key of a client, as `mtls clients export` writes them into
        `directory`.
        """
        command = (
            "clients",
            "export",
            name,
            "--format",
            "pem",
            "--output",
            directory,
            "--stack",
            self.name,
            "--cwd",
            self.directory,
        )
        succeed(run(REPOSITORY / "mtls", *command, env=self.sandbox.env | self.env, cwd=self.directory))
        return directory / f"{name}.crt", directory / f"{name}.key"

    def verify(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (
            "verify",
            "--stack",
            self.name,
            "--cwd",
            str(self.directory),
            "--ca-file",
            str(self.sandbox.server_ca),
            "--json",
        )
        return run(
            REPOSITORY / "mtls", *command, *arguments, env=self.sandbox.env | self.env, cwd=self.directory
        )

    def mtls(self, *command: str) -> str:
        """What a command of `mtls` prints that ends with 0."""
        place = ("--stack", self.name, "--cwd", str(self.directory))
        return succeed(
            run(REPOSITORY / "mtls", *command, *place, env=self.sandbox.env | self.env, cwd=self.directory)
        )

    def render(self) -> str:
        """What `mtls render` prints."""
        return self.mtls("render")

    def get(
        self, client: tuple[Path, Path] | None = None, port: int = 443, at: str = "127.0.0.1"
    ) -> tuple[int, str]:
        """One request to the listener as curl makes it; returns the HTTP status (0: the connection
        ended in TLS) and the body.

        `at`: the loopback address of the AlbConfig.
        """
        local = self.sandbox.listener_base + port
        command = [
            "curl",
            "-sS",
            "--max-time",
            "10",
            "--cacert",
            str(self.sandbox.server_ca),
            "-w",
            "\n%{http_code}",
        ]
        command += [
            "--connect-to",
            f"demo.alb.ingress.top:{port}:{at}:{local}",
            f"https://demo.alb.ingress.top:{port}/",
        ]
        if client:
            command += ["--cert", str(client[0]), "--key", str(client[1])]
        clean = {key: value for key, value in os.environ.items() if "CURL" not in key}
        body, _, status = run(*command, env=clean).stdout.rpartition("\n")
        return int(status or 0), body.strip()
