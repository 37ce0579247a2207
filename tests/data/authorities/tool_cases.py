"""Authorities that easy-rsa, cfssl, mkcert and our own generator make."""

# ruff: noqa: E501  # commands and sentences stand here as they are
from __future__ import annotations

from typing import Final

from tests.data.authorities.case import Case, lines

EASY: Final = "export EASYRSA_BATCH=1 EASYRSA_PKI=$PWD/pki EASYRSA_REQ_CN='Example CA'"


CFSSL_ROOT: Final = """echo '{"CN": "Example CA", "key": {"algo": "ecdsa", "size": 256}, "names": [{"C": "CN", "O": "Example"}]}' > ca.json"""


EASY_RSA: Final = (
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
)


CFSSL: Final = (
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
)


MKCERT: Final = (
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
)


OUR_OWN: Final = (
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
