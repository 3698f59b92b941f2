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
# # Harmonize a small network and see what it looks at
#
# A network can be right for the wrong reason: it names the animal by the lawn it stands on. If it
# is known where people look to name the same thing, two things can be done about it. One can
# *measure* whether the network looks there, too; and one can *train* it to, with a term of the loss
# that compares its gradient at the picture with the map of where people look. That is
# Harmonization.
#
# You will learn
#
# - to train a network with human maps, and the same network without, and to see what that costs;
# - to measure where both look, with an interval, and against maps that know nothing of the picture;
# - what a harmonized network can and cannot do.
#
# You need the package with what the demo uses, and scikit-image for photographs: inside a checkout,
# `pip install ".[demo]" scikit-image`. Nothing is downloaded, and no GPU is needed. Most of the
# time goes into two trainings of a small network.

# %% [markdown]
# ## 1. Pictures whose background gives the class away
#
# We need a setting in which the wrong reason is known. Emoji of six classes are pasted on
# photographs, and each class has a photograph of its own, on which nine of ten of its training
# pictures are. In the test no picture is on the photograph of its class: who goes by the photograph
# is wrong.
#
# No emoji of the test is in training, nor a near-duplicate of one, such as the same person with
# other hair: `emoji_groups` says which belong together.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from PIL import Image
from skimage import data
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import invert_captum as ic

# The classes, and the subcategory of Unicode that each is.
CLASSES = {
    "mammal": "animal-mammal",
    "vehicle": "transport-ground",
    "clothing": "clothing",
    "dish": "food-prepared",
    "person": "person-role",
    "building": "place-building",
}
SIDE = 32  # pixels

emoji = ic.demo.read_emoji()
groups = ic.demo.emoji_groups(emoji)
tested = np.random.default_rng(0).permutation(np.unique(groups))[::4]
drawings = {
    split: [
        [
            Image.open(one.picture_path).convert("RGBA")
            for one, group in zip(emoji, groups, strict=True)
            if one.subcategory == subcategory and (group in tested) == (split == "test")
        ]
        for subcategory in CLASSES.values()
    ]
    for split in ("training", "test")
}
photographs = [
    Image.fromarray(photograph())
    .convert("L")
    .resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC)
    for photograph in (
        data.astronaut,
        data.brick,
        data.chelsea,
        data.coffee,
        data.grass,
        data.rocket,
    )
]

counts = {split: [len(one) for one in classes] for split, classes in drawings.items()}
pd.DataFrame(counts, index=CLASSES).T

# %% [markdown]
# A picture is grey, 32 × 32 pixels: a random crop of a photograph with an emoji of 12 to 16 pixels
# at a random place.
#
# And the human map? Maps of real people, such as those of the game ClickMe, are not part of any
# package. Here the emoji's place stands for where people would look: its silhouette, blurred as
# ClickMe's maps are, with a kernel scaled to the resolution.


# %%
def paste(split, label, photograph, rng):
    """Return a picture and the emoji's silhouette in it, both in [0, 1]."""
    side = int(rng.integers(12, 17))
    left, top = (int(place) for place in rng.integers(0, SIDE - side + 1, 2))
    across, down = (int(place) for place in rng.integers(0, SIDE + 1, 2))
    picture = photographs[photograph].crop((across, down, across + SIDE, down + SIDE))
    drawing = drawings[split][label][rng.integers(len(drawings[split][label]))]
    drawing = drawing.resize((side, side), Image.Resampling.BICUBIC)
    silhouette = Image.new("L", (SIDE, SIDE))
    silhouette.paste(drawing.getchannel("A"), (left, top))
    picture.paste(drawing.convert("L"), (left, top), drawing)
    return np.float32(picture) / 255, np.float32(silhouette) / 255


