"""kill -9 of `pulumi up` and `pulumi destroy` at every step boundary, and Ctrl-C: nothing is lost,
and the next run finishes the job.

A boundary is reached for certain: the sandbox holds the request (`fault api ACTION
timeout-before|timeout-after`, `fault apiserver pause`), then the engine, its program and its
plugins are killed. All of it happens to one stack, whose state is carried from test to test.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox import faults, lifecycle
from dev.sandbox.cloud.kube import FAILURES, Cluster, Mirror
from dev.sandbox.cloud.writers import FIELD
from dev.sandbox.control_plane import KUBE_APISERVER
from dev.sandbox.layout import Layout
from tests.integration.engine import Sandbox, Stack, succeed
from tests.integration.probing import Prober
from tests.integration.underway import Underway

ALBCONFIGS = "/apis/alibabacloud.com/v1/albconfigs"
ANNOTATION = "albmtls/443-https"
LISTENER = "albmtls:index:ListenerClientAuthentication"
UP = ("up", "--yes", "--skip-preview", "--suppress-progress")
DESTROY = ("destroy", "--yes", "--skip-preview", "--suppress-progress")
HELD = 20.0
"""Seconds for which a request is held, unless its connection ends before."""

MADE = (
    "before CreateWarehouse",
    "after CreateWarehouse",
    "before UploadPCACert",
    "after UploadPCACert",
    "before PATCH",
    "after PATCH",
)
REMOVED = (
    "before PATCH",
    "after PATCH",
    "before DeletePCACert",
    "after DeletePCACert",
    "before DeleteWarehouse",
    "after DeleteWarehouse",
)
REPLACED = (
    "before UploadPCACert",
    "after UploadPCACert",
    "before PATCH",
    "after PATCH",
    "before DeletePCACert",
    "after DeletePCACert",
)
SWITCHED = ("before PATCH", "after PATCH")
PROMISED = (
    ("create", "after UploadPCACert"),
    ("switch off", "after PATCH"),
    ("destroy", "before DeletePCACert"),
)
"""One kill of each operation is tried in `make test`."""
# in an order in which each finds what it needs; alone, each makes it
CASES = [
    *(
        case
        for made, removed in zip(MADE, REMOVED, strict=True)
        for case in (("create", made), ("destroy", removed))
    ),
    *(("replace", boundary) for boundary in REPLACED),
    *((operation, boundary) for boundary in SWITCHED for operation in ("switch off", "switch on")),
]


class Witness:
    """Sees every version of the AlbConfigs; `wrong` has each CA certificate that a listener named
    while CAS did not have it.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.named: set[str] = set()
        self.wrong: list[str] = []
        self._ever: set[str] = set()
        self._sandbox = sandbox
        self._cluster = Cluster(sandbox.directory / "kubeconfig")
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._mirror = Mirror(self._cluster, ALBCONFIGS, self._look, self._ended)
        self._thread = threading.Thread(target=self._keep_looking)

    def __enter__(self) -> Witness:
        self._mirror.start()
        assert self._mirror.synced.wait(10)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _keep_looking(self) -> None:
        while not self._ended.wait(0.05):
            self._look()

    def _look(self) -> None:
        with self._lock:
            named = identifiers(self._mirror.items())
            there = uploads(self._sandbox)
            self.named |= named
            self._ever |= there
            self.wrong += [f"{identifier} never existed" for identifier in named - self._ever]
            if named - there:
                self.wrong += [
                    f"{identifier} was deleted while it was named"
                    for identifier in self._still_named(named - there)
                ]

    def _still_named(self, identities: set[str]) -> set[str]:
        """Of those, the ones that an AlbConfig names now: what the watch has shown may be over."""
        try:
            return identities & identifiers(self._cluster.request("GET", ALBCONFIGS)["items"])
        except FAILURES:
            return set()


def identifiers(albconfigs: list[dict[str, Any]]) -> set[str]:
    listeners = [listener for albconfig in albconfigs for listener in albconfig["spec"]["listeners"]]
    return {
        certificate["CertificateId"]
        for listener in listeners
        for certificate in listener.get("caCertificates") or []
    }


