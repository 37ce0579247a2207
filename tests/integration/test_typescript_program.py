"""The TypeScript example: an SDK that Pulumi generates, compiled, and run by the Node.js SDK's own
Automation API, as no language host for Node.js is published.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.engine import Sandbox, run, succeed
from tests.integration.package import PLUGIN, Project, project, provider

UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")
"""npm's codes for a registry that cannot be reached."""
DRIVER = Path(__file__).with_name("typescript_program.js")


def compile_program(stack: Project) -> None:
    """Generate the SDK, install what it and the program need from the npm registry, compile."""
    # What writes SDKs is named as the engine looks for it here alone: it can run no program.
    writer = shutil.which("pulumi-typescript-sdk", path=stack.env["PATH"])
    assert writer is not None, "pulumi-typescript-sdk is not there: make test-toolchain builds it"
    hosts = stack.directory / "hosts"
    hosts.mkdir()
    (hosts / "pulumi-language-nodejs").symlink_to(writer)
    env = {**stack.env, "PATH": f"{hosts}:{stack.env['PATH']}"}
    generate = ("package", "gen-sdk", PLUGIN, "--language", "nodejs", "--local", "--out", "sdks")
    succeed(run("pulumi", *generate, env=env, cwd=stack.directory))
    quiet = ("--no-audit", "--no-fund", "--prefer-offline")
    done = run("npm", "install", *quiet, env=dict(os.environ), cwd=stack.directory, timeout=600)
    if any(code in done.stderr for code in UNREACHABLE):
        pytest.skip(f"npm reaches no registry, so the TypeScript example was NOT tried: {done.stderr[:300]}")
    assert done.returncode == 0, f"npm cannot install the packages of the example\n{done.stderr}"
    compiler = stack.directory / "node_modules/typescript/lib/tsc.js"
    succeed(run("node", compiler, env=dict(stack.env), cwd=stack.directory))


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project("typescript-program", tmp_path_factory.mktemp("typescript"), sandbox) as made:
        file = made.directory / "Pulumi.yaml"
        program = yaml.safe_load(file.read_text())
        program["plugins"]["providers"][0]["path"] = str(PLUGIN.parent)
        file.write_text(yaml.safe_dump(program))
        made.configure(provider=provider(sandbox), deletionProtection=False)
        compile_program(made)
        yield made


def node(stack: Project, *command: str) -> str:
    """What a command of the engine shows that runs the program."""
    return succeed(run("node", DRIVER, *command, env=dict(stack.env), cwd=stack.directory))


def test_the_compiled_program_deploys_and_is_done(stack: Project) -> None:
    assert "mtls-client-partner" in node(stack, "preview")
    node(stack, "up")
    node(stack, "preview", "unchanged")
    outputs = stack.outputs()
    assert outputs["caCertificateId"]
    assert outputs["notAfter"].endswith("Z")
    assert outputs["clientPrivateKeys"]["partner"].startswith("-----BEGIN ")


def test_the_compiler_refuses_what_the_schema_does_not_know(stack: Project) -> None:
    source = (stack.directory / "index.ts").read_text()
    wrong = source.replace("validityDays: 30", 'validityDays: "30"').replace("port: 443", "prot: 443")
    (stack.directory / "wrong.ts").write_text(wrong)
    compiler = stack.directory / "node_modules/typescript/lib/tsc.js"
    flags = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2020", "--moduleResolution", "node")
    refused = run(
        "node", compiler, *flags, "--module", "commonjs", "wrong.ts", env=dict(stack.env), cwd=stack.directory
    )
    assert refused.returncode != 0
    assert "Type 'string' is not assignable to type 'Input<number" in refused.stdout
    assert "'prot' does not exist in type 'Input<ListenerArgs>'" in refused.stdout
