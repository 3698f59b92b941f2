# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Guided Feature Inversion beside Grad-CAM on a picture with two objects
#
# A picture shows a penguin and a ball, and the network is asked for one of them. Which part of the
# picture speaks for the penguin, which for the ball? Captum's gradient methods answer with a map of
# how the output would change. Guided Feature Inversion answers with a **mask**: the part of the
# picture that the network must keep to go on seeing the class, while the rest is blurred away.
#
# You will learn
#
# - to compute such masks for several classes, and to hold them against Grad-CAM, Saliency and
#   InputXGradient with exact object masks;
# - to ask the network itself about a mask: what does it see in what is kept, what in what is left
#   over?
# - what changes a mask (the layers, the background, what is raised), how to ask for a neuron
#   instead of a class, and what not to believe of a mask.
#
# You need the package with what the demo uses, and scikit-image for two photographs: inside a
# checkout, `pip install ".[demo]" scikit-image`. Nothing is downloaded, and no GPU is needed.

# %% [markdown]
# ## 1. A picture whose objects are known to the pixel
#
# Two emoji are pasted on a plain ground. Their transparency says exactly which pixels belong to
# which object. The place of an object is the left and upper end of its square; the network takes
# pictures of 224 × 224 pixels.

# %%
import captum.attr
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from skimage import data
from torchvision.models import ResNet18_Weights
from torchvision.ops import box_iou
from torchvision.transforms import Compose, Normalize, ToTensor
from torchvision.transforms.functional import gaussian_blur

import invert_captum as ic

emoji = {one.name: one for one in ic.demo.read_emoji()}
picture = Image.new("RGB", (224, 224), "#c9cdd2")
object_masks = torch.zeros(2, 224, 224, dtype=torch.bool)
scene = [("PENGUIN", (4, 108), 112), ("SOCCER BALL", (124, 8), 96)]
for row, (name, place, side) in enumerate(scene):
    drawing = Image.open(emoji[name].picture_path).convert("RGBA")
    drawing = drawing.resize((side, side), Image.Resampling.BICUBIC)
    picture.paste(drawing, place, drawing)
    left, top = place
    alpha = torch.from_numpy(np.array(drawing.getchannel("A")))
    object_masks[row, top : top + side, left : left + side] = alpha > 127

# %% [markdown]
# The network is EfficientNet-lite0 with its ImageNet weights. It knows 1,000 classes; their names
# come with torchvision. What does it see?

# %%
network = ic.demo.load_network()
class_names = ResNet18_Weights.DEFAULT.meta["categories"]
to_input = Compose([ToTensor(), Normalize([127 / 255] * 3, [128 / 255] * 3)])
inputs = to_input(picture).unsqueeze(0)

with torch.no_grad():
    probabilities = network(inputs).softmax(dim=1)[0]
for probability, index in zip(*probabilities.topk(5), strict=True):
    print(f"{probability:.3f}  {index:3d}  {class_names[index]}")

# %% [markdown]
# Both objects are seen: a penguin, which it takes for a king penguin, and a soccer ball. These two
# classes are the targets of all that follows.

# %%
targets = [145, 805]
names = [class_names[target] for target in targets]
assert set(probabilities.topk(2).indices.tolist()) == set(targets)

# %% [markdown]
# ## 2. Three maps from Captum
#
# The picture goes in twice, once for each target. Grad-CAM weights the channels of the last block
# by their gradients and adds them; its maps have 7 × 7 positions and are up-sampled. Saliency and
# InputXGradient have a value for every pixel and colour; of these we take the absolute value and
# add up the colours.

# %%
pair = inputs.expand(2, -1, -1, -1).clone().requires_grad_()
last_block = network.get_submodule("_blocks.15")
coarse = captum.attr.LayerGradCam(network, last_block).attribute(
    pair, targets, relu_attributions=True
)
maps = {
    "Grad-CAM": captum.attr.LayerAttribution.interpolate(coarse, (224, 224), "bilinear"),
    "Saliency": captum.attr.Saliency(network).attribute(pair, targets),
    "InputXGradient": captum.attr.InputXGradient(network).attribute(pair, targets).abs(),
}
maps = {name: values.detach().sum(dim=1) for name, values in maps.items()}