def stored(sandbox: Sandbox, kind: str) -> list[dict[str, Any]]:
    """What CAS holds, whatever its lists show."""
    file = sandbox.directory / "cloud/cas.json"  # made by the first write
    found: list[dict[str, Any]] = json.loads(file.read_text())[kind] if file.exists() else []
    return found


def uploads(sandbox: Sandbox) -> set[str]:
    return {certificate["Identifier"] for certificate in stored(sandbox, "certificates")}


@dataclass
class Life:
    """The stack, and how it is: gone, on, off, or unknown in the middle of something."""

    stack: Stack
    first: dict[str, Any]
    now: str = "gone"
    days: int = 300
    running: list[Underway] = field(default_factory=list)
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        self.layout = Layout.load(self.stack.sandbox.directory)
        self.stack.set(clients={}, cutOff=True)
        self.configure(on=True)

    def configure(self, *, on: bool) -> None:
        self.stack.set(
            caEnabled=on, authorities={"a": {"keyAlgorithm": "ECDSA-P256", "validityDays": self.days}}
        )

    def ensure(self, wanted: str) -> None:
        """Bring the stack to how a test needs it."""
        if self.now == wanted:
            return
        if self.now == "unknown":
            self.stack.pulumi(
                "cancel", "--yes"
            )  # the test before has failed, maybe while the stack was locked
        self.configure(on=wanted != "off")
        self.now = "unknown"
        if wanted == "gone":
            self.stack.destroy()
        else:
            self.stack.up()
        self.now = wanted

    def fault(
        self, action: str, kind: str, times: int = 1, seconds: float | None = HELD
    ) -> Callable[[], bool]:
        """Let the next requests of an action meet a fault; returns what tells whether one has met
        it.
        """
        fault = faults.scripted(action, kind, times, seconds)
        faults.wish_api(self.layout, action, fault)
        return lambda: faults.spent(self.layout).get(fault["id"], 0) > 0

    def begin(self, *command: str) -> Underway:
        """Start a command, which ends with the test at the latest."""
        self.running.append(self.stack.begin(*command))
        return self.running[-1]

    def end(self) -> None:
        """Nothing of what was begun runs on."""
        while self.running:
            self.running.pop().kill()

    def clear(self) -> None:
        """From now on nothing fails."""
        lifecycle.resume(self.layout, lambda _: None)
        faults.clear(self.layout)
        faults.await_applied(self.layout, lambda: True)

    def run_until(self, boundary: str, operation: str, *command: str) -> Underway:
        """Start a command; returns when it stands at a boundary."""
        when, _, what = boundary.partition(" ")
        verb = {"create": "creating", "destroy": "deleting"}.get(operation, "updating")
        before = self.stack.pending(LISTENER).count(verb)
        if what != "PATCH" or when == "after":
            # After the patch, ALB is asked: whether it shows it, or whether it has let go of the CA
            # certificate.
            met = self.fault(
                *(("ListListeners", "timeout-before") if what == "PATCH" else (what, f"timeout-{when}"))
            )
            running = self.begin(*command)
            running.until(met)
            return running
        if operation in ("create", "replace"):
            # The provider finds the upload whose answer it lost, and then meets an API server that
            # is silent.
            met = self.fault("UploadPCACert", "timeout-after", seconds=1)
            running = self.begin(*command)
            running.until(met)
            lifecycle.pause(self.layout, KUBE_APISERVER, lambda _: None)
        else:
            lifecycle.pause(self.layout, KUBE_APISERVER, lambda _: None)
            running = self.begin(*command, "--refresh=false")
        running.until(lambda: self.stack.pending(LISTENER).count(verb) > before)
        return running

    def recover(self, *command: str) -> str:
        """What one does after a crash; returns what the run shows."""
        succeed(self.stack.pulumi("cancel", "--yes"))
        shown = succeed(self.stack.pulumi(*command))
        print(shown)
        return shown

    def is_whole(self, *, on: bool) -> None:
        """One repository, one upload, a listener that names it, and nothing left to do."""
        sandbox = self.stack.sandbox
        assert (
            list(self.layout.state.rglob("*.attrs")) == []
        )  # what a kill leaves half-written, and the engine then cannot read
        (upload,) = uploads(sandbox)
        assert len(stored(sandbox, "warehouses")) == 1
        (listener,) = [item for item in sandbox.albconfig()["spec"]["listeners"] if item["port"] == 443]
        assert (listener["caEnabled"], listener["caCertificates"]) == (on, [{"CertificateId": upload}])
        assert [self.stack.get()[0] in (0, 400)] == [on]
        done = self.stack.preview("--expect-no-changes")
        assert done.returncode == 0, done.stdout + done.stderr
        self.now = "on" if on else "off"

    def is_gone(self) -> None:
        """The AlbConfig is as it was at first, and CAS is empty."""
        albconfig = self.stack.sandbox.albconfig()
        assert albconfig["spec"] == self.first
        assert ANNOTATION not in albconfig["metadata"].get("annotations", {})
        assert stored(self.stack.sandbox, "certificates") == stored(self.stack.sandbox, "warehouses") == []
        assert self.stack.get() == (200, "old")
        self.now = "gone"


