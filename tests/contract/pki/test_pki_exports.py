"""Exported files, read back by the programs that they are for: OpenSSL, GnuTLS and Java's
keytool.
"""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes

from alb_mutual_tls.operations.client_files import Format, files, write
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.stack.deployed import DeployedClient
from tests.unit.pki.material import DAY, authority, client, cross, key, key_pem, pem, subordinate

NOW: Final = datetime.now(UTC)
ROOT = authority("root a", key("RSA2048"), start=NOW - DAY, end=NOW + 3650 * DAY)
NEXT = authority("root b", start=NOW - DAY, end=NOW + 3650 * DAY)
AUTHORITIES: Final = {"root": pem(ROOT.certificate), "next": pem(NEXT.certificate)}
KINDS: Final = ("RSA2048", "P256")
PASSWORDS: Final = ("sesame", " open  sesame: \"$'\\ ")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=60
    )


@cache
def one(kind: str) -> tuple[DeployedClient, list[str]]:
    """A client in the middle of a rotation, below a subordinate of the new root, and its chain."""
    below = subordinate(NEXT, "issuing")
    chain = [pem(client(below, key(kind), now=NOW)), pem(below.certificate), pem(cross(ROOT, NEXT, NOW))]
    return DeployedClient(
        "alice", chain[0], "".join(chain), "2030-01-01T00:00:00Z", key_pem(key(kind))
    ), chain


def exported(
    form: Format, kind: str, place: Path, password: str | None = None, *, legacy: bool = False
) -> tuple[Path, list[str]]:
    """The first file of an export, and the client's chain."""
    who, chain = one(kind)
    made = files(who, form, authorities=AUTHORITIES, directory=place, password=password, legacy=legacy)
    return write(made, place, force=False)[0], chain


def fingerprints(*certificates: str) -> list[str]:
    """As keytool shows them."""
    found = [bundle.load_one(one).fingerprint(hashes.SHA256()).hex(":").upper() for one in certificates]
    return sorted(found)


def password_file(place: Path, password: str) -> Path:
    path = place / "password"
    path.write_text(password)
    return path


@pytest.mark.parametrize("legacy", [False, True], ids=["modern", "legacy"])
@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_p12_is_read_by_openssl_gnutls_and_keytool_with_its_key_and_whole_chain(
    kind: str, password: str, legacy: bool, tmp_path: Path
) -> None:
    path, chain = exported("p12", kind, tmp_path, password, legacy=legacy)
    secret = password_file(tmp_path, password)
    found = run(
        "openssl",
        "pkcs12",
        *(["-legacy"] if legacy else []),
        "-in",
        path,
        "-nodes",
        "-passin",
        f"file:{secret}",
    )
    assert found.returncode == 0, found.stderr
    assert bundle.split(found.stdout) == chain
    assert "PRIVATE KEY" in found.stdout
    found = run("certtool", "--p12-info", "--inder", "--infile", path, "--password", password)
    assert found.returncode == 0, found.stderr
    assert bundle.split(found.stdout) == chain
    found = run(
        "keytool", "-list", "-v", "-storetype", "PKCS12", "-keystore", path, "-storepass:file", secret
    )
    assert found.returncode == 0, found.stdout
    assert "Alias name: alice" in found.stdout and "Entry type: PrivateKeyEntry" in found.stdout
    assert "Certificate chain length: 3" in found.stdout
    assert sorted(re.findall(r"SHA256: ([0-9A-F:]{95})", found.stdout)) == fingerprints(*chain)


@pytest.mark.parametrize("legacy", [False, True], ids=["modern", "legacy"])
def test_a_p12_does_not_open_with_another_password(legacy: bool, tmp_path: Path) -> None:
    path, _ = exported("p12", "P256", tmp_path, "sesame", legacy=legacy)
    other = password_file(tmp_path, "open sesame")
    assert (
        run("openssl", "pkcs12", "-legacy", "-in", path, "-nodes", "-passin", f"file:{other}").returncode != 0
    )
    assert (
        run("certtool", "--p12-info", "--inder", "--infile", path, "--password", "open sesame").returncode
        != 0
    )
    assert (
        run(
            "keytool", "-list", "-storetype", "PKCS12", "-keystore", path, "-storepass:file", other
        ).returncode
        != 0
    )


