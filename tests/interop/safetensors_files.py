# SPDX-License-Identifier: Apache-2.0
"""Model files and training states in Python's safetensors, in PyTorch when it is there, and back.

usage: safetensors_files.py TOOL SHARED_LIBRARY VENV

Packages that this Python lacks are installed into VENV; where that cannot be done the checks are
skipped.
"""
import importlib.util
import math
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from library import Library  # noqa: E402
from tool import SMALL, Tool  # noqa: E402

PACKAGES = ["safetensors", "numpy"]
READY = "S3REC_TEST_INTEROP"  # set for the run in VENV, so that there is no third


def missing_packages():
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def python_with_packages(venv):
    """An interpreter that has them, or None."""
    python = pathlib.Path(venv, "bin", "python")
    ask = "; ".join(f"import {name}" for name in PACKAGES)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1",
               "--timeout", "15", *PACKAGES]
    commands = [[sys.executable, "-m", "venv", "--system-site-packages", venv], [python, *install]]
    if not python.exists() or subprocess.run([python, "-c", ask], capture_output=True).returncode:
        for command in commands:
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=200)
            except (OSError, subprocess.TimeoutExpired) as error:
                print(error)
                return None
            if done.returncode != 0:
                print(done.stdout + done.stderr)
                return None
    return python


def same(tool, what, tensors, expected):
    """`tensors` name -> array against `expected` name -> bytes."""
    wrong = "".join(f"  {name}\n" for name in sorted(tensors.keys() | expected.keys())
                    if name not in tensors or name not in expected or
                    str(tensors[name].dtype) != "float32" or
                    tensors[name].tobytes() != expected[name])
    tool.report.check(what, wrong)


def rewrite(tool, library, tensors, shapes, model):
    """A file of another program: the tensors alone, without the library's metadata."""
    from safetensors.numpy import save_file
    counts = {name: math.prod(shape) for name, shape in shapes.items()}
    save_file(tensors, str(tool.path("python.safetensors")))
    same(tool, "what Python wrote is read back", tensors,
         library.values(tool.path("python.safetensors"), counts))
    info = tool.json("info of it", "info", "python.safetensors")[-1]
    tool.equal("its sizes come from the shapes", info["config"], model["config"])
    tool.equal("it has no metadata", info["metadata"], {})
    recommended = [tool.json(f"recommend by {name}", "recommend", "--model", name, "--history",
                             "3 4 5")[-1]["recommended"]
                   for name in ("model.safetensors", "python.safetensors")]
    tool.equal("both recommend the same", *recommended)


def names(tool, library, item_size):
    """Names of items, read by another program, written by it, and read by the library."""
    from safetensors.numpy import load_file, save_file
    expected = [f"item {i * 7919 % 1000} – é" for i in range(item_size - 2)]
    library.set_item_names(tool.path("model.safetensors"), expected,
                           tool.path("named.safetensors"))
    tensors = load_file(str(tool.path("named.safetensors")))
    text = tensors["names.item.text"].tobytes()
    offsets = tensors["names.item.offsets"].tolist()
    found = [text[begin:end - 1].decode() for begin, end in zip(offsets, offsets[1:])]
    tool.equal("names of items", found, expected)
    tool.equal("the order of names", [expected[i] for i in tensors["names.item.order"]],
               sorted(expected, key=str.encode))
    save_file(tensors, str(tool.path("named-python.safetensors")))
    tool.equal("names that Python wrote", library.item_names(
        tool.path("named-python.safetensors")), expected)


def state(tool, tensors):
    """A training state has everything three times."""
    from safetensors.numpy import load_file
    tool.good("an epoch", "pretrain", *tool.data(), *SMALL, "--epochs", "1", "--out",
              "trained.safetensors")
    found = load_file(str(tool.path("trained.safetensors.state")))
    prefixes = ("", "state.exp_avg.", "state.exp_avg_sq.")
    tool.equal("names and shapes of a training state",
               {name: tensor.shape for name, tensor in found.items()},
               {prefix + name: tensors[name].shape for prefix in prefixes for name in tensors})


def popularity(tool, tensors):
    """A trained model has a metadata entry: what was trained on, counted by item."""
    from safetensors import safe_open
    from safetensors.numpy import save_file
    with safe_open(str(tool.path("trained.safetensors")), framework="numpy") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    expected = [0] * len(tensors["item_embeddings.weight"])
    for items in tool.sequences():
        for item in items[:-2] if len(items) >= 3 else items:
            expected[item] += 1
    tool.equal("popularity", [int(text) for text in metadata["item_popularity"].split(" ")],
               expected[1:-1])
    tool.equal("names and shapes beside it",
               {name: tensor.shape for name, tensor in found.items()},
               {name: tensor.shape for name, tensor in tensors.items()})
    save_file(found, str(tool.path("popular.safetensors")), metadata)
    info = tool.json("info of what Python wrote with popularity", "info", "popular.safetensors")[-1]
    tool.equal("its popularity", info["popularity"],
               {"items": sum(count > 0 for count in expected), "events": sum(expected)})
    save_file(found, str(tool.path("unpopular.safetensors")))
    info = tool.json("info of it without metadata", "info", "unpopular.safetensors")[-1]
    tool.equal("no popularity", info["popularity"], None)


def torch(tool, expected):
    if importlib.util.find_spec("torch") is None:
        tool.report.skip("PyTorch is not installed")
        return
    from safetensors.torch import load_file, save_file
    tensors = load_file(str(tool.path("model.safetensors")))
    same(tool, "values in PyTorch", {name: tensor.numpy() for name, tensor in tensors.items()},
         expected)
    save_file(tensors, str(tool.path("torch.safetensors")))
    tool.json("info of what PyTorch wrote", "info", "torch.safetensors")
    trained = load_file(str(tool.path("trained.safetensors")))
    tool.equal("a model with popularity has the tensors of PyTorch's strict reader",
               trained.keys(), tensors.keys())


def main(binary, shared, venv):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        if missing_packages():
            python = None if READY in os.environ else python_with_packages(venv)
            if python is None:
                tool.report.skip("no Python with safetensors and numpy")
                tool.report.finish()
            sys.exit(subprocess.run([python, *sys.argv],
                                    env={**os.environ, READY: "1"}).returncode)
        from safetensors import safe_open
        from safetensors.numpy import load_file
        tool.generate("small", "--users", "40", "--items", "300")
        tool.good("a model", "pretrain", *tool.data(), *SMALL, "--epochs", "0", "--out",
                  "model.safetensors")
        model = tool.json("info", "info", "model.safetensors")[-1]
        shapes = {parameter["name"]: parameter["shape"] for parameter in model["parameters"]}
        library = Library(shared)
        expected = library.values(tool.path("model.safetensors"),
                                  {name: math.prod(shape) for name, shape in shapes.items()})
        tensors = load_file(str(tool.path("model.safetensors")))
        tool.equal("names and shapes", {name: list(tensor.shape) for name, tensor in
                                        tensors.items()}, shapes)
        same(tool, "values", tensors, expected)
        with safe_open(str(tool.path("model.safetensors")), framework="numpy") as file:
            metadata = file.metadata()
            metadata.pop("item_popularity")
            tool.equal("metadata", metadata, model["metadata"])
        rewrite(tool, library, tensors, shapes, model)
        names(tool, library, model["config"]["item_size"])
        state(tool, tensors)
        popularity(tool, tensors)
        torch(tool, expected)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
