"""The tables and plots of docs/performance.md, from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.growth import Measured
from benchmarks.plot import plot

BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"
_ONE: Final = {"clients": "client", "members": "member of a group", "listeners": "listener"}
_MANY: Final = {"clients": "clients", "members": "members of a group", "listeners": "listeners"}


def growth_table(measured: Sequence[Measured], loops: Mapping[int, float]) -> str:
    """What stacks of each size cost, and what the next one more costs, as a Markdown table."""
    lines = [
        "| stack | first `up`, s | beside openssl's loop | memory, MB | no-op preview, s | state, MB |"
        " preview for one more, ms | state for one more, kB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    before: Measured | None = None
    for one in measured:
        if before is not None and before.kind == one.kind:
            further = one.size - before.size
            slopes = (
                f"{(one.preview - before.preview) / further * 1000:.1f} |"
                f" {(one.state - before.state) / further / 1000:.1f}"
            )
        else:
            slopes = " | "
        before = one
        loop = loops.get(one.size) if one.kind != "listeners" else None
        beside = f"{one.up / loop:.2f} of {loop:.1f} s" if loop else ""
        what = _MANY[one.kind] if one.size > 1 else _ONE[one.kind]
        lines.append(
            f"| {one.size} {what} | {one.up:.1f} | {beside} | {one.memory:.0f} | {one.preview:.2f} |"
            f" {one.state / 1e6:.2f} | {slopes} |"
        )
    return "\n".join(lines)


def plots(measured: Sequence[Measured], loops: Mapping[int, float]) -> Iterator[tuple[str, str]]:
    """Name and SVG of each plot."""
    by_kind: dict[str, list[Measured]] = {}
    for one in measured:
        by_kind.setdefault(one.kind, []).append(one)
    named = {"clients": "clients", "members": "a group"}
    issuing = {named[kind]: of_kind for kind, of_kind in by_kind.items() if kind in named}
    if issuing:
        first = {name: [(one.size, one.up) for one in of_kind] for name, of_kind in issuing.items()}
        if loops:
            first["openssl's loop"] = [(0, 0.0), *sorted(loops.items())]
        yield "up.svg", plot("First up by the number of clients", "clients", "s", first)
    previews = {
        named.get(kind, kind): [(one.size, one.preview) for one in of_kind]
        for kind, of_kind in by_kind.items()
    }
    if previews:
        yield (
            "preview.svg",
            plot("Preview without changes", "clients or listeners", "s", previews),
        )


def written(page: str, measured: str) -> str:
    """The page with what was measured in place of what was before."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}"


def write(directory: Path, measured: str, drawings: Iterator[tuple[str, str]]) -> None:
    """Write tables and plots into the documentation."""
    page = directory / "performance.md"
    page.write_text(written(page.read_text(encoding="utf-8"), measured), encoding="utf-8")
    for name, drawing in drawings:
        (directory / "plots" / name).write_text(drawing, encoding="utf-8")
