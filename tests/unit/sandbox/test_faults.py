"""Faults that are wished for and that are in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError
from dev.sandbox import faults
from dev.sandbox.__main__ import main
from dev.sandbox.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.cloud_directory.mkdir()
    return made


def test_unknown_names_are_refused_with_those_that_exist() -> None:
    with pytest.raises(UserError, match=r"alb has no fault 'x'; choose one of ignores-ca-enabled, .*, none"):
        faults.check("alb", "x")
    with pytest.raises(
        UserError,
        match=(
            "there are no faults of 'nlb'; targets are alb, controller, albconfig, api, apiserver, and none"
            " for all"
        ),
    ):
        faults.check("nlb", "none")


def test_a_wish_is_written_and_none_takes_it_back(layout: Layout) -> None:
    assert faults.wished(layout) == {}
    faults.wish(layout, "alb", "answers-400")
    assert json.loads(layout.faults_file.read_text()) == {"alb": "answers-400"}
    assert faults.wished(layout) == {"alb": "answers-400"}
    faults.wish(layout, "alb", "none")
    assert faults.wished(layout) == {}


def test_waiting_ends_when_the_wish_is_in_force(layout: Layout) -> None:
    wished = faults.wish(layout, "alb", "answers-400")
    looks = iter([None, None])

    def alive() -> bool:
        if next(looks, "now") == "now":
            layout.faults_applied_file.write_text(json.dumps(wished))
        return True

    faults.await_applied(layout, alive)
    assert faults.applied(layout) == wished


def test_even_no_fault_must_be_confirmed_and_waiting_has_a_limit(layout: Layout) -> None:
    faults.wish(layout, "alb", "none")
    with pytest.raises(UserError, match="did not take the fault within 0 s"):
        faults.await_applied(layout, lambda: True, limit=0.05)


def test_waiting_ends_when_nobody_is_there_to_take_it(layout: Layout) -> None:
    faults.wish(layout, "alb", "answers-400")
    with pytest.raises(UserError, match="is not running"):
        faults.await_applied(layout, lambda: False)


def test_a_damaged_file_is_one_sentence(layout: Layout) -> None:
    layout.faults_file.write_text("{")
    with pytest.raises(UserError, match=r"faults.json is damaged; delete it"):
        faults.wished(layout)


def test_a_fault_of_an_action_has_its_own_number_of_times_and_seconds() -> None:
    def numbers(*arguments: Any) -> tuple[Any, Any]:
        made = faults.scripted(*arguments)
        return made["times"], made["seconds"]

    assert numbers("UploadPCACert", "throttle") == (1, None)
    assert numbers("UploadPCACert", "5xx", 3) == (3, None)
    assert numbers("UploadPCACert", "timeout-after") == (1, 20)
    assert numbers("UploadPCACert", "timeout-before", 2, 0.5) == (2, 0.5)
    assert numbers("ListCert", "slow") == (None, 5)
    assert numbers("ListCert", "slow", 4) == (4, None)
    assert numbers("ListCert", "slow", None, 2.5) == (None, 2.5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("UploadCert", "reset"),
            "has no action 'UploadCert'; choose one of CreateWarehouse, .*, AssumeRole",
        ),
        (
            ("UploadPCACert", "slowly"),
            (
                "api has no fault 'slowly'; choose one of throttle, 5xx, reset, timeout-before,"
                " timeout-after, slow, none"
            ),
        ),
        (
            ("UploadPCACert", "slow"),
            "UploadPCACert cannot be slow; choose one of ListCertWarehouse, ListCert",
        ),
        (("UploadPCACert", "reset", 0), "--times is 0; give 1 or more"),
        (("UploadPCACert", "reset", 1, 2.0), "reset takes no --seconds"),
        (("UploadPCACert", "timeout-after", 1, 0.0), "--seconds is 0; give more than 0"),
        (("UploadPCACert", "timeout-after", 1, float("nan")), "--seconds is nan; give more than 0"),
        (("ListCert", "slow", 1, 2.0), "slow takes --times or --seconds, not both"),
    ],
)
def test_a_fault_of_an_action_that_cannot_be_is_refused_with_what_can(
    arguments: tuple[Any, ...], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        faults.scripted(*arguments)


def test_faults_of_several_actions_and_targets_stand_side_by_side_until_all_are_cleared(
    layout: Layout,
) -> None:
    faults.wish(layout, "controller", "stale")
    faults.wish_api(layout, "ListCert", faults.scripted("ListCert", "slow", 2))
    faults.wish_api(layout, "UploadPCACert", faults.scripted("UploadPCACert", "timeout-after", 3))
    assert faults.active(layout) == {
        "controller": "stale",
        "api ListCert": "slow for 2 lists",
        "api UploadPCACert": "timeout-after for 20 s, 3 of 3 to come",
    }
    faults.wish_api(layout, "ListCert", faults.scripted("ListCert", "none"))
    assert list(faults.wished(layout)["api"]) == ["UploadPCACert"]
    faults.clear(layout)
    assert faults.wished(layout) == faults.active(layout) == {}


def test_a_fault_that_was_met_often_enough_is_not_active_any_more(layout: Layout) -> None:
    fault = faults.scripted("UploadPCACert", "5xx", 2)
    faults.wish_api(layout, "UploadPCACert", fault)
    layout.faults_spent_file.write_text(json.dumps({fault["id"]: 1}))
    assert faults.active(layout) == {"api UploadPCACert": "5xx, 1 of 2 to come"}
    layout.faults_spent_file.write_text(json.dumps({fault["id"]: 2}))
    assert faults.active(layout) == {}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["api"], "say which action and which fault"),
        (["api", "ListCert"], "say which action and which fault"),
        (["api", "ListCerts", "slow"], "has no action 'ListCerts'"),
        (["alb", "answers-400", "twice"], "alb takes one name, not answers-400 twice"),
        (["alb", "answers-400", "--times", "2"], "--times and --seconds are for faults of api"),
        (["apiserver", "stop"], "apiserver has no fault 'stop'; choose one of restart, pause, resume"),
        (["apiserver"], "apiserver has no fault None; choose one of restart, pause, resume"),
        (["albconfig", "reorder"], "albconfig has no fault 'reorder'; choose one of writers, none"),
        (["controller", "dead"], "controller has no fault 'dead'; choose one of stale, none"),
        (["controller"], "controller has no fault 'None'"),
        (["none", "alb"], "there are no faults of 'none'"),
        (["none"], "is not running; start it first"),
    ],
)
def test_the_command_refuses_what_there_is_not_before_it_changes_anything(
    layout: Layout, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    layout.save()
    assert main(["fault", *arguments, "--directory", str(layout.directory)], {}) == 1
    assert sentence in capsys.readouterr().err
    assert not layout.faults_file.exists()
