"""The files by which a client gets its certificate and key, in the form that its software takes."""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from alb_mutual_tls.cli.stack import Client
from alb_mutual_tls.errors import UserError

Format = Literal["pem", "p12", "curl", "kubernetes"]


@dataclass(frozen=True)
class File:
    """One file to write; its content never shows in a representation, since most hold a private key."""

    name: str
    what: str
    content: bytes = field(repr=False)


def files(client: Client, form: Format, *, ca_certificate_pem: str, directory: Path, password: str | None) -> list[File]:
    """The files for `client` in one format.

    `directory` is where they will stand (a curl configuration names files by their whole path); `password` encrypts a
    PKCS#12 file, None makes one up and adds it as a file of its own. Raises UserError when the format needs a private
    key that is not in the stack.
    """
    name = safe_name(client.name)
    certificate = File(f"{name}.crt", "certificate with chain", _pem(client.chain_pem))
    if client.private_key_pem is None:
        if form == "pem":
            return [certificate]
        raise UserError(
            f"client {client.name} brought a CSR, so its private key stays with the client and a {form} file cannot be made here: "
            "export it with --format pem and put certificate and key together where the key is"
        )
    key = File(f"{name}.key", "private key", _pem(client.private_key_pem))
    match form:
        case "pem":
            return [certificate, key]
        case "curl":
            content = _curl_config(directory / certificate.name, directory / key.name)
            return [certificate, key, File(f"{name}.curl", f"curl -K {directory / name}.curl URL", content)]
        case "kubernetes":
            content = _secret(client.name, certificate.content, key.content, _pem(ca_certificate_pem))
            return [File(f"{name}.secret.yaml", "Secret manifest with the private key, only encoded, not encrypted", content)]
        case "p12":
            return _p12(name, client, password)


def safe_name(name: str) -> str:
    """The client's name as a file's name: nothing that leaves the directory, hides the file or needs quoting."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".-")
    if not safe:
        raise UserError(f"the client's name {name!r} makes no name for a file: rename the client with letters or digits")
    return safe


def write(files: Sequence[File], directory: Path, *, force: bool) -> list[Path]:
    """Write the files, each 0600 from its first byte and there only when whole; `directory` is made 0700 if absent.

    Raises UserError when one exists, before any is written, unless `force`.
    """
    paths = [directory / file.name for file in files]
    existing = [path for path in paths if os.path.lexists(path)]
    if existing and not force:
        raise UserError(f"{', '.join(map(str, existing))} exists already: give --force to replace it, or another --output")
    try:
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True)
            directory.chmod(0o700)
        for file, path in zip(files, paths, strict=True):
            _write(file.content, path, force=force)
    except FileExistsError as error:
        raise UserError(f"{error.filename2 or error.filename} exists already: give --force to replace it, or another --output") from None
    except OSError as error:
        raise UserError(f"{error.filename or directory} cannot be written: {error.strerror}; give another --output") from None
    return paths


def _write(content: bytes, path: Path, *, force: bool) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # a umask may have taken the owner's rights away
            file.write(content)
        if force:
            draft.replace(path)
        else:
            os.link(draft, path)  # fails where the path exists, which a rename would not
    finally:
        draft.unlink(missing_ok=True)


def _pem(text: str) -> bytes:
    return (text.strip() + "\n").encode()


def _curl_config(certificate: Path, key: Path) -> bytes:
    # https://curl.se/docs/manpage.html#-K: paths count from the current directory, so they are whole.
    def quoted(path: Path) -> str:
        return '"' + str(path.absolute()).replace("\\", "\\\\").replace('"', '\\"') + '"'

    return f"# curl -K FILE URL; after moving the files, put their new paths here\ncert = {quoted(certificate)}\nkey = {quoted(key)}\n".encode()


def _secret(name: str, certificate: bytes, key: bytes, ca_certificate: bytes) -> bytes:
    """https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets"""
    label = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")
    data = {"tls.crt": certificate, "tls.key": key, "ca.crt": ca_certificate}
    lines = ["apiVersion: v1", "kind: Secret", "metadata:", f"  name: {label}-client-certificate", "type: kubernetes.io/tls", "data:"]
    lines += [f"  {field}: {base64.b64encode(content).decode()}" for field, content in data.items()]
    return ("\n".join(lines) + "\n").encode()


def _p12(name: str, client: Client, password: str | None) -> list[File]:
    from alb_mutual_tls.pki.bundle import pkcs12, random_password

    assert client.private_key_pem is not None
    made_up = password is None
    password = password or random_password()
    content = pkcs12(client.name, client.chain_pem, client.private_key_pem, password)
    made = [File(f"{name}.p12", "certificate with chain and private key, encrypted", content)]
    if made_up:
        made.append(File(f"{name}.p12.password", f"password of {name}.p12; keep it apart from it", _pem(password)))
    return made
