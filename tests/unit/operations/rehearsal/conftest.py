"""What the tests of rehearsals share."""

from __future__ import annotations

import pytest

from tests.unit.operations.rehearsal.rehearsals import World


@pytest.fixture(name="world")
def usual_world() -> World:
    return World()
