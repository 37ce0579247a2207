"""Kubeconfig files -> how to reach one cluster, with the rules of client-go (KUBECONFIG may list
several files; exec credential plugins).

Not lightkube's reader: it takes neither plugins that answer with a client certificate (ACK's
`ack-ram-tool credential-plugin get-credential` does) nor `client.authentication.k8s.io/v1` nor
several files, ignores `tls-server-name`, and its import costs every provider process 0.3 s.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls import clock
from alb_mutual_tls.cluster import urls
from alb_mutual_tls.cluster.bounded_process import TooLong, TooMuch, run
from alb_mutual_tls.cluster.first_document import NotYaml, decoded, first_document
from alb_mutual_tls.errors import UserError

_PLUGIN_SECONDS = 60
_PLUGIN_OCTETS: Final = 1 << 20
_FILE_OCTETS: Final = 1 << 22
_MARK: Final = "\ufeff"


class PluginTooSlow(UserError):
    """A credential plugin did not answer in time; it is not to be waited for once more."""


@dataclass(frozen=True)
class KubernetesCredential:
    """What the client shows to the API server: a bearer token, a client certificate with its key
    (PEM), a name and password, or nothing.
    """

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

    def credential(self) -> KubernetesCredential:
        """Resolve the user's credential now; an exec plugin is run. Raises `UserError`."""
        user, where = self.user, f"the user of context {self.context} in {self.origin}"
        if user.get("auth-provider") is not None:
            raise UserError(
                f"{where} uses auth-provider, which Kubernetes has removed: use an exec credential plugin, a"
                " token or a certificate"
            )
        if any(user.get(key) for key in ("as", "as-uid", "as-groups", "as-user-extra")):
            raise UserError(
                f"{where} acts as somebody else (as), which is not supported: use a context whose user has"
                " the permissions itself"
            )
        if user.get("exec") is not None:
            return _run_plugin(user["exec"], self, where)
        certificate = _data(user, "client-certificate", self.directory, where)
        private_key = _data(user, "client-key", self.directory, where)
        if (certificate is None) != (private_key is None):
            raise UserError(f"{where} has only one of client-certificate and client-key: add the other")
        token = _text(user, "token", where)
        if token_file := _text(user, "tokenFile", where):
            token = _read(self.directory / token_file, where).decode("utf-8", "replace").strip()
        name, password = _text(user, "username", where), _text(user, "password", where)
        return KubernetesCredential(
            _sendable(token, where), certificate, private_key, (name, password or "") if name else None
        )


def load(
    kubeconfig: str | None, context: str | None, environment: Mapping[str, str] = os.environ
) -> Connection:
    """Read the kubeconfig and choose the context.

    `kubeconfig`: a path (relative to the working directory), or the kubeconfig itself, as
    `kubernetes:kubeconfig` may be either; without it the files of KUBECONFIG, else ~/.kube/config.
    `context`: without it the file's current-context. Raises `UserError`.
    """
    documents, origin = _documents(kubeconfig, environment)
    contexts = _names(documents, "contexts")
    if not contexts:
        _refuse_other_files(documents, origin)
    names = (_text(document, "current-context", origin, number=True) for document, _ in documents)
    name = context or next(filter(None, names), None)
    exist = ", ".join(contexts)
    if not name:
        raise UserError(
            f"{origin} has no current-context, and none is configured; it has {exist}: set kubernetes:context"
            " to one of them"
        )
    shown = _shown(name)
    found = _named(documents, "contexts", "context", name, origin)
    if found is None:
        raise UserError(
            f"{origin} has no context {shown}, it has {exist}: set kubernetes:context to one of them, or"
            " kubernetes:kubeconfig to another file"
        )
    where = f"context {shown} of {origin}"
    cluster_name, user_name = (_text(found[0], key, where, number=True) or "" for key in ("cluster", "user"))
    cluster = _named(documents, "clusters", "cluster", cluster_name, origin)
    if cluster is None:
        raise UserError(
            f"context {shown} of {origin} names the cluster {_shown(cluster_name)}, which is not in it:"
            " correct the kubeconfig"
        )
    user = _named(documents, "users", "user", user_name, origin) if user_name else ({}, Path())
    if user is None:
        raise UserError(
            f"context {shown} of {origin} names the user {_shown(user_name)}, which is not in it: correct the"
            " kubeconfig"
        )
    return _connection(shown, origin, cluster, user)


