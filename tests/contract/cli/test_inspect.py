"""`mtls inspect` on files that other programs made: the documentation's own commands with the real
OpenSSL, GnuTLS, Java's keytool.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.operations.inspection.judgement import RECIPE
from tests.contract.cli.laboratory import HOST, ON, Laboratory, mtls

ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
SUBJECT = (  # the documentation's sample answers, to both requests
    "/C=cn/ST=bj/L=bj/O=alibaba/OU=test/CN=root/emailAddress=example@ali"
)


def run(place: Path, command: str) -> None:
    done = subprocess.run(shlex.split(command), cwd=place, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def inspect(place: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "alb_mutual_tls.cli", "inspect", *arguments]
    done = subprocess.run(
        command,
        cwd=place,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the documentation's commands make; its third step only without `-signkey`, with which
    OpenSSL 3 refuses it.
    """
    place = tmp_path_factory.mktemp("documented")
    run(place, "openssl genrsa -out ca.key 4096")
    run(place, f"openssl req -new -out ca.csr -key ca.key -subj {SUBJECT}")
    run(place, "openssl x509 -req -in ca.csr -out ca.crt -signkey ca.key -CAcreateserial -days 3650")
    run(place, "openssl genrsa -out client.key 4096")
    run(place, f"openssl req -new -out client.csr -key client.key -subj {SUBJECT}")
    run(
        place,
        "openssl x509 -req -in client.csr -out client.crt -CA ca.crt -CAkey ca.key -CAcreateserial -days"
        " 3650",
    )
    return place


def test_the_documentations_ca_is_refused_and_explained(documented: Path) -> None:
    code, shown = inspect(documented, "ca.crt")
    assert code == 1
    assert "root certificate authority" in shown
    first, second = (
        "would be refused: it is an X.509 v1 certificate",
        "would be refused: it is not a certificate authority",
    )
    _, everything = inspect(documented, "ca.crt", "--wide")
    version_1 = "version v1" in " ".join(everything.split())
    assert (first if version_1 else second) in shown  # OpenSSL up to 3.1, and from 3.2 on
    assert "[rule of this program]" in shown
    assert "such a CA is what `openssl x509 -req -signkey` of the documentation makes" in shown
    assert "whether CAS and ALB take it is not known" in shown


def test_the_way_that_it_names_makes_a_ca_against_which_nothing_speaks_and_a_client_that_is_let_in(
    documented: Path,
) -> None:
    run(documented, RECIPE.replace("ca.crt", "better.crt"))
    code, shown = inspect(documented, "better.crt", "ca.key")
    assert code == 0, shown
    assert "the private key in ca.key is that of better.crt" in shown
    (documented / "profile").write_text(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
    )
    run(
        documented,
        "openssl x509 -req -in client.csr -out good.crt -CA better.crt -CAkey ca.key -CAcreateserial -days 90"
        " -extfile profile",
    )
    code, shown = inspect(documented, "good.crt", "client.key", "--ca", "better.crt")
    assert code == 0, shown
    assert "at a listener that trusts the CA of better.crt: let in" in shown


def test_the_documentations_client_of_the_cas_own_name_is_refused_and_explained(documented: Path) -> None:
    code, shown = inspect(documented, "client.crt", "client.key", "client.csr", "--ca", "ca.crt")
    assert code == 1
    assert (
        "its subject is that of its issuer" in shown or "is not a certificate authority" in shown
    )  # OpenSSL up to 3.1, and from 3.2 on
    assert "the private key in client.key is that of client.crt" in shown
    assert "the private key in client.key is that of the request in client.csr" in shown
    assert "the certificate signing request has the subject of the authority" in shown
    assert "PRIVATE" not in shown


@pytest.mark.parametrize(
    ("options", "password", "encryption"),
    [
        ("", "open sesame", "AES-256"),
        ("-legacy", "sesame", "3DES with SHA-1 (old), RC2 with 40 bits (broken)"),
        ("-legacy -certpbe PBE-SHA1-3DES", "pässwörd", "3DES with SHA-1 (old)"),
        ("-certpbe aes-128-cbc -keypbe aes-128-cbc", "sesame", "AES-128"),
        ("", "", "AES-256"),
        ("-keypbe NONE -certpbe NONE -nomac", "", None),
    ],
)
def test_a_p12_of_openssl_is_read_whatever_it_is_encrypted_with(
    documented: Path, tmp_path: Path, options: str, password: str, encryption: str | None
) -> None:
    (tmp_path / "password").write_text(f"{password}\n")
    export = (
        f"openssl pkcs12 -export {options} -in {documented}/client.crt -inkey {documented}/client.key"
        f" -certfile {documented}/ca.crt"
    )
    run(tmp_path, f"{export} -out c.p12 -passout file:password")
    arguments = ["c.p12", "--json", *(["--password-file", "password"] if password else [])]
    code, shown = inspect(tmp_path, *arguments)
    assert code == 1  # of the client of the CA's own name
    (file,) = json.loads(shown)["files"]
    assert [item["what"] for item in file["items"]] == [
        "client certificate",
        "root certificate authority",
        "private key",
    ]
    assert file["notes"] == ([f"encrypted with {encryption}"] if encryption else [])
    assert [item["facts"].get("encrypted") for item in file["items"]] == [None, None, bool(password)]


