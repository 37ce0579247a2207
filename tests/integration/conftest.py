"""The real engine on a sandbox of its own: own ports, own directory, beside whatever else runs here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine import LISTENER_BASE, PORT_BASE, PROGRAM, REPOSITORY, Sandbox, succeed


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox that all integration tests of a process share."""
    directory = tmp_path_factory.mktemp("sandbox")
    started = Sandbox.start(directory, PORT_BASE, LISTENER_BASE)
    yield started
    succeed(started("stop"))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program in a directory of its own, so that stack files are written there and not in the checkout."""
    directory = tmp_path_factory.mktemp("program")
    for name in PROGRAM:
        (directory / name).symlink_to(REPOSITORY / name)
    shutil.copy(REPOSITORY / "Pulumi.dev.yaml", directory / "Pulumi.dev.yaml")
    return directory


@pytest.fixture
def handover(program: Path) -> Iterator[Path]:
    """Where commands of the documentation write clients' files."""
    directory = program / "handover"
    yield directory
    shutil.rmtree(directory)
