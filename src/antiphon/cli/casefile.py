"""One case for people: where it stands, what would be asked and why not, its history, and what waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from antiphon.cli.table import cell, paragraph, table
from antiphon.cli.waiting import DIGITS
from antiphon.cli.waiting import told as waiting_told

LAST = 30
"""Lines of history; the older ones are counted."""
View = Mapping[str, Any]


def told(found: View) -> str:
    """The whole case. The exact bytes of a notice are shown while it waits for its approval."""
    parts = [_head(found), _would(found), _history(found), _approvals(found), _attempts(found), _waits(found)]
    if found["draft"] and found["state"] == "proposed":
        parts.append("The notice, as it would leave, byte for byte\n\n" + _printable(found["draft"]))
    return "\n\n".join(filter(None, parts))


def _head(found: View) -> str:
    name = f"{found['originator']}, case {found['case'][:DIGITS]}"
    if found["epoch"] > 1:
        name += f", epoch {found['epoch']}"
    if found["esp"]:
        name += f", through {found['esp']}"
    lines = [name, f"  {found['state']} since {_day(found['since'])}"]
    if found["notice_window_end"]:
        lines[-1] += f"; the window of its notice ends {_day(found['notice_window_end'])}"
    counts = ("reports", "members", "sightings", "attempts")
    lines.append("  " + ", ".join(f"{name} {found[name]:,}" for name in counts))
    age = f"registered {_day(found['registered_at'])}" if found["registered_at"] else "registration age unknown"
    vouched = ", vouched for" if found["vouched"] else ""
    lines.append(f"  {age}, first seen {_day(found['first_seen_at'])}{vouched}")
    lines += [_line("stopped", f"{h['scope']} by {h['by']}: {h['why'] or 'no reason given'}") for h in found["halts"]]
    return "\n".join(lines)


def _would(found: View) -> str:
    lines = ["What would be asked now"]
    for each in found["would"]:
        verdict = "may leave" if each["lawful_now"] else "no"
        lines.append(_line(each["act"].replace("-", " "), f"{verdict}: {each['note']}"))
        for rule, why in zip(each["rules"], each["why_not"], strict=True):
            lines.append(paragraph(f"{rule}: {why}", first="    - ", indent="      "))
    return "\n".join(lines)


def _history(found: View) -> str:
    events = found["events"]
    lines = ["History"] + ([f"  {len(events) - LAST:,} older lines: --json"] if len(events) > LAST else [])
    for each in events[-LAST:]:
        why = f": {each['why']}" if each["why"] else ""
        lines.append(
            paragraph(cell(f"{each['who']}  {each['what']}{why}"), first=f"  {_minute(each['at'])}  ", indent=" " * 20)
        )
    return "\n".join(lines)


def _approvals(found: View) -> str:
    return _titled("Approvals", found["approvals"], ("entry", "scope", "limit", "used", "signers"))


def _attempts(found: View) -> str:
    made = [{**each, "at": _minute(each["at"])} for each in found["attempts_made"]]
    columns = ("entry", "act", "at", "host", "outcome", "bytes_out", "bytes_in", "status")
    shown = _titled("Attempts", made[-LAST:], columns)
    return shown + (f"\n  {len(made) - LAST:,} older ones: --json" if len(made) > LAST else "")


def _titled(title: str, rows: Sequence[View], columns: Sequence[str]) -> str:
    if not rows:
        return ""
    shown = table(rows, {name: name.replace("_", " ") for name in columns})
    return "\n".join([title, *(f"  {line}" for line in shown.splitlines())])


def _waits(found: View) -> str:
    if not found["waiting"]:
        return ""
    return f"What waits: {len(found['waiting']):,} mails\n\n{waiting_told(found['waiting'])}"


def _day(at: str | None) -> str:
    return at[:10] if at else "never"


def _minute(at: str) -> str:
    return f"{at[:10]} {at[11:16]}"


def _line(name: str, text: str) -> str:
    return paragraph(cell(text), first=f"  {name:<13}", indent=" " * 15)


def _printable(text: str) -> str:
    return "\n".join("".join(_visible(line)) for line in text.splitlines())


def _visible(line: str) -> Iterator[str]:
    return (c if c.isprintable() or c == "\t" else "?" for c in line)
