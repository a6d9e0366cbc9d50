"""The page's application: what can be asked for, and what comes back."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from upfit.errors import DataError, UpfitError
from upfit.review.desk import Desk, State
from upfit.review.items import decision, items
from upfit.review.pictures import OutsideError, Pictures
from upfit.review.retrain import Retraining

PAGE = Path(__file__).parent / "page"
FILES = {
    path.name: path for path in sorted(PAGE.iterdir()) if path.suffix in (".html", ".css", ".js", ".svg")
}
"""Everything that is served from disk, by name: no request ever becomes a path."""
MOST_ITEMS = 200
_PRIVATE = {"cache-control": "no-store"}


class Decision(BaseModel):
    """What the page asks to be written down."""

    row: Annotated[int, Field(strict=True)]
    do: Literal["keep", "relabel", "drop"]
    to: str | float | list[str] | None = None


def application(desk: Desk, pictures: Pictures, retraining: Retraining) -> FastAPI:
    """The application over a desk; `Guard` stands before it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(UpfitError)
    def told(request: Request, error: UpfitError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=400, headers=_PRIVATE)

    @app.exception_handler(RequestValidationError)
    def strange(request: Request, error: RequestValidationError) -> JSONResponse:
        # What was sent is not sent back: 1e400 is no JSON any more.
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return JSONResponse({"error": said}, status_code=422, headers=_PRIVATE)

    @app.get("/")
    def page() -> Response:
        return _file("index.html")

    @app.get("/page/{name}")
    def file(name: str) -> Response:
        return _file(name)

    @app.get("/api/about")
    def about() -> JSONResponse:
        return _json(_about(desk))

    @app.get("/api/rows")
    def rows(kind: str = "", label: str = "", state: State = "all") -> JSONResponse:
        return _json({"rows": desk.rows(kind=kind, label=label, state=state)})

    @app.get("/api/items")
    def some(rows: Annotated[str, Query(max_length=4000)]) -> JSONResponse:
        asked = [int(one) for one in rows.split(",") if one.isdecimal()][:MOST_ITEMS]
        return _json({"items": items(desk, asked)})

    @app.get("/picture/{row}/{column}/{size}")
    def picture(row: int, column: int, size: Literal["small", "large"]) -> Response:
        try:
            content, kind = pictures.get(row, column, size)
        except OutsideError as error:
            raise HTTPException(403, error.message) from None
        except DataError as error:
            raise HTTPException(404, error.message) from None
        return Response(content, media_type=kind, headers={"cache-control": "private, max-age=3600"})

    @app.post("/api/decide")
    def decide(asked: Decision) -> JSONResponse:
        desk.decide(asked.row, asked.do, asked.to)
        return _json({"row": asked.row, "decision": decision(desk, asked.row), **_progress(desk)})

    @app.post("/api/undo")
    def undo() -> JSONResponse:
        row = desk.undo()
        stands = None if row is None else decision(desk, row)
        return _json({"row": row, "decision": stands, **_progress(desk)})

    @app.get("/api/retrain")
    def how_far() -> JSONResponse:
        return _json(retraining.state())

    @app.post("/api/retrain")
    def retrain() -> JSONResponse:
        retraining.start()
        return _json(retraining.state())

    @app.post("/api/retrain/stop")
    def stop() -> JSONResponse:
        retraining.stop()
        return _json(retraining.state())

    return app


def _about(desk: Desk) -> dict[str, Any]:
    schema = desk.data.schema
    return {
        "source": desk.data.source,
        "rows": len(desk.data),
        "task": schema.task,
        "modality": schema.modality,
        "classes": list(schema.classes),
        "target": list(schema.target),
        "relabels": desk.permitted.relabels,
        "by": desk.by,
        "file": str(desk.ledger.path),
        **_progress(desk),
    }


def _progress(desk: Desk) -> dict[str, Any]:
    return {"counts": desk.counts(), "decided": desk.decided()}


def _json(content: Any) -> JSONResponse:
    return JSONResponse(content, headers=_PRIVATE)


def _file(name: str) -> Response:
    path = FILES.get(name)
    if path is None:
        raise HTTPException(404, "there is no such file")
    kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(name)[0]
    return Response(path.read_bytes(), media_type=kind, headers={"cache-control": "no-cache"})
