"""Commands about people: operators, members, and who vouches for an originator."""

from __future__ import annotations

import os
from pathlib import Path

import click

from antiphon.cli.frame import AfterTheName, as_json, call, main, show, tell
from antiphon.cli.signing import one_key, private_key, signed
from antiphon.errors import UnreadableFile


@main.group()
def operator() -> None:
    """People with keys, which lie outside the home.

    \b
      antiphon operator add bo --new-key bo.key
      antiphon operator list
    """


@operator.command("list")
@as_json
@click.pass_obj
def operator_list(home: Path, as_json: bool) -> None:
    """Every operator key.

    \b
      antiphon operator list
    """
    show(call(home, "status")["operators"], as_json, ("entry", "name", "revoked", "key"))


@operator.command("add")
@click.argument("name")
@click.option("--new-key", type=click.Path(path_type=Path), required=True, help="The new key's file; made if missing.")
@one_key
@as_json
@click.pass_obj
def operator_add(home: Path, name: str, *, new_key: Path, keys: tuple[Path, ...], as_json: bool) -> None:
    """Add an operator; the key counts seven ledger days later.

    Make the key on the new operator's own machine, and keep it there: only its public half goes to the node.

    \b
      antiphon operator add bo --new-key bo.key
    """
    from antiphon.backends.vault import write_secret
    from antiphon.formats.note import public_key

    if not new_key.exists():
        write_secret(new_key, os.urandom(32).hex().encode())
    public = public_key(private_key(new_key)).hex()
    found = signed(home, "operator", keys, lambda by: {"name": name, "key": public, "by": by[0]})
    said = f"{name} is an operator by entry {found['entry']}; the key counts in seven ledger days."
    tell({"operator": name, "entry": found["entry"], "key": public}, said, as_json)


@operator.command("revoke")
@click.argument("name")
@one_key
@as_json
@click.pass_obj
def operator_revoke(home: Path, name: str, keys: tuple[Path, ...], as_json: bool) -> None:
    """Revoke an operator's key, at once.

    \b
      antiphon operator revoke bo
    """
    rows = [row for row in call(home, "status")["operators"] if row["name"] == name and not row["revoked"]]
    if len(rows) != 1:
        raise UnreadableFile(
            f"{name!r} names {len(rows)} live operators.", advice="`antiphon operator list` shows them."
        )
    ends = {"name": name, "key": rows[0]["key"], "revoke": True}
    found = signed(home, "operator", keys, lambda by: {**ends, "by": by[0]})
    said = f"{name} is no operator any more, by entry {found['entry']}."
    tell({"operator": name, "entry": found["entry"], "key": rows[0]["key"]}, said, as_json)


@main.group()
def member() -> None:
    """Members and their mandates.

    \b
      antiphon member add anna@mail.example --consent count,token,optout
      antiphon member list
    """


@member.command("add")
@click.argument("address")
@click.option("--consent", default="count", help="count, token, address, optout, complain; commas between.")
@click.option("--only", multiple=True, metavar="ORIGINATOR", help="Limits optout to this one; may be given again.")
@click.option("--by-postmaster", is_flag=True, help="You are its postmaster: for a role or shared mailbox.")
@as_json
@click.pass_obj
def member_add(
    home: Path, address: str, consent: str, only: tuple[str, ...], by_postmaster: bool, as_json: bool
) -> None:
    """Enrol an address. It is pending until proved, unless its domain is hosted here.

    Shows the text of the mandate: whoever holds the address has to have read it. Each consent is its own: count
    (analyse and count), token (name me by the token that the originator issued), address (show my address), optout
    (opt me out of what I report), complain (use my reports in complaints).

    \b
      antiphon member add anna@mail.example
      antiphon member add anna@mail.example --consent count,token,optout
      antiphon member add anna@mail.example --consent count,token,optout --only shop.example
    """
    named = {"only": list(only), "by_postmaster": by_postmaster}
    show(call(home, "member-add", address=address, consent=consent, **named), as_json)


@member.command("list")
@as_json
@click.pass_obj
def member_list(home: Path, as_json: bool) -> None:
    """Every mandate.

    \b
      antiphon member list
    """
    show(call(home, "members"), as_json)


@member.command("export")
@click.argument("address")
@as_json
@click.pass_obj
def member_export(home: Path, address: str, as_json: bool) -> None:
    """All that is kept about a member, as JSON: for that member alone.

    \b
      antiphon member export anna@mail.example > anna.json
    """
    show(call(home, "member-export", address=address), True)


@member.command("suspend")
@click.argument("address")
@click.option("--why", required=True, help="What happened: mail bounced, the address has another holder.")
@as_json
@click.pass_obj
def member_suspend(home: Path, address: str, why: str, as_json: bool) -> None:
    """Let a mandate rest until the address is proved anew. For a new holder, erase the old one instead.

    \b
      antiphon member suspend anna@mail.example --why "mail to it bounced"
    """
    call(home, "member-suspend", address=address, why=why)
    tell({"address": address, "state": "suspended"}, f"{address} rests until it is proved anew.", as_json)


