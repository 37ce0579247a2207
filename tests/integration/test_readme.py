"""README.md by its own commands: what it has a newcomer try, and the way to a real cluster."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.console import clear
from tests.integration.documentation import blocks
from tests.integration.engine import REPOSITORY, Sandbox, Stack, run, succeed

pytestmark = pytest.mark.campaign

README = REPOSITORY / "README.md"
CONTEXT = "alb-mutual-tls-sandbox"
STEPS = re.compile(r"^\d\. \*\*([\w ]+)\*\*.*?`([^`]+)`", re.MULTILINE)


@pytest.fixture
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    made = Stack("readme", program, sandbox)
    yield made
    made.remove()
    clear(sandbox)


def test_what_a_newcomer_tries_prints_what_it_says(stack: Stack, program: Path) -> None:
    succeed(stack.pulumi("up", "--yes", "--skip-preview"))
    tried = blocks(README, "sh")[0].replace("\\\n", " ").splitlines()
    up, environment, export, curl, down = (line.partition(" # ")[0].strip() for line in tried)
    assert (up, environment, down) == ("make up", ". .sandbox/env", "make down")
    here = curl.replace("20443", str(stack.sandbox.listener_base + 443)).replace(
        ".sandbox/pki/server-ca.crt", str(stack.sandbox.server_ca)
    )
    try:
        assert stack.type(f"{export}\n{here} --silent").splitlines()[-1] == "old"
        nobody = here.partition(" --cert ")[0]
        assert stack.type(f"{nobody} --silent --output /dev/null -w '%{{http_code}}'") == "400"
    finally:
        shutil.rmtree(program / "out")


def test_the_way_to_a_real_cluster_is_complete(sandbox: Sandbox, program: Path) -> None:
    home = program / "home"
    login, fill_in = (re.sub(r"(?m)^ {3}", "", block) for block in indented_blocks())
    steps = dict(STEPS.findall(README.read_text(encoding="utf-8")))
    env = sandbox.env | {
        "HOME": str(home),
        "PULUMI_SKIP_CONFIRMATIONS": "true",
        "SSL_CERT_FILE": str(sandbox.server_ca),
    }
    # Stand-ins of plugins serve no state but the sandbox's, so nobody logs in elsewhere here.
    login_line, *passphrase = login.splitlines()
    assert "pulumi login" in login_line
    api = f"127.0.0.1:{sandbox.port_base + 80}"
    of_the_sandbox = [
        "unset PULUMI_CONFIG_PASSPHRASE",
        "pulumi config set alicloud:protocol HTTP",
        *(f"pulumi config set --path 'alicloud:endpoints[0].{name}' {api}" for name in ("alb", "cas", "sts")),
        f"pulumi config set --path listeners.https.verify.address 127.0.0.1:{sandbox.listener_base + 443}",
        "pulumi config set --path listeners.https.verify.serverName demo.alb.ingress.top",
        "pulumi config set deletionProtection false",
        f"pulumi config set kubernetes:kubeconfig {sandbox.directory / 'kubeconfig'}",
    ]
    here = re.sub(r"(?m)^pulumi config set alicloud:accountType .*", "", fill_in)
    here = here.replace("ap-southeast-1", "cn-hangzhou").replace("my-ack-cluster", CONTEXT)
    shutil.copy(REPOSITORY / "Pulumi.prod.yaml", program)
    (home / ".mtls").mkdir(parents=True)
    try:
        script = [of_the_sandbox[0], *passphrase, *here.splitlines(), *of_the_sandbox[1:], steps["Off first"]]
        script += [steps["Hand out"], f"{steps['Rehearse']} --yes", steps["Switch on"]]
        script += ["pulumi destroy", "pulumi stack rm prod --yes"]
        shown = succeed(run("bash", "-euo", "pipefail", "-c", "\n".join(script), env=env, cwd=program))
        assert "would hold" in shown
        assert (program / "out/partner.key").stat().st_mode & 0o777 == 0o600
    finally:
        for made in (home, program / "out"):
            shutil.rmtree(made, ignore_errors=True)
        (program / "Pulumi.prod.yaml").unlink(missing_ok=True)
    clear(sandbox)


def indented_blocks() -> list[str]:
    """The blocks of commands in the numbered steps."""
    return re.findall(
        r"^ {3}```sh\n(.*?)^ {3}```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
