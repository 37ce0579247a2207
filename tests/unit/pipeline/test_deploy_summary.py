"""How `ci/deploy` ends and what it says: the first line tells what is live, and what cannot be told
is not told.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.listener.enforced import Absent, NotKnown, Shown, View
from alb_mutual_tls.operations.deployment.deploy import Deployment, DeploymentEnding
from alb_mutual_tls.operations.deployment.live import Live, sentence
from alb_mutual_tls.operations.deployment.proof import Verification
from alb_mutual_tls.operations.status.observed import ObservedListener
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.pipeline.deploy_summary import summary
from alb_mutual_tls.stack.deployed import DeployedListener
from alb_mutual_tls.verdict import Verdict

HELD = Verification(Verdict.HELD, "held: 15 checks held at 1 listener")
SHORT = Verification(
    Verdict.FELL_SHORT,
    "fell short: 14",
    ("fell short: listener https: no certificate: the listener lets this in",),
)
UNDECIDED = Verification(Verdict.NOT_DECIDED, "not decided: 14")
NOTHING = Verification(Verdict.NOT_CHECKED, "no listener is declared, so there is nothing to verify")
LIVE = "alb:443 on, CA root (1)"
BAD = Deployment(
    "prod",
    DeploymentEnding.NOT_GOOD,
    before=HELD,
    after=SHORT,
    live=LIVE,
    back="the configuration of the last deployment",
    commands=("pulumi X",),
)
BROKEN = Failure(FailureKind.REFUSED, ("ALB did not confirm",))


def failed(reason: FailureKind) -> Deployment:
    return Deployment("prod", DeploymentEnding.NOTHING_CHANGED, failure=Failure(reason, ("because",)))


@pytest.mark.parametrize(
    ("ended", "code", "first"),
    [
        (
            Deployment("prod", DeploymentEnding.DEPLOYED, after=HELD, live=LIVE),
            0,
            f"deployed and verified; live now: {LIVE}",
        ),
        (
            Deployment("prod", DeploymentEnding.DEPLOYED, after=NOTHING, live=LIVE),
            0,
            f"deployed; live now: {LIVE}",
        ),
        (failed(FailureKind.REFUSED), 1, "not deployed: refused; nothing was changed"),
        (failed(FailureKind.FAILED), 1, "not deployed: the engine failed; nothing was changed"),
        (
            failed(FailureKind.LOCKED),
            2,
            "not deployed: another update holds the stack's lock; nothing was changed",
        ),
        (
            failed(FailureKind.CLUSTER),
            2,
            "not deployed: the cluster cannot be reached from here; nothing was changed",
        ),
        (
            replace(BAD, ending=DeploymentEnding.NOT_BEGUN, after=UNDECIDED),
            2,
            f"not begun: there was nothing to change, and verification not decided; live now: {LIVE}",
        ),
        (
            replace(BAD, ending=DeploymentEnding.NOT_BEGUN),
            1,
            f"not begun: there was nothing to change, and verification fell short; live now: {LIVE}",
        ),
        (BAD, 1, f"deployment failed, verification fell short; live now: {LIVE}"),
        (replace(BAD, after=UNDECIDED), 2, f"deployment failed, verification not decided; live now: {LIVE}"),
        (
            replace(BAD, after=None, failure=BROKEN),
            1,
            f"deployment failed, pulumi up did not get to its end; live now: {LIVE}",
        ),
        (
            replace(BAD, ending=DeploymentEnding.NOT_ROLLED_BACK),
            1,
            f"deployment failed and not rolled back, verification fell short; live now: {LIVE}",
        ),
        (
            replace(BAD, ending=DeploymentEnding.ROLLED_BACK, after=UNDECIDED, restored=HELD),
            1,
            f"deployment failed and rolled back, verification not decided; live now: {LIVE} (verified)",
        ),
        (
            replace(BAD, ending=DeploymentEnding.ROLLED_BACK, restored=SHORT),
            1,
            f"deployment failed and rolled back, verification fell short; live now: {LIVE} (fell short: 14)",
        ),
        (replace(BAD, live=""), 1, "deployment failed, verification fell short; live now: not seen"),
    ],
)
def test_the_first_line_says_what_came_of_it_and_what_is_live(
    ended: Deployment, code: int, first: str
) -> None:
    assert ended.exit_code == code
    assert summary(ended).startswith(f"**prod: {first}**\n<!-- alb-mutual-tls deploy prod -->\n")


def test_what_failed_is_explained_with_the_commands_that_go_back() -> None:
    told = summary(BAD)
    assert "- fell short: listener https: no certificate: the listener lets this in" in told
    assert "```sh\npulumi X\npulumi up --stack prod\n./mtls verify --stack prod\n```" in told
    assert "Before: held: 15 checks held at 1 listener" in told


AGAIN = "ci/deploy --rollback --stack prod --ca-file 'my ca.pem' --patience 5 --cwd infra"


@pytest.mark.parametrize(
    "ended",
    [
        replace(BAD, ending=DeploymentEnding.NOT_BEGUN),
        BAD,
        replace(BAD, back=""),
        replace(failed(FailureKind.LOCKED)),
    ],
)
def test_advice_repeats_the_options_that_were_given(ended: Deployment) -> None:
    told = summary(replace(ended, again=AGAIN, verifying=" --ca-file 'my ca.pem'", place=" --cwd infra"))
    assert f"`{AGAIN}`" in told
    if ended is BAD:
        commands = (
            "pulumi X --cwd infra\npulumi up --stack prod --cwd infra\n./mtls verify --stack prod --cwd infra"
            " --ca-file 'my ca.pem'"
        )
        assert f"```sh\n{commands}\n```" in told


def test_the_options_of_verify_are_those_that_were_given() -> None:
    assert Probe().options == ""
    given = Probe(Path("my ca.pem"), insecure=True, cert=Path("c"), key=Path("k"), timeout=2.5)
    assert given.options == " --ca-file 'my ca.pem' --cert c --key k --insecure --timeout 2.5"


def test_an_update_that_broke_off_is_to_be_run_again() -> None:
    told = summary(replace(BAD, after=None, failure=BROKEN, changed=("update alb-443",)))
    assert (
        "- ALB did not confirm" in told
        and "To finish it: `ci/deploy --stack prod`" in told
        and "Changed: update alb-443" in told
    )


def test_without_a_way_back_none_is_offered() -> None:
    told = summary(
        replace(
            BAD,
            ending=DeploymentEnding.NOT_ROLLED_BACK,
            back="",
            commands=(),
            obstacle="the state before was not good either",
        )
    )
    assert "There is no good state to go back to: the state before was not good either." in told
    assert "```" not in told


def test_a_way_back_that_failed_is_still_offered() -> None:
    told = summary(
        replace(BAD, ending=DeploymentEnding.NOT_ROLLED_BACK, obstacle="the way back was refused: no")
    )
    assert "Not rolled back: the way back was refused: no." in told and "pulumi X" in told


def test_a_lock_is_explained_with_the_way_to_lift_it() -> None:
    assert "`pulumi cancel --stack prod`" in summary(failed(FailureKind.LOCKED))
    assert "pulumi cancel" not in summary(failed(FailureKind.CLUSTER))


def test_text_from_elsewhere_is_no_markup() -> None:
    told = summary(replace(BAD, after=replace(SHORT, reasons=("seen HTTP 200 <img src=x> @all",))))
    assert "<img" not in told and "@all" not in told


@pytest.mark.parametrize(
    ("declared", "enforced", "said"),
    [
        (Shown(True, ("1",)), Shown(True, ("1",)), "alb:443 on, CA root (1)"),
        (Shown(False, ()), Shown(False, ()), "alb:443 off"),
        (
            Shown(False, ("1",)),
            Shown(True, ("2",), changing=True),
            "alb:443 AlbConfig: off, CA root (1); ALB: on, CA 2 (ALB is at work on it)",
        ),
        (
            Shown(True, ("1",)),
            NotKnown("no permission"),
            "alb:443 AlbConfig: on, CA root (1); ALB: not seen: no permission",
        ),
        (Absent("no port 443"), Absent("no port 443"), "alb:443 none: no port 443"),
    ],
)
def test_a_listener_is_told_as_each_place_shows_it(declared: View, enforced: View, said: str) -> None:
    listener = DeployedListener("alb:443", "alb", 443, True)
    assert sentence([Live(ObservedListener(listener, declared, enforced), {"1": "root"})]) == said
    assert sentence([]) == "the stack's state has no listener"
