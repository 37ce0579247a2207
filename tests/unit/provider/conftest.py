"""What the tests of the provider's handlers share."""

from __future__ import annotations

import pytest

from tests.unit.provider.signing_engine import Engine


@pytest.fixture
def engine() -> Engine:
    return Engine()
