"""Programs of one's own on the sandbox: an installed wheel, an example, the real engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.engine import REPOSITORY, Sandbox, run, succeed

EXAMPLES = REPOSITORY / "examples"
PLUGIN = REPOSITORY / "alb_mutual_tls/provider/pulumi-resource-albmtls"


def provider(sandbox: Sandbox) -> dict[str, Any]:
    """The properties of a provider that works on the sandbox."""
    endpoint = f"127.0.0.1:{sandbox.port_base + 80}"
    return {
        "region": "cn-hangzhou",
        "protocol": "HTTP",
        "endpoints": dict.fromkeys(("alb", "cas", "sts", "cs"), endpoint),
        "kubeconfig": str(sandbox.directory / "kubeconfig"),
        "context": "alb-mutual-tls-sandbox",
    }


def install(environment: Path) -> None:
    """Make a Python environment and install this checkout into it with pip.

    What the package needs comes from the checkout's own environment, so that nothing is
    downloaded.
    """
    succeed(run(sys.executable, "-m", "venv", environment))
    python = environment / "bin/python"
    site = Path(succeed(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")).strip())
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    succeed(run(python, "-m", "pip", "install", "--quiet", *offline, REPOSITORY))


@dataclass(frozen=True)
class Project:
    """A program with a stack `dev` on the sandbox."""

    directory: Path
    env: Mapping[str, str]

    def pulumi(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return run("pulumi", *command, "--non-interactive", env=dict(self.env), cwd=self.directory)

    def configure(self, **values: Any) -> None:
        """Write the stack's file, beside what the engine has put there."""
        for key, value in values.items():
            if isinstance(value, Mapping):
                for name, item in value.items():
                    pairs = item.items() if isinstance(item, Mapping) else [(None, item)]
                    for inner, text in pairs:
                        path = f"{key}.{name}" if inner is None else f"{key}.{name}.{inner}"
                        succeed(self.pulumi("config", "set", "--path", path, str(text)))
            else:
                succeed(self.pulumi("config", "set", key, str(value).lower()))

    def up(self) -> None:
        succeed(self.pulumi("up", "--yes", "--skip-preview", "--suppress-progress"))

    def unchanged(self) -> None:
        """There is nothing to do."""
        succeed(self.pulumi("preview", "--expect-no-changes", "--suppress-progress"))

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            succeed(self.pulumi("stack", "output", "--json", "--show-secrets"))
        )
        return found

    def types(self) -> set[str]:
        """The types of the resources in the state."""
        exported = json.loads(succeed(self.pulumi("stack", "export")))
        return {resource["type"] for resource in exported["deployment"]["resources"]}


@contextmanager
def project(example: str, directory: Path, sandbox: Sandbox, **env: str) -> Iterator[Project]:
    """A copy of an example with a stack, which is destroyed in the end."""
    kept = shutil.ignore_patterns(".venv", "node_modules", "sdks", "bin")
    shutil.copytree(EXAMPLES / example, directory, dirs_exist_ok=True, ignore=kept)
    made = Project(directory, sandbox.env | env)
    succeed(made.pulumi("stack", "init", "dev"))
    try:
        yield made
    finally:
        succeed(made.pulumi("destroy", "--yes", "--skip-preview", "--suppress-progress"))
        succeed(made.pulumi("stack", "rm", "--yes"))
