"""Many hands for one long piece of work: worker processes, with the results in order and never much in memory."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from antiphon.errors import Unreachable

HANDFUL = 32
"""Items that go to a worker at once."""
AHEAD = 3
"""Handfuls a worker that are read ahead of the results."""

_T = TypeVar("_T")
_R = TypeVar("_R")


def in_order(act: Callable[[_T], _R], items: Iterable[_T], *, jobs: int) -> Iterator[_R]:
    """`act` on each item, in `jobs` worker processes; the results as `map` gives them.

    At most AHEAD handfuls a worker wait. `act`, items and results have to be ones that pickle takes. Raises what `act`
    raises, and Unreachable where a worker was ended from outside.
    """
    left = iter(items)
    waiting: deque[Future[list[_R]]] = deque()
    with ProcessPoolExecutor(jobs, initializer=_leave_interrupts_to_the_parent) as pool:
        try:
            while True:
                while len(waiting) < jobs * AHEAD and (handful := list(islice(left, HANDFUL))):
                    waiting.append(pool.submit(_each, act, handful))
                if not waiting:
                    return
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise Unreachable(
                "A worker process was ended before its work was done.", advice="Is memory short? Try fewer --jobs."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _each(act: Callable[[_T], _R], handful: list[_T]) -> list[_R]:
    return [act(item) for item in handful]


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
