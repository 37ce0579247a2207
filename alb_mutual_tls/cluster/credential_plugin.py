"""Start the credential plugins of a kubeconfig, and read their answer.

These are client-go's exec plugins.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls import clock
from alb_mutual_tls.cluster.bounded_process import TooLong, TooMuch, run
from alb_mutual_tls.cluster.credential import KubernetesCredential, sendable, shown_name, text_of
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.connection import Connection

_PLUGIN_SECONDS = 60


_PLUGIN_OCTETS: Final = 1 << 20


class PluginTooSlow(UserError):
    """A credential plugin did not answer in time.

    It is not to be waited for once more.
    """


def run_plugin(plugin: Any, connection: Connection, where: str) -> KubernetesCredential:
    fields: Mapping[str, Any] = plugin if isinstance(plugin, dict) else {}
    its = f"the exec credential plugin of {where}"
    command = text_of(fields, "command", its)
    if not command:
        raise UserError(f"{where} has an exec credential plugin without a command: correct the kubeconfig")
    version = text_of(fields, "apiVersion", its) or ""
    arguments, variables = _arguments(fields, its), _variables(fields, its)
    # client-go: a path with a separator is relative to the kubeconfig, a bare name is looked up on
    # PATH
    path = str(connection.directory / command) if os.sep in command else shutil.which(command)
    command = shown_name(command)
    hint = " ".join((text_of(fields, "installHint", its) or "install it, or use another kubeconfig").split())
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
            f"{where} needs the credential plugin {shown_name(path)}, which cannot be run ({error.strerror}):"
            f" {hint}"
        ) from None
    if done.returncode != 0:
        said = shown_name(
            (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1].strip()[:500]
        )
        raise UserError(
            f"the credential plugin {command} of {where} failed with exit code {done.returncode} ({said}):"
            " log in again, or run it by hand to see why"
        )
    return _answered(done.stdout, command, where)


def _arguments(plugin: Mapping[str, Any], its: str) -> list[str]:
    arguments = plugin.get("args") or []
    if not isinstance(arguments, list) or not all(
        isinstance(argument, str) and "\0" not in argument for argument in arguments
    ):
        raise UserError(
            f"args of {its} is not a list of texts: put each in quotes, or correct the kubeconfig"
        )
    return arguments


def _variables(plugin: Mapping[str, Any], its: str) -> dict[str, str]:
    entries = plugin.get("env") or []
    listed: list[Any] = entries if isinstance(entries, list) else [None]
    if not all(isinstance(entry, dict) and entry.get("name") for entry in listed):
        raise UserError(f"env of {its} is not a list of objects with name and value: correct the kubeconfig")
    variables = {
        text_of(entry, "name", f"env of {its}") or "": text_of(entry, "value", f"env of {its}") or ""
        for entry in listed
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
        if not all(isinstance(value, str | None) for value in given):
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
        return KubernetesCredential(sendable(token, where))
    return KubernetesCredential(
        sendable(token, where),
        certificate.encode("utf-8", "replace"),
        private_key.encode("utf-8", "replace"),
    )


def _expired(timestamp: str) -> bool:
    try:
        expiry = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    return (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)) <= clock.now()
