from __future__ import annotations

import errno
import os
import re

import fsspec
import numpy as np
import pytest
import torch
import zarr
from stored_extraction import files, in_memory, stored, without_id

import invert_captum as ic
from invert_captum.activations.store import folder as folders
from invert_captum.activations.store import layout
from invert_captum.activations.store.folder import LocalFolder, RemoteFolder, open_folder


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Blocks of 8 rows and chunks of 4 neurons, for float32."""
    monkeypatch.setattr(layout, "_CHUNK_BYTES", 128)
    monkeypatch.setattr(layout, "_CHUNK_NEURONS", 4)


@pytest.fixture(params=["path", "file", "memory"])
def place(request, tmp_path):
    places = {
        "path": tmp_path / "store",
        "file": f"file://{tmp_path}/store",
        "memory": f"memory://{request.node.name}/store",
    }
    return places[request.param]


def test_paths_and_urls_hold_the_same_files(tmp_path, place):
    store, _ = stored(place)
    stored(tmp_path / "local")
    folder = open_folder(place)
    content = {key: without_id(folder.read(key)) for key in folder.sizes()}
    assert content == files(tmp_path / "local")
    assert torch.equal(ic.ActivationStore.open(place).load(), in_memory())
    assert np.array_equal(store.read(None, [9, 0]), in_memory().T[[9, 0]])


def test_stores_anywhere_go_on_and_name_damaged_chunks(place):
    store, _ = stored(place)
    folder = open_folder(place)
    whole = folder.read("layer_0/c/2/1")
    folder.write("layer_0/c/2/1", whole[:9] + b"x" + whole[10:])
    with pytest.raises(ValueError, match=r"chunk 'layer_0/c/2/1' of .* does not match"):
        store.load()
    folder.delete("layer_0/c/2/1")
    folder.delete("layer_0/c/2/1")
    with pytest.raises(ValueError, match=r"chunk 'layer_0/c/2/1' of .* is missing"):
        store.load()
    assert stored(place)[1] == list(range(16, 24))
    folder.delete("records/00000004.json")
    with pytest.raises(ValueError, match="1 of its 7 row blocks are missing"):
        ic.ActivationStore.open(place).load()
    assert stored(place)[1] == list(range(32, 40))
    assert torch.equal(store.load(), in_memory())
    with pytest.raises(ValueError, match="was begun with reduce"):
        stored(place, reduce="max")


def test_zarr_reads_stores_at_urls():
    stored("memory://for_zarr/store")
    found = fsspec.filesystem("memory").find("/for_zarr/store")
    content = {
        path.removeprefix("/for_zarr/store/"): zarr.core.buffer.cpu.Buffer.from_bytes(
            fsspec.filesystem("memory").cat_file(path)
        )
        for path in found
    }
    group = zarr.open_group(zarr.storage.MemoryStore(content), mode="r")
    assert np.array_equal(group["layer_0"][:], in_memory().numpy())


def test_other_places_beside_the_store_are_left_alone():
    files_there = fsspec.filesystem("memory")
    files_there.pipe_file("/bucket/notes.txt", b"mine")
    files_there.pipe_file("/bucket/store2/notes.txt", b"mine")
    assert stored("memory://bucket/store")[0].complete
    with pytest.raises(FileExistsError, match=r"'memory://bucket', which holds .* and no act"):
        stored("memory://bucket")


def test_file_systems_with_real_folders_get_them_made(tmp_path):
    class Strict:
        """Writes only into folders that exist."""

        def __init__(self):
            self.inner = fsspec.filesystem("file")

        def pipe_file(self, path, content):
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(content)

        def __getattr__(self, name):
            return getattr(self.inner, name)

    folder = RemoteFolder("strict://x", Strict(), str(tmp_path / "x"))
    assert folder.sizes() == {}
    folder.write("a/b/c", b"content")
    assert folder.sizes("a") == {"a/b/c": 7}
    assert list(folder.read_each(["a/b/c"])) == [b"content"]
    (error,) = folder.read_each(["a/b/d"])
    assert isinstance(error, FileNotFoundError)


def test_local_files_are_whole_or_not_there(tmp_path, monkeypatch):
    folder = LocalFolder(tmp_path / "store")
    folder.write("a/b", b"old")

    def failing(_):
        raise OSError("no more room")

    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(OSError, match="no more room"):
        folder.write("a/b", b"new content")
    with pytest.raises(OSError, match="no more room"):
        folder.write("a/c", b"new content")
    assert files(tmp_path / "store") == {"a/b": b"old"}


def test_files_and_the_folders_around_them_are_flushed_before_the_record(tmp_path, monkeypatch):
    flushed, written = [], []
    original, replace = folders.os.fsync, folders.Path.replace

    def fsync(opened):
        flushed.append(folders.os.readlink(f"/proc/self/fd/{opened}"))
        original(opened)

    def replacing(path, target):
        written.append((str(target), list(flushed)))
        return replace(path, target)

    monkeypatch.setattr(folders.os, "fsync", fsync)
    monkeypatch.setattr(folders.Path, "replace", replacing)
    stored(tmp_path / "store")
    records = [before for target, before in written if "/records/" in target]
    assert len(records) == 7
    for block, before in enumerate(records):
        for folder in (f"layer_0/c/{block}", "layer_0/c", "layer_0", ""):
            assert str(tmp_path / "store" / folder).rstrip("/") in before


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES])
@pytest.mark.parametrize("part", ["records", "layer_0"])
def test_a_listing_that_fails_deletes_nothing(tmp_path, monkeypatch, code, part):
    stored(tmp_path / "store")
    whole = files(tmp_path / "store")
    original = os.scandir

    def scandir(path):
        if str(path).endswith(part):
            raise OSError(code, os.strerror(code), str(path))
        return original(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", scandir)
        with pytest.raises(OSError, match=re.escape(os.strerror(code))):
            stored(tmp_path / "store")
    assert files(tmp_path / "store") == whole


def test_a_listing_that_lacks_files_deletes_nothing(tmp_path, monkeypatch):
    stored(tmp_path / "store")
    whole = files(tmp_path / "store")
    monkeypatch.setattr(LocalFolder, "sizes", lambda *_: {})
    assert stored(tmp_path / "store")[1] == []
    assert files(tmp_path / "store") == whole


def test_folders_behind_links_are_seen(tmp_path):
    stored(tmp_path / "store")
    (tmp_path / "store/layer_0").rename(tmp_path / "elsewhere")
    (tmp_path / "store/layer_0").symlink_to(tmp_path / "elsewhere")
    assert "layer_0/c/0/0" in LocalFolder(tmp_path / "store").sizes()
    assert stored(tmp_path / "store")[1] == []


def test_paths_begin_at_home_and_urls_stay_as_given(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert stored("~/store")[0].location == str(tmp_path / "store")
    assert open_folder("memory://").address == "memory://"
    assert isinstance(open_folder(open_folder("memory://").address), RemoteFolder)
    for address in ("memory://a?b=c", "https://me:secret@host/a?b"):
        with pytest.raises(ValueError, match=r"store is '.*', a URL with a query") as refused:
            open_folder(address)
        assert "secret" not in str(refused.value)


def test_passwords_are_not_shown():
    folder = RemoteFolder("ftp://me:se@cret@host/a@b", None, "a@b")
    assert folder.address == "ftp://me:se@cret@host/a@b"
    assert folder.location == "ftp://host/a@b"


def test_remote_listings_are_fresh(tmp_path):
    asked = []

    class Caching:
        def invalidate_cache(self):
            asked.append("invalidate")

        def find(self, *_, **__):
            asked.append("find")
            return {}

    RemoteFolder("x://y", Caching(), "y").sizes()
    assert asked == ["invalidate", "find"]


def test_errors_without_a_number_have_none(tmp_path, monkeypatch):
    def write(self, key, content):
        raise OSError("no room")

    monkeypatch.setattr(LocalFolder, "write", write)
    with pytest.raises(OSError, match=r"^the activation store at .* cannot be written: no room"):
        stored(tmp_path / "store")


def test_new_folders_around_the_store_are_flushed_as_well(tmp_path, monkeypatch):
    flushed, original = set(), folders.os.fsync

    def fsync(opened):
        flushed.add(folders.os.readlink(f"/proc/self/fd/{opened}"))
        original(opened)

    monkeypatch.setattr(folders.os, "fsync", fsync)
    folder = LocalFolder(tmp_path / "a/b/store")
    folder.write("manifest.json", b"{}")
    folder.settle(["manifest.json"])
    # Nothing above the folder that was there.
    assert flushed - {one for one in flushed if one.endswith(".tmp")} == {
        str(tmp_path / one) for one in ("", "a", "a/b", "a/b/store")
    }


def test_the_manifest_is_flushed_before_the_first_row_block(tmp_path, monkeypatch):
    done = []
    write, settle = LocalFolder.write, LocalFolder.settle
    monkeypatch.setattr(
        LocalFolder, "write", lambda self, *given: done.append(given[0]) or write(self, *given)
    )
    monkeypatch.setattr(
        LocalFolder, "settle", lambda self, keys: done.append(list(keys)) or settle(self, keys)
    )
    stored(tmp_path / "store")
    assert done[:2] == ["manifest.json", ["manifest.json"]]
    assert done[-2:] == ["manifest.json", ["manifest.json"]]


def test_folders_above_that_cannot_be_listed_are_no_hindrance(tmp_path, monkeypatch):
    original = os.open

    def opened(path, *given, **named):
        if str(path) == str(tmp_path):
            raise PermissionError(errno.EACCES, "no")
        return original(path, *given, **named)

    monkeypatch.setattr(folders.os, "open", opened)
    assert stored(tmp_path / "store")[0].complete
