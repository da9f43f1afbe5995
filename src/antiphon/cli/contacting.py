"""Commands about whoever carried a mail: contacts, and complaints as they would leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, call, main, show
from antiphon.cli.table import cell, paragraph, table


@main.group()
def contact() -> None:
    """Contacts for complaints: who answers for an address or a domain.

    \b
      antiphon contact lookup 192.0.2.1
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
        {"contact": c["address"], "named by": c["sources"], "tied by": c["tied_by"], "speaks against it": c["rules"]}
        for c in found["candidates"]
    ]
    if rows:
        click.echo(table(rows, {name: name for name in rows[0]}))
    told = found["contact"] or "nobody: no contact has two sources that tie it to the holder"
    click.echo(paragraph(f"A complaint would go to {told}.", indent="  ", first=""))


@main.command()
@click.argument("case_id")
@click.option("--dry-run", is_flag=True, required=True, help="Show it; nothing leaves. The only form there is yet.")
@as_json
@click.pass_obj
def complain(home: Path, case_id: str, dry_run: bool, as_json: bool) -> None:
    """The complaint that a case would bring about: its exact bytes, its reader, and what speaks against it.

    The host of the address that handed the mail over is told, after the originator had its time. The mail goes to
    standard output, all else to standard error. Complaints are not sent yet.

    \b
      antiphon complain CASE --dry-run > complaint.eml
    """
    found: dict[str, Any] = call(home, "complaint-draft", case=case_id)
    if as_json:
        show(found, True)
        return
    told = found["contact"] or "nobody"
    click.echo(f"{found['incidents']} mails of {found['originator']} ({found['state']}), to {told}", err=True)
    for reason in found["why_not"]:
        click.echo(paragraph(f"not now: {reason}", indent="  ", first=""), err=True)
    click.echo(found["message"], nl=False)