@pytest.fixture(scope="module")
def life(sandbox: Sandbox, program: Path) -> Iterator[Life]:
    """The stack of this module, not up yet; it leaves nothing behind."""
    made = Life(Stack("interruptions", program, sandbox), sandbox.albconfig()["spec"])
    yield made
    made.ensure("gone")
    made.is_gone()
    succeed(made.stack.pulumi("stack", "rm", "--yes"))


@pytest.fixture(scope="module")
def observed(sandbox: Sandbox) -> Iterator[Witness]:
    with Witness(sandbox) as seen:
        yield seen


@pytest.fixture
def witness(observed: Witness, life: Life) -> Iterator[Witness]:
    """Each test ends without a fault, and no listener has ever named a CA certificate that CAS did
    not have.
    """
    yield observed
    life.end()
    life.clear()
    assert observed.wrong == []


@pytest.mark.parametrize(
    ("operation", "boundary"),
    [
        pytest.param(
            *case, id="-".join(case).replace(" ", "-"), marks=() if case in PROMISED else pytest.mark.campaign
        )
        for case in CASES
    ],
)
def test_what_is_killed_is_finished_by_the_next_run(
    life: Life, witness: Witness, operation: str, boundary: str
) -> None:
    command = DESTROY if operation == "destroy" else UP
    life.ensure({"create": "gone", "switch on": "off"}.get(operation, "on"))
    if operation == "replace":
        life.days += 1
    life.configure(on=operation != "switch off")
    was_on = life.now == "on"
    life.now = "unknown"
    with Prober(life.stack.sandbox) as prober:
        running = life.run_until(boundary, operation, *command)
        assert running.plugins() != []
        running.kill()
        print(running.shown())
        life.clear()
        if operation == "replace":
            life.recover(*command)
    if operation != "replace":
        life.recover(*command)
    if operation == "destroy":
        life.is_gone()
    else:
        life.is_whole(on=operation != "switch off")
        assert uploads(life.stack.sandbox) <= witness.named
    if operation == "replace":
        assert was_on
        assert prober.tries > 20
        assert prober.let_in == []


@pytest.mark.campaign
def test_a_provider_whose_engine_alone_was_killed_does_not_meet_the_next_run(
    life: Life, witness: Witness
) -> None:
    life.ensure("gone")
    life.configure(on=True)
    life.now = "unknown"
    met = life.fault("UploadPCACert", "throttle", times=1000, seconds=None)
    running = life.begin(*UP)
    running.until(met)
    assert running.plugins() != []
    running.engine.kill()
    running.engine.wait()
    life.clear()
    life.recover(*UP)
    assert running.plugins() == []
    life.is_whole(on=True)


