from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.metrics import roc_auc_score

import invert_captum as ic
from invert_captum.concepts.shuffled import shuffled


@pytest.fixture
def described(concepts):
    n, k = concepts.labels.shape
    return ic.ConceptSet(concepts.labels, concepts.names, map(str, range(k)), range(n))


def rows(concepts):
    return [tuple(row) for row in concepts.labels.toarray()]


def test_rows_move_as_wholes_and_nothing_else_does(described):
    dealt = shuffled(described, seed=3)
    assert Counter(rows(dealt)) == Counter(rows(described))
    assert rows(dealt) != rows(described)
    for kept in ("names", "descriptions", "sample_ids"):
        assert getattr(dealt, kept) == getattr(described, kept)


def test_the_seed_decides(concepts):
    assert shuffled(concepts, 5) == shuffled(concepts, 5)
    assert shuffled(concepts, 5) != shuffled(concepts, 6)
    assert shuffled(concepts) == shuffled(concepts, 0)


def test_every_order_is_as_likely():
    """All 24 orders of four samples, by a chi-square test at 0.001."""
    concepts = ic.ConceptSet(np.eye(4, dtype=bool), list("abcd"))
    orders = Counter(tuple(shuffled(concepts, seed).labels.indices) for seed in range(2400))
    assert len(orders) == 24
    assert chisquare(list(orders.values())).pvalue > 0.001


def test_labels_no_longer_say_anything_about_activations(concepts, activations):
    def best_auc(labels):
        scores = [
            roc_auc_score(labels[name], column) for name in labels for column in activations.T
        ]
        return max(scores)

    assert best_auc(concepts) > 0.9
    assert best_auc(shuffled(concepts)) < 0.65


def test_groups_keep_together_and_change_places_with_their_like():
    """Each sample shows its own concept, so that a label tells from which sample it came."""
    rng = np.random.default_rng(1)
    groups = rng.permutation(np.repeat(np.arange(60), rng.integers(1, 5, 60)))
    n_samples = len(groups)
    concepts = ic.ConceptSet(np.eye(n_samples, dtype=bool), map(str, range(n_samples)))
    came_from = shuffled(concepts, 2, groups=groups.tolist()).labels.indices
    assert sorted(came_from) == list(range(n_samples))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        givers = came_from[members]
        assert len(set(groups[givers])) == 1
        assert np.sum(groups == groups[givers[0]]) == len(members)
        assert np.all(np.diff(givers) > 0)
    assert np.mean(groups[came_from] == groups) < 0.3


def test_groups_of_one_are_single_samples():
    concepts = ic.ConceptSet(np.eye(50, dtype=bool), map(str, range(50)))
    dealt = shuffled(concepts, 0, groups=range(50))
    assert np.mean(dealt.labels.indices == np.arange(50)) < 0.2


def test_the_only_group_of_its_size_stays():
    concepts = ic.ConceptSet(np.eye(4, dtype=bool), list("abcd"))
    dealt = shuffled(concepts, 1, groups=["film", "film", 1, 2])
    assert dealt.labels.indices[:2].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"concepts": np.eye(3)}, TypeError, "concepts is a ndarray; expected a ConceptSet"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 0.5}, TypeError, "seed is 0.5"),
        ({"groups": [1, 2]}, ValueError, "groups has 2 labels for 3 samples"),
        ({"groups": [1, None, 2]}, ValueError, "groups has a missing label at sample 1"),
        ({"groups": [1, 2, float("nan")]}, ValueError, "groups has a missing label at sample 2"),
        ({"groups": "abc"}, TypeError, "groups is 'abc'"),
        ({"groups": [[1], [2], [3]]}, TypeError, "groups has a label of type list at sample 0"),
    ],
)
def test_refuses(arguments, error, message):
    concepts = ic.ConceptSet(np.eye(3, dtype=bool), list("abc"))
    with pytest.raises(error, match=message):
        shuffled(**{"concepts": concepts, **arguments})
