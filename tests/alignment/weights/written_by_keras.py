"""Writes `.h5` files with Keras and the outputs of the networks in them: run in its own process.

Keras takes its backend from the environment, makes a folder in the home and changes defaults of
PyTorch, none of which other tests should meet.
"""

import sys
from pathlib import Path

import numpy as np

BLOCKS = (2, 2, 3, 3, 3)
WIDTHS = (4, 5, 6, 7, 8)
HIDDEN = (11, 10)
CLASSES = 5


def narrow_vgg16(size, before=(), activation="softmax"):
    import keras
    from keras import layers

    inputs = x = keras.Input((*size, 3))
    for layer in before:
        x = layer(x)
    for block, (depth, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), 1):
        for index in range(1, depth + 1):
            name = f"block{block}_conv{index}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for index, width in enumerate(HIDDEN, 1):
        x = layers.Dense(width, activation="relu", name=f"fc{index}")(x)
    outputs = layers.Dense(CLASSES, activation=activation, name="predictions")(x)
    return keras.Model(inputs, outputs)


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
        arrays[f"{name}/outputs"] = np.asarray(model.predict(pixels, verbose=0))

    before = [
        layers.Rescaling(1 / 255, offset=0.1),
        layers.Normalization(),
        layers.Rescaling([0.5, 2.0, 1.5]),
    ]
    write("narrow", narrow_vgg16((64, 96)), weights=True, small=True)
    write("square", narrow_vgg16((64, 64), activation=None), weights=True, small=True)
    write("rescaled", narrow_vgg16((32, 32), before))
    options = {"weights": None, "classes": CLASSES}
    write("vgg16", keras.applications.VGG16(input_shape=(32, 32, 3), **options), small=True)
    efficientnet = keras.applications.EfficientNetB0(input_shape=(37, 50, 3), **options)
    write("efficientnet", efficientnet, weights=True)
    np.savez(folder / "outputs.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
