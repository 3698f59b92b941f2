import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from invert_captum import Formula

NAMES = ["a", "b", "c", "d"]
TRUTH_TABLE = {
    name: np.array([bool(row >> place & 1) for row in range(16)])
    for place, name in enumerate(NAMES)
}


concept_names = st.sampled_from(NAMES)


def formulas(names=concept_names):
    return st.recursive(
        names.map(Formula.concept),
        lambda inner: st.one_of(
            st.builds(lambda f, g: f & g, inner, inner),
            st.builds(lambda f, g: f | g, inner, inner),
            st.builds(lambda f: ~f, inner),
        ),
        max_leaves=8,
    )


# Texts of sympy's own syntax, which is Python's: ~ before & before |.
texts = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.one_of(
        st.builds("({} & {})".format, inner, inner),
        st.builds("({} | {})".format, inner, inner),
        st.builds("{} & {}".format, inner, inner),
        st.builds("{} | {}".format, inner, inner),
        st.builds("~({})".format, inner),
        st.builds("~ ~{}".format, st.sampled_from(NAMES)),
    ),
    max_leaves=8,
)


@given(texts)
def test_parse_means_what_sympy_means(text):
    symbols = sympy.symbols(NAMES)
    holds = sympy.lambdify(
        symbols, sympy.sympify(text, locals=dict(zip(NAMES, symbols, strict=True))), "numpy"
    )
    expected = holds(*TRUTH_TABLE.values())
    assert np.array_equal(Formula.parse(text).evaluate(TRUTH_TABLE), np.broadcast_to(expected, 16))


@given(formulas(st.text(min_size=1, max_size=6)))
def test_text_round_trips_for_any_names(formula):
    assert Formula.parse(str(formula)) == formula


@given(formulas(), formulas())
def test_operators_are_those_of_the_samples(f, g):
    left, right = f.evaluate(TRUTH_TABLE), g.evaluate(TRUTH_TABLE)
    assert np.array_equal((f & g).evaluate(TRUTH_TABLE), left & right)
    assert np.array_equal((f | g).evaluate(TRUTH_TABLE), left | right)
    assert np.array_equal((~f).evaluate(TRUTH_TABLE), ~left)


@given(formulas(), formulas(), formulas())
def test_canonical_form_forgets_order_nesting_and_repetition(f, g, h):
    assert f & g == g & f
    assert hash(f | g) == hash(g | f)
    assert (f & g) & h == f & (g & h)
    assert f | f == f
    assert ~~f == f
    assert ~(f & g) == ~f | ~g
    assert str((f | g) | h) == str(h | (g | f))


@given(formulas())
def test_length_counts_the_literals_in_the_text(formula):
    assert formula.length == sum(character in NAMES for character in str(formula))


def test_evaluate_returns_an_array_of_its_own():
    column = np.array([True, False])
    Formula.concept("a").evaluate({"a": column})[:] = False
    assert column.tolist() == [True, False]


def test_formulas_cannot_be_changed():
    with pytest.raises(AttributeError):
        Formula.concept("a").negated = True


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("", "»", "a concept's name"),
        ("a &", "a &»", "a concept's name"),
        ("a b", "a »b", "an operator"),
        ("(a | b", "(a | b»", "& or | or )"),
        ("a | b)", "a | b»)", "an operator"),
        ("a $ b", "a »$ b", "double quotes"),
        ('"a', '»"a', "double quotes"),
        ('""', '»""', "double quotes"),
        ('"a\\b"', '»"a', "double quotes"),
    ],
)
def test_parse_says_where_text_is_no_formula(text, place, expected):
    with pytest.raises(ValueError, match="text is no formula") as error:
        Formula.parse(text)
    assert repr(place)[1:-1] in str(error.value)
    assert expected in str(error.value)


def test_parse_refuses_what_would_exhaust_the_stack():
    with pytest.raises(ValueError, match="nested parentheses"):
        Formula.parse("(" * 100_000 + "a" + ")" * 100_000)
    assert Formula.parse("~" * 100_001 + "a") == ~Formula.concept("a")


def test_parse_refuses_other_types():
    with pytest.raises(TypeError, match="text is int"):
        Formula.parse(3)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a", "operands": (Formula.concept("b"),)},
        {"name": None, "operator": "^"},
        {"name": "a", "operator": "&"},
        {"name": None, "operator": "&", "operands": (Formula.concept("b"), Formula.concept("a"))},
    ],
)
def test_fields_that_are_no_canonical_formula_are_refused(fields):
    with pytest.raises(ValueError, match=r"literal|compound|canonical"):
        Formula(**fields)


def test_only_formulas_can_be_joined():
    with pytest.raises(TypeError, match="unsupported operand"):
        Formula.concept("a") & "b"
    with pytest.raises(TypeError, match="unsupported operand"):
        Formula.concept("a") | True
    with pytest.raises(TypeError, match="name is 3"):
        Formula.concept(3)


def test_a_missing_concept_is_a_key_error():
    with pytest.raises(KeyError, match="b"):
        Formula.parse("a & b").evaluate({"a": np.array([True])})
