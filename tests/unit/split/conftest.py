"""Every test has a cache of its own, so that nothing read before can help or hurt it."""

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path_factory.mktemp("cache")))
