"""The command for the house's own filter."""

from __future__ import annotations

from pathlib import Path

import click

from antiphon.cli.frame import as_json, call, main, tell


@main.command()
@click.option("--new-key", is_flag=True, help="Make another key; the one before opens nothing any more.")
@click.option("--base", default="http://127.0.0.1:8765", show_default=True, help="Where Rspamd reaches the pages.")
@as_json
@click.pass_obj
def rspamd(home: Path, new_key: bool, base: str, as_json: bool) -> None:
    """Where Rspamd finds what many members report, and tells what it takes for spam itself.

    A map names an originator, or the digest of a subject, once five mailboxes of two domains share it, and changes
    once a day. Whoever has a URL can read it, so keep them as you keep a password.

    \b
      antiphon rspamd
      antiphon rspamd --new-key --base http://10.0.0.7:8765
    """
    found = call(home, "rspamd", new_key=new_key)
    for name in ("originators", "subjects", "seen"):
        found[name] = base.rstrip("/") + found[name]
    told = found["told"]
    said = (
        f"originators  {found['originators']}\nsubjects     {found['subjects']}\nseen         {found['seen']}\n"
        f"On {found['day']} they tell {told['originators']} originators and {told['subjects']} subjects."
    )
    tell(found, said, as_json)
