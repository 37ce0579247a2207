"""Programs and libraries that are asked about a chain without a handshake: openssl, certtool
(GnuTLS) and the Python package cryptography.
"""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.verification import ClientVerifier, PolicyBuilder, Store, VerificationError

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.profile import CLIENT_AUTHENTICATION
from tests.contract.pki.verdict import Verdict


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def openssl(trusted: str, chain: str, place: Path, *options: str) -> Verdict:
    """`openssl verify` for the purpose of a TLS client."""
    anchor, presented = _files(trusted, chain, place)
    found = run(
        "openssl",
        "verify",
        "-purpose",
        "sslclient",
        *options,
        "-CAfile",
        anchor,
        "-untrusted",
        presented,
        presented,
    )
    if found.returncode == 0:
        return Verdict(True)
    reason = re.search(r"error \d+ at \d+ depth lookup: (.*)", found.stderr)
    assert reason is not None, found.stderr
    return Verdict(False, reason[1])


def certtool(trusted: str, chain: str, place: Path) -> Verdict:
    """`certtool --verify` for the purpose of a TLS client."""
    anchor, presented = _files(trusted, chain, place)
    options = [
        "--verify-purpose",
        CLIENT_AUTHENTICATION,
        "--load-ca-certificate",
        anchor,
        "--infile",
        presented,
    ]
    found = run("certtool", "--verify", *options)
    if found.returncode == 0:
        return Verdict(True)
    reason = re.search(r"Chain verification output: (.*)", found.stdout + found.stderr)
    assert reason is not None, found.stderr
    return Verdict(False, reason[1])


def cryptography(trusted: str, chain: str) -> Verdict:
    """The package's own verifier of clients."""
    leaf, *above = bundle.load(chain)
    store = Store([x509.load_pem_x509_certificate(trusted.encode())])
    verifier: ClientVerifier = PolicyBuilder().time(datetime.now(UTC)).store(store).build_client_verifier()
    try:
        verifier.verify(leaf, above)
    except VerificationError as error:
        return Verdict(False, str(error))
    return Verdict(True)


def _files(trusted: str, chain: str, place: Path) -> tuple[str, str]:
    anchor, presented = place / "trusted.pem", place / "chain.pem"
    anchor.write_text(trusted)
    presented.write_text(chain)
    return str(anchor), str(presented)
