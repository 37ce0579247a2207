"""Certificate authorities made by other tools (tests/data/authorities): each is accepted, or
refused with the reason that INDEX.md names.
"""

from __future__ import annotations

import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle, signing
from alb_mutual_tls.pki.authority_faults import authority_faults
from alb_mutual_tls.pki.brought import BroughtAuthority
from components.pem_or_path import pem_text
from tests.unit.pki.material import key, key_pem

CORPUS: Final = Path(__file__).parents[3] / "data/authorities"
INDEX: Final = (CORPUS / "INDEX.md").read_text()
CLOCK: Final = datetime.fromisoformat(re.findall(r"judge them at (\S+)", INDEX)[0])
ROWS: Final = {
    file: (openssl, said)
    for file, _, _, openssl, said in (
        line.strip("| ").split(" | ") for line in INDEX.splitlines() if line.startswith("| ")
    )
}
del ROWS["file"]


def verdict(file: Path, now: datetime) -> str:
    """What a stack says of a brought authority, from its configuration to the first client that it
    signs.
    """
    try:
        found = BroughtAuthority.load(pem_text(str(file)))
        if faults := authority_faults(found.root_pem, now):
            return "; ".join(faults)
        issuer = signing.Issuer(bundle.load_one(found.signer_pem), key())
        subject, uris = {"commonName": "web"}, ["spiffe://0a1b2c3d.alb-mutual-tls/client/web"]
        if forbidden := list(found.forbids(subject, uris)):
            return "; ".join(forbidden)
        signing.client_certificate(
            issuer, key("client").public_key(), subject=subject, uris=uris, validity_days=90, now=now
        )
    except (UserError, ValueError) as error:
        return str(error).replace(str(file), file.name)
    return "; ".join(f"warning: {sentence}" for sentence in found.ends(now)) or "accepted"


@pytest.mark.parametrize("file", ROWS)
def test_each_is_judged_with_the_very_sentence_of_the_index(file: str) -> None:
    assert verdict(CORPUS / file, CLOCK) == ROWS[file][1]


ACCEPTED: Final = [file for file, (_, said) in ROWS.items() if said == "accepted"]


@pytest.mark.parametrize("file", ACCEPTED)
def test_openssl_accepts_the_client_that_was_signed_below_what_is_accepted(file: str, tmp_path: Path) -> None:
    found = BroughtAuthority.load((CORPUS / file).read_text(errors="replace"))
    (tmp_path / "root.pem").write_text(found.root_pem)
    (tmp_path / "chain.pem").write_text(found.intermediates_pem)
    untrusted = ["-untrusted", str(tmp_path / "chain.pem")] if found.intermediates_pem else []
    command = [
        "openssl",
        "verify",
        "-no-CApath",
        "-no-CAstore",
        "-CAfile",
        str(tmp_path / "root.pem"),
        *untrusted,
        "-purpose",
        "sslclient",
    ]
    client = CORPUS / "clients" / f"{Path(file).stem}.pem"
    done = subprocess.run(
        [*command, "-attime", f"{CLOCK.timestamp():.0f}", str(client)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_corpus_is_what_the_index_lists_of_every_tool_good_and_bad_and_without_any_key() -> None:
    files = {path.name for path in CORPUS.iterdir() if path.is_file() and path.suffix != ".py"} - {"INDEX.md"}
    assert files == ROWS.keys()
    assert {file.split("-")[0].split(".")[0] for file in ACCEPTED} == {
        "openssl",
        "easy",
        "cfssl",
        "mkcert",
        "ours",
    }
    assert all("accepted" in openssl for openssl, said in ROWS.values() if said == "accepted")
    assert not [
        path for path in CORPUS.rglob("*.p*") if path.suffix != ".py" and b"PRIVATE KEY" in path.read_bytes()
    ]


def test_a_key_beside_a_certificate_and_a_file_that_is_too_large_are_refused(tmp_path: Path) -> None:
    beside = tmp_path / "beside.pem"
    root = (CORPUS / "openssl-root-rsa.pem").read_text()
    for content in (root + key_pem(key()), key_pem(key()), root + "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"):
        beside.write_text(content)
        assert (
            verdict(beside, CLOCK)
            == "contains a private key, which must never leave its place; give what is public alone"
        )
    beside.write_text(root * 100)
    assert (
        "beside.pem' is a file of more than 100000 bytes and cannot be PEM of a certificate; give the right"
        " file" in verdict(beside, CLOCK)
    )