Source = tuple[dict[str, Any], Path]


def _connection(context: str, origin: str, cluster: Source, user: Source) -> Connection:
    settings, directory = cluster
    where = f"the cluster of context {context} in {origin}"
    insecure = settings.get("insecure-skip-tls-verify")
    if not isinstance(insecure, bool | None):
        raise UserError(
            f"insecure-skip-tls-verify of {where} is neither true nor false: correct the kubeconfig"
        )
    authorities = _data(settings, "certificate-authority", directory, where)
    if insecure and authorities is not None:
        raise UserError(
            f"{where} has certificate-authority beside insecure-skip-tls-verify, as kubectl refuses it:"
            " remove one of the two"
        )
    server_name, proxy = _text(settings, "tls-server-name", where), _text(settings, "proxy-url", where)
    try:
        server_name = urls.ascii_host(server_name) if server_name else None
    except ValueError:
        raise UserError(f"tls-server-name of {where} is no host name: correct the kubeconfig") from None
    try:
        if proxy:
            urls.parse(proxy if "//" in proxy else f"http://{proxy}")
    except ValueError as fault:
        raise UserError(
            f"{where} has a proxy-url, {fault}: correct the kubeconfig"
        ) from None  # it may hold a password
    return Connection(
        context=context,
        origin=origin,
        server=_server(_text(settings, "server", where) or "", where),
        authorities=authorities,
        insecure=insecure is True,
        server_name=server_name,
        proxy=proxy,
        user=user[0],
        directory=user[1],
        cluster_info=settings,
    )


def _server(server: str, where: str) -> str:
    try:
        url = urls.parse(server)
        if url.scheme not in ("https", "http"):
            raise ValueError("not a URL")
        if url.login is not None:
            raise ValueError("which holds a user name")
    except ValueError as fault:
        shown = repr(re.sub("//.*@", "//...@", server)[:100])
        raise UserError(f"{where} has {shown} as server, {fault}: correct the kubeconfig") from None
    return url.scheme + server[len(url.scheme) :].rstrip("/")


