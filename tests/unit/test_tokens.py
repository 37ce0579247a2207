"""The resource types that stand in users' states are spelled in one file."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TYPE = re.compile(r"[\"'](?:albmtls|alb-mutual-tls|tls|kubernetes|pulumi):[\w/.]+:\w+[\"']")


def test_every_resource_type_is_spelled_in_tokens_alone() -> None:
    modules = [
        module
        for package in ("alb_mutual_tls", "components")
        for module in sorted((REPOSITORY / package).rglob("*.py"))
    ]
    spelled = {str(path.relative_to(REPOSITORY)) for path in modules if TYPE.search(path.read_text("utf-8"))}
    assert spelled == {"alb_mutual_tls/tokens.py"}
