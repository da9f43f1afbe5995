"""Small changes of a module, each one a way to be wrong: another comparison, a number beside it, a row that is missing.

A mutant is named by where it stands and by what it changes, never by a line number, so that its name outlives edits of
other places. mutmut, which the project used before, changes nothing outside functions, and the law stands in tables.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Pow: ast.Mult,
}
NOTHING = ("None", "False", "0", "()", "[]", "{}", "''", "b''")
"""What a caller takes for the same as nothing at all."""
CALLS = {"any": "all", "all": "any", "min": "max", "max": "min"}
STATEMENT_CHARACTERS = 90
Path = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: where, in words; the line in today's source, for a person; and the whole module with it."""

    name: str
    line: int
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """All changes of a module, in the order of its text; the same source gives the same ones."""
    tree, seen = ast.parse(source), Counter[str]()
    for place in _places(tree):
        for what, changed in _changes(place):
            name = f"{place.scope}: {place.statement} | {what}"
            seen[name] += 1
            if seen[name] > 1:
                name += f" #{seen[name]}"
            yield Mutant(name, place.line, _with(tree, place.path, changed))


@dataclass(frozen=True, slots=True)
class _Place:
    """One node of the tree, the way to it, and what stands around it."""

    node: ast.AST
    path: Path
    scope: str
    statement: str
    line: int


def _places(tree: ast.Module) -> Iterator[_Place]:
    yield from _below(tree, (), "module", "", 0)


def _below(node: ast.AST, path: Path, scope: str, statement: str, line: int) -> Iterator[_Place]:
    for field, index, child in _children(node):
        if _is_text(node, field, child):
            continue
        inner, said = scope, statement
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if child.name == "__repr__":
                continue
            inner = child.name if scope == "module" else f"{scope}.{child.name}"
        if isinstance(child, ast.stmt) or (scope == "module" and isinstance(child, ast.Call)):
            said = ast.unparse(child).partition("\n")[0][:STATEMENT_CHARACTERS]
        at = getattr(child, "lineno", line)
        place = _Place(child, (*path, (field, index)), inner, said, at)
        yield place
        yield from _below(child, place.path, inner, said, at)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, index, child) for index, child in enumerate(value) if isinstance(child, ast.AST))


def _is_text(node: ast.AST, field: str, child: ast.AST) -> bool:
    """What a person reads, or a type checker: docstrings, annotations, decorators, messages of errors, protocols. The
    words of a StrEnum too: they are the same wherever they stand."""
    if field in ("annotation", "returns", "decorator_list", "type_comment", "bases"):
        return True
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True
    if isinstance(node, ast.Raise) or isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
        return True
    if isinstance(child, ast.Assign) and ast.unparse(child.targets[0]) == "__slots__":
        return True
    if isinstance(child, ast.ClassDef) and {ast.unparse(base) for base in child.bases} & {"Protocol", "StrEnum"}:
        return True
    if isinstance(child, ast.Subscript) and ast.unparse(child.value) == "Callable":
        return True
    called = node.func if isinstance(node, ast.Call) else None
    return field == "args" and called is not None and ast.unparse(called) in ("TypeVar", "cast", "isinstance")


def _changes(place: _Place) -> Iterator[tuple[str, ast.AST]]:
    node = place.node
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.expr):
        before = _short(node)
        for changed in _expressions(node):
            yield f"{before} -> {_short(changed)}", changed
    yield from _without(node)


def _statements(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    nothing = ast.copy_location(ast.Pass(), node)
    if isinstance(node, ast.Return):
        if node.value is not None and ast.unparse(node.value) not in NOTHING:
            yield "return None", ast.copy_location(ast.Return(ast.Constant(None)), node)
    elif isinstance(node, ast.Raise | ast.Expr | ast.AugAssign | ast.Continue | ast.Break | ast.Delete):
        yield "left out", nothing
    elif isinstance(node, ast.If | ast.While):
        changed = copy.deepcopy(node)
        changed.test = ast.copy_location(ast.UnaryOp(ast.Not(), changed.test), node.test)
        if not isinstance(node.test, ast.Compare) or len(node.test.ops) > 1:
            yield f"not ({_short(node.test)})", changed


def _without(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The node with one of its parts left out: a row of a table, a condition of a loop, a changed field."""
    match node:
        case ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()) | ast.Set():
            fields = ["elts"]
        case ast.Dict():
            fields = ["values", "keys"]
        case ast.comprehension():
            fields = ["ifs"]
        case ast.Call(func=ast.Name(id="replace")):
            fields = ["keywords"]
        case _:
            return
    for index, part in enumerate(getattr(node, fields[0])):
        changed = copy.deepcopy(node)
        for field in fields:
            del getattr(changed, field)[index]
        # An empty set is written as an empty dictionary; a change of nothing changes nothing.
        if getattr(changed, fields[0]) or not isinstance(node, ast.Set | ast.Call):
            yield f"without {_short(part)}", changed


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    """Another expression in the place of this one."""
    match node:
        case ast.Compare():
            yield from _comparisons(node)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for index in range(len(values)):
                rest = values[:index] + values[index + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            yield ast.BinOp(left, ARITHMETIC[type(op)](), right)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in CALLS:
            yield ast.Call(ast.Name(CALLS[name], ast.Load()), args, keywords)
        case ast.Constant(value=value):
            yield from (ast.Constant(other) for other in _beside(value))


def _comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for index, op in enumerate(node.ops):
        for other in COMPARISONS.get(type(op), ()):
            yield ast.Compare(node.left, [*node.ops[:index], other(), *node.ops[index + 1 :]], node.comparators)


def _beside(value: object) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1]
    if isinstance(value, bytes):
        return [value + b"~"]
    # A sentence is for a person; a word may decide something; no word stands for none.
    return [value + "~"] if isinstance(value, str) and value and " " not in value else []


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= STATEMENT_CHARACTERS else f"{text[:40]} ... {text[-45:]}"


def _with(tree: ast.Module, path: Path, changed: ast.AST) -> ast.Module:
    """A copy of the tree in which one node is another; what lies beside the way to it is shared."""
    return _replaced(tree, path, changed)  # type: ignore[return-value]  # the root is a module


def _replaced(node: ast.AST, path: Path, changed: ast.AST) -> ast.AST:
    if not path:
        return ast.fix_missing_locations(ast.copy_location(changed, node))
    (field, index), rest = path[0], path[1:]
    twin = copy.copy(node)
    value = getattr(node, field)
    if index is None:
        setattr(twin, field, _replaced(value, rest, changed))
    else:
        setattr(twin, field, [_replaced(each, rest, changed) if i == index else each for i, each in enumerate(value)])
    return twin
