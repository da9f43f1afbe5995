"""The command line: one door for people and programs."""

from antiphon.cli import mail, people, running
from antiphon.cli.frame import main

__all__ = ["mail", "main", "people", "running"]
