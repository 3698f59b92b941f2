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
# # Honest significance: noise against signal
#
# A search that tries thousands of formulas finds a good one in pure noise. So how do you know that
# a label is real? Here you make neurons of which you know the truth, noise and signals of known
# strength, and see which tests tell them apart. Then the same with a real network.
#
# You will learn
#
# - why the p-value of a label means nothing on the samples that were searched, and how a hold-out
#   mends that;
# - how many samples a concept needs, and what to do about few positives, many neurons and
#   near-duplicates;
# - to check any labelling of yours with shuffled labels.
#
# You need the package with what the demo uses: inside a checkout, `pip install ".[demo]"`. Nothing
# is downloaded. It helps to have seen the table of results in {doc}`/tutorials/label_a_network`.

# %% [markdown]
# ## 1. Neurons that know nothing
#
# The concepts are real: what Unicode says about 1,889 emoji. The neurons are not: 400 columns of
# random numbers, which have nothing to do with any picture. `significance="in_sample"` is the
# published way: search the best formula, then test it on the same samples.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import invert_captum as ic

emoji = ic.demo.read_emoji()
concepts = ic.demo.emoji_concepts(emoji)
noise = np.random.default_rng(0).normal(size=(concepts.n_samples, 400))

in_sample = ic.label_neurons(noise, concepts, significance="in_sample")
print(ic.report.format_best(in_sample, 5))

# %%
p = in_sample.to_frame()["p_value"]
print(f"p at most 0.05: {(p <= 0.05).sum()} of {len(p)} neurons")
print(f"expected of noise: {0.05 * len(p):.0f}")

# %% [markdown]
# They look like labels, with small p-values, and all of it is chance. The fault is that each
# of these p-values is that of the *best* of thousands of formulas, as if it had been the only one.
# A correction for the number of neurons does not mend that. `plot_significance` shows what remains
# after it, and warns:

# %% mystnb={"image": {"alt": "Evidence of in-sample tests of noise: nearly all p-values are in the first of twenty bins"}}
in_sample.plot_significance()

# %% [markdown]
# ## 2. Hold-out: test where the search did not look
#
# The default searches one half of the samples and tests what it found on the other half.

# %%
hold_out = ic.label_neurons(noise, concepts)
print(hold_out)

# %% mystnb={"image": {"alt": "Histograms of the p-values of noise neurons: in-sample all at 0, on held-out samples as many in every bin"}}
tests = {"in-sample": in_sample, "hold-out": hold_out}
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
axes[0].set_ylabel("neurons of pure noise")
for axis, (name, one) in zip(axes, tests.items(), strict=True):
    axis.hist(one.to_frame()["p_value"], np.linspace(0, 1, 21))
    axis.axhline(20, color="black", ls="--", label="expected of noise")
    axis.set(title=name, xlabel="p-value")
    axis.legend()

# %%
frame = hold_out.to_frame()
share = (frame["p_value"] <= 0.05).mean()
print(f"p at most 0.05: {share:.1%} of the neurons")
print(f"significant after the correction: {frame['significant'].sum()}")
for column in ("auc", "heldout_auc"):
    print(f"{column} in the median: {frame[column].median():.2f}")

# %% [markdown]
# On the held-out half the p-values of noise are spread evenly from 0 to 1, as they should be:
# about one in twenty is below 0.05. The AUC tells the same story. On the searched half it is that
# of the luckiest formula; on the other half the luck is gone, and it is about one half.

# %% tags=["remove-cell"]
# The sentences beside this, checked whenever the page is built.
assert (in_sample.to_frame()["p_value"] <= 0.05).mean() > 0.99
assert in_sample.to_frame()["significant"].any()  # even after Holm's correction
assert 0.02 < share < 0.08
assert not frame["significant"].any()
assert frame["auc"].median() > 0.6 > 0.52 > frame["heldout_auc"].median() > 0.48

# %% [markdown]
# ## 3. Signals that we planted
#
# Being silent about noise is easy. Does the test find what is there? A planted neuron is noise,
# plus a constant wherever a formula holds. The constant is chosen so that the AUC is what we want.

