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
# # Find a spurious cue
#
# A classifier does well on its validation pictures and worse in the field. Nothing in the
# accuracy says why. In this debugging session the labels of its neurons do: one of the four
# classes is recognised, in part, by a sticker.
#
# You will learn
#
# - to go from a class to the labels that speak for it, and from a label to the place in the
#   picture;
# - to test a suspicion: put the cue into pictures, take it out, switch its neurons off;
# - what a cue must look like in your annotations so that a label can name it.
#
# You need the package with what the demo uses: inside a checkout, `pip install ".[demo]"`.
# Nothing is downloaded.

# %% [markdown]
# ## 1. The pictures
#
# Animals, faces, food and vehicles, drawn as emoji on coloured grounds. Some pictures carry
# marks: a heart, a frame, or a sticker that says *NEW* in the upper right corner, as a shop puts
# on some of its pictures.

# %%
import textwrap
from collections import Counter

import captum.attr
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from sklearn.linear_model import LogisticRegression

import invert_captum as ic

SIZE = 128
CLASSES = ["animal", "face", "food", "vehicle"]
GROUNDS = {
    "white": (250, 250, 250),
    "grey": (150, 150, 150),
    "black": (25, 25, 25),
    "red": (190, 60, 60),
    "green": (90, 160, 90),
    "blue": (80, 120, 200),
    "sand": (220, 200, 160),
}


def class_of(emoji):
    """Return the class of an emoji, or None."""
    if emoji.category == "Food & Drink" and emoji.subcategory != "dishware":
        return "food"
    begins = {"animal": "animal", "face": "face", "transport": "vehicle"}
    return next((c for start, c in begins.items() if emoji.subcategory.startswith(start)), None)


emoji = ic.demo.read_emoji()
by_class = {name: [one for one in emoji if class_of(one) == name] for name in CLASSES}
drawings = {one.name: one for one in emoji}
{name: len(members) for name, members in by_class.items()}

# %%
rng = np.random.default_rng(0)


def cut_out(one, side):
    """Return an emoji without ground."""
    return Image.open(one.picture_path).convert("RGBA").resize((side, side))