def wait_for_alb(life: Life) -> Underway:
    """A `pulumi up` that waits for ALB, whose controller is stale."""
    faults.wish(life.layout, faults.CONTROLLER, faults.STALE)
    faults.await_applied(life.layout, lambda: True)
    asked = len(life.stack.sandbox.api_log())
    running = life.begin(*UP)
    running.until(
        lambda: any(line["action"] == "ListListeners" for line in life.stack.sandbox.api_log()[asked:])
    )
    return running


def wait_for_cas(life: Life) -> Underway:
    """A `pulumi up` whose upload is not answered."""
    return life.run_until("before UploadPCACert", "create", *UP)


def wait_for_the_cluster(life: Life) -> Underway:
    """A `pulumi up` that has uploaded, and whose API server has fallen silent."""
    return life.run_until("before PATCH", "create", *UP)


@pytest.mark.parametrize(
    "begin",
    [
        wait_for_alb,
        *(pytest.param(begin, marks=pytest.mark.campaign) for begin in (wait_for_cas, wait_for_the_cluster)),
    ],
)
def test_ctrl_c_ends_what_waits_within_five_seconds_and_the_next_up_finishes_it(
    life: Life, witness: Witness, begin: Callable[[Life], Underway]
) -> None:
    life.ensure("gone")
    life.configure(on=True)
    life.now = "unknown"
    running = begin(life)
    seconds = running.interrupt()
    shown = running.shown()
    print(f"ended {seconds:.1f} s after Ctrl-C\n{shown}")
    left = running.session()
    life.clear()
    succeed(life.stack.pulumi(*UP))
    life.is_whole(on=True)
    assert "Traceback" not in shown
    assert "internal error" not in shown
    assert left == []
    assert seconds < 5


@pytest.mark.campaign
def test_up_lands_on_its_listener_while_somebody_else_writes_the_albconfig_all_the_time(
    life: Life, witness: Witness
) -> None:
    life.ensure("gone")
    life.now = "unknown"
    sandbox = life.stack.sandbox
    asked = len(audit(life))
    succeed(sandbox("fault", "albconfig", "writers"))
    landed = 0
    wishes = (True, False, True)
    for on in wishes:
        life.configure(on=on)
        done = life.stack.pulumi(*UP)
        shown = " ".join((done.stdout + done.stderr).split())
        assert "Traceback" not in shown
        landed += done.returncode == 0
        assert done.returncode == 0 or "could not be written, 8 times in a row" in shown, shown
        listeners = {listener["port"]: listener for listener in sandbox.albconfig()["spec"]["listeners"]}
        assert list(without_theirs(listeners.values(), 80)) == list(
            without_theirs(life.first["listeners"], 80)
        )
        if done.returncode == 0:
            assert listeners[443]["caEnabled"] is on
    written = [event for event in audit(life)[asked:] if event["objectRef"]["resource"] == "albconfigs"]
    ours = [
        event["responseStatus"]["code"]
        for event in written
        if event["verb"] == "patch" and event["userAgent"] == "alb-mutual-tls"
    ]
    theirs = [event["responseStatus"]["code"] for event in written if event["verb"] == "update"]
    print(
        f"{landed} of {len(wishes)} landed, our PATCHes were answered {ours}, somebody else's {len(theirs)}"
        f" PUTs: {theirs.count(409)} conflicts"
    )
    assert landed > 0
    assert ours.count(200) >= landed
    assert theirs.count(200) > 20
    succeed(sandbox("fault", "albconfig", "none"))
    succeed(life.stack.pulumi(*UP))
    life.is_whole(on=True)
    assert [listener["port"] for listener in sandbox.albconfig()["spec"]["listeners"]] == [80, 443]


def audit(life: Life) -> list[dict[str, Any]]:
    """The requests about objects that kube-apiserver has answered."""
    events = [json.loads(line) for line in life.layout.audit_log.read_text().splitlines()]
    return [event for event in events if "objectRef" in event]


def without_theirs(listeners: Iterable[dict[str, Any]], port: int) -> Iterator[dict[str, Any]]:
    """The listeners of a port without the field that somebody else counts up."""
    for listener in listeners:
        if listener["port"] == port:
            yield {key: value for key, value in listener.items() if key != FIELD}
