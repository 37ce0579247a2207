"""Authorities that openssl makes: containers and chains."""

# ruff: noqa: E501  # commands and sentences stand here as they are
from __future__ import annotations

from typing import Final

from tests.data.authorities.case import EC, ROOT, Case, below, lines, root

CONTAINERS: Final = (
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
)


CHAINS: Final = (
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
)