def test_a_keystore_and_a_truststore_of_java_and_a_p12_of_gnutls_are_read(
    documented: Path, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("sesame street")
    run(
        tmp_path,
        "keytool -genkeypair -alias k -keyalg EC -dname CN=java -keystore k.p12 -storetype PKCS12"
        " -storepass:file password",
    )
    run(
        tmp_path,
        f"keytool -importcert -noprompt -alias ca -file {documented}/ca.crt -keystore t.p12 -storetype PKCS12"
        " -storepass:file password",
    )
    gnutls = (
        f"certtool --to-p12 --load-certificate {documented}/ca.crt --load-privkey {documented}/ca.key"
        " --p12-name ca"
    )
    run(tmp_path, f"{gnutls} --outfile g.p12 --outder --password 'sesame street'")
    code, shown = inspect(tmp_path, "k.p12", "t.p12", "g.p12", "--password-file", "password", "--json")
    kinds = [[item["what"] for item in file["items"]] for file in json.loads(shown)["files"]]
    assert kinds[1] == ["root certificate authority"]
    assert kinds[0][-1] == kinds[2][-1] == "private key" and len(kinds[0]) == len(kinds[2]) == 2
    assert code == 1
    run(
        tmp_path,
        f"keytool -importcert -noprompt -alias ca -file {documented}/ca.crt -keystore old.jks -storetype JKS"
        " -storepass:file password",
    )
    code, shown = inspect(tmp_path, "old.jks")
    assert (
        code == 2 and "a Java keystore of the old kind JKS; rewrite it with keytool -importkeystore" in shown
    )


def test_der_and_pkcs7_of_openssl_are_read(documented: Path, tmp_path: Path) -> None:
    run(tmp_path, f"openssl x509 -in {documented}/ca.crt -outform DER -out ca.der")
    run(tmp_path, f"openssl req -in {documented}/client.csr -outform DER -out csr.der")
    run(tmp_path, f"openssl pkey -in {documented}/client.key -outform DER -out key.der")
    run(
        tmp_path,
        f"openssl crl2pkcs7 -nocrl -certfile {documented}/client.crt -certfile {documented}/ca.crt -out"
        " chain.p7b",
    )
    run(tmp_path, f"openssl x509 -in {documented}/ca.crt -trustout -addtrust clientAuth -out trusted.crt")
    files = ["ca.der", "csr.der", "key.der", "chain.p7b", "trusted.crt"]
    _, shown = inspect(tmp_path, *files, "--json")
    assert [
        (file["form"], [item["what"] for item in file["items"]]) for file in json.loads(shown)["files"]
    ] == [
        ("DER", ["root certificate authority"]),
        ("DER", ["certificate signing request"]),
        ("DER", ["private key"]),
        ("PEM", ["client certificate", "root certificate authority"]),
        ("PEM", ["root certificate authority"]),
    ]


def test_an_export_is_judged_at_the_stacks_ca_as_the_listener_does(
    laboratory: Laboratory, project: Any
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    environment = project(ports.https)
    assert mtls(laboratory, environment, "clients", "export", "alice", "--output", "out").returncode == 0
    done = mtls(laboratory, environment, "inspect", "out/alice.crt", "out/alice.key", "--against-stack")
    assert (done.returncode, done.stderr) == (0, "")
    assert "out/alice.crt (CN=alice) at a listener that trusts authority root of mtls: let in" in done.stdout
    certificate, key = laboratory.other_ca.issue("mallory")
    (laboratory.folder / "mallory.crt").write_text(certificate)
    (laboratory.folder / "mallory.key").write_text(key)
    done = mtls(laboratory, environment, "inspect", "mallory.crt", "--against-stack")
    assert done.returncode == 1
    assert (
        "CN=mallory was issued by CN=other CA, which is neither the trusted CA CN=client CA nor in the file"
        in done.stdout
    )
    curl = [
        "curl",
        "-sS",
        "--cacert",
        str(laboratory.server_ca_file),
        "--connect-to",
        f"{HOST}:443:127.0.0.1:{ports.https}",
        "-o",
        "/dev/null",
    ]
    answers = [
        subprocess.run(
            [*curl, "-w", "%{http_code}", "--cert", f"{who}.crt", "--key", f"{who}.key", f"https://{HOST}/"],
            cwd=laboratory.folder,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout
        for who in ("out/alice", "mallory")
    ]
    assert answers == ["200", "400"]


def test_on_a_terminal_the_password_is_asked_for_and_not_shown(documented: Path, tmp_path: Path) -> None:
    run(
        tmp_path,
        f"openssl pkcs12 -export -in {documented}/ca.crt -inkey {documented}/ca.key -out c.p12 -passout"
        " pass:sesame",
    )
    terminal, other_end = os.openpty()
    command = [sys.executable, "-m", "alb_mutual_tls.cli", "inspect", "c.p12"]
    with subprocess.Popen(
        command,
        stdin=other_end,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        shown = b""
        while not shown.endswith(b"Password for c.p12: "):
            part = process.stdout.read(1)
            assert part, shown
            shown += part
        os.write(terminal, b"sesame\n")
        shown += process.stdout.read()
        process.wait(timeout=30)
    os.close(terminal)
    os.close(other_end)
    assert b"sesame" not in shown and b"root certificate authority" in shown and b"private key" in shown
