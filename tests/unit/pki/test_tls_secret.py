"""What a Secret of type kubernetes.io/tls holds."""

from __future__ import annotations

import base64

from alb_mutual_tls.pki import tls_secret
from tests.unit.pki.material import authority, key_pem, pem


def test_every_root_is_in_ca_crt_once_the_trusted_one_first() -> None:
    one, other = (authority(name) for name in ("one", "other"))
    roots = [pem(one.certificate), pem(other.certificate), "\r\n" + pem(one.certificate)]
    made = tls_secret.data("chain", key_pem(one.private_key).strip(), roots)
    content = {key: base64.b64decode(value, validate=True).decode() for key, value in made.items()}
    assert content == {
        "tls.crt": "chain\n",
        "tls.key": key_pem(one.private_key),
        "ca.crt": pem(one.certificate) + pem(other.certificate),
    }
