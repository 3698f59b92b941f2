"""Harmonize a torchvision network on several processes or GPUs.

A first try, on drawn pictures, without a GPU:

    torchrun --standalone --nproc-per-node 2 examples/train_harmonized.py \
        --synthetic --folder runs/try --model resnet18 --size 64 --batch-size 8 --epochs 2

ClickMe, on four GPUs, from the weights that torchvision has:

    torchrun --standalone --nproc-per-node 4 examples/train_harmonized.py \
        --data clickme/ --split train --folder runs/resnet50 \
        --weights DEFAULT --precision bfloat16 --batch-size 64

The folder gets TensorBoard's events and `last.pt`, from which the same command goes on.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset
from torchvision import models, transforms

from invert_captum.alignment import (
    ClickMeDataset,
    HarmonizationLoss,
    HarmonizationTerms,
    gaussian_blur,
    harmonization_step,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.utils.tensorboard import SummaryWriter

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
# ImageNet's mean and standard deviation, as torchvision's networks expect them, for 0 to 255.
NORMALIZE = transforms.Normalize([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])


class Objective(nn.Module):
    """A network with its loss, so that the wrapper sees every use of the parameters."""

    def __init__(self, network: nn.Module, loss: HarmonizationLoss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, *batch: Tensor) -> HarmonizationTerms:
        """Return the loss of a batch."""
        return self.loss(self.network, *batch)


def drawn_data(n: int, size: int, n_classes: int) -> TensorDataset:
    """Grey noise with a bar, whose direction is the class and whose place is the human map."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % n_classes
    places = torch.arange(size) - size * (0.25 + torch.rand(2, n, 1, generator=generator) / 2)
    x, y = places[0, :, None, :], places[1, :, :, None]
    angle = (labels * torch.pi / n_classes).reshape(-1, 1, 1)
    along, aside = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    bars = ((along.abs() < size / 5) & (aside.abs() < size / 20)).float()
    grey = torch.rand(n, 3, size, size, generator=generator) * 128
    images = NORMALIZE(grey + 127 * bars[:, None])
    return TensorDataset(images, labels, gaussian_blur(bars), torch.ones(n))


def loader(args: argparse.Namespace) -> DataLoader:
    """Return this process's share of the training data."""
    if args.synthetic:
        data = drawn_data(args.synthetic, args.size, args.classes)
        sampler = DistributedSampler(data, seed=args.seed)
    else:
        choice = {"size": args.size, "n_classes": args.classes, "seed": args.seed}
        data = ClickMeDataset(args.data, args.split, transform=NORMALIZE, shuffle=10_000, **choice)
        sampler = None  # it deals its records out to processes and workers by itself
    how = {"sampler": sampler, "num_workers": args.workers, "drop_last": True}
    return DataLoader(data, args.batch_size, **how)


def common_batches(batches: DataLoader, most: int, device: torch.device) -> Iterator[list[Tensor]]:
    """Yield batches until the first process has none left, where the others would wait for it."""
    source = iter(batches)
    for _ in range(most):
        batch = next(source, None)
        every_process_has_one = torch.tensor(float(batch is not None), device=device)
        dist.all_reduce(every_process_has_one, dist.ReduceOp.MIN)
        if not every_process_has_one:
            return
        yield [part.to(device, non_blocking=True) for part in batch]


def summary_writer(folder: Path) -> SummaryWriter | None:
    """Return a writer of TensorBoard's events in the first process, None in the others."""
    if dist.get_rank() > 0:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError("TensorBoard is in the extra invert-captum[alignment]") from error
    return SummaryWriter(folder)


def network_of(args: argparse.Namespace) -> nn.Module:
    """Return the network, with a new head where --classes are not those of its --weights."""
    if args.weights is None:
        return models.get_model(args.model, num_classes=args.classes)
    network = models.get_model(args.model, weights=args.weights)
    linear = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise ValueError(f"--model {args.model} ends in no Linear, which --weights needs")
    (head, _, last), old = linear[-1].rpartition("."), network.get_submodule(linear[-1])
    if old.out_features != args.classes:
        setattr(network.get_submodule(head), last, nn.Linear(old.in_features, args.classes))
    return network


