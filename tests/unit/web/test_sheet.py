"""Each table of the status page as JSON and CSV: the same rows, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
import re
from html import escape
from io import StringIO

from starlette.routing import Route

from antiphon.optout.destination import HostPair, PairState
from antiphon.terms import Identifier, Instant
from antiphon.web.pages import Pages
from antiphon.web.sheet import as_csv
from tests.unit.desk.household import Household
from tests.unit.web.visitor import Visitor

CASE = Identifier(bytes(16))


async def test_each_table_has_both_beside_it_with_the_same_rows() -> None:
    """Whatever the page links to is there."""
    home = await Household().open()
    await home.delivered(home.mail())
    visitor = Visitor(Pages(home.desk, {}).application())
    found = re.findall(r"href='(\w+\.(?:csv|json))'", (await visitor.get("/")).text)
    assert found == ["needs.csv", "needs.json", "cases.csv", "cases.json"]
    for name in ("cases", "complaints"):
        sheet, data = await visitor.get(f"/{name}.csv"), await visitor.get(f"/{name}.json")
        assert sheet.status == data.status == 200 and sheet.headers["cache-control"] == "no-store"
        assert len(list(csv.DictReader(StringIO(sheet.text)))) == len(json.loads(data.text)) == (name == "cases")
    assert json.loads((await visitor.get("/cases.json")).text)[0]["originator"] == "shop.example"


async def test_what_waits_for_a_person_is_there_as_the_page_says_it() -> None:
    """Kind, since when, the sentence, and what to type; and where nothing waits, nothing."""
    home = await Household().open()
    visitor = Visitor(Pages(home.desk, {}).application())
    assert json.loads((await visitor.get("/needs.json")).text) == []
    held = HostPair("u.shop.example", "mail.shop.example", "p", PairState.HELD, CASE, "", "", Instant(0))
    await home.store.write(lambda tx: tx.add(held))
    await home.delivered(home.mail())
    page = (await visitor.get("/")).text
    rows = json.loads((await visitor.get("/needs.json")).text)
    assert [row["kind"] for row in rows] == ["vouching", "host"] and rows[0]["since"] and rows[1]["since"] is None
    for row in rows:
        assert escape(row["sentence"]) in page and row["commands"].startswith("antiphon ")
    assert "href='needs.csv'" in page
    assert len(list(csv.DictReader(StringIO((await visitor.get("/needs.csv")).text)))) == len(rows)


async def test_the_operators_pages_show_and_do_nothing() -> None:
    """What acts is the command line, whose every command has JSON; below /desk are the pages of whoever was asked."""
    home = await Household().open()
    application = Pages(home.desk, {}).application()
    ours = [route for route in application.routes if isinstance(route, Route) and not route.path.startswith("/desk")]
    assert len(ours) > 8 and all(route.methods == {"GET", "HEAD"} for route in ours)
    page = (await Visitor(application).get("/")).text
    assert not re.search(r"<(form|button|input|script)", page)
    assert (await Visitor(application).ask("POST", "/")).status == 405


def test_a_cell_is_never_a_formula() -> None:
    """What came from outside may begin like one."""
    rows = list(csv.reader(StringIO(as_csv([{"a": "=1+1", "b": "@x", "c": None, "d": 'x,"y"'}]))))
    assert rows == [["a", "b", "c", "d"], ["'=1+1", "'@x", "", 'x,"y"']]
