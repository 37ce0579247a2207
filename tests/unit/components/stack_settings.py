"""Settings of a stack, parsed as the program does, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.settings import Settings, SettingsError, parse
from tests.unit.pki.material import authority, key_pem, pem

ROOT = pem(authority("corporate root").certificate)


ROOT_KEY = key_pem(authority("corporate root").private_key)


def settings(**keys: Any) -> Settings:
    """Parse keys of the project's namespace (text as it is, everything else as the engine hands
    objects over) and `alicloud:region`.
    """
    own = {
        f"alb-mutual-tls:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in keys.items()
    }
    return parse({"alicloud:region": "cn-hangzhou", **own})


def problems(**keys: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(**keys)
    return caught.value.problems


BROUGHT: dict[str, Any] = {"corp": {"certificate": ROOT}}


REQUEST = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
