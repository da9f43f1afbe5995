"""The inner room over HTTP, with what a person has: a browser without script, and openssl."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from antiphon.ledger.entry import Handed, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.optout.case import Case
from antiphon.optout.rows import FIELDS, HandedRow, RowStatus
from antiphon.terms import DAY
from antiphon.web.pages import Pages
from antiphon.web.rows import MOST_FORM, MOST_JSON
from tests.unit.desk.household import MEMBER, Household
from tests.unit.formats.dkim_vectors import SIGNER
from tests.unit.web.visitor import Seen, Visitor

BEN = "ben@home.example"
FORM = {"content-type": "application/x-www-form-urlencoded"}
PROGRAM = {"accept": "application/json", **FORM}


@pytest.fixture
async def house() -> Household:
    """Reported mail of one originator, out of its hold."""
    house = await Household().open()
    await house.knows("shop.example")
    for address in (MEMBER, BEN):
        await house.enrol(address)
        await house.delivered(house.mail(to=address), address)
    await house.wait(4 * DAY)
    return house


@pytest.fixture
def browser(house: Household) -> Visitor:
    """The originator's."""
    return Visitor(Pages(house.desk, {}).application())


async def place(house: Household) -> str:
    (case,) = await house.all(Case)
    return f"/desk/{case.reply_token}"


def signed_by_openssl(command: str, folder: Path) -> str:
    """What the line on the page prints, run as it stands."""
    (folder / "dkim.pem").write_bytes(
        SIGNER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # as opendkim-genkey writes it
    )
    done = subprocess.run(["/bin/sh", "-c", command], cwd=folder, capture_output=True, check=True, text=True)
    return done.stdout


async def proved(house: Household, browser: Visitor, folder: Path) -> str:
    """The way into the room, as the pages lead."""
    where = await place(house)
    asked = (await browser.ask("POST", f"{where}/prove", b"", FORM)).text
    command = re.findall(r"<pre[^>]*>(?:<code>)?(.*?)(?:</code>)?</pre>", asked, re.DOTALL)[0].replace("&#x27;", "'")
    nonce = re.search(r"name=nonce value=([0-9a-f]+)", asked)
    assert nonce is not None
    signature = signed_by_openssl(command, folder)
    body = f"nonce={nonce[1]}&signature={signature.replace('+', '%2B').replace('=', '%3D')}".encode()
    shown = await browser.ask("POST", f"{where}/proved", body, FORM)
    link = re.search(r"href='(rows/[0-9a-f]{64})'", shown.text)
    assert shown.status == 200 and link is not None
    return f"{where}/{link[1]}"


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs Debian's openssl")


@needs_openssl
async def test_a_person_gets_rows_with_openssl_and_a_browser(
    house: Household, browser: Visitor, tmp_path: Path
) -> None:
    """From the notice's page to the rows; what was fetched stands in the ledger; the three forms say the same."""
    assert "Show that I hold the key" in (await browser.get(await place(house))).text
    room = await proved(house, browser, tmp_path)
    assert "Nothing was handed" in (await browser.get(room)).text
    assert not await house.all(HandedRow)
    table = await browser.ask("POST", room, b"as=csv", FORM)
    assert table.headers["content-type"].startswith("text/csv") and "rows.csv" in table.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert tuple(rows[0]) == FIELDS and len(rows) == 2
    found = json.loads((await browser.ask("POST", room, b"as=json", FORM)).text)
    assert [str(row["row"]) for row in found["rows"]] == [row["row"] for row in rows]
    assert found["sha256"] == sha256(table.content).hexdigest()
    (stored,) = [e for e in await house.all(StoredEntry) if e.index == found["entry"]]
    entry = parse_entry(stored.body)
    assert isinstance(entry, Handed) and entry.rows.hex() == found["sha256"]
    page = (await browser.ask("POST", room, b"as=page", FORM)).text
    assert all(row["token"] in page for row in rows) and "@home.example" not in page + table.text


@needs_openssl
async def test_the_originator_says_what_became_of_rows(house: Household, browser: Visitor, tmp_path: Path) -> None:
    """One by a form, many by a program; what is no row of its own, and what is no answer, changes nothing."""
    room = await proved(house, browser, tmp_path)
    found = json.loads((await browser.ask("POST", room, b"as=json", FORM)).text)
    one, two = (row["row"] for row in found["rows"])
    body = f"row={one}&status=removed".encode()
    assert (await browser.ask("POST", f"{room}/answers", body, FORM)).status == 200
    many = json.dumps([{"row": two, "status": "opted-in", "text": "3 May"}, {"row": 1, "status": "removed"}]).encode()
    heard = await browser.ask("POST", f"{room}/answers", many, {"content-type": "application/json"})
    assert json.loads(heard.text) == {"heard": 1}
    kept = {row.number: row.status for row in await house.all(HandedRow)}
    assert kept == {one: RowStatus.REMOVED, two: RowStatus.OPTED_IN}
    for wrong in (b"row=x&status=removed", b"row=1&status=gone", b"", f"row={one}&status=opted-in".encode()):
        assert (await browser.ask("POST", f"{room}/answers", wrong, FORM)).status == 400
    for wrong in (b"{}", b"[", b'[{"row":1,"status":"gone"}]', b" " * (MOST_JSON + 1)):
        answer = await browser.ask("POST", f"{room}/answers", wrong, {"content-type": "application/json"})
        assert answer.status == 400
    assert {row.number: row.status for row in await house.all(HandedRow)} == kept


