"""Commands for mailboxes elsewhere that the node looks at for their members."""

from __future__ import annotations

from pathlib import Path

import click

from antiphon.cli.frame import as_json, call, main, show, tell

PROVE = "To prove it, send a mail from {address} to {address}: {to_prove}"


@main.group()
def watch() -> None:
    """Mailboxes elsewhere: their Junk folder is the button, as at home.

    \b
      antiphon watch add anna@mail.example --server imap.mail.example --user anna --secret-file ~/.config/anna
      antiphon watch list
    """


@watch.command("add")
@click.argument("address")
@click.option("--server", required=True, metavar="HOST[:PORT]", help="Asked over TLS; 993 where no port is named.")
@click.option("--user", required=True, help="Who signs in there.")
@click.option("--secret-file", type=click.Path(path_type=Path), help="Holds the password; only you may read it.")
@click.option("--secret-command", metavar="COMMAND", help="Prints the password or token: a keyring, a renewer.")
@click.option("--bearer", is_flag=True, help="The secret is an OAuth 2 access token.")
@click.option("--oauth", is_flag=True, help="The secret is a consent: a refresh token, changed for access tokens.")
@click.option("--junk", default="", metavar="NAME", help="Junk, where the server does not mark it.")
@click.option("--folder", "folders", multiple=True, metavar="NAME", help="Only this one and Junk; may be given again.")
@click.option("--plain", is_flag=True, help="Without TLS: for a server on this machine alone.")
@as_json
@click.pass_obj
def watch_add(
    home: Path,
    /,
    address: str,
    server: str,
    user: str,
    *,
    secret_file: Path | None,
    secret_command: str | None,
    bearer: bool,
    oauth: bool,
    junk: str,
    folders: tuple[str, ...],
    plain: bool,
    as_json: bool,
) -> None:
    """Look at a member's mailbox at another house, while the node runs. Nothing in it is ever changed.

    Mail that its reader moves into Junk is reported, mail moved out again is taken back; what the house's own filter
    put there is evidence only. Reports are of class C: they pay for what their member clicks, and nothing else.
    The secret itself is not kept: it is read each time that the node signs in. With --oauth it is a few lines of TOML,
    `client_id` and `refresh_token`; where the provider changes the refresh token, the new one takes its place.

    \b
      antiphon watch add anna@mail.example --server imap.mail.example --user anna --secret-file ~/.config/anna
      antiphon watch add bo@mail.example --server imap.mail.example --user bo --secret-command "pass mail/bo"
      antiphon watch add cy@big.example --server imap.big.example --user cy --bearer --secret-command "renew cy"
      antiphon watch add di@gmail.example --server imap.gmail.com --user di --oauth --secret-file ~/.config/di.toml
    """
    from antiphon.backends.vault import read_secret
    from antiphon.formats.oauth import parse_grant
    from antiphon.intake.imap import PORT, is_here

    if (secret_file is None) == (secret_command is None):
        raise click.UsageError("Name one of --secret-file and --secret-command.")
    host, port = _place(server, PORT)
    if plain and not is_here(host):
        raise click.UsageError(f"{host} is another machine: without TLS it is not asked.")
    if secret_file is not None:
        secret_file = secret_file.expanduser().absolute()
        consent = read_secret(secret_file, 0)
        if oauth:
            parse_grant(consent.decode("utf-8", "replace"), host)
    kind = ("oauth-" if oauth else "") + ("command" if secret_file is None else "file")
    secret = {"secret_kind": kind, "secret": secret_command or str(secret_file)}
    found = call(
        home, "watch-add", address=address, server=host, port=port, user=user, **secret, bearer=bearer, junk=junk,
        folders=list(folders), plain=plain,
    )  # fmt: skip
    said = f"The mailbox of {address} is looked at while the node runs; `antiphon watch list` says how it goes."
    if found["to_prove"]:
        said += "\n" + PROVE.format(**found)
    tell(found, said, as_json)


def _place(server: str, port: int) -> tuple[str, int]:
    from antiphon.settings import host_and_port

    bare = server.startswith("[") and server.endswith("]")
    return (server.strip("[]"), port) if bare or ":" not in server else host_and_port(server)


@watch.command("list")
@as_json
@click.pass_obj
def watch_list(home: Path, as_json: bool) -> None:
    """Every mailbox that is looked at, and how it goes.

    \b
      antiphon watch list
    """
    found = call(home, "watch-list")
    show(found, as_json, ("address", "server", "state", "why", "mails", "mandate"))
    for row in () if as_json else found:
        if row["to_prove"]:
            click.echo(PROVE.format(**row))


@watch.command("remove")
@click.argument("address")
@as_json
@click.pass_obj
def watch_remove(home: Path, address: str, as_json: bool) -> None:
    """Look at a mailbox no more, at once, and forget what was seen in it. Reports stand.

    \b
      antiphon watch remove anna@mail.example
    """
    found = call(home, "watch-remove", address=address)
    tell(found, f"The mailbox of {address} is not looked at any more.", as_json)
