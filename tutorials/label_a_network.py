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
# # Label a pretrained network and read the result
#
# A layer of a network has hundreds of neurons, and each of them fires for something. Here we take
# a network that was trained on ImageNet, show it 1,889 emoji, and ask of each of the 1,280 neurons
# before its classifier: which combination of what is known about the emoji does it tell from the
# rest? And how sure is that?
#
# You will learn
#
# - to label every neuron of a layer with one call, and what each column of the table says;
# - to look at one neuron: the pictures that excite it, where in them it fired, and which other
#   labels come close;
# - to check the labels with scikit-learn, to keep and share them, and what not to believe of them.
#
# You need the package with what the demo uses: inside a checkout, `pip install ".[demo]"`. Nothing
# is downloaded, and no GPU is needed. Most of the time goes into running the network over the
# pictures, in step 2; everything after it takes seconds.

# %% [markdown]
# ## 1. A network, pictures, and what is known about them

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import invert_captum as ic

pd.options.display.float_format = "{:.3g}".format

network = ic.demo.load_network()
emoji = ic.demo.read_emoji()
concepts = ic.demo.emoji_concepts(emoji)
concepts

# %% [markdown]
# The network is EfficientNet-lite0 with its ImageNet weights. The **samples** are the emoji. A
# **concept** says of every sample whether it shows something; all of them together are a
# `ConceptSet`, a boolean table with a row for each sample and a column for each concept. These
# concepts come from Unicode: the category of an emoji (`Flags`), its subcategory (`country-flag`),
# and the words of its name (`clock`).

# %% mystnb={"image": {"alt": "Four emoji with the concepts that hold for each, such as Flags and country-flag"}}
wanted = ["Georgia Flag", "Penguin", "Worried face", "Call me hand"]
rows = [row for row, one in enumerate(emoji) if one.title in wanted]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.8), layout="constrained")
for axis, row in zip(axes, rows, strict=True):
    shown = [name for name in concepts if concepts[name][row]]
    axis.imshow(emoji[row].picture())
    axis.set_title("\n".join(shown))
    axis.axis("off")

# %% [markdown]
# *Emoji artwork in all figures of this page: Twemoji © Twitter, Inc and other contributors, [CC-BY
# 4.0](https://creativecommons.org/licenses/by/4.0/).*
#
# With a network and pictures of your own, this step is all that changes: any PyTorch model, and a
# `ConceptSet` from folders, a CSV file, a data frame or a boolean matrix.

# %% [markdown]
# ## 2. Label every neuron of a layer
#
# `NeuronConceptLabeler` takes a model and a layer, by its name. The layer `_avg_pooling` comes
# right before the classifier: 1,280 channels, each averaged over all positions. `interpret` runs
# the pictures through the network, searches the best formula for every neuron, and tests it.

# %%
inputs = ic.demo.PictureDataset(emoji)
groups = ic.demo.emoji_groups(emoji)
labeler = ic.NeuronConceptLabeler(network, "_avg_pooling")
result = labeler.interpret(
    inputs,
    concepts,
    groups=groups,
    min_positives=12,
    scores=["average_precision"],
    batch_size=8,
)
result

# %% [markdown]
# The line above the table counts the neurons whose label is **significant**, and says how that was
# decided. The arguments:
#
# - `groups`: emoji come in series that differ only in who is shown, such as a man and a woman who
#   run. Pictures of one group count as one, so that a label that was found on one of them is not
#   confirmed by its twin.
# - `min_positives`: a formula has to hold for at least so many pictures. Small numbers allow
#   narrow labels, which are harder to confirm.
# - `scores`: a further column, which we need in the last step.
# - `batch_size`: how many pictures go through the network at once.
#
# Many neurons stand for the same thing. `format_best` prints the best-supported labels, each thing
# only once:

# %%
print(ic.report.format_best(result, 12, distinct=True))

# %% [markdown]
# ## 3. Read a row, column by column
#
# `to_frame` is the whole table: one row for each neuron. This is the row of neuron 29, upright:

# %%
frame = result.to_frame()
frame.set_index("neuron").loc[29].dropna().to_frame()

# %% [markdown]
# - `formula` is the label: `&` is *and*, `|` is *or*, `~` is *not*. `length` counts its concepts.
# - `auc` says how well the neuron's activation tells the pictures with the label from the others,
#   on the half of the pictures that was **searched**: draw one of each kind, and this is the
#   chance that the one with the label has the higher activation. 1 is perfect, 0.5 is tossing a
#   coin.
# - `heldout_auc` is the same on the other half, which the search never saw. **Believe this one.**
#   `auc_low` and `auc_high` bound it, with the method in `interval`.
# - `n_positive` and `fraction`: for how many of all pictures the formula holds.
# - `p_value`: how often pure noise would do at least as well on the held-out half. `log10_p` is its
#   logarithm, which does not underflow. `p_adjusted` is the p-value after a correction for all
#   1,280 neurons, and `significant` says whether it is at most 0.05 (`alpha`).
# - `average_precision` and `heldout_average_precision` are the score that we asked for.
# - `layer` and `rank` matter with several layers, and with several labels for a neuron. The
#   columns that are empty here, such as `stability`, belong to other ways of testing.

