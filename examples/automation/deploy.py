"""Deploy a stack for each environment with Pulumi's Automation API, and prove each.

The next environment comes only when the one before holds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pulumi import automation

PROJECT: Final = Path(__file__).resolve().parent
MTLS: Final = PROJECT.parents[1] / "mtls"


def main() -> int:
    environments = yaml.safe_load((PROJECT / "environments.yaml").read_text(encoding="utf-8"))
    for name, configuration in environments.items():
        print(f"{name}: {deployed(name, configuration)}", flush=True)
        if not holds(name):
            print(f"{name} does not hold, so nothing after it is deployed", file=sys.stderr)
            return 1
    return 0


def deployed(name: str, configuration: Mapping[str, Any]) -> str:
    """Deploy one environment; returns what was changed."""
    stack = automation.create_or_select_stack(name, work_dir=str(PROJECT))
    values = {key: automation.ConfigValue(_text(value)) for key, value in configuration.items()}
    stack.set_all_config(values, path=True)
    # Without secrets, as the outputs hold private keys; without a preview, as nobody reads it.
    done = stack.up(show_secrets=False, suppress_progress=True, on_output=print)
    changes = done.summary.resource_changes or {}
    return ", ".join(f"{count} {kind}" for kind, count in sorted(changes.items()))


def holds(name: str) -> bool:
    """Whether everybody is let in, or not, as the listener says."""
    command = [str(MTLS), "verify", "--stack", name, "--cwd", str(PROJECT)]
    return subprocess.run(command, check=False).returncode == 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    sys.exit(main())
