"""A page over data of a test's own, served by another process, and what it takes to talk to it."""

from __future__ import annotations

import http.client
import importlib.util
import json
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HOSTILE = "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"


def module_beside(name):
    """Another file of this folder, which is no package."""
    found = importlib.util.spec_from_file_location(f"review_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class Page:
    """A served page: its address, its process, and requests to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "server.py", self.folder], stdout=subprocess.PIPE, text=True
        )
        self.address = self.process.stdout.readline().strip()
        parsed = urllib.parse.urlsplit(self.address)
        self.host, self.token = parsed.netloc, parsed.path.strip("/")

    def kill(self) -> None:
        """kill -9: nothing gets a chance to tidy up."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path, content=None, *, method=None, token=None, **headers):
        """(status, headers, body) of one request; the path is sent as it is."""
        connection = http.client.HTTPConnection(self.host, timeout=120)
        method = method or ("GET" if content is None else "POST")
        body = None if content is None else json.dumps(content)
        said = {"Host": self.host, "Content-Type": "application/json"}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        target = f"/{self.token if token is None else token}/{path}"
        connection.request(method, target, body, {name: one for name, one in said.items() if one is not None})
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return found

    def json(self, path, content=None):
        status, _, body = self.ask(path, content)
        assert status == 200, body
        return json.loads(body)

    @property
    def lines(self):
        """The decisions in the file."""
        text = (self.folder / "corrections.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()[1:]]


def served_from(folder, pages):
    """`serve(data, suspects)`: the page in a process of its own."""

    def serve(data, suspects=None, **about):
        written = json.dumps({"data": str(data), "suspects": suspects, **about})
        (folder / "about.json").write_text(written)
        pages.append(Page(folder))
        return pages[-1]

    return serve


@pytest.fixture
def serve(tmp_path):
    """`serve(data, suspects)`; ended with the test."""
    pages = []
    yield served_from(tmp_path, pages)
    for page in pages:
        page.kill()


@pytest.fixture(scope="module")
def page(tmp_path_factory, digits):
    """The page of a whole file of tests: 37 digits suspected; row 0 perhaps a 5, row 3 a copy of row 4."""
    suspects = [[row, "label", "5" if row == 0 else None, []] for row in range(36)]
    pages = []
    serve = served_from(tmp_path_factory.mktemp("page"), pages)
    yield serve(digits, [*suspects, [3, "duplicate", None, [4]], [40, "outlier", None, []]])
    pages[0].kill()


@pytest.fixture(scope="session")
def hostile_table(tmp_path_factory):
    """Sentences with a class name and texts that would run, were they ever taken for markup."""
    import pandas as pd

    texts = [
        f"{HOSTILE} \u202enumber {place}" if place % 7 == 0 else f"so good, number {place}"
        for place in range(40)
    ]
    labels = [HOSTILE if place % 2 else "yes" for place in range(40)]
    path = tmp_path_factory.mktemp("hostile") / "table.csv"
    pd.DataFrame({"text": texts, "label": labels}).to_csv(path, index=False)
    return path


@pytest.fixture
def browser(tmp_path):
    """A Chromium tab; the test is skipped where there is none."""
    driven = module_beside("browser")
    if driven.PROGRAM is None:
        pytest.skip("no Chromium or Chrome on this machine")
    pytest.importorskip("websockets", reason="the websockets package drives the browser")
    tab = driven.Browser(tmp_path / "profile")
    yield tab
    tab.close()
