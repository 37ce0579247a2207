"""The store: whole or not at all, made anew only when the recipe changes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.toolchain.places import HERE, Places
from dev.toolchain.store import Recipe, Store, locked


def program(file: Path, text: str = "#!/bin/sh\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


def made(store: Store, recipe: Recipe) -> None:
    with store.making(recipe) as directory:
        for name in recipe.programs:
            program(directory / name)


@given(
    st.lists(st.text(max_size=4), min_size=1, max_size=4),
    st.lists(st.text(max_size=4), min_size=1, max_size=4),
)
def test_recipes_share_a_directory_only_if_all_their_parts_are_equal(
    one: list[str], other: list[str]
) -> None:
    same = Recipe("x", (), tuple(one)).directory == Recipe("x", (), tuple(other)).directory
    assert same == (one == other)


def test_what_was_made_is_there_and_older_ones_of_that_name_are_gone(tmp_path: Path) -> None:
    store = Store(Places(tmp_path))
    old, new, other = (
        Recipe("etcd", ("etcd",), ("1",)),
        Recipe("etcd", ("etcd",), ("2",)),
        Recipe("etcd-release", ("etcd",), ("1",)),
    )
    made(store, other)
    made(store, old)
    assert store.has(old)
    made(store, new)
    assert store.has(new)
    assert not store.path(old).exists()
    assert store.has(other)


def test_a_build_that_breaks_off_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    store = Store(Places(tmp_path))
    old, new = Recipe("etcd", ("etcd",), ("1",)), Recipe("etcd", ("etcd",), ("2",))
    made(store, old)
    with pytest.raises(KeyboardInterrupt), store.making(new) as directory:
        program(directory / "etcd")
        raise KeyboardInterrupt
    assert store.has(old)
    assert not store.has(new)
    assert [entry.name for entry in store.places.store.iterdir()] == [old.directory]


def test_a_build_that_forgets_a_program_is_not_taken(tmp_path: Path) -> None:
    store = Store(Places(tmp_path))
    recipe = Recipe("kubernetes", ("kube-apiserver", "kubectl"), ())
    with pytest.raises(FileNotFoundError, match="kubectl"), store.making(recipe) as directory:
        program(directory / "kube-apiserver")
    assert not store.has(recipe)


def test_what_a_killed_run_left_is_swept(tmp_path: Path) -> None:
    store = Store(Places(tmp_path))
    (store.places.store / ".making-etcd-1").mkdir(parents=True)
    store.sweep()
    assert list(store.places.store.iterdir()) == []


def test_a_program_that_lost_its_mode_counts_as_missing(tmp_path: Path) -> None:
    store = Store(Places(tmp_path))
    recipe = Recipe("etcd", ("etcd",), ())
    made(store, recipe)
    (store.path(recipe) / "etcd").chmod(0o644)
    assert not store.has(recipe)


def test_links_replace_whatever_stood_there_and_survive_a_move_of_the_checkout(tmp_path: Path) -> None:
    places = Places(tmp_path / "here")
    store = Store(places)
    recipe = Recipe("etcd", ("etcd",), ())
    made(store, recipe)
    program(places.bin / "etcd", "#!/bin/sh\nexit 3\n")
    programs = {"etcd": store.path(recipe) / "etcd"}
    assert not store.is_linked(programs)
    store.link(programs)
    store.link(programs)
    assert store.is_linked(programs)
    (tmp_path / "here").rename(tmp_path / "there")
    moved = Store(Places(tmp_path / "there"))
    assert moved.is_linked({"etcd": moved.path(recipe) / "etcd"})


def test_programs_outside_of_the_toolchain_are_linked_by_their_own_path(tmp_path: Path) -> None:
    store = Store(Places(tmp_path / "here"))
    outside = program(tmp_path / "assets" / "etcd")
    store.link({"etcd": outside})
    assert (store.places.bin / "etcd").readlink() == outside
    store.unlink("etcd")
    store.unlink("etcd")
    assert not (store.places.bin / "etcd").exists()


def test_a_second_run_waits_until_the_first_has_ended_even_when_it_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import sys; from pathlib import Path; from dev.toolchain.store import locked\nwith"
                " locked(Path(sys.argv[1]), lambda: None):\n    print('held', flush=True); sys.stdin.read()"
            ),
            str(file),
        ],
        cwd=HERE.repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        waiting, entered = threading.Event(), threading.Event()

        def second() -> None:
            with locked(file, waiting.set):
                entered.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert not entered.is_set()
        holder.kill()
        thread.join(10)
        assert entered.is_set()
    finally:
        holder.kill()
        holder.communicate()
