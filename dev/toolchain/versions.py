"""The pinned versions of `versions.toml`, and comparison of versions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.errors import UserError

FILE: Final = Path(__file__).with_name("versions.toml")

_COMPARISON: Final = re.compile(r"(>=|<=|>|<|==|=|!=)?\s*v?(\d+(?:\.\d+)*)")


@dataclass(frozen=True)
class ReleaseFile:
    """One file of an official release.

    `members` are the programs inside a tar archive; without them the file is itself a program,
    named as its URL ends.
    """

    url: str
    checksums: str
    members: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[1]

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(member.rsplit("/", 1)[1] for member in self.members) or (self.name,)


@dataclass(frozen=True)
class Release:
    """An official release: where it is published, and for which machines.

    `seconds`: expected duration.
    """

    name: str
    version: str
    systems: tuple[str, ...]
    machines: Mapping[str, str]
    templates: tuple[ReleaseFile, ...]
    seconds: float

    def files(self, system: str, machine: str) -> tuple[ReleaseFile, ...]:
        """The files for a machine; none where the project publishes none.

        Args:
            system: `linux`, `darwin`, ...
            machine: `x86_64`, `arm64`, ...
        """
        if system not in self.systems or machine not in self.machines:
            return ()
        names = {"version": self.version, "system": system, "machine": self.machines[machine]}
        return tuple(
            ReleaseFile(
                file.url.format_map(names),
                file.checksums.format_map(names),
                tuple(m.format_map(names) for m in file.members),
            )
            for file in self.templates
        )


@dataclass(frozen=True)
class Module:
    """A Go module (directory `dev/toolchain/<name>`) whose programs are built.

    `seconds`: expected duration. `scripts`: name -> module and file, taken unbuilt.
    """

    name: str
    version: str
    programs: Mapping[str, str]
    seconds: float
    variables: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Packaged:
    """Programs out of one package, Debian's or PyPI's, for machines that have none.

    Attributes:
        use: what the programs are here.
        remedy: what to do where they cannot be had.
        tests: whether only tests start them.
        campaigns: whether only the long ones do.
        place: where in the unpacked packages they are, if not in a directory for programs.
        check: the argument with which each of them says that it starts.
        dependencies: whether Debian's package is unpacked together with those that it depends on.
        along: Debian's packages that are unpacked with it also where the machine has them.
        debian: Debian's packages; the first that holds the programs is used.
        variables: variable -> what it names in the unpacked packages (a pattern).
        java: the Java runtime in the package of PyPI.
        mains: program -> the class that it is in that runtime.
        seconds: expected duration.
    """

    name: str
    use: str
    remedy: str
    check: str
    seconds: float
    programs: tuple[str, ...] = ()
    tests: bool = True
    campaigns: bool = False
    place: str = ""
    along: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    dependencies: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    pypi: str = ""
    java: str = ""
    mains: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "programs", self.programs or tuple(self.mains))

    @property
    def origin(self) -> str:
        """Where the programs come from, in words."""
        if self.pypi:
            return f"PyPI package {self.pypi.partition('==')[0]}"
        return f"Debian's package {self.debian[0]}"


@dataclass(frozen=True)
class Versions:
    python_minimum: str
    python_seconds: float
    uv: str
    go_minimum: str
    go_package: str
    go_seconds: float
    packaged: tuple[Packaged, ...]
    plugins: Mapping[str, str]
    releases: Mapping[str, Release]
    modules: Mapping[str, Module]


def load(file: Path = FILE) -> Versions:
    """Read `versions.toml`."""
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return Versions(
        python_minimum=content["python"]["minimum"],
        python_seconds=content["python"]["seconds"],
        uv=content["python"]["uv"],
        go_minimum=content["go"]["minimum"],
        go_package=content["go"]["package"],
        go_seconds=content["go"]["seconds"],
        packaged=tuple(Packaged(name, **_fields(table)) for name, table in content["packaged"].items()),
        plugins=content["plugins"],
        releases={name: _release(name, table) for name, table in content["releases"].items()},
        modules={name: _module(name, table) for name, table in content["modules"].items()},
    )


def _fields(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a table, lists as tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _release(name: str, table: Mapping[str, Any]) -> Release:
    files = tuple(ReleaseFile(**_fields(file)) for file in table["files"])
    others = {key: value for key, value in table.items() if key != "files"}
    return Release(name, templates=files, **_fields(others))


def _module(name: str, table: Mapping[str, Any]) -> Module:
    variables = {
        variable: value.format(version=table["version"])
        for variable, value in table.get("variables", {}).items()
    }
    return Module(name, **{**table, "variables": variables})


def parse(version: str) -> tuple[int, ...]:
    """Return the numbers of a version.

    `v3.259.0`, `go1.26.8` and `3.11` are understood. What follows the numbers is ignored.

    Raises:
        ValueError: there are none.
    """
    found = re.search(r"\d+(?:\.\d+)*", version)
    if not found:
        raise ValueError(f"{version!r} is not a version")
    return tuple(int(number) for number in found.group().split("."))


def at_least(version: str, minimum: str) -> bool:
    """Whether a version is the minimum or newer; missing numbers count as 0."""
    return _compare(parse(version), parse(minimum)) >= 0


def satisfies(version: str, requirement: str) -> bool:
    """Whether a version meets a requirement.

    It is written as `requiredPulumiVersion` writes it: `>=3.200.0`, `>=3.200.0 <4.0.0`, `<3 ||
    >=3.200`.

    Raises:
        UserError: the requirement is written in another way.
    """
    return any(_holds(version, alternative) for alternative in requirement.split("||"))


def _holds(version: str, comparisons: str) -> bool:
    rest = _COMPARISON.sub("", comparisons).strip(" ,")
    found = _COMPARISON.findall(comparisons)
    if rest or not found:
        raise UserError(
            f"requiredPulumiVersion {comparisons.strip()!r} in Pulumi.yaml is not understood; write it like"
            " '>=3.200.0'"
        )
    own = parse(version)
    signs = {
        "": (0,),
        "=": (0,),
        "==": (0,),
        "!=": (-1, 1),
        ">=": (0, 1),
        "<=": (-1, 0),
        ">": (1,),
        "<": (-1,),
    }
    return all(_compare(own, parse(other)) in signs[sign] for sign, other in found)


def _compare(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    length = max(len(one), len(other))
    left, right = ((*numbers, *[0] * (length - len(numbers))) for numbers in (one, other))
    return (left > right) - (left < right)


def required_pulumi_version(project: str) -> str:
    """`requiredPulumiVersion` of a Pulumi.yaml (its text), `>=3` when there is none.

    Read without a YAML parser: the bootstrap has none.
    """
    found = re.search(r"""^requiredPulumiVersion:\s*["']?([^"'#\n]+)""", project, re.MULTILINE)
    return found.group(1).strip() if found else ">=3"


def pinned(package: str, requirements: str) -> str:
    """The version that a requirements file (its text) pins for a package.

    Raises:
        UserError: it pins none.
    """
    found = re.search(rf"^{re.escape(package)}==(\S+)", requirements, re.MULTILINE | re.IGNORECASE)
    if not found:
        raise UserError(f"requirements.txt does not pin {package}; add a line {package}==VERSION")
    return found.group(1)
