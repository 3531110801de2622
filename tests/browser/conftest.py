"""A browser for the tests of pages."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import CHROMIUM, Page, chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Headless Chromium with one page."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: `make setup-system` installs it")
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page
