"""Reading parameters, pages, flow control and the stores of the sandbox's OpenAPI endpoint."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from dev.sandbox.cloud import alb, cas, cs, pages, pem, sts
from dev.sandbox.cloud.errors import ApiError
from dev.sandbox.cloud.parameters import Parameter, Values, read, uncovered
from dev.sandbox.cloud.store import Store
from dev.sandbox.cloud.throttle import Nonces, Throttle

UPLOAD = cas.PARAMETERS["UploadPCACert"]
LISTENERS = alb.PARAMETERS["ListListeners"]


def refused(declared: Sequence[Parameter], sent: dict[str, str]) -> str:
    with pytest.raises(ApiError) as error:
        read(declared, sent)
    return error.value.code


def test_values_are_typed_and_defaults_filled_in() -> None:
    assert read(cas.PARAMETERS["ListCert"], {"WarehouseId": "12345678901"}) == {
        "WarehouseId": 12345678901,
        "CurrentPage": 1,
        "ShowSize": 50,
    }


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"Cert": "x"}, "MissingWarehouseId"),
        ({"WarehouseId": "1"}, "MissingCert"),
        ({"WarehouseId": "", "Cert": "x"}, "MissingWarehouseId"),
        ({"WarehouseId": "cas-wh-abc", "Cert": "x"}, "InvalidParameter.WarehouseId"),
        ({"WarehouseId": "1.0", "Cert": "x"}, "InvalidParameter.WarehouseId"),
        ({"WarehouseId": str(2**63), "Cert": "x"}, "InvalidParameter.WarehouseId"),
        ({"WarehouseId": "1", "Cert": "x", "certName": "y"}, "InvalidParameter"),
        ({"WarehouseId": "1", "Cert": "x", "PrivateKey": "y"}, "Sandbox.NotCovered"),
    ],
)
def test_what_an_action_does_not_take_is_refused_by_name(sent: dict[str, str], expected: str) -> None:
    assert refused(UPLOAD, sent) == expected


def test_a_value_outside_of_the_documented_ones_is_refused() -> None:
    """`uploadCA` is what a repository is listed as, not what it is created as."""
    assert (
        refused(cas.PARAMETERS["CreateWarehouse"], {"Name": "n", "Type": "uploadCA"})
        == "InvalidParameter.Type"
    )


def test_lists_are_sent_as_numbered_parameters() -> None:
    assert read(LISTENERS, {"LoadBalancerIds.1": "a", "LoadBalancerIds.2": "b"})["LoadBalancerIds"] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"LoadBalancerIds": "a"}, "InvalidParameter"),
        ({"LoadBalancerIds.2": "a"}, "InvalidParameter.LoadBalancerIds"),
        ({f"LoadBalancerIds.{place}": "a" for place in range(1, 22)}, "InvalidParameter.LoadBalancerIds"),
        ({"MaxResults": "101"}, "InvalidParameter.MaxResults"),
        ({"Tag.1.Key": "a"}, "Sandbox.NotCovered"),
    ],
)
def test_lists_and_numbers_out_of_range_are_refused(sent: dict[str, str], expected: str) -> None:
    assert refused(LISTENERS, sent) == expected


def test_no_two_parameters_of_an_action_have_one_name() -> None:
    for actions in (cas.PARAMETERS, alb.PARAMETERS, sts.PARAMETERS, cs.PARAMETERS):
        for declared in actions.values():
            names = [parameter.name for parameter in declared]
            assert len(set(names)) == len(names)


def test_uncovered_parameters_are_refused_only_when_sent() -> None:
    assert read(uncovered("Biz"), {}) == {}


@given(count=st.integers(0, 60), size=st.integers(1, 25))
def test_pages_by_token_and_by_number_hand_out_everything_once_and_in_order(count: int, size: int) -> None:
    items: list[dict[str, Any]] = [{"n": number} for number in range(count)]
    by_number: list[dict[str, Any]] = []
    page = 1
    while found := pages.by_number({"CurrentPage": page, "ShowSize": size}, items, "Items")["Items"]:
        by_number += found
        page += 1
    by_token: list[dict[str, Any]] = []
    values: Values = {"MaxResults": size}
    while True:
        answer = pages.by_token(values, items, "Items")
        assert answer["TotalCount"] == count
        by_token += answer["Items"]
        if "NextToken" not in answer:
            break
        values["NextToken"] = answer["NextToken"]
    assert by_number == by_token == items


@pytest.mark.parametrize("token", ["x", "bm90IGpzb24=", ""])
def test_a_token_that_was_not_given_out_is_refused(token: str) -> None:
    with pytest.raises(ApiError, match="NextToken"):
        pages.by_token({"MaxResults": 1, "NextToken": token}, [{}, {}], "Items")


def test_a_token_of_another_query_is_refused() -> None:
    token = pages.by_token({"MaxResults": 1, "ListenerProtocol": "HTTP"}, [{}, {}], "Items")["NextToken"]
    with pytest.raises(ApiError, match="NextToken"):
        pages.by_token({"MaxResults": 1, "NextToken": token}, [{}, {}], "Items")


def test_the_eleventh_call_within_a_second_is_throttled_by_action_and_user() -> None:
    throttle = Throttle()
    for place in range(10):
        throttle.admit("user", "ListCert", 100 + place / 100)
    with pytest.raises(ApiError, match=r"Throttling\.User"):
        throttle.admit("user", "ListCert", 100.5)
    throttle.admit("user", "ListCertWarehouse", 100.5)
    throttle.admit("another user", "ListCert", 100.5)
    throttle.admit("user", "ListCert", 101.001)


def test_a_nonce_is_good_for_one_request_of_a_user() -> None:
    nonces = Nonces()
    nonces.use("user", "n", 100)
    nonces.use("another user", "n", 100)
    with pytest.raises(ApiError, match="SignatureNonceUsed"):
        nonces.use("user", "n", 100 + 29 * 60)
    nonces.use("user", "n", 100 + 31 * 60)


def test_a_store_that_was_changed_has_the_change_for_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "store.json"
    with Store(file, {"items": []}).changing() as content:
        content["items"].append(1)
    with Store(file, {"items": [], "more": 0}).reading() as content:
        assert content == {"items": [1], "more": 0}
    assert file.stat().st_mode & 0o077 == 0


def test_a_change_that_fails_leaves_a_store_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.json", {"items": [1]})
    with pytest.raises(ZeroDivisionError), store.changing() as content:
        content["items"].append(1 // 0)
    with pytest.raises(ZeroDivisionError), store.changing() as content:
        content["items"].append(2)
        raise ZeroDivisionError
    with store.reading() as content:
        assert content == {"items": [1]}


def test_changes_of_several_threads_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "store.json"
    store = Store(file, {"items": []})

    def change(number: int) -> None:
        with store.changing() as content:
            content["items"].append(number)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(json.loads(file.read_text())["items"]) == list(range(20))


def test_a_damaged_store_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(UserError, match="is damaged; delete it"):
        Store(tmp_path / "store.json", {})


@pytest.mark.parametrize(
    "kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
)
def test_a_private_key_is_refused_in_whatever_parameter_it_is(kind: str) -> None:
    with pytest.raises(ApiError) as error:
        pem.refuse_private_key("Cert", f"-----BEGIN {kind}-----\nsecret-content")
    assert error.value.code == "Sandbox.PrivateKeyRefused"
    assert "secret-content" not in str(error.value)
