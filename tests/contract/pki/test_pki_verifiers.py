"""Each kind of chain under verifiers that do not share code, cell by cell as docs/pki.md shows it
(matrix.py); and what is asked of one of them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.request import SigningRequest
from tests.contract.pki.issued import DAY, NOW, issuer
from tests.contract.pki.matrix import ROWS, Row
from tests.contract.pki.mixes import cells
from tests.contract.pki.programs import openssl, run
from tests.contract.pki.servers import GnutlsServ
from tests.contract.pki.table import PAGE, rewritten, section
from tests.contract.pki.verifiers import GNUTLS_SERV, VERIFIERS, Verifiers
from tests.unit.pki.material import authority, client, cross, key, key_pem, pem


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifiers]:
    every = Verifiers(tmp_path_factory.mktemp("verifiers"))
    yield every
    every.stop()


@pytest.mark.parametrize(("row", "mix"), cells(ROWS, lambda row: f"{row.presented} under {row.trusted}"))
def test_every_verifier_decides_as_the_table_says(
    verifiers: Verifiers, row: Row, mix: tuple[str, ...]
) -> None:
    trusted, presented = row.make(*mix)
    wrong = {
        name: verdict
        for verifier in row.asked
        for name, verdict in verifiers.ask(verifier, trusted, presented).items()
        if not row.fits(verifier, verdict)
    }
    assert not wrong


@pytest.mark.parametrize("command", [["no-such-program"], ["true"]])
def test_a_server_that_could_not_be_started_does_not_stand_in_the_way_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    every = Verifiers(tmp_path)
    trusted, presented = ROWS[0].make(*ROWS[0].mixes[0])
    with monkeypatch.context() as broken, pytest.raises((FileNotFoundError, AssertionError)):
        broken.setattr(GnutlsServ, "command", lambda self: command)
        every.ask(GNUTLS_SERV, trusted, presented)
    try:
        assert all(
            ROWS[0].fits(GNUTLS_SERV, verdict)
            for verdict in every.ask(GNUTLS_SERV, trusted, presented).values()
        )
    finally:
        every.stop()


def test_every_verifier_accepts_and_refuses_something() -> None:
    """A verifier that is always asked for one answer would prove nothing."""
    for verifier in VERIFIERS:
        assert {row.accepted(verifier) for row in ROWS if verifier in row.asked} == {True, False}


def test_the_page_holds_the_table_that_is_tested() -> None:
    page = PAGE.read_text()
    assert section() in page, "run python -m tests.contract.pki.table"
    assert rewritten(page) == page, "run python -m tests.contract.pki.table"


@pytest.mark.parametrize("algorithm", ["ED25519", "ED448"])
def test_a_request_with_a_key_of_another_kind_is_refused_before_anything_is_signed(algorithm: str) -> None:
    key_text = run("openssl", "genpkey", "-algorithm", algorithm).stdout
    request = subprocess.run(
        ["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", "/CN=x"],
        input=key_text,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    with pytest.raises(UserError, match="its key is neither RSA nor ECDSA, and ALB documents no other"):
        SigningRequest.load(request)


def test_a_path_length_of_0_would_end_the_rotation(tmp_path: Path) -> None:
    """Why the CA profile has none, and why `cross_certificate` refuses such an issuer: made by hand
    here.
    """
    new = issuer("next", "RSA-2048")
    limited = authority(
        "limited", key("limited"), start=NOW - DAY, constraints=x509.BasicConstraints(ca=True, path_length=0)
    )
    twin = authority("limited", key("limited"), start=NOW - DAY)
    chain = pem(client(new, now=NOW)) + pem(cross(twin, new, NOW))
    assert openssl(pem(twin.certificate), chain, tmp_path).accepted
    assert openssl(pem(limited.certificate), chain, tmp_path).reason == "path length constraint exceeded"


def test_a_client_certificate_is_no_server_certificate(tmp_path: Path) -> None:
    root = issuer("root", "ECDSA-P256")
    (tmp_path / "leaf.pem").write_text(pem(client(root, now=NOW)))
    (tmp_path / "anchor.pem").write_text(pem(root.certificate))
    found = run(
        "openssl",
        "verify",
        "-purpose",
        "sslserver",
        "-CAfile",
        str(tmp_path / "anchor.pem"),
        str(tmp_path / "leaf.pem"),
    )
    assert "unsuitable certificate purpose" in found.stderr


# --- PKCS#12


def test_a_pkcs12_file_is_read_by_openssl_and_gnutls_with_its_chain(tmp_path: Path) -> None:
    new, old = issuer("next", "RSA-2048"), issuer("root", "ECDSA-P256")
    leaf, above, password = pem(client(new, now=NOW)), pem(cross(old, new, NOW)), bundle.random_password()
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
