"""Kubeconfig files -> how to reach one cluster, with the rules of client-go (KUBECONFIG may list several files; exec credential plugins).

Not lightkube's reader: it takes neither plugins that answer with a client certificate (ACK's `ack-ram-tool credential-plugin get-credential` does)
nor `client.authentication.k8s.io/v1` nor several files, ignores `tls-server-name`, and its import costs every provider process 0.3 s.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alb_mutual_tls.errors import UserError

_PLUGIN_SECONDS = 60


@dataclass(frozen=True)
class Credential:
    """What the client shows to the API server: a bearer token, a client certificate with its key (PEM), a name and password, or nothing."""

    token: str | None = None
    certificate: bytes | None = None
    private_key: bytes | None = None
    password: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return "Credential(...)"


@dataclass(frozen=True)
class Connection:
    """A cluster as a kubeconfig's context describes it."""

    context: str
    origin: str
    server: str
    authorities: bytes | None
    insecure: bool
    server_name: str | None
    proxy: str | None
    user: Mapping[str, Any]
    directory: Path
    cluster_info: Mapping[str, Any]

    def credential(self) -> Credential:
        """Resolve the user's credential now; an exec plugin is run. Raises `UserError`."""
        user, where = self.user, f"the user of context {self.context} in {self.origin}"
        if "auth-provider" in user:
            raise UserError(
                f"{where} uses auth-provider, which Kubernetes has removed: use an exec credential plugin, a token or a certificate"
            )
        if any(key in user for key in ("as", "as-uid", "as-groups", "as-user-extra")):
            raise UserError(
                f"{where} acts as somebody else (as), which is not supported: use a context whose user has the permissions itself"
            )
        if plugin := user.get("exec"):
            return _run_plugin(plugin, self, where)
        certificate = _data(user, "client-certificate", self.directory, where)
        private_key = _data(user, "client-key", self.directory, where)
        if (certificate is None) != (private_key is None):
            raise UserError(f"{where} has only one of client-certificate and client-key: add the other")
        token = user.get("token")
        if token_file := user.get("tokenFile"):
            token = _read(self.directory / token_file, where).decode().strip()
        password = (str(user["username"]), str(user["password"])) if user.get("username") and user.get("password") else None
        return Credential(token, certificate, private_key, password)


