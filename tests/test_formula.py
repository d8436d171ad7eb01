"""Typed curves: what they mean, that they are never run as code, and that hostile ones are refused at once."""

import math
import random
import time

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from imae_core.curves import CURVES, check_weights, curve_on
from imae_core.errors import BadInputError
from imae_core.formula import LARGEST_EXPONENT, MOST_CHARACTERS, compile_formula, shown

P = np.linspace(0.01, 0.99, 99)
Q = 1 - P


def value(text, p=P, not_p=Q):
    return compile_formula(text)(p, not_p, np)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p", P),
        ("1-p", Q),
        ("q", Q),
        ("3", np.full(99, 3.0)),
        ("2*(1-p)^0.7", 2 * Q**0.7),
        ("2 * (1 - p) ** 0.7", 2 * Q**0.7),
        ("-p^2", -(P**2)),
        ("2^3^2", np.full(99, 512.0)),
        ("2^-p", 2**-P),
        ("p - q - 1/2", P - Q - 0.5),
        ("p/q/2", P / Q / 2),
        ("+p*-q", -P * Q),
        ("exp(T*p*(1-p)); T = 8", np.exp(8 * P * Q)),
        ("a*p + b; a=2; b = -0.5;", 2 * P - 0.5),
        ("exp(8·p·(1−p))", np.exp(8 * P * Q)),
        ("log(p) + sqrt(q) + abs(p - 1)", np.log(P) + np.sqrt(Q) + Q),
        ("sin(pi*p) + cos(p) + tanh(p)", np.sin(np.pi * P) + np.cos(P) + np.tanh(P)),
        ("sigmoid(20*(p-0.5))", 1 / (1 + np.exp(-20 * (P - 0.5)))),
        ("min(p, 0.3) + max(q, 0.4)", np.minimum(P, 0.3) + np.maximum(Q, 0.4)),
        ("clip(p, 0.2, 0.8)", np.clip(P, 0.2, 0.8)),
        ("where(p > 0.5, 1, 2*p)", np.where(P > 0.5, 1, 2 * P)),
        ("where(0.2 < p <= 0.6, q, 0)", np.where((P > 0.2) & (P <= 0.6), Q, 0)),
        ("e^(1/2) + exp(1)", np.full(99, math.sqrt(math.e) + math.e)),
    ],
)
def test_means_what_it_says_for_numpy_and_torch(text, expected):
    np.testing.assert_allclose(value(text), expected, rtol=1e-12, atol=1e-15)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-5)):
        p = torch.from_numpy(P).to(dtype)
        found = compile_formula(text)(p, torch.from_numpy(Q).to(dtype), torch)
        assert found.dtype == dtype
        assert_close(found.double(), torch.from_numpy(expected), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "text", "params"),
    [
        ("cce", "2*(1-p)", {}),
        ("imae", "exp(12*p*(1-p))", {"T": 12.0}),
        ("dm", "exp(8*p^0.5*(1-p))", {}),
        ("gce", "2*p^0.7*(1-p)", {}),
        ("sce", "2*(1-p)*(0.1 + A*p); A = 9.210340371976182", {}),
        ("agce", "2*p*(1-p)*(0.6+p)^(0.6-1)", {}),
    ],
)
def test_a_published_curve_typed_is_that_curve(name, text, params):
    np.testing.assert_allclose(curve_on("formula", P, formula=text), curve_on(name, P, **params), rtol=1e-14)


@pytest.mark.parametrize("text", ["1-p", "q", "1.0-p", "(1 - p)^1", "2*(1-p)/2"])
def test_one_minus_p_is_the_complement_that_keeps_its_digits(text):
    """At p = 1 - 1e-20 a subtraction would give 0."""
    assert value(text, np.array([1.0]), np.array([1e-20]))[0] == 1e-20
    assert value("1-q", np.array([1e-20]), np.array([1.0]))[0] == 1e-20


def test_constants_can_be_changed_in_the_text():
    formula = compile_formula("exp(T*p*(1-p)) + b;T=8; b = 0")
    assert formula.constants == {"T": 8.0, "b": 0.0}
    changed = formula.with_constants({"T": 12})
    assert changed == "exp(T*p*(1-p)) + b; T = 12; b = 0"
    np.testing.assert_allclose(value(changed), np.exp(12 * P * Q))


def test_what_is_shown_is_no_markup_and_is_read_again():
    text = "where(p<0.5, 2*q**2, a*p); a = 3"
    assert not set(shown(text)) & set("*<>")
    np.testing.assert_array_equal(value(shown(text)), value(text))


