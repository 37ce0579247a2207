"""`mtls rehearse` on the real engine and sandbox: what it says holds, nobody notices it, and
whatever interrupts it, nothing is left in the end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox import faults, lifecycle
from dev.sandbox.cloud.kube import Cluster as Kube
from dev.sandbox.cloud.kube import KubeError
from dev.sandbox.control_plane import KUBE_APISERVER
from tests.integration.engine import REPOSITORY, Sandbox, Stack, run, succeed
from tests.integration.probing import Prober

CLAIM = "albmtls/8443-https-rehearsal"
TEMPORARY = 8443
UP = ("up", "--yes", "--skip-preview", "--suppress-progress")
A, B = {"keyAlgorithm": "ECDSA-P256"}, {"keyAlgorithm": "ECDSA-P384"}


def command(stack: Stack, *arguments: str) -> list[str]:
    given = () if "--clean" in arguments else ("--ca-file", str(stack.sandbox.server_ca))
    return [
        str(REPOSITORY / "mtls"),
        "rehearse",
        "--stack",
        stack.name,
        "--cwd",
        str(stack.directory),
        *given,
        *arguments,
    ]


def rehearse(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = run(*command(stack, "--yes", *arguments), env=stack.sandbox.env | stack.env, cwd=stack.directory)
    print(done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def verdict(stack: Stack, *arguments: str, ends: int) -> dict[str, Any]:
    """The JSON of a rehearsal that must end with this exit code."""
    done = rehearse(stack, "--json", *arguments)
    assert done.returncode == ends, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["exitCode"] == ends
    return document


@dataclass
class Running:
    """A rehearsal in a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    def shown(self) -> str:
        """What it has printed yet."""
        return self.log.read_text()

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition holds, which must be so before it ends."""
        deadline = time.monotonic() + 60
        while not holds():
            assert self.process.poll() is None, self.shown()
            assert time.monotonic() < deadline, self.shown()
            time.sleep(0.05)

    def end(self, *signals: signal.Signals) -> tuple[int, str, float]:
        """Send these signals, each further one when it has begun to clean up; returns exit code,
        output and seconds until the end.
        """
        began = time.monotonic()
        for number, one in enumerate(signals):
            if number:
                self.until(lambda: "taking the temporary listener away" in self.shown())
            os.killpg(self.process.pid, one)
        self.process.wait(timeout=90)
        print(self.shown())
        assert "Traceback" not in self.shown()
        return self.process.returncode, self.shown(), time.monotonic() - began


def heedful() -> None:
    """Heed signals that a shell in the background, or nohup, has told its children to ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def held(stack: Stack) -> Iterator[Running]:
    """A rehearsal that has added its listener and waits for an ALB that does not show it; the
    controller works again afterwards.
    """
    sandbox = stack.sandbox
    assert CLAIM not in sandbox.claims()
    faults.wish(sandbox.layout, faults.CONTROLLER, faults.STALE)
    faults.await_applied(sandbox.layout, lambda: True)
    log = stack.directory / "rehearsal.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command(stack, "--yes"),
            env=sandbox.env | stack.env,
            cwd=stack.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            # a shell has it ignored for what it starts in the background, this run for instance
            preexec_fn=heedful,
        )
    running = Running(process, log)
    try:
        running.until(lambda: CLAIM in sandbox.claims())
        yield running
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        lifecycle.resume(sandbox.layout, lambda _: None)
        faults.clear(sandbox.layout)
        faults.await_applied(sandbox.layout, lambda: True)


def comparable(sandbox: Sandbox) -> tuple[str, dict[str, str]]:
    """What of the AlbConfig is somebody's: its spec to the byte, and its annotations."""
    document = sandbox.albconfig()
    return json.dumps(document["spec"]), document["metadata"].get("annotations", {})


@pytest.fixture(scope="module")
def first(sandbox: Sandbox) -> dict[str, Any]:
    spec: dict[str, Any] = sandbox.albconfig()["spec"]
    return spec


