"""The report in a real browser: it draws, complains of nothing, and asks for nothing."""

import shutil
import subprocess

import pytest

from upfit.report.html import html_report

from .runs import digits_run

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr",
)  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine"),
]


def opened(page, folder, *, width=1280):
    """(the page as the browser sees it, what its console said)."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    command = [
        BROWSER, *QUIET, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", "--dump-dom",
        path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def test_the_console_stays_silent_and_nothing_runs(tmp_path, environment):
    names = ["<script>document.title='hacked'</script>", "<img src=x onerror=document.title='hacked'>"]
    run, data = digits_run(classes=[*names, *"abcdefgh"])
    seen, console = opened(html_report(run, data, environment=environment), tmp_path)
    assert console == []
    assert "<title>Accuracy 0." in seen
    assert seen.count("<svg") == 5
    assert seen.count("<img") == 12


def test_the_policy_stops_a_page_that_asks_for_something(digits, environment, tmp_path):
    """The control: were a request to slip in, the browser would refuse it and the test above would see it."""
    run, data = digits
    page = html_report(run, data, environment=environment)
    spoiled = page.replace("<main>", '<main><img src="https://example.org/a.png"><script>1</script>')
    _, console = opened(spoiled, tmp_path)
    assert any("example.org" in line and "Content Security Policy" in line for line in console)
