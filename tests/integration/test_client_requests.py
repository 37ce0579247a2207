"""A client that brings a certificate signing request: it gets in with its own key, and that key is
nowhere else. Bad requests are refused in preview.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.engine import Sandbox, Stack, run, succeed
from tests.integration.underway import Underway

pytestmark = pytest.mark.campaign

ROOT: Final = {"organizationName": "Example", "commonName": "Example Client CA"}
CURVE: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
ASKED: Final = """[req]
distinguished_name = dn
req_extensions = asked
attributes = attributes
prompt = no
[dn]
O = Somebody Else
CN = partner
[attributes]
challengePassword = hunter22
[asked]
subjectAltName = DNS:demo.alb.ingress.top, URI:spiffe://elsewhere/admin
extendedKeyUsage = clientAuth, serverAuth
"""
LEFT_OUT: Final = (
    "organizationName 'Somebody Else' in the subject",
    "DNS name 'demo.alb.ingress.top'",
    "URI name 'spiffe://elsewhere/admin'",
    "extended key usage serverAuth",
    "a challenge password",
)
_PEM_IN_BASE64: Final = re.compile(rb"LS0tLS1CRUdJT[A-Za-z0-9+/]+")
_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL
)


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's own directory: `partner.key`, which nobody else gets, and `partner.csr`, which
    asks for more than it is given.
    """
    directory = tmp_path_factory.mktemp("partner")
    (directory / "request.cnf").write_text(ASKED)
    command = (
        "openssl",
        "req",
        "-new",
        *CURVE,
        "-nodes",
        "-config",
        "request.cnf",
        "-keyout",
        "partner.key",
        "-out",
        "partner.csr",
    )
    succeed(run(*command, cwd=directory))
    return directory


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path, partner: Path) -> Iterator[Stack]:
    """A stack with a client whose key it makes, and one that brings a request; the tests of this
    module follow each other.
    """
    made = Stack("partners", program, sandbox)
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256", "subject": ROOT}}, clients={"web": {}})
    (program / "partner.csr").write_text((partner / "partner.csr").read_text())
    made.set_by_command(
        "alb-mutual-tls:clients.partner.csr", "partner.csr"
    )  # relative to the project's directory
    yield made
    made.remove()
    (program / "partner.csr").unlink()


def test_the_preview_says_what_the_request_asks_for_in_vain_and_changes_nothing(stack: Stack) -> None:
    done = stack.preview()
    shown = succeed(done) + done.stderr
    for words in LEFT_OUT:
        assert (
            f"the request asks for {words}, which the configuration does not grant, so it is left out"
            in shown
        )
    assert "hunter22" not in shown
    assert stack.sandbox.stored("certificates") == []


# --- no client key anywhere


