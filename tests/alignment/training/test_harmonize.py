import copy
import warnings

import pytest
import torch
from tiny_training import NoisyData, batch, network
from torch.utils.data import ConcatDataset, DataLoader, DistributedSampler, Subset, TensorDataset

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss
from invert_captum.alignment.training.harmonization_step import harmonization_step
from invert_captum.alignment.training.harmonize import harmonize


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def joined(*batches):
    return tuple(torch.cat(parts) for parts in zip(*batches, strict=True))


def assert_close_models(one, other, **tolerance):
    torch.testing.assert_close(one.state_dict(), other.state_dict(), **tolerance)


def test_the_loop_is_its_steps_one_after_another():
    batches = [batch(4, 1), list(batch(3, 2)), batch(5, 3, tokens=False)]
    model, by_hand = network(), network()
    optimizer = sgd(by_hand)
    terms = [harmonization_step(by_hand, optimizer, *one) for _ in range(2) for one in batches]
    log = harmonize(model, batches, sgd(model), n_epochs=2)
    assert_close_models(model, by_hand, rtol=0, atol=0)
    assert log["epoch"].tolist() == [1, 1, 1, 2, 2, 2]
    assert log["step"].tolist() == [1, 2, 3, 4, 5, 6]
    for name in terms[0]._fields:
        assert log[name].tolist() == [float(getattr(one, name)) for one in terms]


def test_accumulated_batches_are_one_batch():
    parts = [batch(3, 1, torch.float64), batch(1, 2, torch.float64), batch(4, 3, torch.float64)]
    accumulated, whole = network(dtype=torch.float64), network(dtype=torch.float64)
    loss = HarmonizationLoss(lambda_weights=0.1)
    logs = [
        harmonize(accumulated, parts, sgd(accumulated), n_epochs=2, accumulate=3, loss=loss),
        harmonize(whole, [joined(*parts)], sgd(whole), n_epochs=2, loss=loss),
    ]
    assert_close_models(accumulated, whole)
    for name in ("total", "cross_entropy", "weight_decay", "harmonization", "grad_norm"):
        assert logs[0][name].tolist() == pytest.approx(logs[1][name].tolist())


def test_the_last_group_of_an_epoch_takes_what_is_left():
    parts = [batch(3, seed, torch.float64) for seed in range(5)]
    accumulated, by_hand = network(dtype=torch.float64), network(dtype=torch.float64)
    groups = [joined(*parts[:2]), joined(*parts[2:4]), parts[4]]
    log = harmonize(accumulated, parts, sgd(accumulated), n_epochs=2, accumulate=2)
    harmonize(by_hand, groups, sgd(by_hand), n_epochs=2)
    assert_close_models(accumulated, by_hand)
    assert len(log) == 6


@pytest.mark.parametrize(("interval", "rates"), [("step", [4, 2, 1, 0.5]), ("epoch", [4, 4, 2, 2])])
def test_schedulers_step_by_step_or_by_epoch(interval, rates):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    log = harmonize(
        model,
        [batch(), batch()],
        optimizer,
        n_epochs=2,
        scheduler=scheduler,
        scheduler_interval=interval,
    )
    assert (log["learning_rate"] * 1000).tolist() == pytest.approx(rates)


def test_a_plateau_scheduler_is_given_the_mean_over_the_rows_of_the_epoch():
    model = network()
    optimizer = sgd(model)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    parts = [batch(2), batch(6)]
    log = harmonize(
        model, parts, optimizer, n_epochs=1, scheduler=scheduler, scheduler_interval="epoch"
    )
    assert scheduler.best == pytest.approx((2 * log["total"][0] + 6 * log["total"][1]) / 8)


def test_clipping_and_its_norm_in_the_log():
    model, unclipped = network(dtype=torch.float64), network(dtype=torch.float64)
    before = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    tensors = batch(dtype=torch.float64)
    log = harmonize(model, [tensors], optimizer, n_epochs=1, max_grad_norm=0.01)
    step = [a - b for a, b in zip(model.parameters(), before.parameters(), strict=True)]
    norm = torch.cat([part.detach().flatten() for part in step]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-3)
    plain = harmonize(unclipped, [tensors], sgd(unclipped), n_epochs=1)
    assert log["grad_norm"][0] == pytest.approx(plain["grad_norm"][0])


