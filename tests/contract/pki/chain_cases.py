"""The cases of docs/chains.md (chains_table.py), tried by test_pki_chains.py.

The extensions that the package cryptography would not write are given as DER.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from alb_mutual_tls.pki.signing import Issuer
from tests.contract.pki.chains import (
    CA,
    CLIENT,
    ED25519,
    ENDED,
    FIRST_VERSION,
    FOR_ANYTHING,
    FOR_CLIENTS,
    LIMITED,
    NEXT,
    NO_SIGNER,
    NOW,
    PLAIN,
    ROOT,
    RSA_ROOT,
    SHORT_KEY,
    SIGNS_ONLY,
    SUB,
    UNLIMITED_TWIN,
    WITHOUT_CONSTRAINTS,
    Case,
    below,
    by,
    case,
    chain_of,
    constrained,
    constraints,
    der,
    issue,
    named,
    oddly_constrained,
    purposes,
    root,
    tampered,
    through,
    usage,
    with_key,
)
from tests.unit.pki.material import (
    DAY,
    cross,
    first_version,
    key,
    name_of,
    signed_with_sha1,
)

FIRST_VERSION_CA = first_version(FIRST_VERSION)
TWO, THREE = below(SUB, "two"), below(below(SUB, "two"), "three")
ADDRESSES: Final = "1.3.6.1.5.5.7.1.7"
NETSCAPE: Final = "2.16.840.1.113730.1.1"
SERIAL: Final = ROOT.certificate.serial_number.to_bytes(ROOT.certificate.serial_number.bit_length() // 8 + 1)
STRANGER = root("stranger")
BRIEF, BRIEF_ROOT = below(ROOT, "brief", end=NOW + 30 * DAY), root("brief root", end=NOW + 30 * DAY)
STRAY = cross(STRANGER, NEXT, NOW)
WITH_DNS: Final = (*CLIENT, named(x509.DNSName("a.example")))
SPIFFE: Final = (*CLIENT, named(x509.UniformResourceIdentifier("spiffe://a.example/client")))
DOMAIN: Final = x509.DNSName("example")
SECOND_ROOT = root("root", ROOT.private_key)
CASES: Final[dict[str, Case]] = {
    "good": case(None, issue(ROOT)),
    "without extensions": case(None, issue(ROOT, extensions=(), key_ids=False)),
    "without extended key usage": case(None, issue(ROOT, extensions=CLIENT[:2])),
    "for servers and clients": case(
        None, issue(ROOT, extensions=(*CLIENT[:2], purposes(Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH)))
    ),
    "for servers": case(
        "lacks clientAuth", issue(ROOT, extensions=(*CLIENT[:2], purposes(Purpose.SERVER_AUTH)))
    ),
    "for anything": case(
        "lacks clientAuth", issue(ROOT, extensions=(*CLIENT[:2], purposes(Purpose.ANY_EXTENDED_KEY_USAGE)))
    ),
    "keyEncipherment": case(
        "lacks digitalSignature", issue(ROOT, extensions=(usage("key_encipherment"), CLIENT[2]))
    ),
    "keyAgreement": case(None, issue(ROOT, extensions=(usage("key_agreement"), CLIENT[2]))),
    "contentCommitment": case(
        "lacks digitalSignature", issue(ROOT, extensions=(usage("content_commitment"), CLIENT[2]))
    ),
    "a CA that may sign": case(
        None, issue(ROOT, extensions=(CA[0], usage("digital_signature", "key_cert_sign")))
    ),
    "a CA": case("lacks digitalSignature", issue(ROOT, extensions=CA)),
    "expired": case("it expired on", issue(ROOT, start=NOW - 3 * DAY, end=NOW - timedelta(minutes=1))),
    "not yet valid": case("it is not valid before", issue(ROOT, start=NOW + timedelta(minutes=10))),
    "unknown critical": case(
        "the critical extension 1.2.3.4",
        issue(
            ROOT,
            extensions=(
                *CLIENT,
                (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),
            ),
        ),
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
    "SHA-1": case("signed with SHA1", signed_with_sha1(Issuer(issue(ROOT), ROOT.private_key)), rule=True),
    "Ed25519, which ALB does not document": with_key("neither RSA nor ECDSA", ED25519),
    # names
    "the issuer's name, other key identifier": case(None, issue(ROOT, ROOT.certificate.subject)),
    "the issuer's name, no key identifiers": case(
        "its subject is that of its issuer", issue(ROOT, ROOT.certificate.subject, key_ids=False)
    ),
    "the issuer's name, no key identifiers, other kind of key": case(
        None, issue(RSA_ROOT, RSA_ROOT.certificate.subject, key_ids=False), anchor=RSA_ROOT.certificate
    ),
    "self-signed": case(
        "it is self-signed", root("self", key("client"), constraints=PLAIN, usage=None).certificate
    ),
    # authorities above
    "another CA": by(
        NEXT, "which is neither the trusted CA CN=root nor in the file", anchor=ROOT.certificate
    ),
    "another CA, sent along": by(
        NEXT, "its chain ends at the root CN=next", NEXT.certificate, anchor=ROOT.certificate
    ),
    "another CA of the same name": case(
        "not with the key of the CN=root that is known here",
        issue(root("root", key("another")), key_ids=False),
    ),
    "another CA of the same name, key identifiers": case(
        "not with the key of the CN=root", issue(root("root", key("another")))
    ),
    "a wrong authority key identifier": case(
        "names another key identifier", issue(ROOT, names_key=b"12345678")
    ),
    "an intermediate": through(SUB, None),
    "an intermediate, and the root": case(None, issue(SUB), SUB.certificate, ROOT.certificate),
    "an intermediate is missing": case("issued by CN=sub, which is neither", issue(SUB)),
    "two intermediates": case(None, issue(TWO), TWO.certificate, SUB.certificate),
    "two intermediates, the other way round": case(None, issue(TWO), SUB.certificate, TWO.certificate),
    "three intermediates": case(None, issue(THREE), THREE.certificate, TWO.certificate, SUB.certificate),
    "the second of two intermediates is missing": case(
        "CN=two was issued by CN=sub, which is neither", issue(TWO), TWO.certificate
    ),
    "a cross certificate": case(None, issue(NEXT), cross(ROOT, NEXT, NOW)),
    "root, cross certificate, intermediate, client": case(
        None, issue(below(NEXT, "b")), below(NEXT, "b").certificate, cross(ROOT, NEXT, NOW)
    ),
    "after the flip": by(NEXT, None, cross(ROOT, NEXT, NOW)),
    "intermediate expired": through(
        below(ROOT, "old", start=NOW - 9 * DAY, end=NOW - DAY), "CN=old, which stands above it, expired on"
    ),
    "intermediate without basicConstraints": through(
        below(ROOT, "none", ()), "is not a certificate authority"
    ),
    "intermediate with keyCertSign only": through(
        below(ROOT, "signs", (CA[1],)), "is not a certificate authority"
    ),
    "intermediate CA:FALSE": through(
        below(ROOT, "false", (constraints(False),)), "is not a certificate authority"
    ),
    "intermediate without keyCertSign": through(
        below(ROOT, "no signer", (CA[0], usage("digital_signature"))), "lacks the key usage keyCertSign"
    ),
    "intermediate for servers": through(
        below(ROOT, "servers", (*CA, purposes(Purpose.SERVER_AUTH))), "without clientAuth"
    ),
    "intermediate for anything": through(
        below(ROOT, "any", (*CA, purposes(Purpose.ANY_EXTENDED_KEY_USAGE))), "without clientAuth"
    ),
    "intermediate for clients": through(below(ROOT, "clients", (*CA, purposes(Purpose.CLIENT_AUTH))), None),
    "intermediate RSA 1024": through(
        below(ROOT, "short", private_key=key("RSA1024")), "an RSA key of 1024 bits", rule=True
    ),
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
    "the cross certificate before its root": case(
        None, issue(NEXT), cross(ROOT, NEXT, NOW), NEXT.certificate
    ),
    "a cross certificate that has expired before a good one": case(
        None,
        issue(NEXT),
        issue(ROOT, "next", CA, private_key=NEXT.private_key, end=NOW - timedelta(minutes=1)),
        cross(ROOT, NEXT, NOW),
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
    "root without basicConstraints": by(WITHOUT_CONSTRAINTS, "is not a certificate authority"),
    "root with keyCertSign only": by(SIGNS_ONLY, None),
    "root without keyCertSign": by(NO_SIGNER, "lacks the key usage keyCertSign"),
    "root for anything": by(FOR_ANYTHING, "without clientAuth"),
    "root for clients": by(FOR_CLIENTS, None),
    "root expired": by(ENDED, "CN=ended, which stands above it, expired on"),
    "root RSA 1024": by(SHORT_KEY, "an RSA key of 1024 bits", rule=True),
    "a subordinate is trusted": by(SUB, "is not a root but was issued by CN=root"),
    # the same roots and clients in other orders
    "a stray cross certificate by another root before ours": case(
        "certificate 2 of client.pem (CN=next) leads verifiers astray",
        issue(NEXT),
        STRAY,
        cross(ROOT, NEXT, NOW),
    ),
    "a stray cross certificate by another root after ours": case(
        None, issue(NEXT), cross(ROOT, NEXT, NOW), STRAY
    ),
    "the client's certificate twice": case(None, issue(SUB), issue(SUB), SUB.certificate),
    "two authorities that certify each other": by(
        NEXT,
        "which is neither the trusted CA CN=stranger",
        cross(ROOT, NEXT, NOW),
        cross(NEXT, ROOT, NOW),
        anchor=STRANGER.certificate,
    ),
    "a root made anew with the same name and key": case(None, issue(ROOT), anchor=SECOND_ROOT.certificate),
    "a root made anew, and the former one sent along": case(
        None, issue(ROOT), ROOT.certificate, anchor=SECOND_ROOT.certificate
    ),
    # signatures
    "the client's signature tampered with": case("not with the key of the CN=root", tampered(issue(ROOT))),
    "the intermediate's signature tampered with": case(
        "not with the key of the CN=root", issue(SUB), tampered(SUB.certificate)
    ),
    "the root's own signature tampered with": case(None, issue(ROOT), anchor=tampered(ROOT.certificate)),
    "intermediate signed with SHA-1": case(
        "signed with SHA1", issue(SUB), signed_with_sha1(Issuer(SUB.certificate, ROOT.private_key)), rule=True
    ),
    "root signed with SHA-1": case(None, issue(ROOT), anchor=signed_with_sha1(ROOT)),
    # extensions that few have
    "nsCertType: server": case(
        "Netscape certificate type", issue(ROOT, extensions=(*CLIENT, der(NETSCAPE, "03020640")))
    ),
    "nsCertType: client, critical": case(
        None, issue(ROOT, extensions=(*CLIENT, der(NETSCAPE, "03020780", True)))
    ),
    "OCSP no-check, critical": case(None, issue(ROOT, extensions=(*CLIENT, (x509.OCSPNoCheck(), True)))),
    "IP addresses of RFC 3779, inherited, critical": case(
        None, issue(ROOT, extensions=(*CLIENT, der(ADDRESSES, "30083006040200010500", True)))
    ),
    "IP addresses of RFC 3779 that its CA does not have": case(
        "RFC 3779 resource not subset",
        issue(ROOT, extensions=(*CLIENT, der(ADDRESSES, "300c300a0402000130040302000a", True))),
    ),
    "intermediate, nsCertType: server": through(
        below(ROOT, "netscape", (*CA, der(NETSCAPE, "03020640"))), None
    ),
    "CA:FALSE, pathlen:0": case(None, issue(ROOT, extensions=(der("2.5.29.19", "3003020100"), *CLIENT[1:]))),
    "CA:FALSE written out": case(None, issue(ROOT, extensions=(der("2.5.29.19", "3003010100"), *CLIENT[1:]))),
    "an authority key identifier with a serial number only": case(
        None,
        issue(
            ROOT,
            extensions=(
                *CLIENT,
                der("2.5.29.35", f"30{len(SERIAL) + 2:02x}82{len(SERIAL):02x}{SERIAL.hex()}"),
            ),
            key_ids=False,
        ),
    ),
    "an authority key identifier with a wrong serial number only": case(
        "names another key identifier",
        issue(ROOT, extensions=(*CLIENT, der("2.5.29.35", "3003820105")), key_ids=False),
    ),
    "Latin-1 in an IA5String": case(
        None, issue(ROOT, extensions=(*CLIENT, der("2.5.29.17", "300c820a636166e92e746573742e")))
    ),
    "basicConstraints that nobody can read": case(
        "names another key identifier", issue(ROOT, extensions=(der("2.5.29.19", "78"), *CLIENT[1:]))
    ),
    "an explicit policy is required": through(
        below(ROOT, "policy", (*CA, (x509.PolicyConstraints(0, None), True))), None
    ),
    # constraints of names
    "names: a permitted subject": through(constrained([x509.DirectoryName(name_of("c"))]), None),
    "names: a subject that is not permitted": through(
        constrained([x509.DirectoryName(name_of("d"))]), "the name constraints of CN=limits"
    ),
    "names: an excluded subject": through(
        constrained((), [x509.DirectoryName(name_of("c"))]), "the name constraints of CN=limits"
    ),
    "names: a permitted DNS name": through(constrained([DOMAIN]), None, WITH_DNS),
    "names: a DNS name that is not permitted": through(
        constrained([x509.DNSName("example.com")]), "CN=limits do not allow", WITH_DNS
    ),
    "names: an excluded DNS name": through(constrained((), [DOMAIN]), "CN=limits do not allow", WITH_DNS),
    "names: permitted DNS names, and the client has none": through(constrained([DOMAIN]), None),
    "names: a permitted host of a URI": through(
        constrained([x509.UniformResourceIdentifier("a.example")]), None, SPIFFE
    ),
    "names: a host of a URI that is not permitted": through(
        constrained([x509.UniformResourceIdentifier(".example.com")]), "CN=limits do not allow", SPIFFE
    ),
    "names: a URI without a host": through(
        constrained([x509.UniformResourceIdentifier("a.example")]),
        "of a kind or form",
        (*CLIENT, named(x509.UniformResourceIdentifier("urn:a"))),
    ),
    "names: permitted addresses": through(
        constrained([x509.IPAddress(IPv4Network("10.0.0.0/8"))]),
        None,
        (*CLIENT, named(x509.IPAddress(IPv4Address("10.1.2.3")))),
    ),
    "names: addresses that are not permitted": through(
        constrained([x509.IPAddress(IPv4Network("10.0.0.0/8"))]),
        "CN=limits do not allow",
        (*CLIENT, named(x509.IPAddress(IPv4Address("11.1.2.3")))),
    ),
    "names: addresses of a wrong length": through(
        oddly_constrained("300aa0083006870401020304"),
        "of a kind or form",
        (*CLIENT, named(x509.IPAddress(IPv4Address("10.1.2.3")))),
    ),
    "names: addresses of a wrong length, and the client has none": through(
        oddly_constrained("300aa0083006870401020304"), None
    ),
    "names: with a minimum": through(
        oddly_constrained(
            "300fa00d300b82076578616d706c65800101".replace("300f", "3010").replace("a00d300b", "a00e300c")
        ),
        "of a kind or form",
        WITH_DNS,
    ),
    "names: on the root": by(root("limits", more=[x509.NameConstraints(None, [DOMAIN])]), None),
    "names: two levels up": case(
        "the name constraints of CN=limits",
        issue(below(constrained((), [x509.DirectoryName(name_of("c"))]), "lower")),
        below(constrained((), [x509.DirectoryName(name_of("c"))]), "lower").certificate,
        constrained((), [x509.DirectoryName(name_of("c"))]).certificate,
    ),
    # length
    "a chain of 4": chain_of(4),
    "a chain of 5": chain_of(5),
    "a chain of 6": chain_of(6),
    "a chain of 12": chain_of(12),
    # other moments, which a server cannot be asked about
    "the day before the client's certificate begins": case(
        "it is not valid before", issue(ROOT, start=NOW + 10 * DAY), after=9 * DAY
    ),
    "the client's last day": case(None, issue(ROOT), after=29 * DAY),
    "the day after the client's certificate ends": case("it expired on", issue(ROOT), after=31 * DAY),
    "after the intermediate's end, the client's own still valid": case(
        "CN=brief, which stands above it, expired on",
        issue(BRIEF, end=NOW + 90 * DAY),
        BRIEF.certificate,
        after=60 * DAY,
    ),
    "after the root's end, the others still valid": case(
        "CN=brief root, which stands above it, expired on",
        issue(BRIEF_ROOT, end=NOW + 90 * DAY),
        anchor=BRIEF_ROOT.certificate,
        after=60 * DAY,
    ),
    "after the first cross certificate's end, a second one is valid": case(
        None,
        issue(NEXT, end=NOW + 90 * DAY),
        issue(ROOT, "next", CA, private_key=NEXT.private_key),
        cross(ROOT, NEXT, NOW),
        after=60 * DAY,
    ),
}
