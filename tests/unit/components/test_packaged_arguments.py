"""The arguments as programs in other languages give them."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.wire import UNKNOWN
from components.arguments import AlbMutualTlsArgs
from components.packaged_arguments import checked
from tests.unit.pki.material import authority, key_pem, pem, request

CORP = authority("corporate root")


def problems(**inputs: Any) -> list[str]:
    """The lines of refusal, below the heading."""
    with pytest.raises(UserError) as caught:
        checked(inputs)
    heading, *lines = str(caught.value).split("\n")
    assert heading == "the arguments of AlbMutualTls cannot be used:"
    return lines


def test_nothing_given_is_what_a_stack_file_without_keys_is() -> None:
    assert checked({}) == AlbMutualTlsArgs()


def test_what_is_null_is_not_given_but_an_entry_without_fields_is_an_entry() -> None:
    taken = checked(
        {
            "repository": None,
            "clients": {"web": None, "app": {"csr": None}},
            "listeners": {"https": {"albConfig": "alb", "port": 443, "verify": None}},
        }
    )
    assert taken == AlbMutualTlsArgs(clients={"web": {}, "app": {}})  # type: ignore[dict-item]


def test_a_default_that_a_generated_sdk_writes_down_stands_beside_everything() -> None:
    asked = request()
    taken = checked(
        {
            "clients": {"own": {"csr": asked, "keyAlgorithm": "ECDSA-P256", "validityDays": 90}},
            "authorities": {
                "corp": {
                    "certificate": pem(CORP.certificate),
                    "keyAlgorithm": "RSA-4096",
                    "validityDays": 3650,
                }
            },
            "authorityPrivateKeys": {"corp": key_pem(CORP.private_key)},
        }
    )
    assert taken.clients["own"].csr == asked


def test_another_value_beside_what_excludes_it_is_refused() -> None:
    (line,) = problems(clients={"own": {"csr": request(), "keyAlgorithm": "RSA-2048"}})
    assert line.startswith("clients.own: keyAlgorithm is set beside csr")


def test_everything_wrong_is_said_at_once_and_names_its_argument() -> None:
    lines = problems(
        caEnabled="yes",
        clients={"web": {"validityDays": 0}},
        listeners={"https": {"albConfig": "alb", "prot": 443}},
        alb_config="alb",
    )
    assert [line.partition(":")[0] for line in lines] == [
        "caEnabled",
        "listeners.https.port",
        "listeners.https.prot",
        "clients.web.validityDays",
        "alb_config",
    ]


def test_what_another_resource_computes_may_be_a_request_or_a_key() -> None:
    async def taken() -> AlbMutualTlsArgs:
        return checked(
            {
                "clients": {"own": {"csr": UNKNOWN}},
                "authorities": {"corp": {"certificate": pem(CORP.certificate)}},
                "authorityPrivateKeys": {"corp": UNKNOWN},
            }
        )

    arguments = asyncio.run(taken())
    assert isinstance(arguments.clients["own"].csr, pulumi.Output)
    assert isinstance(arguments.authority_private_keys["corp"], pulumi.Output)


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        ({"caEnabled": UNKNOWN}, "caEnabled"),
        ({"clients": UNKNOWN}, "clients"),
        ({"clients": {"web": UNKNOWN}}, "clients.web"),
        ({"clients": {"web": {"uris": [UNKNOWN]}}}, "clients.web.uris.0"),
        ({"authorities": {"corp": {"certificate": UNKNOWN}}}, "authorities.corp.certificate"),
        ({"authorityPrivateKeys": UNKNOWN}, "authorityPrivateKeys"),
    ],
)
def test_what_decides_which_resources_there_are_must_be_known(inputs: dict[str, Any], place: str) -> None:
    (line,) = problems(**inputs)
    assert line.startswith(f"{place}: is computed by a resource that is still to be made")
