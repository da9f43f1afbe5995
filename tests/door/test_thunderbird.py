"""The add-on for Thunderbird: its logic in node's own test runner, its package, and its outbox before a real node."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from antiphon.drill.overload import Stand, enrol, mail

ADD_ON = Path(__file__).parents[2] / "contrib" / "thunderbird"
JAVASCRIPT = shutil.which("node")
NEEDS_NODE = pytest.mark.skipif(JAVASCRIPT is None and not os.environ.get("CI"), reason="node is not installed")


def build(out: Path) -> None:
    """As `make xpi` does."""
    subprocess.run([sys.executable, str(ADD_ON / "build.py"), str(out)], check=True)


def test_the_package_is_the_same_wherever_it_is_built(tmp_path: Path) -> None:
    """Twice, with files of other dates and modes, byte for byte."""
    build(tmp_path / "a.xpi")
    copy = tmp_path / "copy"
    shutil.copytree(ADD_ON, copy)
    for file in copy.iterdir():
        os.utime(file, (1, 1))
        file.chmod(0o700)
    subprocess.run([sys.executable, str(copy / "build.py"), str(tmp_path / "b.xpi")], check=True)
    assert (tmp_path / "a.xpi").read_bytes() == (tmp_path / "b.xpi").read_bytes()


def test_the_package_holds_all_that_it_names(tmp_path: Path) -> None:
    """Every file that the manifest, the page and the modules name, and no test."""
    build(tmp_path / "a.xpi")
    with zipfile.ZipFile(tmp_path / "a.xpi") as packed:
        names, manifest = set(packed.namelist()), json.loads(packed.read("manifest.json"))
        page = packed.read("options.html").decode()
    named = {*manifest["background"]["scripts"], manifest["options_ui"]["page"], *manifest["icons"].values()}
    assert named | {"outbox.mjs", "options.js", "options.css"} <= names
    assert all(f'"{name}"' in page for name in ("options.js", "options.css"))
    assert not [name for name in names if "test" in name]


def test_it_asks_for_little() -> None:
    """No access to any host before a person names its node, none to accounts, address books or what is written."""
    manifest = json.loads((ADD_ON / "manifest.json").read_text("utf-8"))
    assert set(manifest["permissions"]) == {"alarms", "menus", "messagesRead", "notifications", "storage"}
    page = (ADD_ON.parents[1] / "docs/how-to/thunderbird.md").read_text("utf-8")
    assert all(f"| `{name}` |" in page for name in manifest["permissions"]), "each permission is explained"
    assert "host_permissions" not in manifest and manifest["manifest_version"] == 3
    assert "onNewMailReceived" not in (ADD_ON / "background.js").read_text("utf-8")


@NEEDS_NODE
def test_its_logic_passes_its_own_tests() -> None:
    """The outbox: waiting, handing in, asking after, limits."""
    tests = sorted(str(path) for path in (ADD_ON / "test").glob("*.mjs"))
    done = subprocess.run([str(JAVASCRIPT), "--test", *tests], capture_output=True, text=True, check=False)
    assert tests and done.returncode == 0, done.stdout + done.stderr


@NEEDS_NODE
def test_a_real_node_takes_what_its_outbox_hands_in(tmp_path: Path) -> None:
    """From the message's bytes to the sentence that a person reads, also of a no; an unknown ticket keeps it."""
    said, again, refused = asyncio.run(_handed_in(tmp_path))
    assert said["state"] == "accepted" and said["raw"] == ""
    assert said["said"].startswith("Accepted: it is counted and grouped. Nothing leaves before 20")
    assert again["state"] == "refused" and again["said"] == "Not counted. This message was reported already."
    assert refused["state"] == "on its way" and "ticket" in refused["said"] and refused["raw"]


async def _handed_in(folder: Path) -> tuple[dict[str, str], ...]:
    node = Stand(folder, (sys.executable, "-m", "antiphon"))
    try:
        await node.init(Path(), "ada", os.urandom(32))
        await node.start()
        tickets, _ = await enrol(node)
        first = await _by_add_on(node.http, tickets[0])
        known = b"X-Seen-By: a list\r\n" + mail(1, "addon")
        again = await _by_add_on(node.http, tickets[0], known)
        return first, again, await _by_add_on(node.http, "antiphon_" + "A" * 40)
    finally:
        await node.stop()


async def _by_add_on(port: int, ticket: str, raw: bytes = mail(1, "addon")) -> dict[str, str]:
    script, outbox = Path(__file__).with_name("hand_in.mjs"), ADD_ON / "outbox.mjs"
    process = await asyncio.create_subprocess_exec(
        str(JAVASCRIPT), str(script), str(outbox), f"http://127.0.0.1:{port}", ticket,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate(raw)
    found: dict[str, str] = json.loads(out)
    return found


def test_the_builder_names_every_file() -> None:
    """A new file of the add-on is in its package, too."""
    spec = importlib.util.spec_from_file_location("build", ADD_ON / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    there = {path.name for path in ADD_ON.iterdir() if path.is_file()} - {"build.py"}
    assert set(module.FILES) == there
