"""How-tos for doors are run as they are written, each on a machine of its own; then mail arrives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.door.conftest import missing_servers
from tests.door.exchanging import EXIM
from tests.door.filter import missing_filter

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "postfix-and-dovecot.md"
BLOCK = re.compile(r"^```sh root\n(.*?)^```$", re.DOTALL | re.MULTILINE)
AWAY = ROOT / "docs" / "how-to" / "watch-a-mailbox.md"
BLOCK_OF_ANN = re.compile(r"^```sh ann\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILTER = ROOT / "docs" / "how-to" / "rspamd.md"
EXCHANGE = ROOT / "docs" / "how-to" / "exim.md"
APART = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]


def can_be_apart() -> bool:
    """Whether this kernel and user may have namespaces and overlays."""
    layers = "lowerdir=/var,upperdir=/mnt/u,workdir=/mnt/w"
    tries = f"mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w && mount -t overlay o -o {layers} /var"
    return subprocess.run([*APART, "sh", "-c", tries], capture_output=True, check=False).returncode == 0


def follow(page: Path, block: re.Pattern[str], machine: str, tmp_path: Path) -> None:
    """Runs the blocks of a page on a machine of their own."""
    if reason := missing_servers():
        pytest.skip(reason)
    if not can_be_apart():
        pytest.skip("no namespaces or overlays here: the page would change this machine")
    blocks = tmp_path / "blocks"
    blocks.write_text("\n".join(block.findall(page.read_text("utf-8"))), "utf-8")
    with open(tmp_path / "said", "w+", encoding="utf-8") as said:
        done = subprocess.run(
            [*APART, sys.executable, "-m", machine, str(blocks)],
            cwd=ROOT, stdout=said, stderr=said, check=False, timeout=450,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ['PYTHONPATH']}"},
        )  # fmt: skip
        said.seek(0)
        assert done.returncode == 0, said.read()[-6000:]


@pytest.mark.timeout(300)
def test_an_operator_joins_by_the_page(tmp_path: Path) -> None:
    """Every block succeeds; a mail that is moved to Junk is a class A sighting, and back, nothing."""
    follow(PAGE, BLOCK, "tests.door.machine", tmp_path)


@pytest.mark.timeout(300)
def test_a_person_watches_a_mailbox_by_the_page(tmp_path: Path) -> None:
    """Every block as ann, over TLS; she proves the mailbox, moves a mail, and may click on it."""
    follow(AWAY, BLOCK_OF_ANN, "tests.door.away", tmp_path)


@pytest.mark.timeout(500)
def test_an_operator_joins_with_rspamd_by_the_page(tmp_path: Path) -> None:
    """Every block succeeds with Debian's own configuration; what Rspamd rejects comes to the node as evidence."""
    if reason := missing_filter():
        pytest.skip(reason)
    follow(FILTER, BLOCK, "tests.door.filtering", tmp_path)


@pytest.mark.timeout(300)
def test_an_operator_joins_with_exim_by_the_page(tmp_path: Path) -> None:
    """Both blocks, on a configuration of the operator's own: delivered as before, told once, and of class B in Junk."""
    if not EXIM.exists() and not os.environ.get("CI"):
        pytest.skip("Debian's exim4-daemon-light is not unpacked: make debian")
    follow(EXCHANGE, BLOCK, "tests.door.exchanging", tmp_path)


def test_the_pages_have_their_blocks() -> None:
    """The tests above are no empty loops, and the lines of contrib are those of the page."""
    page = PAGE.read_text("utf-8")
    assert len(BLOCK.findall(page)) == 7
    line = (ROOT / "contrib" / "postfix" / "antiphon.cf").read_text("utf-8").splitlines()[-1].strip()
    assert line in page
    assert len(BLOCK_OF_ANN.findall(AWAY.read_text("utf-8"))) == 3
    assert len(BLOCK.findall(FILTER.read_text("utf-8"))) == len(BLOCK.findall(EXCHANGE.read_text("utf-8"))) == 2


@pytest.mark.parametrize("name", ["antiphon", "antiphon-delivered"])
def test_both_syntaxes_of_dovecot_name_the_same_scripts(name: str) -> None:
    """A machine runs one of the two: what the other has differs in its syntax alone."""
    folder = ROOT / "contrib" / "dovecot"
    older, newer = ((folder / file).read_text("utf-8") for file in (f"{name}.conf", f"{name}-2.4.conf"))
    said = [re.sub(r"(?m)^ *#.*$", "", text) for text in (older, newer)]
    for each in (r"/etc/dovecot/antiphon\S*", r"\bsieve_(?:imapsieve|extprograms)\b", r"vnd\.dovecot\.pipe"):
        first, second = (set(re.findall(each, text)) for text in said)
        assert first == second, each
    scripts = re.findall(r"antiphon/(\w+)\.sieve", newer)
    assert scripts and all((folder / f"{script}.sieve").exists() for script in scripts)
    assert newer.count("{") == newer.count("}")