# %%
from scipy.special import ndtri


def plant(formula, auc, n_neurons, rng):
    """Return neurons of normal noise that tell a formula with an AUC."""
    holds = ic.Formula.parse(formula).evaluate(concepts)
    signal = np.sqrt(2) * ndtri(auc) * holds
    return rng.normal(size=(len(holds), n_neurons)) + signal[:, None]


signals = {
    "animal-mammal & ~face": 0.8,
    "country-flag": 0.65,
    "clock": 0.75,
    "food-fruit": 0.75,
    "mouth | open": 0.75,
}
rng = np.random.default_rng(0)
planted = [plant(*signal, 20, rng) for signal in signals.items()]
activations = np.hstack([*planted, noise])
truth = np.repeat([*signals, "noise"], [20] * len(signals) + [400])

# %% [markdown]
# Twenty neurons of each kind, and the 400 of noise: 500 neurons in one call, so that the
# correction is for 500.


# %%
def named(result):
    """Return how many neurons of each kind have a significant label."""
    significant = result.to_frame()["significant"].astype(int)
    return significant.groupby(truth, sort=False).sum()


result = ic.label_neurons(activations, concepts)
found = pd.DataFrame({"AUC": signals})
formulas = [ic.Formula.parse(kind) for kind in signals]
found["positives"] = [one.evaluate(concepts).sum() for one in formulas]
found["named, of 20"] = named(result)
found

# %% mystnb={"image": {"alt": "Effect against p-value of planted signals and noise, and the p-values"}}
result.plot_significance()

# %% [markdown]
# Each point is a neuron: how well its label does on held-out samples, and the p-value. Above the
# line it is significant after the correction. No noise got there, nearly all of the strong signals
# did, and most of the others did not.

# %% tags=["remove-cell"]
# The sentences beside this, checked whenever the page is built.
counts = named(result)
assert counts["noise"] == 0
assert counts["animal-mammal & ~face"] >= 15
assert all(counts[kind] < 10 for kind in list(signals)[1:])

# %% [markdown]
# ## 4. What could have been found?
#
# A test of few samples cannot be sure of a weak signal. `required_positives` says how many samples
# must show a concept so that a neuron of a given AUC is found in four of five cases:

# %%
aucs = [0.6, 0.65, 0.7, 0.75, 0.8, 0.9]
n = concepts.n_samples
pd.DataFrame(
    {
        "AUC": aucs,
        "for 1 neuron": [ic.required_positives(auc, 0.05, n) for auc in aucs],
        "for 500": [ic.required_positives(auc, 0.05, n, 500) for auc in aucs],
    }
)

# %% [markdown]
# `clock`, `food-fruit` and `mouth | open` have too few positives for an AUC of 0.75: no wonder.
# But the flags have more than enough for 0.65, and yet most were missed. Look at what was found in
# their place:

# %%
columns = ["formula", "n_positive", "auc", "heldout_auc"]
result.to_frame().loc[truth == "country-flag", columns].head(8).round(2)

# %% [markdown]
# The search takes the formula with the highest AUC. In weak neurons that is often a narrow formula
# of few samples, with a high AUC by luck, which then fails on the other half. So ask for labels
# that can be tested: `min_positives` bars the narrow ones.

# %%
enough = ic.required_positives(0.65, 0.05, n, n_neurons=500)
wide = ic.label_neurons(activations, concepts, min_positives=enough)
found["wide labels only"] = named(wide)
found

# %% tags=["remove-cell"]
# The sentences beside this, checked whenever the page is built.
rare = ["clock", "food-fruit", "mouth | open"]
assert found.loc[rare, "positives"].max() < ic.required_positives(0.75, 0.05, n, 500)
assert named(wide)["country-flag"] >= 10 > named(result)["country-flag"]
assert named(wide)["noise"] == 0

# %% [markdown]
# Now the flags are found, and the rare concepts cannot be: their labels were forbidden. There is
# no setting that is best for both. Decide before you look at the results.

