"""Cleans text that many people will read.

Secrets are taken out, and so is whatever differs from run to run.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

REDACTED: Final = "[secret]"

SECRET_VARIABLES: Final = (
    "ALIBABACLOUD_ACCESS_KEY_SECRET",
    "ALIBABACLOUD_SECURITY_TOKEN",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
    "ALICLOUD_SECRET_KEY",
    "ALICLOUD_SECURITY_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "GOOGLE_CREDENTIALS",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "VAULT_SERVER_TOKEN",
    "VAULT_TOKEN",
)
"""Environment variables whose values must not be shown, whoever repeats them: of Alibaba Cloud, and
of Pulumi's backends and secrets providers.
"""

PASSPHRASE_FILE: Final = "PULUMI_CONFIG_PASSPHRASE_FILE"  # noqa: S105 -- its name
"""Names the file whose content is the passphrase."""

_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----.*?(-----END \1PRIVATE KEY-----|\Z)", re.DOTALL
)
_REQUEST_ID: Final = re.compile(r",? ?\brequest [0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_CONTROL: Final = re.compile(
    r"\x1b\[[0-9;]*[A-Za-z]|[^\S\n ]|(?!\n)[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of the secret variables that are set.

    The longest comes first, so that no value is left as the rest of another.
    """
    secrets = {environment.get(name, "") for name in SECRET_VARIABLES}
    file = Path(environment.get(PASSPHRASE_FILE, ""))
    with contextlib.suppress(OSError, ValueError):  # the engine says what is wrong with the file
        if file.is_file():  # a pipe can be read once only, by the engine
            secrets.add(file.read_text(encoding="utf-8").strip())
    return tuple(sorted(secrets - {""}, key=lambda value: (-len(value), value)))


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return the text without private keys and the given secrets.

    Colors and control characters go too; the lines are kept.
    """
    hidden = tuple(secrets)
    text = _CONTROL.sub(" ", _without(text, hidden).replace("\r\n", "\n"))
    return _PRIVATE_KEY.sub(
        REDACTED, _without(text, hidden)
    )  # again: colors may have stood in the midst of one


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def steady(text: str) -> str:
    """The text without the ids of requests, which are others in each run."""
    return _REQUEST_ID.sub("", text).replace(" ()", "")
