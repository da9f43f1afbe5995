"""The node at a glance, for people: how far it may go, what it holds, and what needs somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antiphon.cli.table import cell, paragraph

NAMES = 11
FEW = 10
ARMED = {
    "observing": "observing: nothing leaves until `antiphon arm`",
    "own": "own: members' own opt-outs may leave, nothing else",
    "community": "community: everything that the law allows may leave",
}


def told(found: Mapping[str, Any]) -> str:
    """Everything on one screen."""
    ledger, halts = found["ledger"], found["halts"]
    facts = {
        "now": found["now"],
        "armed": ARMED[found["armed"]],
        "stopped": "everything, by the file STOP in the home" if found["stopped"] else "",
        "ledger": f"{ledger['size']:,} entries, {ledger['published']:,} published; "
        + ("the anchor agrees" if found["anchor_agrees"] else "IT STANDS STILL, nothing leaves"),
        "anchor": found["anchor"],
        "members": f"{found['members']:,}",
        "reports": _counted(found["reports"]),
        "sightings": f"{found['sightings']:,}, {found['attempts']:,} attempts",
        "cases": _counted(found["cases"]),
        "halted": "; ".join(f"{h['scope']} {h['value']} by {h['by']}: {h['why'] or 'no reason given'}" for h in halts),
        "operators": ", ".join(o["name"] + (" (revoked)" if o["revoked"] else "") for o in found["operators"]),
    }
    lines = [_line(name, text) for name, text in facts.items() if text]
    return "\n".join([*lines, "", *_needs(found["needs"])])


def _needs(needs: list[Mapping[str, Any]]) -> list[str]:
    from antiphon.web.advice import advice_on

    if not needs:
        return ["Nothing needs you."]
    lines = [f"What needs you: {len(needs):,}, the oldest first"]
    for need in needs[:FEW]:
        advice = advice_on(need)
        lines.append(paragraph(cell(advice.sentence), first="  - ", indent="    "))
        lines += [f"      {command}" for command in advice.commands]
    if len(needs) > FEW:
        lines.append(f"  ... and {len(needs) - FEW:,} more: antiphon status --json")
    return lines


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"


def _line(name: str, text: str) -> str:
    return paragraph(cell(text), first=f"{name:<{NAMES}}", indent=" " * NAMES)
