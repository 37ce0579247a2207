"""Makes this directory anew: certificate authorities by other tools, good and bad, without their
keys, and INDEX.md, which tells what each is.

    TOOLS=/tmp/tools && cd $TOOLS && apt-get download easy-rsa golang-cfssl mkcert && for d in
    *.deb; do dpkg-deb -x $d .; done PATH=$TOOLS/usr/bin:$TOOLS/usr/share/easy-rsa:$PATH
    EASYRSA=$TOOLS/usr/share/easy-rsa .venv/bin/python -m tests.data.authorities.make

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

HERE: Final = Path(__file__).parent
TODAY: Final = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
CLOCK: Final = TODAY + timedelta(days=2)
"""When the tests judge the authorities: all were made before."""

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
EASY: Final = "export EASYRSA_BATCH=1 EASYRSA_PKI=$PWD/pki EASYRSA_REQ_CN='Example CA'"
CFSSL_ROOT: Final = """echo '{"CN": "Example CA", "key": {"algo": "ecdsa", "size": 256}, "names": [{"C": "CN", "O": "Example"}]}' > ca.json"""

CASES: Final = (
    # --- openssl: accepted
    Case("openssl-root-rsa.pem", "openssl", root("rsa:2048"), "a root as the manual of openssl makes it"),
    Case(
        "openssl-root-p384.pem",
        "openssl",
        root("ec -pkeyopt ec_paramgen_curve:P-384"),
        "a root with an ECDSA key",
    ),
    Case(
        "openssl-root-p521.pem",
        "openssl",
        root("ec -pkeyopt ec_paramgen_curve:P-521"),
        "a root with an ECDSA key of 521 bits",
    ),
    Case(
        "openssl-default.pem",
        "openssl",
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -days 3650 -subj"
        " '/C=CN/O=Example/CN=Example Root' -out FILE",
        "a root with Debian's openssl.cnf: not critical key usage, none at all",
    ),
    Case(
        "openssl-with-text.pem",
        "openssl",
        lines(root(out="ca.pem"), "openssl x509 -in ca.pem -text -out FILE"),
        "text above the certificate",
    ),
    Case(
        "openssl-utf8-text.pem",
        "openssl",
        lines(root(out="ca.pem"), "(echo '# 社内認証局'; cat ca.pem) > FILE"),
        "a Japanese comment above the certificate, in UTF-8",
    ),
    Case(
        "openssl-byte-order-mark.pem",
        "openssl",
        lines(root(out="ca.pem"), r"(printf '\xef\xbb\xbf'; sed 's/$/\r/' ca.pem) > FILE"),
        "as Windows editors save it: a byte order mark, CR LF",
    ),
    Case(
        "openssl-path-length-0.pem",
        "openssl",
        root(constraints="critical,CA:TRUE,pathlen:0"),
        "a root that signs clients itself needs no path length",
    ),
    Case("openssl-no-key-usage.pem", "openssl", root(usage=""), "without key usage nothing is restricted"),
    Case(
        "openssl-not-critical.pem",
        "openssl",
        root(constraints="CA:TRUE", usage="keyCertSign"),
        "constraints and usage that are not critical",
    ),
    Case(
        "openssl-client-auth.pem",
        "openssl",
        root(more=("extendedKeyUsage=clientAuth",)),
        "limited to what it is for",
    ),
    Case(
        "openssl-rsa-pss-signature.pem",
        "openssl",
        root("rsa:2048", "-sha256 -sigopt rsa_padding_mode:pss"),
        "signed with RSASSA-PSS by an ordinary RSA key",
    ),
    Case(
        "openssl-name-constraints-dns.pem",
        "openssl",
        root(more=("nameConstraints=critical,permitted\\;DNS:example.com",)),
        "limits DNS names, and a client certificate has none",
    ),
    Case(
        "openssl-name-constraints-uri.pem",
        "openssl",
        root(more=("nameConstraints=critical,permitted\\;URI:.example.com",)),
        "limits URI names to another domain than that of ours",
        said=(
            "the URI 'spiffe://0a1b2c3d.alb-mutual-tls/client/web' is not allowed by the name constraints of"
            " CN=Example Root"
        ),
    ),
    Case(
        "openssl-name-constraints-dn.pem",
        "openssl",
        lines(
            r"(cat bare.cnf; printf"
            r" '[x]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nnameConstraints=critical,permitted;dirName:d\n[d]\nO=Example\n')"
            r" > dn.cnf",
            f"openssl req -x509 -config dn.cnf -extensions x -newkey {EC} -nodes -keyout ca.key -days 3650"
            " -subj '/O=Example/CN=Example Root' -out FILE",
        ),
        "limits subjects to an organization",
        said="the subject CN=web is not allowed by the name constraints of CN=Example Root,O=Example",
    ),
    Case(
        "openssl-chain.pem",
        "openssl",
        lines(ROOT, below(), "cat ca.pem root.pem > FILE"),
        "a subordinate that may sign clients only, and its root",
    ),
    Case(
        "openssl-chain-of-three.pem",
        "openssl",
        lines(
            ROOT,
            below("Example Policy CA", "critical,CA:TRUE,pathlen:1", stem="policy"),
            below(issuer="policy"),
            "cat ca.pem policy.pem root.pem > FILE",
        ),
        "two authorities below a root",
    ),
    Case(
        "openssl-upper-case-issuer.pem",
        "openssl",
        lines(
            root(name="Example", out="root.pem", keyout="root.key"),
            below("EXAMPLE"),
            "cat ca.pem root.pem > FILE",
        ),
        "a subordinate that differs from its root's name in case only",
    ),
    # --- openssl: form
    Case(
        "openssl-documentation-v1.pem",
        "openssl",
        lines(
            "openssl genrsa -out ca.key 4096",
            "openssl req -new -key ca.key -subj"
            " '/C=cn/ST=bj/L=bj/O=alibaba/OU=test/CN=root/emailAddress=example@ali' -out ca.csr",
            "openssl x509 -req -in ca.csr -signkey ca.key -CAcreateserial -days 3650 -out FILE",
        ),
        "the commands of Alibaba Cloud's documentation",
        said=(
            "it is an X.509 v1 certificate, which cannot say that it is an authority; make one of version 3"
            " (RFC 5280 section 4.1.2.1)"
        ),
    ),
    Case(
        "openssl-no-constraints.pem",
        "openssl",
        root(constraints="", usage=""),
        "v3 without basicConstraints, as the documentation's commands make it with OpenSSL 3.5",
        said=(
            "it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280 section 4.2.1.9); make"
            " one with it"
        ),
    ),
    Case(
        "openssl-ca-false.pem",
        "openssl",
        root(constraints="critical,CA:FALSE"),
        "CA:FALSE",
        said=(
            "it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280 section 4.2.1.9); make"
            " one with it"
        ),
    ),
    Case(
        "openssl-server.pem",
        "openssl",
        root(
            constraints="",
            usage="critical,digitalSignature,keyEncipherment",
            more=("extendedKeyUsage=serverAuth", "subjectAltName=DNS:example.com"),
            name="example.com",
        ),
        "a self-signed server certificate",
        said=(
            "it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280 section 4.2.1.9); make"
            " one with it; its key usage lacks keyCertSign (RFC 5280 section 4.2.1.3); make one with it; its"
            " extended key usage does not allow clientAuth, so OpenSSL refuses every client below it; make"
            " one without that extension"
        ),
    ),
    Case(
        "openssl-no-cert-sign.pem",
        "openssl",
        root(usage="critical,cRLSign,digitalSignature"),
        "a key usage without keyCertSign",
        said="its key usage lacks keyCertSign (RFC 5280 section 4.2.1.3); make one with it",
    ),
    Case(
        "openssl-server-auth.pem",
        "openssl",
        root(more=("extendedKeyUsage=serverAuth",)),
        "an authority for servers only",
        said=(
            "its extended key usage does not allow clientAuth, so OpenSSL refuses every client below it; make"
            " one without that extension"
        ),
    ),
    Case(
        "openssl-any-purpose.pem",
        "openssl",
        root(more=("extendedKeyUsage=anyExtendedKeyUsage",)),
        "any purpose, which OpenSSL does not count as clientAuth in an authority",
        said=(
            "its extended key usage does not allow clientAuth, so OpenSSL refuses every client below it; make"
            " one without that extension"
        ),
    ),
    Case(
        "openssl-unknown-critical.pem",
        "openssl",
        root(more=("1.2.3.4=critical,ASN1:NULL",)),
        "a critical extension that no verifier knows",
        said=(
            "its extension 1.2.3.4 is critical, and OpenSSL refuses what it does not know; make one"
            " without it"
        ),
    ),
    Case(
        "openssl-unknown.pem",
        "openssl",
        root(more=("1.2.3.4=ASN1:NULL",)),
        "an extension that no verifier knows, not critical",
    ),
    Case(
        "openssl-policy-constraints.pem",
        "openssl",
        root(more=("policyConstraints=critical,requireExplicitPolicy:0",)),
        "demands policies, which a client certificate does not have",
    ),
    Case(
        "openssl-no-subject.pem",
        "openssl",
        root().replace("-subj '/CN=Example Root'", "-subj /"),
        "an authority without a name",
        said="it has no name (its subject is empty, RFC 5280 section 4.1.2.6); make one with a commonName",
    ),
    Case("openssl-serial-negative.pem", "openssl", root(EC, "-set_serial -5"), "a negative serial number"),
    Case("openssl-serial-zero.pem", "openssl", root(EC, "-set_serial 0"), "serial number 0"),
    Case(
        "openssl-serial-long.pem",
        "openssl",
        root(EC, "-set_serial 0x7f00000000000000000000000000000000000000000000000001"),
        "a serial number of 26 octets",
    ),
    # --- openssl: keys and signatures
    Case(
        "openssl-rsa-1024.pem",
        "openssl",
        root("rsa:1024"),
        "a short key",
        said="its key is RSA of 1024 bits; use RSA of 2048 to 8192 bits, ECDSA-P256 or ECDSA-P384",
    ),
    Case(
        "openssl-rsa-exponent-3.pem",
        "openssl",
        root("rsa:2048 -pkeyopt rsa_keygen_pubexp:3"),
        "a small public exponent",
        said=(
            "its RSA key has the public exponent 3, less than 65537; use RSA of 2048 to 8192 bits, ECDSA-P256"
            " or ECDSA-P384"
        ),
    ),
    Case(
        "openssl-sha1.pem",
        "openssl",
        root("rsa:2048", "-sha1"),
        "SHA-1",
        said="its signature is made with SHA1, which can be forged; make one with SHA-256",
    ),
    Case(
        "openssl-md5.pem",
        "openssl",
        root("rsa:2048", "-md5"),
        "MD5",
        said="its signature is made with MD5, which can be forged; make one with SHA-256",
    ),
    Case(
        "openssl-ed25519.pem",
        "openssl",
        root("ed25519"),
        "a key of a kind that ALB documents nowhere",
        said=(
            "its key is neither RSA nor ECDSA, and ALB documents no other; use RSA of 2048 to 8192 bits,"
            " ECDSA-P256 or ECDSA-P384"
        ),
    ),
    Case(
        "openssl-dsa.pem",
        "openssl",
        lines("openssl dsaparam -out dsa.param 2048", root("dsa:dsa.param")),
        "a DSA key",
        said=(
            "its key is neither RSA nor ECDSA, and ALB documents no other; use RSA of 2048 to 8192 bits,"
            " ECDSA-P256 or ECDSA-P384"
        ),
    ),
    Case(
        "openssl-sm2.pem",
        "openssl",
        root("sm2", "-sm3"),
        "an SM2 key",
        said="its key is of a kind that cannot be read; use RSA or ECDSA",
    ),
    Case(
        "openssl-secp256k1.pem",
        "openssl",
        root("ec -pkeyopt ec_paramgen_curve:secp256k1"),
        "a curve that TLS servers do not take",
        said="its key is on the curve secp256k1; use RSA of 2048 to 8192 bits, ECDSA-P256 or ECDSA-P384",
    ),
    Case(
        "openssl-brainpool.pem",
        "openssl",
        root("ec -pkeyopt ec_paramgen_curve:brainpoolP256r1"),
        "another one",
        said=(
            "its key is on the curve brainpoolP256r1; use RSA of 2048 to 8192 bits, ECDSA-P256 or ECDSA-P384"
        ),
    ),
    Case(
        "openssl-explicit-curve.pem",
        "openssl",
        root(f"{EC} -pkeyopt ec_param_enc:explicit"),
        "a curve written out instead of named",
        said=(
            "its key writes its curve out instead of naming it, which OpenSSL refuses; use a named curve,"
            " ECDSA-P256 or ECDSA-P384"
        ),
    ),
    Case(
        "openssl-rsa-pss-key.pem",
        "openssl",
        root("rsa-pss -pkeyopt rsa_keygen_bits:2048"),
        "a key that may sign with RSASSA-PSS only",
        said=(
            "its key is limited to RSASSA-PSS signatures, which not every verifier takes; use an ordinary RSA"
            " key, or ECDSA"
        ),
    ),
    # --- openssl: containers
    Case(
        "openssl.der",
        "openssl",
        lines(root(out="ca.pem"), "openssl x509 -in ca.pem -outform DER -out FILE"),
        "DER",
        key="",
        said=(
            "'openssl.der' is a file without PEM text (a line -----BEGIN ... in ASCII or UTF-8); convert it"
            " with openssl, for instance with -outform PEM"
        ),
    ),
    Case(
        "openssl.p7b",
        "openssl",
        lines(root(out="ca.pem"), "openssl crl2pkcs7 -nocrl -certfile ca.pem -out FILE"),
        "PKCS#7 in PEM",
        key="",
        said=(
            "there is PKCS7 and no certificate between BEGIN CERTIFICATE and END CERTIFICATE lines; give a"
            " PEM certificate"
        ),
    ),
    Case(
        "openssl.p12",
        "openssl",
        lines(root(out="ca.pem"), "openssl pkcs12 -export -nokeys -in ca.pem -passout pass:x -out FILE"),
        "PKCS#12 (without a key)",
        key="",
        said=(
            "'openssl.p12' is a file without PEM text (a line -----BEGIN ... in ASCII or UTF-8); convert it"
            " with openssl, for instance with -outform PEM"
        ),
    ),
    Case(
        "openssl.csr",
        "openssl",
        f"openssl req -new -config bare.cnf -newkey {EC} -nodes -keyout ca.key -subj '/CN=Example Root' -out"
        " FILE",
        "a certificate signing request",
        key="",
        said=(
            "there is CERTIFICATE REQUEST and no certificate between BEGIN CERTIFICATE and END CERTIFICATE"
            " lines; give a PEM certificate"
        ),
    ),
    Case(
        "openssl.crl",
        "openssl",
        lines(
            root(out="ca.pem"),
            "touch index.txt",
            r"printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\n' > crl.cnf",
            "openssl ca -gencrl -config crl.cnf -md sha256 -crldays 3650 -keyfile ca.key -cert ca.pem -out"
            " FILE",
        ),
        "a revocation list",
        key="",
        said=(
            "there is X509 CRL and no certificate between BEGIN CERTIFICATE and END CERTIFICATE lines; give a"
            " PEM certificate"
        ),
    ),
    Case(
        "openssl-public-key.pem",
        "openssl",
        lines(root(out="ca.pem"), "openssl pkey -in ca.key -pubout -out FILE"),
        "a public key",
        key="",
        said=(
            "there is PUBLIC KEY and no certificate between BEGIN CERTIFICATE and END CERTIFICATE lines; give"
            " a PEM certificate"
        ),
    ),
    Case(
        "openssl-trusted.pem",
        "openssl",
        lines(root(out="ca.pem"), "openssl x509 -in ca.pem -trustout -addtrust clientAuth -out FILE"),
        "openssl's own form with trust settings",
        said=(
            "the PEM is a TRUSTED CERTIFICATE, openssl's own form with trust settings; give what openssl x509"
            " -in FILE writes"
        ),
    ),
    Case(
        "openssl-utf16.pem",
        "openssl",
        lines(root(out="ca.pem"), "(printf '\\xff\\xfe'; iconv -t UTF-16LE ca.pem) > FILE"),
        "UTF-16, as > writes it in PowerShell",
        key="",
        said=(
            "'openssl-utf16.pem' is a file without PEM text (a line -----BEGIN ... in ASCII or UTF-8);"
            " convert it with openssl, for instance with -outform PEM"
        ),
    ),
    Case(
        "openssl-cut-off.pem",
        "openssl",
        lines(root(out="ca.pem"), "head -c 300 ca.pem > FILE"),
        "the file ends in the middle",
        key="",
        said=(
            "the certificate is cut off: there is no END CERTIFICATE line after its BEGIN line; give the"
            " whole PEM file"
        ),
    ),
    Case(
        "openssl-damaged.pem",
        "openssl",
        lines(root(out="ca.pem"), "sed '3s/^..../----/' ca.pem > FILE"),
        "a line that is not base64",
        key="",
        said=(
            "a certificate between its BEGIN and END lines is not base64; give the PEM file as it was issued"
        ),
    ),
    Case(
        "openssl-line-lost.pem",
        "openssl",
        lines(root(out="ca.pem"), "sed 3d ca.pem > FILE"),
        "a line is missing",
        key="",
        said=(
            "what stands between BEGIN CERTIFICATE and END CERTIFICATE lines is not an X.509 certificate; give"
            " the PEM file as it was issued"
        ),
    ),
    # --- openssl: chains
    Case(
        "openssl-path-length-too-short.pem",
        "openssl",
        lines(
            root(constraints="critical,CA:TRUE,pathlen:0", out="root.pem", keyout="root.key"),
            below(),
            "cat ca.pem root.pem > FILE",
        ),
        "the root allows no authority below it",
        said=(
            "CN=Example Root allows 0 authorities below it (its path length), and 1 stands there; let a"
            " subordinate authority be made that it allows"
        ),
    ),
    Case(
        "openssl-path-length-in-the-middle.pem",
        "openssl",
        lines(
            ROOT,
            below("Example Policy CA", stem="policy"),
            below(issuer="policy"),
            "cat ca.pem policy.pem root.pem > FILE",
        ),
        "the middle one allows no authority below it",
        said=(
            "CN=Example Policy CA allows 0 authorities below it (its path length), and 1 stands there; let a"
            " subordinate authority be made that it allows"
        ),
    ),
    Case(
        "openssl-wrong-order.pem",
        "openssl",
        lines(ROOT, below(), "cat root.pem ca.pem > FILE"),
        "the root first",
        key="root.key",
        said=(
            "certificate 1 (CN=Example Root) was not issued by the one after it (CN=Example Issuing CA); give"
            " the authority that signs first, then the one that issued it, and so on up to the root"
        ),
    ),
    Case(
        "openssl-without-root.pem",
        "openssl",
        lines(ROOT, below(), "cat ca.pem > FILE"),
        "a subordinate alone",
        said=(
            "the chain ends with CN=Example Issuing CA, which was issued by CN=Example Root and is not a root;"
            " add the certificates above it, the self-signed one last, because that is what a listener can"
            " trust"
        ),
    ),
    Case(
        "openssl-gap.pem",
        "openssl",
        lines(
            ROOT,
            below("Example Policy CA", "critical,CA:TRUE,pathlen:1", stem="policy"),
            below(issuer="policy"),
            "cat ca.pem root.pem > FILE",
        ),
        "the middle of a chain of three is missing",
        said=(
            "certificate 1 (CN=Example Issuing CA) was not issued by the one after it (CN=Example Root); give"
            " the authority that signs first, then the one that issued it, and so on up to the root"
        ),
    ),
    Case(
        "openssl-other-root.pem",
        "openssl",
        lines(
            ROOT,
            below(),
            root(name="Other Root", out="other.pem", keyout="other.key"),
            "cat ca.pem other.pem > FILE",
        ),
        "a chain that does not lead to its root",
        said=(
            "certificate 1 (CN=Example Issuing CA) was not issued by the one after it (CN=Other Root); give"
            " the authority that signs first, then the one that issued it, and so on up to the root"
        ),
    ),
    Case(
        "openssl-namesake-root.pem",
        "openssl",
        lines(ROOT, below(more=""), root(out="other.pem", keyout="other.key"), "cat ca.pem other.pem > FILE"),
        "a root of the right name with another key",
        said=(
            "certificate 1 (CN=Example Issuing CA) was not issued by the one after it (CN=Example Root); give"
            " the authority that signs first, then the one that issued it, and so on up to the root"
        ),
    ),
    Case(
        "openssl-several-roots.pem",
        "openssl",
        lines(
            root(out="ca.pem"),
            root(name="Other Root", out="other.pem", keyout="other.key"),
            "cat ca.pem other.pem > FILE",
        ),
        "two roots",
        said=(
            "there are 2 roots (CN=Example Root, CN=Other Root), and a listener trusts one; give that one"
            " alone"
        ),
    ),
    Case(
        "openssl-root-twice.pem",
        "openssl",
        lines(root(out="ca.pem"), "cat ca.pem ca.pem > FILE"),
        "one root twice",
    ),
    Case(
        "openssl-leaf-first.pem",
        "openssl",
        lines(
            ROOT, below("web", "critical,CA:FALSE", usage="digitalSignature"), "cat ca.pem root.pem > FILE"
        ),
        "a full chain of a client or server, its own certificate first",
        said=(
            "certificate 1 (CN=web): it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280"
            " section 4.2.1.9); make one with it; certificate 1 (CN=web): its key usage lacks keyCertSign"
            " (RFC 5280 section 4.2.1.3); make one with it"
        ),
    ),
    Case(
        "openssl-key-identifier.pem",
        "openssl",
        lines(
            root(out="other.pem", keyout="root.key"),
            "openssl req -x509 -config bare.cnf -key root.key -days 3650 -subj '/CN=Example Root' -addext"
            " basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -addext"
            " subjectKeyIdentifier=00112233 -out root.pem",
            below().replace("-CA root.pem", "-CA other.pem"),
            "cat ca.pem root.pem > FILE",
        ),
        "the subordinate names another key identifier than its root bears, so OpenSSL does not put them"
        " together",
        said=(
            "certificate 1 (CN=Example Issuing CA) names another key identifier or serial number of its"
            " issuer than CN=Example Root has, so OpenSSL does not put the two together; give the certificate"
            " that issued it, or have it issued again"
        ),
    ),
    Case(
        "openssl-same-name-below.pem",
        "openssl",
        lines(ROOT, below("Example Root"), "cat ca.pem root.pem > FILE"),
        "a subordinate with its root's name",
        said=(
            "certificate 1 (CN=Example Root): it has the name of the authority that issued it, so verifiers"
            " take the one for the other; make one with another name"
        ),
    ),
    Case(
        "openssl-server-auth-below.pem",
        "openssl",
        lines(ROOT, below(more="extendedKeyUsage=serverAuth"), "cat ca.pem root.pem > FILE"),
        "a subordinate for servers only",
        said=(
            "certificate 1 (CN=Example Issuing CA): its extended key usage does not allow clientAuth, so"
            " OpenSSL refuses every client below it; make one without that extension"
        ),
    ),
    # --- easy-rsa
    Case(
        "easy-rsa-root.pem",
        "easy-rsa",
        lines(EASY, "easyrsa init-pki", "easyrsa build-ca nopass", "cp pki/ca.crt FILE"),
        "its root",
        key="pki/private/ca.key",
    ),
    Case(
        "easy-rsa-root-ec.pem",
        "easy-rsa",
        lines(
            EASY,
            "easyrsa init-pki",
            "easyrsa --use-algo=ec --curve=secp384r1 build-ca nopass",
            "cp pki/ca.crt FILE",
        ),
        "its root with an ECDSA key",
        key="pki/private/ca.key",
    ),
    Case(
        "easy-rsa-root-ed25519.pem",
        "easy-rsa",
        lines(
            EASY,
            "easyrsa init-pki",
            "easyrsa --use-algo=ed --curve=ed25519 build-ca nopass",
            "cp pki/ca.crt FILE",
        ),
        "its root with an Ed25519 key",
        key="pki/private/ca.key",
        said=(
            "its key is neither RSA nor ECDSA, and ALB documents no other; use RSA of 2048 to 8192 bits,"
            " ECDSA-P256 or ECDSA-P384"
        ),
    ),
    Case(
        "easy-rsa-root-sha1.pem",
        "easy-rsa",
        lines(EASY, "easyrsa init-pki", "easyrsa --digest=sha1 build-ca nopass", "cp pki/ca.crt FILE"),
        "its root with SHA-1",
        key="pki/private/ca.key",
        said="its signature is made with SHA1, which can be forged; make one with SHA-256",
    ),
    Case(
        "easy-rsa-root-1024.pem",
        "easy-rsa",
        lines(EASY, "easyrsa init-pki", "easyrsa --keysize=1024 build-ca nopass", "cp pki/ca.crt FILE"),
        "its root with a short key",
        key="pki/private/ca.key",
        said="its key is RSA of 1024 bits; use RSA of 2048 to 8192 bits, ECDSA-P256 or ECDSA-P384",
    ),
    Case(
        "easy-rsa-subordinate.pem",
        "easy-rsa",
        lines(
            EASY,
            "easyrsa --pki-dir=$PWD/root init-pki",
            "easyrsa --pki-dir=$PWD/root build-ca nopass",
            "export EASYRSA_REQ_CN='Example Issuing CA'",
            "easyrsa --pki-dir=$PWD/sub init-pki",
            "easyrsa --pki-dir=$PWD/sub build-ca nopass subca",
            "easyrsa --pki-dir=$PWD/root import-req sub/reqs/ca.req sub",
            "easyrsa --pki-dir=$PWD/root --subca-len=0 sign-req ca sub",
            "cat root/issued/sub.crt root/ca.crt > FILE",
        ),
        "a subordinate and its root, with the text that easy-rsa writes",
        key="sub/private/ca.key",
    ),
    Case(
        "easy-rsa-leaf.pem",
        "easy-rsa",
        lines(
            EASY,
            "easyrsa init-pki",
            "easyrsa build-ca nopass",
            "env -u EASYRSA_REQ_CN easyrsa build-client-full web nopass",
            "cp pki/issued/web.crt FILE",
        ),
        "a client certificate in place of the authority's",
        key="pki/private/web.key",
        said=(
            "it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280 section 4.2.1.9); make"
            " one with it; its key usage lacks keyCertSign (RFC 5280 section 4.2.1.3); make one with it"
        ),
    ),
    # --- cfssl
    Case(
        "cfssl-root.pem",
        "cfssl",
        lines(CFSSL_ROOT, "cfssl gencert -initca ca.json | cfssljson -bare ca", "cp ca.pem FILE"),
        "its root",
        key="ca-key.pem",
    ),
    Case(
        "cfssl-intermediate.pem",
        "cfssl",
        lines(
            CFSSL_ROOT,
            "cfssl gencert -initca ca.json | cfssljson -bare root",
            """echo '{"CN": "Example Issuing CA", "key": {"algo": "rsa", "size": 2048}, "names": [{"O": "Example"}]}' > sub.json""",
            """echo '{"signing": {"default": {"expiry": "43800h", "usages": ["cert sign", "crl sign"], "ca_constraint": {"is_ca": true, "max_path_len": 0, "max_path_len_zero": true}}}}' > sign.json""",
            "cfssl gencert -ca root.pem -ca-key root-key.pem -config sign.json sub.json | cfssljson"
            " -bare sub",
            "cat sub.pem root.pem > FILE",
        ),
        "an intermediate and its root",
        key="sub-key.pem",
    ),
    Case(
        "cfssl-selfsign.pem",
        "cfssl",
        lines(CFSSL_ROOT, "cfssl selfsign example.com ca.json | cfssljson -bare ca", "cp ca.pem FILE"),
        "a self-signed server certificate",
        key="ca-key.pem",
        said=(
            "it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280 section 4.2.1.9); make"
            " one with it; its key usage lacks keyCertSign (RFC 5280 section 4.2.1.3); make one with it"
        ),
    ),
    Case(
        "cfssl-bundle.pem",
        "cfssl",
        lines(
            CFSSL_ROOT,
            "cfssl gencert -initca ca.json | cfssljson -bare root",
            """echo '{"CN": "web", "key": {"algo": "ecdsa", "size": 256}}' > web.json""",
            "cfssl gencert -ca root.pem -ca-key root-key.pem web.json | cfssljson -bare web",
            "cat web.pem root.pem > FILE",
        ),
        "a server certificate with its root",
        key="web-key.pem",
        said=(
            "certificate 1 (CN=web): it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280"
            " section 4.2.1.9); make one with it; certificate 1 (CN=web): its key usage lacks keyCertSign"
            " (RFC 5280 section 4.2.1.3); make one with it"
        ),
    ),
    # --- mkcert
    Case(
        "mkcert-root.pem",
        "mkcert",
        lines("export CAROOT=$PWD", "mkcert example.com", "cp rootCA.pem FILE"),
        "its root",
        key="rootCA-key.pem",
    ),
    Case(
        "mkcert-leaf.pem",
        "mkcert",
        lines("export CAROOT=$PWD", "mkcert -client example.com", "cp example.com-client.pem FILE"),
        "a certificate in place of the authority's",
        key="example.com-client-key.pem",
        said=(
            "it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280 section 4.2.1.9); make"
            " one with it; its key usage lacks keyCertSign (RFC 5280 section 4.2.1.3); make one with it"
        ),
    ),
    Case(
        "mkcert-leaf-and-root.pem",
        "mkcert",
        lines("export CAROOT=$PWD", "mkcert example.com", "cat example.com.pem rootCA.pem > FILE"),
        "a server certificate with its root",
        key="example.com-key.pem",
        said=(
            "certificate 1 (OU=root@vm,O=mkcert development certificate): it is not a certificate authority:"
            " basicConstraints lacks CA:TRUE (RFC 5280 section 4.2.1.9); make one with it; certificate 1"
            " (OU=root@vm,O=mkcert development certificate): its key usage lacks keyCertSign (RFC 5280"
            " section 4.2.1.3); make one with it; certificate 1 (OU=root@vm,O=mkcert development"
            " certificate): its extended key usage does not allow clientAuth, so OpenSSL refuses every client"
            " below it; make one without that extension"
        ),
    ),
    # --- our own generator: what those tools do not make
    Case(
        "ours-expired.pem",
        "cryptography",
        "expired",
        "a root that has ended",
        said="it expired on 2021-01-01T00:00:00Z; make a new authority and rotate to it",
    ),
    Case(
        "ours-not-yet.pem",
        "cryptography",
        "not_yet",
        "a root that has not begun",
        said="it is not valid before 2100-01-01T00:00:00Z; check the clock, or wait until then",
    ),
    Case(
        "ours-no-end.pem",
        "cryptography",
        "no_end",
        "a root for ever (99991231235959Z, RFC 5280 section 4.1.2.5)",
    ),
    Case(
        "ours-expired-subordinate.pem",
        "cryptography",
        "expired_subordinate",
        "what signs has ended, its root has not",
        said=(
            "the authority CN=Example Issuing CA cannot sign: it expired on 2021-01-01T00:00:00Z; make a new"
            " authority and rotate to it"
        ),
    ),
    Case(
        "ours-expired-in-the-middle.pem",
        "cryptography",
        "expired_in_the_middle",
        "between what signs and the root something has ended: a warning",
        said=(
            "warning: CN=Example Policy CA: it expired on 2021-01-01T00:00:00Z; make a new authority and"
            " rotate to it"
        ),
    ),
    Case(
        "ours-tampered.pem",
        "cryptography",
        "tampered",
        "the last octet of the signature is another",
        said=(
            "its signature is not that of its own key, so the file was changed or damaged; give the"
            " certificate as it was issued"
        ),
    ),
    Case(
        "ours-tampered-subordinate.pem",
        "cryptography",
        "tampered_subordinate",
        "the same of a subordinate",
        said=(
            "certificate 1 (CN=Example Issuing CA) was not issued by the one after it (CN=Example Root); give"
            " the authority that signs first, then the one that issued it, and so on up to the root"
        ),
    ),
    Case(
        "ours-critical-key-identifier.pem",
        "cryptography",
        "critical_key_identifier",
        "a critical key identifier",
        said=(
            "its extension 2.5.29.14 is critical, and OpenSSL refuses what it does not know; make one"
            " without it"
        ),
    ),
    Case(
        "ours-key-identifier-of-its-own.pem",
        "cryptography",
        "other_key_identifier",
        "a root that names another issuer's key than its own",
        said=(
            "certificate 1 (CN=Example Root) names another key identifier or serial number of its issuer than"
            " it has, so OpenSSL does not put the two together; give the certificate that issued it, or have"
            " it issued again"
        ),
    ),
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
