"""Commands for what must not be lost: backup, restore, and the anchor."""

from __future__ import annotations

from pathlib import Path

import click

from antiphon.cli.frame import as_json, call, main, show
from antiphon.errors import HomeUnusable

of_master = click.option(
    "--master-key", type=click.Path(path_type=Path), help="The master key's file; else where the settings say it is."
)
of_members = click.option(
    "--member-keys", type=click.Path(path_type=Path), help="The members' keys; else their copy, as the settings say."
)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@click.pass_obj
def backup(home: Path, file: Path, as_json: bool) -> None:
    """Put the whole home into one new FILE, while the node runs, and prove it by restoring it beside.

    In it: database, settings, acknowledged mail that still waits, and the log and DKIM keys, sealed. Not in it: the
    master key and the members' keys. Their copy outside the home follows every erasure, so that no backup opens what
    was erased later: keep that one, and make none of your own. A backup never changes: keep it apart, once. What was
    published is not in it; the ledger is, and can be published again.

    \b
      antiphon backup /mnt/elsewhere/monday.backup
    """
    from antiphon.backends.home import Home
    from antiphon.cli.restoring import Keys, pack, unpacked

    place = Home(home)
    place.check()
    pack(place, file.absolute())
    with unpacked(file.absolute(), file.absolute(), Keys(_key_in(home), place.members)) as (_, about, settings, found):
        show({"backup": str(file), "made_at": about.made_at, **found}, as_json)
    if not as_json:
        click.echo(f"\nKeep the master key apart from it: {settings.master_key or home / 'keys' / 'master'}")
        click.echo(f"The members' keys are not in it: {settings.member_keys_copy or 'there is no copy of them'}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--check", is_flag=True, help="Restore beside FILE, look through it all, say what was found, keep nothing."
)
@of_master
@of_members
@click.option("--without-keys", is_flag=True, help="Go on though keys of members are lost: what they sealed is, too.")
@as_json
@click.pass_obj
def restore(
    home: Path, file: Path, *, check: bool, master_key: Path | None, member_keys: Path | None, without_keys: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a home out of a backup FILE, where none is: --home names the place.

    The restored home observes until you arm it, and lets nothing out until its anchor agrees: if anything entered the
    ledger after the backup, `antiphon anchor catch-up` is the way on. Members who were erased after the backup are
    erased again, as their keys say. What members took back or revoked after it is not in it: repeat that first.

    \b
      antiphon restore --check monday.backup
      antiphon --home /srv/antiphon restore monday.backup --master-key master.key
    """
    from antiphon.cli.restoring import Keys, unpacked

    if check and without_keys:
        raise click.UsageError("--check says how many keys are missing; --without-keys restores without them.")
    if not check and home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise HomeUnusable(f"{home} is there already.", advice="Name an empty place with --home, or use --check.")
    beside = file.absolute() if check else home.absolute()
    keys = Keys(master_key or _key_in(home), member_keys, without=without_keys, keep=not check)
    with unpacked(file.absolute(), beside, keys) as (fresh, about, _, found):
        if not check:
            fresh.path.rename(home)
        show({"backup": str(file), "program": about.program, "made_at": about.made_at, **found}, as_json)
    if not check:
        later = f"repeat what was revoked after {about.made_at}"
        click.echo(f"\nRestored into {home}. It observes; {later}, then arm it.", err=as_json)


def _key_in(home: Path) -> Path | None:
    """The master key that lies in a home, if there is one."""
    key = home / "keys" / "master"
    return key if key.exists() else None


@main.group(invoke_without_command=True)
@as_json
@click.pass_context
def anchor(context: click.Context, as_json: bool) -> None:
    """Whether the anchor agrees with this home, and if not, what to do.

    The anchor is the newest checkpoint, kept outside the home. As long as it does not agree nothing leaves and the
    ledger stands still; mail is taken in and waits.

    \b
      antiphon anchor
      antiphon anchor retire --why "the stick burnt"
    """
    if context.invoked_subcommand is None:
        show(call(context.obj, "anchor"), as_json)


@anchor.command("retire")
@click.option("--why", required=True, help="For whoever comes later.")
@as_json
@click.pass_obj
def retire(home: Path, why: str, as_json: bool) -> None:
    """The anchor is gone for good: give up, for ever, what is unspent, and begin a new one.

    No mail that came or was reported until now can pay for anything any more: somebody may have restored an older
    copy, and it may have paid already. The node observes until you arm it again. Refused while the anchor is there.

    \b
      antiphon anchor retire --why "the stick burnt"
    """
    show(call(home, "anchor-retire", why=why), as_json)


@anchor.command("catch-up")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--why", required=True, help="For whoever comes later.")
@as_json
@click.pass_obj
def catch_up(home: Path, folder: Path, why: str, as_json: bool) -> None:
    """This home is an older copy: take what it lacks from the published ledger in FOLDER, then retire what is unspent.

    Taken only if it leads exactly to what the anchor knows. Cases that got a notice, an own opt-out or a word of their
    originator meanwhile are stopped for good, since the ledger does not say who was asked. The node observes until
    you arm it again.

    \b
      antiphon anchor catch-up /srv/www/ledger --why "the disk died"
    """
    show(call(home, "anchor-catch-up", path=str(folder.absolute()), why=why), as_json)
