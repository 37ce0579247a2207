"""The choice of the engine and of the control plane, on machines with this or that on PATH."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.toolchain import engine, versions
from dev.toolchain.engine import Source, choose
from dev.toolchain.places import Places

GOOD_HOST = "echo 12345; exec sleep 60"
PACKAGES = versions.load().plugins


def program(file: Path, body: str = "exit 0") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def places(tmp_path: Path) -> Places:
    repository = tmp_path / "checkout"
    repository.mkdir()
    (repository / "Pulumi.yaml").write_text('name: x\nrequiredPulumiVersion: ">=3.200.0"\n')
    (repository / "requirements.txt").write_text(
        "".join(f"{package}==5.6.2  # pinned\n" for package in PACKAGES.values())
    )
    return Places(repository)


def machine(tmp_path: Path) -> Mapping[str, str]:
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def test_what_the_machine_has_comes_first_then_the_release_then_the_build() -> None:
    assert choose(provided=False, release=False, modules=False, published=True, failed=False) == (
        Source.RELEASE,
        Source.MODULES,
    )
    for release, modules, published, failed in product((False, True), repeat=4):
        assert choose(
            provided=True, release=release, modules=modules, published=published, failed=failed
        ) == (Source.PROVIDED,)


def test_nothing_is_downloaded_that_was_built_failed_or_is_not_published() -> None:
    for modules, published, failed in product((False, True), repeat=3):
        chosen = choose(provided=False, release=False, modules=modules, published=published, failed=failed)
        assert (Source.RELEASE in chosen) == (not modules and published and not failed)
        assert chosen[-1] is Source.MODULES


def test_a_pulumi_on_path_that_is_new_enough_and_has_a_language_host_is_used(
    tmp_path: Path, places: Places
) -> None:
    pulumi = program(tmp_path / "bin" / "pulumi", "echo v3.272.0")
    program(tmp_path / "bin" / "pulumi-language-python", GOOD_HOST)
    assert engine.on_path(places, machine(tmp_path)) == engine.Engine(pulumi, "v3.272.0", "")


def test_a_language_host_beside_the_real_pulumi_counts_as_well(tmp_path: Path, places: Places) -> None:
    real = program(tmp_path / "opt" / "pulumi", "echo v3.272.0")
    program(tmp_path / "opt" / "pulumi-language-python", GOOD_HOST)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(real)
    found = engine.on_path(places, machine(tmp_path))
    assert found is not None
    assert found.problem == ""


@pytest.mark.parametrize(
    ("pulumi", "host", "problem"),
    [
        ("echo v3.100.0", GOOD_HOST, "is v3.100.0, and Pulumi.yaml requires >=3.200.0"),
        ("exit 1", GOOD_HOST, "does not answer `pulumi version`"),
        ("echo nonsense", GOOD_HOST, "does not answer `pulumi version`"),
        ("echo v3.272.0", "echo broken >&2; exit 1", "has no pulumi-language-python that starts"),
        ("echo v3.272.0", None, "has no pulumi-language-python that starts"),
    ],
)
def test_a_pulumi_on_path_that_will_not_do_is_passed_over_with_the_reason(
    tmp_path: Path, places: Places, pulumi: str, host: str | None, problem: str
) -> None:
    program(tmp_path / "bin" / "pulumi", pulumi)
    if host:
        program(tmp_path / "bin" / "pulumi-language-python", host)
    found = engine.on_path(places, machine(tmp_path))
    assert found is not None
    assert found.problem.endswith(problem)


def test_our_own_pulumi_on_path_is_not_taken_for_the_machines(places: Places) -> None:
    program(places.bin / "pulumi", "echo v3.272.0")
    assert engine.on_path(places, {"PATH": f"{places.bin}:/usr/bin:/bin"}) is None
    elsewhere = places.repository.with_name("another name")
    elsewhere.symlink_to(places.repository)
    assert engine.on_path(places, {"PATH": f"{Places(elsewhere).bin}:/usr/bin:/bin"}) is None


def test_a_pulumi_is_asked_once_and_again_when_it_has_changed(tmp_path: Path, places: Places) -> None:
    asked = tmp_path / "asked"
    pulumi = program(tmp_path / "bin" / "pulumi", f"echo x >>{asked}; echo v3.272.0")
    program(tmp_path / "bin" / "pulumi-language-python", GOOD_HOST)
    for _ in range(2):
        engine.on_path(places, machine(tmp_path))
    assert asked.read_text() == "x\n"
    program(pulumi, f"echo x >>{asked}; echo v3.150.0 older")
    found = engine.on_path(places, machine(tmp_path))
    assert found is not None
    assert found.problem
    assert asked.read_text() == "x\nx\n"


def test_complete_assets_are_used_and_incomplete_ones_refused_by_name(tmp_path: Path, places: Places) -> None:
    directory = tmp_path / "assets"
    for name in ("etcd", "kubectl"):
        program(directory / name)
    with pytest.raises(UserError, match=r"kube-apiserver is missing; unset it or complete"):
        engine.assets(places, {"KUBEBUILDER_ASSETS": str(directory)})
    program(directory / "kube-apiserver")
    assert engine.assets(places, {"KUBEBUILDER_ASSETS": str(directory)})["etcd"] == directory / "etcd"


def test_assets_of_an_earlier_run_stay_in_use_where_the_variable_is_not_set(
    tmp_path: Path, places: Places
) -> None:
    assert engine.assets(places, {}) == {}
    places.bin.mkdir(parents=True)
    for name in engine.CONTROL_PLANE:
        (places.bin / name).symlink_to(program(tmp_path / "assets" / name))
    assert engine.assets(places, {})["kubectl"] == tmp_path / "assets" / "kubectl"
    (tmp_path / "assets" / "etcd").unlink()
    assert engine.assets(places, {}) == {}


def test_a_sandbox_without_official_plugins_gets_stand_ins_in_a_home_of_its_own(
    tmp_path: Path, places: Places
) -> None:
    made = engine.sandbox_environment(places, versions.load(), tmp_path / "sandbox")
    assert made["PATH"] == f"{places.venv / 'bin'}:{places.bin}"
    assert made["PULUMI_HOME"] == str(tmp_path / "sandbox" / "pulumi-home")
    assert made["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    launchers = {name: plugin(tmp_path / "sandbox" / "pulumi-home", name) for name in PACKAGES}
    before = {
        name: launcher.stat().st_mtime_ns
        for name, launcher in launchers.items()
        if os.access(launcher, os.X_OK)
    }
    assert before.keys() == PACKAGES.keys()
    assert engine.sandbox_environment(places, versions.load(), tmp_path / "sandbox") == made
    assert {name: launcher.stat().st_mtime_ns for name, launcher in launchers.items()} == before


def test_a_sandbox_with_official_plugins_gets_them_and_no_stand_in(tmp_path: Path, places: Places) -> None:
    for name in PACKAGES:
        program(plugin(places.pulumi_home, name))
    made = engine.sandbox_environment(places, versions.load(), tmp_path / "sandbox")
    assert made["PULUMI_HOME"] == str(places.pulumi_home)
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in made
    assert not (tmp_path / "sandbox").exists()


def test_of_several_plugins_only_those_that_are_not_to_be_had_get_a_stand_in(
    tmp_path: Path, places: Places
) -> None:
    home = tmp_path / "sandbox" / "pulumi-home"
    engine.sandbox_environment(places, versions.load(), tmp_path / "sandbox")
    official = program(plugin(places.pulumi_home, "kubernetes"), "echo official")
    for _ in range(2):
        made = engine.sandbox_environment(places, versions.load(), tmp_path / "sandbox")
        assert made["PULUMI_HOME"] == str(home)
        assert plugin(home, "kubernetes").resolve() == official
        assert not plugin(home, "kubernetes").parent.is_symlink()  # the engine passes over those
        assert "-m dev.toolchain.plugins.tls" in plugin(home, "tls").read_text()
    official.unlink()
    engine.sandbox_environment(places, versions.load(), tmp_path / "sandbox")
    assert "-m dev.toolchain.plugins.kubernetes" in plugin(home, "kubernetes").read_text()


def plugin(home: Path, name: str) -> Path:
    return home / "plugins" / f"resource-{name}-v5.6.2" / f"pulumi-resource-{name}"
