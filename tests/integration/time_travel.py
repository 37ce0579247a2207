"""A copy of the program whose provider lives at another time: the clock is a file, which a test
sets.
"""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alb_mutual_tls.pki.renewal import to_text
from tests.integration.engine import PROGRAM, REPOSITORY

_PROVIDER = """
import sys
import time
from datetime import datetime
from pathlib import Path

from alb_mutual_tls.provider.__main__ import main
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates

directory = Path(__file__).parent
update = IssuedCertificates.update


def held(self, request, *arguments):
    while not request.preview and (directory / "hold").exists():
        (directory / "held").touch()
        time.sleep(0.05)
    return update(self, request, *arguments)


IssuedCertificates.update = held
main(clock=lambda: datetime.fromisoformat((directory / "clock").read_text()))
"""


@dataclass(frozen=True)
class TimeTravel:
    """`program`: the directory of the Pulumi project; `provider`: where its plugin is started from,
    with the clock and other files for it.
    """

    program: Path
    provider: Path
    began: datetime

    @classmethod
    def begin(cls, directory: Path, now: datetime) -> TimeTravel:
        """Make the copy in `directory`; its day 0 is `now`."""
        made = cls(directory / "program", directory / "provider", now)
        made.program.mkdir()
        made.provider.mkdir()
        for name in PROGRAM:
            if name != "Pulumi.yaml":
                (made.program / name).symlink_to(REPOSITORY / name)
        shutil.copy(REPOSITORY / "Pulumi.dev.yaml", made.program / "Pulumi.dev.yaml")
        project = (REPOSITORY / "Pulumi.yaml").read_text()
        assert project.count("path: ./alb_mutual_tls/provider") == 1
        (made.program / "Pulumi.yaml").write_text(
            project.replace("./alb_mutual_tls/provider", str(made.provider))
        )
        (made.provider / "at_another_time.py").write_text(_PROVIDER)
        launcher = made.provider / "pulumi-resource-albmtls"
        python, code = REPOSITORY / ".venv/bin/python", made.provider / "at_another_time.py"
        launcher.write_text(
            f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(REPOSITORY))} exec {shlex.quote(str(python))} -u -P"
            f' {shlex.quote(str(code))} "$@"\n'
        )
        launcher.chmod(0o755)
        made.day(0)
        return made

    def day(self, number: float) -> datetime:
        """Go to a day, counted from the beginning; returns the moment."""
        moment = self.began + timedelta(days=number)
        (self.provider / "clock").write_text(to_text(moment))
        return moment

    @property
    def hold(self) -> Path:
        """As long as this file is there, the register of clients is not updated."""
        return self.provider / "hold"

    def held(self) -> bool:
        """Whether an update of the register waits."""
        return (self.provider / "held").exists()

    def release(self) -> None:
        """Let the register be updated."""
        self.hold.unlink()
        (self.provider / "held").unlink(missing_ok=True)
