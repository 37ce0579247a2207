"""The program's look at the account, on Pulumi's mocks: whom it asks, what it says, and that a
stack without accountId has nothing of it.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from components.albmtls import AlbMtls
from components.guard import after, require_account
from components.provider_arguments import AlbMtlsArgs
from tests.event_loops import event_loops

with warnings.catch_warnings():
    # the package's, of its own deprecated modules
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_alicloud

ROOT = Path(__file__).resolve().parents[2]


class Engine(Mocks):
    """Answers getAccount with an account."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.called: list[str] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: MockCallArgs) -> Any:
        self.called.append(args.token)
        return {"id": self.account}


def run(engine: Engine, program: Callable[[], None]) -> None:
    with event_loops():
        pulumi.runtime.set_mocks(engine, preview=False)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def tested() -> None:
            program()

        tested()


def test_the_right_account_is_asked_for_once_and_nothing_is_said() -> None:
    engine = Engine("1")
    run(engine, lambda: require_account({"accountId": "1"}))
    assert engine.called == ["alicloud:index/getAccount:getAccount"]


def test_another_account_ends_the_program_with_one_sentence_that_names_both() -> None:
    with pytest.raises(pulumi.RunError) as error:
        run(Engine("2"), lambda: require_account({"accountId": "1"}))
    assert (
        str(error.value)
        == "alicloud:get_account says that the credentials belong to the account 2, and the key accountId"
        " wants 1: use credentials of that account, or correct accountId; nothing was declared"
    )


def test_an_account_that_cannot_be_found_out_is_left_to_the_provider_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)

    def silent() -> None:
        raise Exception("invoke of f failed: invocation of f returned an error: STS did\nnot answer: look")

    monkeypatch.setattr(pulumi_alicloud, "get_account", silent)
    require_account({"accountId": "1"})
    assert warned == [
        "the program could not compare accountId (STS did not answer: look), so the provider albmtls alone"
        " does it"
    ]


def test_a_stack_without_account_id_asks_nobody_and_imports_nothing_of_alicloud() -> None:
    engine = Engine("1")
    run(engine, lambda: require_account({"region": "cn-hangzhou", "ackClusterId": "c1"}))
    assert engine.called == []
    code = (
        "import sys; import components.mutual_tls, components.settings; from components.guard import"
        " require_account;require_account({'region': 'cn-hangzhou'}); print([name for name in sys.modules if"
        " 'alicloud' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("properties", "waits"),
    [({"region": "cn-hangzhou"}, False), ({"accountId": "1"}, True), ({"ackClusterId": "c1"}, True)],
)
def test_only_the_resources_of_a_guarded_stack_wait_for_the_provider(
    properties: AlbMtlsArgs, waits: bool
) -> None:
    found: list[pulumi.ResourceOptions] = []

    def program() -> None:
        found.append(after([AlbMtls("albmtls", properties)], properties))

    run(Engine("1"), program)
    assert bool(found[0].depends_on) is waits
    assert found[0].providers
