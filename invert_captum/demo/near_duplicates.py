"""Which emoji are near-duplicates, so that a hold-out keeps them on one side of its split.

Emoji come in series that differ only in who is shown: a woman running, a man running, a person
running, each of them facing left or right. A label found on one of a series and confirmed on
another would be confirmed by almost the same picture. The rules, on code points:

* gender signs and the "facing right" arrow are dropped; man, woman and adult are one, and so are
  boy, girl and child, old man and old woman;
* pairs that Unicode gave code points of their own are joined: prince and princess, Father and
  Mother Christmas, pregnant man and woman, man dancing and woman dancing, the holding of hands,
  the two mirror images of a fist, a hand or a magnifying glass;
* families of any composition are one group; so are couples, and so are kisses;
* pictures that are the same drawing are one group, whatever they stand for: the flags of Norway
  and of Svalbard, of France and of Clipperton Island.

Emoji that differ in *what* is shown stay apart, however alike they look: the twelve hours of the
clock, the phases of the moon, the colours of the heart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from invert_captum.demo.emoji import Emoji

_JOINER = "200d"
_ADULT, _CHILD, _OLDER, _FAMILY = "1f9d1", "1f9d2", "1f9d3", "1f46a"
_DROPPED = frozenset({_JOINER, "2640", "2642", "27a1"})
_PERSON = {
    "1f468": _ADULT,  # man
    "1f469": _ADULT,  # woman
    "1f466": _CHILD,  # boy
    "1f467": _CHILD,  # girl
    "1f474": _OLDER,  # old man
    "1f475": _OLDER,  # old woman
}
_SAME_SCENE = {
    "1f46b": "1f9d1-1f91d-1f9d1",  # man and woman holding hands
    "1f46c": "1f9d1-1f91d-1f9d1",  # men holding hands
    "1f46d": "1f9d1-1f91d-1f9d1",  # women holding hands
    "1f9d1-2764-1f9d1": "1f491",  # couple with heart
    "1f9d1-2764-1f48b-1f9d1": "1f48f",  # kiss
    "1f9d1-1f384": "1f385",  # Mx Claus, Father Christmas
    "1f936": "1f385",  # Mother Christmas, Father Christmas
    "1f934": "1fac5",  # prince, person with crown
    "1f478": "1fac5",  # princess, person with crown
    "1f930": "1fac4",  # pregnant woman, pregnant person
    "1fac3": "1fac4",  # pregnant man, pregnant person
    "1f57a": "1f483",  # man dancing, dancer
    "1f91c": "1f91b",  # right-facing fist, left-facing fist
    "1f50e": "1f50d",  # magnifying glass pointing right, pointing left
    "1faf2": "1faf1",  # leftwards hand, rightwards hand
    "1faf8": "1faf7",  # rightwards pushing hand, leftwards pushing hand
}

# Root mean square difference, of 255 grey levels, below which two thumbnails are one drawing.
_SAME_DRAWING = 2.0
_THUMBNAIL = 24


def emoji_groups(emoji: Sequence[Emoji]) -> npt.NDArray[np.int64]:
    """Return the group of each emoji (n,): the same number for near-duplicates.

    Emoji that differ only in who is shown, or in facing left or right, are near-duplicates, and so
    are those that are the same drawing, as the flags of Norway and of Svalbard. Emoji that differ
    in what is shown are not: the twelve hours of the clock stay apart.

    Args:
        emoji: n emoji, at least one.

    Returns:
        *numpy.ndarray* of int64, shape (n,): for ``label_neurons(groups=...)``.

    Raises:
        ValueError: If there are no emoji.
        OSError: If a picture cannot be read.

    Examples:
        >>> from invert_captum.demo import read_emoji
        >>> names = ("RUNNER", "WOMAN RUNNING", "CLOCK FACE ONE OCLOCK", "CLOCK FACE TWO OCLOCK")
        >>> shown = [one for one in read_emoji() if one.name in names]
        >>> dict(zip([one.title for one in shown], emoji_groups(shown).tolist(), strict=True))
        {'Woman running': 0, 'Runner': 0, 'Clock face one oclock': 1, 'Clock face two oclock': 2}
    """
    if not emoji:
        raise ValueError("emoji is empty; expected at least one")
    scenes = [scene_key(one.code_points) for one in emoji]
    _, scene = np.unique(scenes, return_inverse=True)
    rows = np.arange(len(emoji))
    in_scene = sparse.csr_array((np.ones(len(emoji)), (rows, scene)))
    _, group = sparse.csgraph.connected_components(
        in_scene @ in_scene.T + _same_drawing(emoji), directed=False
    )
    return np.asarray(group, dtype=np.int64)


def scene_key(code_points: str) -> str:
    """Return the code points of what is shown, without who is shown.

    Examples:
        >>> scene_key("1f3c3-200d-2640-200d-27a1")  # woman running facing right
        '1f3c3'
        >>> scene_key("1f468-200d-1f33e") == scene_key("1f9d1-200d-1f33e")  # farmers
        True
    """
    parts = [_PERSON.get(point, point) for point in code_points.split("-")]
    # A sign on its own is the emoji itself: the female sign, the arrow to the right.
    shown = [part for part in parts if part not in _DROPPED] or parts
    if len(shown) > 1 and set(shown) <= {_ADULT, _CHILD}:
        return _FAMILY
    key = "-".join(shown)
    return _SAME_SCENE.get(key, key)


def _same_drawing(emoji: Sequence[Emoji]) -> sparse.csr_array:
    thumbnails = np.stack(
        [
            np.asarray(one.picture().reduce(72 // _THUMBNAIL), dtype=np.float32).ravel()
            for one in emoji
        ]
    )
    radius = _SAME_DRAWING * np.sqrt(thumbnails.shape[1])
    neighbors = NearestNeighbors(radius=radius, algorithm="brute").fit(thumbnails)
    return sparse.csr_array(neighbors.radius_neighbors_graph(thumbnails))
