"""Downloaded and built programs, with a directory for each recipe.

The directory is named by the digest of everything the recipe depends on.

A directory appears whole or not at all: it is made under another name and renamed. So an
interrupted run leaves nothing half done. A changed recipe has a new name, so it is made anew and
nothing else is. `bin` holds links to the programs in use.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.toolchain.places import Places

_MAKING = ".making-"


@dataclass(frozen=True)
class Recipe:
    """What is made.

    `parts` are the texts it depends on, `programs` the executables that it consists of.
    """

    name: str
    programs: tuple[str, ...]
    parts: tuple[str, ...]

    @property
    def directory(self) -> str:
        """Name of the directory in the store: another one as soon as a part changes."""
        digest = hashlib.sha256()
        for part in self.parts:
            digest.update(f"{len(part)}:{part}".encode())
        return f"{self.name}-{digest.hexdigest()[:16]}"


class Store:
    """The programs of one checkout."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def path(self, recipe: Recipe) -> Path:
        return self.places.store / recipe.directory

    def has(self, recipe: Recipe) -> bool:
        """Whether it was made, all of it."""
        return all(is_program(self.path(recipe) / program) for program in recipe.programs)

    @contextmanager
    def making(self, recipe: Recipe) -> Iterator[Path]:
        """Give a directory to make the recipe in.

        It takes its place in the store when the block ends well, instead of older ones of that
        name.
        """
        self.places.store.mkdir(parents=True, exist_ok=True)
        temporary = self.places.store / f"{_MAKING}{recipe.name}-{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            yield temporary
            missing = [program for program in recipe.programs if not is_program(temporary / program)]
            if missing:
                raise FileNotFoundError(f"{recipe.name} was made without {', '.join(missing)}")
            final = self.path(recipe)
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for other in self.places.store.glob(f"{recipe.name}-" + "[0-9a-f]" * 16):
            if other != final:
                shutil.rmtree(other, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what interrupted runs left behind; only for the holder of the lock."""
        for leftover in self.places.store.glob(f"{_MAKING}*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def link(self, programs: Mapping[str, Path]) -> None:
        """Put programs (name -> file) into `bin`, each in one step.

        Links into the store are relative, so the checkout can move.
        """
        self.places.bin.mkdir(parents=True, exist_ok=True)
        for name, file in programs.items():
            inside = file.is_relative_to(self.places.toolchain)
            link(self.places.bin / name, os.path.relpath(file, self.places.bin) if inside else str(file))

    def unlink(self, name: str) -> None:
        """Take a program out of `bin`."""
        (self.places.bin / name).unlink(missing_ok=True)

    def is_linked(self, programs: Mapping[str, Path]) -> bool:
        """Whether all programs (name -> file) are in `bin` and can be run."""
        return all(
            is_program(self.places.bin / name) and (self.places.bin / name).resolve() == file.resolve()
            for name, file in programs.items()
        )


def link(place: Path, target: str) -> None:
    """Make a link in one step, also instead of another one."""
    if place.is_symlink() and str(place.readlink()) == target:
        return
    temporary = place.with_name(f".{place.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(place)


def is_program(file: Path) -> bool:
    return file.is_file() and os.access(file, os.X_OK)


@contextmanager
def locked(file: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock that ends with the process, whatever happens to it.

    Args:
        file: the lock's file.
        waiting: called once when another process holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
