"""Small is a feature: modules, functions, parameters and names keep the measures of the house."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.unit.house.repository import below, name, project, text, tree

MODULE_LINES = 400
# Longer ones, with the reason.
LONGER = {"src/antiphon/ledger/audit.py": "LAW §9: the audit is one file that imports nothing of the rest"}
FUNCTION_LINES = 40
POSITIONAL_PARAMETERS = 4
NOT_A_NOUN = frozenset(
    {"utils", "util", "helpers", "helper", "common", "base", "manager", "handler", "service", "engine", "impl", "misc"}
)
INWARD_OF_PORTS = ("optout", "complaint", "campaign", "ledger", "registry", "formats", "terms", "errors", "ports")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: Path) -> Iterator[Function]:
    """Every function and method of a module."""
    return (node for node in ast.walk(tree(file)) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Lines from `def` to the end, without the docstring: a promise may be as long as it needs."""
    whole = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        whole -= (first.end_lineno or 0) - first.lineno + 1
    return whole


def core_modules() -> list[Path]:
    """The modules without I/O."""
    rooms = [f"src/antiphon/{room}{ending}" for room in INWARD_OF_PORTS for ending in ("", ".py")]
    return [file for file in below(*rooms, ending=".py") if name(file) != "src/antiphon/ledger/audit.py"]


def test_no_module_is_longer_than_its_noun() -> None:
    """A module of more than 400 lines holds more than one noun."""
    lengths = {name(file): len(text(file).splitlines()) for file in below("src", "tests", "bench", ending=".py")}
    assert not {file: lines for file, lines in lengths.items() if lines > MODULE_LINES and file not in LONGER}


def where(file: Path, function: Function) -> str:
    """How a function is called in a failure."""
    return f"{name(file).removeprefix('src/antiphon/')}:{function.name}"


def is_command(function: Function) -> bool:
    """Whether the command line calls it, which gives every value by name."""
    return any("option" in ast.unparse(d) or "argument" in ast.unparse(d) for d in function.decorator_list)


def test_no_function_is_longer_than_a_screen() -> None:
    """A function has at most 40 lines beside its docstring."""
    long = {
        where(file, function)
        for file in below("src", ending=".py")
        for function in functions(file)
        if body_lines(function) > FUNCTION_LINES
    }
    assert not long


def test_no_function_takes_more_than_four_positional_parameters() -> None:
    """A call with five bare values can not be read; more are given by name."""
    many = {
        where(file, function)
        for file in below("src", ending=".py")
        for function in functions(file)
        if not is_command(function)
        and len([a for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in ("self", "cls")])
        > POSITIONAL_PARAMETERS
    }
    assert not many


def test_modules_are_named_for_what_they_hold() -> None:
    """No drawer for odd things."""
    assert not [name(file) for file in below("src", ending=".py") if NOT_A_NOUN & {file.stem, *file.parts}]


def test_the_core_knows_its_types() -> None:
    """No `Any` where the law is decided."""
    loose = [
        f"{name(file)}:{node.lineno}"
        for file in core_modules()
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom) and node.module == "typing" and any(a.name == "Any" for a in node.names)
    ]
    assert not loose, "\n".join(loose)


def test_the_import_contract_covers_the_whole_core() -> None:
    """A room that is born inside the ports joins the contract that keeps the core still."""
    contracts = {contract["id"]: contract for contract in project()["tool"]["importlinter"]["contracts"]}
    rooms = {name(file).removeprefix("src/antiphon/").split("/")[0].removesuffix(".py") for file in core_modules()}
    assert {f"antiphon.{room}" for room in rooms} <= set(contracts["still-core"]["source_modules"])
