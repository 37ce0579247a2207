"""What a command says and when it ends while nobody answers it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
KUBECONFIG = """
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
users: [{{name: u, user: {{token: t}}}}]
current-context: c
"""


def on_a_terminal(*arguments: str, cwd: Path, env: dict[str, str]) -> tuple[int, str]:
    """The exit code of `mtls`, and its standard error, which is a terminal."""
    terminal, other_end = os.openpty()
    command = [sys.executable, "-m", "alb_mutual_tls.cli", *arguments]
    shown = b""
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=other_end
    ) as process:
        os.close(other_end)
        try:
            while read := os.read(terminal, 65536):
                shown += read
        except OSError:  # what Linux says when the other end is closed
            pass
    os.close(terminal)
    return process.returncode, shown.decode()


def test_an_api_server_that_never_answers_is_told_and_waited_for_no_longer_than_wanted(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig = tmp_path / "silent"
        kubeconfig.write_text(KUBECONFIG.format(port=silent.getsockname()[1]))
        command = ("off", "--alb-config", "alb", "--port", "443", "--yes", "--timeout", "3")
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        code, told = on_a_terminal(*command, "--kubeconfig", str(kubeconfig), cwd=tmp_path, env=env)
    assert code == 2
    assert "waiting for the cluster at http://127.0.0.1:" in told
    assert ": 2 s, 6 s at most" in told
    last = told.rpartition("\x1b[K")[2]  # the line of waiting is gone
    assert last.startswith("mtls: ") and "no answer within 3 s" in last