# %% [markdown]
# ## 4. Ask a neuron
#
# `result[29]` is the list of the neuron's labels, best first; here it has one. Each is an
# `Explanation`, with the columns as attributes. Its `formula` is an object, too: `evaluate` says
# for which pictures it holds.

# %%
best = result[29][0]
holds = best.formula.evaluate(concepts)
print(best.formula, "holds for", holds.sum(), "emoji")
meaning = dict(zip(concepts.names, concepts.descriptions, strict=True))
for name in best.formula.concepts:
    print(f"  {name}: {meaning[name]}")

# %% [markdown]
# So `face` is a word of the name, and `clock & face` is no face with a clock: it is what Unicode
# calls `CLOCK FACE ONE OCLOCK`. A label means what the person who made the concepts meant by it.
#
# `plot_neuron` shows what the neuron does. For each of the pictures that excite it most we add
# where in the picture it fired, which Captum knows. `_avg_pooling` gives one number a channel,
# without positions; what it *gets* still has them, so `LayerActivation` is asked for that.

# %% mystnb={"image": {"alt": "One neuron: its label, its activations with and without it, and the emoji that excite it most with maps of where it fired"}}
from captum.attr import LayerActivation

activations, _ = labeler.labelled  # what was labelled, row by row


def picture(index):
    """Return what a person sees of a sample."""
    return emoji[index].picture()


def fired_at(index):
    """Return where neuron 29 fired in a picture."""
    one = inputs[index][None]
    options = {"attribute_to_neuron_input": True}
    return labeler.attribute(one, 29, LayerActivation, **options)[0]


result.plot_neuron(
    29,
    activations,
    concepts,
    images=picture,
    attributions=fired_at,
    groups=groups,
)

# %% [markdown]
# - **Activation:** the two densities hardly overlap, which is what a high AUC looks like.
# - **ROC curve:** on the held-out pictures only, with a band that shows how much it would vary
#   with other pictures.
# - **Most excited:** a coloured frame marks pictures for which the label holds. Others come
#   between them. The neuron does not respond to clocks alone, but to something that clock faces
#   share with an eye and a camera. Of the formulas over *these* concepts that were searched,
#   `clock & face` comes closest to it.
# - **Heat maps:** where the neuron fired. In the clocks that is the dial, not the corners.
#
# Which labels came close? For a few neurons that is quickly asked again: `label_neurons` takes the
# activations that we have, so that the network does not run, and `top_k` says how many labels to
# return.

# %%
again = ic.label_neurons(
    activations,
    concepts,
    neurons=[29],
    groups=groups,
    min_positives=12,
    top_k=5,
)
again.to_frame()[["rank", "formula", "auc", "heldout_auc", "n_positive"]]

# %% [markdown]
# The search ranked them by `auc`. On the held-out half some fall far behind: what was added to
# `clock & face` fitted the searched half by chance.

# %% tags=["remove-cell"]
# The sentences beside this, checked whenever the page is built.
first, *others = again["_avg_pooling", 29]
assert str(first.formula) == "clock & face"
assert min(one.heldout_auc for one in others) < first.heldout_auc - 0.2

# %% [markdown]
# ## 5. From a concept to its neurons
#
# `find` goes the other way: which neurons have this concept in their label, and not negated? The
# best come first.

# %%
for one in result.find("animal-mammal")[:5]:
    print(f"neuron {one.neuron}, held-out AUC {one.heldout_auc:.3f}: {one.formula}")

# %% [markdown]
# One concept stands in the labels of several neurons, and one label may join things that have
# nothing to do with each other. The whole layer at a glance:

# %% mystnb={"image": {"alt": "How many labels use each concept, and how well labels fit on held-out pictures"}}
result.plot_overview(top=15)

# %% [markdown]
# Left, in how many labels each concept stands, and in how many of them significantly. Right, how
# well the labels fit on held-out pictures. Most are far from perfect, and some are worse than
# tossing a coin. Some cannot be judged at all: every picture for which they hold was in the
# searched half.

# %% [markdown]
# ## 6. A formula of your own
#
# You may have a guess that the search did not return. `Formula.parse` reads it, `compare` sets two
# formulas against each other on one neuron. Is it the clock that neuron 29 responds to, or the
# round face of things?

# %%
mine = ic.Formula.parse("clock | moon")
print(mine, "holds for", mine.evaluate(concepts).sum(), "emoji")
data = activations, concepts
one = result.compare(*data, 29, "clock & face", mine, groups=groups)
print(f"held-out AUC {one.auc:.3f} against {one.other_auc:.3f}")
print(f"difference {one.difference:.3f}, from {one.low:.3f} to {one.high:.3f}")
assert one.low > 0

# %% [markdown]
# The whole interval lies above 0, so `clock & face` is really the better one: moons do not excite
# this neuron as clocks do. Now the found formula against its first word alone:

