# SPDX-License-Identifier: Apache-2.0
"""The table of the C interface against the headers."""
from __future__ import annotations

import ctypes
import re
from typing import Any

import pytest

from conftest import ROOT
from s3rec import _abi, _structs, _words
from s3rec._errors import BY_STATUS

NUMBERS = {"int": ctypes.c_int, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64,
           "uint64_t": ctypes.c_uint64, "size_t": ctypes.c_size_t, "double": ctypes.c_double,
           "float": ctypes.c_float}


RAW = "".join(path.read_text() for path in sorted((ROOT / "include/s3rec").glob("*.h")))
MACROS = dict(re.findall(r"#define (S3REC_\w+) (\d+)", RAW))


def header_text() -> str:
    text = RAW
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return re.sub(r"^#(?:[^\n]*\\\n)*[^\n]*$", "", text, flags=re.MULTILINE)


TEXT = header_text()
ENUMS = dict(re.findall(r"typedef enum (\w+) \{(.*?)\}", TEXT, re.DOTALL))
FUNCTIONS = {name: (result.strip(), arguments) for result, name, arguments in re.findall(
    r"S3REC_API\s+([\w\s*]+?)\b(s3rec_\w+)\s*\(([^)]*)\)\s*;", TEXT)}
STRUCTS = dict(re.findall(r"typedef struct (\w+) \{(.*?)\} \w+;", TEXT, re.DOTALL))
OPAQUE = set(re.findall(r"typedef struct (\w+) \1;", TEXT)) - set(STRUCTS)
CALLBACKS = set(re.findall(r"typedef [^;{]*?\(\*(\w+)\)", TEXT))


def kinds_of(declared: str, of_argument: bool = False) -> list[Any]:
    """The types of ctypes that a C type may have in the table; a handle has its own as argument."""
    plain = declared.replace("const", "").replace("struct", "").strip()
    name = plain.replace("*", "").strip()
    if of_argument and plain.count("*") == 1 and name in OPAQUE:
        return [getattr(_structs, name.partition("_")[2].upper())]
    if "*" in plain or plain in CALLBACKS:
        one_text = plain.replace(" ", "") == "char*" and "const" in declared
        return [ctypes.c_void_p, ctypes.c_char_p] if one_text else [ctypes.c_void_p]
    if plain in ENUMS:
        return [ctypes.c_int]
    return [NUMBERS[plain]]


def split(declaration: str) -> tuple[str, str, int]:
    """(type, name, elements) of "const int64_t *name" or "double name[3]"."""
    found = re.fullmatch(r"(.*?)(\w+)(?:\[(\w+)\])?", " ".join(declaration.split()))
    assert found, declaration
    elements: str = found.group(3) or "0"
    return found.group(1).strip(), found.group(2), int(MACROS.get(elements) or elements)


def test_the_parser_sees_the_headers() -> None:
    assert len(OPAQUE) == 13 and len(FUNCTIONS) > 100 and len(STRUCTS) >= 22 and len(ENUMS) >= 15


def test_every_function_is_in_the_table() -> None:
    assert sorted(FUNCTIONS) == sorted(_abi.FUNCTIONS)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_types_of_functions(name: str) -> None:
    result, arguments = FUNCTIONS[name]
    table_result, table_arguments = _abi.FUNCTIONS[name]
    declared = [] if arguments.strip() in ("", "void") else arguments.split(",")
    assert len(declared) == len(table_arguments)
    for argument, kind in zip(declared, table_arguments):
        assert kind in kinds_of(split(argument)[0], of_argument=True), argument
    if result == "void":
        assert table_result is None
    else:
        assert table_result in kinds_of(result)


def test_every_struct_is_in_the_table() -> None:
    assert sorted(STRUCTS) == sorted(_structs.STRUCTS)


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_fields_of_structs(name: str) -> None:
    declared = []
    for line in STRUCTS[name].split(";"):
        if not line.strip():
            continue
        first, *others = line.split(",")
        kind, field, elements = split(first)
        declared.append((field, kind, elements))
        declared += [(other.strip(), kind, 0) for other in others]
    fields: list[Any] = list(_structs.STRUCTS[name]._fields_)
    assert [field[0] for field in fields] == [field for field, _, _ in declared]
    for (field, kind, elements), (_, table_kind) in zip(declared, fields):
        if elements:
            assert table_kind._length_ == elements and table_kind._type_ in kinds_of(kind), field
        else:
            assert table_kind in kinds_of(kind), field


def values_of(enum: str) -> dict[str, int]:
    return {name: int(number)
            for name, number in re.findall(r"(S3REC_\w+)\s*=\s*(\d+)", ENUMS[enum])}


@pytest.mark.parametrize("enum, words", [
    ("s3rec_kernel_level", _words.KERNEL_LEVELS), ("s3rec_backend", _words.BACKENDS),
    ("s3rec_stage", _words.STAGES), ("s3rec_activation", _words.ACTIVATIONS),
    ("s3rec_finetune_loss", _words.LOSSES), ("s3rec_recipe", _words.RECIPES),
    ("s3rec_scan", _words.SCANS), ("s3rec_split", _words.SPLITS),
    ("s3rec_protocol", _words.PROTOCOLS), ("s3rec_seen_policy", _words.SEEN),
    ("s3rec_table_format", _words.FORMATS), ("s3rec_table_header", _words.HEADERS),
    ("s3rec_repeats", _words.REPEATS), ("s3rec_run_event", _words.RUN_EVENTS),
    ("s3rec_attention", _words.ATTENTIONS), ("s3rec_metric", _words.METRICS),
    ("s3rec_schedule", _words.SCHEDULES), ("s3rec_answer_source", _words.SOURCES)])
def test_words_of_enumerations(enum: str, words: dict[str, int]) -> None:
    values = values_of(enum)
    assert sorted(values.values()) == sorted(words.values())
    for word, number in words.items():
        name = next(name for name, value in values.items() if value == number)
        assert name.replace("_", "").lower().endswith(word.replace("-", ""))


def test_a_class_for_every_status() -> None:
    assert sorted(BY_STATUS) == sorted(
        number for number in values_of("s3rec_status").values() if number)


def test_init_functions_know_the_sizes_of_the_table() -> None:
    for name, struct in _structs.STRUCTS.items():
        if name in ("s3rec_id_array", "s3rec_run_state"):  # are not made by the caller
            continue
        stage = (1,) if name in ("s3rec_sampler_options", "s3rec_run_options") else ()
        assert _abi.new(struct, *stage).struct_size == ctypes.sizeof(struct), name
