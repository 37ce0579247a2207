"""Which addresses tests name."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PRIVATE = re.compile(r"(?:https?://|\bserver\W+)(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d")


def test_no_test_names_a_server_in_a_private_network_which_might_be_there_and_be_asked() -> None:
    named = [str(file.relative_to(TESTS)) for file in TESTS.rglob("*.py") if PRIVATE.search(file.read_text())]
    assert named == [], "name a loopback address, or a name below .invalid"
