from __future__ import annotations

from types import SimpleNamespace

import pytest

from invert_captum.report.explorer.map_notes import map_notes


def notes(n_neurons, *, masks=False, n_neutral=0, any_low=False, method="Method"):
    mapper = SimpleNamespace(method_text=method, makes_masks=masks, n_neutral=n_neutral)
    return map_notes(mapper, n_neurons, any_low=any_low)


def test_maps_of_captum_and_masks_are_told_apart():
    (by_captum,) = notes(1200)
    assert by_captum.startswith("Heat maps of 1,200 neurons are made by Captum: Method.")
    (masks,) = notes(2, masks=True)
    assert masks.startswith("Heat maps of 2 neurons are made by Method.")
    assert "Captum" not in masks


@pytest.mark.parametrize(("masks", "told"), [(False, "not what lowers it"), (True, "below zero")])
def test_labels_of_low_activation_are_explained(masks, told):
    assert told in notes(2, masks=masks, any_low=True)[1]
    assert len(notes(2, masks=masks)) == 1


def test_samples_without_a_mask_are_counted():
    assert notes(2, masks=True, n_neutral=3)[1].endswith(
        "sample: 3 of all pairs of a neuron and a sample."
    )


def test_no_maps_have_a_reason():
    assert notes(0) == [
        "There are no heat maps: Method gives nothing in the shape of what is shown."
    ]
    (silent,) = notes(0, masks=True, n_neutral=3)
    assert "silent" in silent
    (of_other_shape,) = notes(0, masks=True)
    assert "in the shape" in of_other_shape
    assert notes(0, method="") == []
