"""Tables and names of drawings in a real browser: what goes on at a side shows it, and no line strikes a name."""

import pytest

from models.evaluate.report.results import write_results
from models.evaluate.report.write import write_report
from tests.browser.chromium import Page
from tests.fakes.made_up_results import made_up_results

_WIDE = "[...document.querySelectorAll('.scroll')].filter(s => s.scrollWidth > s.clientWidth && s.clientWidth)"
_FIRST = "getComputedStyle(document.querySelector('#policies tbody th'))"

_NO_SHADE = ("none", "rgba(0, 0, 0, 0) 0px 0px 0px 0px")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    write_results(folder, made_up_results(hours=2))
    return write_report(folder).as_uri()


def test_on_a_desk_every_table_fits(browser: Page, address: str) -> None:
    browser.show(address, 1280)
    assert browser.value(f"{_WIDE}.length") == 0


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_a_table_that_goes_on_has_a_shade(browser: Page, address: str, dark: bool) -> None:
    browser.show(address, 390, dark=dark)
    assert browser.value(f"{_WIDE}.length") >= 2
    layers = browser.value(f"(s => [s.backgroundImage, s.backgroundAttachment])(getComputedStyle({_WIDE}[0]))")
    assert layers[0].count("gradient") == 2
    assert layers[1] == "local, scroll"


def test_the_first_column_stays_and_throws_a_shade_over_what_went_under_it(browser: Page, address: str) -> None:
    browser.show(address, 390)
    before = browser.value("document.querySelector('#policies tbody th').getBoundingClientRect().left")
    assert browser.value(f"{_FIRST}.boxShadow") in _NO_SHADE
    browser.value("document.querySelector('#policies .scroll').scrollLeft = 200")
    frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    browser.ask("Runtime.evaluate", expression=frames, awaitPromise=True)
    assert browser.value("document.querySelector('#policies tbody th').getBoundingClientRect().left") == before
    assert browser.value("document.querySelector('#policies tbody td').getBoundingClientRect().left") < before
    assert browser.value(f"{_FIRST}.boxShadow") not in _NO_SHADE


@pytest.mark.parametrize("width_px", [390, 1280])
def test_the_ground_of_a_name_is_as_long_as_the_name(browser: Page, address: str, width_px: int) -> None:
    browser.show(address, width_px)
    rooms = browser.value(
        "[...document.querySelectorAll('svg .row')].map(t => [t.previousElementSibling, t]).map(([c, t]) =>"
        " [c.getAttribute('class'), c.getBoundingClientRect().right - t.getBoundingClientRect().right])"
    )
    assert {class_ for class_, _ in rooms} == {"cover"}
    assert min(room for _, room in rooms) >= 0


def test_print_has_what_is_folded_on_the_screen(browser: Page, address: str) -> None:
    height = "document.querySelector('#policies details').offsetHeight"
    browser.show(address, 1280)
    folded = browser.value(height)
    browser.ask("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.value(height) > 5 * folded
    finally:
        browser.ask("Emulation.setEmulatedMedia", media="")