async def test_whoever_proves_nothing_gets_one_answer(house: Household, browser: Visitor) -> None:
    """A bad signature, a bad nonce, no base64, too much, nothing at all: the same bytes."""
    where = await place(house)
    asked = json.loads((await browser.ask("POST", f"{where}/prove", b"", PROGRAM)).text)
    wrong = base64.b64encode(b"x" * 256).decode().replace("=", "%3D")
    bodies = [
        f"nonce={asked['nonce']}&signature={wrong}".encode(),
        f"nonce={'0' * 32}&signature={wrong}".encode(),
        f"nonce={asked['nonce']}&signature=%FF".encode(),
        b"x" * (MOST_FORM + 1),
        b"",
    ]
    answers = [await browser.ask("POST", f"{where}/proved", body, FORM) for body in bodies]
    assert {(a.status, a.content) for a in answers} == {(403, answers[0].content)}
    programs = [await browser.ask("POST", f"{where}/proved", body, PROGRAM) for body in bodies]
    assert {(a.status, a.content) for a in programs} == {(403, programs[0].content)}


async def test_no_room_without_its_link(house: Household, browser: Visitor) -> None:
    """Every other link gets the same answer, and a wrong notice's link the one that all get."""
    where = await place(house)

    async def look(path: str) -> list[Seen]:
        return [
            await browser.ask(m, f"{path}{end}", b"", FORM)
            for m, end in (("GET", ""), ("POST", ""), ("POST", "/answers"))
        ]

    inside = [a for secret in ("0" * 64, "zz", "x" * 200) for a in await look(f"{where}/rows/{secret}")]
    assert {(a.status, a.content) for a in inside} == {(404, inside[0].content)}
    outside = [*await look("/desk/none/rows/" + "0" * 64), await browser.ask("POST", "/desk/none/prove", b"", FORM)]
    assert {(a.status, a.content) for a in outside} == {(404, (await browser.get("/desk/none")).content)}


@needs_openssl
async def test_a_node_whose_anchor_is_ahead_hands_nothing_over(
    house: Household, browser: Visitor, tmp_path: Path
) -> None:
    """Not an error of the program: a person has to look first."""
    room = await proved(house, browser, tmp_path)
    house.desk.log.agrees = False
    answer = await browser.ask("POST", room, b"as=csv", FORM)
    assert answer.status == 503 and not await house.all(HandedRow)


@needs_openssl
async def test_a_case_that_is_over_says_so(house: Household, browser: Visitor, tmp_path: Path) -> None:
    """Nobody is handed over after `stop`."""
    room = await proved(house, browser, tmp_path)
    await browser.post(await place(house), "stop")
    assert (await browser.ask("POST", room, b"as=csv", FORM)).status == 409
    assert not await house.all(HandedRow)


@needs_openssl
async def test_the_room_shows_the_whole_exchange(house: Household, browser: Visitor, tmp_path: Path) -> None:
    """What was said before and after, in order, also once the case is over; the notice's own page shows none of it."""
    await browser.post(await place(house), "done")
    room = await proved(house, browser, tmp_path)
    await browser.ask("POST", room, b"as=csv", FORM)
    await browser.post(await place(house), "stop")
    shown = (await browser.get(room)).text
    words = ["done", "proved its key", "fetched 2 rows", "asked us to send no more"]
    assert re.findall("|".join(words), shown) == words
    assert "fetched 2 rows" not in (await browser.get(await place(house))).text


@needs_openssl
async def test_whoever_has_the_file_already_is_told_so_and_nothing_is_entered(
    house: Household, browser: Visitor, tmp_path: Path
) -> None:
    """To ask every hour costs nothing and tells nothing; when the file changes, it comes whole again."""
    room = await proved(house, browser, tmp_path)
    first = await browser.ask("POST", room, b"as=csv", FORM)
    kept = {**FORM, "if-none-match": first.headers["etag"]}
    entries = len(await house.all(StoredEntry))
    again = await browser.ask("POST", room, b"as=json", kept)
    assert (again.status, again.content, again.headers["etag"]) == (412, b"", first.headers["etag"])
    assert len(await house.all(StoredEntry)) == entries
    await house.delivered(house.mail(to=BEN), BEN)
    assert (await browser.ask("POST", room, b"as=csv", kept)).status == 412, "the day tells no hour"
    await house.wait(4 * DAY)
    later = await browser.ask("POST", room, b"as=csv", kept)
    assert later.status == 200 and later.headers["etag"] != first.headers["etag"]
    other = await browser.ask("POST", room, b"as=csv", {**FORM, "if-none-match": 'W/"0"'})
    assert other.status == 200 and other.content == later.content


@needs_openssl
async def test_a_test_notice_is_taken_and_never_sent(house: Household, browser: Visitor, tmp_path: Path) -> None:
    """Only in the room; nothing leaves for it, and nothing is entered."""
    assert (await browser.get(f"{await place(house)}/rows/{'0' * 64}/test.eml")).status == 404
    room = await proved(house, browser, tmp_path)
    entries = len(await house.all(StoredEntry))
    taken = await browser.get(f"{room}/test.eml")
    assert taken.headers["content-type"] == "message/rfc822" and b"[TEST]" in taken.content
    assert len(await house.all(StoredEntry)) == entries
    await house.wait(DAY)
    assert house.out.mails == []


@needs_openssl
async def test_the_room_says_how_to_check_what_reached_the_originator(
    house: Household, browser: Visitor, tmp_path: Path
) -> None:
    """One line with the key of this log, and who unlocks the openings."""
    shown = (await browser.get(await proved(house, browser, tmp_path))).text
    assert re.search(r"antiphon audit https://node\.example/ledger/ --vkey &#x27;antiphon/test\+", shown)
    assert "--openings" in shown and "two people" in shown