@member.command("revoke")
@click.argument("address")
@click.option("--erase", is_flag=True, help="Forget the member too: its key, mail, salts, openings.")
@as_json
@click.pass_obj
def member_revoke(home: Path, address: str, erase: bool, as_json: bool) -> None:
    """End a mandate, at once.

    \b
      antiphon member revoke anna@mail.example
      antiphon member revoke anna@mail.example --erase
    """
    found = call(home, "member-revoke", address=address, erase=erase)
    waits = found.get("waits_for", "")
    destroyed = ", and its data key is destroyed" + (f" here; still to be reached: {waits}" if waits else "")
    said = f"{address} is no member any more{destroyed if erase else ''}."
    tell({"address": address, "erased": erase, "waits_for": waits}, said, as_json)


@main.group(cls=AfterTheName, invoke_without_command=True)
@click.argument("domain")
@as_json
@click.pass_context
def originator(context: click.Context, domain: str, as_json: bool) -> None:
    """One originator: what is known of it; vouch for its age, block it, note what you found in its mail, or say as a
    member what its mail is.

    \b
      antiphon originator shop.example
      antiphon originator shop.example vouch --why "a brand since 1990"
      antiphon originator shop.example block --why "it sells what it learns"
      antiphon originator fake-bank.example found phishing --why "imitates a bank, asks for passwords"
      antiphon originator shop.example confirm --member anna@mail.example --why "I bought nothing there"
    """
    context.meta["originator"] = domain
    if context.invoked_subcommand is None:
        show(call(context.obj, "originator", originator=domain), as_json)


@originator.command("vouch")
@click.option("--why", required=True, help="Your reason; it is recorded.")
@one_key
@as_json
@click.pass_context
def vouch(context: click.Context, why: str, keys: tuple[Path, ...], as_json: bool) -> None:
    """Stand in for its age, by name.

    \b
      antiphon originator shop.example vouch --why "a brand since 1990"
    """
    domain = context.meta["originator"]
    found = signed(context.obj, "vouch", keys, lambda by: {"originator": domain, "why": why, "by": by[0]})
    said = f"You vouch for the age of {domain}, by entry {found['entry']}."
    tell({"originator": domain, "entry": found["entry"]}, said, as_json)


@originator.command("block")
@click.option("--why", required=True, help="Your reason; it is recorded.")
@one_key
@as_json
@click.pass_context
def block(context: click.Context, why: str, keys: tuple[Path, ...], as_json: bool) -> None:
    """Put it on the blocklist, by name: nothing of any kind goes to it, whoever vouches or clicks.

    A domain stands for all customers of that domain, too.

    \b
      antiphon originator shop.example block --why "it sells what it learns"
    """
    _judge(context, "block", why, keys, as_json=as_json)


@originator.command("unblock")
@click.option("--why", required=True, help="Your reason; it is recorded.")
@one_key
@as_json
@click.pass_context
def unblock(context: click.Context, why: str, keys: tuple[Path, ...], as_json: bool) -> None:
    """Take it off the blocklist, by name.

    \b
      antiphon originator shop.example unblock --why "another owner since March"
    """
    _judge(context, "unblock", why, keys, as_json=as_json)


@originator.command("found")
@click.argument("what", type=click.Choice(("phishing", "malware", "harmless")))
@click.option("--why", required=True, help="What its mail pretends and wants, in one line: registrars read it.")
@one_key
@as_json
@click.pass_context
def found(context: click.Context, what: str, why: str, keys: tuple[Path, ...], as_json: bool) -> None:
    """Say that you read its mail and found phishing or malware; or take that back, with `harmless`.

    Nothing leaves by it alone. Its host is told first, as ever; when that was done and did not end it, the registrar of
    its domain may be told, and then an authority that you chose in the settings. A domain that was broken into needs
    its holder, not its registrar: say this only of one that is in the hands of whoever sends the mail.

    \b
      antiphon originator fake-bank.example found phishing --why "imitates a bank, asks for passwords"
      antiphon originator fake-bank.example found harmless --why "it was the bank"
    """
    _judge(context, what, why, keys, as_json=as_json)


JUDGED = {
    "block": "is on the blocklist",
    "unblock": "is no longer on the blocklist",
    "harmless": "counts as ordinary mail again",
}


def _judge(context: click.Context, deed: str, why: str, keys: tuple[Path, ...], *, as_json: bool) -> None:
    asked = {"originator": context.meta["originator"], "deed": deed, "why": why}
    said = signed(context.obj, "judge", keys, lambda by: {**asked, "by": by[0]})
    tell(said, f"{said['originator']} {JUDGED.get(deed, f'is noted for {deed}')}.", as_json)
