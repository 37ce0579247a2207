"""What `mtls inspect` says of a client at a CA, beside what nginx with OpenSSL does with the same certificates, in TLS 1.2 and 1.3.

"Seen on the sandbox" in its reasons means this: the sandbox's data plane is nginx with this configuration.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from alb_mutual_tls.pki.explanation import Anchor, Basis, Judgement, Role, Source, Verdict, explain
from alb_mutual_tls.pki.pieces import read
from alb_mutual_tls.pki.signing import Issuer
from tests.contract.pki.servers import Nginx, server_certificate
from tests.unit.pki.material import DAY, authority, cross, first_version, key, key_usage, name_of, pem, signed_with_sha1

NOW: Final = datetime.now(UTC)
END: Final = NOW + 3000 * DAY
Extensions = Sequence[tuple[x509.ExtensionType, bool]]


def constraints(ca: bool, path_length: int | None = None) -> tuple[x509.ExtensionType, bool]:
    return x509.BasicConstraints(ca, path_length), True


def usage(*names: str) -> tuple[x509.ExtensionType, bool]:
    return key_usage(*names), True


def purposes(*oids: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(list(oids)), False


CA: Final = (constraints(True), usage("key_cert_sign", "crl_sign"))
CLIENT: Final = (constraints(False), usage("digital_signature"), purposes(Purpose.CLIENT_AUTH))


def issue(
    issuer: Issuer,
    name: str | x509.Name = "c",
    extensions: Extensions = CLIENT,
    *,
    private_key: Any = None,
    start: datetime = NOW - DAY,
    end: datetime = NOW + 30 * DAY,
    digest: Any = None,
    key_ids: bool = True,
    names_key: bytes | None = None,
) -> x509.Certificate:
    """A certificate by `issuer` with exactly these extensions, and key identifiers (`names_key`: a wrong one of the authority)."""
    public_key = (private_key or key("client")).public_key()
    subject = name_of(name) if isinstance(name, str) else name
    builder = x509.CertificateBuilder(issuer.certificate.subject, subject, public_key, x509.random_serial_number(), start, end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    if key_ids:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private_key.public_key())
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(names_key, None, None) if names_key else own, False)
    return builder.sign(issuer.private_key, digest or hashes.SHA256())


def below(issuer: Issuer, name: str, extensions: Extensions = CA, private_key: Any = None, **more: Any) -> Issuer:
    """A subordinate authority with exactly these extensions."""
    private_key = private_key or key(f"of {name}")
    return Issuer(issue(issuer, name, extensions, private_key=private_key, **more), private_key)


def root(name: str, private_key: Any = None, **more: Any) -> Issuer:
    return authority(name, private_key, **{"start": NOW - DAY, "end": END, **more})


ROOT, NEXT = root("root"), root("next")
RSA_ROOT = root("root of RSA", key("RSA2048"))
FIRST_VERSION = root("version 1", key_identifier=None)
WITHOUT_CONSTRAINTS = root("version 3 without basicConstraints", constraints=None, usage=None)
SIGNS_ONLY = root("keyCertSign without basicConstraints", constraints=None)
NO_SIGNER = root("without keyCertSign", usage=key_usage("crl_sign"))
FOR_ANYTHING = root("for any purpose", more=[x509.ExtendedKeyUsage([Purpose.ANY_EXTENDED_KEY_USAGE])])
FOR_CLIENTS = root("for clients", more=[x509.ExtendedKeyUsage([Purpose.CLIENT_AUTH])])
ENDED = root("ended", start=NOW - 9 * DAY, end=NOW - DAY)
SHORT_KEY = root("short key", key("RSA1024"))
LIMITED = root("path length 0", constraints=x509.BasicConstraints(True, 0))
UNLIMITED_TWIN = root("path length 0", key("of path length 0"))
SUB = below(ROOT, "sub")
PLAIN: Final = x509.BasicConstraints(False, None)


@dataclass(frozen=True)
class Case:
    """Certificates of a file, the first of which is the client's, at a listener that trusts `anchor`; `says` is part of the reason, None = let in."""

    says: str | None
    chain: tuple[x509.Certificate, ...]
    private_key: Any = field(default_factory=lambda: key("client"))
    anchor: x509.Certificate = ROOT.certificate


