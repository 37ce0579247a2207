"""A project whose stack the tests of the command line work on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def project(pulumi: Callable[..., Path], exported: dict[str, Any]) -> Path:
    return pulumi(stdout=json.dumps(exported))
