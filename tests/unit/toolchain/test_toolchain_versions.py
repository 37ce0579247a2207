"""Versions: comparison, the one file they stand in, and its agreement with the files that must
repeat them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from dev.toolchain import versions
from dev.toolchain.places import HERE

VERSIONS = versions.load()
numbers = st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))


def text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


@pytest.mark.parametrize(
    ("said", "meant"),
    [("v3.259.0", (3, 259, 0)), ("go1.26.8", (1, 26, 8)), ("3.11", (3, 11)), ("v3.2.1-dev+x", (3, 2, 1))],
)
def test_a_version_is_read_from_what_programs_print(said: str, meant: tuple[int, ...]) -> None:
    assert versions.parse(said) == meant


def test_a_text_without_numbers_is_no_version() -> None:
    with pytest.raises(ValueError, match="dev"):
        versions.parse("dev")


@given(numbers, numbers)
def test_comparison_is_by_number_and_not_by_letter(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    assert versions.at_least(text(one), text(other)) == (one >= other)
    assert versions.satisfies("v" + text(one), f">={text(other)}") == (one >= other)
    assert versions.satisfies(text(one), f"<{text(other)}") == (one < other)


@pytest.mark.parametrize(
    ("version", "requirement", "held"),
    [
        ("3.259.0", ">=3.200.0", True),
        ("3.99.0", ">=3.200.0", False),
        ("3.200.0", ">=3.200", True),
        ("4.0.0", ">=3.200.0 <4.0.0", False),
        ("4.0.0", ">=3.200.0, <4.0.0", False),
        ("3.259.0", "<3 || >=3.250", True),
        ("3.259.0", "3.259.0", True),
        ("3.259.0", "!=3.259.0", False),
    ],
)
def test_a_requirement_may_combine_comparisons(version: str, requirement: str, held: bool) -> None:
    assert versions.satisfies(version, requirement) is held


@pytest.mark.parametrize("requirement", ["^3.200.0", "newest", ">= "])
def test_a_requirement_that_is_not_understood_is_refused_with_an_example(requirement: str) -> None:
    with pytest.raises(UserError, match=r">=3\.200\.0"):
        versions.satisfies("3.259.0", requirement)


@pytest.mark.parametrize(
    "line",
    [
        'requiredPulumiVersion: ">=3.200.0"',
        "requiredPulumiVersion: >=3.200.0   # why",
        "requiredPulumiVersion: '>=3.200.0'",
    ],
)
def test_the_required_version_is_read_without_a_yaml_parser(line: str) -> None:
    assert versions.required_pulumi_version(f"name: x\n{line}\noptions: {{}}\n") == ">=3.200.0"


def test_a_project_without_a_required_version_takes_any_of_pulumi_3() -> None:
    assert versions.satisfies("3.1.0", versions.required_pulumi_version("name: x\n"))


def test_every_engine_that_we_would_install_meets_the_project() -> None:
    requirement = versions.required_pulumi_version((HERE.repository / "Pulumi.yaml").read_text())
    for version in (VERSIONS.releases["pulumi"].version, VERSIONS.modules["pulumi"].version):
        assert versions.satisfies(version, requirement)


@pytest.mark.parametrize("name", VERSIONS.modules)
def test_go_mod_and_versions_toml_name_the_same_version(name: str) -> None:
    module = VERSIONS.modules[name]
    requirements = (HERE.recipes / name / "go.mod").read_text()
    required = re.findall(r"^(?:require\s+|\t)(\S+) (v\S+)", requirements, re.MULTILINE)
    published = [one for one in module.programs.values() if not one.startswith(".")]
    around = {"flux": "github.com/fluxcd/pkg/ssa", "typescript-sdk": "github.com/pulumi/pulumi/pkg/v3"}
    for package in published or [around[name]]:
        assert f"v{module.version}" in {version for path, version in required if package.startswith(path)}
    (language,) = re.findall(r"^go (\S+)$", requirements, re.MULTILINE)
    assert versions.at_least(VERSIONS.go_minimum, language)


def test_a_release_and_the_build_that_replaces_it_are_of_one_version_for_the_control_plane() -> None:
    for name in ("etcd", "kubernetes"):
        assert VERSIONS.releases[name].version == VERSIONS.modules[name].version


def test_a_release_fills_its_addresses_for_the_machine() -> None:
    (file,) = VERSIONS.releases["pulumi"].files("linux", "arm64")
    assert (
        file.url
        == f"https://get.pulumi.com/releases/sdk/pulumi-v{VERSIONS.releases['pulumi'].version}-linux-arm64.tar.gz"
    )
    assert "{" not in file.checksums
    assert file.programs[:2] == ("pulumi", "pulumi-language-python")


def test_a_machine_without_a_release_gets_no_files() -> None:
    assert VERSIONS.releases["kubernetes"].files("darwin", "arm64") == ()
    assert VERSIONS.releases["pulumi"].files("linux", "riscv64") == ()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_has_a_reason_and_agrees_with_the_constraints(name: str) -> None:
    constraints = _pins(HERE.repository / "constraints.txt")
    lines = [
        line
        for line in (HERE.repository / name).read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines
    for line in lines:
        found = re.fullmatch(r"([\w-]+)==(\S+)\s+# \S.*", line)
        assert found, f"{line!r} lacks a pin or a reason"
        assert constraints[_normal(found.group(1))] == found.group(2)


def test_the_release_of_pulumi_is_of_the_same_version_as_its_sdk() -> None:
    assert (
        versions.pinned("pulumi", (HERE.repository / "requirements.txt").read_text())
        == VERSIONS.releases["pulumi"].version
    )


def test_the_engine_that_we_build_is_no_older_than_the_sdk_and_of_its_major_version() -> None:
    sdk = versions.pinned("pulumi", (HERE.repository / "requirements.txt").read_text())
    engine = VERSIONS.modules["pulumi"].version
    assert versions.at_least(engine, sdk)
    assert versions.parse(engine)[0] == versions.parse(sdk)[0]


def test_the_scripts_beside_the_engine_are_of_its_own_release_of_the_sdk() -> None:
    module = VERSIONS.modules["pulumi"]
    required = (HERE.recipes / "pulumi" / "go.mod").read_text()
    for script in module.scripts.values():
        assert f"\t{script.split()[0]} v{module.version}\n" in required


def test_a_package_that_is_not_pinned_is_named() -> None:
    with pytest.raises(UserError, match="pulumi-tls"):
        versions.pinned("pulumi-tls", "pulumi==1.0\n# pulumi-tls==2\n")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(file: Path) -> dict[str, str]:
    lines = [
        line.split("==")
        for line in file.read_text().splitlines()
        if "==" in line and not line.startswith("#")
    ]
    return {_normal(name): version.split()[0] for name, version in lines}
