"""The lists of the status page as files for programs and spreadsheets: the same rows, as JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from io import StringIO

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from antiphon.desk.desk import Desk
from antiphon.ports import Transaction
from antiphon.web.advice import advice_on
from antiphon.web.complaints import complaints
from antiphon.web.frame import POLICY
from antiphon.web.views import cases, needs

Rows = Sequence[Mapping[str, object]]


def _needs(tx: Transaction, desk: Desk) -> Rows:
    """What needs a person, as the page says it: kinds have fields of their own, but each has a sentence."""
    rows = []
    for need in needs(tx, desk.clock.now()):
        advice = advice_on(need)
        said = {"kind": advice.kind, "since": need.get("since"), "sentence": advice.sentence}
        rows.append({**said, "commands": "\n".join(advice.commands)})
    return rows


SHEETS: Mapping[str, Callable[[Transaction, Desk], Rows]] = {
    "cases": cases,
    "complaints": lambda tx, _: complaints(tx),
    "needs": _needs,
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run at the beginning of a cell: it gets an apostrophe before it."""


def sheets(desk: Desk) -> list[Route]:
    """Each list at its name, with `.json` and `.csv`."""

    def route(name: str, ending: str) -> Route:
        async def answer(_: Request) -> Response:
            rows = await desk.store.read(lambda tx: SHEETS[name](tx, desk))
            text = json.dumps(rows, indent=1) if ending == "json" else as_csv(rows)
            kind = "application/json" if ending == "json" else "text/csv; charset=utf-8; header=present"
            return Response(text, headers=POLICY, media_type=kind)

        return Route(f"/{name}.{ending}", answer)

    return [route(name, ending) for name in SHEETS for ending in ("json", "csv")]


def links(name: str) -> str:
    """What stands beside a table."""
    return f"<p class='soft'>The same as <a href='{name}.csv'>CSV</a> or <a href='{name}.json'>JSON</a></p>"


def as_csv(rows: Rows) -> str:
    """Rows under their field names; nothing in a cell is run by a spreadsheet."""
    out = StringIO()
    if rows:
        writer = csv.writer(out)
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
