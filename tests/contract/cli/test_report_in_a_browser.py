"""The page of `mtls report` in a real browser: Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from alb_mutual_tls.operations.page.words import Language
from alb_mutual_tls.operations.verification.judgement import Expected
from tests.contract.cli.browser import Browser, browser
from tests.unit.operations.page.documents import GOOD, OPEN, PAGE, both, made, seen, verified
from tests.unit.operations.page.test_page import HOSTILE

pytestmark = pytest.mark.campaign

HIDDEN: Final = "[...document.querySelectorAll('svg')].map(one => getComputedStyle(one).display)"
TOO_PALE: Final = """
(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => numbers(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const back = getComputedStyle(one).backgroundColor;
      if (numbers(back)[3] !== 0) return back;
    }
  };
  const texts = [...document.body.querySelectorAll('*')].filter(
    one => !one.closest('svg') && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return [texts.length, texts.filter(one => {
    const [dark, pale] = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => a - b);
    return (pale + 0.05) / (dark + 0.05) < 4.5;
  }).map(one => one.textContent)];
})()
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as made_ready:
        yield made_ready


@pytest.fixture(params=Language)
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A page with all that can stand on it, in each language, and the worst names."""
    status = seen(alice=(90, 30), bob=(30, 20))
    (root,) = status["authorities"]
    status["authorities"].append({**root, "name": "corp", "trusted": False, "issuing": True})
    root["issuing"] = False
    client, checks = status["clients"][0], [*GOOD, *OPEN]
    for name in HOSTILE.values():
        status["clients"].append({**client, "name": name})
        checks += both(f"client {name}", Expected.LET_IN, PAGE)
        gone = {**client, "client": name, "reason": "removed", "since": client["notAfter"], "accepted": True}
        status["outstanding"].append(gone)
        status["findings"].append({"verdict": "not decided", "text": f"client {name} is not known"})
    file = tmp_path / "report.html"
    file.write_text(made(verified(*checks), status, request.param), encoding="utf-8")
    return file


def test_it_loads_without_an_error_and_asks_for_nothing_else(opened: Browser, page: Path) -> None:
    opened.show(page, 1200)
    assert opened.told == []
    assert opened.asked == [page.as_uri()]
    assert opened.says("document.querySelectorAll('script,img').length") == 0
    assert opened.says("document.compatMode") == "CSS1Compat"


@pytest.mark.parametrize("width", [320, 400, 719, 720, 1200])
def test_nothing_scrolls_sideways(opened: Browser, page: Path, width: int) -> None:
    opened.show(page, width)
    assert opened.says("window.innerWidth") == width
    assert opened.says("document.documentElement.scrollWidth") == width
    wide = (
        f"[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > {width} + 1"
    )
    assert opened.says(f"{wide} && !e.closest('svg')).map(e => e.outerHTML.slice(0, 99))") == []


@pytest.mark.parametrize(("width", "shown"), [(400, "narrow"), (1200, "broad")])
def test_one_of_each_drawing_shows(opened: Browser, page: Path, width: int, shown: str) -> None:
    opened.show(page, width)
    visible = "[...document.querySelectorAll('svg')].filter(one => one.getBoundingClientRect().height)"
    assert opened.says(f"{visible}.map(one => one.getAttribute('class'))") == [shown, shown]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_text_can_be_read(opened: Browser, page: Path, scheme: str) -> None:
    opened.show(page, 1200, scheme=scheme)
    count, pale = opened.says(TOO_PALE)
    assert pale == []
    assert count > 100
    back = opened.says("getComputedStyle(document.body).backgroundColor")
    assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 29)"}[scheme]


def test_the_keyboard_leads_to_the_content_first(opened: Browser, page: Path) -> None:
    opened.show(page, 1200)
    opened.press("Tab")
    assert opened.says("document.activeElement.getAttribute('href')") == "#main"
    assert opened.says("document.activeElement.getBoundingClientRect().left") >= 0


def test_it_prints_light_and_whole(opened: Browser, page: Path) -> None:
    opened.show(page, 1200, scheme="dark", media="print")
    assert opened.says("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.says(HIDDEN).count("none") == 2
    names = "[...document.querySelectorAll('details li')].map(one => one.getBoundingClientRect().height)"
    assert all(height > 0 for height in opened.says(names))
    assert opened.says("document.querySelectorAll('details li').length") >= 4
    printed = opened.printed()
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 20_000
