"""The command line: one door for people and programs."""

from antiphon.cli import (
    cases,
    clicking,
    contacting,
    doctoring,
    drilling,
    filtering,
    importing,
    inspecting,
    keeping,
    mail,
    people,
    quickstart,
    reporting,
    running,
    shell,
    ticketing,
    watching,
)
from antiphon.cli.frame import main

__all__ = [
    "cases",
    "clicking",
    "contacting",
    "doctoring",
    "drilling",
    "filtering",
    "importing",
    "inspecting",
    "keeping",
    "mail",
    "main",
    "people",
    "quickstart",
    "reporting",
    "running",
    "shell",
    "ticketing",
    "watching",
]
