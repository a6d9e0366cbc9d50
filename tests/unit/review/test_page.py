"""The page in a real Chromium: keys decide, kill -9 loses nothing, nothing hostile runs; 10,000 rows."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.browser

READY = (
    "document.querySelectorAll('.card .labels').length > 0 "
    "&& document.querySelector('#detail .given') !== null"
)
SELECTED = "Number(document.querySelector('.card[aria-selected=true]')?.dataset.row)"
DECIDED = "Number(document.getElementById('progress').value)"


def stamp_of(row):
    return f"(document.querySelector('.card[data-row=\"{row}\"] .stamp')?.textContent ?? '')"


def test_keys_decide_and_a_kill_loses_nothing(serve, browser, hostile_table):
    page = serve(hostile_table)
    browser.go(page.address)
    browser.until(READY)
    hostile = browser.value("document.querySelector('.card[data-row=\"0\"] .words').textContent")
    assert hostile.startswith("<script>document.title='hacked'</script><img src=x")

    assert hostile.endswith("\\u202enumber 0"), "what turns the direction of text around is written out"

    browser.press("d")
    browser.until(f"{DECIDED} === 1 && {SELECTED} === 1")
    browser.press("k", "r")
    browser.until("document.querySelector('#palette[open] li') !== null")
    assert "relabel" not in [one["do"] for one in page.lines]
    browser.press("Enter")
    browser.until(f"{DECIDED} === 3")
    browser.press("d")
    browser.until(f"{DECIDED} === 4")
    browser.press("z", control=True)
    browser.until(f"{DECIDED} === 3 && {SELECTED} === 3")
    deeds = [(one["row"], one["do"]) for one in page.lines]
    assert deeds == [(0, "drop"), (1, "keep"), (2, "relabel"), (3, "drop"), (3, "undo")]
    assert page.lines[2]["to"].startswith("<script>")

    page.kill()
    browser.press("k")
    browser.until("!document.getElementById('banner').hidden")
    assert "server has stopped" in browser.value("document.getElementById('banner').textContent")
    assert browser.value(DECIDED) == 3
    assert len(page.lines) == 5

    page.start()
    browser.go(page.address)
    browser.until(f"{READY} && {DECIDED} === 3")
    assert browser.value(stamp_of(0)) == "dropped"
    assert browser.value(stamp_of(1)) == "kept"
    assert browser.value(stamp_of(2)).startswith("→ <script>")
    assert browser.value(stamp_of(3)) == ""
    browser.press("u")
    browser.until(f"{DECIDED} === 2 && {SELECTED} === 2")
    assert page.lines[-1]["do"] == "undo"

    assert "hacked" not in browser.value("document.title").replace(str(hostile_table), "")
    assert browser.value("document.querySelectorAll('.card script, .card img, #detail img').length") == 0
    strangers = [
        one for one in browser.requests if not one.startswith(("http://127.0.0.1:", "about:", "chrome:"))
    ]
    assert strangers == []
    assert not [one for one in browser.complaints if "Content Security Policy" in one or "Uncaught" in one]


def test_what_another_window_decided_is_seen_on_coming_back(serve, browser, hostile_table):
    page = serve(hostile_table)
    browser.go(page.address)
    browser.until(READY)
    page.json("api/decide", {"row": 0, "do": "drop"})
    page.json("api/decide", {"row": 2, "do": "keep"})
    assert browser.value(stamp_of(0)) == ""
    browser.value("void dispatchEvent(new Event('focus'))")
    browser.until(f"({stamp_of(0)}) === 'dropped' && ({stamp_of(2)}) === 'kept' && {DECIDED} === 2")
    assert "dropped" in browser.value("document.getElementById('detail').textContent")


def test_a_key_pressed_while_the_page_looks_again_counts(serve, browser, hostile_table):
    page = serve(hostile_table)
    browser.go(page.address)
    browser.until(READY)
    browser.value("void dispatchEvent(new Event('focus'))")
    browser.press("k")
    browser.until(f"{DECIDED} === 1 && {stamp_of(0)} === 'kept'")
    assert [(one["row"], one["do"]) for one in page.lines] == [(0, "keep")]


def test_rows_with_several_labels_get_others(serve, browser, tmp_path):
    path = tmp_path / "table.jsonl"
    rows = [{"text": f"words number {k}", "label": ["ant", "bee"] if k % 2 else ["cow"]} for k in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = serve(path)
    browser.go(page.address)
    browser.until(READY)
    browser.press("r")
    browser.until(
        "document.querySelector('#palette[open] li[aria-checked=true]')?.textContent.includes('cow')"
    )
    # The one that the row has is first: off with it, and the next one on.
    browser.press("Enter", "ArrowDown", "Enter")
    browser.until("document.querySelectorAll('#palette li[aria-checked=true]').length === 1")
    browser.press("Enter", control=True)
    browser.until(f"{DECIDED} === 1")
    assert [(one["row"], one["do"], one["to"]) for one in page.lines] == [(0, "relabel", ["ant"])]
    assert browser.value(stamp_of(0)) == "→ ant"
    assert not [one for one in browser.complaints if "Uncaught" in one]


def test_ten_thousand_rows_are_few_elements(serve, browser, tmp_path):
    import pandas as pd

    from upfit.testing import docstring_sentences

    sentences = docstring_sentences(task="binary", per_class=100)
    many = pd.concat([sentences] * 50, ignore_index=True)
    assert len(many) == 10_000
    many.to_csv(tmp_path / "many.csv", index=False)
    page = serve(tmp_path / "many.csv")
    browser.go(page.address)
    browser.until(READY)
    assert "10,000" in browser.value("document.getElementById('headline').textContent")
    elements = "document.querySelectorAll('*').length"
    assert browser.value(elements) < 1200
    browser.press("End")
    browser.until(
        f"{SELECTED} === 9999 && document.querySelector('.card[data-row=\"9999\"] .labels') !== null"
    )
    assert browser.value("document.querySelectorAll('.card').length") < 80
    assert browser.value(elements) < 1200
    browser.value("document.getElementById('gallery').scrollTop = 30000")
    browser.until("[...document.querySelectorAll('.card')].every(one => one.querySelector('.labels'))")
    assert browser.value("document.querySelectorAll('.card').length") < 80
    asked = [one for one in browser.requests if "/api/items" in one]
    assert sum(one.count(",") + 1 for one in asked) < 400
    browser.press("Home", "k")
    browser.until(f"{DECIDED} === 1")
    assert page.lines[-1]["row"] == 0


def test_a_label_of_any_length_leaves_room_for_the_rest(serve, browser, tmp_path):
    path = tmp_path / "table.jsonl"
    long = "L" * 10_000
    rows = [{"text": f"words number {k}", "label": long if k % 2 else "short"} for k in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = serve(path, [[1, "label", "short", []]])
    browser.go(page.address)
    browser.until(READY)
    assert browser.value("document.querySelector('#detail .given').getBoundingClientRect().height") < 150
    proposed = browser.value("document.querySelector('.card .labels i').getBoundingClientRect().width")
    written = browser.value("document.querySelector('.card .labels i').scrollWidth")
    assert proposed > written - 1, "the proposed label is shown whole"
