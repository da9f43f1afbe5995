"""The node as a child of the world: what it is told."""

from __future__ import annotations

from pathlib import Path

from antiphon.settings import Doors
from antiphon.world.child import PORTS, Child, free_port


def test_each_door_is_where_the_world_looks_for_it(tmp_path: Path) -> None:
    """Mail and pages at the ports that the world will ask; no other door is open."""
    child = Child(tmp_path, ["true"])
    lmtp, smtp, http = (f"127.0.0.1:{port}" for port in (child.lmtp, child.smtp, child.http))
    assert child.settings("world.json").doors == Doors(lmtp=lmtp, smtp=smtp, http=http)


def test_no_port_is_given_twice() -> None:
    """A door that is not open yet is as taken as an open one."""
    given = [free_port() for _ in range(len(PORTS) // 10)]
    assert len(set(given)) == len(given)
