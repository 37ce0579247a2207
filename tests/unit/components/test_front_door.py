"""What another Python program imports, and what that costs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import alb_mutual_tls
from alb_mutual_tls.access import keys
from components import provider_arguments


def test_everything_that_is_offered_is_there() -> None:
    from components.albmtls import AlbMtls
    from components.mutual_tls import AlbMutualTls

    offered: Any = alb_mutual_tls
    assert offered.AlbMutualTls is AlbMutualTls
    assert offered.AlbMtls is AlbMtls
    for name in alb_mutual_tls.__all__:
        assert getattr(alb_mutual_tls, name).__doc__, name


def test_what_is_not_offered_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'AlbMutualTsl'"):
        alb_mutual_tls.AlbMutualTsl  # noqa: B018


def test_nothing_is_imported_before_it_is_used() -> None:
    code = "import sys, alb_mutual_tls; print('pulumi' in sys.modules or 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_typed_properties_of_the_provider_are_the_table_of_keys() -> None:
    assert provider_arguments.AlbMtlsArgs.__annotations__.keys() == keys.by_name().keys()
    assert provider_arguments.AlbMtlsArgs.__required_keys__ == {key.name for key in keys.KEYS if key.required}
    for name, typed in (
        ("endpoints", provider_arguments.EndpointsArgs),
        ("assumeRole", provider_arguments.AssumeRoleArgs),
        ("assumeRoleWithOidc", provider_arguments.AssumeRoleWithOidcArgs),
    ):
        key = keys.by_name()[name]
        assert typed.__annotations__.keys() == {field.name for field in key.fields}
        assert typed.__required_keys__ == set(key.required_fields)
