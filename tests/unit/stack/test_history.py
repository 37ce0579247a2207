"""Which configuration was deployed last, whether the stack file has another one by now, and which
of its values count at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.stack import history
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
from alb_mutual_tls.stack.history import HistoryEntry, Value
from tests.examples import examples

SECRET = Value("the former key", secret=True)
LISTENERS = "alb-mutual-tls:listeners"


def entry(
    kind: str = "update", *, succeeded: bool = True, targeted: bool = False, **keys: Any
) -> HistoryEntry:
    return HistoryEntry(
        kind,
        succeeded,
        targeted,
        {key: value if isinstance(value, Value) else Value(value) for key, value in keys.items()},
    )


def test_the_last_update_of_the_whole_stack_that_succeeded_is_what_is_deployed() -> None:
    wanted = entry(caEnabled="true")
    later = [entry(succeeded=False), entry("refresh"), entry(targeted=True)]
    assert history.deployed([*later, wanted, entry()]) is wanted


def test_after_a_destroy_nothing_is_deployed() -> None:
    assert history.deployed([entry(succeeded=False), entry("destroy"), entry()]) is None
    assert history.deployed([entry("destroy", succeeded=False), wanted := entry()]) is wanted
    assert history.deployed([]) is None


def test_values_are_read_as_pulumi_tells_them_and_never_shown() -> None:
    told = {
        "p:caEnabled": {"value": "true", "secret": False},
        "p:clients": {"value": '{"a":{}}', "objectValue": {"a": {}}, "secret": False},
        "p:authorityPrivateKeys": {"value": '{"a":"KEY"}', "objectValue": {"a": "KEY"}, "secret": True},
    }
    found = history.values(told)
    assert found == {
        "p:caEnabled": Value("true"),
        "p:clients": Value({"a": {}}),
        "p:authorityPrivateKeys": Value({"a": "KEY"}, secret=True),
    }
    assert "KEY" not in repr(found) and "KEY" not in repr(entry(k=SECRET))


def test_text_of_a_boolean_or_number_is_no_difference() -> None:
    one = {"a": Value("true"), "b": Value("90"), "c": Value({"x": 1}), "d": Value("x")}
    other = {"a": Value(True), "b": Value(90), "c": Value({"x": 1}), "e": Value("x")}
    assert history.different(one, other) == ["d", "e"]


# --- the history, read as far back as it takes


def told(kind: str = "update", result: str = "succeeded", *flags: str, **config: str) -> dict[str, Any]:
    """An entry as `pulumi stack history --json` has it."""
    return {
        "kind": kind,
        "result": result,
        "environment": {f"pulumi.flag.{flag}": "set" for flag in ("yes", "stack", *flags)},
        "config": {key: {"value": value, "secret": False} for key, value in config.items()} or None,
    }


def paged(monkeypatch: pytest.MonkeyPatch, entries: list[dict[str, Any]]) -> list[int]:
    """A `pulumi` with this history; returns the pages that it is asked for."""
    asked: list[int] = []

    class Asked:
        def __init__(self, _: Path, stack: str, *arguments: str) -> None:
            self.size, self.page = (
                int(arguments[arguments.index(option) + 1]) for option in ("--page-size", "--page")
            )

        def answer_json(self) -> Any:
            asked.append(self.page)
            return entries[(self.page - 1) * self.size : self.page * self.size]

        def close(self) -> None:
            pass

    monkeypatch.setattr(history, "Asked", Asked)
    return asked


def test_history_is_read_newest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paged(monkeypatch, [told("update", "succeeded", "target", a="1"), told("destroy", "failed")])
    assert history.history(tmp_path, "prod") == (
        entry(targeted=True, a="1"),
        entry("destroy", succeeded=False),
    )


@pytest.mark.parametrize("before", [0, 49, 50, 51, 100, 273])
def test_however_many_partial_updates_came_after_it_the_last_deployment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    rest = [told("update", "succeeded", "target", a="renewed")] * before
    asked = paged(monkeypatch, [*rest, told(a="whole"), *[told(a="older")] * 200])
    assert history.deployed(history.history(tmp_path, "prod")) == entry(a="whole")
    assert asked == list(range(1, before // 50 + 2))


@pytest.mark.parametrize("length", [0, 1, 50, 100])
def test_a_history_without_any_deployment_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    paged(monkeypatch, [told("update", "failed")] * length)
    assert history.deployed(history.history(tmp_path, "prod")) is None


@pytest.mark.parametrize("flag", ["target", "exclude", "target-replace"])
def test_an_update_that_leaves_resources_out_is_no_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    paged(
        monkeypatch,
        [told("update", "succeeded", flag, a="new"), told("update", "succeeded", "replace", a="old")],
    )
    assert history.deployed(history.history(tmp_path, "prod")) == entry(a="old")


@pytest.mark.parametrize("flag", ["target", "exclude", "exclude-protected"])
def test_a_destroy_that_leaves_resources_there_does_not_end_a_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    paged(monkeypatch, [told("destroy", "succeeded", flag, a="new"), told(a="old")])
    assert history.deployed(history.history(tmp_path, "prod")) == entry(a="old")


def test_what_pulumi_says_becomes_one_sentence(tmp_path: Path, pulumi: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="there is no stack prod"):
        history.history(pulumi(stderr="error: no stack named 'prod' found", code=255), "prod")


# --- what verify and status say of the stack file


def noted(pulumi: Callable[..., Path], config: object, past: object) -> history.StackFile:
    project = pulumi()
    (project.parent / "bin/config").write_text(json.dumps(config))
    (project.parent / "bin/history").write_text(json.dumps(past))
    with history.asked_stack_file(project, None) as stack_file:
        found = stack_file()
    assert "--show-secrets" not in (project.parent / "bin/arguments").read_text()
    return found


def test_keys_that_were_changed_since_the_last_deployment_are_named(pulumi: Callable[..., Path]) -> None:
    config = {
        "p:same": {"value": "true", "secret": False},
        "p:new": {"value": "1", "secret": False},
        "p:key": {"secret": True},
    }
    past = {
        "p:same": {"value": "true"},
        "p:gone": {"value": "x"},
        "p:key": {"value": "[secret]", "secret": True},
    }
    found = noted(pulumi, config, [told("update", "succeeded", "target"), {**told(), "config": past}])
    assert found.notes == (
        (
            "the configuration has changed since the last deployment (p:gone, p:new), and this goes by what"
            " is deployed, verify.* of listeners apart: run pulumi up to deploy it"
        ),
    )


def test_a_configuration_that_is_deployed_is_not_worth_a_note(pulumi: Callable[..., Path]) -> None:
    assert noted(pulumi, {"p:a": {"value": "1"}}, [told(**{"p:a": "1"})]).notes == ()


def test_what_cannot_be_compared_is_said_and_hinders_nothing(pulumi: Callable[..., Path]) -> None:
    found = noted(pulumi, {"p:a": {"value": "1"}}, [told("update", "failed")])
    assert found.configuration == {"p:a": Value("1")}
    assert found.notes == (
        (
            "whether the stack's configuration has changed since the last deployment is not known: its"
            " history has no deployment that got to its end"
        ),
    )


def test_a_backend_that_does_not_answer_is_said_and_hinders_nothing(pulumi: Callable[..., Path]) -> None:
    project = pulumi(stderr="error: unable to open bucket", code=255)
    with history.asked_stack_file(project, None) as stack_file:
        (note,) = stack_file().notes
    assert note.startswith(
        "whether the stack's configuration has changed since the last deployment is not known: `pulumi config"
        " --json"
    )


DEPLOYED = DeployedListener(
    "https", "alb", 443, True, "old.example.com", "old.example.com", "/old", ca_certificate_id="ca-1"
)


def with_file(listeners: object) -> DeployedListener:
    component = DeployedComponent("mtls", (DEPLOYED,), (), "root", "")
    (found,) = history.with_verify_of({LISTENERS: Value(listeners)}, [component])
    return found.listeners[0]


def test_address_server_name_and_path_of_verify_are_those_of_the_stack_file() -> None:
    verify = {"address": "new.example.com:8443", "serverName": "new.example.com", "path": "/new"}
    wished = {"https": {"albConfig": "alb", "port": 443, "caEnabled": False, "verify": verify}}
    expected = DeployedListener(
        "https", "alb", 443, True, "new.example.com:8443", "new.example.com", "/new", ca_certificate_id="ca-1"
    )
    assert with_file(wished) == with_file(json.dumps(wished)) == expected
    bare = with_file({"https": {"albConfig": "alb", "port": 443}})
    assert (bare.address, bare.server_name, bare.path, bare.ca_enabled) == (None, None, "/", True)


@pytest.mark.parametrize(
    "wished",
    [
        {},
        {"other": {}},
        {"https": {"albConfig": "other", "port": 443}},
        {"https": {"albConfig": "alb", "port": 8443}},
        "{",
        [],
        {"https": 1},
        {"https": {"albConfig": "alb", "port": 443, "verify": "x"}},
    ],
)
def test_a_listener_that_the_stack_file_has_not_keeps_what_it_was_deployed_with(wished: object) -> None:
    assert with_file(wished) == DEPLOYED


def test_a_value_of_verify_that_is_no_text_is_one_sentence() -> None:
    with pytest.raises(
        UserError,
        match=r"verify.address of listener https is 8443 in the stack file, and no text: put it in quotes",
    ):
        with_file({"https": {"albConfig": "alb", "port": 443, "verify": {"address": 8443}}})


@settings(max_examples=examples(100))
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_stands_in_the_stack_file_it_is_taken_or_refused_in_a_sentence(value: object) -> None:
    for wished in (value, {"https": value}, {"https": {"albConfig": "alb", "port": 443, "verify": value}}):
        try:
            with_file(wished)
        except UserError as error:
            assert "put it in quotes" in str(error)
