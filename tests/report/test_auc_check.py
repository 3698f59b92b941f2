from __future__ import annotations

import math

import pytest

import invert_captum as ic
from invert_captum.report.auc_check import check_auc
from invert_captum.result import Explanation

DOG = Explanation(None, 4, 0, ic.Formula.concept("dog"), 1, auc=0.9, heldout_auc=0.8)
UNTRIED = Explanation(None, 4, 0, ic.Formula.concept("dog"), 1, auc=0.9)


@pytest.mark.parametrize(("heldout", "stored"), [(True, 0.8), (False, 0.9)])
def test_an_auc_within_a_hundredth_is_of_the_same_data(heldout, stored):
    check_auc(DOG, stored + 0.009, heldout=heldout)
    for other in (stored + 0.011, stored - 0.011, math.nan):
        with pytest.raises(ValueError, match=f"but result has {stored:.3f}: the rows must be"):
            check_auc(DOG, other, heldout=heldout)


def test_a_label_that_could_not_be_tried_has_no_auc():
    check_auc(UNTRIED, math.nan, heldout=True)
    with pytest.raises(ValueError, match=r"'dog' of neuron 4 the AUC 0\.700 on held-out samples"):
        check_auc(UNTRIED, 0.7, heldout=True)
