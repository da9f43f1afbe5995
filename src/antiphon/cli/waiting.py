"""What has not left yet, for people: mails of one fate together, with the reasons once and each with its undo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from antiphon.cli.table import cell, paragraph

FEW = 5
"""Mails of one fate that are named; the others are counted."""
DIGITS = 8
Row = Mapping[str, Any]


def fates(reports: Iterable[Row]) -> list[list[Row]]:
    """Mails together of which the same would be asked of the same party for the same reasons, in the given order."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for each in reports:
        key = (each["would"], each["of_whom"], each["why"], *each["rules"])
        found.setdefault(key, []).append(each)
    return list(found.values())


def told(reports: Iterable[Row], *, few: int = FEW) -> str:
    """All of them, one paragraph a fate."""
    return "\n\n".join(_fate(rows, few) for rows in fates(reports))


def _fate(rows: Sequence[Row], few: int) -> str:
    first = rows[0]
    count = "1 mail" if len(rows) == 1 else f"{len(rows):,} mails"
    earliest = min((row["leaves_after"] for row in rows if row["leaves_after"]), default=None)
    leaves = f", not before {earliest}" if earliest else ""
    said = f"{count} of {first['of_whom'] or 'nobody'}: {first['would']}{leaves}, because {first['why']}."
    lines = [paragraph(cell(said), indent="  ", first="")]
    for rule, why in zip(first["rules"], first["why_not"], strict=True):
        lines.append(paragraph(cell(f"{rule}: {why}"), first="  - ", indent="    "))
    for row in rows[:few]:
        lines.append(paragraph(cell(row["subject"]), first=f"    {row['report'][:DIGITS]}  ", indent=" " * 14))
    if len(rows) > few:
        lines.append(f"    ... and {len(rows) - few:,} more")
    return "\n".join(lines)
