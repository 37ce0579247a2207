"""The examples that are stack files of this program: each README's commands, typed as they stand
there once the file is filled in.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import yaml

from dev.sandbox.cloud.seeds import PRIVATE_CA_ID
from dev.sandbox.layout import ACCOUNT_ID, ACK_CLUSTER_ID
from tests.integration.documentation import blocks
from tests.integration.engine import CERTIFICATES, PROGRAM, REPOSITORY, Apply, Sandbox, run, succeed

CONTEXT: Final = "alb-mutual-tls-sandbox"
STACKS: Final = {
    "existing-ca": ("existing-ca",),
    "csr-clients": ("csr-clients",),
    "two-environments": ("staging", "production"),
    "automation": ("staging", "production"),
}


@dataclass(frozen=True)
class Example:
    """An example in a copy of the checkout, and the commands of its README."""

    directory: Path
    sandbox: Sandbox

    @property
    def lines(self) -> list[str]:
        """The README's commands, one each, without the way to its directory."""
        (block,) = blocks(self.directory / "README.md", "sh")
        way, *lines = block.splitlines()
        assert way == f"cd examples/{self.directory.name}"
        return lines

    def fill_in(self, stack: str, values: Mapping[str, str], albconfig: str = "alb") -> None:
        """Put values in place of the placeholders of a stack's file, as its README says, and lead
        it to the sandbox.
        """
        file = self.directory / f"Pulumi.{stack}.yaml"
        text = filled_in(file, values)
        api = f"127.0.0.1:{self.sandbox.port_base + 80}"
        at = f"{self.sandbox.address(albconfig)}:{self.sandbox.listener_base + 443}"
        document = yaml.safe_load(text)
        document["config"] |= {
            "alicloud:protocol": "HTTP",
            "alicloud:endpoints": dict.fromkeys(("alb", "cas", "sts", "cs"), api),
            "alb-mutual-tls:deletionProtection": False,
        }
        quick = {"root": {"keyAlgorithm": "ECDSA-P256"}}
        document["config"].setdefault("alb-mutual-tls:authorities", quick)
        document["config"]["alb-mutual-tls:listeners"]["https"]["verify"] = {
            "address": at,
            "serverName": "demo.alb.ingress.top",
        }
        file.write_text(yaml.safe_dump(document), encoding="utf-8")

    def type(self, *lines: str) -> str:
        """What lines print, typed by a user who says yes."""
        env = self.sandbox.env | {
            "PULUMI_SKIP_CONFIRMATIONS": "true",
            "SSL_CERT_FILE": str(self.sandbox.server_ca),
        }
        done = run("bash", "-euo", "pipefail", "-c", "\n".join(lines), env=env, cwd=self.directory)
        return succeed(done)

    def status(self, *options: str, albconfig: str = "alb") -> str:
        """The HTTP status of a request to the AlbConfig's listener; 000: it ended in TLS."""
        port = self.sandbox.listener_base + 443
        place = f"demo.alb.ingress.top:443:{self.sandbox.address(albconfig)}:{port}"
        asked = ("-s", "-o", "/dev/null", "-w", "%{http_code}", "-k", "--connect-to", place, *options)
        return run("curl", *asked, "https://demo.alb.ingress.top/", cwd=self.directory).stdout


def filled_in(file: Path, values: Mapping[str, str]) -> str:
    """A file's text with values in place of all its placeholders."""
    text = file.read_text(encoding="utf-8")
    assert set(re.findall("<[^<>]+>", text)) - {"<...>"} == values.keys()
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


