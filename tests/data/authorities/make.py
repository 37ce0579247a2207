"""Makes this directory anew: certificate authorities by other tools, good and bad, without their
keys, and INDEX.md, which tells what each is.

    TOOLS=/tmp/tools && cd $TOOLS && apt-get download easy-rsa golang-cfssl mkcert
    for d in *.deb; do dpkg-deb -x $d .; done
    export PATH=$TOOLS/usr/bin:$TOOLS/usr/share/easy-rsa:$PATH EASYRSA=$TOOLS/usr/share/easy-rsa
    .venv/bin/python -m tests.data.authorities.make

Every command runs in an empty directory, which is removed with the keys in it. Below each authority
a client certificate is made, in `clients/`: by the product where it accepts the authority, else
with openssl. INDEX.md says what openssl has to say of that client where the last certificate of the
authority's file is trusted.
"""

# ruff: noqa: E501  # commands and sentences stand here as they are
from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alb_mutual_tls.pki import signing
from tests.data.authorities.case import BARE, CLIENT_EXTENSIONS, EC, URI, Case
from tests.data.authorities.openssl_cases import ACCEPTED, FORM, KEYS_AND_SIGNATURES
from tests.data.authorities.openssl_chains import CHAINS, CONTAINERS
from tests.data.authorities.tool_cases import CFSSL, EASY_RSA, MKCERT, OUR_OWN

HERE: Final = Path(__file__).parent
TODAY: Final = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
CLOCK: Final = TODAY + timedelta(days=2)
"""When the tests judge the authorities: all were made before."""


CASES: Final = (
    *ACCEPTED,
    *FORM,
    *KEYS_AND_SIGNATURES,
    *CONTAINERS,
    *CHAINS,
    *EASY_RSA,
    *CFSSL,
    *MKCERT,
    *OUR_OWN,
)


# --- our own generator


@dataclass(frozen=True)
class Made:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def authority(
    name: str,
    issuer: Made | None = None,
    *,
    start: datetime = TODAY - timedelta(days=30),
    end: datetime = TODAY + timedelta(days=3650),
    critical_identifier: bool = False,
    issuer_identifier: bytes = b"",
) -> Made:
    """A certificate of an authority, a root unless it has an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder(
            issuer.certificate.subject if issuer else subject,
            subject,
            key.public_key(),
            x509.random_serial_number(),
        )
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=critical_identifier
        )
    )
    if issuer_identifier:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier(issuer_identifier, None, None), critical=False
        )
    return Made(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def tampered(made: Made) -> Made:
    der = bytearray(made.certificate.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return Made(x509.load_der_x509_certificate(bytes(der)), made.key)


def three(**of_the_middle: Any) -> list[Made]:
    root = authority("Example Root")
    policy = authority("Example Policy CA", root, **of_the_middle)
    return [authority("Example Issuing CA", policy), policy, root]


def two(**of_the_subordinate: Any) -> list[Made]:
    root = authority("Example Root")
    return [authority("Example Issuing CA", root, **of_the_subordinate), root]


PAST: Final[dict[str, Any]] = {
    "start": datetime(2020, 1, 1, tzinfo=UTC),
    "end": datetime(2021, 1, 1, tzinfo=UTC),
}
OURS: Final[dict[str, Callable[[], list[Made]]]] = {
    "expired": lambda: [authority("Example Root", **PAST)],
    "not_yet": lambda: [
        authority(
            "Example Root", start=datetime(2100, 1, 1, tzinfo=UTC), end=datetime(2110, 1, 1, tzinfo=UTC)
        )
    ],
    "no_end": lambda: [authority("Example Root", end=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))],
    "expired_subordinate": lambda: two(**PAST),
    "expired_in_the_middle": lambda: three(**PAST),
    "tampered": lambda: [tampered(authority("Example Root"))],
    "tampered_subordinate": lambda: [tampered((chain := two())[0]), chain[1]],
    "critical_key_identifier": lambda: [authority("Example Root", critical_identifier=True)],
    "other_key_identifier": lambda: [authority("Example Root", issuer_identifier=bytes(20))],
}


# --- making it all


def shell(directory: Path, commands: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=directory,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{commands}\n{done.stderr}")
    return (done.stdout + done.stderr).strip()


def versions() -> dict[str, str]:
    here = Path()
    return {
        "openssl": shell(here, "openssl version | cut -d' ' -f1,2"),
        "easy-rsa": "easy-rsa " + shell(here, "easyrsa version | sed -n 's/^Version: *//p'"),
        "cfssl": "cfssl " + shell(here, "cfssl version | sed -n 's/^Version: *//p'"),
        "mkcert": "mkcert " + shell(here, "mkcert -version"),
        "cryptography": (
            "cryptography " + shell(here, "python -c 'import cryptography; print(cryptography.__version__)'")
        ),
    }


def make(case: Case, directory: Path) -> bytes:
    """The content of the authority's file; its key stays in the directory."""
    (directory / "bare.cnf").write_text(BARE)
    if case.tool != "cryptography":
        shell(directory, case.how.replace("FILE", case.file))
        return (directory / case.file).read_bytes()
    chain = OURS[case.how]()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "ca.key").write_bytes(chain[0].key.private_bytes(*form))
    return b"".join(made.certificate.public_bytes(serialization.Encoding.PEM) for made in chain)


