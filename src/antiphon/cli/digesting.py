"""The week, for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import as_json, call, main, show
from antiphon.cli.table import cell, paragraph


@main.command()
@click.option("--days", default=7, show_default=True, help="Whole ledger days before today, at most 30.")
@as_json
@click.pass_obj
def digest(home: Path, days: int, as_json: bool) -> None:
    """What members reported in a week, who sent it, and what could be asked. Asks nobody, sends nothing.

    Today is not in it, so that it says the same all day. It names originators and mailings, and no member.

    \b
      antiphon digest
      antiphon digest | mail -s "Antiphon, the week" postmaster@mail.example
    """
    found = call(home, "digest", days=days)
    if as_json:
        show(found, True)
    else:
        click.echo("\n".join(_told(found)))


def _told(found: Mapping[str, Any]) -> list[str]:
    reports = ", ".join(f"{count:,} {state}" for state, count in found["reports"].items() if count)
    lines = [f"{found['since'][:10]} to {found['until'][:10]} (UTC, the last day not included)",
             f"reports: {reports or 'none'}; by {found['members']:,} members"]  # fmt: skip
    for title, rows, name in (("mailings", found["mailings"], "title"), ("senders", found["senders"], "originator")):
        lines += ["", f"{title}, by members' reports"] if rows else []
        for row in rows:
            counts = f"{row['reports']:,} reports, {row['members']:,} members, {row['filtered']:,} by filters"
            lines.append(paragraph(f"{cell(row[name])}: {counts}", first="  - ", indent="    "))
            if title == "senders":
                lines += _could(row)
    if found["nobody_answers_for"]:
        lines += ["", f"{found['nobody_answers_for']:,} reports are of mail that nobody answers for: nothing is asked."]
    return lines


def _could(row: Mapping[str, Any]) -> list[str]:
    said = f"could be asked: {row['could']}" if row["could"] else f"not asked: {row['why_not'] or 'no channel'}"
    state = f" (case {row['case'][:8]}, {row['state']})" if row["case"] else ""
    return [paragraph(said + state, indent="      ")]
