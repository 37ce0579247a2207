"""Authorities that openssl makes: accepted ones, odd forms, keys and signatures."""

# ruff: noqa: E501  # commands and sentences stand here as they are
from __future__ import annotations

from typing import Final

from tests.data.authorities.case import EC, ROOT, Case, below, lines, root

ACCEPTED: Final = (
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
)


FORM: Final = (
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
)


KEYS_AND_SIGNATURES: Final = (
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
)
