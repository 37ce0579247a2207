"""The example without code: the component by its package, in the YAML of Pulumi."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.integration.engine import Sandbox, succeed
from tests.integration.package import PLUGIN, Project, project, provider


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project("yaml-program", tmp_path_factory.mktemp("yaml"), sandbox) as made:
        edit(made, "packages", albmtls=str(PLUGIN.parent))
        made.configure(
            deletionProtection=False,
            **{f"albmtls:{key}": value for key, value in provider(sandbox).items()},
        )
        yield made


def edit(stack: Project, part: str, **values: object) -> None:
    """Write values into a part of the program."""
    file = stack.directory / "Pulumi.yaml"
    program = yaml.safe_load(file.read_text())
    target = program[part]
    for key, value in values.items():
        target[key] = value
    file.write_text(yaml.safe_dump(program))


def test_the_program_deploys_and_is_done(stack: Project) -> None:
    succeed(stack.pulumi("preview", "--suppress-progress"))
    stack.up()
    stack.unchanged()
    outputs = stack.outputs()
    assert outputs["caCertificateId"]
    assert outputs["clientCertificates"]["partner"]["certificatePem"].startswith("-----BEGIN CERTIFICATE")
    assert outputs["clientPrivateKeys"]["partner"].startswith("-----BEGIN ")
    shown = succeed(stack.pulumi("stack", "output"))
    assert "PRIVATE KEY" not in shown


def test_a_secret_of_a_client_goes_where_the_component_works(stack: Project, sandbox: Sandbox) -> None:
    file = stack.directory / "Pulumi.yaml"
    before = file.read_text()
    program = yaml.safe_load(before)
    clients = program["resources"]["mutualTls"]["properties"]["clients"]
    clients["partner"]["secret"] = {"namespace": "default", "name": "yaml-program"}
    file.write_text(yaml.safe_dump(program))
    stack.up()
    stack.unchanged()
    assert sandbox.kubectl("get", "secret", "yaml-program", "-o", "jsonpath={.type}") == "kubernetes.io/tls"
    file.write_text(before)
    stack.up()


def test_everything_wrong_is_said_in_sentences_that_name_the_argument(stack: Project) -> None:
    file = stack.directory / "Pulumi.yaml"
    before = file.read_text()
    program = yaml.safe_load(before)
    arguments = program["resources"]["mutualTls"]["properties"]
    arguments["awaitTimeoutSeconds"] = 9999
    arguments["clients"]["partner"]["csr"] = "missing.csr"
    file.write_text(yaml.safe_dump(program))
    try:
        refused = stack.pulumi("preview", "--suppress-progress")
    finally:
        file.write_text(before)
    shown = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "awaitTimeoutSeconds: is 9999; give at most 3600" in shown
    assert "clients.partner.csr: 'missing.csr' is neither PEM text nor a file" in shown
    for word in ("Traceback", "internal error", "rpc error"):
        assert word not in shown, shown
