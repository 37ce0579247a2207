"""PrivateKey: sizes, forms, ids, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from alb_mutual_tls.wire import UNKNOWN
from dev.toolchain.plugins.tls.generated_key import public_der
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.resource import identifier

KEYS: list[tuple[dict[str, Any], str]] = [
    ({"algorithm": "RSA"}, "RSA PRIVATE KEY"),
    ({"algorithm": "RSA", "rsaBits": 3072}, "RSA PRIVATE KEY"),
    ({"algorithm": "ECDSA"}, "EC PRIVATE KEY"),
    ({"algorithm": "ECDSA", "ecdsaCurve": "P256"}, "EC PRIVATE KEY"),
    ({"algorithm": "ECDSA", "ecdsaCurve": "P384"}, "EC PRIVATE KEY"),
    ({"algorithm": "ECDSA", "ecdsaCurve": "P521"}, "EC PRIVATE KEY"),
    ({"algorithm": "ED25519"}, "PRIVATE KEY"),
]
NAMES = [" ".join(map(str, inputs.values())) for inputs, _ in KEYS]


@pytest.mark.parametrize(("inputs", "label"), KEYS, ids=NAMES)
def test_every_form_holds_the_same_key(driver: Any, inputs: dict[str, Any], label: str) -> None:
    state = driver.create(PrivateKey, **inputs)
    assert state["privateKeyPem"].startswith(f"-----BEGIN {label}-----\n")
    assert state["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----\n")
    key = load_pem_private_key(state["privateKeyPem"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
    assert state["id"] == identifier(public_der(key.public_key()))
    for form in ("privateKeyPem", "privateKeyPemPkcs8"):
        shown = subprocess.run(
            ["openssl", "pkey", "-pubout"], input=state[form], text=True, capture_output=True, check=True
        )
        assert shown.stdout == state["publicKeyPem"]
        assert all(len(line) <= 64 for line in state[form].splitlines())


@pytest.mark.parametrize(("inputs", "label"), KEYS, ids=NAMES)
def test_the_state_holds_defaults_of_both_kinds_of_key_and_the_schema_version(
    driver: Any, inputs: dict[str, Any], label: str
) -> None:
    state = driver.create(PrivateKey, **inputs)
    assert state["rsaBits"] == inputs.get("rsaBits", 2048)
    assert state["ecdsaCurve"] == inputs.get("ecdsaCurve", "P224")
    assert state["__meta"] == '{"schema_version":"1"}'
    assert set(state) == {"__meta", "id", "algorithm", "rsaBits", "ecdsaCurve", *PrivateKey.computed}


@pytest.mark.parametrize(
    "inputs", [{"algorithm": "RSA"}, {"algorithm": "ECDSA", "ecdsaCurve": "P384"}, {"algorithm": "ED25519"}]
)
def test_openssh_forms_and_fingerprints_belong_to_the_key(driver: Any, inputs: dict[str, Any]) -> None:
    state = driver.create(PrivateKey, **inputs)
    kind, blob = state["publicKeyOpenssh"].split(" ")
    assert kind in {"ssh-rsa", "ecdsa-sha2-nistp384", "ssh-ed25519"}
    assert blob.endswith("\n")
    wire = base64.b64decode(blob)
    assert state["publicKeyFingerprintSha256"] == "SHA256:" + base64.b64encode(
        hashlib.sha256(wire).digest()
    ).decode().rstrip("=")
    assert state["publicKeyFingerprintMd5"].replace(":", "") == hashlib.md5(wire).hexdigest()
    assert len(state["publicKeyFingerprintMd5"]) == 47
    assert all(len(line) <= 64 for line in state["privateKeyOpenssh"].splitlines()), (
        "Go writes lines of 64 characters"
    )
    assert state["privateKeyOpenssh"].endswith("-----END OPENSSH PRIVATE KEY-----\n")
    key = load_ssh_private_key(state["privateKeyOpenssh"].encode(), None)
    same: Any = load_pem_private_key(state["privateKeyPem"].encode(), None)
    opened: Any = key
    assert public_der(opened.public_key()) == public_der(same.public_key())


def test_openssh_does_not_know_p224(driver: Any) -> None:
    state = driver.create(PrivateKey, algorithm="ECDSA")
    assert [state[name] for name in PrivateKey.computed if "Openssh" in name or "Fingerprint" in name] == [
        "",
        "",
        "",
        "",
    ]


def test_two_keys_are_never_the_same(driver: Any) -> None:
    assert (
        driver.create(PrivateKey, algorithm="ED25519")["id"]
        != driver.create(PrivateKey, algorithm="ED25519")["id"]
    )


def test_a_preview_makes_no_key(driver: Any) -> None:
    planned = driver.preview(PrivateKey, algorithm="ED25519")
    assert {name for name, value in planned.items() if value is UNKNOWN} == {"id", *PrivateKey.computed}
    assert {name: value for name, value in planned.items() if value is not UNKNOWN} == {
        "algorithm": "ED25519",
        "rsaBits": 2048,
        "ecdsaCurve": "P224",
    }


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({}, "algorithm is missing: give a text"),
        ({"algorithm": "DSA"}, "algorithm knows no 'DSA': take one of RSA, ECDSA, ED25519"),
        ({"algorithm": 4}, "algorithm must be a text"),
        (
            {"algorithm": "ECDSA", "ecdsaCurve": "P-256"},
            "ecdsaCurve knows no 'P-256': take one of P224, P256, P384, P521",
        ),
        (
            {"algorithm": "RSA", "rsaBits": 512},
            "an RSA key of 512 bits cannot be made: give 1024 to 16384, better 2048 or more",
        ),
        (
            {"algorithm": "RSA", "rsaBits": 65536},
            "an RSA key of 65536 bits cannot be made: give 1024 to 16384, better 2048 or more",
        ),
        ({"algorithm": "RSA", "rsaBits": 2048.5}, "rsaBits must be a whole number"),
        (
            {"algorithm": "RSA", "bits": 2048},
            "the tls stand-in serves no bits of PrivateKey: it serves algorithm, ecdsaCurve, rsaBits",
        ),
    ],
)
def test_a_wrong_input_is_refused_in_one_sentence(driver: Any, inputs: dict[str, Any], reason: str) -> None:
    assert [failure.reason for failure in driver.check(PrivateKey, **inputs)] == [reason]


def test_the_size_of_an_rsa_key_does_not_matter_to_other_algorithms(driver: Any) -> None:
    assert driver.check(PrivateKey, algorithm="ED25519", rsaBits=1) == []
    assert driver.check(PrivateKey, algorithm=UNKNOWN, rsaBits=1) == []
    assert driver.check(PrivateKey, algorithm="RSA", rsaBits=UNKNOWN) == []


def test_a_key_that_is_there_is_read_and_compared_without_cryptography() -> None:
    """The real plugin starts in a moment, and a slow stand-in would distort what a user sees."""
    code = """
import sys, threading
from alb_mutual_tls.plugin.request import Request
from dev.toolchain.plugins.tls.provider import TlsStandIn
handler = TlsStandIn({}).handler("tls:index/privateKey:PrivateKey")
request = Request("", "x", True, 0.0, threading.Event(), print)
inputs = {"algorithm": "ECDSA", "ecdsaCurve": "P256"}
state = {**inputs, "rsaBits": 2048}
assert handler.read(request, "id", inputs, state).state == state
assert handler.check(request, inputs, inputs) == (inputs, [])
assert handler.diff(request, "id", state, inputs, inputs).changes == {}
sys.exit("cryptography" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