# %%
one = result.compare(*data, 29, "clock & face", "clock", groups=groups)
print(f"difference {one.difference:.3f}, from {one.low:.3f} to {one.high:.3f}")

other_clocks = concepts["clock"] & ~holds
print([emoji[row].title for row in np.flatnonzero(other_clocks)])
print("held out:", result.heldout[other_clocks])
assert not result.heldout[other_clocks].any()

# %% [markdown]
# The difference is exactly 0: there are three clocks without `face` in their names, and all of
# them fell into the searched half. The held-out pictures cannot say whether the neuron responds to
# them, so `& face` is a guess of the search. Before you build on a part of a formula, compare the
# formula with and without it.

# %% [markdown]
# ## 7. Check it
#
# `validate` computes every AUC of the table again, on both halves, with scikit-learn's
# `roc_auc_score`, and raises an error if one differs by more than 10⁻¹². Here is the same by hand
# for our neuron:

# %%
from sklearn.metrics import roc_auc_score

result.validate(activations, concepts)
of_neuron = activations["_avg_pooling"][:, 29].numpy()
heldout = result.heldout
print(roc_auc_score(holds[heldout], of_neuron[heldout]), best.heldout_auc)

# %% [markdown]
# ## 8. Keep it, share it
#
# `save` writes one JSON file: the table, every argument, the seed, the split, the versions of the
# packages and fingerprints of the model and the data. What is read back is equal to what was
# saved.

# %%
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
result.save(folder / "labels.json")
assert ic.LabelingResult.load(folder / "labels.json") == result
for name in ("significance", "correction", "alpha", "seed", "extraction"):
    print(f"{name}: {result.settings[name]}")

# %% [markdown]
# `to_html` writes the explorer: one page to search, sort and filter the neurons, with the pictures
# that excite each of them. Given the labeler, it adds heat maps for the `top` neurons, and the
# classes that each of them speaks for.

# %%
from torchvision.models import EfficientNet_B0_Weights

imagenet = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
page = result.to_html(
    folder / "report.html",
    activations,
    concepts,
    inputs=inputs,
    shown=picture,
    labeler=labeler,
    top=4,
    class_names=imagenet,
    sample_names=[one.title for one in emoji],
    title="EfficientNet-lite0 on emoji",
    credit=ic.demo.CREDIT,
)
print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# Open it with a double click, or from Python with `webbrowser.open(page.as_uri())`. It is one file
# that loads nothing from a network, so it can be sent by mail as it is.

# %% [markdown]
# ## 9. What to distrust
#
# **The searched AUC.** It belongs to the best of thousands of formulas, and the best of many is
# always lucky:

# %%
luck = (frame["auc"] - frame["heldout_auc"]).dropna()
print(f"lower on held-out pictures: {(luck > 0).mean():.0%} of the neurons that can be judged")
print(f"in the median by {luck.median():.2f}")
assert luck.median() > 0.05

# %% [markdown]
# **An AUC as a full description.** AUC compares all pictures with the label with all without it.
# There are many more without it, so that a rare label can have an AUC near 1 although what excites
# the neuron *most* is something else. Three neurons, all of them significant:

# %% mystnb={"image": {"alt": "Three neurons with their labels, the densities of their activations, and the emoji that excite them most"}}
keys = [1270, 29, 989]
assert all(result[key][0].significant for key in keys)
title = "Three significant labels"
ic.report.plot_neurons(result, *data, picture, keys, title=title)

# %%
columns = ["formula", "heldout_auc", "heldout_average_precision"]
frame.set_index("neuron").loc[keys, columns]

# %% [markdown]
# The pictures on the right of each card are those with the highest activations, framed where the
# label holds. The held-out AUC says that the third label is as good as the others. The average
# precision does not: it asks how many of the most exciting pictures have the label. Neuron 989 is
# *higher* for clock faces than for most pictures, but it is not *about* them. So look at the
# pictures before you tell anyone.

# %% tags=["remove-cell"]
# The sentences beside this, checked whenever the page is built.
top_of_989 = np.argsort(-activations["_avg_pooling"][:, 989].numpy())[:8]
assert not result[989][0].formula.evaluate(concepts)[top_of_989].any()
assert result[989][0].heldout_auc > 0.9

# %% [markdown]
# **The vocabulary.** A label is the best formula over the concepts that you gave. If the right
# word is not among them, you get its nearest neighbour, with an honest p-value.
#
# **Silence.** A neuron without a significant label is not a neuron without meaning: the concept
# may be missing, or too rare to be confirmed.

# %% [markdown]
# ## Where to go on
#
# - How the search works, from first principles: {doc}`/explanation/invert`.
# - Why searched p-values fail, and what to do instead, hands-on:
#   {doc}`/tutorials/honest_significance`.
# - From a label to the prediction, and to a spurious cue: {doc}`/tutorials/find_a_spurious_cue`.
# - Your own pictures and labels: {doc}`/how_to/bring_your_labels`.
