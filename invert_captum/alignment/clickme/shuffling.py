"""Shuffling a stream through a buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from invert_captum.alignment.clickme.tf_records import DamagedRecords

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

T = TypeVar("T")


def shuffled(items: Iterable[T], buffer: int, rng: np.random.Generator) -> Iterator[T]:
    """Yield every item once, in an order drawn through a buffer.

    Args:
        items: The stream.
        buffer: How many items are held. A buffer for all of them makes every order equally likely.
        rng: The source of randomness.

    Yields:
        The items.

    Raises:
        DamagedRecords: If the stream raises it; the items before it are yielded first.

    Examples:
        >>> import numpy as np
        >>> sorted(shuffled(range(5), 2, np.random.default_rng(0)))
        [0, 1, 2, 3, 4]
    """
    held: list[T] = []
    damage = None
    stream = iter(items)
    while True:
        try:
            item = next(stream)
        except StopIteration:
            break
        except DamagedRecords as error:
            damage = error
            break
        if len(held) < buffer:
            held.append(item)
            continue
        place = int(rng.integers(buffer))
        item, held[place] = held[place], item
        yield item
    for place in rng.permutation(len(held)):
        yield held[place]
    if damage is not None:
        raise damage
