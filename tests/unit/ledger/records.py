"""Strategies that follow the field tables: any record that can be printed."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from antiphon.ledger.record import PRESENT, Codec, Items, Nested, Number, Packed, Raw, Text, layout


def values(codec: Codec) -> st.SearchStrategy[Any]:
    """Any value that a codec prints."""
    match codec:
        case Number(width, least, most, step, None):
            top = min(most, 256**width - 1)
            return st.integers(-(-least // step), top // step).map(lambda number: number * step)
        case Number(names=names):
            return st.sampled_from(list(names or ()))
        case Raw(width):
            return st.binary(min_size=width or 1, max_size=width or 9)
        case Text(words):
            return st.sampled_from(words) if words else st.text(min_size=1, max_size=9)
        case Packed(make, parts):
            return st.builds(make, *map(values, parts))
        case Nested(shape):
            return records(shape)
        case Items(item, _, rank):
            return st.lists(values(item), min_size=1, max_size=3).map(lambda found: _ranked(found, item, rank))
    raise AssertionError(codec)


def _ranked(found: list[Any], item: Codec, rank: Any) -> tuple[Any, ...]:
    if rank is None:
        return tuple(found)
    places = {rank(item.write(one)): one for one in found}
    return tuple(places[place] for place in sorted(places))


def records(shape: type) -> st.SearchStrategy[Any]:
    """Any record of a class: what is optional now and then missing, what must not stand there never."""
    table = list(layout(shape).values())
    given = {name: st.none() | values(wire.codec) if wire.optional else values(wire.codec) for name, wire in table}

    def build(chosen: dict[str, Any]) -> Any:
        for name, wire in table:
            if wire.only is not None:
                other = chosen.get(wire.only[0])
                if not (other is not None if wire.only[1] is PRESENT else other == wire.only[1]):
                    chosen[name] = None
        return shape(**{name: value for name, value in chosen.items() if value is not None})

    return st.fixed_dictionaries(given).map(build)