def test_float16_brings_a_scaler():
    model = network()
    log = harmonize(model, [batch()], sgd(model), n_epochs=4, autocast_dtype=torch.float16)
    assert log["total"].notna().all()
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_validation_runs_in_eval_mode_and_leaves_the_mode():
    model = network().train()
    model[1].eval()
    modes = []

    def validate(given):
        modes.append([module.training for module in given.modules()])
        return {"accuracy": torch.tensor(0.5), "spearman": float("nan")}

    log = harmonize(model, [batch()], sgd(model), n_epochs=2, validate=validate)
    assert modes == [[False] * 6] * 2
    assert [module.training for module in model.modules()] == [True, True, False, True, True, True]
    assert log["accuracy"].dropna().tolist() == [0.5, 0.5]
    assert log["step"].tolist() == [1, 1, 2, 2]


def test_epochs_are_told_to_samplers_and_data_sets():
    first, second = NoisyData(), NoisyData()
    data = ConcatDataset([Subset(first, range(4)), second])
    sampler = DistributedSampler(data, num_replicas=2, rank=0)
    model = network()
    harmonize(model, DataLoader(data, 8, sampler=sampler), sgd(model), n_epochs=3)
    assert first.epochs == second.epochs == [0, 1, 2]
    assert sampler.epoch == 2


def test_progress_is_drawn_only_when_asked_for(capfd):
    model = network()
    harmonize(model, [batch()], sgd(model), n_epochs=1)
    assert capfd.readouterr().err == ""
    harmonize(model, [batch()], sgd(model), n_epochs=1, show_progress=True)
    assert "epoch 1 of 1" in capfd.readouterr().err


def test_errors_tell_the_step():
    model = network()
    bad = batch()
    bad[0][:] = 3e38
    with pytest.raises(FloatingPointError) as caught:
        harmonize(model, [batch(), bad], sgd(model), n_epochs=1)
    assert caught.value.__notes__ == ["in step 2 of the training, in epoch 1"]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_what_the_loss_refuses_names_the_batch(accumulate):
    bad = batch()
    bad[2][1, 0, 0] = float("nan")
    model = network()
    message = r"^data's batch 2 of epoch 1: heatmaps must be .* rows 1 of 4"
    with pytest.raises(ValueError, match=message):
        harmonize(model, [batch(), batch(), bad], sgd(model), n_epochs=1, accumulate=accumulate)


def test_errors_of_kinds_of_their_own_stay_as_they_are():
    class OwnError(ValueError):
        pass

    raised = OwnError("mine")

    def refusing(*_):
        raise raised

    model = network()
    with pytest.raises(OwnError) as caught:
        harmonize(model, [batch()], sgd(model), n_epochs=1, loss=refusing)
    assert caught.value is raised
    assert str(raised) == "mine"


