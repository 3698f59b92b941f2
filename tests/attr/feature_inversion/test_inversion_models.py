"""What a model goes through, and how it is afterwards."""

from __future__ import annotations

import weakref

import pytest
import torch
from hand_set_network import HandSetNetwork, noise
from torch import nn

from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion

STEPS = {"n_inversion_steps": 4, "n_target_steps": 6}
PICTURES = noise(2, seed=1)
NETWORK = HandSetNetwork()


def inversion(model, layer="colours", **options):
    return GuidedFeatureInversion(model, layer, **options)


def expected(pictures=PICTURES, **options):
    return inversion(HandSetNetwork()).attribute(pictures, 0, **STEPS, **options)


def test_parameters_are_frozen_while_the_model_runs():
    network, seen = HandSetNetwork(), set()
    network.relu.register_forward_hook(
        lambda *_: seen.update(one.requires_grad for one in network.parameters())
    )
    inversion(network).attribute(PICTURES, 0, **STEPS)
    assert seen == {False}


class Training(nn.Module):
    """Acts otherwise in training, and has one frozen part and one weight with a gradient."""

    def __init__(self, fails_after=10**6):
        super().__init__()
        self.network = HandSetNetwork()
        self.norm = nn.BatchNorm2d(3).eval()
        self.dropout = nn.Dropout(0.5)
        self.network.cells.requires_grad_(False)
        self.network.classes.weight.grad = torch.ones(2, 2)
        self.fails_after = fails_after
        self.n_passes = 0

    def forward(self, pictures):
        self.n_passes += 1
        logits = self.network(self.dropout(self.norm(pictures)))
        if self.n_passes > self.fails_after:
            raise RuntimeError("the model fails")
        return logits


def state(model):
    hooks = [
        len(one)
        for module in model.modules()
        for one in (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
        )
    ]
    weights = [(one.requires_grad, one.grad, one._version) for one in model.parameters()]
    buffers = [one.clone() for one in model.buffers()]
    return [module.training for module in model.modules()], hooks, weights, buffers


def assert_same(before, after):
    assert before[:2] == after[:2]
    for (flag, grad, version), (flag_now, grad_now, version_now) in zip(
        before[2], after[2], strict=True
    ):
        assert (flag, version) == (flag_now, version_now)
        assert grad is grad_now
        assert grad is None or (grad == 1).all()
    assert all(map(torch.equal, before[3], after[3]))


def test_model_is_as_before_and_ran_in_eval_mode():
    model = Training().train()
    model.norm.eval()
    before = state(model)
    masks = inversion(model, "network.colours").attribute(PICTURES, 0, **STEPS)
    assert_same(before, state(model))
    again = inversion(model.eval(), "network.colours").attribute(PICTURES, 0, **STEPS)
    assert torch.equal(masks, again)


@pytest.mark.parametrize("fails_after", [0, 2, 7])
def test_model_is_as_before_after_an_error_in_it(fails_after):
    # Passes of the first stage may end before the model does.
    model = Training(fails_after).train()
    before = state(model)
    with pytest.raises(RuntimeError, match="the model fails"):
        inversion(model, "network.classes", mask_layer="network.colours").attribute(
            PICTURES, 0, **STEPS
        )
    assert_same(before, state(model))


def test_inputs_are_as_before():
    pictures = PICTURES.clone().requires_grad_()
    pictures.grad = torch.ones_like(pictures)
    mask = inversion(HandSetNetwork()).attribute(pictures, 0, **STEPS)
    assert torch.equal(pictures, PICTURES)
    assert pictures.requires_grad
    assert (pictures.grad == 1).all()
    assert not mask.requires_grad
    assert torch.equal(mask, expected())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_gradient_mode_of_the_caller_does_not_matter(mode):
    plain = expected()
    with mode():
        enabled = torch.is_grad_enabled()
        assert torch.equal(inversion(NETWORK).attribute(PICTURES, 0, **STEPS), plain)
        assert torch.is_grad_enabled() == enabled


def test_tensors_made_in_inference_mode():
    with torch.inference_mode():
        pictures, target = PICTURES.clone(), torch.tensor([0, 0])
        background = torch.full((3, 1, 1), 0.3)
    given = inversion(NETWORK).attribute(pictures, target, background=background, **STEPS)
    assert torch.equal(given, expected(background=torch.full((3, 1, 1), 0.3)))


def test_model_made_in_inference_mode_is_refused():
    with torch.inference_mode():
        network = HandSetNetwork()
    with pytest.raises(ValueError, match=r"inference"):
        inversion(network).attribute(PICTURES, 0, **STEPS)


class Cast(nn.Module):
    """Runs the network under autocast of its own."""

    def __init__(self):
        super().__init__()
        self.network = HandSetNetwork()

    def forward(self, pictures):
        with torch.autocast("cpu", torch.bfloat16):
            return self.network(pictures)