# %% [markdown]
# ## 3. The masks of Guided Feature Inversion
#
# It is a Captum attribution and takes targets as the others do. Two layers must be chosen:
#
# - `inversion_layer`: the features that the mask must keep in a first stage of optimisation, before
#   any class is asked for. A late layer follows objects.
# - `mask_layer`: its channels, added up with weights that the optimisation finds, are the mask, so
#   that a mask can only have shapes that the network has drawn itself. Here that is what goes into
#   the pooling layer, hence `attribute_to_layer_input=True`.
#
# `attribute` gives the mask alone, `attribute_with_details` also what the network makes of it. Both
# classes are one batch, and each has its own optimisation in it. By default its second stage has 70
# steps of two passes through the network each; the learning rate is halved every 10 steps, so that
# the last ones move least. To save time we take 50.

# %%
inversion = ic.attr.GuidedFeatureInversion(network, "_blocks.15", "_avg_pooling")
settings = {"attribute_to_layer_input": True, "n_target_steps": 50}
details = inversion.attribute_with_details(inputs.expand(2, -1, -1, -1), targets, **settings)
maps["Guided Feature Inversion"] = details.mask[:, 0]
details


# %% mystnb={"image": {"alt": "Maps of four methods over a picture of a penguin and a ball, a row for each of the two classes"}}
def draw(axis, values, outline=None, image=picture):
    """Draw a map over its picture: yellow is high; the outline is that of the object asked for."""
    axis.imshow(image)
    axis.imshow(values, vmin=0, vmax=values.quantile(0.995), cmap="inferno", alpha=0.7)
    if outline is not None:
        axis.contour(outline, levels=[0.5], colors="white", linewidths=1.5)
    axis.set_axis_off()


figure, axes = plt.subplots(2, 4, figsize=(9, 4.9), layout="constrained")
for column, (method, values) in enumerate(maps.items()):
    axes[0, column].set_title(method, fontsize=11)
    for row in range(2):
        draw(axes[row, column], values[row], object_masks[row])
for row in range(2):
    axes[row, 0].text(-12, 112, names[row], rotation=90, ha="right", va="center", fontsize=12)

# %% [markdown]
# *Emoji artwork in all figures of this page: Twemoji © Twitter, Inc and other contributors,
# [CC-BY 4.0](https://creativecommons.org/licenses/by/4.0/).*
#
# A row is a target, a column a method. Saliency and InputXGradient light up the edges of *both*
# objects in both rows. Grad-CAM and the mask change with the target.

# %% [markdown]
# ## 4. Measured against the objects
#
# As each object's pixels are known, "it looks at the penguin" can be counted:
#
# - `pointing_game`: does the highest point lie on the object, or at most 15 pixels from it?
# - the share of the map that lies on the object asked for, and on the other one;
# - `localize`: the box around all that exceeds 1.5 times the map's mean, and its overlap
#   (intersection over union) with the object's own box.

# %%
object_boxes = ic.attr.localize(object_masks.float(), threshold=0.5)
rows = []
for method, values in maps.items():
    hits = ic.attr.pointing_game(values, object_masks)
    overlaps = box_iou(ic.attr.localize(values), object_boxes).diagonal()
    on_each = (values[:, None] * object_masks).sum((2, 3)) / values.sum((1, 2))[:, None]
    for row in range(2):
        share, other = on_each[row, row].item(), on_each[row, 1 - row].item()
        rows.append((names[row], method, bool(hits[row]), share, other, overlaps[row].item()))
columns = ["target", "method", "points at it", "share on it", "share on the other", "box overlap"]
table = pd.DataFrame(rows, columns=columns).set_index(["target", "method"])
table.loc[names].round(2)

# %% [markdown]
# For a map that knows nothing the two shares would be as the areas of the objects:

# %%
pd.Series(object_masks.float().mean((1, 2)), index=names, name="area").round(2)

# %%
ahead = table["share on it"] > table["share on the other"]
following = ahead.groupby("method").all()
print(following.to_string())
assert following["Grad-CAM"]
assert following["Guided Feature Inversion"]
assert not following["Saliency"]

