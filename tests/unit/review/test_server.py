"""The real server over HTTP: what it shows, what it writes down, and whom it refuses."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import socket

from PIL import Image

from upfit.cli import main
from upfit.store.corrections_file import read_corrections


def test_rows_come_in_order_and_by_filter(page):
    about = page.json("api/about")
    assert about["classes"] == [str(digit) for digit in range(10)]
    assert about["counts"][""]["total"] == 37
    assert page.json("api/rows")["rows"][:4] == [0, 1, 2, 3]
    assert page.json("api/rows?kind=duplicate")["rows"] == [3]
    assert page.json("api/rows?label=0")["rows"] == list(range(8))
    page.json("api/decide", {"row": 2, "do": "drop"})
    page.json("api/decide", {"row": 3, "do": "keep"})
    assert {2, 3} <= set(page.json("api/rows?state=done")["rows"])
    assert page.json("api/rows?state=drop")["rows"] == [2]
    assert 2 not in page.json("api/rows?state=open")["rows"]


def test_an_item_says_why_it_is_there(page):
    first, third = page.json("api/items?rows=0,3,99999")["items"]
    assert first["label"] == "0"
    assert first["images"] == [0]
    assert first["reasons"] == [{"kind": "label", "note": "planted label", "to": "5", "like": []}]
    assert [one["kind"] for one in third["reasons"]] == ["label", "duplicate"]
    assert third["reasons"][1]["like"] == [4]


def test_a_picture_is_small_and_real(page):
    status, headers, body = page.ask("picture/0/0/small")
    assert status == 200
    with Image.open(io.BytesIO(body)) as image:
        assert image.size == (8, 8)
    assert headers["x-content-type-options"] == "nosniff"
    assert page.ask("picture/99999/0/small")[0] == 404
    assert page.ask("picture/0/7/small")[0] == 404
    assert page.ask("picture/0/0/huge")[0] == 422


def test_decisions_survive_kill_9_and_undo_goes_back_beyond_it(serve, digits):
    page = serve(digits)
    relabelled = page.json("api/decide", {"row": 0, "do": "relabel", "to": "5"})
    assert relabelled["decision"]["to"] == "5"
    assert page.lines[-1]["to"] == "5"
    page.kill()
    page.start()
    [item] = page.json("api/items?rows=0")["items"]
    assert item["decision"]["do"] == "relabel"
    assert page.json("api/about")["decided"] == {"keep": 0, "relabel": 1, "drop": 0}
    assert page.json("api/undo", {})["row"] == 0
    assert page.json("api/undo", {})["row"] is None
    assert [one["do"] for one in page.lines] == ["relabel", "undo"]
    assert read_corrections(page.folder / "corrections.jsonl").plan().actions == ()


def test_what_cannot_be_decided_is_refused_and_not_written(page):
    before = page.lines
    for wrong, words in (
        ({"row": 0, "do": "relabel", "to": "fife"}, "there is no class"),
        ({"row": 0, "do": "relabel"}, "there is no class"),
        ({"row": 99999, "do": "drop"}, "not open to corrections"),
        ({"row": -1, "do": "drop"}, "not open to corrections"),
    ):
        status, _, body = page.ask("api/decide", wrong)
        assert status == 400
        assert words in json.loads(body)["error"]
    for strange in ({"row": 0, "do": "erase"}, {"row": 1e400, "do": "drop"}, {"row": True, "do": "drop"}):
        status, _, body = page.ask("api/decide", strange)
        assert status == 422
        assert "body." in json.loads(body)["error"]
    assert page.lines == before


def test_strangers_are_refused(page):
    before = page.lines
    decision = {"row": 0, "do": "drop"}
    port = page.host.split(":")[1]
    for refused in (
        {"token": "guess"},
        {"token": ""},
        {"Host": f"evil.example:{port}"},
        {"Host": "evil.example"},
        {"Host": f"127.0.0.1.evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://{page.host}"},
        {"Origin": f"http://127.0.0.1:{int(port) + 1}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        for path, content in (("", None), ("api/about", None), ("api/decide", decision)):
            assert page.ask(path, content, **refused)[0] == 403, refused
    assert page.lines == before
    assert page.ask("api/decide", decision, Origin=f"http://{page.host}")[0] == 200
    assert page.ask("", Host=f"localhost:{port}")[0] == 200


def test_no_path_leads_out(page, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    for path in (
        "page/../../../../etc/passwd",
        "page/..%2f..%2fapp.py",
        "page/%2e%2e/app.py",
        "page//etc/passwd",
        "page/app.py",
        "page/",
        "picture/..%2f..%2fsecret.txt/0/small",
        "../api/about",
        "docs",
        "openapi.json",
    ):
        status, _, body = page.ask(path)
        assert status in (403, 404, 422), path
        assert b"root:" not in body
        assert b"secret" not in body


def test_pictures_outside_of_the_data_folder_are_refused(serve, digits, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    shutil.copytree(digits, inside)
    shutil.copytree(digits, outside)
    linked = inside / "0" / "0000.png"
    linked.unlink()
    linked.symlink_to(outside / "0" / "0000.png")
    page = serve(inside)
    names = {one["name"]: one["row"] for one in page.json("api/items?rows=0,1")["items"]}
    status, _, body = page.ask(f"picture/{names['0/0000.png']}/0/small")
    assert status == 403
    assert b"outside of the data folder" in body
    assert page.ask(f"picture/{names['0/0010.png']}/0/small")[0] == 200


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(page):
    status, headers, body = page.ask("")
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert b"style=" not in body
    assert not re.search(rb"\son\w+=", body)
    for name in ("main.js", "app.css", "grid.js"):
        status, headers, source = page.ask(f"page/{name}")
        assert status == 200
        assert b"http://" not in source.replace(b"http://www.w3.org", b"")
        assert b"https://" not in source
        assert b"innerHTML" not in source


def test_the_users_files_stay_as_they_are_and_ctrl_c_ends_in_good_order(serve, digits, tmp_path):
    copy = tmp_path / "mine"
    shutil.copytree(digits, copy)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.rglob("*.png")}
    page = serve(copy)
    page.json("api/decide", {"row": 0, "do": "drop"})
    page.json("api/decide", {"row": 1, "do": "relabel", "to": "9"})
    page.ask("picture/0/0/small")
    page.process.send_signal(signal.SIGINT)
    assert page.process.wait(timeout=60) == 0
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.rglob("*.png")} == before
    assert [one["row"] for one in page.lines] == [0, 1]


def test_a_socket_is_refused_not_failed_at(page):
    more = {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Version": "13"}
    assert page.ask("api/about", Connection="Upgrade", Upgrade="websocket", **more)[0] == 403


def test_a_port_in_use_is_told_before_anything_is_looked_for(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["review", str(digits), "--port", str(port), "--no-open"]) == 2
    assert f"port {port} cannot be used" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
