"""The commands about complaints, on a running node: what they show, and that a dry run shows the very bytes."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

from click.testing import CliRunner, Result

from antiphon.backends.shelf import FolderShelf
from antiphon.cli import main
from antiphon.formats.arf import parse_feedback
from antiphon.formats.message import parse_message
from antiphon.terms import DAY
from antiphon.web.control import Control
from tests.unit.desk.household import Household
from tests.unit.desk.test_complain import PEER, with_mails
from tests.unit.desk.test_complain_sends import DESK, one_left
from tests.unit.desk.test_hear import answered


class Home:
    """A home whose node is this process; commands run beside it, as a person types them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def run(self, *words: str) -> Result:
        """One command."""
        return await asyncio.to_thread(lambda: CliRunner().invoke(main, ["--home", str(self.path), *words]))


@asynccontextmanager
async def running(house: Household) -> AsyncIterator[Home]:
    """The node of this house, with its socket."""
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        server = await Control(house.desk, asyncio.Event(), FolderShelf).listen(Path(folder) / "control.sock")
        try:
            yield Home(Path(folder))
        finally:
            server.close()


async def test_a_dry_run_prints_the_mail_and_nothing_else() -> None:
    """Standard output is the signed report, to the byte; who would get it stands beside it; nothing leaves."""
    house = await with_mails()
    async with running(house) as home:
        said = await home.run("complain", "shop.example", "--dry-run")
        again = json.loads((await home.run("complain", "shop.example", "--dry-run", "--json")).stdout)
    assert said.exit_code == 0, said.output
    mail = said.stdout_bytes
    report = parse_feedback(parse_message(mail))
    assert mail.startswith(b"DKIM-Signature:") and report.one("source-ip") == PEER and mail.endswith(b"--\r\n")
    assert "to abuse@net.example" in said.stderr and again["contact"] == "abuse@net.example"
    assert len(again["message"]) == len(mail) and house.out.mails == []


async def test_a_dry_run_says_what_speaks_against_it() -> None:
    """No contact with two sources: no mail, and the reason."""
    house = await with_mails()
    house.names.rows.pop((PEER, "PTR"))
    async with running(house) as home:
        said = await home.run("complain", "shop.example", "--dry-run")
    assert said.exit_code == 0 and said.stdout == "" and "not now: No contact" in said.stderr


async def test_what_left_and_what_came_back_are_listed_and_shown() -> None:
    """`complaints`, `complaint ID`: the exact bytes, the outcome, the ticket number that somebody wrote."""
    house = await one_left()
    await answered(house, "Thank you. Your ticket is 1001.")
    async with running(house) as home:
        (line,) = json.loads((await home.run("complaints", "--json")).stdout)
        one = json.loads((await home.run("complaint", str(line["complaint"]), "--json")).stdout)
        none = await home.run("complaint", "999999")
        table = await home.run("complaints")
    assert (line["contact"], line["outcome"], line["answers"]) == (DESK, "accepted", 1)
    assert one["message"].encode() == house.out.letters[0].message and "1001" in one["heard"][0]["text"]
    assert DESK[:9] in table.output and none.exit_code != 0


async def test_a_contact_is_looked_up_with_every_reason() -> None:
    """`contact lookup IP` and `contact lookup DOMAIN`: whom a complaint would reach, who says so, and why not."""
    house = await with_mails()
    house.names.registrars["shop.example"] = (("abuse@registrar.example",), ())
    async with running(house) as home:
        address = json.loads((await home.run("contact", "lookup", PEER, "--json")).stdout)
        domain = json.loads((await home.run("contact", "lookup", "www.shop.example", "--json")).stdout)
        shown = await home.run("contact", "lookup", PEER)
        wrong = await home.run("contact", "lookup", "10.0.0.1")
    assert (address["contact"], address["scope"]) == ("abuse@net.example", "network")
    assert address["candidates"][0]["tied_by"] == ["name", "rdap"]
    assert (domain["scope"], domain["subject"]) == ("registrar", "shop.example")
    assert [c["address"] for c in domain["candidates"]] == ["abuse@registrar.example", "abuse@shop.example"]
    assert [c["scope"] for c in domain["candidates"]] == ["registrar", "domain operator"]
    assert "A complaint would go to abuse@net.example" in shown.output
    assert wrong.exit_code == 65 and "no public address" in wrong.output + wrong.stderr


async def test_a_person_bars_a_contact_on_the_command_line() -> None:
    """And lets it go again; the list says which."""
    house = await one_left()
    async with running(house) as home:
        await home.run("contact", "bar", DESK, "--why", "they called")
        barred = json.loads((await home.run("contact", "list", "--json")).stdout)
        await home.run("contact", "allow", DESK, "--why", "they called again")
        allowed = json.loads((await home.run("contact", "list", "--json")).stdout)
    assert [(c["contact"], c["state"]) for c in (*barred, *allowed)] == [(DESK, "declined"), (DESK, "open")]
    await house.wait(DAY)


async def test_a_person_notes_what_they_found_and_takes_it_back() -> None:
    """Signed with a key outside the home; shown with who and why; told to nobody by itself."""
    house = await one_left()
    await house.operator("ada", first=True)
    async with running(house) as home:
        key = home.path / "ada.key"
        key.write_text(sha256(b"ada").hexdigest())
        signed = ("--key", str(key))
        said = await home.run("originator", "shop.example", "found", "phishing", "--why", "imitates a bank", *signed)
        shown = json.loads((await home.run("originator", "shop.example", "--json")).stdout)
        split = await home.run("originator", "shop.example", "found", "malware", "--why", f"hit {DESK}", *signed)
        back = await home.run("originator", "shop.example", "found", "harmless", "--why", "it was the bank", *signed)
        after = json.loads((await home.run("originator", "shop.example", "--json")).stdout)
    assert said.output == "shop.example is noted for phishing.\n" and back.exit_code == 0
    assert (shown["found"], shown["found_by"], shown["found_why"]) == ("phishing", "ada", "imitates a bank")
    assert split.exit_code == 77 and "without mail addresses" in split.output + split.stderr
    assert after["found"] == "" and house.out.mails == [DESK]