def case(says: str | None, *chain: x509.Certificate, **more: Any) -> Case:
    return Case(says, chain, **more)


def with_key(says: str | None, private_key: Any) -> Case:
    return case(says, issue(ROOT, private_key=private_key), private_key=private_key)


def by(issuer: Issuer, says: str | None, *above: x509.Certificate, anchor: x509.Certificate | None = None) -> Case:
    """A good client of this issuer, which is the anchor unless another is given."""
    return case(says, issue(issuer), *above, anchor=anchor or issuer.certificate)


def through(subordinate: Issuer, says: str | None) -> Case:
    """A good client of an authority below the root."""
    return case(says, issue(subordinate), subordinate.certificate)


FIRST_VERSION_CA = first_version(FIRST_VERSION)
TWO, THREE = below(SUB, "two"), below(below(SUB, "two"), "three")
CASES: Final[dict[str, Case]] = {
    "good": case(None, issue(ROOT)),
    "without extensions": case(None, issue(ROOT, extensions=(), key_ids=False)),
    "without extended key usage": case(None, issue(ROOT, extensions=CLIENT[:2])),
    "for servers and clients": case(None, issue(ROOT, extensions=(*CLIENT[:2], purposes(Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH)))),
    "for servers": case("lacks clientAuth", issue(ROOT, extensions=(*CLIENT[:2], purposes(Purpose.SERVER_AUTH)))),
    "for anything": case("lacks clientAuth", issue(ROOT, extensions=(*CLIENT[:2], purposes(Purpose.ANY_EXTENDED_KEY_USAGE)))),
    "keyEncipherment": case("lacks digitalSignature", issue(ROOT, extensions=(usage("key_encipherment"), CLIENT[2]))),
    "keyAgreement": case(None, issue(ROOT, extensions=(usage("key_agreement"), CLIENT[2]))),
    "contentCommitment": case("lacks digitalSignature", issue(ROOT, extensions=(usage("content_commitment"), CLIENT[2]))),
    "a CA that may sign": case(None, issue(ROOT, extensions=(CA[0], usage("digital_signature", "key_cert_sign")))),
    "a CA": case("lacks digitalSignature", issue(ROOT, extensions=CA)),
    "expired": case("it expired on", issue(ROOT, start=NOW - 3 * DAY, end=NOW - timedelta(minutes=1))),
    "not yet valid": case("it is not valid before", issue(ROOT, start=NOW + timedelta(minutes=10))),
    "unknown critical": case(
        "the critical extension 1.2.3.4",
        issue(ROOT, extensions=(*CLIENT, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True))),
    ),
    # keys and signatures
    "RSA 1024": with_key("RSA key of 1024 bits", key("RSA1024")),
    "RSA 2048": with_key(None, key("RSA2048")),
    "RSA 2048, exponent 3": with_key(None, rsa.generate_private_key(3, 2048)),
    "P-224": with_key("on the curve secp224r1", ec.generate_private_key(ec.SECP224R1())),
    "P-384": with_key(None, key("P384")),
    "P-521": with_key(None, key("P521")),
    "secp256k1": with_key("on the curve secp256k1", key("secp256k1")),
    "SHA-512": case(None, issue(ROOT, digest=hashes.SHA512())),
    "SHA-1": case("signed with SHA1", signed_with_sha1(Issuer(issue(ROOT), ROOT.private_key))),
    # names
    "the issuer's name, other key identifier": case(None, issue(ROOT, ROOT.certificate.subject)),
    "the issuer's name, no key identifiers": case(
        "its subject is that of its issuer", issue(ROOT, ROOT.certificate.subject, key_ids=False)
    ),
    "the issuer's name, no key identifiers, other kind of key": case(
        None, issue(RSA_ROOT, RSA_ROOT.certificate.subject, key_ids=False), anchor=RSA_ROOT.certificate
    ),
    "self-signed": case("it is self-signed", root("self", key("client"), constraints=PLAIN, usage=None).certificate),
    # authorities above
    "another CA": by(NEXT, "which is neither the trusted CA CN=root nor in the file", anchor=ROOT.certificate),
    "another CA, sent along": by(NEXT, "its chain ends at the root CN=next", NEXT.certificate, anchor=ROOT.certificate),
    "another CA of the same name": case(
        "not with the key of the CN=root that is known here", issue(root("root", key("another")), key_ids=False)
    ),
    "another CA of the same name, key identifiers": case("not with the key of the CN=root", issue(root("root", key("another")))),
    "a wrong authority key identifier": case("not with the key of the CN=root", issue(ROOT, names_key=b"12345678")),
    "an intermediate": through(SUB, None),
    "an intermediate, and the root": case(None, issue(SUB), SUB.certificate, ROOT.certificate),
    "an intermediate is missing": case("issued by CN=sub, which is neither", issue(SUB)),
    "two intermediates": case(None, issue(TWO), TWO.certificate, SUB.certificate),
    "two intermediates, the other way round": case(None, issue(TWO), SUB.certificate, TWO.certificate),
    "three intermediates": case(None, issue(THREE), THREE.certificate, TWO.certificate, SUB.certificate),
    "the second of two intermediates is missing": case("CN=two was issued by CN=sub, which is neither", issue(TWO), TWO.certificate),
    "a cross certificate": case(None, issue(NEXT), cross(ROOT, NEXT, NOW)),
    "root, cross certificate, intermediate, client": case(
        None, issue(below(NEXT, "b")), below(NEXT, "b").certificate, cross(ROOT, NEXT, NOW)
    ),
    "after the flip": by(NEXT, None, cross(ROOT, NEXT, NOW)),
    "intermediate expired": through(below(ROOT, "old", start=NOW - 9 * DAY, end=NOW - DAY), "CN=old, which stands above it, expired on"),
    "intermediate without basicConstraints": through(below(ROOT, "none", ()), "is no certificate authority"),
    "intermediate with keyCertSign only": through(below(ROOT, "signs", (CA[1],)), "is no certificate authority"),
    "intermediate CA:FALSE": through(below(ROOT, "false", (constraints(False),)), "is no certificate authority"),
    "intermediate without keyCertSign": through(
        below(ROOT, "no signer", (CA[0], usage("digital_signature"))), "lacks the key usage keyCertSign"
    ),
    "intermediate for servers": through(below(ROOT, "servers", (*CA, purposes(Purpose.SERVER_AUTH))), "without clientAuth"),
    "intermediate for anything": through(below(ROOT, "any", (*CA, purposes(Purpose.ANY_EXTENDED_KEY_USAGE))), "without clientAuth"),
    "intermediate for clients": through(below(ROOT, "clients", (*CA, purposes(Purpose.CLIENT_AUTH))), None),
    "intermediate RSA 1024": through(below(ROOT, "short", private_key=key("RSA1024")), "an RSA key of 1024 bits"),
    "intermediate, path length 0": through(below(ROOT, "limit", (constraints(True, 0), CA[1])), None),
    "below path length 0": case(
        "has path length 0 and does not allow the 1 authorities below it",
        issue(below(below(ROOT, "limit", (constraints(True, 0), CA[1])), "under")),
        below(below(ROOT, "limit", (constraints(True, 0), CA[1])), "under").certificate,
        below(ROOT, "limit", (constraints(True, 0), CA[1])).certificate,
    ),
    "cross certificate below a root with path length 0": by(
        NEXT, "has path length 0", cross(UNLIMITED_TWIN, NEXT, NOW), anchor=LIMITED.certificate
    ),
    "root with path length 0": by(LIMITED, None),
    # two ways up, of which OpenSSL takes the first
    "the cross certificate before its root": case(None, issue(NEXT), cross(ROOT, NEXT, NOW), NEXT.certificate),
    "a cross certificate that has expired before a good one": case(
        None, issue(NEXT), issue(ROOT, "next", CA, private_key=NEXT.private_key, end=NOW - timedelta(minutes=1)), cross(ROOT, NEXT, NOW)
    ),
    "the new root before its cross certificate": by(
        NEXT,
        "certificate 2 of client.pem (CN=next) leads verifiers astray",
        NEXT.certificate,
        cross(ROOT, NEXT, NOW),
        anchor=ROOT.certificate,
    ),
    "a useless cross certificate before a good one": case(
        "certificate 2 of client.pem (CN=next) leads verifiers astray",
        issue(NEXT),
        issue(ROOT, "next", (CA[0], usage("crl_sign")), private_key=NEXT.private_key),
        cross(ROOT, NEXT, NOW),
    ),
    # roots
    "root of version 1": by(FIRST_VERSION, None, anchor=FIRST_VERSION_CA),
    "root without basicConstraints": by(WITHOUT_CONSTRAINTS, "is no certificate authority"),
    "root with keyCertSign only": by(SIGNS_ONLY, None),
    "root without keyCertSign": by(NO_SIGNER, "lacks the key usage keyCertSign"),
    "root for anything": by(FOR_ANYTHING, "without clientAuth"),
    "root for clients": by(FOR_CLIENTS, None),
    "root expired": by(ENDED, "CN=ended, which stands above it, expired on"),
    "root RSA 1024": by(SHORT_KEY, "an RSA key of 1024 bits"),
    "a subordinate is trusted": by(SUB, "is no root but was issued by CN=root"),
}