def with_warnings(data, model, optimizer, **settings):
    """Train as outside of tests, and return the warnings that Python shows."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        harmonize(model, data, optimizer, n_epochs=3, **settings)
    assert all(issubclass(one.category, InvertCaptumWarning) for one in caught)
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(
    ("decay", "in_loss", "n"), [(0.0, 1e-5, 0), (0.01, 0.0, 0), (0.01, 1e-5, 1)]
)
def test_two_weight_decays_are_told_of_once(decay, in_loss, n):
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[4].parameters()}]
    groups[1]["weight_decay"] = decay
    optimizer = torch.optim.SGD(groups, lr=0.01)
    loss = HarmonizationLoss(lambda_weights=in_loss)
    shown = with_warnings([batch()], model, optimizer, loss=loss)
    assert len(shown) == n
    assert all("weight_decay of 0.01" in one and "lambda_weights=1e-05" in one for one in shown)


def test_eval_mode_is_told_of_once_and_frozen_parts_are_not():
    model = network()
    model[1].eval()
    assert with_warnings([batch()], model, sgd(model)) == []
    (shown,) = with_warnings([batch()], model.eval(), sgd(model))
    assert "model is in eval mode" in shown
    assert not model.training


def test_what_the_loss_warns_of_is_shown_once_in_a_training():
    data = [list(batch(seed=seed)) for seed in range(3)]
    for number, one in enumerate(data):
        one[1] = torch.nn.functional.one_hot(one[1], 3).float()
        one[1][number] *= 2
        one[2][number + 1 : 4] = 0.5
        one[3][:] = 1
    model = network()
    shown = with_warnings(data, model, sgd(model))
    assert len(shown) == 2
    assert "same everywhere" in shown[0]
    assert "do not sum to 1" in shown[1]


IMAGES, LABELS, HEATMAPS, TOKENS = batch()


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ((IMAGES, LABELS), ValueError, "batch 1 of epoch 1 has 2 entries"),
        ((IMAGES, LABELS, HEATMAPS, TOKENS, 1), ValueError, "batch 1 of epoch 1 has 5 entries"),
        (IMAGES, TypeError, "batch 1 of epoch 1 is of type Tensor"),
        ({"images": IMAGES}, TypeError, "batch 1 of epoch 1 is of type dict"),
        ((IMAGES, LABELS.tolist(), HEATMAPS), TypeError, "labels of type list"),
        ((IMAGES, LABELS[:2], HEATMAPS), ValueError, "the same number of rows"),
        ((IMAGES[:0], LABELS[:0], HEATMAPS[:0]), ValueError, "the same number of rows"),
    ],
)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_batches_are_refused_by_their_number(bad, error, message, accumulate):
    model = network()
    with pytest.raises(error, match=message):
        harmonize(model, [batch(), bad], sgd(model), n_epochs=1, accumulate=accumulate)


class Once:
    """An iterable that gives its batches only the first time."""

    def __init__(self):
        self.batches = iter([batch()])

    def __iter__(self):
        return self.batches


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], ValueError, "no batches in epoch 1"),
        (Once(), ValueError, "no batches in epoch 2"),
        (iter([batch()]), ValueError, "only once, but n_epochs is 2"),
        (3, TypeError, "data is 3"),
        (TensorDataset(IMAGES, LABELS, HEATMAPS), TypeError, "TensorDataset.*wrap it in a DataLo"),
        ([(IMAGES[0], 1, HEATMAPS[0])], ValueError, r"\(3, 12, 12\).*wrap it in a DataLoader"),
    ],
)
def test_data_is_refused(data, error, message):
    model = network()
    with pytest.raises(error, match=message):
        harmonize(model, data, sgd(model), n_epochs=2)


def test_one_epoch_of_an_iterator_is_accepted():
    model = network()
    assert len(harmonize(model, iter([batch(), batch()]), sgd(model), n_epochs=1)) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_epochs": 0}, ValueError, "n_epochs is 0"),
        ({"accumulate": 1.5}, TypeError, "accumulate is 1.5"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every is 0"),
        ({"scheduler_interval": "batch"}, ValueError, "scheduler_interval is 'batch'"),
        ({"loss": 0.3}, TypeError, r"loss=HarmonizationLoss\(lambda_harmonization=0.3\)"),
        ({"validate": 0.5}, TypeError, "validate is 0.5"),
        ({"max_grad_norm": -1}, ValueError, "max_grad_norm is -1"),
        ({"validate": lambda _: 0.5}, TypeError, "validate returned float"),
        ({"validate": lambda _: {"total": 0.5}}, ValueError, "validate returned 'total'"),
        ({"validate": lambda _: {"a,b": 0.5}}, ValueError, "the name 'a,b'"),
        ({"validate": lambda _: {"a": None}}, TypeError, "'a' of type NoneType"),
    ],
)
def test_arguments_are_refused(arguments, error, message):
    model = network()
    with pytest.raises(error, match=message):
        harmonize(model, [batch()], sgd(model), **{"n_epochs": 1, **arguments})


def test_one_file_for_checkpoint_and_log_is_refused(tmp_path):
    model = network()
    with pytest.raises(ValueError, match="checkpoint and log are both"):
        harmonize(
            *(model, [batch()], sgd(model)),
            n_epochs=1,
            checkpoint=tmp_path / "run",
            log=str(tmp_path / "run"),
        )


def test_schedulers_of_another_optimizer_are_refused():
    model = network()
    scheduler = torch.optim.lr_scheduler.StepLR(sgd(model), 1)
    with pytest.raises(ValueError, match="scheduler is of another optimizer"):
        harmonize(model, [batch()], sgd(model), n_epochs=1, scheduler=scheduler)
