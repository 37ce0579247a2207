"""One authority of this directory: the command that makes it, and what the product says."""

# commands and sentences stand here as they are
from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BARE: Final = "[req]\ndistinguished_name=dn\n[dn]\n"
"""bare.cnf: openssl adds no extension by itself."""


URI: Final = "spiffe://0a1b2c3d.alb-mutual-tls/client/web"


CLIENT_EXTENSIONS: Final = (
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
    f"subjectAltName=URI:{URI}\nsubjectKeyIdentifier=hash\n"
)


EC: Final = "ec -pkeyopt ec_paramgen_curve:P-256"


@dataclass(frozen=True)
class Case:
    """One authority: `how` (bash; of our own generator the name of a function of `OURS`) writes
    `file`.

    `said` is what the product says of it; empty: accepted. `key` is of what signs; empty: nothing
    can be signed.
    """

    file: str
    tool: str
    how: str
    about: str
    said: str = ""
    key: str = "ca.key"


def root(
    key: str = EC,
    *options: str,
    name: str = "Example Root",
    constraints: str = "critical,CA:TRUE",
    usage: str = "critical,keyCertSign,cRLSign",
    more: tuple[str, ...] = (),
    out: str = "FILE",
    keyout: str = "ca.key",
) -> str:
    """The openssl command of a self-signed certificate; empty extensions are left out."""
    extensions = [
        f"basicConstraints={constraints}" if constraints else "",
        f"keyUsage={usage}" if usage else "",
        "subjectKeyIdentifier=hash",
    ]
    added = [f"-addext {extension}" for extension in (*extensions, *more) if extension]
    command = (
        f"openssl req -x509 -config bare.cnf -newkey {key} -nodes -keyout {keyout} -days 3650 -subj"
        f" '/CN={name}'"
    )
    return " ".join([command, *added, *options, f"-out {out}"])


def below(
    name: str = "Example Issuing CA",
    constraints: str = "critical,CA:TRUE,pathlen:0",
    *,
    usage: str = "keyCertSign,cRLSign",
    more: str = "authorityKeyIdentifier=keyid",
    issuer: str = "root",
    stem: str = "ca",
) -> str:
    """The openssl commands of an authority below another one."""
    extensions = (
        f"basicConstraints={constraints}\\nkeyUsage=critical,{usage}\\nsubjectKeyIdentifier=hash\\n{more}\\n"
    )
    return (
        f"openssl req -new -config bare.cnf -newkey {EC} -nodes -keyout {stem}.key -subj '/CN={name}' -out"
        f" {stem}.csr\nopenssl x509 -req -in {stem}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial"
        f" -days 1825 -extfile <(printf '{extensions}') -out {stem}.pem"
    )


def lines(*commands: str) -> str:
    return "\n".join(commands)


ROOT: Final = root(out="root.pem", keyout="root.key")
