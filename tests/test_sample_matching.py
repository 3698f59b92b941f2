from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from invert_captum import ConceptSet
from invert_captum.sample_matching import check_same_samples, join_on_ids


@given(st.permutations(range(8)), st.integers(1, 8), st.permutations(range(8)))
def test_joined_rows_are_the_same_samples_in_the_order_of_the_concepts(drawn, count, in_concepts):
    labels = np.array([[sample & 1, sample & 2, sample & 4] for sample in in_concepts]) > 0
    concepts = ConceptSet(labels, ["one", "two", "four"], sample_ids=in_concepts)
    samples = drawn[:count]
    rows, joined, groups = join_on_ids([str(one) for one in samples], concepts, in_concepts)
    ordered = [samples[row] for row in rows]
    assert ordered == [one for one in in_concepts if one in samples]
    assert [
        sum(2**bit for bit in range(3) if row[bit]) for row in joined.labels.toarray()
    ] == ordered
    assert groups == ordered


def test_samples_without_labels_are_refused():
    concepts = ConceptSet(np.eye(2, dtype=bool), ["dog", "cat"], sample_ids=["a", "b"])
    with pytest.raises(ValueError, match="not in the concept set"):
        join_on_ids(["a", "c"], concepts)
    with pytest.raises(ValueError, match="no sample_ids"):
        join_on_ids(["a", "b"], ConceptSet(np.eye(2, dtype=bool), ["dog", "cat"]))


def test_tensors_must_have_as_many_rows_even_if_the_concepts_have_ids():
    concepts = ConceptSet(np.eye(2, dtype=bool), ["dog", "cat"], sample_ids=["a", "b"])
    check_same_samples(torch.zeros(2, 1), concepts, groups=[1, 1])
    with pytest.raises(ValueError, match="concepts has 2 samples, inputs has 3"):
        check_same_samples(torch.zeros(3, 1), concepts)
