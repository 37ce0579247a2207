"""What every resource checks of its inputs."""

from __future__ import annotations

from collections.abc import Collection

from alb_mutual_tls.wire import CheckFailure


def unexpected(resource: str, inputs: Collection[str], properties: Collection[str]) -> list[CheckFailure]:
    """A failure for each input that the resource does not take."""
    takes = f"the properties are {', '.join(properties)}" if properties else "it takes no inputs"
    return [
        CheckFailure(key, f"{resource} has no property {key}: remove it, {takes}")
        for key in sorted(inputs)
        if key not in properties
    ]
