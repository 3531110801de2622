"""The report in a real browser: nothing asked for, nothing complained of, readable light and dark, wide and narrow."""

from pathlib import Path

import pytest

from models.evaluate.report.results import write_results
from models.evaluate.report.write import write_report
from tests.browser.chromium import Page
from tests.fakes.made_up_results import made_up_results

ANCHORS = (
    "published", "gap", "policies", "layers", "time", "spread", "no-gain", "classes", "places", "partition",
    "tradeoff", "order", "method", "provenance",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    write_results(folder, made_up_results(hours=2))
    return write_report(folder).as_uri()


@pytest.mark.parametrize("width_px", [390, 820, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_asks_for_itself_alone_and_nothing_complains(
    browser: Page, address: str, width_px: int, dark: bool
) -> None:
    browser.show(address, width_px, dark=dark)
    assert browser.requested == [address]
    assert browser.complaints == []


@pytest.mark.parametrize("width_px", [390, 820, 1280])
def test_no_page_is_wider_than_the_screen(browser: Page, address: str, width_px: int) -> None:
    browser.show(address, width_px)
    assert browser.value("document.documentElement.scrollWidth") == width_px


@pytest.mark.parametrize("width_px", [390, 1280])
def test_every_section_is_seen_and_every_figure_once(browser: Page, address: str, width_px: int) -> None:
    browser.show(address, width_px)
    heights = browser.value(f"{list(ANCHORS)}.map(id => document.getElementById(id).offsetHeight)")
    assert min(heights) > 60
    shown = browser.value(
        "[...document.querySelectorAll('figure')].map("
        "f => [...f.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().height > 80).length)"
    )
    assert set(shown) == {1}


def test_letters_of_drawings_can_be_read_on_a_phone(browser: Page, address: str) -> None:
    browser.show(address, 390)
    heights = browser.value(
        "[...document.querySelectorAll('.narrow svg text')].map(t => t.getBoundingClientRect().height)"
    )
    assert min(heights) >= 9


def test_labels_of_drawings_stay_on_the_page(browser: Page, address: str) -> None:
    for width_px in (390, 1280):
        browser.show(address, width_px)
        edges = browser.value(
            "[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect())"
            ".filter(r => r.width > 0).map(r => [r.left, r.right])"
        )
        assert min(left for left, _ in edges) >= 0
        assert max(right for _, right in edges) <= width_px


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_the_page(browser: Page, address: str, dark: bool) -> None:
    """Contrast of WCAG 2: 4.5 for text, 3 for what is drawn."""
    browser.show(address, dark=dark)
    paper, *inks = browser.value(
        "(() => { const root = getComputedStyle(document.documentElement);"
        " return ['paper', 'ink', 'soft', 'green', 'orange', 'blue', 'purple']"
        ".map(name => root.getPropertyValue('--' + name).trim()); })()"
    )
    ratios = [_contrast(paper, each) for each in inks]
    assert min(ratios[:2]) >= 4.5
    assert min(ratios) >= 3


def test_it_prints_on_light_paper(browser: Page, address: str) -> None:
    browser.show(address, dark=True)
    assert browser.printed().startswith(b"%PDF")
    browser.ask(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    try:
        assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert browser.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    finally:
        browser.ask("Emulation.setEmulatedMedia", media="")


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_picture_for_people_is_a_png(browser: Page, address: str, tmp_path: Path) -> None:
    browser.show(address)
    browser.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
