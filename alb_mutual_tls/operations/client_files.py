"""The files that give a client its certificate and key, in its software's format."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.stack.deployed import DeployedClient

Format = Literal["pem", "fullchain", "p12", "truststore", "curl", "kubernetes"]
WITHOUT_KEY: Final[tuple[Format, ...]] = ("pem", "fullchain", "truststore")
"""The formats that can be made of a client whose private key is not in the stack."""


@dataclass(frozen=True)
class ClientFile:
    """One file to write.

    Its representation never shows the content, since most files hold a private key.
    """

    name: str
    what: str
    content: bytes = field(repr=False)


def files(
    client: DeployedClient,
    form: Format,
    *,
    authorities: Mapping[str, str],
    directory: Path,
    password: str | None,
    legacy: bool = False,
) -> list[ClientFile]:
    """The files for `client` in one format.

    `authorities`: the roots (name -> PEM) that vouch for the stack's clients, the one that
    listeners trust first. `directory` is where the files will stand (a curl configuration names
    files by their whole path); `password` encrypts a PKCS#12 file, None makes one up and adds it as
    a file of its own; `legacy` encrypts it as old readers know. Raises UserError when the format
    needs a private key that is not in the stack.
    """
    name = safe_name(client.name)
    if client.private_key_pem is None and form not in WITHOUT_KEY:
        raise UserError(
            f"client {client.name} brought a CSR, so its private key stays with the client and a {form} file"
            " cannot be made here: export it with --format pem and put certificate and key together where"
            " the key is"
        )
    certificate = ClientFile(f"{name}.crt", "certificate with chain", _pem(client.chain_pem))
    key = ClientFile(f"{name}.key", "private key", _pem(client.private_key_pem or ""))
    match form:
        case "pem":
            return [certificate] if client.private_key_pem is None else [certificate, key]
        case "fullchain":
            trusted = next(iter(authorities.values()))
            return [
                ClientFile(
                    f"{name}.fullchain.crt",
                    "certificate with chain and root",
                    certificate.content + _pem(trusted),
                )
            ]
        case "curl":
            content = _curl_config(directory / certificate.name, directory / key.name)
            return [
                certificate,
                key,
                ClientFile(f"{name}.curl", f"curl -K {directory / name}.curl URL", content),
            ]
        case "kubernetes":
            content = _secret(
                client.name, client.chain_pem, client.private_key_pem or "", authorities.values()
            )
            return [
                ClientFile(
                    f"{name}.secret.yaml",
                    "Secret manifest with the private key, only encoded, not encrypted",
                    content,
                )
            ]
        case "p12":
            return _p12(name, client, password, legacy=legacy)
        case "truststore":
            return _truststore(name, authorities, password)


def safe_name(name: str) -> str:
    """Return the client's name as a safe file name.

    It cannot leave the directory, hide the file or need quoting. Raises UserError when no character
    is left.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".-")
    if not safe:
        raise UserError(
            f"the client's name {name!r} makes no name for a file: rename the client with letters or digits"
        )
    return safe


def write(files: Sequence[ClientFile], directory: Path, *, force: bool) -> list[Path]:
    """Write the files into `directory`, each with mode 0600 from its first byte.

    A file appears only when it is whole. `directory` is created with mode 0700 if absent.

    Raises UserError when one exists, before any is written, unless `force`.
    """
    if os.path.lexists(directory) and not directory.is_dir():
        raise UserError(
            f"--output names a directory, and {directory} is a file: give a directory, or - for standard"
            " output"
        )
    paths = [directory / file.name for file in files]
    if not force:
        refuse_existing({directory: files})
    try:
        for folder in [*reversed(directory.parents), directory]:
            if not folder.is_dir():
                folder.mkdir(mode=0o700)
                folder.chmod(0o700)  # a umask may have taken the owner's rights away
        for file, path in zip(files, paths, strict=True):
            _write(file.content, path, force=force)
    except FileExistsError as error:
        raise UserError(
            f"{error.filename2 or error.filename} exists already: give --force to replace it, or another"
            " --output"
        ) from None
    except OSError as error:
        raise UserError(
            f"{error.filename or directory} cannot be written: {error.strerror}; give another --output"
        ) from None
    return paths


def refuse_existing(files: Mapping[Path, Sequence[ClientFile]]) -> None:
    """Raise UserError when one of the files, by their directories, exists."""
    paths = [directory / file.name for directory, content in files.items() for file in content]
    if existing := [str(path) for path in paths if os.path.lexists(path)]:
        more = f" and {len(existing) - 3} more" if len(existing) > 3 else ""
        raise UserError(
            f"{', '.join(existing[:3])}{more} exists already: give --force to replace it, or another --output"
        )


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
    # Paths count from the current directory, so they are whole: https://curl.se/docs/manpage.html#-K
    def quoted(path: Path) -> str:
        return '"' + str(path.absolute()).replace("\\", "\\\\").replace('"', '\\"') + '"'

    return (
        "# curl -K FILE URL; after moving the files, put their new paths here\ncert ="
        f" {quoted(certificate)}\nkey = {quoted(key)}\n".encode()
    )


def _secret(name: str, chain_pem: str, private_key_pem: str, root_pems: Iterable[str]) -> bytes:
    from alb_mutual_tls.pki import tls_secret

    label = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")
    lines = [
        "apiVersion: v1",
        "kind: Secret",
        "metadata:",
        f"  name: {label}-client-certificate",
        f"type: {tls_secret.TYPE}",
        "data:",
    ]
    lines += [
        f"  {key}: {value}" for key, value in tls_secret.data(chain_pem, private_key_pem, root_pems).items()
    ]
    return ("\n".join(lines) + "\n").encode()


def _p12(name: str, client: DeployedClient, password: str | None, *, legacy: bool) -> list[ClientFile]:
    from alb_mutual_tls.pki.bundle import pkcs12, random_password

    assert client.private_key_pem is not None
    chosen = password or random_password()
    content = pkcs12(client.name, client.chain_pem, client.private_key_pem, chosen, legacy=legacy)
    what = "certificate with chain and private key, encrypted"
    if legacy:
        what += (
            " with 3DES and SHA-1 for old readers, weaker than AES: use a long password, and no --legacy"
            " where it is not needed"
        )
    return _with_password(ClientFile(f"{name}.p12", what, content), password, chosen)


def _truststore(name: str, authorities: Mapping[str, str], password: str | None) -> list[ClientFile]:
    from alb_mutual_tls.pki.bundle import java_truststore, random_password

    chosen, distinct = password or random_password(), _distinct(authorities)
    whose = ", ".join(distinct)
    what = (
        f"CA certificates of {whose} for a Java server that checks these clients itself; not what a client"
        " trusts the ALB by"
    )
    return _with_password(
        ClientFile(f"{name}.truststore.p12", what, java_truststore(distinct, chosen)), password, chosen
    )


def _with_password(file: ClientFile, given: str | None, chosen: str) -> list[ClientFile]:
    if given:
        return [file]
    return [
        file,
        ClientFile(f"{file.name}.password", f"password of {file.name}; keep it apart from it", _pem(chosen)),
    ]


def _distinct(authorities: Mapping[str, str]) -> dict[str, str]:
    """Without those that share their root with one before (brought subordinates)."""
    from alb_mutual_tls.pki.bundle import fingerprint

    known: dict[str, str] = {}
    for name, pem in authorities.items():
        known.setdefault(fingerprint(pem), name)
    return {name: authorities[name] for name in known.values()}
