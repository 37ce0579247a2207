"""What a shell needs to work on the sandbox with `pulumi`, `kubectl` and `./mtls`.

It comes as a file to be sourced, and for child processes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.sandbox.layout import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    PASSPHRASE,
    REPOSITORY,
    Layout,
    write_atomically,
)

SANDBOX: Final = "ALB_MUTUAL_TLS_SANDBOX"
"""The variable that tells processes that work on a sandbox, and whose they are."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variables(layout: Layout) -> dict[str, str]:
    """The variables to export, all but PATH."""
    from dev.toolchain import engine

    own = {
        # With metadata, each write of the state first empties the file `.json.attrs` beside it:
        # killed there, the engine can read its state no more.
        "PULUMI_BACKEND_URL": f"file://{layout.state}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_HOME": str(layout.pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "KUBECONFIG": str(layout.kubeconfig),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
        SANDBOX: str(layout.directory),
    }
    chosen = {**own, **engine.environment(layout.directory)}
    chosen.pop("PATH", None)
    return chosen


def directories(layout: Layout) -> list[str]:
    """What goes to the front of PATH, in this order."""
    from dev.toolchain import engine

    chosen = engine.environment(layout.directory).get("PATH", "").split(os.pathsep)
    return list(
        dict.fromkeys(
            [str(REPOSITORY / ".venv" / "bin"), str(REPOSITORY / ".toolchain" / "bin"), *filter(None, chosen)]
        )
    )


def for_process(layout: Layout, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child process that works on the sandbox.

    It is `environment` (default: the caller's) as if `env` had been sourced.
    """
    base = dict(os.environ if environment is None else environment)
    front = directories(layout)
    rest = [
        directory for directory in base.get("PATH", os.defpath).split(os.pathsep) if directory not in front
    ]
    return {**base, **variables(layout), "PATH": os.pathsep.join([*front, *rest])}


def write(layout: Layout) -> None:
    """Write the file `env`."""
    write_atomically(layout.env, script(variables(layout), directories(layout)))


def script(exports: Mapping[str, str], path: Sequence[str]) -> str:
    """Text that sh, bash and zsh can source, also twice: PATH grows once.

    Args:
        exports: name -> value, any text.
        path: directories for the front of PATH.
    Raises:
        UserError: a directory cannot stand in PATH.
    """
    for directory in path:
        if ":" in directory:
            raise UserError(
                f"{directory} holds a colon and therefore cannot stand in PATH; move the checkout to another"
                " directory"
            )
    front = ":".join(path) + ":"
    lines = ["# Written by `python -m dev.sandbox start`; to be sourced: . .sandbox/env"]
    lines += [f"export {_named(name)}={quote(value)}" for name, value in sorted(exports.items())]
    lines += [f'case "${{PATH-}}" in {quote(front)}*) ;; *) export PATH={quote(front)}"${{PATH-}}" ;; esac']
    return "\n".join(lines) + "\n"


def quote(text: str) -> str:
    """A word for the shell, in single quotes whatever is in it."""
    return "'" + text.replace("'", "'\\''") + "'"


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of a variable")
    return name
