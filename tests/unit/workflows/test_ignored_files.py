"""What holds a private key is not committed by accident, wherever the commands of README and docs
put it.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

RULES = (Path(__file__).resolve().parents[3] / ".gitignore").read_text().splitlines()


def is_ignored(path: str) -> bool:
    """As git decides for the rules of this file: a name at any depth, or a folder at the top; the
    last one that fits counts.
    """
    ignored = False
    for rule in RULES:
        pattern = rule.removeprefix("!")
        fits = (
            fnmatch(path, pattern.strip("/") + "/*")
            if pattern.endswith("/")
            else fnmatch(Path(path).name, pattern)
        )
        if rule and not rule.startswith("#") and fits:
            ignored = not rule.startswith("!")
    return ignored


@pytest.mark.parametrize(
    "path",
    [
        "client.key",
        "ca.key",
        "key.pem",
        "partners/partner.key",
        "out/client.crt",
        "out/client.curl",
        "out/client.p12",
        "out/client.p12.password",
        "handover/client.crt",
        "handover-next/client.crt",
        "kubeconfig",
        "kubeconfig-prod",
    ],
)
def test_a_file_with_a_private_key_is_ignored(path: str) -> None:
    assert is_ignored(path)


@pytest.mark.parametrize(
    "path", ["ca.pem", "partner.csr", "client.crt", "Pulumi.prod.yaml", "dev/sandbox/kubeconfig.py"]
)
def test_what_a_stack_file_names_and_has_no_key_can_be_committed(path: str) -> None:
    assert not is_ignored(path)
