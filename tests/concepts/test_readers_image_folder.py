from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from invert_captum.concepts import ConceptSet, from_image_folder

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_every_folder_on_the_way_is_a_concept(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "toys/dog/plush.JPG",
        "animals/dog/x.png",
        "animals/cat/y.webp",
        "animals/z.jpeg",
        "top.png",
    )
    files, concepts = from_image_folder(root)
    ids = (
        "animals/cat/y.webp",
        "animals/dog/x.png",
        "animals/z.jpeg",
        "top.png",
        "toys/dog/plush.JPG",
    )
    assert concepts.sample_ids == ids
    assert files == [root / path for path in ids]
    assert concepts.names == ("animals", "cat", "dog", "toys")
    assert concepts.descriptions is None
    shown = {name: [i for i, present in enumerate(concepts[name]) if present] for name in concepts}
    assert shown == {"animals": [0, 1, 2], "cat": [0], "dog": [1, 4], "toys": [4]}
    assert ConceptSet.from_image_folder(str(root)) == (files, concepts)


def test_a_name_twice_on_the_way_is_one_label(tmp_path: Path) -> None:
    _, concepts = from_image_folder(tree(tmp_path, "dog/dog/x.png"))
    assert concepts.names == ("dog",)
    assert concepts.counts.tolist() == [1]


def test_hidden_and_other_files_are_left_out(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "dog/x.png",
        "dog/.y.png",
        ".cache/z.png",
        "dog/notes.txt",
        "papers/notes.txt",
        "dog/png",
    )
    (root / "empty").mkdir()
    files, concepts = from_image_folder(root)
    assert files == [root / "dog/x.png"]
    assert concepts.names == ("dog",)


def test_a_hidden_root_is_read(tmp_path: Path) -> None:
    files, _ = from_image_folder(tree(tmp_path / ".data", "dog/x.png"))
    assert len(files) == 1


@pytest.mark.parametrize("extensions", [[".xyz"], ["XYZ"], (ending for ending in ["xyz"])])
def test_extensions_can_be_chosen(tmp_path: Path, extensions: object) -> None:
    root = tree(tmp_path, "dog/x.png", "dog/y.Xyz", "dog/zxyz")
    files, _ = from_image_folder(root, extensions=extensions)
    assert files == [root / "dog/y.Xyz"]


def test_links_are_followed_without_end(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside", "x.png")
    root = tree(tmp_path / "root", "dog/y.png")
    (root / "cat").symlink_to(outside, target_is_directory=True)
    (root / "dog" / "again").symlink_to(root, target_is_directory=True)
    _, concepts = from_image_folder(root)
    assert concepts.sample_ids == ("cat/x.png", "dog/y.png")


def test_progress_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path, "dog/x.png")
    from_image_folder(root)
    assert capsys.readouterr().err == ""
    from_image_folder(root, show_progress=True)
    assert "Images" in capsys.readouterr().err


def test_folders_without_concepts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing'; expected a folder that exists"):
        from_image_folder(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"has no images \(\.bmp, .*\.webp\)"):
        from_image_folder(tree(tmp_path, "dog/notes.txt"))
    with pytest.raises(ValueError, match="has images but none in a folder below it"):
        from_image_folder(tree(tmp_path, "x.png"))


@pytest.mark.parametrize(
    ("extensions", "error", "message"),
    [
        (".png", TypeError, r"extensions is '\.png' \(str\); expected a sequence"),
        ([], ValueError, "extensions is empty"),
        ([""], ValueError, r"extensions\[0\] is ''; expected a file name ending"),
        ([".png", 3], ValueError, r"extensions\[1\] is 3; expected a file name ending"),
    ],
)
def test_unusable_extensions_are_refused(
    tmp_path: Path, extensions: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        from_image_folder(tmp_path, extensions=extensions)
