"""`allowedUses`: names of key usages (RFC 5280, 4.2.1.3) and extended key usages (4.2.1.12), and
the extensions made of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

_KEY_USAGE_BITS = {
    "digital_signature": 0,
    "content_commitment": 1,
    "key_encipherment": 2,
    "data_encipherment": 3,
    "key_agreement": 4,
    "cert_signing": 5,
    "crl_signing": 6,
    "encipher_only": 7,
    "decipher_only": 8,
}

_EXTENDED_KEY_USAGES = {
    "any_extended": "2.5.29.37.0",
    "server_auth": "1.3.6.1.5.5.7.3.1",
    "client_auth": "1.3.6.1.5.5.7.3.2",
    "code_signing": "1.3.6.1.5.5.7.3.3",
    "email_protection": "1.3.6.1.5.5.7.3.4",
    "ipsec_end_system": "1.3.6.1.5.5.7.3.5",
    "ipsec_tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec_user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp_signing": "1.3.6.1.5.5.7.3.9",
    "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
    "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
}

ALLOWED_USES = tuple(sorted([*_KEY_USAGE_BITS, *_EXTENDED_KEY_USAGES]))


def key_usage(uses: Sequence[str]) -> x509.UnrecognizedExtension | None:
    """The key usage extension of the uses that are key usages; `None` when there is none among
    them.

    It is encoded here because `x509.KeyUsage` refuses encipher_only without key_agreement, which Go
    does not.
    """
    bits = {_KEY_USAGE_BITS[use] for use in uses if use in _KEY_USAGE_BITS}
    if not bits:
        return None
    last = max(bits)
    octets = bytearray(last // 8 + 1)
    for bit in bits:
        octets[bit // 8] |= 0x80 >> bit % 8
    unused = 7 - last % 8
    return x509.UnrecognizedExtension(ExtensionOID.KEY_USAGE, bytes([0x03, len(octets) + 1, unused, *octets]))


def extended_key_usage(uses: Sequence[str]) -> x509.ExtendedKeyUsage | None:
    """The extended key usage extension, in the order of `uses`; `None` when there is none among
    them.
    """
    oids = [x509.ObjectIdentifier(_EXTENDED_KEY_USAGES[use]) for use in uses if use in _EXTENDED_KEY_USAGES]
    return x509.ExtendedKeyUsage(oids) if oids else None
