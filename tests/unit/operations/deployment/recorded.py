"""Events of the real engine, recorded by tests/integration/record_events.py."""

from __future__ import annotations

from pathlib import Path

from alb_mutual_tls.engine.events import parse
from alb_mutual_tls.engine.failure import failure
from alb_mutual_tls.engine.run import Run

DATA = Path(__file__).resolve().parents[3] / "data/pipeline"
NAMES = sorted(file.stem for file in DATA.glob("*.jsonl"))


def lines(name: str) -> list[str]:
    return (DATA / f"{name}.jsonl").read_text().splitlines()


def ended(told: list[str], *, said: str = "", secrets: tuple[str, ...] = ()) -> Run:
    """The run that told these events."""
    events = parse(told, secrets=secrets)
    exit_code = 0 if told and '"result": "succeeded"' in told[-1] and events.complete else 1
    return Run("preview", exit_code, events, failure(events, exit_code=exit_code, said=said))


def recorded(name: str) -> Run:
    return ended(lines(name))
