"""One side of the comparison: a plugin kubernetes, its cluster, and what its answers hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from alb_mutual_tls.wire import Properties
from tests.contract.listener.conftest import ControlPlane
from tests.contract.listener.kubernetes_plugin import CONFIGURATION, Plugin, encoded
from tests.oracle.comparison import Answer
from tests.plugin_process import running

NAME: Final = "one"


@dataclass
class Side:
    """One of the two plugins, as four processes with a configuration each.

    `ours`: as this program configures it; `default`: nothing but the kubeconfig; `closed`: nobody
    answers; `nowhere`: there is no kubeconfig.
    """

    plane: ControlPlane
    directory: Path
    start: Callable[[Properties], Plugin]
    ours: Plugin
    default: Plugin
    closed: Plugin
    nowhere: Plugin

    @classmethod
    @contextmanager
    def started(
        cls, command: tuple[str, ...], environment: dict[str, str], plane: ControlPlane, directory: Path
    ) -> Iterator[Side]:
        """Start the processes; a Secret that a call leaves is for `clear`."""
        with ExitStack() as stack:

            def start(configuration: Properties, **variables: str) -> Plugin:
                process = running(command, environment | variables, silent=False)
                return Plugin(stack.enter_context(process)).configure(configuration)

            here = {"kubeconfig": str(plane.kubeconfig)}
            closed = {"kubeconfig": kubeconfig(plane, directory / "closed", "https://127.0.0.1:9")}
            yield cls(
                plane,
                directory,
                start,
                ours=start(CONFIGURATION | here),
                default=start(here),
                closed=start(closed),
                nowhere=start({"kubeconfig": str(directory / "missing")}),
            )

    def clear(self) -> None:
        """Remove all Secrets, also those that wait for a garbage collector."""
        for name in self.plane.kubectl("get", "secrets", "-o", "name").split():
            self.plane.kubectl("patch", name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
            self.plane.kubectl("delete", name, "--ignore-not-found")

    def edit(self, manager: str) -> None:
        """What somebody else does to the Secret."""
        patch = {"data": {"tls.crt": encoded("forged"), "more": encoded("x")}}
        arguments = ("patch", "secret", NAME, f"--field-manager={manager}", "--type=merge")
        self.plane.kubectl(*arguments, "-p", json.dumps(patch))

    def make_theirs(self) -> None:
        """A Secret that is nobody's here."""
        content = ("--from-literal=tls.crt=a", "--from-literal=tls.key=b")
        self.plane.kubectl("create", "secret", "generic", NAME, "--type=kubernetes.io/tls", *content)

    def live(self) -> Answer:
        """What the API server has of the Secret: who owns which part, and its content."""
        arguments = ("get", "secret", NAME, "--ignore-not-found", "-o", "json", "--show-managed-fields")
        shown = self.plane.kubectl(*arguments)
        if not shown:
            return {}
        found = json.loads(shown)
        metadata = found["metadata"]
        keys = ("finalizers", "annotations", "labels")
        return {
            "data": found["data"],
            "managers": [[one["manager"], one["operation"]] for one in metadata["managedFields"]],
            **{key: metadata[key] for key in keys if key in metadata},
        }


def kubeconfig(plane: ControlPlane, file: Path, server: str | None = None) -> str:
    """Write a kubeconfig of the control plane, or of another one; returns its path."""
    content = yaml.safe_load(plane.kubeconfig.read_text(encoding="utf-8"))
    content["clusters"][0]["cluster"]["server"] = server or plane.server
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(file)
