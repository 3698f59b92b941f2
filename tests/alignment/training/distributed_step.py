"""Started by torchrun: steps of two processes, each on every other row, saved by both."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from tiny_training import batch, network
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss
from invert_captum.alignment.training.harmonization_step import harmonization_step

LOSS = HarmonizationLoss(lambda_weights=0.1)


class Objective(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *tensors):
        return LOSS(self.model, *tensors)


def step(objective, model, tensors, loss):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        harmonization_step(objective, optimizer, *tensors, loss=loss)
    return model.state_dict()


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    # Rows 0, 3 and 6 have no human map; "apart" gives all of them to the first process.
    tensors = batch(8)
    order = torch.tensor([0, 3, 6, 1, 2, 4, 5, 7])
    found = {}
    for name, rows in (("mixed", slice(rank, None, 2)), ("apart", order[4 * rank :][:4])):
        mine = [tensor[rows] for tensor in tensors]
        inside, outside = network(), network()
        wrapped = DistributedDataParallel(Objective(inside))
        found[f"{name}, inside"] = step(wrapped, inside, mine, lambda ddp, *given: ddp(*given))
        wrapped = DistributedDataParallel(outside)
        found[f"{name}, outside"] = step(wrapped, outside, mine, LOSS)
    torch.save(found, Path(sys.argv[1]) / f"{rank}.pt")
    dist.destroy_process_group()
