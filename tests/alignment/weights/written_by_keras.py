"""Writes `.h5` files with Keras and the outputs of the networks in them: run in its own process.

Keras takes its backend from the environment, makes a folder in the home and changes defaults of
PyTorch, none of which other tests should meet.
"""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

CLASSES = 5
WIDTHS = {"block1": 4, "block2": 5, "block3": 6, "block4": 7, "block5": 8}
HIDDEN = {"fc1": 11, "fc2": 10, "predictions": CLASSES}


def narrow_vgg16(size, before=(), activation="softmax"):
    """Build Keras's own VGG16 with fewer channels: a full one takes 134 MB."""
    import keras
    from keras import layers
    from keras.src.applications import vgg16

    def convolution(_, *args, name, **settings):
        return layers.Conv2D(WIDTHS[name.partition("_")[0]], *args, name=name, **settings)

    def dense(_, *, name, **settings):
        return layers.Dense(HIDDEN[name], name=name, **settings)

    inputs = keras.Input((*size, 3))
    for layer in before:
        inputs = layer(inputs)
    whole, narrow = vgg16.layers, {**vars(layers), "Conv2D": convolution, "Dense": dense}
    vgg16.layers = SimpleNamespace(**narrow)
    try:
        return vgg16.VGG16(
            input_tensor=inputs,
            input_shape=(*size, 3),
            weights=None,
            classes=CLASSES,
            classifier_activation=activation,
        )
    finally:
        vgg16.layers = whole


def randomize(model, rng):
    """Give every weight random values that keep the outputs of the layers about as large."""
    values = []
    for weight in model.weights:
        shape = tuple(weight.shape)
        name = weight.path.rpartition("/")[2]
        if name == "count":
            value = np.zeros(shape)
        elif name in ("gamma", "variance", "moving_variance"):
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            # Only depthwise kernels end with one.
            fan_in = shape[0] * shape[1] if shape[-1] == 1 else np.prod(shape[:-1])
            value = rng.standard_normal(shape, "float32") * np.sqrt(2 / fan_in)
        else:
            value = rng.normal(0, 0.1, shape)
        values.append(value.astype("float32"))
    model.set_weights(values)


def main(folder):
    import keras
    from keras import layers

    rng = np.random.default_rng(0)
    arrays = {}

    def write(name, model, *, weights=False, small=False):
        randomize(model, rng)
        model.save(folder / f"{name}.h5")
        if weights:
            model.save_weights(folder / f"{name}.weights.h5")
        size = model.input_shape[1:3]
        images = rng.integers(0, 256, (3, *size, 3)).astype("uint8")
        pixels = images.astype("float32") / (128 if small else 1)
        arrays[f"{name}/images"] = images
        arrays[f"{name}/outputs"] = keras.ops.convert_to_numpy(model(pixels, training=False))

    before = [
        layers.Rescaling(1 / 255, offset=0.1),
        layers.Normalization(),
        layers.Rescaling([0.5, 2.0, 1.5]),
    ]
    write("narrow", narrow_vgg16((64, 96)), weights=True, small=True)
    write("square", narrow_vgg16((64, 64), activation=None), weights=True, small=True)
    write("rescaled", narrow_vgg16((32, 32), before), weights=True)
    efficientnet = keras.applications.EfficientNetB0(
        input_shape=(37, 50, 3), weights=None, classes=CLASSES
    )
    write("efficientnet", efficientnet)
    np.savez(folder / "outputs.npz", **arrays)


if __name__ == "__main__":
    # Keras imports them where they are, for nothing that is done here.
    sys.modules |= dict.fromkeys(("sklearn", "matplotlib", "pandas"))
    main(Path(sys.argv[1]))