# %% [markdown]
# ## 5. Few positives: use every sample twice
#
# Half of 20 positives is 10, for the search and for the test. Two ways use the samples better:
#
# - `n_folds=2`: each half tests what was found on the other.
# - `significance="permutation"`: search *all* samples, then shuffle the neuron's activations and
#   search again, many times. The p-value is the share of shuffled searches that do as well. What
#   was found is compared with what a search finds by chance, so that nothing has to be held out.

# %%
ways = {
    "hold-out": {},
    "2 folds": {"n_folds": 2},
    "permutation": {"significance": "permutation"},
}
below = pd.DataFrame()
for way, arguments in ways.items():
    one = ic.label_neurons(activations, concepts, **arguments).to_frame()
    small = one["p_value"] <= 0.05
    below[way] = small.groupby(truth, sort=False).mean()
below.round(2)  # the share of neurons with p ≤ 0.05, not corrected

# %% [markdown]
# The rare signals have small p-values more often with permutations than with the hold-out, and
# noise has them as often as it should in all three columns. The weak flags are found least by
# permutations: they are compared with what luck does for narrow formulas.

# %% tags=["remove-cell"]
# The sentences beside this, checked whenever the page is built.
for kind in ("clock", "food-fruit", "mouth | open"):
    assert below.loc[kind, "permutation"] > below.loc[kind, "hold-out"]
assert below.loc["country-flag"].idxmin() == "permutation"
assert below.loc["noise"].between(0.02, 0.08).all()

# %% [markdown]
# ## 6. Many neurons: which correction?
#
# Of 500 neurons of noise, 25 would have a p-value of at most 0.05. `correction` says what is to be
# kept small:
#
# - `"holm"`, the default: the chance of even *one* false name is at most `alpha`;
# - `"fdr_bh"` (Benjamini and Hochberg): of all names, the share of false ones is at most `alpha`
#   on average.

# %%
rows = {}
for way, arguments in ways.items():
    for correction in ("holm", "fdr_bh"):
        chosen = {**arguments, "correction": correction}
        one = named(ic.label_neurons(activations, concepts, **chosen))
        rows[way, correction] = {
            "signals named, of 100": one[list(signals)].sum(),
            "noise named, of 400": one["noise"],
        }
table = pd.DataFrame(rows).T
table

# %% tags=["remove-cell"]
# The sentences beside this, checked whenever the page is built.
holm, fdr = table.xs("holm", level=1), table.xs("fdr_bh", level=1)
assert (holm["noise named, of 400"] == 0).all()
assert (fdr["noise named, of 400"] <= 5).all()
gain = fdr["signals named, of 100"] - holm["signals named, of 100"]
assert (gain > 0).all()
assert gain.idxmax() == "permutation"

# %% [markdown]
# Benjamini and Hochberg's correction names more signals every time, at the risk of a few false
# ones. Take Holm's if a single false name would hurt, the other if you look through many names
# anyway. Permutations gain most: their p-values cannot be smaller than one in the number of
# permutations, which Holm's correction needs to be very large.

# %% [markdown]
# ## 7. Near-duplicates: noise that agrees with itself
#
# All of this takes the samples to be independent. Emoji are not: a woman, a man and a person who
# run are nearly one picture, and a network sees them as such. Make noise that is the same for all
# pictures of a group:

# %%
groups = ic.demo.emoji_groups(emoji)
print(len(groups), "emoji in", len(np.unique(groups)), "groups")
of_group = np.random.default_rng(1).normal(size=(groups.max() + 1, 400))
shared = of_group[groups]

alone = ic.label_neurons(shared, concepts).to_frame()
told = ic.label_neurons(shared, concepts, groups=groups).to_frame()
for name, one in [("without groups", alone), ("with groups", told)]:
    share, count = (one["p_value"] <= 0.05).mean(), one["significant"].sum()
    print(f"{name}: p at most 0.05 for {share:.0%}, {count} named")
assert alone["significant"].sum() > 20
assert not told["significant"].any()

# %% [markdown]
# Without groups, a label is found on some pictures of a group and confirmed by their twins on the
# other side, and noise is named even after the correction. `groups=` keeps a group on one side and
# counts it once. Frames of one film, tokens of one text, crops of one photograph are groups, too.

