"""`make picture`: what a command shows on a terminal, as an SVG."""

from __future__ import annotations

import os
import sys
from xml.etree import ElementTree

from dev import picture

SHOWS = """
import os, sys
print(sys.stdout.isatty(), os.environ['COLUMNS'])
print('\\x1b[1;32mheld\\x1b[0m <&>')
sys.exit(3)
"""


def test_a_command_runs_on_a_terminal_of_a_hundred_columns_and_its_exit_code_is_known() -> None:
    code, shown = picture.on_a_terminal([sys.executable, "-c", SHOWS], os.environ)
    assert code == 3
    assert shown == "True 100\n\x1b[1;32mheld\x1b[0m <&>\n"


def test_it_is_drawn_with_its_colours_and_needs_no_network() -> None:
    svg = picture.drawn("\x1b[1;32mheld\x1b[0m <&>\n" + "x" * 90 + "\n", "make up")
    texts = [(element.text or "").replace("\xa0", " ") for element in ElementTree.fromstring(svg).iter()]
    assert {"make up", "held", " <&>"} <= set(texts)
    assert "url(" not in svg.replace("url(#terminal", "")
    assert "@font-face" not in svg
    assert svg == picture.drawn("\x1b[1;32mheld\x1b[0m <&>\n" + "x" * 90 + "\n", "make up")
