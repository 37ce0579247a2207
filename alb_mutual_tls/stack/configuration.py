"""What `pulumi config` knows of a stack.

That is the provider keys, and the configuration that the stack was deployed with (`history`), in a
file of its own where what is secret stays encrypted.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.access.keys import KUBERNETES, by_name
from alb_mutual_tls.engine.program import pulumi, pulumi_json
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.stack.history import Configuration, HistoryEntry, different

_LONGEST: Final = 200
"""Characters of a value that is shown in a command."""


def read_provider_keys(directory: Path, stack: str | None) -> dict[str, Any]:
    """The provider keys of a stack as inputs of the provider, without `kubernetes:`.

    That is all there is before anything is deployed, and in a job that has no kubeconfig yet. Of
    the stack's secrets only those of these keys are decrypted: a brought authority's private key is
    not needed here.
    """
    content: Mapping[str, Mapping[str, Any]] = pulumi_json(directory, stack, "config", "--json")
    given: dict[str, Any] = {}
    for name, key in by_name().items():
        entry = content.get(key.full)
        if entry is None or key.namespace == KUBERNETES:
            continue
        if entry.get("secret"):
            given[name] = pulumi(directory, stack, "config", "get", key.full).removesuffix("\n")
        else:
            given[name] = entry.get("value")
    return given


def write(
    directory: Path, stack: str, entries: Sequence[HistoryEntry], wanted: HistoryEntry, file: Path
) -> None:
    """Write the configuration of an entry to a new file of mode 0600.

    Its secrets stay encrypted. Must come before another run on the stack, for the backend only
    gives the latest configuration with its secrets encrypted. Raises `UserError` where a secret of
    the wanted one is not in that.
    """
    file.touch(mode=0o600, exist_ok=False)
    pulumi(directory, stack, "config", "refresh", "--config-file", str(file), "--force")
    if wanted is not entries[0]:
        import yaml

        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        document["config"] = merged(
            document.get("config") or {}, latest=entries[0].configuration, wanted=wanted.configuration
        )
        file.write_text(yaml.safe_dump(document), encoding="utf-8")


def merged(encrypted: Mapping[str, Any], *, latest: Configuration, wanted: Configuration) -> dict[str, Any]:
    """The wanted configuration, with its secrets as they stand `encrypted`.

    They must be those of the latest configuration.
    """
    for key, value in wanted.items():
        if value.secret and latest.get(key) != value:
            raise UserError(
                f"the secret {key} was changed by a run that failed after the last deployment, and its former"
                " value cannot be had encrypted: set it to what it was, and deploy"
            )
    return {key: encrypted[key] if value.secret else value.plain for key, value in sorted(wanted.items())}


def set_value(directory: Path, stack: str, key: str, value: str, file: Path) -> None:
    """`pulumi config set` in a file of its own."""
    pulumi(directory, stack, "config", "set", key, value, "--config-file", str(file))


def unprotect(directory: Path, stack: str, urn: str) -> None:
    """`pulumi state unprotect` of a resource."""
    pulumi(directory, stack, "state", "unprotect", urn, "--yes")


def commands(stack: str, *, now: Configuration, wanted: Configuration) -> list[str]:
    """What makes the checkout's configuration the wanted one: commands or sentences."""
    return list(_commands(stack, now, wanted))


def _commands(stack: str, now: Configuration, wanted: Configuration) -> Iterator[str]:
    name = shlex.quote(stack)
    for key in different(now, wanted):
        value = wanted.get(key)
        if value is None:
            yield f"pulumi config rm {shlex.quote(key)} --stack {name}"
            continue
        text = value.plain if isinstance(value.plain, str) else json.dumps(value.plain, ensure_ascii=False)
        if value.secret or len(text) > _LONGEST or "\n" in text:
            yield f"# {key}: give it the value that it had in the last good deployment"
        else:
            yield f"pulumi config set {shlex.quote(key)} {shlex.quote(text)} --stack {name}"
