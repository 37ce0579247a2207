"""The command line in this process: what a command prints and how it ends."""

from __future__ import annotations

import sys

import pytest

from alb_mutual_tls.cli.__main__ import main


class Run:
    """What a command printed and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        before = sys.argv
        sys.argv = ["mtls", *arguments]
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            sys.argv = before
        self.code = ended.value.code or 0
        self.out, self.err = capsys.readouterr()
