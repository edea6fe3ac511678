# SPDX-License-Identifier: Apache-2.0
"""Finds and loads libs3rec."""
from __future__ import annotations

import ctypes
import os
import pathlib
import sys
import sysconfig
from typing import Iterator

ABI_VERSION = 1
FILE_NAME = f"libs3rec.so.{ABI_VERSION}"


def _candidates() -> Iterator[pathlib.Path]:
    """Where the library may lie: in the wheel, in the prefix that holds this package, or in the
    build folder of the source tree that does (an editable install has one for its Python)."""
    package = pathlib.Path(__file__).resolve().parent
    # A wheel has the library once, under a name with its release; it may lie in another folder
    # than the modules. A package that is not installed there takes no other installation's.
    sites = [package.parent]
    if package.parent == pathlib.Path(sysconfig.get_path("purelib")).resolve():
        sites.append(pathlib.Path(sysconfig.get_path("platlib")))
    for site in sites:
        yield from sorted((site / ".s3rec.mesonpy.libs").glob("libs3rec.so.*"))
        yield from sorted((site / "s3rec.libs").glob("libs3rec-*.so*"))  # auditwheel's name
    folders = [package]
    # PREFIX/lib/python3/dist-packages/s3rec: the library is in PREFIX/lib or beside it.
    multiarch = sysconfig.get_config_var("MULTIARCH")
    for folder in list(package.parents)[2:4]:
        folders += [folder, folder.parent / "lib64"]
        if multiarch:
            folders.append(folder / str(multiarch))
    if len(package.parents) > 2 and (package.parents[2] / "meson.build").is_file():
        build = package.parents[2] / "build"
        folders += [build / f"cp{sys.version_info[0]}{sys.version_info[1]}" / "lib", build / "lib"]
    for folder in folders:
        if folder.is_dir():
            yield from sorted(folder.glob(f"{FILE_NAME}*"))


def _load() -> ctypes.CDLL:
    named = os.environ.get("S3REC_LIBRARY")
    if named:
        return ctypes.CDLL(named)
    for path in _candidates():
        return ctypes.CDLL(os.fspath(path))
    try:
        return ctypes.CDLL(FILE_NAME)
    except OSError as error:
        raise ImportError(
            f"s3rec: {FILE_NAME} is neither beside the package nor where the system looks for "
            f"libraries, and S3REC_LIBRARY does not name it ({error})") from error


def load() -> ctypes.CDLL:
    """The library. ctypes releases the interpreter's lock while one of its functions runs."""
    try:
        library = _load()
    except OSError as error:
        raise ImportError(f"s3rec: the library cannot be loaded: {error}") from error
    found = library.s3rec_abi_version()
    if found != ABI_VERSION:
        raise ImportError(f"s3rec: the library has ABI {found}, this package needs {ABI_VERSION}")
    return library
