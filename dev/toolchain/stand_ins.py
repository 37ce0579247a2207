"""Stand-ins for the official plugins where those cannot be had.

They are programs that the engine finds in a PULUMI_HOME of the sandbox's own.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from dev.toolchain import store
from dev.toolchain.places import Places


def plugin_directory(home: Path, name: str, version: str) -> Path:
    """Where the engine looks for a resource plugin below a PULUMI_HOME."""
    return home / "plugins" / f"resource-{name}-v{version}"


def launcher(places: Places, name: str) -> str:
    """Return the text of the program that the engine starts.

    It runs the stand-in's module in the checkout's Python environment.
    """
    return (
        "#!/bin/sh\n"
        "# Written by dev.toolchain: stands in for the official plugin, on the sandbox only.\n"
        f"PYTHONPATH={shlex.quote(str(places.repository))} exec {shlex.quote(str(places.python))} -P -m"
        f' dev.toolchain.plugins.{name} "$@"\n'
    )


def install(places: Places, home: Path, name: str, version: str) -> None:
    """Put a stand-in where the engine finds it; writes nothing that is already so."""
    directory = plugin_directory(home, name, version)
    file = directory / f"pulumi-resource-{name}"
    text = launcher(places, name)
    if file.is_file() and file.read_bytes() == text.encode() and os.access(file, os.X_OK):
        return
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / f".{file.name}-{os.getpid()}"
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o755)
    temporary.replace(file)


def link(places: Places, home: Path, name: str, version: str) -> None:
    """Put an official plugin beside the stand-ins.

    The engine passes over links to directories, so its files are linked.
    """
    directory = plugin_directory(home, name, version)
    directory.mkdir(parents=True, exist_ok=True)
    for file in plugin_directory(places.pulumi_home, name, version).iterdir():
        store.link(directory / file.name, str(file.absolute()))


def announcement(name: str, version: str) -> str:
    """What is said on every run as long as a stand-in is in use."""
    return (
        f"plugin {name} {version}: the official one could not be downloaded"
        f" (.toolchain/log/plugin-{name}.log), so a stand-in serves the sandbox and nothing else"
    )