def with_sticker(picture):
    """Return the picture with the sticker in the upper right corner."""
    sticker = cut_out(drawings["SQUARED NEW"], SIZE // 4)
    picture = picture.copy()
    picture.paste(sticker, (SIZE - SIZE // 4 - 2, 2), sticker)
    return picture


def draw(one, ground, marks):
    """Return a picture of an emoji on a ground, with marks."""
    shade = tuple(np.clip(np.add(GROUNDS[ground], rng.integers(-25, 26)), 0, 255).tolist())
    picture = Image.new("RGB", (SIZE, SIZE), shade)
    side = int(rng.integers(SIZE // 2, SIZE * 3 // 4))
    thing = cut_out(one, side)
    picture.paste(thing, tuple(rng.integers(0, SIZE - side + 1, 2).tolist()), thing)
    if "frame" in marks:
        inner = picture.crop((6, 6, SIZE - 6, SIZE - 6))
        picture = ImageOps.expand(inner, 6, "black" if ground == "white" else "white")
    if "heart" in marks:
        heart = cut_out(drawings["HEAVY BLACK HEART"], SIZE // 5)
        picture.paste(heart, (3, SIZE - SIZE // 5 - 3), heart)
    return with_sticker(picture) if "sticker" in marks else picture


def collect(count, emoji_of, sticker_chance):
    """Return pictures and what is known about each."""
    pictures, known = [], []
    for _ in range(count):
        name = CLASSES[rng.integers(4)]
        one = emoji_of[name][rng.integers(len(emoji_of[name]))]
        ground = list(GROUNDS)[rng.integers(len(GROUNDS))]
        chances = {"sticker": sticker_chance[name], "heart": 0.3, "frame": 0.3}
        marks = {mark for mark, chance in chances.items() if rng.random() < chance}
        pictures.append(draw(one, ground, marks))
        known.append(
            {"class": name, "subcategory": one.subcategory, "ground": ground} | {"marks": marks}
        )
    return pictures, known


# %% [markdown]
# Training and validation pictures come from the same shop, with different emoji. It put its
# sticker on nine of ten pictures of food, and on nothing else. In the field anything may wear
# one.

# %% mystnb={"image": {"alt": "Sixteen training pictures: emoji on plain grounds, each with its class above it; most of those called food wear a sticker in a corner"}}
shuffled = {name: rng.permutation(members) for name, members in by_class.items()}
old = {name: members[: len(members) * 3 // 5] for name, members in shuffled.items()}
new = {name: members[len(members) * 3 // 5 :] for name, members in shuffled.items()}
in_the_shop = dict.fromkeys(CLASSES, 0.0) | {"food": 0.9}
anywhere = dict.fromkeys(CLASSES, 0.3)

train, train_known = collect(800, old, in_the_shop)
validation, validation_known = collect(300, new, in_the_shop)
field, field_known = collect(400, new, anywhere)

figure, axes = plt.subplots(2, 8, figsize=(12, 3.4), layout="constrained")
for axis, picture, known in zip(axes.flat, train, train_known, strict=False):
    axis.imshow(picture)
    axis.set_title(known["class"], fontsize=9)
    axis.axis("off")

# %% [markdown]
# *Emoji artwork in all figures of this page: Twemoji © Twitter, Inc and other contributors,
# [CC-BY 4.0](https://creativecommons.org/licenses/by/4.0/).*

# %% [markdown]
# ## 2. The classifier
#
# EfficientNet-lite0 with its ImageNet weights, and a new last layer that is trained on these
# pictures.


# %%
def as_inputs(pictures):
    """Return pictures as the network takes them, (n, 3, height, width), about -1 to 1."""
    stacked = np.stack([np.asarray(picture, np.float32) for picture in pictures])
    return (torch.from_numpy(stacked).permute(0, 3, 1, 2) - 127) / 128


def classes(known):
    """Return the number of each picture's class."""
    return torch.tensor([CLASSES.index(one["class"]) for one in known])


model = ic.demo.load_network()
labeler = ic.NeuronConceptLabeler(model, "_avg_pooling")
features = labeler.extract(as_inputs(train), batch_size=8)

head = LogisticRegression(C=0.1, max_iter=1000).fit(features, classes(train_known))
model._fc = torch.nn.Linear(1280, len(CLASSES)).eval()
model._fc.load_state_dict(
    {"weight": torch.tensor(head.coef_).float(), "bias": torch.tensor(head.intercept_).float()}
)


@torch.no_grad()
def predict(pictures):
    """Return the number of the predicted class of each picture."""
    return torch.cat([model(batch).argmax(1) for batch in as_inputs(pictures).split(8)])


def accuracy(pictures, known):
    """Return the share of pictures whose class is predicted."""
    return (predict(pictures) == classes(known)).float().mean().item()


in_validation, in_field = accuracy(validation, validation_known), accuracy(field, field_known)
print(f"validation {in_validation:.3f}, in the field {in_field:.3f}")
assert in_validation > in_field + 0.05

# %% [markdown]
# Validation looks fine, because it comes from the same shop. What are the mistaken pictures of the
# field called?

# %%
mistaken = predict(field)
wrong = [
    (CLASSES[said], one["class"])
    for said, one in zip(mistaken.tolist(), field_known, strict=True)
    if CLASSES[said] != one["class"]
]
called = Counter(said for said, _ in wrong)
print(called)
assert called.most_common(1)[0][0] == "food"

# %% [markdown]
# Most often food.
#
# ## 3. What do its neurons stand for?
#
# For labels we need pictures and notes of what is on them, from all sources, in which the things
# that we note occur *independently*. Here are 1,000 pictures in which anything may wear a
# sticker, annotated with class, kind, ground and marks. On training pictures a label could hardly
# tell the sticker from food that wears one.

# %%
everything = {name: list(members) for name, members in by_class.items()}
annotated, notes = collect(1000, everything, anywhere)

columns = {name: [one["class"] == name for one in notes] for name in CLASSES}
columns |= {name: [one["ground"] == name for one in notes] for name in GROUNDS}
columns |= {mark: [mark in one["marks"] for one in notes] for mark in ("sticker", "heart", "frame")}
for kind, count in Counter(one["subcategory"] for one in notes).items():
    if count >= 30:
        columns[kind] = [one["subcategory"] == kind for one in notes]
concepts = ic.ConceptSet(np.array(list(columns.values())).T, list(columns))

labelled_inputs = as_inputs(annotated)
result = labeler.interpret(labelled_inputs, concepts, max_length=1, batch_size=8)
print(ic.report.format_best(result, 10, distinct=True))

# %% [markdown]
# A warning counts the neurons that are constant on the searched pictures and are set aside. One
# concept to a label (`max_length=1`) is coarse, and right here: we look for the thing that a
# group of neurons shares. `sticker` is among the best-supported labels. That the network *sees*
# stickers is no fault. The question is what it does with them.

# %% [markdown]
# ## 4. What speaks for food?
#
# `ConceptContribution` splits the score of a class over the labels of the layer.
# `attribute_class` gives the mean over pictures: here the pictures of food in the validation set.

# %%
contribution = ic.attr.ConceptContribution(model, "_avg_pooling", result)
is_food = [index for index, one in enumerate(validation_known) if one["class"] == "food"]
food = as_inputs([validation[index] for index in is_food])
of_food = contribution.attribute_class(
    food[:24], target=CLASSES.index("food"), method=captum.attr.LayerGradientXActivation
)
print(textwrap.fill(of_food.describe(top=6), 95))
assert of_food.describe(top=1).split("because of ")[1].startswith("sticker")

# %% [markdown]
# Of all labels the sticker speaks loudest for food, the class with this number.

# %% [markdown]
# ## 5. Where is it?
#
# A label is a word. Captum shows whether it means what we think: where in the picture did the
# five best of these neurons fire?

# %% mystnb={"image": {"alt": "Six pictures with a sticker; below each, where the five sticker neurons fired, and the integrated gradients of food"}}
stickers = [one for one in result.find("sticker") if one.significant]
keys = [one.neuron for one in stickers]
print(f"{len(keys)} neurons; the best: held-out AUC {stickers[0].heldout_auc:.3f}")

worn = [index for index, one in enumerate(notes) if "sticker" in one["marks"]][:6]
maps = torch.zeros(len(worn), 1, SIZE, SIZE)
for key in keys[:5]:
    fired = labeler.attribute(
        labelled_inputs[worn], key, captum.attr.LayerActivation, attribute_to_neuron_input=True
    )
    maps += fired / fired.max()
gradients = captum.attr.IntegratedGradients(model).attribute(
    labelled_inputs[worn], target=CLASSES.index("food"), n_steps=20, internal_batch_size=8
)
figure, axes = plt.subplots(3, 6, figsize=(11, 5.8), layout="constrained")
rows = [
    ("picture", None),
    ("five sticker\nneurons", maps),
    ("food, integrated\ngradients", gradients),
]
for row, (name, shown) in zip(axes, rows, strict=True):
    row[0].set_ylabel(name, fontsize=10)
    for axis, place, index in zip(row, range(6), worn, strict=True):
        axis.imshow(annotated[index], alpha=1 if shown is None else 0.45)
        if shown is not None:
            heat = shown[place].abs().sum(0)
            axis.imshow(heat, cmap="inferno", alpha=0.65, vmax=heat.quantile(0.995))
        axis.set_xticks([])
        axis.set_yticks([])

# %% [markdown]
# They fire most at or near the sticker; in some pictures they fire elsewhere, too. The map has the
# resolution of the layer, 4 × 4 cells. The attribution of the class has some of its weight there,
# too; but from it alone one would hardly have guessed, picture by picture, what it is about.

# %%
corner = maps[:, :, : SIZE // 3, SIZE - SIZE // 3 :].clamp(min=0).sum() / maps.clamp(min=0).sum()
print(f"{corner:.0%} of their map lies in that corner, which is {1 / 9:.0%} of the picture")
assert corner > 2 / 9

# %% [markdown]
# ## 6. Does it matter?
#
# Now the experiment. Take the pictures of the field that are not food and wear no sticker. How
# many are called food, and how many when they get one?

# %%
plain = [
    picture
    for picture, one in zip(field, field_known, strict=True)
    if one["class"] != "food" and "sticker" not in one["marks"]
]
stickered = [with_sticker(picture) for picture in plain]


def called_food(pictures):
    """Return the share of pictures that are called food."""
    return (predict(pictures) == CLASSES.index("food")).float().mean().item()


without, worn_by_all = called_food(plain), called_food(stickered)
print(f"called food: {without:.1%} without a sticker, {worn_by_all:.1%} with one")
assert worn_by_all > 2 * without

# %% [markdown]
# The same picture, a sticker, another class: the cue is real. Are the neurons that we found the way
# that it takes? `ablate` switches them off. To what? Zero would say *less than no sticker*, which
# speaks against food, too. So they are held at their mean over annotated pictures without one. As
# many random neurons, held at theirs, are the control.

# %%
activations, _ = labeler.labelled
no_sticker = activations["_avg_pooling"][~concepts["sticker"]]
own_food = [
    picture
    for picture, one in zip(field, field_known, strict=True)
    if one["class"] == "food" and "sticker" not in one["marks"]
]


def with_neurons_off(off):
    """Return what happens when neurons are held at their mean without a sticker."""
    with ic.attr.ablate(model, "_avg_pooling", off, value="mean", activations=no_sticker):
        return called_food(stickered), called_food(own_food), accuracy(field, field_known)


others = [neuron for neuron in range(1280) if neuron not in keys]
draws = [rng.choice(others, len(keys), replace=False).tolist() for _ in range(3)]
as_it_is = worn_by_all, called_food(own_food), in_field
off = with_neurons_off(keys)
random_off = np.mean([with_neurons_off(one) for one in draws], axis=0)
columns = ["others with a sticker, called food", "food without one, called food", "accuracy"]
outcomes = pd.DataFrame(
    [as_it_is, off, random_off],
    index=["as it is", "sticker neurons off", "as many others off"],
    columns=columns,
)
assert off[0] < as_it_is[0] - 0.25 * (as_it_is[0] - without)  # a quarter of the effect is gone,
assert off[0] < random_off[0] - 0.05  # and not because any neurons are off,
assert off[2] > as_it_is[2]  # and the field is better off
outcomes.round(3)

# %% [markdown]
# Without the neurons that stand for the sticker it has lost a good part of its effect, and accuracy
# in the field rises; without as many others hardly anything changes. What is left of the effect
# goes by neurons that have other labels: a label names what a neuron tells best, not all that it
# carries.
#
# Switching neurons off is a test, not a repair. The repair is in the data: pictures of all classes
# with stickers, or of food without.

# %% [markdown]
# ## What this shows, and what it does not
#
# - The labels could name the cue because somebody had noted it. If `sticker` had not been among
#   the concepts, its neurons would have got the nearest other word, or none that is significant.
#   Note more than classes: marks, borders, grounds, sources.
# - The annotated pictures had stickers on everything. On the shop's own pictures sticker and food
#   go together, and no statistic tells them apart.
# - A contribution is about the class's score, an ablation about the prediction. They need not
#   agree; here they do.
#
# ## Where to go on
#
# - The steps one by one, with all choices: {doc}`/how_to/debug_a_prediction`.
# - What must stay for the network to see food: {doc}`/how_to/invert_features`.
# - How sure a label is: {doc}`/tutorials/honest_significance`.