def make_data(split, n, share_on_own, seed):
    """Return n pictures, labels and human maps; a share is on the photograph of its class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CLASSES), size=n)
    others = (labels + rng.integers(1, len(CLASSES), size=n)) % len(CLASSES)
    chosen = np.where(rng.random(n) < share_on_own, labels, others)
    pairs = [paste(split, *one, rng) for one in zip(labels, chosen, strict=True)]
    images, silhouettes = (
        torch.from_numpy(np.stack(arrays)) for arrays in zip(*pairs, strict=True)
    )
    human_maps = ic.alignment.gaussian_blur(silhouettes, size=5, sigma=5.0)
    return TensorDataset(images.unsqueeze(1), torch.from_numpy(labels), human_maps)


training = make_data("training", 6400, share_on_own=0.9, seed=1)
misleading = make_data("test", 500, share_on_own=0.0, seed=2)
matching = make_data("test", 500, share_on_own=1.0, seed=3)

# %% mystnb={"image": {"alt": "Pictures of six classes in grey: emoji on photographs in training and in the test, and the human maps of the latter, bright where the emoji is"}}
figure, axes = plt.subplots(3, 6, figsize=(9, 4.8), layout="constrained")
titles = {"training": training, "test": misleading, "human map": misleading}
for row, (title, pictures) in zip(axes, titles.items(), strict=True):
    images, labels, human_maps = pictures.tensors
    shown = human_maps if title == "human map" else images[:, 0]
    for label, axis in enumerate(row):
        axis.imshow(shown[labels == label][0], cmap="gray", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(title, fontsize=12)
for axis, name in zip(axes[0], CLASSES, strict=True):
    axis.set_title(name, fontsize=12)

# %% [markdown]
# *Emoji artwork in all figures of this page: Twemoji © Twitter, Inc and other contributors,
# [CC-BY 4.0](https://creativecommons.org/licenses/by/4.0/). Photographs: scikit-image.*
#
# ## 2. Train twice
#
# The network has four convolutions, with softplus in the place of ReLU: its gradient is to be
# trained, and a gradient that jumps is hard to train. `harmonize` is a training loop; its batches
# are images, labels and human maps. Both runs begin with the same weights, see the same batches in
# the same order, and take as many steps. They differ in one number, the weight λ of the
# disagreement with the human maps: 0 in the plain run, 0.5 in the harmonized one.


# %%
N_EPOCHS = 4


def make_network():
    torch.manual_seed(0)
    layers, before = [], 1
    for channels, stride in ((16, 1), (32, 2), (64, 2), (64, 1)):
        convolution = nn.Conv2d(before, channels, 3, stride=stride, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(channels), nn.Softplus(beta=5)]
        before = channels
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, len(CLASSES))
    return nn.Sequential(*layers, *head)


def train(strength):
    network = make_network().train()
    order = torch.Generator().manual_seed(0)
    batches = DataLoader(training, batch_size=64, shuffle=True, generator=order)
    optimizer = torch.optim.Adam(network.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=4e-3, epochs=N_EPOCHS, steps_per_epoch=len(batches)
    )
    loss = ic.alignment.HarmonizationLoss(lambda_harmonization=strength)
    log = ic.alignment.harmonize(
        network, batches, optimizer, n_epochs=N_EPOCHS, loss=loss, scheduler=rate
    )
    return network.eval(), log


plain, plain_log = train(0.0)
harmonized, harmonized_log = train(0.5)
harmonized_log[["epoch", "step", "total", "cross_entropy", "harmonization", "seconds"]].tail(3)

# %% mystnb={"image": {"alt": "Cross-entropy and disagreement with human maps by step, of the plain and of the harmonized run"}}
terms = {"cross_entropy": "cross-entropy", "harmonization": "disagreement with human maps"}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for axis, (term, title) in zip(axes, terms.items(), strict=True):
    for log, name, colour in (
        (plain_log, "plain", "#d55e00"),
        (harmonized_log, "harmonized", "#0072b2"),
    ):
        axis.plot(log["step"], log[term].rolling(10).median(), color=colour, label=name)
    axis.set_title(f"{title},\nmedian of 10 steps", fontsize=12)
    axis.set(xlabel="step", ylim=0)
    axis.legend(frameon=False, fontsize=11)

# %%
seconds = {"plain": plain_log["seconds"].median(), "harmonized": harmonized_log["seconds"].median()}
for name, one in seconds.items():
    print(f"{name:>10}: {one:.3f} s a step")
print(f"     ratio: {seconds['harmonized'] / seconds['plain']:.1f}")

# %% [markdown]
# The cross-entropy of both falls alike; the disagreement stays lower where it is part of the loss.
# It costs time, because the gradient at the picture has to be derived once more. (The plain run
# computes the disagreement as well, for this log. Compared with training that does not, the ratio
# is larger.)
#
# ## 3. What do they go by?
#
# The accuracy of both networks on unseen emoji, on photographs of their class and of other classes.
# By chance one in six would be right.


# %%
def evaluate(network, pictures, attribution=None):
    batches = DataLoader(pictures, batch_size=100)
    return ic.alignment.evaluate_alignment(network, batches, attribution, human_ceiling=1)


scores = {"plain": evaluate(plain, misleading), "harmonized": evaluate(harmonized, misleading)}
pd.DataFrame(
    {
        "class's own photograph": {
            "plain": evaluate(plain, matching).accuracy,
            "harmonized": evaluate(harmonized, matching).accuracy,
        },
        "another class's": {name: one.accuracy for name, one in scores.items()},
    }
).round(3)

# %% [markdown]
# The plain network names the photograph. On the photograph of another class it is worse than
# chance, because it names that other class. Harmonization does not change this here. Keep that in
# mind for what comes next.

# %%
# What was just said must hold, or this page is not built.
assert max(one.accuracy for one in scores.values()) < 1 / len(CLASSES)

# %% [markdown]
# ## 4. Where do they look?
#
# `evaluate_alignment` computes for each picture the saliency of its class, the largest |gradient|
# over the colours, and its rank correlation (Spearman) with the human map; further, how well their
# top tenths overlap (Dice, intersection over union). `alignment` is the correlation as a share of
# that of people with each other, which is known for ClickMe's maps; our maps are not made by
# people, so that `human_ceiling=1` leaves it as it is.

# %%
scores["harmonized"].summary().round(3)

# %% [markdown]
# A correlation of, say, 0.4: is that much? Two maps that were never trained tell: the saliency of
# the network before its first step, and a spot in the middle of every picture, which is nobody's
# attribution at all. A function of images and labels does for an attribution.

# %%
steps = torch.arange(SIDE) - (SIDE - 1) / 2
spot = torch.exp(-(steps[:, None] ** 2 + steps**2) / 128)


def middle(images, _):
    return spot.expand(len(images), -1, -1)


scores["untrained"] = evaluate(make_network(), misleading)
scores["the middle"] = evaluate(plain, misleading, middle)
for name, one in scores.items():
    spearman, dice = (one.summary().loc[measure] for measure in ("spearman", "dice"))
    print(f"{name:>10}: Spearman {spearman['mean']:.2f}", end=" ")
    print(f"({spearman['low']:.2f} to {spearman['high']:.2f}), Dice {dice['mean']:.2f}", end=" ")
    print(f"({dice['low']:.2f} to {dice['high']:.2f})")

# %% [markdown]
# In brackets are 95 % intervals over pictures. By Spearman the middle does surprisingly well: most
# of a picture is background and has the same low rank in every human map, and an emoji of this size
# can nowhere be far from the middle. Dice, which looks at the highest tenth only, is not taken in
# as easily. Report both, and such a map beside them.
#
# A network that had learnt to look at the middle would have a high correlation, too. So there is a
# second question: does its map agree with the human map of *this* picture more than with that of
# another one?

# %%
images, labels, human_maps = misleading.tensors
exchanged = TensorDataset(images, labels, human_maps.roll(1, dims=0))
exchanged_scores = {
    "plain": evaluate(plain, exchanged),
    "harmonized": evaluate(harmonized, exchanged),
    "untrained": evaluate(make_network(), exchanged),
    "the middle": evaluate(plain, exchanged, middle),
}
gain = {}
for name, other in exchanged_scores.items():
    own, another = scores[name].spearman.mean(), other.spearman.mean()
    gain[name] = own - another
    print(f"{name:>10}: Spearman {own:.2f} with its own human map, {another:.2f} with another's")

# %% [markdown]
# The middle agrees with either alike. The harmonized network follows the emoji to where it is.
#
# How sure is the difference between the two trainings? `compare_alignment` takes the pictures in
# pairs, with bootstrap intervals over pictures and the p-values of a test that flips signs.

# %%
difference = ic.alignment.compare_alignment(scores["plain"], scores["harmonized"])
difference.to_frame().round(4)

# %%
# What was just said must hold, or this page is not built.
assert difference.spearman.low > 0.05
assert scores["harmonized"].dice.mean() > scores["the middle"].dice.mean()
assert gain["harmonized"] > gain["plain"] > gain["untrained"]
assert abs(gain["the middle"]) < 0.05

# %% [markdown]
# Spearman rises, and its interval is far above 0. The interval is over pictures, which it takes for
# independent although several show the same emoji, and it says nothing about another pair of
# trainings. For accuracy read the interval, too, before you believe in a rise or a fall.
#
# ## 5. See it
#
# `plot_maps` puts pictures, human maps and the maps of networks side by side; `alignment_maps`
# computes the latter as `evaluate_alignment` does. These are the first pictures of four classes,
# none chosen.

# %% mystnb={"image": {"alt": "Four pictures in rows, their human maps, and where the plain and the harmonized network look"}}
rows = [int((labels == label).nonzero()[0]) for label in range(4)]
maps = {
    name: ic.alignment.alignment_maps(network, images[rows], labels[rows])
    for name, network in (("plain", plain), ("harmonized", harmonized))
}
titles = list(CLASSES)[:4]
ic.alignment.plot_maps(images[rows], human_maps[rows], maps, titles=titles)

# %% [markdown]
# ## What follows, and what does not
#
# - **Where a network's gradient is large can be trained**, with a few lines and some more time.
# - **Looking at the object is not yet naming it.** The harmonized network looks at the emoji and
#   still goes by the photograph. The gradient says what a *small change* of a pixel would do to the
#   output, not what the output is made of. Measure both, on pictures on which the cue misleads.
# - **Compare with maps that know nothing**, and with the human maps of other pictures. A
#   correlation alone says little.
# - **Colour does not follow.** The loss trains the signed mean of the gradient over the colours, as
#   published, while the evaluation takes the largest |gradient|. In grey these are nearly the same.
#   In colour they are not: measured on colour pictures of this kind, the one rises by far and the
#   other hardly.
# - **λ is a choice**: too large a λ costs accuracy. Choose it on a validation set.
# - **One pair of small networks on drawings** was shown here. The benchmark behind the page on
#   Harmonization has more seeds, both kinds of backgrounds, colour, and a pretrained network; it
#   changed far less.
#
# ## Where to go on
#
# - {doc}`/explanation/harmonization`: the equations, the measurements, and what does not follow.
# - {doc}`/how_to/evaluate_alignment`: measure your own network, also on ClickMe's maps.
# - {doc}`/how_to/train_with_human_maps`: checkpoints, schedules, mixed precision, pictures without
#   maps.