# %% [markdown]
# ## 8. A real network, and a control for your own data
#
# Now real neurons. To be quick we take three categories of emoji, with many near-duplicates. A
# concept of few groups cannot be confirmed, because all its pictures may fall on one side; we keep
# those of ten groups and more.

# %%
categories = ("People & Body", "Animals & Nature", "Activities")
some = [one for one in emoji if one.category in categories]
groups = ic.demo.emoji_groups(some)
of_some = ic.demo.emoji_concepts(some)
n_groups = {name: len(set(groups[of_some[name]])) for name in of_some}
of_some = of_some.select([name for name in of_some if n_groups[name] >= 10])
network = ic.demo.load_network()
labeler = ic.NeuronConceptLabeler(network, "_avg_pooling")
real = labeler.extract(ic.demo.PictureDataset(some), batch_size=8)

first = np.unique(groups, return_index=True)[1]  # one picture of each group
n_active = (real[first] > 0).sum(dim=0)
awake = np.flatnonzero(n_active >= 20).tolist()  # the rest are nearly always 0
print(of_some, "in", len(first), "groups;", len(awake), "neurons")

# %%
apart = ic.label_neurons(real, of_some, neurons=awake, groups=groups)
together = ic.label_neurons(real, of_some, neurons=awake)
for name, one in [("without groups", together), ("with groups", apart)]:
    print(f"{name}: {one.to_frame()['significant'].sum()} named")

# %% [markdown]
# Without groups more neurons are named, as with the noise above, and you cannot tell which of the
# names are false. These are the ones to believe:

# %% mystnb={"image": {"alt": "Effect against p-value of real neurons that were tested with groups, with the labels of the best"}}
apart.plot_significance()

# %% [markdown]
# With real neurons nobody knows the truth. But there is a control: `shuffled` deals the labels to
# the samples at random, so that every name is false. To keep it simple, with one picture of each
# group only:

# %%
labels = of_some.take(first)
control = ic.shuffled(labels, seed=0)
rows = {}
for test in ("in_sample", "holdout"):
    for name, given in [("real labels", labels), ("shuffled", control)]:
        one = ic.label_neurons(
            real[first],
            given,
            neurons=awake,
            significance=test,
        ).to_frame()
        rows[test, name] = {
            "p at most 0.05": f"{(one['p_value'] <= 0.05).mean():.0%}",
            "named": one["significant"].sum(),
        }
pd.DataFrame(rows).T

# %% tags=["remove-cell"]
# The sentences beside this, checked whenever the page is built.
n_named = {key: row["named"] for key, row in rows.items()}
assert apart.to_frame()["significant"].sum() < together.to_frame()["significant"].sum()
assert n_named["in_sample", "shuffled"] > 5
assert n_named["holdout", "shuffled"] <= 1
assert n_named["holdout", "real labels"] > 50

# %% [markdown]
# A test that names neurons on shuffled labels also names too many on the real ones. The hold-out
# names none there, or rarely one, so that its names on the real labels can be believed. Make this
# control whenever you change how you test. With near-duplicates in the data,
# `ic.shuffled(concepts, seed, groups=groups)` deals to whole groups of the same size; it is a good
# control if the size of a group tells nothing about what is in it.

# %% [markdown]
# ## What to take along
#
# | you have | take |
# |---|---|
# | enough positives | the default: hold-out, Holm's correction |
# | weak signals in common concepts | the default, with `min_positives` from `required_positives` |
# | few positives | `significance="permutation"`; for many neurons with `correction="fdr_bh"` |
# | near-duplicates | `groups=` with any of these |
# | neurons that are often 0, and permutations | `tied_neurons="random_tie_breaks"` as well |
# | doubts | the same call with `ic.shuffled(concepts, seed)` |
#
# ## Where to go on
#
# - The reasons behind all this: {doc}`/explanation/search_and_significance`.
# - Every choice, and what can go wrong: {doc}`/how_to/choose_significance`.
# - What a high AUC does not say: {doc}`/explanation/auc`.
