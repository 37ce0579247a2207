"""From the templates to three environments, dev, staging and prod: each its own file, AlbConfig and
state, promoted one after the other and apart.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox.layout import ACCOUNT_ID
from tests.integration.documentation import commands
from tests.integration.engine import CERTIFICATES, PROGRAM, REPOSITORY, Apply, Sandbox, run, succeed

pytestmark = pytest.mark.campaign

PAGE = commands("environments.md")
COPY, FILL_IN = PAGE["Add an environment"].split("\n", 1)
OFF, ON = PAGE["Roll out, and promote a change"].split("pulumi config set", 1)
ON = f"pulumi stack select qa\npulumi config set{ON}"
PLACEHOLDERS = {"accountId", "alicloud:region", "kubernetes:context", "listeners.https.albConfig"}


@dataclass(frozen=True)
class Environment:
    """A stack of the program; nothing but commands writes its file."""

    name: str
    directory: Path
    sandbox: Sandbox

    @property
    def albconfig(self) -> str:
        return f"alb-{self.name}"

    @property
    def file(self) -> Path:
        return self.directory / f"Pulumi.{self.name}.yaml"

    def type(self, lines: str) -> subprocess.CompletedProcess[str]:
        """Commands of the documentation, with this environment's names in place of the example's,
        by a user who says yes.
        """
        for example, own in (
            ("ack-qa", "alb-mutual-tls-sandbox"),
            ("alb-qa", self.albconfig),
            ("qa", self.name),
        ):
            lines = lines.replace(example, own)
        lines = lines.replace("1234567890123456", ACCOUNT_ID)
        env = self.sandbox.env | {
            "PULUMI_SKIP_CONFIRMATIONS": "true",
            "SSL_CERT_FILE": str(self.sandbox.server_ca),
        }
        return run("bash", "-euo", "pipefail", "-c", lines, env=env, cwd=self.directory)

    def on_the_sandbox(self) -> str:
        """The command that leads the stack to the sandbox in place of Alibaba Cloud."""
        api, at = f"127.0.0.1:{self.sandbox.port_base + 80}", self.sandbox.address(self.albconfig)
        values = {
            "kubernetes:kubeconfig": self.sandbox.directory / "kubeconfig",
            "alicloud:protocol": "HTTP",
            **{f"alicloud:endpoints.{product}": api for product in ("alb", "cas", "sts")},
            "listeners.https.verify.address": f"{at}:{self.sandbox.listener_base + 443}",
            "listeners.https.verify.serverName": "demo.alb.ingress.top",
            "authorities.root.keyAlgorithm": "ECDSA-P256",
            "deletionProtection": "false",
        }
        pairs = " ".join(f"--plaintext {key}={value}" for key, value in values.items())
        return f"pulumi config set-all --stack qa --path {pairs}"

    def what_it_has(self) -> tuple[bytes, dict[str, Any]]:
        """Its state, as it is stored, and its AlbConfig."""
        file = self.sandbox.layout.state / ".pulumi/stacks/alb-mutual-tls" / f"{self.name}.json"
        return file.read_bytes(), self.sandbox.albconfig(self.albconfig)

    def let_in(self) -> bool:
        """Whether somebody without a certificate is."""
        port = self.sandbox.listener_base + 443
        place = f"demo.alb.ingress.top:443:{self.sandbox.address(self.albconfig)}:{port}"
        status = run(
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-k",
            "--connect-to",
            place,
            "https://demo.alb.ingress.top/",
        ).stdout
        assert status in ("200", "400", "000")
        return status == "200"


@pytest.fixture(scope="module")
def environments(
    sandbox: Sandbox, apply: Apply, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Environment]]:
    """Three environments whose files are the templates yet; each has an AlbConfig to work on."""
    directory = tmp_path_factory.mktemp("environments")
    for name in (*PROGRAM, "docs"):
        (directory / name).symlink_to(REPOSITORY / name)
    for name in ("staging", "prod"):
        shutil.copy(REPOSITORY / f"Pulumi.{name}.yaml", directory)
    made = [Environment(name, directory, sandbox) for name in ("dev", "staging", "prod")]
    for environment in made:
        apply(environment.albconfig, [{"port": 443, "protocol": "HTTPS", "certificates": CERTIFICATES}])
    succeed(made[0].type(COPY))
    yield made
    for environment in made:
        succeed(
            environment.type(
                "pulumi destroy --yes --skip-preview --stack qa && pulumi stack rm --yes --stack qa"
            )
        )


def test_a_template_that_was_not_filled_in_deploys_nothing_and_is_told_every_place(
    environments: list[Environment], sandbox: Sandbox
) -> None:
    environment, since = environments[1], len(sandbox.audit_log())
    succeed(environment.type("pulumi stack init qa"))
    refused = environment.type("pulumi up --stack qa --skip-preview")
    assert refused.returncode != 0
    assert (
        set(re.findall(r"^ *(\S+): is still the template's placeholder", refused.stdout, re.MULTILINE))
        == PLACEHOLDERS
    )
    assert sandbox.patches(since) == []
    succeed(environment.type("pulumi stack rm --yes --force --stack qa"))
    shutil.copy(
        REPOSITORY / "Pulumi.staging.yaml", environment.file
    )  # as in a checkout: the command has removed it


def test_each_step_of_a_promotion_touches_one_environment_and_holds_in_it(
    environments: list[Environment], sandbox: Sandbox
) -> None:
    def step(environment: Environment, lines: str, shut: bool) -> None:
        others = [one for one in environments if one is not environment]
        before, since = [one.what_it_has() for one in others], len(sandbox.audit_log())
        shown = succeed(environment.type(lines))
        patches = sandbox.patches(since)
        assert patches == [(environment.albconfig, 200)]
        assert [one.what_it_has() for one in others] == before
        assert environment.let_in() is not shut
        (verdict,) = [line for line in shown.splitlines() if line.startswith("held: ")]
        wanted = str(shut).lower()
        print(
            f"| caEnabled {wanted}: up, verify | {environment.name} | {environment.albconfig}: {len(patches)}"
            f" | {verdict} |"
        )

    for environment in environments:
        comments = [line.strip() for line in environment.file.read_text().splitlines() if "#" in line]
        succeed(environment.type(FILL_IN))
        succeed(environment.type(environment.on_the_sandbox()))
        assert [line.strip() for line in environment.file.read_text().splitlines() if "#" in line] == comments
    for environment in environments:
        step(environment, OFF, shut=False)
    for environment in environments:
        step(environment, ON, shut=True)
    states = [environment.what_it_has()[0] for environment in environments]
    assert all(b"PRIVATE KEY" not in state for state in states)
    authorities = {
        item["outputs"]["certPem"]
        for state in states
        for item in json.loads(state)["checkpoint"]["latest"]["resources"]
        if item["type"] == "albmtls:index:AuthorityCertificate"
    }
    assert len(authorities) == 3
