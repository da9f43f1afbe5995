"""Every error, one family: a sentence that says what happened, whether it may pass, and what to do.

The class docstring says when it is raised; `str(error)` is the sentence for people. Each error has a
page under `docs/reference/errors.md`, found by its `code`.
"""

from __future__ import annotations


class AntiphonError(Exception):
    """The root: `temporary` says whether the same act may succeed later, `advice` what a person should do."""

    code = "E000"
    temporary = False
    exit_code = 1

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice

    def sentence(self) -> str:
        """What happened and what to do, in one line for a terminal."""
        return f"{self.what} {self.advice}".strip()


class MalformedInput(AntiphonError):
    """Bytes from outside do not follow their format, or pass a stated limit."""

    code = "E100"
    exit_code = 65


class UnreadableFile(AntiphonError):
    """A file is missing, unreadable or not of the kind expected."""

    code = "E101"
    exit_code = 66


class RefusedByLaw(AntiphonError):
    """The law says no. `rules` names every rule that failed, the deciding one first."""

    code = "E200"
    exit_code = 77

    def __init__(self, what: str, rules: tuple[str, ...], *, advice: str = "") -> None:
        super().__init__(what, advice=advice)
        self.rules = rules


class IllegalTransition(AntiphonError):
    """A state machine met an event that its table does not know in this state."""

    code = "E201"


class AlreadyTaken(AntiphonError):
    """A key that must be unique is there already: a second spend, a second notice, a duplicate report."""

    code = "E202"


class BrokenSettings(AntiphonError):
    """The settings file or an environment variable can not be used as it stands."""

    code = "E300"
    exit_code = 78


class HomeUnusable(AntiphonError):
    """The home is locked, from a newer program, without permission, or not a home."""

    code = "E301"
    exit_code = 73


class AnchorLost(AntiphonError):
    """The anchor is missing, or says that this home is older than what was already published."""

    code = "E302"
    exit_code = 74


class StorageFailed(AntiphonError):
    """A write or sync failed; nothing that depended on it was acknowledged."""

    code = "E400"
    temporary = True
    exit_code = 74


class Unreachable(AntiphonError):
    """A party could not be asked: refused, timed out, or the name does not resolve for now."""

    code = "E401"
    temporary = True
    exit_code = 69
