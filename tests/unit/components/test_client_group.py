"""Groups of clients in the configuration: where names come from, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.arguments import AlbMutualTlsArgs
from components.settings import SettingsError, parse


def fleet(**group: Any) -> AlbMutualTlsArgs:
    groups = json.dumps({"fleet": group})
    return parse({"alicloud:region": "cn-hangzhou", "alb-mutual-tls:clientGroups": groups}).arguments


def test_names_come_from_a_list_or_from_a_file_with_blank_lines_and_comments(tmp_path: Path) -> None:
    assert fleet(names=["b", "a"]).client_groups["fleet"].members == ("b", "a")
    file = tmp_path / "names.txt"
    file.write_bytes("\ufeff# devices\r\n\r\n b \r\na\n".encode())
    assert fleet(namesFile=str(file)).client_groups["fleet"].members == ("b", "a")


def test_a_member_has_its_own_common_name_and_uri_below_the_group() -> None:
    args = fleet(names=["a"], subject={"organizationName": "fleet"})
    uri = "spiffe://00000000.alb-mutual-tls/client/fleet/a"
    assert list(args.subjects()) == [
        ("clientGroups.fleet.a", {"commonName": "a", "organizationName": "fleet"}, [uri])
    ]
    assert args.issues
    assert args.client_groups["fleet"].renewal_days() == 30


def test_the_rules_for_clients_hold_for_members_too() -> None:
    with pytest.raises(SettingsError) as refused:
        parse(
            {
                "alicloud:region": "cn-hangzhou",
                "alb-mutual-tls:authorities": json.dumps({"root": {"subject": {"commonName": "a"}}}),
                "alb-mutual-tls:clientGroups": json.dumps(
                    {"fleet": {"names": ["a"], "subject": {"organizationName": "alb-mutual-tls"}}}
                ),
            }
        )
    assert str(refused.value).startswith(
        "clientGroups.fleet.a.subject: is the subject of authorities.root, which verifiers take for a"
    )


def test_a_name_that_no_client_could_have_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"clientGroups\.fleet: the name 'a/b' cannot be used"):
        fleet(names=["a/b"])