def train(args: argparse.Namespace, device: torch.device) -> None:
    """Train from the first epoch that the folder's checkpoint does not have."""
    torch.manual_seed(args.seed)
    network = network_of(args)
    loss = HarmonizationLoss(lambda_harmonization=args.harmonization)
    objective = DistributedDataParallel(Objective(network.to(device), loss)).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=args.lr, momentum=0.9)  # decay: in loss
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, args.decay)
    scaler = torch.amp.GradScaler(device.type, enabled=args.precision == "float16")
    parts = {"model": network, "optimizer": optimizer, "scheduler": scheduler, "scaler": scaler}
    how = {"loss": lambda wrapped, *batch: wrapped(*batch), "max_grad_norm": args.max_grad_norm}
    how |= {"scaler": scaler, "autocast_dtype": PRECISIONS[args.precision]}
    done, last = {"epoch": 0, "step": 0}, args.folder / "last.pt"
    if last.exists():
        saved = torch.load(last, map_location=device, weights_only=True)
        done = saved["done"]
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    batches, writer = loader(args), summary_writer(args.folder)
    for epoch in range(done["epoch"], args.epochs):
        # Every process and epoch has its own dropout; the first may save when all have loaded.
        torch.manual_seed(args.seed + 10_000 * epoch + dist.get_rank())
        (batches.dataset if args.data else batches.sampler).set_epoch(epoch)
        before = done["step"]
        for batch in common_batches(batches, args.steps, device):
            terms = harmonization_step(objective, optimizer, *batch, **how)
            done["step"] += 1
            means = torch.stack(terms) / dist.get_world_size()
            dist.all_reduce(means)
            if writer:
                for name, mean in zip(terms._fields, means.tolist(), strict=True):
                    writer.add_scalar(f"loss/{name}", mean, done["step"])
                writer.add_scalar("learning_rate", scheduler.get_last_lr()[0], done["step"])
        if done["step"] == before:
            source = "--data" if args.data else "--synthetic"
            raise ValueError(f"{source} has too few records for one --batch-size in every process")
        scheduler.step()
        done["epoch"] = epoch + 1
        if writer:
            writer.flush()
            states = {name: part.state_dict() for name, part in parts.items()}
            torch.save({**states, "done": done}, unfinished := last.with_suffix(".unfinished"))
            unfinished.replace(last)
            logging.info("epoch %(epoch)d is done, after step %(step)d", done)
    if writer:
        logging.info("%d epochs are done; checkpoint and events: %s", done["epoch"], args.folder)


def arguments() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", nargs="+", help="ClickMe shards, folders or .npz archives")
    source.add_argument("--synthetic", type=int, nargs="?", const=256, help="n drawn pictures")
    add("--split", help="what to take of --data: train, val or test; else all")
    add("--folder", type=Path, required=True, help="for checkpoint and events")
    add("--model", default="resnet50", help="a name of torchvision.models")
    add("--weights", help="of torchvision, such as DEFAULT, with a new head if --classes differ")
    add("--classes", type=int, default=1000)
    add("--size", type=int, default=224, help="side of the images")
    add("--lambda", dest="harmonization", type=float, default=1.0, help="of the harmonization")
    add("--precision", choices=PRECISIONS, default="float32")
    add("--batch-size", type=int, default=32, help="of each process")
    add("--epochs", type=int, default=10)
    add("--steps", type=int, default=10**9, help="at most, in an epoch")
    add("--lr", type=float, default=0.01)
    add("--decay", type=float, default=0.9, help="factor of the learning rate after an epoch")
    add("--max-grad-norm", type=float)
    add("--workers", type=int, default=0, help="of each process, to read data")
    add("--seed", type=int, default=0)
    args = parser.parse_args()
    if "LOCAL_RANK" not in os.environ:
        parser.error("start it with torchrun --standalone --nproc-per-node N " + __file__)
    return args


def main() -> None:
    """Set this process up, and train."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    args = arguments()
    args.folder.mkdir(parents=True, exist_ok=True)
    on_gpus = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpus else torch.device("cpu")
    if on_gpus:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpus else "gloo")
    try:
        train(args, device)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
