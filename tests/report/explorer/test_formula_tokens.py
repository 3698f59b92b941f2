from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum import Formula
from invert_captum.report.explorer.formula_tokens import formula_tokens, token_text

ODD_NAMES = [
    "<script>alert(1)</script>",
    'a "quoted" one',
    "back\\slash",
    "كلب",
    "🐶",
    "a & ~b",
    " ",
]


def formulas(names):
    return st.recursive(
        names.map(Formula.concept),
        lambda inner: st.one_of(
            st.builds(lambda f, g: f & g, inner, inner),
            st.builds(lambda f, g: f | g, inner, inner),
            st.builds(lambda f: ~f, inner),
        ),
        max_leaves=8,
    )


@given(formulas(st.sampled_from(ODD_NAMES) | st.text(min_size=1, max_size=4)))
def test_tokens_spell_the_formula_and_name_its_concepts_in_order(formula):
    names = sorted({*formula.concepts, "another"}, reverse=True)
    tokens = formula_tokens(formula, {name: place for place, name in enumerate(names)})
    assert "".join(token_text(token, names) for token in tokens) == str(formula)
    linked = [names[token["c"]] for token in tokens if not isinstance(token, str)]
    assert linked == [literal.name for literal in formula.literals()]


def test_a_concept_without_an_index_is_refused():
    with pytest.raises(KeyError, match="dog"):
        formula_tokens(Formula.parse("cat & dog"), {"cat": 0})