def client(case: Case, content: str, directory: Path) -> tuple[str, str]:
    """A client certificate below the authority, and what openssl says of it."""
    blocks = _BLOCK.findall(content)
    for name, text in (("signer", blocks[0]), ("root", blocks[-1]), ("chain", "\n".join(blocks))):
        (directory / f"{name}-of-client.pem").write_text(f"{text}\n")
    request = (
        f"openssl req -new -config bare.cnf -newkey {EC} -nodes -keyout client.key -subj /CN=web -out"
        " client.csr"
    )
    shell(directory, request)
    if not case.said:
        (directory / "client.pem").write_text(
            by_the_product(blocks[0], (directory / case.key).read_text(), directory / "client.csr")
        )
    else:
        (directory / "client.ext").write_text(CLIENT_EXTENSIONS)
        sign = (
            f"openssl x509 -req -in client.csr -CA signer-of-client.pem -CAkey {case.key} -set_serial 7 -days"
            " 3000 -extfile client.ext"
        )
        shell(directory, f"{sign} -out client.pem {'-sm3' if 'sm2' in case.file else ''}")
    said = shell(directory, f"{VERIFY} -attime {CLOCK.timestamp():.0f} client.pem 2>&1 || true")
    error = re.search(r"error (\d+) at \d+ depth lookup: (.*)", said)
    return (directory / "client.pem").read_text(), f"error {error[1]}, {error[2]}" if error else "accepted"


def by_the_product(signer: str, key: str, csr: Path) -> str:
    issuer = signing.Issuer.load(f"{signer}\n", key)
    public_key: Any = x509.load_pem_x509_csr(csr.read_bytes()).public_key()
    builder = signing.client_certificate(
        issuer, public_key, subject={"commonName": "web"}, uris=[URI], validity_days=3000, now=CLOCK
    )
    return signing.to_pem(signing.sign(builder, issuer))


VERIFY: Final = (
    "openssl verify -no-CApath -no-CAstore -CAfile root-of-client.pem -untrusted chain-of-client.pem -purpose"
    " sslclient"
)
_BLOCK: Final = re.compile(
    r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.*?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL
)
INDEX: Final = """# Certificate authorities made by other tools

Made by `make.py`; public certificates only, each key was thrown away.
The tests judge them at {clock} and demand these very sentences (`tests/unit/operations/inspection/test_corpus.py`).
"OpenSSL": what `openssl verify -purpose sslclient` says of a client certificate below (`clients/`), \
where the last certificate of the file is trusted.
Where it says "accepted" of an authority that is refused, the reason is a weakness, \
or a form that other verifiers refuse (docs/pki.md).

Made with {versions}.

A key beside a certificate and a file of more than 100,000 bytes are tried in the test itself, so that no key is in the repository.

| file | tool | what it is | OpenSSL | refused with |
|---|---|---|---|---|
{rows}

## Commands

In an empty directory with `bare.cnf`: `{bare}`.
"cryptography": the function of that name in `make.py`.

{commands}
"""


def main() -> None:
    for old in (*HERE.iterdir(), *(HERE / "clients").glob("*")):
        if old.is_file() and old.suffix not in (".py", ".md"):
            old.unlink()
    (HERE / "clients").mkdir(exist_ok=True)
    rows, commands = [], []
    for case in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            content = make(case, Path(scratch))
            (HERE / case.file).write_bytes(content)
            verdict = "-"
            if case.key:
                certificate, verdict = client(case, content.decode(errors="replace"), Path(scratch))
                (HERE / "clients" / f"{Path(case.file).stem}.pem").write_text(certificate)
        rows.append(f"| {case.file} | {case.tool} | {case.about} | {verdict} | {case.said or 'accepted'} |")
        commands.append(f"{case.file}\n```sh\n{case.how.replace('FILE', case.file)}\n```")
    index = INDEX.format(
        clock=CLOCK.isoformat(),
        versions=", ".join(versions().values()),
        rows="\n".join(rows),
        bare=BARE.replace("\n", "\\n"),
        commands="\n\n".join(commands),
    )
    (HERE / "INDEX.md").write_text(index)


if __name__ == "__main__":
    main()