def knock(port: int, version: ssl.TLSVersion, one: Case, place: Path) -> str:
    """The status of the response, or "refused". The client itself minds no weak key, so that it is the server who refuses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(cadata=server_certificate())
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    private = one.private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (place / "client.pem").write_text("".join(map(pem, one.chain)) + private.decode())
    context.load_cert_chain(place / "client.pem")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as wire:
                wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = wire.recv(4096)
        except ssl.SSLCertVerificationError:
            raise  # of the server's certificate: says nothing about ours
        except (ssl.SSLError, ConnectionError):
            return "refused"
    return answer.split()[1].decode() if answer else "refused"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[x509.Certificate, int]]:
    """The port of an nginx that trusts a CA, for each CA of the cases."""
    with contextlib.ExitStack() as servers:
        found = {}
        for anchor in dict.fromkeys(one.anchor for one in CASES.values()):
            server = Nginx(tmp_path_factory.mktemp("nginx"), pem(anchor))
            servers.callback(server.stop)
            found[anchor] = server.ports[0]
        yield found


def judged(one: Case) -> Judgement:
    contents = read("".join(map(pem, one.chain)).encode(), lambda: None)
    report = explain([Source("client.pem", contents)], [Anchor("the CA", one.anchor)], NOW, Role.CLIENT)
    return next(judgement for judgement in report.judgements if judgement.client.startswith(("client.pem", "certificate 1 ")))


@pytest.mark.parametrize("what", CASES)
def test_a_client_is_let_in_or_refused_as_inspect_says_and_for_one_reason(
    ports: dict[x509.Certificate, int], what: str, tmp_path: Path
) -> None:
    one = CASES[what]
    judgement = judged(one)
    reasons = [reason.sentence for reason in judgement.reasons]
    if one.says is None:
        assert (judgement.verdict, reasons) == (Verdict.NOTHING, [])
    else:
        assert (len(reasons), judgement.verdict) == (1, Verdict.REFUSED), reasons
        assert one.says in reasons[0]
        assert judgement.reasons[0].basis is Basis.SANDBOX
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        answer = knock(ports[one.anchor], version, one, tmp_path)
        assert (answer == "200") == (one.says is None), f"{version}: {answer}"
        assert answer in ("200", "400", "refused")


def test_constraints_of_names_are_not_decided(ports: dict[x509.Certificate, int], tmp_path: Path) -> None:
    """One of these is let in and the other is not, and who is told neither goes and tries it."""
    for name, answer in (("c", "200"), ("another", "400")):
        limit = x509.NameConstraints([x509.DirectoryName(name_of(name))], None)
        limited = below(ROOT, f"only {name}", (*CA, (limit, True)))
        one = through(limited, None)
        assert judged(one).verdict is Verdict.NOT_DECIDED
        assert knock(ports[ROOT.certificate], ssl.TLSVersion.TLSv1_3, one, tmp_path) == answer


def test_a_kind_of_key_that_alb_does_not_document_is_refused_though_the_sandbox_takes_it(
    ports: dict[x509.Certificate, int], tmp_path: Path
) -> None:
    private_key = ed25519.Ed25519PrivateKey.generate()
    one = case(None, issue(ROOT, private_key=private_key), private_key=private_key)
    (reason,) = judged(one).reasons
    assert reason.basis is Basis.DOCUMENTED and "neither RSA nor ECDSA" in reason.sentence
    assert knock(ports[ROOT.certificate], ssl.TLSVersion.TLSv1_3, one, tmp_path) == "200"