@dataclass(frozen=True)
class Scalar:
    """The private number of a P-256 key, in every form in which it could stand somewhere."""

    number: int

    @classmethod
    def of(cls, pem: str) -> Scalar:
        key = serialization.load_pem_private_key(pem.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key.private_numbers().private_value)

    @property
    def forms(self) -> set[bytes]:
        octets = self.number.to_bytes(32, "big")
        found = {octets, octets.hex().encode(), octets.hex().upper().encode(), str(self.number).encode()}
        for shift in range(
            3
        ):  # base64 of what holds it anywhere; the digits at both ends depend on what stands beside it
            encoded = base64.b64encode(bytes(shift) + octets)[4:-4]
            found |= {encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")}
        return found

    def is_in(self, content: bytes) -> bool:
        """Also when it goes over the lines of a PEM, in JSON, in JSON in JSON as the state has it,
        or in base64 as in a Kubernetes Secret.
        """
        joined = re.sub(rb"\s|\\+[nr]", b"", content)
        inner = (
            base64.b64decode(match[0] + b"=" * (-len(match[0]) % 4))
            for match in _PEM_IN_BASE64.finditer(joined)
        )
        return any(form in content or form in joined for form in self.forms) or any(map(self.is_in, inner))


@dataclass
class Watcher(threading.Thread):
    """Reads command line, environment and temporary files of every process of a running command,
    over and over.
    """

    underway: Underway
    temporary: Path
    seen: dict[str, bytes] = field(default_factory=dict)
    """By process, what was read, and its content."""
    looks: int = 0
    _pause: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while self.underway.engine.poll() is None:
            self.looks += 1
            for process in self.underway.session():
                for what in ("cmdline", "environ"):
                    self._read(f"{process.pid} {what}", Path(f"/proc/{process.pid}/{what}"))
            for file in self.temporary.rglob("*"):
                if file.is_file():
                    self._read(str(file), file)
            self._pause.wait(0.01)

    def _read(self, name: str, file: Path) -> None:
        try:
            content = file.read_bytes()
        except OSError:
            return  # it has ended meanwhile
        self.seen[f"{name} {hash(content)}"] = content

    def processes(self) -> set[str]:
        return {name.split()[0] for name in self.seen if " environ " in name}


def files_below(*directories: Path) -> dict[str, bytes]:
    """Everything that stands in files of these directories, without following links out of them."""
    found = {}
    for directory in directories:
        for file in directory.rglob("*"):
            if file.is_file() and not any(
                part.is_symlink() for part in (file, *file.parents) if part.is_relative_to(directory)
            ):
                # the sandbox is at work: etcd and nginx rename files
                with suppress(FileNotFoundError):
                    found[str(file)] = file.read_bytes()
    return found


def public_keys(content: str) -> set[bytes]:
    """Of every private key that stands in a text."""
    keys = set()
    for match in _KEY_BLOCK.finditer(re.sub(r"\\+n", "\n", content)):
        load = (
            serialization.load_ssh_private_key
            if "OPENSSH" in match[1]
            else serialization.load_pem_private_key
        )
        keys.add(public_bytes(load(match[0].encode(), None).public_key()))
    return keys


def keys_by_file(files: Mapping[str, bytes]) -> dict[str, set[bytes]]:
    """Of every private key that stands in files."""
    return {
        name: public_keys(content.decode(errors="replace"))
        for name, content in files.items()
        if b"PRIVATE KEY-----" in content
    }


def public_bytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def public_key_of(certificate: str) -> bytes:
    return public_bytes(x509.load_pem_x509_certificate(certificate.encode()).public_key())


def test_the_clients_key_is_nowhere_while_and_after_it_is_issued(
    stack: Stack, partner: Path, tmp_path: Path
) -> None:
    earlier = set().union(
        *keys_by_file(files_below(stack.sandbox.directory)).values()
    )  # of Secrets that other tests have delivered into this cluster
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    stack.env = {"TMPDIR": str(temporary)}
    underway = stack.begin("up", "--yes", "--skip-preview", "--suppress-progress", "--logtostderr", "-v=9")
    watcher = Watcher(underway, temporary)
    watcher.start()
    try:
        assert underway.engine.wait(240) == 0, underway.shown()[-5000:]
    finally:
        underway.kill()
        watcher.join()
        stack.env = {}

    decrypted = succeed(stack.pulumi("stack", "export", "--show-secrets"))
    outputs = json.loads(succeed(stack.pulumi("stack", "output", "--json", "--show-secrets")))
    partners_key = Scalar.of((partner / "partner.key").read_text())
    own_key = Scalar.of(stack.private_keys()["web"])
    verbose = underway.log.read_bytes()
    everywhere = {
        "decrypted state": decrypted.encode(),
        **watcher.seen,
        **files_below(stack.sandbox.directory, stack.directory, temporary),
    }

    # It could be found: the search sees the key that the stack makes itself, and the watcher saw
    # our plugin and its environment.
    pem = (partner / "partner.key").read_bytes()
    for form in (
        pem,
        json.dumps(json.dumps(pem.decode())).encode(),
        base64.b64encode(pem),
        base64.encodebytes(pem),
    ):
        assert partners_key.is_in(form)
    assert own_key.is_in(decrypted.encode())
    assert not own_key.is_in(verbose)
    assert any(b"alb_mutual_tls.provider" in content for content in watcher.seen.values())
    assert any(b"PULUMI_CONFIG_PASSPHRASE=" in content for content in watcher.seen.values())
    assert any(
        name.startswith(str(stack.sandbox.directory)) and name.endswith("api.log") for name in everywhere
    )
    assert any(".pulumi/history" in name for name in everywhere)
    assert b"alb-mutual-tls-issued" in verbose

    assert [name for name, content in everywhere.items() if partners_key.is_in(content)] == []
    assert stack.private_keys().keys() == {"web"}
    issued = stack.issued()
    expected = {
        public_key_of(outputs["caCertificatePem"]),
        public_key_of(issued["web"]["certificatePem"]),
    }
    assert public_keys(decrypted) == expected
    assert not [
        name for name, content in watcher.seen.items() if name[0].isdigit() and b"PRIVATE KEY" in content
    ]  # processes
    of_partner = public_key_of(issued["partner"]["certificatePem"])
    pki = files_below(stack.sandbox.directory / "pki")
    of_the_sandbox = set().union(*(public_keys(content.decode(errors="replace")) for content in pki.values()))
    blocks = keys_by_file(everywhere)
    found = set().union(*blocks.values())
    assert of_partner not in found
    assert expected | of_the_sandbox <= found <= expected | of_the_sandbox | earlier
    # The kubeconfig's own key has to stand in a file for a moment; those of the stack never do.
    assert not [name for name, keys in blocks.items() if keys & expected and name != "decrypted state"]
    print(
        f"searched {len(everywhere)} texts of {sum(map(len, everywhere.values()))} bytes, of them"
        f" {len(verbose)} of verbose log, and in {watcher.looks} looks the command lines and environments of"
        f" {len(watcher.processes())} processes: the partner's key 0 times; the key that the stack made for"
        f" web: {sorted(name for name, content in everywhere.items() if own_key.is_in(content))}; texts with"
        f" any private key: {sorted(blocks)}"
    )


def test_it_gets_in_with_its_own_key_and_the_certificate_names_what_was_configured(
    stack: Stack, partner: Path, tmp_path: Path
) -> None:
    command = (
        "clients",
        "export",
        "partner",
        "--format",
        "pem",
        "--output",
        tmp_path,
        "--stack",
        stack.name,
        "--cwd",
        stack.directory,
    )
    shown = succeed(run(stack.directory / "mtls", *command, env=stack.sandbox.env, cwd=stack.directory))
    assert "partner brought a CSR: its private key stays with the client" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["partner.crt"]
    certificate = x509.load_pem_x509_certificate((tmp_path / "partner.crt").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=partner"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [type(name) for name in names] == [x509.UniformResourceIdentifier]
    assert next(iter(names)).value.endswith(".alb-mutual-tls/client/partner")
    assert stack.get((tmp_path / "partner.crt", partner / "partner.key")) == (200, "old")
    assert stack.get()[0] in (0, 400)
    done = stack.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    done = stack.verify("--cert", str(tmp_path / "partner.crt"), "--key", str(partner / "partner.key"))
    assert done.returncode == 0, done.stdout + done.stderr
    stack.unchanged()


# --- bad requests


def made(directory: Path, *options: str, key: tuple[str, ...] = CURVE, subject: str = "/CN=bad") -> str:
    command = ("openssl", "req", "-new", *key, "-nodes", "-keyout", "/dev/null", "-subj", subject, *options)
    return subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout


def tampered(request: str) -> str:
    der = bytearray(x509.load_pem_x509_csr(request.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()


BAD: Final = {
    "tampered": "is not signed by its own key, so the file was changed or damaged; make the request anew",
    "short": (
        "its key is RSA of 1024 bits; use RSA of 2048 to 8192 bits, ECDSA-P256 or ECDSA-P384, and make the"
        " request anew"
    ),
    "sha1": "is signed with SHA1, which can be forged; make it anew with SHA-256",
    "authority": (
        "asks for a certificate authority (basicConstraints CA:TRUE or key usage keyCertSign), and only"
        " clients are signed here"
    ),
    "namesake": (
        "has the subject of the authority CN=Example Client CA,O=Example; make the request anew with the"
        " client's own name"
    ),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("bad")
    return {
        "tampered": tampered(made(directory)),
        "short": made(directory, key=("-newkey", "rsa:1024")),
        "sha1": made(directory, "-sha1"),
        "authority": made(directory, "-addext", "basicConstraints=critical,CA:TRUE"),
        "namesake": made(directory, subject="/O=Example/CN=EXAMPLE client CA"),
    }


@pytest.fixture
def clients(stack: Stack) -> Iterator[dict[str, Any]]:
    """The clients of the stack, to which a test adds some."""
    before = stack.config["alb-mutual-tls:clients"]
    stack.config["alb-mutual-tls:clients"] = found = dict(before)
    yield found
    stack.config["alb-mutual-tls:clients"] = before


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_request_is_refused_in_preview_in_one_sentence(
    stack: Stack, clients: dict[str, Any], bad: dict[str, str], kind: str
) -> None:
    clients["bad"] = {"csr": bad[kind]}
    shown = stack.fails("preview")
    assert (
        f"the certificate signing request {BAD[kind]}".replace("request its", "request is refused: its")
        in shown
    )
    assert shown.count("the certificate signing request") == 1


def test_a_missing_file_and_a_key_in_place_of_a_request_are_told_together(
    stack: Stack, clients: dict[str, Any], partner: Path
) -> None:
    clients |= {"missing": {"csr": "no/such.csr"}, "mistaken": {"csr": str(partner / "partner.key")}}
    shown = stack.fails("preview")
    assert (
        "clients.missing.csr: 'no/such.csr' is neither PEM text nor a file that can be read (No such file or"
        " directory)" in shown
    )
    assert (
        "clients.mistaken.csr: contains a private key, which must never leave its place; give what is public"
        " alone" in shown
    )
    assert not Scalar.of((partner / "partner.key").read_text()).is_in(shown.encode())
