"""Commands about whoever carried a mail: contacts, and complaints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from antiphon.cli.cases import case_named
from antiphon.cli.frame import as_json, call, main, show, tell
from antiphon.cli.table import cell, paragraph, table


@main.group()
def contact() -> None:
    """Contacts for complaints: who answers for an address or a domain, and who is not to be written to.

    \b
      antiphon contact lookup 192.0.2.1
      antiphon contact list
    """


@contact.command()
@click.argument("subject", metavar="IP|DOMAIN")
@as_json
@click.pass_obj
def lookup(home: Path, subject: str, as_json: bool) -> None:
    """Whom a complaint about IP|DOMAIN could reach, who says so, and why not.

    Asks the registries (RDAP) and the directories of Abusix and abuse.net, never the address itself. A contact that
    only one source ties to the holder is shown and gets nothing.

    \b
      antiphon contact lookup 192.0.2.1
    """
    found: dict[str, Any] = call(home, "contact-lookup", subject=subject)
    if as_json:
        show(found, True)
        return
    click.echo(f"{found['subject']}: {cell(found['holder']) if found['holder'] else 'holder unknown'}")
    rows = [
        {
            "contact": c["address"],
            "scope": c["scope"],
            "named by": c["sources"],
            "tied by": c["tied_by"],
            "speaks against it": c["rules"],
        }
        for c in found["candidates"]
    ]
    if rows:
        click.echo(table(rows, {name: name for name in rows[0]}))
    told = found["contact"] or "nobody: no contact has two sources that tie it to the holder"
    click.echo(paragraph(f"A complaint would go to {told}.", indent="  ", first=""))


@contact.command("list")
@as_json
@click.pass_obj
def list_(home: Path, as_json: bool) -> None:
    """Everybody who got a complaint, or gets none: those that asked for no more and those that are dead come first.

    \b
      antiphon contact list
    """
    show(call(home, "contacts"), as_json)


@contact.command()
@click.argument("address", metavar="ADDRESS|DOMAIN")
@click.option("--why", required=True, help="For whoever comes later.")
@as_json
@click.pass_obj
def bar(home: Path, address: str, why: str, *, as_json: bool) -> None:
    """Send no complaint to ADDRESS, or to any address at or below DOMAIN, any more.

    \b
      antiphon contact bar abuse@host.example --why "they called"
    """
    found = call(home, "contact-bar", contact=address, why=why)
    tell(found, f"{found['contact']} gets no complaint any more", as_json)


@contact.command()
@click.argument("address", metavar="ADDRESS|DOMAIN")
@click.option("--why", required=True, help="For whoever comes later.")
@as_json
@click.pass_obj
def allow(home: Path, address: str, why: str, *, as_json: bool) -> None:
    """Let complaints go to ADDRESS or DOMAIN again, which was barred, declined, or dead.

    \b
      antiphon contact allow abuse@host.example --why "the mailbox is back"
    """
    found = call(home, "contact-allow", contact=address, why=why)
    tell(found, f"{found['contact']} may get complaints again", as_json)


@main.command()
@click.argument("case_id", metavar="CASE")
@click.option("--dry-run", is_flag=True, help="Show it; nothing leaves.")
@as_json
@click.pass_obj
def complain(home: Path, case_id: str, dry_run: bool, as_json: bool) -> None:
    """The complaint that a case brings about: shown with --dry-run, else sent, if it is lawful now.

    The host of the address that handed the mail over is told, after the originator had its time. A node that is armed
    for its community does this by itself; the command only does not wait for its turn, and breaks no rule. With
    --dry-run the mail goes to standard output, and its reader and what speaks against it to standard error.

    CASE is the beginning of what `cases` shows, or the originator's name.

    \b
      antiphon complain shop.example --dry-run > complaint.eml
      antiphon complain shop.example
    """
    case = case_named(home, case_id)
    if not dry_run:
        sent = call(home, "complain", case=case)
        tell(sent, f"Told {sent['contact']} of {sent['incidents']} mails, by entry {sent['complaint']}.", as_json)
        return
    found: dict[str, Any] = call(home, "complaint-draft", case=case)
    if as_json:
        show(found, True)
        return
    told = found["contact"] or "nobody"
    click.echo(f"{found['incidents']} mails of {found['originator']} ({found['state']}), to {told}", err=True)
    for reason in found["why_not"]:
        click.echo(paragraph(f"not now: {reason}", indent="  ", first=""), err=True)
    click.echo(found["message"], nl=False)


@main.command()
@as_json
@click.pass_obj
def complaints(home: Path, as_json: bool) -> None:
    """Every complaint that left, the newest first: to whom, about whom, for how many mails, and what became of it.

    \b
      antiphon complaints
      antiphon complaints --json | jq '.[] | select(.answers > 0)'
    """
    found = call(home, "complaints")
    columns = ("complaint", "at", "contact", "originator", "incidents", "outcome", "answers")
    show(found if as_json or found else "No complaint has left.", as_json, columns)


@main.command()
@click.argument("number", metavar="ID", type=int)
@as_json
@click.pass_obj
def complaint(home: Path, number: int, as_json: bool) -> None:
    """One complaint: its exact bytes, what became of it, and every answer to it. ID is its entry in the ledger.

    \b
      antiphon complaint 1313
      antiphon complaint 1313 --json | jq -r .message > complaint.eml
    """
    show(call(home, "complaint", complaint=number), as_json)