@pytest.fixture
def example(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Example]:
    """The example that the test names; its stacks are destroyed afterwards."""
    for name in (*PROGRAM, "docs"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    directory = tmp_path / "examples" / request.param
    stacks = STACKS[request.param]
    directory.mkdir(parents=True)
    template = REPOSITORY / "examples" / request.param
    files = ("README.md", "Pulumi.yaml", "deploy.py", "environments.yaml")
    for file in (*files, *(f"Pulumi.{stack}.yaml" for stack in stacks)):
        if (template / file).exists():
            shutil.copy(template / file, directory)
    made = Example(directory, sandbox)
    yield made
    for stack in stacks:
        made.type(f"pulumi destroy --yes --skip-preview --stack {stack}", f"pulumi stack rm --yes {stack}")


@pytest.mark.parametrize("example", ["existing-ca"], indirect=True)
def test_a_listener_trusts_a_ca_that_cas_has_and_a_destroy_leaves_it_there(example: Example) -> None:
    values = {
        "<region of the ALB>": "cn-hangzhou",
        "<context of the ACK cluster>": CONTEXT,
        "<id of the CA certificate in CAS>": PRIVATE_CA_ID,
        "<name of the AlbConfig>": "alb",
    }
    example.fill_in("existing-ca", values)
    uploads = example.sandbox.stored("certificates")
    init, off, on = example.lines
    example.type(init, off)
    trusted = example.sandbox.listeners()[443]
    assert (trusted["caEnabled"], trusted["caCertificates"]) == (False, [{"CertificateId": PRIVATE_CA_ID}])
    assert example.status() == "200"
    example.type(on)
    assert example.status() in ("000", "400")
    assert example.sandbox.stored("certificates") == uploads


@pytest.mark.parametrize("example", ["csr-clients"], indirect=True)
def test_a_client_gets_in_with_a_key_that_only_it_has(example: Example) -> None:
    values = {
        "<region of the ALB>": "cn-hangzhou",
        "<context of the ACK cluster>": CONTEXT,
        "<name of the AlbConfig>": "alb",
    }
    example.fill_in("csr-clients", values)
    *before, on = example.lines
    example.type(*before)
    example.type(on)
    assert example.status("--cert", "partner.crt", "--key", "partner.key") == "200"
    assert example.status() in ("000", "400")
    made = example.type("pulumi stack --show-urns")
    assert "csr-clients" in made
    assert "tls:index/privateKey:PrivateKey::alb-mutual-tls-authority-root" in made
    assert "IssuedCertificates::alb-mutual-tls-issued" in made
    assert "tls:index/privateKey:PrivateKey::alb-mutual-tls-client-partner" not in made


@pytest.mark.parametrize("example", ["two-environments"], indirect=True)
def test_production_follows_staging_and_a_client_of_staging_opens_nothing_there(
    example: Example, apply: Apply
) -> None:
    for stack in ("staging", "production"):
        apply(f"alb-{stack}", [{"port": 443, "protocol": "HTTPS", "certificates": CERTIFICATES}])
        values = {
            "<region of the ALB>": "cn-hangzhou",
            f"<account of {stack}>": ACCOUNT_ID,
            f"<ACK cluster of {stack}>": ACK_CLUSTER_ID,
            f"<context of the cluster of {stack}>": CONTEXT,
            f"<AlbConfig of {stack}>": f"alb-{stack}",
        }
        example.fill_in(stack, values, f"alb-{stack}")
    staging, off, on = example.lines
    example.type(staging)
    assert example.status(albconfig="alb-staging") in ("000", "400")
    example.type(off)
    assert example.status(albconfig="alb-production") == "200"
    example.type(on)
    client = ("--cert", "partner.crt", "--key", "partner.key")
    example.type("../../mtls clients export partner --format pem --output . --stack staging")
    assert example.status(*client, albconfig="alb-staging") == "200"
    assert example.status(*client, albconfig="alb-production") in ("000", "400")


@pytest.mark.parametrize("example", ["automation"], indirect=True)
def test_a_program_deploys_environments_in_turn_and_stops_at_one_that_does_not_hold(
    example: Example, apply: Apply
) -> None:
    sandbox = example.sandbox
    values = {"<region of the ALB>": "cn-hangzhou"}
    for stack in STACKS["automation"]:
        apply(f"api-{stack}", [{"port": 443, "protocol": "HTTPS", "certificates": CERTIFICATES}])
        values |= {
            f"<account of {stack}>": ACCOUNT_ID,
            f"<context of the cluster of {stack}>": CONTEXT,
            f"<AlbConfig of {stack}>": f"api-{stack}",
        }
    file = example.directory / "environments.yaml"
    environments = yaml.safe_load(filled_in(file, values))
    api = f"127.0.0.1:{sandbox.port_base + 80}"
    for stack, configuration in environments.items():
        at = f"{sandbox.address(f'api-{stack}')}:{sandbox.listener_base + 443}"
        configuration |= {
            "alicloud:protocol": "HTTP",
            **{f"alicloud:endpoints.{product}": api for product in ("alb", "cas", "sts")},
            "alb-mutual-tls:deletionProtection": False,
            "alb-mutual-tls:authorities.root.keyAlgorithm": "ECDSA-P256",
            "alb-mutual-tls:listeners.https.verify.address": at,
            "alb-mutual-tls:listeners.https.verify.serverName": "demo.alb.ingress.top",
        }
    file.write_text(yaml.safe_dump(environments, sort_keys=False), encoding="utf-8")
    (deploy,) = example.lines
    shown = example.type(deploy)
    assert re.findall(r"^(\w+): (\d+) create$", shown, re.MULTILINE) == [
        ("staging", "11"),
        ("production", "11"),
    ]
    assert "PRIVATE KEY" not in shown
    assert example.status(albconfig="api-staging") in ("000", "400")
    assert example.status(albconfig="api-production") == "200"
    shown = example.type(deploy)
    assert re.findall(r"^(\w+): (\d+) same$", shown, re.MULTILINE) == [
        ("staging", "11"),
        ("production", "11"),
    ]

    environments["production"]["alb-mutual-tls:caEnabled"] = True
    environments["staging"]["alb-mutual-tls:listeners.https.verify.address"] = "127.0.0.1:1"
    file.write_text(yaml.safe_dump(environments, sort_keys=False), encoding="utf-8")
    with pytest.raises(AssertionError, match="staging does not hold, so nothing after it is deployed"):
        example.type(deploy)
    assert example.status(albconfig="api-production") == "200"
