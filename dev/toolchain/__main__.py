"""The command `python3 -m dev.toolchain [tests | campaigns]`.

It gets everything that `make up` needs, or `make test`, or `make test-all`.

Runs on a bare Python with the standard library only.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Complete the toolchain, and return 0 when it is complete.

    Programs that only tests start may be missing.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 -- this runs on whatever python3 the machine has
        print(
            "error: python3 is "
            + sys.version.split()[0]
            + "; install Python 3.11 or newer, or run make with PYTHON=python3.11",
            file=sys.stderr,
        )
        return 1

    if list(arguments) not in ([], ["tests"], ["campaigns"]):
        given = " ".join(arguments)
        print(f"error: {given!r} is not understood; write `tests`, `campaigns` or nothing", file=sys.stderr)
        return 1

    from alb_mutual_tls.errors import UserError
    from dev.toolchain.installation import Installation
    from dev.toolchain.places import HERE
    from dev.toolchain.progress import Progress
    from dev.toolchain.versions import load

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = Progress(sys.stdout, sys.stdout.isatty() and os.environ.get("CI", "") == "")
    try:
        tests = None
        if arguments:
            # By its file: where Python looks for modules there may be another `tests`.
            listed = runpy.run_path(str(HERE.repository / "tests" / "programs.py"))["PROGRAMS"]
            tests = {program.name: program.needed_by for program in listed}
        installation = Installation(HERE, load(), os.environ, progress, tests, "campaigns" in arguments)
        installation.complete()
        if arguments:
            installation.complete_policy_pack()
        for line in installation.announcements():
            print(line)
    except UserError as error:
        progress.close()
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.close()
        print("interrupted; the next run goes on where this one stopped", file=sys.stderr)
        return 130
    progress.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
