"""What is read once, also when many ask at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from alb_mutual_tls.cluster.memory import Memory


def test_one_read_serves_all_who_ask_at_once_and_another_key_is_read_for_itself() -> None:
    memory, reads, go = Memory(), [], threading.Event()

    def read() -> str:
        reads.append("x")
        go.wait(10)
        return "seen"

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(memory.get, "a", read) for _ in range(8)]
        go.set()
        assert {one.result() for one in asked} == {"seen"}
    assert reads == ["x"]
    assert memory.get("b", lambda: "other") == "other"


def test_what_failed_and_what_is_forgotten_is_read_anew() -> None:
    memory = Memory()

    def fail() -> str:
        raise ValueError("unreachable")

    with pytest.raises(ValueError, match="unreachable"):
        memory.get("a", fail)
    assert memory.get("a", lambda: 1) == memory.get("a", lambda: 2) == 1
    memory.forget("a")
    assert memory.get("a", lambda: 2) == 2