def load(kubeconfig: str | None, context: str | None, environment: Mapping[str, str] = os.environ) -> Connection:
    """Read the kubeconfig and choose the context.

    `kubeconfig`: a path (relative to the working directory), or the kubeconfig itself, as `kubernetes:kubeconfig` may be either; without it the
    files of KUBECONFIG, else ~/.kube/config. `context`: without it the file's current-context. Raises `UserError`.
    """
    documents, origin = _documents(kubeconfig, environment)
    name = context or next((document["current-context"] for document, _ in documents if document.get("current-context")), None)
    exist = ", ".join(_names(documents, "contexts")) or "none"
    if not name:
        raise UserError(f"{origin} has no current-context, and none is configured; it has {exist}: set kubernetes:context to one of them")
    found = _named(documents, "contexts", "context", str(name), origin)
    if found is None:
        raise UserError(
            f"{origin} has no context {name}, it has {exist}: set kubernetes:context to one of them, or kubernetes:kubeconfig to another file"
        )
    chosen = found[0]
    cluster = _named(documents, "clusters", "cluster", str(chosen.get("cluster")), origin)
    if cluster is None:
        raise UserError(f"context {name} of {origin} names the cluster {chosen.get('cluster')}, which is not in it: correct the kubeconfig")
    user = _named(documents, "users", "user", str(chosen.get("user")), origin) if chosen.get("user") else ({}, Path())
    if user is None:
        raise UserError(f"context {name} of {origin} names the user {chosen.get('user')}, which is not in it: correct the kubeconfig")
    settings, directory = cluster
    server = str(settings.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise UserError(f"the cluster of context {name} in {origin} has {server!r} as server, not a URL: correct the kubeconfig")
    where = f"the cluster of context {name} in {origin}"
    return Connection(
        context=str(name),
        origin=origin,
        server=server.rstrip("/"),
        authorities=_data(settings, "certificate-authority", directory, where),
        insecure=settings.get("insecure-skip-tls-verify") is True,
        server_name=settings.get("tls-server-name"),
        proxy=settings.get("proxy-url"),
        user=user[0],
        directory=user[1],
        cluster_info=settings,
    )


Source = tuple[dict[str, Any], Path]


def _documents(kubeconfig: str | None, environment: Mapping[str, str]) -> tuple[list[Source], str]:
    if kubeconfig is not None and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{")):
        origin = "the kubeconfig in kubernetes:kubeconfig"
        return [(_parse(kubeconfig, origin), Path.cwd())], origin
    if kubeconfig is not None:
        paths, said = [Path(kubeconfig).expanduser()], "kubernetes:kubeconfig"
    elif environment.get("KUBECONFIG"):
        paths, said = [Path(part) for part in environment["KUBECONFIG"].split(os.pathsep) if part], "KUBECONFIG"
    else:
        paths, said = [Path("~/.kube/config").expanduser()], "the default, as neither kubernetes:kubeconfig nor KUBECONFIG is set"
    present = [path for path in paths if path.is_file()]
    if not present:
        missing = ", ".join(map(str, paths))
        raise UserError(f"there is no kubeconfig at {missing} ({said}): set kubernetes:kubeconfig or KUBECONFIG to the file of the cluster")
    origin = "kubeconfig " + os.pathsep.join(map(str, present))
    return [
        (_parse(_read(path, "the kubeconfig").decode("utf-8", "replace"), f"kubeconfig {path}"), path.parent) for path in present
    ], origin


def _parse(text: str, origin: str) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(text, Loader=loader)  # noqa: S506  # a safe loader
    except yaml.YAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else ""
        raise UserError(f"{origin} is not YAML{line}: correct it, or fetch it anew from the console") from None
    if not isinstance(document, dict):
        raise UserError(f"{origin} is not a kubeconfig (it has no clusters and contexts): set kubernetes:kubeconfig to the right file")
    return document


def _entries(document: Mapping[str, Any], section: str) -> list[dict[str, Any]]:
    entries = document.get(section)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _names(documents: list[Source], section: str) -> list[str]:
    return list(dict.fromkeys(str(entry.get("name")) for document, _ in documents for entry in _entries(document, section)))


def _named(documents: list[Source], section: str, field: str, name: str, origin: str) -> Source | None:
    for document, directory in documents:
        for entry in _entries(document, section):
            if str(entry.get("name")) == name:
                content = entry.get(field) or {}
                if not isinstance(content, dict):
                    raise UserError(f"{field} {name} of {origin} is not an object: correct the kubeconfig")
                return content, directory
    return None


def _data(content: Mapping[str, Any], key: str, directory: Path, where: str) -> bytes | None:
    if encoded := content.get(f"{key}-data"):
        try:
            return base64.b64decode(str(encoded), validate=False)
        except (binascii.Error, ValueError):
            raise UserError(f"{key}-data of {where} is not base64: fetch the kubeconfig anew") from None
    path = content.get(key)
    return _read(directory / str(path), where) if path else None


def _read(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} of {where} cannot be read ({error.strerror}): correct the kubeconfig, or make the file readable") from None


def _run_plugin(plugin: Any, connection: Connection, where: str) -> Credential:
    command = str(plugin.get("command") or "") if isinstance(plugin, dict) else ""
    if not command:
        raise UserError(f"{where} has an exec credential plugin without a command: correct the kubeconfig")
    version = str(plugin.get("apiVersion") or "")
    # client-go: a path with a separator is relative to the kubeconfig, a bare name is looked up on PATH
    path = str(connection.directory / command) if os.sep in command else shutil.which(command)
    hint = " ".join(str(plugin.get("installHint") or "install it, or use another kubeconfig").split())
    if path is None:
        raise UserError(f"{where} needs the credential plugin {command}, which is not on PATH: {hint}")
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        authorities = {"certificate-authority-data": base64.b64encode(connection.authorities).decode()} if connection.authorities else {}
        kept = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        spec["cluster"] = {key: connection.cluster_info[key] for key in kept if key in connection.cluster_info} | authorities
    environment = dict(os.environ)
    environment.update({str(item["name"]): str(item["value"]) for item in plugin.get("env") or []})
    environment["KUBERNETES_EXEC_INFO"] = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})
    try:
        done = subprocess.run(
            [path, *map(str, plugin.get("args") or [])],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PLUGIN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"the credential plugin {command} of {where} did not answer within {_PLUGIN_SECONDS} s: run it by hand to see why"
        ) from None
    except OSError as error:
        raise UserError(f"{where} needs the credential plugin {path}, which cannot be run ({error.strerror}): {hint}") from None
    if done.returncode != 0:
        said = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1]
        raise UserError(
            f"the credential plugin {command} of {where} failed with exit code {done.returncode} ({said}): log in again, or run it by hand to see why"
        )
    try:
        status = json.loads(done.stdout)["status"]
        token, certificate, private_key = (status.get(key) for key in ("token", "clientCertificateData", "clientKeyData"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"the credential plugin {command} of {where} did not print an ExecCredential with a status: check its arguments"
        ) from None
    if not token and not (certificate and private_key):
        raise UserError(
            f"the credential plugin {command} of {where} gave neither a token nor a client certificate with key: check its arguments"
        )
    expiry = status.get("expirationTimestamp")
    if isinstance(expiry, str) and _expired(expiry):
        raise UserError(f"the credential plugin {command} of {where} gave a credential that expired at {expiry}: log in again")
    return Credential(
        token or None,
        certificate.encode() if certificate and private_key else None,
        private_key.encode() if certificate and private_key else None,
    )


def _expired(timestamp: str) -> bool:
    try:
        expiry = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    return (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)) <= datetime.now(UTC)
