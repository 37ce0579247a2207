"""The same chains under verifiers that do not share code: OpenSSL (normal and strict), GnuTLS, cryptography (and nginx in test_pki_handshakes.py).

They disagree in what they tolerate, which is why one of them is not enough (facts: docs/pki.md).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.x509.verification import ClientVerifier, PolicyBuilder, Store, VerificationError

from alb_mutual_tls.pki import bundle, imposters
from alb_mutual_tls.pki.imposters import Credential
from alb_mutual_tls.pki.signing import Issuer
from tests.unit.pki.material import DAY, authority, client, cross, key, key_pem, pem

NOW: Final = datetime.now(UTC)


def root(name: str, kind: str = "P256") -> Issuer:
    return authority(name, key(kind), start=NOW - DAY, end=NOW + 3650 * DAY)


OLD, NEW = root("root a"), root("root b", "RSA2048")
FORMER, LATTER = root("root", "one name, former"), root("root", "one name, latter")  # two authorities of one name


def run(*command: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        pytest.fail(f"{command[0]} is not installed: apt-get install openssl gnutls-bin")
    return subprocess.run(command, capture_output=True, text=True, check=False)


def openssl(anchor: x509.Certificate, chain: str, place: Path, *options: str) -> bool:
    leaf, *above = bundle.split(chain)
    files = {"anchor.pem": pem(anchor), "leaf.pem": leaf, "above.pem": "".join(above)}
    for name, text in files.items():
        (place / name).write_text(text)
    untrusted = ["-untrusted", str(place / "above.pem")] if above else []
    found = run(
        "openssl", "verify", "-purpose", "sslclient", *options, "-CAfile", str(place / "anchor.pem"), *untrusted, str(place / "leaf.pem")
    )
    assert found.returncode in (0, 2), found.stderr
    return found.returncode == 0


def openssl_strict(anchor: x509.Certificate, chain: str, place: Path) -> bool:
    return openssl(anchor, chain, place, "-x509_strict")


def gnutls(anchor: x509.Certificate, chain: str, place: Path) -> bool:
    (place / "anchor.pem").write_text(pem(anchor))
    (place / "chain.pem").write_text(chain)
    options = ["--verify-purpose", "1.3.6.1.5.5.7.3.2", "--load-ca-certificate", str(place / "anchor.pem")]
    found = run("certtool", "--verify", *options, "--infile", str(place / "chain.pem"))
    assert "Chain verification output" in found.stdout + found.stderr, found.stderr
    return found.returncode == 0


def python(anchor: x509.Certificate, chain: str, place: Path) -> bool:
    leaf, *above = bundle.load(chain)
    verifier: ClientVerifier = PolicyBuilder().time(NOW).store(Store([anchor])).build_client_verifier()
    try:
        verifier.verify(leaf, above)
    except VerificationError:
        return False
    return True


Verifier = Callable[[x509.Certificate, str, Path], bool]
VERIFIERS: Final[dict[str, Verifier]] = {
    "openssl": openssl,
    "openssl -x509_strict": openssl_strict,
    "GnuTLS": gnutls,
    "cryptography": python,
}


@pytest.fixture(params=VERIFIERS)
def verifier(request: pytest.FixtureRequest) -> Verifier:
    return VERIFIERS[request.param]


@pytest.mark.parametrize("issuer", [OLD, NEW, root("root c", "P384")], ids=["P256", "RSA2048", "P384"])
def test_a_client_is_accepted_below_its_authority_and_no_other(verifier: Verifier, issuer: Issuer, tmp_path: Path) -> None:
    chain = pem(client(issuer, now=NOW))
    assert verifier(issuer.certificate, chain, tmp_path)
    assert not verifier(root("root d", "of a stranger").certificate, chain, tmp_path)


@pytest.mark.parametrize(("old", "new"), [(OLD, NEW), (FORMER, LATTER)], ids=["two names", "one name"])
def test_with_a_cross_certificate_a_client_is_accepted_under_the_old_and_the_new_anchor(
    verifier: Verifier, old: Issuer, new: Issuer, tmp_path: Path
) -> None:
    """The rotation with one CA slot per listener stands on this."""
    leaf = pem(client(new, now=NOW))
    chain = bundle.chain(leaf, cross=[pem(cross(old, new, NOW))])
    assert verifier(old.certificate, chain, tmp_path)
    assert verifier(new.certificate, chain, tmp_path)
    assert not verifier(old.certificate, leaf, tmp_path)


def test_a_path_length_of_0_would_end_the_rotation(tmp_path: Path) -> None:
    """Why the CA profile has none, and why `cross_certificate` refuses such an issuer: made by hand here."""
    limited = authority(
        "limited", key("limited"), start=NOW - DAY, end=NOW + 99 * DAY, constraints=x509.BasicConstraints(ca=True, path_length=0)
    )
    twin = authority("limited", key("limited"), start=NOW - DAY, end=NOW + 99 * DAY)
    chain = pem(client(NEW, now=NOW)) + pem(cross(twin, NEW, NOW))
    assert openssl(twin.certificate, chain, tmp_path)
    assert not openssl(limited.certificate, chain, tmp_path)


@pytest.mark.parametrize(
    "make",
    [
        lambda: imposters.foreign(NOW),
        lambda: imposters.self_signed(pem(OLD.certificate), NOW),
        lambda: imposters.tampered(Credential("one", pem(client(OLD, now=NOW)), key_pem(key("client")))),
        lambda: imposters.expired(OLD, NOW),
        lambda: imposters.server_only(OLD, NOW),
        lambda: imposters.not_yet_valid(OLD, NOW),
    ],
    ids=["foreign", "self-signed", "tampered", "expired", "serverAuth only", "not yet valid"],
)
def test_an_imposter_is_refused(verifier: Verifier, make: Callable[[], Credential], tmp_path: Path) -> None:
    assert not verifier(OLD.certificate, make().certificate_pem, tmp_path)


def test_a_client_certificate_is_no_server_certificate(tmp_path: Path) -> None:
    (tmp_path / "leaf.pem").write_text(pem(client(OLD, now=NOW)))
    (tmp_path / "anchor.pem").write_text(pem(OLD.certificate))
    found = run("openssl", "verify", "-purpose", "sslserver", "-CAfile", str(tmp_path / "anchor.pem"), str(tmp_path / "leaf.pem"))
    assert "unsuitable certificate purpose" in found.stderr


# --- PKCS#12


def test_a_pkcs12_file_is_read_by_openssl_and_gnutls_with_its_chain(tmp_path: Path) -> None:
    leaf, above, password = pem(client(NEW, now=NOW)), pem(cross(OLD, NEW, NOW)), bundle.random_password()
    file = tmp_path / "client.p12"
    file.write_bytes(bundle.pkcs12("client one", leaf + above, key_pem(key("client")), password))
    found = run("openssl", "pkcs12", "-in", str(file), "-nodes", "-passin", f"pass:{password}")
    assert found.returncode == 0, found.stderr
    assert bundle.split(found.stdout) == [leaf, above]
    assert "PRIVATE KEY" in found.stdout
    found = run("certtool", "--p12-info", "--inder", "--infile", str(file), "--password", password)
    assert found.returncode == 0, found.stderr
    assert bundle.split(found.stdout) == [leaf, above]
    assert run("openssl", "pkcs12", "-in", str(file), "-nodes", "-passin", "pass:another").returncode != 0
