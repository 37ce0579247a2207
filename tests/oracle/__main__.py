"""The command `python -m tests.oracle [kubernetes] [engine] [tls] [alicloud]`.

It holds the stand-ins against the real plugins, and ends with 1 where docs/oracle.md is not true.
Without names, all of it is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.properties import to_struct
from alb_mutual_tls.plugin.protocol import empty_pb2, provider_pb2
from dev.sandbox.layout import Layout
from dev.toolchain import engine
from dev.toolchain.places import HERE
from dev.toolchain.versions import load
from tests.contract.listener import conftest
from tests.oracle import alicloud_calls, kubernetes_calls, real_plugins, tls_calls
from tests.oracle.comparison import Answer, Difference, compare, verdict
from tests.oracle.kubernetes_side import Side
from tests.oracle.listed import PAGE, listed
from tests.plugin_process import running
from tests.ports import unused_base

T = TypeVar("T")
NOBODY: Final = "127.0.0.1:9"
"""The engine's address, for the real plugins, which want one: their log lines are not compared."""
_TESTS: Final = "tests/integration/test_client_secret.py"


def side_by_side(
    plugin: str,
    calls: Mapping[str, Callable[[T], Answer]],
    stand_in: T,
    real: T,
    clear: Callable[[], None] = lambda: None,
) -> list[str]:
    """Make each call to both, print what differs, and return what is wrong with the list."""
    known = listed(plugin, PAGE.read_text(encoding="utf-8"))
    found: list[Difference] = []
    for name, call in calls.items():
        answers = []
        for side in (stand_in, real):
            clear()
            answers.append(call(side))
        clear()
        differences = compare(name, *answers)
        print(f"{plugin}: {name}: {_number(differences)}", flush=True)
        for one in differences:
            print(f"    {one.what}")
            print(f"        stand-in  {one.stand_in}")
            print(f"        real      {one.real}")
            print(f"        reason    {known.get(one, 'NOT LISTED')}")
        found += differences
    wrong = verdict(found, known)
    print(f"{plugin}: {len(calls)} calls, {len(found)} differences, {len(known)} in {PAGE.name}")
    return wrong


def _number(differences: Sequence[Difference]) -> str:
    return f"{len(differences) or 'no'} difference{'' if len(differences) == 1 else 's'}"


def kubernetes(version: str, environment: dict[str, str], directory: Path) -> list[str]:
    """The plugin that is built, on a control plane of its own."""
    real = (str(real_plugins.kubernetes(version, os.environ)), NOBODY)
    with (
        unused_base(range(14_000, 16_500, 500), (379, 380, 443)) as base,
        conftest.running(Layout(directory / "control-plane", base, base - 2000)) as plane,
        Side.started(real_plugins.stand_in("kubernetes"), environment, plane, directory) as one,
        Side.started(real, environment, plane, directory) as other,
    ):
        return side_by_side("kubernetes", kubernetes_calls.CALLS, one, other, one.clear)


def on_the_engine(version: str, directory: Path) -> list[str]:
    """The tests of clients' Secrets with the real plugin, which the engine finds on PATH first."""
    program = directory / "path" / "pulumi-resource-kubernetes"
    started = directory / "started"
    program.parent.mkdir()
    real = real_plugins.kubernetes(version, os.environ)
    program.write_text(f'#!/bin/sh\necho "$0" >> "{started}"\nexec "{real}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "pytest", _TESTS, "-q", "--timeout", "900"]
    status = subprocess.run(command, cwd=HERE.repository, env={**os.environ, "PATH": path}).returncode
    times = started.read_text(encoding="utf-8").count("\n") if started.exists() else 0
    print(f"engine: {_TESTS} ended with {status}; the real plugin was started {times} times")
    wrong = [f"{_TESTS} fails with the real plugin"] if status else []
    return (
        wrong if times else [*wrong, f"the engine has not started {real}: see PULUMI_IGNORE_AMBIENT_PLUGINS"]
    )


def where_it_is(
    name: str,
    version: str,
    calls: Mapping[str, Callable[[Any], Answer]],
    environment: Mapping[str, str],
) -> list[str]:
    """A plugin that cannot be built, where the machine has the official one."""
    program, places = real_plugins.official(name, version, os.environ)
    with configured(real_plugins.stand_in(name), name, environment) as stand_in:
        if program:
            with configured((str(program), NOBODY), name, environment) as real:
                said = real.GetPluginInfo(empty_pb2.Empty()).version
                print(f"{name}: {program}, which says that it is {said}")
                return side_by_side(name, calls, stand_in, real)
        print(f"{name}: the official plugin {version} is not there ({', '.join(places)});")
        print(f"    not compared, made to the stand-in alone: {'; '.join(calls)}", flush=True)
        alone = [one for name, call in calls.items() for one in compare(name, call(stand_in), call(stand_in))]
        return [f"{name}: the stand-in differs from itself: {one}" for one in alone]


@contextmanager
def configured(command: Sequence[str], name: str, environment: Mapping[str, str]) -> Iterator[Any]:
    """A running plugin with nothing but its version configured."""
    with running(command, environment, silent=False) as stub:
        stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({}), acceptSecrets=True))
        yield stub


def main(names: Sequence[str]) -> int:
    """Return 0 when every difference is listed, and every listed one is there."""
    versions = engine.plugin_versions(HERE, load())
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="oracle-") as made:
        directory = Path(made)
        (directory / "sandbox.json").write_text("{}", encoding="utf-8")
        environment = {
            "HOME": made,
            "ALB_MUTUAL_TLS_SANDBOX": made,
            "PULUMI_BACKEND_URL": f"file://{made}/state",
        }
        parts: dict[str, Callable[[], list[str]]] = {
            "tls": lambda: where_it_is("tls", versions["tls"], tls_calls.CALLS, environment),
            "alicloud": lambda: where_it_is(
                "alicloud",
                versions["alicloud"],
                alicloud_calls.CALLS,
                environment | alicloud_calls.ENVIRONMENT,
            ),
            "kubernetes": lambda: kubernetes(versions["kubernetes"], environment, directory),
            "engine": lambda: on_the_engine(versions["kubernetes"], directory),
        }
        unknown = [name for name in names if name not in parts]
        try:
            if unknown:
                raise UserError(f"there is no {unknown[0]} to compare: name {', '.join(parts)}, or nothing")
            for name, part in parts.items():
                if not names or name in names:
                    wrong += part()
        except UserError as error:
            wrong.append(str(error))
    for sentence in wrong:
        print(f"error: {sentence}", file=sys.stderr)
    print(f"{PAGE.name} is {'not true' if wrong else 'true of what was compared'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
