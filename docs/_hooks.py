"""Fills `<!-- recipe -->`, `<!-- bench -->` and `<!-- techniques -->` in a page when the site is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from upfit import Recipe
from upfit.report.cards import catalogue_markdown
from upfit.techniques.catalogue import CARDS
from upfit.values import Value

RESULTS = Path(__file__).parents[1] / "bench" / "results"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page."""
    if "<!-- recipe -->" in markdown:
        markdown = markdown.replace("<!-- recipe -->", recipe_reference())
    if "<!-- bench -->" in markdown:
        markdown = markdown.replace("<!-- bench -->", bench_results())
    if "<!-- techniques -->" in markdown:
        markdown = markdown.replace("<!-- techniques -->", catalogue_markdown(CARDS))
    return markdown


def recipe_reference() -> str:
    """A table of fields for the recipe and each record inside it."""
    sections = [_section("", Recipe)]
    for name, field in Recipe.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Value):
            sections.append(_section(name, field.annotation))
    return "\n\n".join(sections)


def bench_results() -> str:
    """Every Markdown file of results, one after the other."""
    files = sorted(RESULTS.glob("*.md")) if RESULTS.is_dir() else []
    if not files:
        return "No results have been recorded yet."
    return "\n\n".join(file.read_text(encoding="utf-8").strip() for file in files)


def _section(name: str, record: type[BaseModel]) -> str:
    prefix = f"{name}." if name else ""
    about = (record.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    head = f"### `{name}`\n\n{about}\n\n" if name else ""
    rows = [_row(prefix + field, record, field) for field in record.model_fields]
    return head + "\n".join(["| field | values | default |", "|---|---|---|", *rows])


def _row(path: str, record: type[BaseModel], name: str) -> str:
    schema = record.model_json_schema()
    field = schema["properties"][name]
    default = record.model_fields[name].default
    if isinstance(default, Value):
        return f"| `{path}` | see [{path}](#{path}) | |"
    shown = ", ".join(one.name for one in default) if name == "techniques" else _plain(default)
    return f"| `{path}` | {_values(field, schema)} | `{shown}` |"


def _values(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a field accepts, in words."""
    if "$ref" in field:
        return _values(schema["$defs"][field["$ref"].rpartition("/")[2]], schema)
    if "anyOf" in field:
        return " or ".join(_values(one, schema) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = {"number": "number", "integer": "whole number", "string": "text", "boolean": "`true`, `false`"}
    words = {"array": "list", "null": "`null`", "object": "mapping"} | kind
    return words.get(field.get("type", ""), "any") + _limits(field)


def _limits(field: dict[str, Any]) -> str:
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    found = [f"{sign} {field[name]:.10g}" for name, sign in signs.items() if name in field]
    return f" {' and '.join(found)}" if found else ""


def _plain(value: Any) -> str:
    plain = {None: "null", True: "true", False: "false"}
    return plain.get(value, str(value)) if isinstance(value, bool | None) else str(value)
