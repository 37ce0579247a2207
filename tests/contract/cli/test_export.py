"""`mtls clients export`: files that real programs take, and a password asked for at a real
terminal.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from cryptography.hazmat.primitives.serialization import pkcs12

from tests.contract.cli.laboratory import HOST, ON, Laboratory, mtls


def test_exported_files_let_curl_in_and_nobody_else(laboratory: Laboratory, project: Any) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    environment = project(ports.https)
    done = mtls(laboratory, environment, "clients", "export", "alice", "--format", "curl", "--output", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "PRIVATE KEY" not in done.stdout
    curl = [
        "curl",
        "-sS",
        "--cacert",
        str(laboratory.server_ca_file),
        "--connect-to",
        f"{HOST}:443:127.0.0.1:{ports.https}",
    ]
    url = f"https://{HOST}/"
    with_key = subprocess.run(
        [*curl, "-K", "out/alice.curl", url],
        cwd=laboratory.folder,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (with_key.stdout, with_key.stderr) == ("old\n", "")
    without = subprocess.run(
        [*curl, "-w", "%{http_code}", "-o", "/dev/null", url], capture_output=True, text=True, timeout=30
    )
    assert without.stdout == "400"
    mtls(laboratory, environment, "clients", "export", "alice", "--format", "p12", "--output", "out")
    password = (laboratory.folder / "out" / "alice.p12.password").read_text().strip()
    p12 = subprocess.run(
        [*curl, "--cert-type", "P12", "--cert", f"out/alice.p12:{password}", url],
        cwd=laboratory.folder,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (p12.stdout, p12.stderr) == ("old\n", "")


def on_terminal(laboratory: Laboratory, environment: dict[str, str], *answers: str) -> tuple[int, bytes]:
    """Run an export of a p12 with a terminal as its input; each answer is typed when the prompt for
    it is there.
    """
    terminal, other_end = os.openpty()
    command = [
        sys.executable,
        "-m",
        "alb_mutual_tls.cli",
        "clients",
        "export",
        "alice",
        "-f",
        "p12",
        "-o",
        "out",
    ]
    with subprocess.Popen(
        command,
        stdin=other_end,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
        cwd=laboratory.folder,
        env=environment,
    ) as process:
        assert process.stdout is not None
        shown = b""
        for prompt, answer in zip((b"(empty: make one up): ", b"Once more: "), answers, strict=False):
            while not shown.endswith(
                prompt
            ):  # its last space comes when what was typed ahead has been thrown away
                part = process.stdout.read(1)
                assert part, shown
                shown += part
            os.write(terminal, f"{answer}\n".encode())
        shown += process.stdout.read()
        code = process.wait(timeout=30)
    os.close(terminal)
    os.close(other_end)
    return code, shown


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(
    laboratory: Laboratory, project: Any
) -> None:
    environment = project(1)
    code, shown = on_terminal(laboratory, environment, "sesame", "sesame")
    assert code == 0, shown
    assert b"sesame" not in shown
    assert (
        pkcs12.load_pkcs12((laboratory.folder / "out" / "alice.p12").read_bytes(), b"sesame").key is not None
    )
    assert not (laboratory.folder / "out" / "alice.p12.password").exists()


def test_on_a_terminal_two_different_passwords_are_an_error_and_none_means_made_up(
    laboratory: Laboratory, project: Any
) -> None:
    environment = project(1)
    code, shown = on_terminal(laboratory, environment, "sesame", "sesamy")
    assert code == 2 and b"the two passwords differ" in shown
    code, shown = on_terminal(laboratory, environment, "")
    assert code == 0, shown
    assert (laboratory.folder / "out" / "alice.p12.password").exists()
