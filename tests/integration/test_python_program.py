"""`pip install` of a checkout, and a program of one's own in Python that uses it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.integration.engine import REPOSITORY, Sandbox, run, succeed
from tests.integration.package import EXAMPLES, Project, install, project, provider

TYPED = """
from typing import TYPE_CHECKING
from alb_mutual_tls import AlbMtls, AlbMutualTlsArgs, AuthorityArgs, ClientArgs, ListenerArgs

AlbMutualTlsArgs(listeners={"https": ListenerArgs(alb_config="alb", port=443)})
AlbMtls("albmtls", {"region": "cn-hangzhou", "endpoints": {"alb": "127.0.0.1:80"}})
"""
MISTYPED = """
from alb_mutual_tls import AlbMtls, ClientArgs, ListenerArgs

ListenerArgs(alb_config="alb", prot=443)
ClientArgs(validity_days="90")
AlbMtls("albmtls", {"region": "cn-hangzhou", "endpoints": {"ecs": "127.0.0.1:80"}})
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python environment outside the checkout with the package in it."""
    before = sorted(REPOSITORY.iterdir())
    made = tmp_path_factory.mktemp("program") / ".venv"
    install(made)
    assert sorted(REPOSITORY.iterdir()) == before, "pip left something in the checkout"
    return made


@pytest.fixture(scope="module")
def stack(environment: Path, sandbox: Sandbox) -> Iterator[Project]:
    with project("python-program", environment.parent, sandbox) as made:
        made.configure(provider=provider(sandbox), deletionProtection=False)
        yield made


def test_the_program_deploys_with_the_installed_plugin_and_is_done(stack: Project) -> None:
    succeed(stack.pulumi("preview", "--suppress-progress"))
    stack.up()
    stack.unchanged()
    outputs = stack.outputs()
    certificates = outputs["clientCertificates"]
    assert certificates.keys() == {"partner", "shop"}
    assert outputs["clientPrivateKeys"].keys() == {"shop"}
    partner = x509.load_pem_x509_certificate(certificates["partner"]["certificatePem"].encode())
    assert partner.subject.rfc4514_string() == "CN=partner"
    assert outputs["caCertificateId"]


def test_mtls_of_the_environment_finds_the_component(stack: Project, environment: Path) -> None:
    stack.up()
    told = succeed(
        run(
            environment / "bin/mtls",
            *("status", "--stack", "dev", "--cwd", stack.directory, "--json"),
            env=dict(stack.env),
            cwd=stack.directory,
        )
    )
    assert {client["name"] for client in json.loads(told)["clients"]} == {"partner", "shop"}


def test_editors_and_mypy_see_the_types(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    (tmp_path / "mistyped.py").write_text(MISTYPED)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", environment / "bin/python")
    cache = ("--cache-dir", tmp_path / "cache", "--config-file", "")
    succeed(run(*mypy, *cache, tmp_path / "typed.py", EXAMPLES / "python-program/__main__.py", cwd=tmp_path))
    refused = run(*mypy, *cache, tmp_path / "mistyped.py", cwd=tmp_path)
    for fault in ('"prot" for "ListenerArgs"', 'Argument "validity_days"', '"ecs"'):
        assert fault in refused.stdout, refused.stdout