def _documents(kubeconfig: str | None, environment: Mapping[str, str]) -> tuple[list[Source], str]:
    if kubeconfig is not None and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{")):
        origin = "the kubeconfig in kubernetes:kubeconfig"
        return [(_parse(kubeconfig.removeprefix(_MARK), origin), Path.cwd())], origin
    if kubeconfig is not None:
        paths, said = [_expanded(kubeconfig)], "kubernetes:kubeconfig"
    elif environment.get("KUBECONFIG"):
        paths, said = (
            [Path(part) for part in environment["KUBECONFIG"].split(os.pathsep) if part],
            "KUBECONFIG",
        )
    else:
        paths, said = (
            [_expanded("~/.kube/config")],
            "the default, as neither kubernetes:kubeconfig nor KUBECONFIG is set",
        )
    present = [path for path in paths if os.path.isfile(path)]  # noqa: PTH113  # Path.is_file raises where a directory may not be looked into
    if not present:
        missing = ", ".join(map(str, paths))
        raise UserError(
            f"there is no kubeconfig at {missing} ({said}): set kubernetes:kubeconfig or KUBECONFIG to the"
            " file of the cluster"
        )
    origin = "kubeconfig " + os.pathsep.join(map(str, present))
    return [
        (_parse(decoded(_read(path, "the kubeconfig")), f"kubeconfig {path}"), path.parent)
        for path in present
    ], origin


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111  # Path.expanduser raises where there is no such user


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        document = first_document(text)
    except NotYaml as error:
        line = "" if error.line is None else f" (line {error.line})"
        raise UserError(
            f"{origin} is not YAML{line}: correct it, or fetch it anew from the console"
        ) from None
    if document is None:
        return {}  # one of several files may be empty
    if not isinstance(document, dict):
        raise _no_kubeconfig(origin)
    return document


def _no_kubeconfig(origin: str) -> UserError:
    return UserError(
        f"{origin} is not a kubeconfig (it has no clusters and contexts): set kubernetes:kubeconfig to the"
        " right file"
    )


def _refuse_other_files(documents: list[Source], origin: str) -> None:
    if any(isinstance(document.get("config"), str) for document, _ in documents):
        raise UserError(
            f"{origin} is the answer of DescribeClusterUserKubeconfig, whose field config holds the"
            " kubeconfig: write the text of that field alone to a file, or let ./mtls kubeconfig fetch one"
        )
    raise _no_kubeconfig(origin)


def _entries(document: Mapping[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a section with their names; kubectl takes numbers for no names, which is no
    reason to leave them out here.
    """
    entries = document.get(section)
    found = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [
        (str(entry["name"]), entry) for entry in found if isinstance(entry.get("name"), str | int | float)
    ]


def _names(documents: list[Source], section: str) -> list[str]:
    return list(
        dict.fromkeys(_shown(name) for document, _ in documents for name, _ in _entries(document, section))
    )


def _shown(name: str) -> str:
    return name if name and name.isprintable() else repr(name)


def _named(documents: list[Source], section: str, field: str, wanted: str, origin: str) -> Source | None:
    for document, directory in documents:
        for name, entry in _entries(document, section):
            if name == wanted:
                content = entry.get(field) or {}
                if not isinstance(content, dict):
                    raise UserError(
                        f"{field} {_shown(name)} of {origin} is not an object: correct the kubeconfig"
                    )
                return content, directory
    return None


def _text(content: Mapping[str, Any], key: str, where: str, *, number: bool = False) -> str | None:
    """A field that is text, None where it is not set.

    Its value is never said, because it may be a secret.
    """
    value = content.get(key)
    if number and isinstance(value, int | float):
        return str(value)
    if value is not None and (not isinstance(value, str) or "\0" in value):
        raise UserError(f"{key} of {where} is not text: put it in quotes, or correct the kubeconfig")
    return value


def _sendable(token: str | None, where: str) -> str | None:
    """A token that can stand in a header, which one that was pasted or saved by an editor often
    cannot.
    """
    if token is None or (token.isascii() and token.isprintable()):
        return token
    if _MARK in token:
        what = "a byte order mark"
    elif "\n" in token or "\r" in token:
        what = "a line break"
    else:
        what = "a character that is no visible one of ASCII"
    raise UserError(
        f"the token of {where} holds {what}, which no header can hold: write the token anew, in one line and"
        " in ASCII"
    )


def _data(content: Mapping[str, Any], key: str, directory: Path, where: str) -> bytes | None:
    if encoded := _text(content, f"{key}-data", where):
        try:
            return base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError):
            raise UserError(f"{key}-data of {where} is not base64: fetch the kubeconfig anew") from None
    path = _text(content, key, where)
    return _read(directory / path, where) if path else None


def _read(path: Path, where: str) -> bytes:
    try:
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as file:
                content = file.read(_FILE_OCTETS + 1)
            if len(content) <= _FILE_OCTETS:
                return content
            reason = f"it is larger than {_FILE_OCTETS} octets"
        else:
            reason = "it is no regular file"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise UserError(
        f"{_shown(str(path))} of {where} cannot be read ({reason}): correct the kubeconfig, or make the file"
        " readable"
    )


def _run_plugin(plugin: Any, connection: Connection, where: str) -> KubernetesCredential:
    fields: Mapping[str, Any] = plugin if isinstance(plugin, dict) else {}
    its = f"the exec credential plugin of {where}"
    command = _text(fields, "command", its)
    if not command:
        raise UserError(f"{where} has an exec credential plugin without a command: correct the kubeconfig")
    version = _text(fields, "apiVersion", its) or ""
    arguments, variables = _arguments(fields, its), _variables(fields, its)
    # client-go: a path with a separator is relative to the kubeconfig, a bare name is looked up on
    # PATH
    path = str(connection.directory / command) if os.sep in command else shutil.which(command)
    command = _shown(command)
    hint = " ".join((_text(fields, "installHint", its) or "install it, or use another kubeconfig").split())
    if path is None:
        raise UserError(f"{where} needs the credential plugin {command}, which is not on PATH: {hint}")
    spec: dict[str, Any] = {"interactive": False}
    if fields.get("provideClusterInfo"):
        authorities = (
            {"certificate-authority-data": base64.b64encode(connection.authorities).decode()}
            if connection.authorities
            else {}
        )
        kept = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        spec["cluster"] = {
            key: connection.cluster_info[key] for key in kept if key in connection.cluster_info
        } | authorities
    information = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    environment = {**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(information)}
    try:
        done = run([path, *arguments], environment, _PLUGIN_SECONDS, _PLUGIN_OCTETS)
    except TooLong:
        raise PluginTooSlow(
            f"the credential plugin {command} of {where} did not answer within {_PLUGIN_SECONDS} s: run it by"
            " hand to see why"
        ) from None
    except TooMuch:
        raise UserError(
            f"the credential plugin {command} of {where} does not stop printing: run it by hand to see why"
        ) from None
    except OSError as error:
        raise UserError(
            f"{where} needs the credential plugin {_shown(path)}, which cannot be run ({error.strerror}):"
            f" {hint}"
        ) from None
    if done.returncode != 0:
        said = _shown(
            (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1].strip()[:500]
        )
        raise UserError(
            f"the credential plugin {command} of {where} failed with exit code {done.returncode} ({said}):"
            " log in again, or run it by hand to see why"
        )
    return _answered(done.stdout, command, where)


def _arguments(plugin: Mapping[str, Any], its: str) -> list[str]:
    found = plugin.get("args") or []
    if not isinstance(found, list) or not all(isinstance(one, str) and "\0" not in one for one in found):
        raise UserError(
            f"args of {its} is not a list of texts: put each in quotes, or correct the kubeconfig"
        )
    return found


def _variables(plugin: Mapping[str, Any], its: str) -> dict[str, str]:
    found = plugin.get("env") or []
    listed: list[Any] = found if isinstance(found, list) else [None]
    if not all(isinstance(one, dict) and one.get("name") for one in listed):
        raise UserError(f"env of {its} is not a list of objects with name and value: correct the kubeconfig")
    variables = {
        _text(one, "name", f"env of {its}") or "": _text(one, "value", f"env of {its}") or ""
        for one in listed
    }
    if any("=" in name for name in variables):
        raise UserError(f"env of {its} has a name with '=' in it: correct the kubeconfig")
    return variables


def _answered(printed: bytes, command: str, where: str) -> KubernetesCredential:
    try:
        status = json.loads(printed)["status"]
        given = [
            status.get(key) or None
            for key in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
        ]
        if not all(isinstance(one, str | None) for one in given):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"the credential plugin {command} of {where} did not print an ExecCredential with a status: check"
            " its arguments"
        ) from None
    token, certificate, private_key, expiry = given
    if not token and not (certificate and private_key):
        raise UserError(
            f"the credential plugin {command} of {where} gave neither a token nor a client certificate with"
            " key: check its arguments"
        )
    if expiry and _expired(expiry):
        raise UserError(
            f"the credential plugin {command} of {where} gave a credential that expired at {expiry}: log in"
            " again"
        )
    if not (certificate and private_key):
        return KubernetesCredential(_sendable(token, where))
    return KubernetesCredential(
        _sendable(token, where),
        certificate.encode("utf-8", "replace"),
        private_key.encode("utf-8", "replace"),
    )


def _expired(timestamp: str) -> bool:
    try:
        expiry = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    return (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)) <= clock.now()
