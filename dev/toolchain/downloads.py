"""Official releases: fetched, verified and unpacked.

Time-outs are short. Each file is verified against the published SHA-256 checksum. Downloads that
failed are remembered for a day, so a second run does not wait for them again.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import tarfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dev.toolchain.store import Recipe
from dev.toolchain.versions import Release, ReleaseFile

SILENCE: Final = 10.0
"""Seconds without a byte after which a download is given up (a name that cannot be resolved
included).
"""

MEMORY: Final = 24 * 60 * 60
"""Seconds until a failed download is tried again."""
_CHUNK: Final = 1 << 18


class DownloadFailed(Exception):
    """A release cannot be had; the text says why, short enough to stand in a sentence."""


def system() -> str:
    """`linux`, `darwin`, ..."""
    return platform.system().lower()


def machine() -> str:
    """`x86_64` or `arm64`, whatever the system calls it."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(name, name)


def recipe(release: Release, files: tuple[ReleaseFile, ...]) -> Recipe:
    """What a release's programs depend on: its URLs."""
    programs = tuple(program for file in files for program in file.programs)
    return Recipe(
        f"{release.name}-release",
        programs,
        tuple(part for file in files for part in (file.url, file.checksums)),
    )


def published_digest(checksums: str, name: str) -> str:
    """Return the SHA-256 of a file in a checksum file.

    The checksum file has lines `digest  name`, or one digest alone.

    Raises:
        DownloadFailed: the file is not listed.
    """
    lines = [line.split() for line in checksums.splitlines() if line.strip()]
    for words in lines:
        if len(words) == 2 and words[1].lstrip("*./") == name and _is_digest(words[0]):
            return words[0].lower()
    if len(lines) == 1 and len(lines[0]) == 1 and _is_digest(lines[0][0]):
        return lines[0][0].lower()
    raise DownloadFailed(f"the published checksums do not list {name}")


def _is_digest(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{64}", text) is not None


def fetch(
    files: tuple[ReleaseFile, ...], into: Path, tick: Callable[[], None], silence: float = SILENCE
) -> None:
    """Download a release's files, verify them and put their programs into a directory.

    Raises:
        DownloadFailed: something is not to be had, or is not what was published.
    """
    for file in files:
        checksums = into / f"{file.name}.checksums"
        # The checksums first: they are small, so that a machine without a way out knows it at once.
        _download(file.checksums, checksums, tick, silence)
        digest = published_digest(checksums.read_text(errors="replace", encoding="utf-8"), file.name)
        archive = into / file.name
        actual = _download(file.url, archive, tick, silence)
        if actual != digest:
            raise DownloadFailed(
                f"{file.url} has SHA-256 {actual} instead of the published {digest}, so it is not used"
            )
        checksums.unlink()
        if file.members:
            _unpack(archive, file.members, into)
            archive.unlink()
        else:
            archive.chmod(0o755)


def _unpack(archive: Path, members: tuple[str, ...], into: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for member in members:
                stream = tar.extractfile(member)
                if stream is None:
                    raise DownloadFailed(f"{member} in {archive.name} is not a file")
                target = into / member.rsplit("/", 1)[1]
                with stream, target.open("wb") as output:
                    while chunk := stream.read(_CHUNK):
                        output.write(chunk)
                target.chmod(0o755)
    except (KeyError, tarfile.TarError, OSError) as error:
        raise DownloadFailed(f"{archive.name} cannot be unpacked: {error}") from error


def _download(url: str, target: Path, tick: Callable[[], None], silence: float) -> str:
    """Fetch a URL into a file and answer the SHA-256 of what came."""
    last = [time.monotonic()]
    digest = hashlib.sha256()
    problem: list[str] = []

    def work() -> None:
        try:
            # Only the https URLs of versions.toml (and a local server's in tests) come here.
            with (
                urllib.request.urlopen(url, timeout=silence) as answer,  # noqa: S310
                target.open("wb") as output,
            ):
                while chunk := answer.read(_CHUNK):
                    output.write(chunk)
                    digest.update(chunk)
                    last[0] = time.monotonic()
        except urllib.error.HTTPError as error:
            problem.append(f"{url} answers {error.code}")
        except (OSError, urllib.error.URLError, ValueError) as error:
            problem.append(f"{url}: {getattr(error, 'reason', None) or error}")

    # A thread, because resolving a name cannot be given a time-out; a daemon, because it may never
    # end.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        tick()
        if thread.is_alive() and time.monotonic() - last[0] > silence:
            raise DownloadFailed(f"{url} does not answer")
    if problem:
        raise DownloadFailed(problem[0])
    return digest.hexdigest()


class Attempts:
    """Failed downloads, a small file for each in a directory."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self.clock = clock

    def failure(self, what: str) -> str | None:
        """Why `what` failed within the last day; None: it did not, or nobody tried."""
        try:
            content = json.loads(self._file(what).read_text(encoding="utf-8"))
            age = self.clock() - float(content["time"])
            return str(content["reason"]) if 0 <= age < MEMORY else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, what: str, reason: str) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._file(what).write_text(
            json.dumps({"time": self.clock(), "reason": reason}) + "\n", encoding="utf-8"
        )

    def _file(self, what: str) -> Path:
        return self.directory / (re.sub(r"[^A-Za-z0-9.]+", "-", what) + ".json")


def shortened(reason: str) -> str:
    """A reason, short enough to stand in a sentence."""
    return reason if len(reason) <= 160 else f"{reason[:157]}..."
