"""Work shared among processes: the results are those of one hand, in order, and little waits."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from antiphon.campaign.stream import group_messages
from antiphon.cli.hands import AHEAD, HANDFUL, in_order
from antiphon.cli.tally import NOTHING
from antiphon.errors import MalformedInput, Unreachable
from tests.unit.cli.letters import newsletter, put, run

MANY = HANDFUL * AHEAD * 2 * 3 + 1


def _refuse(number: int) -> int:
    if number == HANDFUL + 1:
        raise MalformedInput("This one is not read.")
    return number


def _end(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("count", [0, 1, HANDFUL, HANDFUL + 1, MANY])
def test_the_results_come_in_order(count: int) -> None:
    """As `map` gives them, also where the last handful is not full."""
    assert list(in_order(abs, range(count), jobs=2)) == list(range(count))


def test_little_is_read_ahead() -> None:
    """What is longer than memory can be read: the items wait where they come from."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(MANY):
            taken += 1
            yield number

    results = in_order(abs, items(), jobs=2)
    assert next(iter(results)) == 0
    assert taken == HANDFUL * AHEAD * 2 < MANY
    assert sum(1 for _ in results) == MANY - 1


def test_an_error_comes_out_where_its_result_would_have() -> None:
    """It is the same error, and the work ends."""
    results, found = in_order(_refuse, range(MANY), jobs=2), list[int]()
    with pytest.raises(MalformedInput, match="not read"):
        found.extend(results)
    assert found == list(range(HANDFUL))


def test_a_worker_that_was_killed_is_told() -> None:
    """In a sentence with what to do; nobody waits for it."""
    with pytest.raises(Unreachable) as told:
        list(in_order(_end, range(3), jobs=2))
    assert told.value.advice == "Is memory short? Try fewer --jobs."


def test_two_processes_group_as_one_does() -> None:
    """The same campaigns with the same names and reasons."""
    mails = [(f"{n}.eml", newsletter(n, Subject=f"Offer {n % 3} of this week")) for n in range(HANDFUL + 5)]
    mails.append(("broken.eml", b"A: b\n" * 2_000))
    alone = list(group_messages(mails, seed=b"seed"))
    assert list(group_messages(mails, seed=b"seed", each=partial(in_order, jobs=2))) == alone
    assert alone[-1].why.startswith("Not grouped: ")


def test_group_takes_jobs(tmp_path: Path) -> None:
    """Each mail has its line, in the order of the folder."""
    mail = put(tmp_path / "in", a=newsletter(1), b=newsletter(2), c=newsletter(3))
    ended = run(tmp_path / "home", "group", "--jobs", "2", str(mail))
    assert ended.exit_code == 0, ended.output
    assert [line.partition('"campaign"')[0].count(".eml") for line in ended.stdout.splitlines()] == [1, 1, 1]
    assert run(tmp_path / "home", "group", "--jobs", "0", str(mail)).exit_code == 2
    assert run(tmp_path / "home", "group", str(mail), str(tmp_path / "nowhere")).exit_code == NOTHING