@pytest.fixture(scope="module")
def stack(first: dict[str, Any], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack whose listener is off at first; the tests of this module follow each other."""
    made = Stack("rehearsal", program, sandbox)
    made.set(authorities={"a": A, "b": B}, issuingAuthority="a", trustedAuthority="a", caEnabled=False)
    made.up()
    yield made
    made.remove()
    assert sandbox.albconfig()["spec"] == first


@pytest.fixture
def unharmed(stack: Stack) -> Iterator[None]:
    """In the end the AlbConfig is as it was, to the byte."""
    before = comparable(stack.sandbox)
    yield
    assert comparable(stack.sandbox) == before


def test_enabling_is_rehearsed_while_the_listener_serves_and_nobody_notices(
    stack: Stack, unharmed: None
) -> None:
    sandbox = stack.sandbox
    ingress = json.loads(sandbox.kubectl("get", "ingress", "https-ingress", "-o", "json"))
    since = len(sandbox.audit_log())
    with Prober(sandbox) as prober:
        document = verdict(stack, "--with-authority-key", ends=0)
    assert (document["verdict"], document["rehearsed"]["purpose"]) == (
        "would hold",
        "enabling client authentication",
    )
    tried = [
        check for check in document["checks"] if not check["case"].startswith("resumed session")
    ]  # there is none to resume
    assert {check["verdict"] for check in tried} == {"held"}
    assert {check["port"] for check in tried} == {sandbox.listener_base + TEMPORARY}
    assert [(one["certificates"], one["need"], one["result"]) for one in document["depths"]] == [
        (1, "clients", "accepted"),
        (2, "a rotation", "accepted"),
        (3, "nothing yet", "accepted"),
    ]
    assert [note.partition(",")[0] for note in document["notes"]] == [
        "no Ingress is bound to the temporary listener"
    ]
    assert (document["left"], document["cleaned"]) == ([], [])
    assert sandbox.patches(since) == [("alb", 200), ("alb", 200)]
    now = json.loads(sandbox.kubectl("get", "ingress", "https-ingress", "-o", "json"))
    assert (now["spec"], now["metadata"]) == (ingress["spec"], ingress["metadata"])
    print(f"{prober.tries} requests meanwhile, {len(prober.let_in)} answered 200")
    assert prober.tries > 10
    assert len(prober.let_in) == prober.tries


@pytest.mark.campaign
def test_without_a_terminal_it_wants_yes_and_without_a_port_of_its_own_it_says_who_has_it(
    stack: Stack, unharmed: None
) -> None:
    done = run(*command(stack), env=stack.sandbox.env | stack.env, cwd=stack.directory)
    assert done.returncode == 2
    assert (
        "add a temporary listener 8443/HTTPS, which asks for client certificates of authority a"
        in done.stderr
    )
    assert done.stderr.endswith("there is no terminal to ask at; give --yes\n")
    assert "which listener 80/HTTP has" in rehearse(stack, "--port", "80").stderr


@pytest.mark.campaign
def test_what_would_not_hold_is_said_so(stack: Stack, unharmed: None) -> None:
    document = verdict(stack, "--authority", "b", ends=1)  # of which no client has a certificate
    assert document["verdict"] == "would not hold"
    wrong = [check for check in document["checks"] if check["verdict"] == "fell short"]
    assert {check["case"] for check in wrong} == {"client client"}
    assert {check["seen"]["status"] for check in wrong} == {400}
    faults.wish(stack.sandbox.layout, "alb", "accepts-any-certificate")
    try:
        faults.await_applied(stack.sandbox.layout, lambda: True)
        assert verdict(stack, ends=1)["verdict"] == "would not hold"
    finally:
        faults.clear(stack.sandbox.layout)
        faults.await_applied(stack.sandbox.layout, lambda: True)


@pytest.mark.campaign
def test_what_the_controller_refuses_is_told_with_its_event_and_taken_away(
    stack: Stack, unharmed: None
) -> None:
    sandbox = stack.sandbox
    before = sandbox.albconfig()["spec"]["listeners"]
    many = [{"port": port, "protocol": "HTTP"} for port in range(9001, 9049)]
    sandbox.edit({"op": "replace", "path": "/spec/listeners", "value": [*before, *many]})
    try:
        document = verdict(stack, ends=2)
        assert "the controller does not take the temporary listener: FailedApplyModel" in document["error"]
        assert "QuotaExceeded" in document["error"]
        assert sandbox.albconfig()["spec"]["listeners"] == [*before, *many]
    finally:
        sandbox.edit({"op": "replace", "path": "/spec/listeners", "value": before})


@pytest.mark.campaign
def test_while_it_runs_pulumi_sees_no_change_another_one_is_refused_and_ctrl_c_takes_it_away(
    stack: Stack, unharmed: None
) -> None:
    with held(stack) as running:
        shown = stack.preview("--expect-no-changes")
        assert shown.returncode == 0, shown.stdout + shown.stderr
        second = rehearse(stack)
        assert second.returncode == 2
        assert f"is in progress (process {running.process.pid} on " in second.stderr
        code, output, seconds = running.end(signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert "not decided: interrupted: run the command again" in output
    assert "stood for" in output
    assert seconds < 5
    for other in (signal.SIGTERM, signal.SIGHUP):
        with held(stack) as running:
            assert running.end(other)[0] == 128 + other
        assert CLAIM not in stack.sandbox.claims()


@pytest.mark.campaign
def test_after_kill_9_preview_up_and_status_warn_verify_is_undisturbed_and_the_next_one_cleans_up_and_goes_on(
    stack: Stack, unharmed: None
) -> None:
    sandbox = stack.sandbox
    with held(stack) as running:
        running.end(signal.SIGKILL)
    assert sandbox.listeners()[TEMPORARY]["caEnabled"] is True
    warning = (
        "AlbConfig alb has the temporary listener 8443/HTTPS of a rehearsal of listener 443/HTTPS (process"
        f" {running.process.pid} on "
    )
    for done in (stack.preview("--expect-no-changes"), stack.pulumi(*UP)):
        shown = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 0, shown
        assert warning in shown
        assert "take it away with ./mtls rehearse --clean" in shown
    assert warning in " ".join(stack.mtls("status").split())
    real = json.loads(succeed(stack.verify()))
    assert real["verdict"] == "held"
    probed = {check["port"] for listener in real["listeners"] for check in listener["checks"]}
    assert probed == {sandbox.listener_base + 443, None}
    document = verdict(stack, ends=0)
    assert document["verdict"] == "would hold"
    stack.unchanged()
    (cleaned,) = document["cleaned"]
    assert f"(process {running.process.pid} on " in cleaned
    assert cleaned.endswith("was left behind and has been taken away")


@pytest.mark.campaign
def test_a_cluster_that_hangs_at_the_end_is_told_with_the_command_that_cleans_up_later(
    stack: Stack, unharmed: None
) -> None:
    sandbox = stack.sandbox
    with held(stack) as running:
        lifecycle.pause(sandbox.layout, KUBE_APISERVER, lambda _: None)
        code, output, seconds = running.end(signal.SIGINT, signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert seconds < 10
    shown = " ".join(output.split())
    assert (
        f"LEFT: the temporary listener 8443/HTTPS of AlbConfig alb and its annotation {CLAIM} could not be"
        " taken away (interrupted)" in shown
    )
    assert (
        f"run ./mtls rehearse --clean --stack {stack.name} --cwd {stack.directory} as soon as the cluster can"
        " be written" in shown
    )
    assert TEMPORARY in sandbox.listeners()
    done = rehearse(stack, "--clean")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "1 taken away, nothing is left"


@pytest.mark.campaign
def test_an_albconfig_that_somebody_else_writes_all_the_time_is_left_as_he_wants_it(
    stack: Stack, unharmed: None
) -> None:
    sandbox, ended = stack.sandbox, threading.Event()
    before = sandbox.albconfig()["spec"]["listeners"]
    written: list[int] = []
    refused: list[int] = []

    def write() -> None:
        """Turn the list round and count up a field of the listener on port 80, with GET and PUT."""
        cluster = Kube(sandbox.directory / "kubeconfig")
        path = "/apis/alibabacloud.com/v1/albconfigs/alb"
        while not ended.wait(0.03):
            document = cluster.request("GET", path)
            listeners = document["spec"]["listeners"]
            listeners.reverse()
            for listener in listeners:
                if listener["port"] == 80:
                    listener["written"] = len(written) + 1
            try:
                cluster.request("PUT", f"{path}?fieldManager=somebody", document)
            except KubeError as error:
                assert error.status == 409
                refused.append(error.status)
            else:
                written.append(len(listeners))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        document = verdict(stack, ends=0)
    finally:
        ended.set()
        writer.join()
    print(f"{len(written)} writes of somebody else, {len(refused)} of them refused")
    assert document["verdict"] == "would hold"
    assert {2, 3} == set(written)
    after = {listener["port"]: listener for listener in sandbox.albconfig()["spec"]["listeners"]}
    assert after.pop(80) == {**before[0], "written": len(written)}
    assert list(after.values()) == before[1:]
    sandbox.edit({"op": "replace", "path": "/spec/listeners", "value": before})


@pytest.mark.campaign
def test_a_flip_is_rehearsed_before_and_after_the_clients_have_what_it_needs_and_then_holds(
    stack: Stack,
) -> None:
    sandbox = stack.sandbox
    stack.set(caEnabled=True)
    stack.up()
    before = comparable(sandbox)
    document = verdict(stack, "--authority", "b", ends=1)
    assert document["rehearsed"]["purpose"] == "the change to another CA"
    assert verdict(stack, ends=0)["rehearsed"]["purpose"] == "client authentication as it is"
    assert comparable(sandbox) == before
    stack.set(issuingAuthority="b")
    stack.up()
    document = verdict(stack, "--authority", "b", "--with-authority-key", ends=0)
    assert document["verdict"] == "would hold"
    assert [(one["certificates"], one["need"]) for one in document["depths"]] == [
        (1, "clients"),
        (2, "a rotation"),
        (3, "nothing yet"),
    ]
    document = verdict(
        stack, "--with-authority-key", ends=0
    )  # leaf and cross certificate under the old authority
    assert [(one["certificates"], one["need"]) for one in document["depths"]] == [
        (1, "clients"),
        (2, "clients"),
        (3, "nothing yet"),
    ]
    stack.set(trustedAuthority="b")
    stack.up()
    assert json.loads(succeed(stack.verify()))["verdict"] == "held"


@pytest.mark.campaign
def test_requests_are_few(stack: Stack) -> None:
    """What it costs, counted: two writes to the AlbConfig, none to CAS, and the looks of a wait."""
    sandbox = stack.sandbox
    since, asked = len(sandbox.audit_log()), len(sandbox.api_log())
    document = verdict(stack, ends=0)
    cluster = [
        event["verb"] for event in sandbox.audit_log()[since:] if event.get("userAgent") == "alb-mutual-tls"
    ]
    cloud = [line["action"] for line in sandbox.api_log()[asked:]]
    count: Callable[[list[str]], dict[str, int]] = lambda names: {  # noqa: E731
        name: names.count(name) for name in sorted(set(names))
    }
    print(
        f"kube-apiserver {count(cluster)}, ALB {count(cloud)}, the listener stood for"
        f" {document['rehearsed']['seconds']} s"
    )
    assert cluster.count("patch") == 2
    assert set(cloud) <= {"ListListeners", "GetListenerAttribute"}
    assert len(cluster) < 60
