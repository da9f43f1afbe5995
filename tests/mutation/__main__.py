"""`python -m tests.mutation [MODULE...]`: makes each mutant, runs the module's own tests on it, and names who survives.

Every mutant lives in a process of its own, forked from one that has imported all that does not depend on the module. A
survivor is either on `survivors.toml` with the reason why it may live, or the run is red: then a test is missing. What
is on the list and is found, or is there no more, has to leave it.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import resource
import signal
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from tests.mutation.mutants import Mutant, mutants

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCE = ROOT / "src" / "antiphon"
PLUGINS = ("pytest_asyncio.plugin", "pytest_timeout", "_hypothesis_pytestplugin")
WARM = ("asyncio", "msgspec", "cryptography.hazmat.primitives.asymmetric.rsa", "hypothesis.stateful", *PLUGINS)
ROOMS = (
    "terms",
    "errors",
    "formats",
    "campaign",
    "ledger",
    "registry",
    "optout",
    "complaint",
    "ports",
    "backends",
    "desk",
)
QUIETLY = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", "--timeout=0", *(f"-p{name}" for name in PLUGINS)]
"""A run that ends with its first failure and tells nobody why; it loads no other plugin and rewrites nothing."""
PATIENCE = 8
"""A run that takes so many times as long as the sound module's is a mutant that was found."""
KILLED, SURVIVED = "killed", "survived"


@dataclass
class Found:
    """What became of the mutants of one module. `unread`: survivors that are not on the list; `stale`: names on the
    list that do not survive."""

    module: str
    mutants: int = 0
    killed: int = 0
    listed: int = 0
    unread: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.unread and not self.stale


def main() -> int:
    """All modules, or those named; exit code 1 for a survivor that nobody has read."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("module", nargs="*", help="as ledger/allowance; all of targets.toml where none is named")
    parser.add_argument("--every", type=int, default=0, help="a sample: every so manieth mutant")
    parser.add_argument("--json", action="store_true")
    wish = parser.parse_args()
    targets = tomllib.loads((HERE / "targets.toml").read_text("utf-8"))
    listed = tomllib.loads((HERE / "survivors.toml").read_text("utf-8"))
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in WARM:
        importlib.import_module(name)
    settings.register_profile("mutation", derandomize=True, database=None, deadline=None)
    settings.load_profile("mutation")
    found = []
    for module in wish.module or targets:
        target = targets[module]
        tests = [target["tests"], *([target["wider"]] if "wider" in target else [])]
        every = wish.every or target.get("every", 1)
        one = judge(module, tests, {each["mutant"] for each in listed.get(module, [])}, every)
        found.append(one)
        if not wish.json:
            print(f"{one.module}: {one.mutants} mutants, {one.killed} killed, {one.listed} on the list", flush=True)
            for name in one.unread:
                print(f"  SURVIVED  {name}", flush=True)
            for name in one.stale:
                print(f"  STALE     {name}", flush=True)
    if wish.json:
        print(json.dumps([asdict(one) | {"holds": one.holds} for one in found], indent=2))
    return 0 if all(one.holds for one in found) else 1


def judge(module: str, tests: Sequence[Sequence[str]], listed: set[str], every: int) -> Found:
    """Every mutant of one module, in a child that keeps what it has imported to itself."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            with os.fdopen(writer, "w") as out:
                json.dump(asdict(_judge(module, tests, listed, every)), out)
        except SystemExit as error:
            print(error, file=sys.stderr, flush=True)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        said = told.read()
    os.waitpid(child, 0)
    if not said:
        raise SystemExit(f"{module} could not be judged.")
    return Found(**json.loads(said))


def _judge(module: str, tests: Sequence[Sequence[str]], listed: set[str], every: int) -> Found:
    source = (SOURCE / f"{module}.py").read_text("utf-8")
    name = "antiphon." + module.replace("/", ".")
    _warm_up(name)
    gc.freeze()
    stages = []
    for stage in tests:
        begun = time.monotonic()
        if _run(name, ast.parse(source), stage, 600) == KILLED:
            raise SystemExit(f"{module}: its tests fail without a change: {' '.join(stage)}")
        stages.append((stage, PATIENCE * (time.monotonic() - begun) + 2))
    found = Found(module)
    every_name, survivors = set(), set()
    for number, mutant in enumerate(mutants(source)):
        every_name.add(mutant.name)
        if number % every:
            continue
        found.mutants += 1
        if any(_run(name, mutant.tree, stage, limit) == KILLED for stage, limit in stages):
            found.killed += 1
        else:
            survivors.add(mutant.name)
            _note(found, mutant, listed)
    judged = {m.name for n, m in enumerate(mutants(source)) if n % every == 0}
    found.stale = sorted(n for n in listed if n not in every_name or (n in judged and n not in survivors))
    return found


def _note(found: Found, mutant: Mutant, listed: set[str]) -> None:
    if mutant.name in listed:
        found.listed += 1
    else:
        found.unread.append(mutant.name)
        print(f"{found.module}:{mutant.line} {mutant.name}", file=sys.stderr, flush=True)


def _run(name: str, tree: ast.Module, tests: Sequence[str], limit: float) -> str:
    """The tests on this tree, in a child: killed when they fail, or do not end."""
    child = os.fork()
    if not child:
        os.setsid()
        signal.setitimer(signal.ITIMER_REAL, limit)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        code = 1
        try:
            sys.meta_path.insert(0, _Instead(name, tree))
            code = int(pytest.main([*QUIETLY, *tests]))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"No tests were found at {' '.join(tests)}.")
    return SURVIVED if code == 0 else KILLED


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another text."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name, self._tree = name, tree
        self._path = str(SOURCE.parent / f"{name.replace('.', '/')}.py")

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=self._path)
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, self._path, "exec"), module.__dict__)  # noqa: S102 - our own module, changed


def _warm_up(name: str) -> None:
    """Imports every module of the inner rooms that does not lead to this one."""
    leads = _leads()
    tainted = {name}
    while more := {each for each, imports in leads.items() if imports & tainted} - tainted:
        tainted |= more
    for each in sorted(leads.keys() - tainted):
        if each.split(".")[1] in ROOMS:
            importlib.import_module(each)


def _leads() -> dict[str, set[str]]:
    """What each module of the package imports, read from its text."""
    leads: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found = leads.setdefault(name, set())
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{each.name}" for each in node.names}
    return {name: {each for each in found if each in leads} for name, found in leads.items() if name != "antiphon"}


if __name__ == "__main__":
    sys.exit(main())