# %% [markdown]
# Grad-CAM and the mask follow the class: for either target they have more on the object asked for
# than on the other. Of the gradients at the pixels that is not true. The boxes are rough: maps of 7
# × 7 positions cannot draw an outline, and a box takes in whatever else is above the threshold. One
# picture says nothing about which of the two locates better. On average over the pictures of a
# benchmark Grad-CAM does, with one pass where a mask takes 150: the page on Guided Feature
# Inversion, linked below, has the numbers. So why a mask?
#
# ## 5. What the mask adds: the network was asked
#
# A map of gradients is not tested by anything. A mask is: the network has seen what the mask keeps
# (`masked_output`) and what it leaves over (`background_output`), and answered with the probability
# of the class.

# %%
outputs = {
    "the picture": details.input_output,
    "what the mask keeps": details.masked_output,
    "what it leaves over": details.background_output,
}
pd.DataFrame(outputs, index=names).round(3)

# %% [markdown]
# This is how a mask shows that it carries the prediction: with what it keeps the class is more
# probable than on the whole picture, where the other object competes, and with what it leaves over
# the class is all but gone. Look at these numbers before you look at a mask.

# %%
# What was just said must hold, or this page is not built.
assert (details.masked_output > details.input_output).all()
assert (details.background_output < 0.05).all()

# %% [markdown]
# What is kept can be looked at, too. Where the mask is 0, the picture is under a broad blur: the
# default background.

# %% mystnb={"image": {"alt": "What the masks keep and leave over of the picture, for the king penguin and for the soccer ball"}}
blurred = gaussian_blur(inputs, kernel_size=67, sigma=11.0)


def keep(mask):
    """Return the picture where the mask is 1, and its blur where it is 0."""
    return inputs * mask[:, None] + blurred * (1 - mask[:, None])


def show(axis, tensor):
    axis.imshow((tensor * 128 / 255 + 127 / 255).clamp(0, 1).permute(1, 2, 0))
    axis.set_axis_off()


figure, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
for row in range(2):
    mask = details.mask[row]
    show(axes[2 * row], keep(mask)[0])
    show(axes[2 * row + 1], keep(1 - mask)[0])
    axes[2 * row].set_title(f"kept for {names[row]}", fontsize=11)
    axes[2 * row + 1].set_title("left over", fontsize=11)

# %% [markdown]
# Any map can be put to the same question. So that it is a fair one, Grad-CAM's maps are scaled to
# [0, 1], as masks are.

# %%
gradcam = maps["Grad-CAM"] / maps["Grad-CAM"].amax(dim=(1, 2), keepdim=True)
rows = np.arange(2)
with torch.no_grad():
    for method, masks in {"Grad-CAM": gradcam, "the mask": details.mask[:, 0]}.items():
        kept, left = (network(keep(one)).softmax(1)[rows, targets] for one in (masks, 1 - masks))
        print(f"{method:>8}: kept {kept.numpy().round(3)}, left over {left.numpy().round(3)}")

# %% [markdown]
# Here Grad-CAM's map carries the class as well. The difference is that it need not: nothing in its
# computation asks for that, so that you have to test it, as here, while the mask comes with its
# test.
#
# One thing to know when you look at a mask: where the picture and its background are alike, as on
# the plain ground and inside the penguin's white belly, keeping and blurring are the same, and what
# the mask says there means nothing.

# %% [markdown]
# ## 6. Without a class: what the layer keeps at all
#
# With `target=None` only the first stage runs: which part of the picture must stay for the features
# of the inversion layer to stay? No class is asked for, so that this mask is the same whatever you
# are after.

# %%
first_stage = inversion.attribute(inputs, target=None, attribute_to_layer_input=True)[:, 0]

# %% [markdown]
# ## 7. What changes a mask
#
# We ask for the ball once more, and change one thing at a time. The first row changes nothing but
# the batch: the ball is alone in it.

# %%
ball = targets[1]
early_mask = ic.attr.GuidedFeatureInversion(network, "_blocks.15", "_blocks.4")
found = {
    "the same, alone": inversion.attribute_with_details(inputs, ball, **settings),
    'output="logit"': inversion.attribute_with_details(inputs, ball, output="logit", **settings),
    'mask_layer="_blocks.4"': early_mask.attribute_with_details(inputs, ball, n_target_steps=50),
}

