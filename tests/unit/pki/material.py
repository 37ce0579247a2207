"""Keys, authorities, requests and clients for tests, made with `cryptography` alone: not with the
code that is tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from alb_mutual_tls.pki import signing
from alb_mutual_tls.pki.cross_certificate import cross_certificate
from alb_mutual_tls.pki.keys import PrivateKey
from alb_mutual_tls.pki.signing import Issuer

NOW: Final = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
FIELDS: Final = {"countryName": "CN", "organizationName": "alibaba", "commonName": "client one"}
URIS: Final = ("spiffe://0a1b2c3d.alb-mutual-tls/client/one",)
_ECDSA_WITH_SHA1: Final = bytes.fromhex("300906072a8648ce3d0401")


@cache
def key(name: str = "P256") -> Any:
    """A private key of each kind, made once per process: P256, P384, P521, secp256k1, RSA1024,
    RSA2048 ... and any other name for another P-256.
    """
    curves = {"P384": ec.SECP384R1(), "P521": ec.SECP521R1(), "secp256k1": ec.SECP256K1()}
    if name.startswith("RSA"):
        return rsa.generate_private_key(65537, int(name.removeprefix("RSA")))
    return ec.generate_private_key(curves.get(name, ec.SECP256R1()))


def name_of(common_name: str, **more: str) -> x509.Name:
    attributes = [x509.NameAttribute(getattr(NameOID, field), value) for field, value in more.items()]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def key_usage(*names: str) -> x509.KeyUsage:
    every = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    ]
    every += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: name in names for name in every})


CA_USAGE: Final = key_usage("key_cert_sign", "crl_sign")


def authority(
    subject: x509.Name | str = "root a",
    private_key: Any = None,
    *,
    start: datetime = NOW - DAY,
    end: datetime = NOW + 3650 * DAY,
    constraints: x509.BasicConstraints | None = x509.BasicConstraints(True, None),  # noqa: B008  # immutable
    usage: x509.KeyUsage | None = CA_USAGE,
    more: Sequence[x509.ExtensionType] = (),
    key_identifier: bytes | None = b"",
) -> Issuer:
    """A self-signed root CA as pulumi-tls makes it; what is None is left out, and an empty key
    identifier is the usual SHA-1.
    """
    private_key = private_key or key(f"of {subject}")
    subject = name_of(subject) if isinstance(subject, str) else subject
    builder = (
        x509.CertificateBuilder(subject, subject, private_key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    extensions: list[tuple[x509.ExtensionType | None, bool]] = [
        (constraints, True),
        (usage, True),
        *((item, False) for item in more),
    ]
    if key_identifier is not None:
        usual = x509.SubjectKeyIdentifier.from_public_key(private_key.public_key())
        extensions.append((x509.SubjectKeyIdentifier(key_identifier) if key_identifier else usual, False))
    for extension, critical in extensions:
        if extension is not None:
            builder = builder.add_extension(extension, critical)
    return Issuer(builder.sign(private_key, hashes.SHA256()), private_key)


def subordinate(
    issuer: Issuer,
    name: str = "sub",
    *,
    path_length: int | None = None,
    ca: bool = True,
    start: datetime = NOW - DAY,
    end: datetime = NOW + 1000 * DAY,
    more: Sequence[x509.ExtensionType] = (),
) -> Issuer:
    """An authority below another one."""
    private_key = key(f"of {name}")
    builder = (
        x509.CertificateBuilder(
            issuer.certificate.subject, name_of(name), private_key.public_key(), x509.random_serial_number()
        )
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        .add_extension(CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private_key.public_key()), critical=False)
    )
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    return Issuer(builder.sign(issuer.private_key, hashes.SHA256()), private_key)


def request(
    private_key: Any = None, *, common_name: str = "asked for", more: Sequence[x509.ExtensionType] = ()
) -> str:
    """A certificate signing request in PEM, with whatever it asks for."""
    builder = x509.CertificateSigningRequestBuilder(name_of(common_name))
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    return (
        builder.sign(private_key or key("client"), hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def client(
    issuer: Issuer,
    private_key: Any = None,
    *,
    subject: Mapping[str, str] = FIELDS,
    uris: Sequence[str] = URIS,
    validity_days: int = 90,
    now: datetime = NOW,
) -> x509.Certificate:
    """A client certificate, by the code that is tested."""
    public_key = (private_key or key("client")).public_key()
    builder = signing.client_certificate(
        issuer, public_key, subject=subject, uris=uris, validity_days=validity_days, now=now
    )
    return signing.sign(builder, issuer)


def cross(issuer: Issuer, subject: Issuer, now: datetime = NOW) -> x509.Certificate:
    """A cross certificate, by the code that is tested."""
    return signing.sign(cross_certificate(issuer, subject.certificate, now=now), issuer)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(private_key: PrivateKey) -> str:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return private_key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


# --- what `cryptography` would not make: version 1, SHA-1


def _length(content: bytes) -> bytes:
    if len(content) < 128:
        return bytes([len(content)])
    digits = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


def _sequence(*parts: bytes) -> bytes:
    content = b"".join(parts)
    return b"\x30" + _length(content) + content


def _parts(sequence: bytes) -> list[bytes]:
    """The DER elements inside a DER SEQUENCE."""

    def header(data: bytes) -> tuple[int, int]:
        if data[1] < 128:
            return 2, data[1]
        digits = data[1] & 0x7F
        return 2 + digits, int.from_bytes(data[2 : 2 + digits], "big")

    start, size = header(sequence)
    rest, found = sequence[start : start + size], []
    while rest:
        start, size = header(rest)
        found.append(rest[: start + size])
        rest = rest[start + size :]
    return found


def first_version(issuer: Issuer) -> x509.Certificate:
    """The certificate of an authority as X.509 version 1, without extensions, as the
    documentation's openssl command makes it.
    """
    return _signed_again(issuer, _parts(issuer.certificate.tbs_certificate_bytes)[1:-1], None)


def signed_with_sha1(issuer: Issuer) -> x509.Certificate:
    """The certificate of an authority with a P-256 key, signed with SHA-1."""
    return _signed_again(issuer, _parts(issuer.certificate.tbs_certificate_bytes), _ECDSA_WITH_SHA1)


def _signed_again(issuer: Issuer, fields: list[bytes], algorithm: bytes | None) -> x509.Certificate:
    assert isinstance(issuer.private_key, ec.EllipticCurvePrivateKey)
    place = (
        2 if fields[0][0] == 0xA0 else 1
    )  # the signature algorithm comes after version, if any, and serial number
    algorithm = algorithm or fields[place]
    fields[place] = algorithm
    body = _sequence(*fields)
    hash_algorithm = hashes.SHA1() if algorithm == _ECDSA_WITH_SHA1 else hashes.SHA256()
    signature = issuer.private_key.sign(body, ec.ECDSA(hash_algorithm))
    bits = b"\x03" + _length(b"\x00" + signature) + b"\x00" + signature
    return x509.load_der_x509_certificate(_sequence(body, algorithm, bits))
