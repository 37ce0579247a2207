"""One start or stop at a time."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.sandbox.guard import Interrupted, interruption, locked


def nothing(*_: object) -> None:
    """Neither checks nor says anything."""


def test_who_comes_second_waits_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    entered, waiting, order = threading.Event(), threading.Event(), []

    def say(sentence: str) -> None:
        said.append(sentence)
        waiting.set()

    def second() -> None:
        entered.wait()
        with locked(tmp_path / "lock", nothing, say):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(tmp_path / "lock", nothing, nothing):
        entered.set()
        assert waiting.wait(10)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert said == [f"waiting for another start or stop of this sandbox (pid {os.getpid()})"]


def test_waiting_has_a_limit(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", nothing, nothing),
        pytest.raises(UserError, match=f"process {os.getpid()} has been starting"),
        locked(tmp_path / "lock", nothing, nothing, limit=0.1),
    ):
        pass


def test_a_lock_file_that_was_removed_meanwhile_is_made_anew(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", nothing, nothing):
        (tmp_path / "lock").unlink()
        with locked(tmp_path / "lock", nothing, nothing):
            assert (tmp_path / "lock").exists()


def test_a_signal_is_noted_until_somebody_asks() -> None:
    with interruption() as noted:
        noted.check()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGTERM"):
            noted.check()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
