"""What a command says and when it ends while nobody answers it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from tests.contract.cli.laboratory import Laboratory, mtls

KUBECONFIG = """
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
users: [{{name: u, user: {{token: t}}}}]
current-context: c
"""


def test_an_api_server_that_never_answers_is_told_and_waited_for_no_longer_than_wanted(
    laboratory: Laboratory, project: Any, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig = tmp_path / "silent"
        kubeconfig.write_text(KUBECONFIG.format(port=silent.getsockname()[1]))
        command = ("off", "--alb-config", "alb", "--port", "443", "--yes", "--timeout", "3")
        done = mtls(laboratory, project(443), *command, "--kubeconfig", str(kubeconfig))
    assert done.returncode == 2
    assert "waiting for the cluster at http://127.0.0.1:" in done.stderr
    assert ": 2 s, 3 s at most\n" in done.stderr
    assert "no answer within 3 s" in done.stderr
