"""Keras weights in PyTorch models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import torch
from torch import nn

from invert_captum._validation import check_choice, listed, shown
from invert_captum.alignment.weights.counterparts import KerasArchitecture, counterpart_of
from invert_captum.alignment.weights.input_layers import weights_preprocessing
from invert_captum.alignment.weights.keras_file import open_keras_file
from invert_captum.alignment.weights.weight_checks import (
    check_nothing_left,
    check_settings,
    check_shapes,
    check_targets,
    converted_values,
    found_sources,
)

if TYPE_CHECKING:
    import os

    from torch import Tensor

    from invert_captum.alignment.weights.keras_file import Layout
    from invert_captum.alignment.weights.preprocessing import KerasPreprocessing, PreprocessingName


@dataclass(frozen=True)
class LoadedKerasWeights:
    """What `load_keras_weights` did, and how the model is to be used.

    Args:
        architecture: The architecture of the file.
        layout: Which of the ways in which Keras writes ``.h5`` files it is.
        n_assigned: Number of parameters and buffers of the model that were set.
        ignored: Names of what the file holds beside the weights of the network: the numbers of its
            normalising input layers, which are in ``preprocessing``.
        preprocessing: Turns RGB images with values 0 to 255 into the model's input.
        image_size: Height and width for which the Keras network was built, or None if the file
            does not tell.
        head_activation: What the Keras network applies to the numbers that the PyTorch model
            returns: ``"linear"`` for nothing, ``"softmax"``, or None if the file does not tell.

    Examples:
        >>> import torch
        >>> from invert_captum.alignment import keras_preprocessing
        >>> loaded = LoadedKerasWeights(
        ...     "VGG16", "weights", 32, (), keras_preprocessing("caffe"), (224, 224), "softmax"
        ... )
        >>> images = torch.full((1, 3, *loaded.image_size), 255.0)
        >>> loaded.preprocessing(images)[0, :, 0, 0]
        tensor([151.0610, 138.2210, 131.3200])
    """

    architecture: str
    layout: Layout
    n_assigned: int
    ignored: tuple[str, ...]
    preprocessing: KerasPreprocessing
    image_size: tuple[int, int] | None
    head_activation: str | None


def load_keras_weights(
    model: nn.Module,
    path: str | os.PathLike[str],
    *,
    architecture: KerasArchitecture | None = None,
    preprocessing: PreprocessingName | None = None,
) -> LoadedKerasWeights:
    """Bring the weights of a Keras ``.h5`` file into the same network in PyTorch, in place.

    Made for the weights that Fel et al. (NeurIPS 2022) published; see
    `invert_captum.alignment.weights` for which of them have a counterpart. The model then computes
    what the Keras network does. A model trained in Keras from the same architecture loads as well,
    with any number of classes.

    Every parameter and buffer of the model has to get a weight of its shape, and every weight of
    the file has to have a place; otherwise nothing is changed.

    Args:
        model: A model of the architecture, from torchvision or timm, with the number of classes of
            the file. Its weights are overwritten; its training flags stay.
        path: The file. Only numbers are read from it: no code in it runs, and no other file that
            it refers to is opened.
        architecture: The architecture that the file has to be of. By default what its layers tell.
        preprocessing: What was done to the images before the Keras network, for ``preprocessing``
            of the result (see `keras_preprocessing`). A file does not tell. By default
            ``"torch"``, as for all published files; or ``"none"`` where the network itself begins
            with normalising layers, as EfficientNetB0 of ``keras.applications``, which are then
            accounted for. VGG16 of ``keras.applications`` with its own weights needs ``"caffe"``.

    Returns:
        *LoadedKerasWeights*: the architecture, the preprocessing and what else to know.

    Raises:
        ImportError: h5py, or timm where the architecture needs it, is not installed.
        FileNotFoundError: There is no such file.
        TypeError: ``model`` is not a module.
        ValueError: The file is damaged or not one that Keras wrote, is of an architecture without a
            counterpart or another than ``architecture``, refers to other files, or has NaN or
            infinite weights; or the model is another one, has layers of other shapes, another
            epsilon or other padding. The message names what differs.

    Warns:
        InvertCaptumWarning: The Keras network begins with layers that are not part of the result.

    Examples:
        >>> from torch import nn
        >>> from torchvision.models import vgg16
        >>> model = vgg16()  # doctest: +SKIP
        >>> loaded = load_keras_weights(model, "vgg16_harmonized.h5")  # doctest: +SKIP
        >>> logits = model.eval()(loaded.preprocessing(images))  # doctest: +SKIP
        >>> load_keras_weights(nn.Identity(), "vgg16_harmonised.h5")
        Traceback (most recent call last):
        FileNotFoundError: path is 'vgg16_harmonised.h5', where there is no file
    """
    _check_model(model)
    if architecture is not None:
        check_choice("architecture", architecture, get_args(KerasArchitecture))
    with open_keras_file(path) as file:
        name, counterpart = counterpart_of(file, architecture)
        assignments = counterpart.assignments(model, file)
        check_targets(model, assignments, counterpart.recipe)
        sources = found_sources(assignments, file)
        expected, ignored = weights_preprocessing(file, preprocessing)
        check_nothing_left(file, sources, ignored)
        check_shapes(model, assignments, sources)
        head = check_settings(model, assignments, sources, file, counterpart)
        values = converted_values(model, assignments, sources)
        _set(model, values)
        return LoadedKerasWeights(
            architecture=name,
            layout=file.layout,
            n_assigned=len(values),
            ignored=ignored,
            preprocessing=expected,
            image_size=None if file.config is None else file.config.image_size,
            head_activation=head,
        )


def _check_model(model: object) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {shown(model)}; expected a torch.nn.Module")
    empty = [name for name, tensor in model.state_dict().items() if tensor.is_meta]
    if empty:
        raise ValueError(
            f"model has no memory for {listed(empty)} (they are on the meta device); expected a "
            "model on a real device, such as model.to_empty(device='cpu')"
        )


@torch.no_grad()
def _set(model: nn.Module, values: dict[str, Tensor]) -> None:
    state = model.state_dict()
    for name, value in values.items():
        state[name].copy_(value)
