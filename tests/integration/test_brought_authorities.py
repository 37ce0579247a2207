"""Authorities that somebody brings, on the real engine: a root with and without its key, a
subordinate, one that CAS has already, one that expires.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from alb_mutual_tls.listener.bypasses import NOT_LOOKED_AT
from dev.sandbox.cloud.seeds import PRIVATE_CA_ID
from tests.integration.engine import Sandbox, Stack, run, succeed
from tests.unit.pki.material import CA_USAGE, name_of

pytestmark = pytest.mark.campaign

DAY = timedelta(days=1)
LIFE = timedelta(seconds=20)
"""What is left to an authority that is to expire: enough to deploy it."""


@dataclass(frozen=True)
class Brought:
    """An authority that was made elsewhere, with the files its owner has."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: str = ""
    """PEM of what stands above it."""

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode() + self.above

    @property
    def key_pem(self) -> str:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self.key.private_bytes(*form).decode()

    def client(self, directory: Path) -> tuple[Path, Path]:
        """Chain and key of a client that its owner certifies with openssl, without the stack."""
        (directory / "ca.crt").write_text(self.pem)
        (directory / "ca.key").write_text(self.key_pem)
        request = (
            "openssl",
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=elsewhere",
        )
        succeed(run(*request, "-keyout", "client.key", "-out", "client.csr", cwd=directory))
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", "7", "-days", "2")
        succeed(
            run("openssl", "x509", "-req", "-in", "client.csr", *signing, "-out", "client.crt", cwd=directory)
        )
        return directory / "client.crt", directory / "client.key"


