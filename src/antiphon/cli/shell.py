"""What a shell and `man` want of the command line, made from the same text as `--help`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc

import click
from click.shell_completion import get_completion_class

from antiphon.cli.frame import main

VARIABLE = "_ANTIPHON_COMPLETE"


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands and options.

    \b
      antiphon completion bash > ~/.local/share/bash-completion/completions/antiphon
      antiphon completion zsh  > a file _antiphon in a folder of $fpath
      antiphon completion fish > ~/.config/fish/completions/antiphon.fish
    """
    made = get_completion_class(shell)
    if made is not None:
        click.echo(made(main, {}, "antiphon", VARIABLE).source())


def manual(program: str = "antiphon") -> str:
    """One manual page (roff, man(7)) with every command: `man/antiphon.1`."""
    lines = [f'.TH {program.upper()} 1 "" "{program}" "User commands"', ".SH NAME"]
    lines += [
        f"{program} \\- {_roff(_first(main).removeprefix('Antiphon '))}",
        ".SH DESCRIPTION",
        *_described(main),
        ".SH COMMANDS",
    ]
    for path, command in commands(main):
        usage = command.collect_usage_pieces(click.Context(command, info_name=" ".join(path)))
        lines += [f".SS {_roff(' '.join((program, *path, *usage)))}", *_described(command)]
    return "\n".join(lines) + "\n"


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command of a group with its words, depth first."""
    for word, command in sorted(group.commands.items()):
        yield (*path, word), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, word))


def _first(command: click.Command) -> str:
    return (command.help or "").partition("\n")[0]


def _described(command: click.Command) -> Iterator[str]:
    for text in filter(None, (cleandoc(command.help or ""), command.epilog)):
        for paragraph in re.split(r"\n\s*\n", text):
            kept = paragraph.startswith("\b")
            yield ".PP"
            yield from [".nf"] if kept else []
            yield from (_roff(line.rstrip()) for line in paragraph.lstrip("\b\n").splitlines())
            yield from [".fi"] if kept else []
    context = click.Context(command)
    for parameter in command.params:
        if (record := parameter.get_help_record(context)) and record[1]:
            yield from (".TP", _roff(record[0]), _roff(record[1]))


def _roff(text: str) -> str:
    """Text that roff prints as it stands."""
    shown = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown
