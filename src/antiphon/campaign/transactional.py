"""Mail that answers the member's own act is never acted on unasked (LAW §3): a versioned rules file."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass

from antiphon.errors import MalformedInput

MOST_SUBJECT = 500


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of transactional mail and the subjects that show it, one pattern a language."""

    name: str
    subjects: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class TransactionalRules:
    """The rules file as loaded; its version is kept with every verdict."""

    version: str
    kinds: tuple[Kind, ...]

    def reasons(self, subject: str) -> tuple[str, ...]:
        """Every kind that this subject shows; empty for ordinary mail."""
        text = " ".join(unicodedata.normalize("NFKC", subject[: 2 * MOST_SUBJECT]).split())[:MOST_SUBJECT].lower()
        return tuple(kind.name for kind in self.kinds if any(p.search(text) for p in kind.subjects))


def load_transactional(text: str) -> TransactionalRules:
    """From TOML: `version`, and a table `kinds` with a list of patterns for each kind; `vector` entries are for whoever
    changes them. Raises MalformedInput."""
    try:
        table = tomllib.loads(text)
        kinds = tuple(Kind(name, tuple(re.compile(p) for p in rows)) for name, rows in table["kinds"].items())
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, re.error) as error:
        raise MalformedInput(f"The transactional rules can not be read: {error}.") from error
    return TransactionalRules(str(table.get("version", "")), kinds)