def authority(
    name: str, issuer: Brought | None = None, *, end: datetime | None = None, path_length: int | None = None
) -> Brought:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = name_of(name, ORGANIZATION_NAME="Example")
    builder = (
        x509.CertificateBuilder(
            issuer.certificate.subject if issuer else subject,
            subject,
            key.public_key(),
            x509.random_serial_number(),
        )
        .not_valid_before(now - DAY)
        .not_valid_after(end or now + 365 * DAY)
        .add_extension(x509.BasicConstraints(True, path_length), critical=True)
        .add_extension(CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Brought(
        builder.sign(issuer.key if issuer else key, hashes.SHA256()), key, issuer.pem if issuer else ""
    )


Start = Callable[..., Stack]


@pytest.fixture
def start(sandbox: Sandbox, program: Path) -> Iterator[Start]:
    """Makes a stack with these keys; afterwards it is destroyed, and the AlbConfig is what it was
    before.
    """
    made: list[Stack] = []
    first = sandbox.albconfig()["spec"]

    def begin(name: str, **keys: Any) -> Stack:
        made.append(Stack(name, program, sandbox))
        made[-1].set(**keys)
        return made[-1]

    yield begin
    for stack in reversed(made):
        stack.remove()
    assert sandbox.albconfig()["spec"] == first


def uploads(stack: Stack) -> list[str]:
    return sorted(str(item["Identifier"]) for item in stack.sandbox.stored("certificates"))


def give_key(stack: Stack, authority: str, key: str) -> None:
    """`pulumi config set --secret --path`, as docs/configuration.md has it."""
    stack.set_secret(f"alb-mutual-tls:authorityPrivateKeys.{authority}", key)


def test_a_root_is_trusted_without_its_key_then_signs_with_it_under_any_name(
    start: Start, tmp_path: Path
) -> None:
    root = authority("Example Root")
    (tmp_path / "root.pem").write_text("# 社内認証局\n" + root.pem)
    stack = start("brought", authorities={"corp": {"certificate": str(tmp_path / "root.pem")}}, clients={})
    stack.up()
    elsewhere = root.client(tmp_path)
    assert stack.get(elsewhere) == (200, "old")
    assert stack.get()[0] in (0, 400)
    assert stack.verify("--cert", str(elsewhere[0]), "--key", str(elsewhere[1])).returncode == 0
    assert stack.verify().returncode == 2  # there is no client to compare with
    before = uploads(stack)

    stack.set(clients={"web": {}})
    assert (
        "authorityPrivateKeys.corp: not set, and corp is to sign clients; set it (pulumi config set --secret"
        in stack.fails("preview")
    )
    give_key(stack, "corp", root.key_pem)
    stack.up()
    web = stack.client(tmp_path / "web", "web")
    assert (tmp_path / "web/web.crt").read_text().count("BEGIN") == 1
    assert stack.get(web) == stack.get(elsewhere) == (200, "old")
    assert stack.verify().returncode == 0
    assert root.key_pem.splitlines()[1] not in (stack.directory / f"Pulumi.{stack.name}.yaml").read_text()

    stack.config["alb-mutual-tls:authorities"] = {
        "company": stack.config["alb-mutual-tls:authorities"]["corp"]
    }
    keys = stack.config["alb-mutual-tls:authorityPrivateKeys"]
    stack.config["alb-mutual-tls:authorityPrivateKeys"] = {"company": keys["corp"]}
    stack.unchanged()
    stack.up()
    assert uploads(stack) == before
    assert stack.get(web) == (200, "old")


def test_below_a_subordinate_clients_present_it_and_the_root_is_what_is_trusted(
    start: Start, tmp_path: Path
) -> None:
    root = authority("Example Root")
    issuing, other = authority("Example Issuing CA", root, path_length=0), authority("Example Other CA", root)
    stack = start("below", authorities={"corp": {"certificate": issuing.pem}}, clients={"web": {}})
    give_key(stack, "corp", issuing.key_pem)
    done = stack.carry_out("up")
    assert (
        "the listeners trust the root above authority corp, so every client certificate below that root"
        " gets in" in succeed(done) + done.stderr
    )
    web = stack.client(tmp_path / "web", "web")
    chain = x509.load_pem_x509_certificates(web[0].read_bytes())
    assert [one.subject.rfc4514_string() for one in chain] == ["CN=web", "CN=Example Issuing CA,O=Example"]
    (upload,) = stack.sandbox.stored("certificates")
    assert upload["Content"].split() == root.pem.split()
    assert stack.get(web) == (200, "old")
    assert stack.get() != (200, "old")
    assert stack.verify().returncode == 0
    below_other = other.client(tmp_path)
    below_other[0].write_text(below_other[0].read_text() + other.pem)
    assert stack.get(below_other) == (200, "old")  # that is what the warning means
    give_key(stack, "corp", root.key_pem)
    assert (
        "the private key is not the key of CN=Example Issuing CA,O=Example; give the two that belong together"
        in stack.fails("preview")
    )
    give_key(stack, "corp", issuing.key_pem)


def test_what_others_have_in_cas_is_used_by_its_id_or_content_and_left_by_a_destroy(
    start: Start, tmp_path: Path
) -> None:
    root = authority("Example Root")
    owner = start(
        "owner",
        authorities={"corp": {"certificate": root.pem}},
        clients={},
        listeners={},
        repository="company",
    )
    owner.up()
    (there,) = uploads(owner)

    by_id = start("by-id", authorities={"corp": {"caCertificateId": there}}, clients={"web": {}})
    give_key(by_id, "corp", root.key_pem)
    by_id.up()
    assert by_id.sandbox.listeners()[443]["caCertificates"] == [{"CertificateId": there}]
    assert by_id.get(by_id.client(tmp_path / "by-id", "web")) == (200, "old")
    assert by_id.verify().returncode == 0
    by_id.unchanged()
    both = {"corp": {"caCertificateId": there}, "own": {}}
    named = {
        "web": {},
        "namesake": {"subject": {"organizationName": "example", "commonName": "Example Root"}},
    }
    by_id.set(authorities=both, issuingAuthority="own", trustedAuthority="corp", clients=named)
    refusal = (
        "the client's subject is that of the authority CN=Example Root,O=Example; give the client another"
        " commonName"
    )
    assert f"client namesake: {refusal}" in by_id.fails("preview")
    by_id.set(clients={"web": {}}, issuingAuthority="corp")
    by_id.set(authorities={"corp": {"caCertificateId": "nowhere"}})
    assert (
        "there is no CA certificate nowhere in CAS of account 1234567890123456: correct caCertificateId"
        in by_id.fails("preview")
    )
    by_id.destroy()
    assert uploads(owner) == [there]

    by_content = start(
        "by-content", authorities={"corp": {"certificate": root.pem}}, clients={}, repository="company"
    )
    by_content.up()
    assert uploads(owner) == [there]
    assert by_content.sandbox.listeners()[443]["caCertificates"] == [{"CertificateId": there}]
    by_content.destroy()
    assert uploads(owner) == [there]
    owner.unchanged()


def test_a_ca_of_the_private_ca_service_is_trusted_by_its_id(start: Start, tmp_path: Path) -> None:
    stack = start("private-ca", authorities={"theirs": {"caCertificateId": PRIVATE_CA_ID}}, clients={})
    previewed = stack.preview()
    shown = previewed.stdout + previewed.stderr
    kept = (
        f"CA certificates are kept by CAS at {stack.sandbox.layout.openapi_endpoint}, as"
        " alicloud:endpoints.cas says"
    )
    assert (previewed.returncode, shown.count(kept), shown.count(NOT_LOOKED_AT)) == (0, 1, 1), shown
    stack.up()
    assert stack.sandbox.listeners()[443]["caCertificates"] == [{"CertificateId": PRIVATE_CA_ID}]
    assert stack.get()[0] in (0, 400)
    assert stack.get(authority("somebody else").client(tmp_path))[0] in (0, 400)
    assert stack.sandbox.stored("warehouses") == []
    stack.unchanged()


def test_an_authority_that_expires_can_be_switched_off_and_not_on_again(start: Start, tmp_path: Path) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + LIFE
    root = authority("Example Root", end=ends)
    stack = start("ending", authorities={"corp": {"certificate": root.pem}}, clients={})
    stack.up()
    client = root.client(tmp_path)
    assert stack.get(client) == (200, "old")
    while stack.get(client) == (200, "old"):
        assert datetime.now(UTC) < ends + LIFE
        time.sleep(0.5)
    stack.unchanged()
    stack.set(caEnabled=False)
    stack.up()
    assert stack.get() == (200, "old")
    stack.set(caEnabled=True)
    shown = " ".join(stack.refused().split())
    assert (
        f"would ask for certificates of an authority that ended on {ends:%Y-%m-%dT%H:%M:%SZ}, so everybody"
        " would be locked out" in shown
    )
    assert (
        "clients of authority corp are let in by no listener: CN=Example Root,O=Example: it expired on"
        in shown
    )
    assert stack.get() == (200, "old")
    stack.set(caEnabled=False)

    late = start("late", authorities={"corp": {"certificate": root.pem}}, clients={}, listeners={})
    assert (
        f"the CA certificate that was brought cannot be used: it expired on {ends:%Y-%m-%dT%H:%M:%SZ}"
        in late.fails("preview")
    )