@pytest.mark.parametrize("around_the_call", [True, False])
def test_autocast_gives_masks_near_those_without(around_the_call):
    network = HandSetNetwork()
    model, layer = (network, "colours") if around_the_call else (Cast(), "network.colours")
    seen = set()
    relu = model.get_submodule(layer.replace("colours", "relu"))
    relu.register_forward_hook(lambda *args: seen.add(args[-1].dtype))
    with torch.autocast("cpu", torch.bfloat16, enabled=around_the_call):
        details = inversion(model, layer).attribute_with_details(PICTURES, 0, **STEPS)
    assert seen == {torch.bfloat16}
    assert details.mask.dtype == torch.float32
    assert details.mask.isfinite().all()
    assert (details.attributions - expected()).abs().mean() < 0.02


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("has_run", [False, True])
@pytest.mark.parametrize("name", ["colours", "_orig_mod.colours", None])
def test_compiled_models_equal_plain_ones(backend, has_run, name):
    network = HandSetNetwork()
    compiled = torch.compile(network, backend=backend)
    if has_run:
        compiled(PICTURES)
        with torch.no_grad():
            compiled(PICTURES)
    layer = network.colours if name is None else name
    masks = inversion(compiled, layer).attribute(PICTURES, 0, **STEPS)
    torch.testing.assert_close(masks, expected(), atol=1e-5, rtol=0)
    torch.testing.assert_close(compiled(PICTURES), network(PICTURES))
    torch.compiler.reset()


def test_pictures_go_through_the_model_as_often_as_the_equations_need():
    seen = []
    network = HandSetNetwork()
    network.cells.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach().clone()))
    inversion(network).attribute(PICTURES, 0, **STEPS)
    n_rows = sum(map(len, seen))
    assert n_rows <= 2 * (1 + 4 + 2 * 6)
    undisturbed = sum((rows == PICTURES[0]).all(dim=(1, 2, 3)).sum().item() for rows in seen)
    assert undisturbed == 1

    seen.clear()
    inversion(network).attribute_with_details(PICTURES, 0, **STEPS)
    assert sum(map(len, seen)) <= 2 * (1 + 4 + 2 * 6 + 2)
    seen.clear()
    inversion(network).attribute(PICTURES, **STEPS)
    assert sum(map(len, seen)) <= 2 * (1 + 4)


@pytest.mark.parametrize("mask", ["channels", "free"])
def test_no_graph_outlives_its_step(mask):
    alive, most = [], []

    def watch(module, args, output):
        alive[:] = [one for one in alive if one() is not None]
        most.append(len(alive))
        alive.append(weakref.ref(output))

    network = HandSetNetwork()
    network.relu.register_forward_hook(watch)
    inversion(network).attribute(PICTURES, 0, mask=mask, gamma=0.1, delta=0.1, n_target_steps=20)
    assert len(most) >= 31
    assert max(most) <= 3


@pytest.mark.parametrize(
    ("layout", "channel_dim"),
    [("channels_last", None), ("channels_last", 3), ("channels_last", -1), ("tokens", None)],
)
@pytest.mark.parametrize("mask", ["channels", "free"])
def test_layouts_of_the_layer_do_not_matter(layout, channel_dim, mask):
    options = {"mask": mask, "gamma": 2.0, "delta": 0.5, **STEPS}
    plain = inversion(HandSetNetwork().double()).attribute(PICTURES.double(), 0, **options)
    other = HandSetNetwork(layout).double()
    masks = inversion(other, channel_dim=channel_dim).attribute(PICTURES.double(), 0, **options)
    torch.testing.assert_close(masks, plain, atol=1e-8, rtol=0)


def test_show_progress_draws_on_standard_error(capsys):
    masks = inversion(NETWORK).attribute(PICTURES, 0, show_progress=True, **STEPS)
    assert torch.equal(masks, expected())
    shown = capsys.readouterr()
    assert "%" in shown.err
    assert not shown.out


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_a_gpu_as_on_the_cpu():
    pictures, options = PICTURES.double(), {"n_inversion_steps": 4, "n_target_steps": 12}
    on_cpu = inversion(HandSetNetwork().double()).attribute(pictures, [0, 1], **options)
    model = HandSetNetwork().double().cuda()
    for given in (pictures.cuda(), pictures):
        masks = inversion(model).attribute(given, torch.tensor([0, 1]), **options)
        assert masks.device.type == "cuda"
        torch.testing.assert_close(masks.cpu(), on_cpu, atol=1e-8, rtol=0)
    with torch.autocast("cuda", torch.bfloat16):
        cast = inversion(HandSetNetwork().cuda()).attribute(PICTURES.cuda(), 0, **STEPS)
    assert (cast.cpu() - expected()).abs().mean() < 0.02