# %% mystnb={"image": {"alt": "Four masks for the soccer ball: without a class, alone in its batch, by the logit, and with an early mask layer"}}
masks = {"target=None": first_stage[0], **{name: one.mask[0, 0] for name, one in found.items()}}
figure, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
for axis, (name, mask) in zip(axes, masks.items(), strict=True):
    axis.set_title(name, fontsize=11)
    draw(axis, mask, None if name == "target=None" else object_masks[1])

# %%
rows = {}
for name, mask in masks.items():
    pictures = torch.cat([keep(mask[None]), keep(1 - mask[None])])
    with torch.no_grad():
        kept, left = network(pictures).softmax(1)[:, ball].tolist()
    on_ball, on_penguin = (mask[object_masks[row]].sum() / mask.sum() for row in (1, 0))
    rows[name] = float(on_ball), float(on_penguin), kept, left
columns = ["share on the ball", "share on the penguin", "ball in what is kept", "in what is left"]
pd.DataFrame.from_dict(rows, orient="index", columns=columns).round(3)

# %% [markdown]
# - `target=None` was not told what to keep, and keeps something of both objects. It is the second
#   stage that tells them apart.
# - `output="logit"` raises the class's logit instead of its probability. A probability near 0 or 1
#   hardly changes with the mask any more; a logit does.
# - An early `mask_layer` draws with edges, those of both objects. Late layers, whose coarse maps
#   follow objects, make better masks.
# - `inversion_layer` is changed in the same way (not done here): an early one asks the first stage
#   to keep detail, and the second stage starts from there.
# - And alone in its batch the ball gets a somewhat different mask than together with the penguin,
#   although each picture has an optimisation of its own. Numbers in single precision are rounded
#   differently in batches of different sizes, and the optimisation amplifies that. In double
#   precision (`network.double()`, `inputs.double()`) the two agree. Differences between variants
#   that are no larger than this one say nothing.

# %% [markdown]
# ## 8. The background is part of the question
#
# A real picture this time: a photograph of a cat above one of a cup of espresso. We ask for the
# espresso, with all 70 steps.

# %%
halves = [
    ImageOps.fit(Image.fromarray(photograph), (224, 112), Image.Resampling.BICUBIC)
    for photograph in (data.chelsea(), data.coffee())
]
photographs = Image.fromarray(np.concatenate([np.asarray(half) for half in halves]))
espresso = class_names.index("espresso")
inputs_of_both = to_input(photographs).unsqueeze(0)

coarse = captum.attr.LayerGradCam(network, last_block).attribute(
    inputs_of_both, espresso, relu_attributions=True
)
gradcam = captum.attr.LayerAttribution.interpolate(coarse.detach(), (224, 224), "bilinear")
by_background = {
    name: inversion.attribute_with_details(
        inputs_of_both, espresso, background=name, attribute_to_layer_input=True
    )
    for name in ("blur", "mean")
}

# %% mystnb={"image": {"alt": "A cat above a cup of espresso, and the maps for espresso: Grad-CAM, and masks with a blurred and with a mean background"}}
figure, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
axes[0].set_title("the picture", fontsize=11)
axes[0].imshow(photographs)
axes[0].set_axis_off()
axes[1].set_title("Grad-CAM", fontsize=11)
draw(axes[1], gradcam[0, 0], image=photographs)
for axis, (name, one) in zip(axes[2:], by_background.items(), strict=True):
    axis.set_title(f'mask, background="{name}"', fontsize=11)
    draw(axis, one.mask[0, 0], image=photographs)

# %% [markdown]
# *Photographs: scikit-image.*
#
# Both masks lie below, but not in the same place: how much of the coffee itself is kept depends on
# the background. So does what it means to take the coffee away. We do it by hand, and ask the
# network:

# %%
down, across = torch.meshgrid(torch.arange(224), torch.arange(224), indexing="ij")
coffee = ((across - 111) / 42) ** 2 + ((down - 142) / 30) ** 2 < 1  # the inside of the cup
backgrounds = {
    "blur": gaussian_blur(inputs_of_both, kernel_size=67, sigma=11.0),
    "mean": inputs_of_both.mean((2, 3), keepdim=True),
}
with torch.no_grad():
    on_picture = network(inputs_of_both).softmax(1)[0, espresso].item()
    without = {
        name: network(torch.where(coffee, background, inputs_of_both))
        .softmax(1)[0, espresso]
        .item()
        for name, background in backgrounds.items()
    }
