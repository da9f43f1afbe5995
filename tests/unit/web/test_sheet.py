"""Each table of the status page as JSON and CSV: the same rows, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO

from antiphon.web.pages import Pages
from antiphon.web.sheet import as_csv
from tests.unit.desk.household import Household
from tests.unit.web.visitor import Visitor


async def test_each_table_has_both_beside_it_with_the_same_rows() -> None:
    """Whatever the page links to is there."""
    home = await Household().open()
    await home.delivered(home.mail())
    visitor = Visitor(Pages(home.desk, {}).application())
    found = re.findall(r"href='(\w+\.(?:csv|json))'", (await visitor.get("/")).text)
    assert found == ["cases.csv", "cases.json"]
    for name in ("cases", "complaints"):
        sheet, data = await visitor.get(f"/{name}.csv"), await visitor.get(f"/{name}.json")
        assert sheet.status == data.status == 200 and sheet.headers["cache-control"] == "no-store"
        assert len(list(csv.DictReader(StringIO(sheet.text)))) == len(json.loads(data.text)) == (name == "cases")
    assert json.loads((await visitor.get("/cases.json")).text)[0]["originator"] == "shop.example"


def test_a_cell_is_never_a_formula() -> None:
    """What came from outside may begin like one."""
    rows = list(csv.reader(StringIO(as_csv([{"a": "=1+1", "b": "@x", "c": None, "d": 'x,"y"'}]))))
    assert rows == [["a", "b", "c", "d"], ["'=1+1", "'@x", "", 'x,"y"']]