def test_only_a_legacy_p12_needs_openssls_legacy_provider(tmp_path: Path) -> None:
    """What old readers know is what new ones have put aside: so that the option does what it is
    for.
    """
    path, _ = exported("p12", "P256", tmp_path, "sesame", legacy=True)
    shown = run(
        "openssl", "pkcs12", "-legacy", "-in", path, "-info", "-noout", "-passin", "pass:sesame"
    ).stderr
    assert shown.count("pbeWithSHA1And3-KeyTripleDES-CBC") == 2
    assert "MAC: sha1" in shown
    path, _ = exported("p12", "P256", tmp_path / "modern", "sesame")
    shown = run("openssl", "pkcs12", "-in", path, "-info", "-noout", "-passin", "pass:sesame").stderr
    assert shown.count("PBES2, PBKDF2, AES-256-CBC, Iteration 300000, PRF hmacWithSHA256") == 2
    assert "MAC: sha256" in shown


def test_java_takes_the_certificates_of_a_truststore_for_trusted_ones(tmp_path: Path) -> None:
    path, _ = exported("truststore", "P256", tmp_path, PASSWORDS[1])
    secret = password_file(tmp_path, PASSWORDS[1])
    found = run("keytool", "-list", "-storetype", "PKCS12", "-keystore", path, "-storepass:file", secret)
    assert found.returncode == 0, found.stdout
    assert re.findall(r"^(\w+), .*, (\w+), ?$", found.stdout, re.MULTILINE) == [
        ("next", "trustedCertEntry"),
        ("root", "trustedCertEntry"),
    ]
    assert sorted(re.findall(r"SHA-256\): ([0-9A-F:]{95})", found.stdout)) == fingerprints(
        *AUTHORITIES.values()
    )
    found = run("openssl", "pkcs12", "-in", path, "-nokeys", "-passin", f"file:{secret}")
    assert bundle.split(found.stdout) == [*AUTHORITIES.values()]
    found = run("certtool", "--p12-info", "--inder", "--infile", path, "--password", PASSWORDS[1])
    assert bundle.split(found.stdout) == [*AUTHORITIES.values()]


def test_without_the_attribute_of_a_truststore_java_would_see_nothing(tmp_path: Path) -> None:
    """Why `openssl pkcs12 -export -nokeys` is no way to a truststore."""
    (tmp_path / "ca.crt").write_text(AUTHORITIES["root"])
    plain = tmp_path / "plain.p12"
    done = run(
        "openssl",
        "pkcs12",
        "-export",
        "-nokeys",
        "-in",
        tmp_path / "ca.crt",
        "-out",
        plain,
        "-passout",
        "pass:sesame",
    )
    assert done.returncode == 0, done.stderr
    found = run("keytool", "-list", "-storetype", "PKCS12", "-keystore", plain, "-storepass", "sesame")
    assert "contains 0 entries" in found.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_pem_and_fullchain_are_what_openssl_and_gnutls_verify(kind: str, tmp_path: Path) -> None:
    path, chain = exported("pem", kind, tmp_path / "pem")
    private = run("openssl", "pkey", "-in", path.with_suffix(".key"), "-pubout")
    public = run("openssl", "x509", "-in", path, "-noout", "-pubkey")
    assert private.stdout == public.stdout != ""
    assert bundle.split(path.read_text()) == chain
    (tmp_path / "root.crt").write_text(AUTHORITIES["root"])
    verified = run(
        "openssl",
        "verify",
        "-purpose",
        "sslclient",
        "-CAfile",
        tmp_path / "root.crt",
        "-untrusted",
        path,
        path,
    )
    assert verified.returncode == 0, verified.stderr
    path, _ = exported("fullchain", kind, tmp_path / "fullchain")
    assert bundle.split(path.read_text()) == [*chain, AUTHORITIES["root"]]
    # the last certificate is the trusted one
    verified = run("certtool", "--verify-chain", "--infile", path)
    assert verified.returncode == 0, verified.stdout
