"""The report page: complete, escaped, and shut off from the network."""

import dataclasses
import html
import re
from html.parser import HTMLParser

import datasets
import numpy as np
import pytest

from upfit.report.html import html_report
from upfit.values import Data, Estimate, Evaluation, Event, Finding, Predictions, Split, Step, Trace

from .runs import digits_run

NASTY = (
    "<script>alert(1)</script>",
    "x" * 300,
    "数字 三",
    "🎉 party/with/slash",
    "\"quoted\" & 'single'",
    "{{ 7 * 7 }}",
    "</style><img src=http://example.org/a.png onerror=alert(2)>",
    "javascript:alert(3)",
    "&lt;b&gt;",
    "\x00 \x1b[31m",
)
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """The tags, attributes and visible text of a page; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(params=["multiclass", "binary", "regression", "multilabel", "nasty"])
def any_page(request, every_task, environment):
    run, data = digits_run(classes=NASTY) if request.param == "nasty" else every_task[request.param]
    return html_report(run, data, environment=environment)


def test_the_page_refers_to_nothing_outside_itself(any_page):
    page = Page(any_page)
    policy = next(value for tag, name, value in page.attributes if (tag, name) == ("meta", "content"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert not {"script", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        if name == "src":
            assert value.startswith("data:image/jpeg;base64,")
        if name in ("href", "xlink:href"):
            assert value.startswith("#") or (tag, value) == ("link", "data:,")
    styles = re.findall(r"<style>(.*?)</style>", any_page, re.DOTALL)
    assert len(styles) == 1
    assert "url(" not in styles[0]
    assert "@import" not in styles[0]


def test_every_link_leads_to_a_section(any_page):
    page = Page(any_page)
    ids = [value for _, name, value in page.attributes if name == "id"]
    links = [value[1:] for tag, name, value in page.attributes if (tag, name) == ("a", "href")]
    assert len(ids) == len(set(ids))
    assert set(links) <= set(ids)


def test_the_page_says_what_was_found(digits, environment):
    run, data = digits
    text = html.unescape(" ".join(Page(html_report(run, data, environment=environment)).text))
    test = run.test["accuracy"]
    assert f"accuracy {test.value:.3f} ({test.low:.3f} to {test.high:.3f}) on the sealed test part" in text
    for expected in (
        "Better than the linear probe by", "beyond the noise", "digits/", "opened once", "Balanced accuracy",
        "time is short: 240 steps instead of 300", "Class by class", "unreadable_file", "stopping.epochs=20",
        "tf_efficientnet_lite0", "weight_decay:", "3.11.9", "stratified 6:2:2, seed 0", "upfit predict",
    ):  # fmt: skip
        assert expected in text, expected


def test_charts_and_pictures_are_inside(digits, environment):
    run, data = digits
    page = Page(html_report(run, data, environment=environment))
    assert page.tags.count("svg") == 5
    assert page.tags.count("img") == 12
    names = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert "Training and validation loss over steps" in names


def test_the_confusion_matrix_counts_every_validation_example(digits, environment):
    run, data = digits
    page = html_report(run, data, environment=environment)
    cells = re.findall(r'title="(\d+) of \d+ &#39;digit', page)
    assert len(cells) == 100
    assert sum(map(int, cells)) == len(run.split.validation)


def test_many_classes_get_a_table_of_confused_pairs(digits, environment):
    run, _ = digits
    count = 40
    names = tuple(f"class {k}" for k in range(count))
    targets = np.arange(80) % count
    scores = np.eye(count, dtype=np.float32)[np.where(targets == 7, 9, targets)]
    many = dataclasses.replace(
        run,
        schema=run.schema.replace(classes=names),
        predictions=Predictions(np.arange(80), scores, targets),
    )
    text = " ".join(Page(html_report(many, None, environment=environment)).text)
    assert "Most confused pairs" in text
    assert re.search(r"class 7\s+class 9\s+2\s+2", text)


def test_names_are_shown_as_they_are_and_run_nothing(environment):
    run, data = digits_run(classes=NASTY)
    page = html_report(run, data, environment={"cpu": "<b>fast</b>"})
    assert "<script" not in page
    assert "<b>fast" not in page
    assert "onerror=alert" not in re.sub(r"&lt;.*?&gt;", "", page)
    text = "".join(Page(page).text)
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}" in text
    assert "数字 三" in text


def test_a_run_without_data_test_candidates_or_steps_still_has_a_page(digits, environment):
    run, _ = digits
    bare = dataclasses.replace(
        run, trace=Trace(), candidates=(), test=None, test_openings=0, findings=(), predictions=None,
        result={}, split=Split(run.split.train, run.split.validation, run.split.test[:0], "given"),
    )  # fmt: skip
    text = " ".join(Page(html_report(bare, None, environment={})).text)
    assert "on validation (there is no test part)" in text
    assert "No training steps were taken" in text
    assert "Nothing stood out" in text


def test_a_test_part_opened_again_is_called_out(digits, environment):
    run, data = digits
    page = html_report(dataclasses.replace(run, test_openings=3), data, environment=environment)
    assert "opened 3 times" in page
    assert "a little too bright" in page


def test_a_gain_that_may_be_chance_is_called_so(digits, environment):
    run, data = digits
    base, probe, tuned = run.candidates
    close = dataclasses.replace(probe, margin=Estimate(0.002, -0.01, 0.014))
    page = html_report(
        dataclasses.replace(run, candidates=(base, close, tuned)), data, environment=environment
    )
    assert page.count("inside the noise</span>") == 2


def test_losses_that_diverged_are_drawn_as_far_as_they_go(digits, environment):
    run, data = digits
    bad = float("nan")
    steps = tuple(Step(k, k / 9, 2.0 if k < 5 else bad, 1e-3, bad, 8, k, 100.0) for k in range(1, 9))
    trace = Trace(steps, (Evaluation(8, 0.9, bad, {}, False, 8.0),), (Event(5, "nan", "the loss is NaN"),))
    page = html_report(dataclasses.replace(run, trace=trace), data, environment=environment)
    assert "the loss is NaN" in page
    assert "NaN" not in "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))


def test_a_picture_that_is_gone_leaves_its_words(digits, environment):
    run, data = digits
    cells = [{"path": f"folder/{k}.png", "bytes": None} for k in range(len(data))]
    table = datasets.Dataset.from_dict({"image": cells, "label": data.table["label"]})
    page = html_report(run, Data(table, data.schema, "0" * 64, "gone/"), environment=environment)
    assert "<img" not in page
    assert "folder/" in page


def test_findings_show_their_evidence_examples_and_cures(digits, environment):
    run, data = digits
    finding = Finding(
        kind="leak", severity="error", message="Rows <leak>.", evidence={"rows_shared": 12.0},
        examples=tuple(f"row {k}" for k in range(12)),
    )  # fmt: skip
    page = html_report(dataclasses.replace(run, findings=(finding,)), data, environment=environment)
    for expected in ("Rows &lt;leak&gt;.", "rows shared 12", "and 4 more", "finding error"):
        assert expected in page


def test_a_name_cannot_turn_the_page_around_it(environment):
    names = ["\u202eevil", "\x1b[31mred", "right\u2066 isolated", *"abcdefg"]
    run, data = digits_run(classes=names)
    text = "".join(Page(html_report(run, data, environment=environment)).text)
    assert not set("\u202e\x1b\u2066") & set(text)
    assert "\\u202eevil" in text
    assert "\\x1b[31mred" in text
