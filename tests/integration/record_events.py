"""Records what the engine tells of plans into tests/data/pipeline: `python -m
tests.integration.record_events`, after an engine changed.

Beside the events that unit tests read, nothing is kept: no debug messages, no configuration, no
times.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.integration.engine import LISTENER_BASE, PORT_BASE, REPOSITORY, Sandbox, Stack, run
from tests.integration.time_travel import TimeTravel

DATA = REPOSITORY / "tests/data/pipeline"
EC = {"keyAlgorithm": "ECDSA-P256"}


def kept(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The events without what nobody reads."""
    told = [(key, event[key]) for event in events for key in event if key.endswith("Event")]
    steps = [(key, value["metadata"]) for key, value in told if value.get("metadata")]
    ended = {(step["urn"], step["op"]) for key, step in steps if key == "resOutputsEvent"}
    changing = {step["urn"] for _, step in steps if step["op"] not in ("same", "refresh")}
    for key, value in told:
        if key in ("preludeEvent", "cancelEvent") or value.get("severity") == "debug":
            continue
        if key == "summaryEvent":
            value["durationSeconds"] = 0
        if step := value.get("metadata"):
            if key == "resourcePreEvent" and (step["urn"], step["op"]) in ended:
                continue
            found = step["op"] == "refresh" and step.get("detailedDiff")
            shown = step["type"] == "albmtls:index:CaCertificate"  # its subject
            whole = found or shown or step["urn"] in changing or step["op"] != "refresh"
            if (step["op"] == "same" and not shown) or not whole:
                value = {
                    "metadata": (
                        {key: step[key] for key in ("op", "urn", "type")}
                        | {side: {} for side in ("old", "new") if step[side]}
                    )
                }
            elif step["type"] in ("pulumi:pulumi:Stack", "alb-mutual-tls:index:AlbMutualTls"):
                step |= {side: {**step[side], "outputs": {}} for side in ("old", "new") if step[side]}
        yield {key: value}


def record(stack: Stack, name: str, command: str = "preview") -> None:
    """Carry the command out and keep its events under this name."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events"
        line = stack.command(
            command, "--event-log", str(log), *(() if command == "preview" else ("--yes", "--skip-preview"))
        )
        done = run(
            *line, env=stack.sandbox.env | stack.env | {"PULUMI_DEBUG_COMMANDS": "true"}, cwd=stack.directory
        )
        text = "".join(
            json.dumps(event) + "\n"
            for event in kept([json.loads(line) for line in log.read_text().splitlines()])
        )
    assert "PRIVATE KEY" not in text
    assert folder not in text
    (DATA / f"{name}.jsonl").write_text(text.replace(str(stack.sandbox.directory), "sandbox"))
    print(name, done.returncode, len(text))


def main() -> None:
    """Every plan of the tests, one after the other, on a sandbox of its own."""
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox.start(Path(folder) / "sandbox", PORT_BASE, LISTENER_BASE)
        try:
            travel = TimeTravel.begin(Path(folder), datetime.now(UTC))
            stack = Stack("prod", travel.program, sandbox)
            _record_all(stack, travel)
        finally:
            sandbox("stop")


def _record_all(stack: Stack, travel: TimeTravel) -> None:
    sandbox = stack.sandbox
    travel.day(0.01)  # the root is made by the real clock
    stack.set(caEnabled=False, authorities={"root": EC}, clients={"client": {}, "partner": {}})
    record(stack, "first")
    stack.up()
    record(stack, "no_change")
    stack.set(caEnabled=True)
    record(stack, "enable")
    stack.up()
    stack.set(caEnabled=False)
    record(stack, "disable")
    stack.set(caEnabled="maybe")
    record(stack, "bad_configuration")
    stack.set(caEnabled=True, listeners={"https": stack.listener("alb", 8443)})
    record(stack, "refused")
    stack.set(listeners={"https": stack.listener("alb", 443)}, clients={"client": {}})
    record(stack, "removed_client")
    stack.set(clients={"client": {}, "partner": {}}, listeners={})
    record(stack, "released")
    stack.set(listeners={"https": stack.listener("alb", 443)})
    sandbox.edit({"op": "replace", "path": "/spec/listeners/1/caEnabled", "value": False})
    record(stack, "drift")
    stack.set(clients={"client": {}})
    record(stack, "drift_and_pending")
    stack.set(clients={"client": {}, "partner": {}})
    stack.up()
    stack.set(deletionProtection=True)
    stack.up()
    stack.set(listeners={})
    record(stack, "protected")
    stack.set(deletionProtection=False, listeners={"https": stack.listener("alb", 443)})
    stack.up()
    travel.day(61)
    record(stack, "renewal")
    travel.day(0.01)
    stack.set(authorities={"root": EC, "next": EC}, trustedAuthority="root", issuingAuthority="next")
    record(stack, "rotate_issue")
    stack.up()
    stack.set(trustedAuthority="next")
    record(stack, "rotate")
    stack.set(
        authorities={"root": EC, "next": EC, "third": EC}, trustedAuthority="third", issuingAuthority="third"
    )
    record(stack, "locked_out")
    stack.set(authorities={"root": EC, "next": EC}, trustedAuthority="next", issuingAuthority="next")
    stack.env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "not-the-secret"
    record(stack, "wrong_credentials")
    stack.env.clear()
    kubeconfig = sandbox.directory / "kubeconfig"
    good = kubeconfig.read_text()
    kubeconfig.write_text(good.replace(str(sandbox.port_base + 443), "9"))
    record(stack, "unreachable")
    kubeconfig.write_text(good)
    record(stack, "update", "up")


if __name__ == "__main__":
    os.umask(0o077)
    main()
