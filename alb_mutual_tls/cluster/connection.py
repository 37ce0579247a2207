"""Where an API server is, how it proves itself, and what a client shows to it."""

from __future__ import annotations

import base64
import binascii
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.cluster.credential import (
    KubernetesCredential,
    sendable,
    shown_name,
    text_of,
)
from alb_mutual_tls.cluster.credential_plugin import run_plugin
from alb_mutual_tls.errors import UserError


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
            return run_plugin(user["exec"], self, where)
        certificate = data_of(user, "client-certificate", self.directory, where)
        private_key = data_of(user, "client-key", self.directory, where)
        if (certificate is None) != (private_key is None):
            raise UserError(f"{where} has only one of client-certificate and client-key: add the other")
        token = text_of(user, "token", where)
        if token_file := text_of(user, "tokenFile", where):
            token = read_file(self.directory / token_file, where).decode("utf-8", "replace").strip()
        name, password = text_of(user, "username", where), text_of(user, "password", where)
        return KubernetesCredential(
            sendable(token, where), certificate, private_key, (name, password or "") if name else None
        )


_FILE_OCTETS: Final = 1 << 22


def data_of(content: Mapping[str, Any], key: str, directory: Path, where: str) -> bytes | None:
    if encoded := text_of(content, f"{key}-data", where):
        try:
            return base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError):
            raise UserError(f"{key}-data of {where} is not base64: fetch the kubeconfig anew") from None
    path = text_of(content, key, where)
    return read_file(directory / path, where) if path else None


def read_file(path: Path, where: str) -> bytes:
    try:
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as file:
                content = file.read(_FILE_OCTETS + 1)
            if len(content) <= _FILE_OCTETS:
                return content
            reason = f"it is larger than {_FILE_OCTETS} octets"
        else:
            reason = "it is not a regular file"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise UserError(
        f"{shown_name(str(path))} of {where} cannot be read ({reason}): correct the kubeconfig, or make the"
        " file readable"
    )
