"""A weighting curve typed as a formula in p, such as `2*(1-p)^0.7` or `exp(T*p*(1-p)); T = 8`.

The text is parsed into a tree of known operations and never run as code: nothing but numbers, p, q = 1-p, the constants
that are given after semicolons, + - * / ^ (or **), parentheses, comparisons within `where`, and the functions below.
`1-p` and `q` are the complement that the caller gives, so that no digits are lost near p = 1.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from imae_core.errors import BadInputError

MOST_CHARACTERS = 300
DEEPEST = 30
MOST_CONSTANTS = 8
LARGEST_EXPONENT = 100.0

# a part of a formula at (p, not_p, numpy or torch); parts without p are numbers already
Part = Callable[[Any, Any, Any], Any]
Value = float | Part

# what a formula is shown with, where * or < would be markup; and what is pasted from papers
_TYPOGRAPHIC = str.maketrans({"·": "*", "×": "*", "−": "-", "‹": "<", "›": ">"})
_SHOWN = str.maketrans({"*": "·", "<": "‹", ">": "›"})
_STRANGE = re.compile(r"[^A-Za-z0-9_ .,+\-*/^()<>=;]")
_CONSTANT = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,19})\s*=\s*([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*")
_FIXED = {"pi": math.pi, "e": math.e}

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
# name -> (fewest arguments, most, function of the library and the arguments, which are arrays)
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "exp": (1, 1, lambda xp, x: xp.exp(x)),
    "log": (1, 1, lambda xp, x: xp.log(x)),
    "sqrt": (1, 1, lambda xp, x: xp.sqrt(x)),
    "abs": (1, 1, lambda xp, x: xp.abs(x)),
    "sin": (1, 1, lambda xp, x: xp.sin(x)),
    "cos": (1, 1, lambda xp, x: xp.cos(x)),
    "tanh": (1, 1, lambda xp, x: xp.tanh(x)),
    "sigmoid": (1, 1, lambda xp, x: 0.5 + 0.5 * xp.tanh(0.5 * x)),
    "min": (2, 2, lambda xp, a, b: xp.minimum(a, b)),
    "max": (2, 2, lambda xp, a, b: xp.maximum(a, b)),
    "clip": (3, 3, lambda xp, x, low, high: xp.minimum(xp.maximum(x, low), high)),
    "where": (3, 3, lambda xp, condition, a, b: xp.where(condition, a, b)),
}
RESERVED = {"p", "q", *_FIXED, *_FUNCTIONS}


@dataclass(frozen=True)
class Formula:
    """A compiled text: `expression` and its `constants`; call it with (p, not_p, numpy or torch)."""

    expression: str
    constants: Mapping[str, float]
    root: Value

    def __call__(self, p: Any, not_p: Any, xp: Any) -> Any:
        """w(p), with the shape and type of p."""
        if isinstance(self.root, float):
            return xp.full_like(p, self.root)
        if xp is not np:
            return self.root(p, not_p, xp)
        with np.errstate(all="ignore"):  # what is not finite is found by who checks a curve
            return self.root(p, not_p, xp)

    def with_constants(self, values: Mapping[str, float]) -> str:
        """The text with other values for some of its constants."""
        constants = dict(self.constants) | dict(values)
        return "; ".join([self.expression, *(f"{name} = {value:.10g}" for name, value in constants.items())])


def shown(text: str) -> str:
    """The formula without characters that are markup in Markdown or charts; `compile_formula` reads it all the same."""
    return text.replace("**", "^").translate(_SHOWN)


@lru_cache(maxsize=256)
def compile_formula(text: str) -> Formula:
    """The formula that a text says; BadInputError quotes the place of what is not understood."""
    if len(text) > MOST_CHARACTERS:
        raise BadInputError(f"a formula may have {MOST_CHARACTERS} characters, this one has {len(text)}")
    text = text.translate(_TYPOGRAPHIC)
    strange = _STRANGE.search(text)
    if strange:
        raise _error(text, strange.start(), f"the character {strange.group()!a} has no meaning here")
    expression, *definitions = text.split(";")
    if not expression.strip():
        raise BadInputError("the formula is empty; write a weight in p, such as exp(8*p*(1-p))")
    constants = _constants(text, definitions, len(expression) + 1)
    root = _Reader(text, constants).read(expression)
    return Formula(expression.strip(), constants, root)


def _error(text: str, place: int, what: str) -> BadInputError:
    """A message with the formula up to the place, a mark, and what follows."""
    before = ("…" if place > 30 else "") + text[max(0, place - 30) : place]
    after = text[place : place + 30] + ("…" if place + 30 < len(text) else "")
    return BadInputError(f"formula, character {place + 1}: {what} (`{before}▸{after}`)")


def _constants(text: str, definitions: list[str], place: int) -> dict[str, float]:
    """Names and numbers of `; T = 8` and the like; `place` is where they start."""
    found: dict[str, float] = {}
    for definition in definitions:
        match = _CONSTANT.fullmatch(definition)
        if definition.strip() and match is None:
            raise _error(text, place, "after a semicolon comes a constant with its number, such as T = 8")
        if match is not None:
            name, number = match[1], _number(match[2])
            if name in RESERVED or name in found:
                raise _error(text, place, f"{name!r} has a meaning already; choose another name")
            if number is None or not math.isfinite(number):
                raise _error(text, place, f"{name} must be a finite number")
            found[name] = number
        place += len(definition) + 1
    if len(found) > MOST_CONSTANTS:
        raise BadInputError(f"a formula may have {MOST_CONSTANTS} constants, this one has {len(found)}")
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


class _Reader:
    """Turns Python's syntax tree of an expression into parts; refuses every kind of node that it does not know."""

    def __init__(self, text: str, constants: Mapping[str, float]) -> None:
        self.text = text
        self.names: dict[str, Value] = {**_FIXED, **constants, "p": lambda p, _q, _xp: p, "q": lambda _p, q, _xp: q}
        self.places: list[int] = []

    def read(self, expression: str) -> Value:
        # Python writes powers as **: `places` leads from what it is given back to what was typed
        for place, character in enumerate(expression):
            self.places += [place, place] if character == "^" else [place]
        self.places.append(len(expression))
        blank = len(expression) - len(expression.lstrip())
        try:
            tree = ast.parse(expression[blank:].replace("^", "**"), mode="eval")
        except SyntaxError as error:
            column = blank + max(0, (error.offset or 1) - 1)
            place = self.places[min(column, len(self.places) - 1)]
            hint = "; multiplication is written with *" if "invalid decimal" in error.msg else ""
            raise _error(self.text, place, f"not understood{hint}") from None
        except (ValueError, RecursionError, MemoryError):
            raise BadInputError("the formula is nested too deeply, or a number in it is too long") from None
        self.places = self.places[blank:]
        return self.part(tree.body, 0)

    def error(self, node: ast.expr, what: str) -> BadInputError:
        return _error(self.text, self.places[min(node.col_offset, len(self.places) - 1)], what)

    def part(self, node: ast.expr, depth: int) -> Value:
        if depth > DEEPEST:
            raise self.error(node, f"nested deeper than {DEEPEST} levels")
        match node:
            case ast.Constant(value=bool() | str() | bytes() | complex() | None):
                raise self.error(node, "only numbers, p and q may stand here")
            case ast.Constant(value=int() | float()):
                return self.checked(node, lambda: float(node.value))  # type: ignore[arg-type]
            case ast.Name():
                return self.name(node)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                inner = self.part(node.operand, depth + 1)
                return inner if isinstance(node.op, ast.UAdd) else self.joined(node, lambda _xp, x: -x, [inner])
            case ast.BinOp() if type(node.op) in _OPERATORS:
                return self.binary(node, depth)
            case ast.Call(func=ast.Name(), keywords=[]):
                return self.call(node, depth)
            case ast.Compare():
                raise self.error(node, "a comparison may only be the first argument of where(condition, then, else)")
        raise self.error(node, "only numbers, p, q, + - * / ^, parentheses and known functions may stand here")

    def name(self, node: ast.Name) -> Value:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in _FUNCTIONS:
            raise self.error(node, f"{node.id} takes its arguments in parentheses")
        raise self.error(
            node, f"unknown name {node.id!r}; known are p, q = 1-p, {', '.join(_FIXED)}, and constants such as "
            f"{node.id[:20]} = 8 after a semicolon"
        )  # fmt: skip

    def binary(self, node: ast.BinOp, depth: int) -> Value:
        if isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant) and node.left.value == 1:
            complement = {"p": "q", "q": "p"}.get(node.right.id) if isinstance(node.right, ast.Name) else None
            if complement is not None:
                return self.names[complement]
        left, right = self.part(node.left, depth + 1), self.part(node.right, depth + 1)
        if isinstance(node.op, ast.Pow) and isinstance(right, float) and abs(right) > LARGEST_EXPONENT:
            raise self.error(node.right, f"an exponent may be at most {LARGEST_EXPONENT:g}")
        operator = _OPERATORS[type(node.op)]
        return self.joined(node, lambda _xp, a, b: operator(a, b), [left, right])

    def call(self, node: ast.Call, depth: int) -> Value:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _FUNCTIONS:
            raise self.error(node, f"unknown function {name!r}; known are {', '.join(_FUNCTIONS)}")
        fewest, most, function = _FUNCTIONS[name]
        if not fewest <= len(node.args) <= most:
            raise self.error(node, f"{name} takes {fewest} argument{'s' * (fewest > 1)}, got {len(node.args)}")
        if name == "where":
            return self.where(node, depth)
        parts = [self.part(argument, depth + 1) for argument in node.args]
        numbers = [np.float64(part) for part in parts if isinstance(part, float)]
        if len(numbers) == len(parts):
            return self.checked(node, lambda: function(np, *numbers))
        arrays = [_as_array(part) for part in parts]
        return lambda p, q, xp: function(xp, *(array(p, q, xp) for array in arrays))

    def where(self, node: ast.Call, depth: int) -> Value:
        condition = self.condition(node.args[0], depth + 1)
        then, other = (_as_array(self.part(argument, depth + 1)) for argument in node.args[1:])
        return lambda p, q, xp: xp.where(condition(p, q, xp), then(p, q, xp), other(p, q, xp))

    def condition(self, node: ast.expr, depth: int) -> Part:
        """A comparison, maybe chained: 0.2 < p <= 0.6."""
        if not isinstance(node, ast.Compare) or not all(type(op) in _COMPARISONS for op in node.ops):
            raise self.error(node, "the first argument of where is a comparison, such as p > 0.5")
        sides = [_as_array(self.part(side, depth + 1)) for side in (node.left, *node.comparators)]
        tests = [_COMPARISONS[type(op)] for op in node.ops]

        def holds(p: Any, q: Any, xp: Any) -> Any:
            values = [side(p, q, xp) for side in sides]
            result = tests[0](values[0], values[1])
            for test, left, right in zip(tests[1:], values[1:], values[2:], strict=False):
                result = result & test(left, right)
            return result

        return holds

    def joined(self, node: ast.expr, function: Callable[..., Any], parts: list[Value]) -> Value:
        """An operator on its parts; computed at once where none of them has a p."""
        numbers = [np.float64(part) for part in parts if isinstance(part, float)]
        if len(numbers) == len(parts):
            return self.checked(node, lambda: function(np, *numbers))
        first, *rest = parts
        if not rest:
            return lambda p, q, xp: function(xp, _value(first, p, q, xp))
        (second,) = rest
        return lambda p, q, xp: function(xp, _value(first, p, q, xp), _value(second, p, q, xp))

    def checked(self, node: ast.expr, compute: Callable[[], Any]) -> float:
        try:
            with np.errstate(all="ignore"):
                number = float(compute())
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.error(node, "this is not a finite number")
        return number


def _value(part: Value, p: Any, q: Any, xp: Any) -> Any:
    return part if isinstance(part, float) else part(p, q, xp)


def _as_array(part: Value) -> Part:
    """A number as an array of p's type and shape, which functions of two arrays need."""
    return (lambda p, _q, xp: xp.full_like(p, part)) if isinstance(part, float) else part
