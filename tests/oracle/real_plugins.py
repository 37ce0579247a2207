"""Where the real plugins are: one is built, the others are used where the machine has them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from dev.toolchain import golang
from dev.toolchain.places import HERE
from dev.toolchain.processes import CommandFailed, Runner
from dev.toolchain.store import Recipe, Store
from dev.toolchain.versions import load

KUBERNETES: Final = "kubernetes-provider"
_MODULE: Final = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_FILES: Final = ("go.mod", "go.sum", "main.go")
_SAYS_SO: Final = b"stands in for the official plugin"


def kubernetes(version: str, base: Mapping[str, str]) -> Path:
    """The plugin kubernetes out of pulumi-kubernetes' Go module, built once: minutes.

    `version` is the one of the Python package, which it says it has. Raises `UserError` where it
    cannot be built.
    """
    program = "pulumi-resource-kubernetes"
    files = {name: (HERE.recipes / KUBERNETES / name).read_text(encoding="utf-8") for name in _FILES}
    recipe = Recipe(KUBERNETES, (program,), (*files.values(), *golang.FLAGS, version))
    store = Store(HERE)
    if not store.has(recipe):
        runner = Runner(HERE.logs, lambda: None, threading.Event())
        go = golang.on_path(base, load().go_minimum, runner, HERE)
        if go is None:
            raise UserError(f"go {load().go_minimum} is not on PATH: install it to build the real plugin")
        print(f"building {program} from {_MODULE}: 6 minutes on two free cores, 4.6 GB of cache", flush=True)
        with store.making(recipe) as directory:
            _build(go, files, version, runner, golang.environment(base, HERE), directory / program)
    return store.path(recipe) / program


def _build(
    go: Path, files: Mapping[str, str], version: str, runner: Runner, environment: dict[str, str], into: Path
) -> None:
    source = into.parent / "source"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text, encoding="utf-8")
    try:
        answer = runner.run([str(go), "mod", "download", "-json", _MODULE], KUBERNETES, environment, source)
        _embed(Path(json.loads(answer[answer.index("{") :])["Dir"]), version, source)
        build = golang.build_arguments(go, source, ".", {f"{_MODULE}/pkg/version.Version": version}, into)
        # More at a time need more memory than 4.4 GB.
        runner.run([*build[:4], "-p", "2", *build[4:]], KUBERNETES, environment)
    except CommandFailed as failure:
        log = HERE.logs / f"{KUBERNETES}.log"
        raise UserError(golang.explain(KUBERNETES, failure.output, log)) from failure
    shutil.rmtree(source)


def _embed(module: Path, version: str, into: Path) -> None:
    """Make the documents that main.go embeds, as the module's own generate.go does.

    They are the module's committed ones without white space, the schema with the version in it.
    """
    for name in ("schema", "terraform-mapping"):
        file = module / "cmd" / "pulumi-resource-kubernetes" / f"{name}.json"
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if name == "schema":
            document["version"] = version
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        (into / f"{name}-embed.json").write_text(text, encoding="utf-8")


def official(name: str, version: str, base: Mapping[str, str]) -> tuple[Path | None, list[str]]:
    """The official plugin of the machine, and where it was looked for."""
    program = f"pulumi-resource-{name}"
    homes = [Path(base.get("PULUMI_HOME") or "~/.pulumi").expanduser(), HERE.pulumi_home]
    files = [home / "plugins" / f"resource-{name}-v{version}" / program for home in homes]
    on_path = shutil.which(program, path=base.get("PATH", ""))
    candidates = [*files, *([Path(on_path)] if on_path else [])]
    found = next((file for file in candidates if os.access(file, os.X_OK) and not _stands_in(file)), None)
    return found, [*(str(file.parent) for file in files), "PATH"]


def _stands_in(file: Path) -> bool:
    """Whether it is a launcher of dev.toolchain, as a sandbox's PULUMI_HOME has them."""
    with file.open("rb") as stream:
        return _SAYS_SO in stream.read(400)


def stand_in(name: str) -> tuple[str, ...]:
    """The command that starts a stand-in."""
    return (sys.executable, "-P", "-m", f"dev.toolchain.plugins.{name}")