HOSTILE = [
    "__import__('os').system('true')", "__import__", "().__class__.__bases__", "p.__class__", "p.real", "p[0]", "[p]",
    "{p}", "(p, q)", "lambda: p", "lambda p: p", "(lambda)", "p if p else q", "[x for x in p]", "p := 3", "p = 3", "f'{p}'",
    "'p'", "b'p'", "None", "True", "...", "1j*p", "open(p)", "eval(p)", "exp(eval)", "exec", "exp(p)(q)", "exp(*p)",
    "exp(x=p)", "exp(p, x=p)", "exp(**p)", "p and q", "not p", "p in q", "p is q", "p == q", "p < q", "where(p, 1, 2)",
    "where(p < 0.5 < exp, 1, 2)", "p @ q", "p % 2", "p // 2", "p | q", "p & q", "~p", "p << 2", "p; import os", "p;;x",
    "p; p = 1", "p; exp = 1", "p; T = T", "p; T = 1e999", "p; T = 1; T = 2", "p\nq", "p\x00", "p # q", "p \\ q", "yield p",
    "await p", "print(p)", "import os", "9^9^9^9", "9**9**9**9", "1e308*10", "1/0", "0/0", "(-8)^0.5", "p^101", "p^-1e9",
    "(" * 250 + "p" + ")" * 10, "-" * 299 + "p", "exp(" * 40 + "p" + ")" * 40, "p" * 301, "p+" * 149 + "p",
    "р", "ｐ", "𝑝", "p²", "½", "٣*p", "exp（p）", "p‐q", "pˆ2", "∞", "", "   ", ";", "()", "exp()", "exp(p, q)", "min(p)", "exp",
    "x*p", "T*p", "8p", "p q", "2(1-p)", "exp p", "p..q", "0x", "1__0",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_refused_quickly(text):
    started = time.perf_counter()
    with pytest.raises(BadInputError, match="formula"):
        compile_formula(text)
    assert time.perf_counter() - started < 0.5


def understood(text):
    """The values, or the message."""
    try:
        return value(text)
    except BadInputError as error:
        return str(error)


def test_random_texts_are_a_curve_or_a_message():
    """Whatever is typed: an array, or a BadInputError that names a place within the text."""
    words = ["p", "q", "1", "0.5", "-", "+", "*", "/", "^", "**", "(", ")", ",", "<", "exp", "log", "where", "min", "clip", "T",
             ";", "T = 8", "=", "lambda", "import", "__class__", ".", "e", "1e9", " ", "if", "or", "not", "_", "0x1", "é", "'"]  # fmt: skip
    draw = random.Random(0)
    curves = 0
    for _ in range(3000):
        text = "".join(draw.choices(words, k=draw.randint(1, 12)))
        found = understood(text)
        if isinstance(found, str):
            assert "formula" in found
            continue
        curves += 1
        assert found.shape == P.shape, text
        assert found.dtype == np.float64, text
    assert curves > 50


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "exp(8*x*(1-p))",
            r"character 7: unknown name 'x'; known are p, q = 1-p, pi, e, .* \(`exp\(8\*▸x\*\(1-p\)\)`\)",
        ),
        ("exp(T*p)", "T = 8 after a semicolon"),
        ("2^p*foo(p)", "character 5: unknown function 'foo'; known are exp, log"),
        ("8p*(1-p)", "multiplication is written with"),
        ("p*(1-p", "character 3: not understood"),
        ("p + p.real", "character 5: only numbers, p, q"),
        ("p; T 3", "character 3: after a semicolon comes a constant with its number"),
        ("p + 1e400", "character 5: this is not a finite number"),
        (f"p^{2 * LARGEST_EXPONENT:g}", "character 3: an exponent may be at most 100"),
        ("р+1", r"character 1: the character '\\u0440' has no meaning here"),
        ("p" * (MOST_CHARACTERS + 1), "may have 300 characters, this one has 301"),
    ],
)
def test_messages_quote_the_place(text, message):
    with pytest.raises(BadInputError, match=message):
        compile_formula(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p - 0.5", r"at p = 0 it is -0.5"),
        ("0.9 - p", r"at p = 0.9005 it is -0.0005"),
        ("-log(p)", r"at p = 0 it is inf; log\(p\) or 1/p may need max\(p, 0.001\)"),
        ("p*log(1/p)", "at p = 0 it is not a number"),
        ("1/(1-p)", "at p = 1 it is inf"),
        ("exp(60*p)", r"must be in \[0, 1e\+12\]"),
        ("where(p > 2, 1, 0)", "the weight is 0 for every p"),
        ("exp(90*p)/exp(90*p)", "at p = 0.986 it is not a number"),
    ],
)
def test_a_curve_that_is_no_weight_is_refused_with_the_place(text, message):
    """The last one is 1 in double precision, and not a number in the single precision that nets train in."""
    with pytest.raises(BadInputError, match=message):
        check_weights("formula", formula=text)


def test_no_warning_of_numpy_escapes():
    """Warnings are errors in these tests."""
    assert np.isinf(CURVES["formula"](np.array([0.0]), np.array([1.0]), formula="1/p")).all()
