"""`ci/deploy` with the real engine: what it says, what is live afterwards, and what clients met
meanwhile.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from tests.integration.engine import REPOSITORY, Sandbox, Stack, succeed
from tests.integration.pipeline import begin, ci, listener
from tests.integration.traffic import Traffic

AUTHORITY = {"keyAlgorithm": "ECDSA-P256"}
ROOTS = {"root": AUTHORITY, "root2": AUTHORITY}
CLIENT = "client"


def deploy(
    stack: Stack, *arguments: str, after_patch: Sequence[Callable[[], object]] = (), patience: float = 20
) -> tuple[int, str]:
    options = ("--ca-file", str(stack.sandbox.server_ca), "--patience", str(patience))
    return ci(stack, "deploy", *options, *arguments, after_patch=after_patch)


def fault(sandbox: Sandbox, name: str) -> Callable[[], object]:
    return lambda: succeed(sandbox("fault", "alb", name))


def no_copy_is_left(stack: Stack) -> None:
    """The stack file is as it was configured, and no file with a configuration is left behind."""
    assert (
        yaml.safe_load((stack.directory / f"Pulumi.{stack.name}.yaml").read_text())["config"] == stack.config
    )
    assert list((stack.directory / "tmp").iterdir()) == []


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """Nothing is deployed yet; the tests of this module follow each other."""
    made = Stack("pipeline", program, sandbox)
    made.set(authorities=ROOTS, issuingAuthority="root", trustedAuthority="root", deletionProtection=True)
    (program / "tmp").mkdir()
    made.env["TMPDIR"] = str(program / "tmp")
    try:
        yield made
    finally:
        fault(sandbox, "none")()
        made.set(deletionProtection=False)
        made.up()
        made.remove()
        shutil.rmtree(program / "tmp")


def test_a_first_deployment_that_does_not_hold_is_switched_off_again(stack: Stack) -> None:
    fault(stack.sandbox, "ignores-ca-enabled")()
    page = stack.directory / "report.html"
    code, summary = deploy(stack, "--rollback", "--report", str(page), patience=0)
    fault(stack.sandbox, "none")()
    assert code == 1
    text = page.read_text(encoding="utf-8")
    page.unlink()
    assert text.startswith("<!DOCTYPE html>")
    assert "off: lets everybody in" in text
    assert "PRIVATE KEY" not in text
    first = summary.splitlines()[0]
    assert first.startswith(
        "**pipeline: deployment failed and rolled back, verification fell short; live now: alb:443 off, CA"
        " root ("
    )
    assert first.endswith(" (verified)**")
    assert listener(stack.sandbox)[0] is False
    no_copy_is_left(stack)


@pytest.mark.campaign
def test_a_deployment_that_does_not_hold_says_what_is_live_and_its_commands_go_back(stack: Stack) -> None:
    fault(stack.sandbox, "ignores-ca-enabled")()
    code, summary = deploy(stack, patience=0)
    fault(stack.sandbox, "none")()
    assert code == 1
    first = summary.splitlines()[0]
    assert first.startswith(
        "**pipeline: deployment failed, verification fell short; live now: alb:443 on, CA root ("
    )
    assert "no certificate" in summary and "the listener lets this in" in summary
    assert listener(stack.sandbox)[0] is True
    commands = (
        summary.partition("```sh\n")[2]
        .partition("```")[0]
        .replace("./mtls verify", f"{REPOSITORY}/mtls verify --ca-file {stack.sandbox.server_ca}")
    )
    assert "pulumi config set alb-mutual-tls:caEnabled false --stack pipeline" in commands
    stack.type(commands)
    assert listener(stack.sandbox)[0] is False


def test_a_deployment_that_holds_says_what_is_live(stack: Stack) -> None:
    stack.set(caEnabled=True)
    code, summary = deploy(stack)
    assert code == 0
    assert summary.startswith("**pipeline: deployed and verified; live now: alb:443 on, CA root (")
    assert "update alb-mutual-tls-alb-443 (ListenerClientAuthentication)" in summary
    assert listener(stack.sandbox)[0] is True


def test_an_unchanged_stack_that_cannot_be_verified_was_not_begun(stack: Stack) -> None:
    before = listener(stack.sandbox)
    code, summary = ci(
        stack, "deploy", "--rollback", "--patience", "0"
    )  # without the CA of the listener's own certificate
    assert code == 2
    assert summary.startswith(
        "**pipeline: not begun: there was nothing to change, and verification not decided; live now: alb:443"
        " on, CA root ("
    )
    assert (
        "the server's own certificate does not verify, so nothing was sent: give its CA with --ca-file"
        in summary.replace("\\", "")
    )
    assert (
        f"run `ci/deploy --stack pipeline --cwd {stack.directory} --output {stack.directory}/summary.md"
        " --rollback --patience 0` again" in summary
    )
    assert "rolled back" not in summary
    assert listener(stack.sandbox) == before


@pytest.mark.campaign
def test_the_flip_of_a_rotation_that_does_not_hold_is_taken_back_while_clients_come(
    stack: Stack, tmp_path: Path
) -> None:
    stack.set(caEnabled=True, issuingAuthority="root2")
    stack.up()
    before = listener(stack.sandbox)
    traffic = Traffic(stack.sandbox.server_ca, (stack.sandbox.listener_base + 443,))
    try:
        traffic.start(CLIENT, stack.client(tmp_path))
        with traffic.during("before", 100):
            pass
        with traffic.during("deployment and way back"):
            stack.set(trustedAuthority="root2")
            break_it, mend_it = fault(stack.sandbox, "trusts-another-ca"), fault(stack.sandbox, "none")
            code, summary = deploy(stack, "--rollback", after_patch=(break_it, mend_it), patience=0.1)
        with traffic.during("after", 100):
            pass
    finally:
        traffic.end()
        print(traffic.table())
    assert code == 1
    first = summary.splitlines()[0]
    assert first.startswith(
        "**pipeline: deployment failed and rolled back, verification fell short; live now: alb:443 on, "
    )
    assert first.endswith(f"CA root ({before[1][0]}) (verified)**")
    assert listener(stack.sandbox) == before
    assert traffic.tally.failures == []
    for phase in ("before", "after"):
        passed, rejected, _ = traffic.tally.of(phase, CLIENT)
        assert passed >= 100 and rejected == 0
    assert traffic.tally.of("deployment and way back", CLIENT)[1] > 0
    no_copy_is_left(stack)


@pytest.mark.campaign
def test_a_cluster_that_cannot_be_reached_leaves_everything_as_it_is(stack: Stack, tmp_path: Path) -> None:
    stack.set(trustedAuthority="root")
    before, kubeconfig = listener(stack.sandbox), stack.config["kubernetes:kubeconfig"]
    unreachable = yaml.safe_load(Path(kubeconfig).read_text())
    for cluster in unreachable["clusters"]:
        cluster["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(unreachable))
    stack.config["kubernetes:kubeconfig"] = str(tmp_path / "kubeconfig")
    code, summary = deploy(stack, "--rollback")
    stack.config["kubernetes:kubeconfig"] = kubeconfig
    assert code == 2
    assert summary.startswith(
        "**pipeline: not deployed: the cluster cannot be reached from here; nothing was changed**"
    )
    assert listener(stack.sandbox) == before


@pytest.mark.campaign
def test_after_a_killed_deployment_the_next_one_says_what_to_do_and_then_works(stack: Stack) -> None:
    stack.set(caEnabled=False)
    succeed(stack.sandbox("fault", "controller", "stale"))
    since = len(stack.sandbox.audit_log())
    underway, _ = begin(stack, "deploy", "--rollback")
    underway.until(lambda: len(stack.sandbox.patches(since)) > 0)
    underway.kill()
    succeed(stack.sandbox("fault", "controller", "none"))
    code, summary = deploy(stack, "--rollback")
    assert code == 2
    assert summary.startswith(
        "**pipeline: not deployed: another update holds the stack's lock; nothing was changed**"
    )
    assert "`pulumi cancel --stack pipeline --cwd " in summary
    succeed(stack.pulumi("cancel", "--yes"))
    assert deploy(stack)[0] == 0
    assert listener(stack.sandbox)[0] is False