on_coffee = {name: one.mask[0, 0][coffee].mean().item() for name, one in by_background.items()}
print(f"espresso on the picture: {on_picture:.4f}")
for name in backgrounds:
    print(f"coffee under {name}: {without[name]:.4f}; mask on the coffee: {on_coffee[name]:.2f}")

# %% [markdown]
# A cup of coffee under a blur is still brown and round, and more of the class is left than when the
# picture's mean colour takes its place. Where taking away costs less, there is less to keep, and
# the mask goes elsewhere. Whenever a mask surprises, look at its background first.

# %%
# What was just said must hold, or this page is not built.
assert without["mean"] < without["blur"] < on_picture
assert on_coffee["blur"] < on_coffee["mean"]
assert all(one.mask[..., 112:, :].sum() > one.mask.sum() / 2 for one in by_background.values())

# %% [markdown]
# ## 9. A neuron instead of a class
#
# A class is the sum of what neurons say. Which of the 1,280 neurons before the last layer speaks
# most for the penguin where the picture shows nothing but the penguin: by its activation times its
# weight for the penguin, less its weight for the ball? And which for the ball, where the ball is
# alone?

# %%
ground = to_input(Image.new("RGB", (1, 1), "#c9cdd2"))
alone = torch.where(object_masks[:, None], inputs, ground)

labeler = ic.NeuronConceptLabeler(network, "_avg_pooling")
activations = labeler.extract(alone)
weights = network.get_submodule("_fc").weight.detach()[targets]
votes = activations * (weights - weights.flip(0))
neurons = dict(zip(names, votes.argmax(dim=1).tolist(), strict=True))
columns = [f"neuron {neuron}" for neuron in neurons.values()]
on_each = activations[:, list(neurons.values())]
pd.DataFrame(on_each, index=[f"{name} alone" for name in names], columns=columns).round(2)

# %% [markdown]
# `NeuronGuidedFeatureInversion` asks what must stay for a neuron to stay active. The neuron's
# activation, divided by its value on the whole picture, takes the place of the class.

# %% mystnb={"image": {"alt": "Masks of two neurons over the picture: one on the penguin, one on the ball"}}
of_neuron = ic.attr.NeuronGuidedFeatureInversion(
    network, "_avg_pooling", inversion_layer="_blocks.15", mask_layer="_avg_pooling"
)
figure, axes = plt.subplots(1, 2, figsize=(7, 3.8), layout="constrained")
for axis, (name, neuron) in zip(axes, neurons.items(), strict=True):
    one = of_neuron.attribute_with_details(inputs, neuron, **settings)
    draw(axis, one.mask[0, 0])
    axis.set_title(f"neuron {neuron}, for the {name}", fontsize=11)
    whole, kept, left = one.input_output, one.masked_output, one.background_output
    print(f"neuron {neuron}: {whole.item():.2f} on the picture, ", end="")
    print(f"{kept.item():.2f} on what is kept, {left.item():.2f} on the rest")
    row = names.index(name)
    assert one.mask[0, 0][object_masks[row]].mean() > one.mask[0, 0][object_masks[1 - row]].mean()

# %% [markdown]
# Each mask lies on the object for which its neuron was chosen. Read the numbers as those of a
# class: where much of the activation is left on the rest, the mask holds only a part of what
# excites the neuron, and is a poor one. What a neuron stands for beyond this one picture is what
# `NeuronConceptLabeler.interpret` finds out.

# %% [markdown]
# ## What to take along
#
# - **Where is the object?** Take Grad-CAM: it locates better on average and costs one pass.
# - **What does the prediction need?** Take a mask, and read `masked_output` and `background_output`
#   with it. Only a mask with a high first and a low second number carries the prediction.
# - **A mask is relative to its background and its layers.** State both. Where a mask surprises,
#   change the background.
# - **Single precision is not exact.** The optimisation amplifies rounding: the same picture in
#   another batch, or on another machine, gets a somewhat different mask. Read regions, not pixels.
# - **A class that the picture does not show** has a mask, too. Its `input_output` says so.
#
# ## Where to go on
#
# - {doc}`/explanation/feature_inversion`: the equations, and the measurements on many pictures.
# - {doc}`/how_to/invert_features`: layers for other networks, and what each warning means.
# - {doc}`/tutorials/label_a_network`: what neurons stand for.
