#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the corpus anew: small inputs for each fuzz target, named by what they are.

usage: make_corpus.py BUILD

BUILD is a build folder with the program fuzz_seeds, which writes model files and states. The
rest is written here. Inputs that a fuzzer found lie beside these in corpus/TARGET and stay.
"""
import gzip
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

CORPUS = pathlib.Path(__file__).parent / "corpus"


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


# Model files and states ----------------------------------------------------------------------------

def parts(file):
    """(header text, data) of a safetensors file."""
    length, = struct.unpack("<Q", file[:8])
    return file[8:8 + length].decode(), file[8 + length:]


def joined(header, data):
    text = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(text)) + text + data


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def edited(file, change):
    """The file with its header, as a dictionary, changed by a function."""
    header, data = parts(file)
    tree = json.loads(header)
    change(tree)
    return joined(compact(tree), data)


def with_metadata(file, **entries):
    def change(tree):
        for key, value in entries.items():
            if value is None:
                del tree["__metadata__"][key]
            else:
                tree["__metadata__"][key] = value
    return edited(file, change)


def with_tensor(file, name, **fields):
    return edited(file, lambda tree: tree[name].update(fields))


def without(file, *names):
    def change(tree):
        for name in names:
            del tree[name]
    return edited(file, change)


def with_float(file, name, number, bits):
    header, data = parts(file)
    begin = json.loads(header)[name]["data_offsets"][0] + 4 * number
    return joined(header, data[:begin] + struct.pack("<I", bits) + data[begin + 4:])


def deep_model(layers, empty):
    """Many layers and many empty tensors of a state, once searched for each parameter."""
    hidden, tree, data = 1, {"__metadata__": {"format": "pt"}}, bytearray()

    def add(name, *shape):
        size = 4
        for extent in shape:
            size *= extent
        tree[name] = {"dtype": "F32", "shape": list(shape),
                      "data_offsets": [len(data), len(data) + size]}
        data.extend(b"\0\0\0\x3f" * (size // 4))

    add("item_embeddings.weight", 3, hidden)
    add("attribute_embeddings.weight", 1, hidden)
    add("position_embeddings.weight", 2, hidden)
    for layer in range(layers):
        at = f"item_encoder.layer.{layer}."
        for name in ("query", "key", "value", "dense"):
            add(f"{at}attention.{name}.weight", hidden, hidden)
            add(f"{at}attention.{name}.bias", hidden)
        for name in ("weight", "bias"):
            add(f"{at}attention.LayerNorm.{name}", hidden)
        add(f"{at}intermediate.dense_1.weight", 4 * hidden, hidden)
        add(f"{at}intermediate.dense_1.bias", 4 * hidden)
        add(f"{at}intermediate.dense_2.weight", hidden, 4 * hidden)
        add(f"{at}intermediate.dense_2.bias", hidden)
        for name in ("weight", "bias"):
            add(f"{at}intermediate.LayerNorm.{name}", hidden)
    for name in ("weight", "bias"):
        add(f"LayerNorm.{name}", hidden)
    for norm in ("aap", "mip", "map", "sp"):
        add(f"{norm}_norm.weight", hidden, hidden)
        add(f"{norm}_norm.bias", hidden)
    for i in range(empty):
        tree[f"state.{i}"] = {"dtype": "F32", "shape": [0], "data_offsets": [len(data)] * 2}
    return joined(compact(tree), bytes(data))


def model_files(seeds):
    plain, names, full = seeds["plain"], seeds["names"], seeds["names-popularity"]
    item = "item_embeddings.weight"
    # What is refused before a parameter is looked for needs no whole model.
    small = joined(compact({item: {"dtype": "F32", "shape": [12, 2], "data_offsets": [0, 96]},
                            "LayerNorm.bias": {"dtype": "F32", "shape": [2],
                                               "data_offsets": [96, 104]}}), bytes(104))
    header, data = parts(small)
    whole_header, whole_data = parts(plain)
    yield "plain", plain
    yield "names", names
    yield "names-popularity", full
    yield "empty-file", b""
    yield "seven-bytes", b"\x02\0\0\0\0\0\0"
    yield "header-longer-than-file", struct.pack("<Q", 1 << 62) + b"{}"
    yield "header-empty", joined("", b"")
    yield "header-no-members", joined("{}", b"")
    yield "header-many-objects", joined('{"a":[' + ",".join(["{}"] * 3000) + "]}", b"")
    yield "header-deep-1000", joined('{"a":' + "[" * 1000 + "]" * 1000 + "}", b"")
    yield "header-deep-open", joined('{"a":' * 600, b"")
    yield "header-spaces", joined(header + " " * 200, data)
    yield "header-two-equal-keys", joined(header[:-1] + f',"{item}":{{}}}}', data)
    yield "header-not-utf8", joined(b'{"\xff":1}', b"")
    yield "header-lone-surrogate", joined('{"\\ud800":1}', b"")
    yield "header-array", joined("[]", b"")
    yield "tensor-name-escaped", joined(
        whole_header.replace("position", "\\u0070osition"), whole_data)
    yield "tensor-name-nul", joined(header.replace(f'"{item}"', f'"{item}\\u0000"'), data)
    yield "tensor-missing", without(plain, "sp_norm.bias")
    yield "tensor-of-a-state", joined(
        whole_header.replace("sp_norm.bias", "state.bias"), whole_data)
    yield "tensor-f16", with_tensor(small, item, dtype="F16")
    yield "tensor-no-dtype", joined(header.replace('"dtype":"F32",', "", 1), data)
    yield "tensor-offsets-reversed", with_tensor(small, item, data_offsets=[96, 0])
    yield "tensor-offsets-overlap", with_tensor(small, "LayerNorm.bias", data_offsets=[0, 8])
    yield "tensor-offsets-negative", with_tensor(small, item, data_offsets=[-96, 0])
    yield "tensor-offsets-2-64", joined(header.replace("[0,96]", "[0,18446744073709551712]"), data)
    yield "tensor-shape-2-63", with_tensor(small, item, shape=[1 << 62, 2])
    yield "tensor-shape-wraps", with_tensor(small, item, shape=[1 << 32, 1 << 32, 12, 2])
    yield "tensor-shape-zero", with_tensor(small, item, shape=[0, 2], data_offsets=[0, 0])
    yield "tensor-rank-5", with_tensor(small, item, shape=[1, 1, 1, 12, 2])
    yield "data-cut", small[:-5]
    yield "data-more", small + b"more"
    yield "weight-nan", with_float(plain, item, 3, 0x7fc00000)
    yield "weight-infinite-last", with_float(plain, "sp_norm.bias", 1, 0x7f800000)
    yield "weight-largest", with_float(plain, item, 3, 0x7f7fffff)
    yield "metadata-none", edited(plain, lambda tree: tree.pop("__metadata__"))
    yield "metadata-number", with_metadata(plain, item_size=12)
    yield "metadata-heads-3", with_metadata(plain, num_attention_heads="3")
    yield "metadata-dropout-comma", with_metadata(plain, hidden_dropout_prob="0,5")
    yield "metadata-activation", with_metadata(plain, hidden_act="tanh")
    yield "metadata-item-size", with_metadata(plain, item_size="2147483647")
    yield "popularity-short", with_metadata(full, item_popularity="1 2 3")
    yield "popularity-large", with_metadata(full, item_popularity="2147483648" + " 0" * 9)
    yield "names-kind-gone", with_metadata(names, item_names=None)
    yield "names-order-gone", without(names, "names.item.order")
    for tensor, number, value, name in (("offsets", 2, 1, "names-offsets-fall"),
                                        ("offsets", 20, 1 << 30, "names-offset-far"),
                                        ("order", 0, 9, "names-order-twice"),
                                        ("order", 3, 1 << 30, "names-order-far"),
                                        ("text", 1, 0x61616161, "names-without-nul")):
        yield name, with_float(names, f"names.item.{tensor}", number, value)
    yield "layers-4-empty-tensors-100", deep_model(4, 100)


def state_entry(file, change):
    def in_tree(tree):
        entry = json.loads(tree["__metadata__"]["s3rec_state"])
        change(entry)
        tree["__metadata__"]["s3rec_state"] = compact(entry)
    return edited(file, in_tree)


def state_text(file, old, new):
    def in_tree(tree):
        text = tree["__metadata__"]["s3rec_state"]
        assert old in text, (old, text)
        tree["__metadata__"]["s3rec_state"] = text.replace(old, new)
    return edited(file, in_tree)


def state_files(seeds):
    trainer = seeds["trainer-finetune"]
    for name in ("trainer-pretrain", "trainer-finetune", "run-pretrain", "run-finetune", "run-refit"):
        yield name, seeds[name]
    yield "entry-empty", with_metadata(seeds["plain"], s3rec_state="")
    yield "entry-deep", with_metadata(seeds["plain"], s3rec_state="[" * 2000)
    yield "entry-no-sampler", state_entry(trainer, lambda entry: entry.pop("sampler"))
    # A fraction with the decimal point of a locale such as ps_AF, which has two bytes.
    yield "fraction-other-point", state_text(trainer, "0.02", "0\u066b02")
    yield "moment-shape", with_tensor(trainer, "state.exp_avg.item_embeddings.weight", shape=[24])


# Tables --------------------------------------------------------------------------------------------

ROWS = "".join(f"u{row % 3},i{row * 5 % 7},{100 - row},{row % 5}\n" for row in range(16))
HEAD = "00000000"


def with_head(content, **places):
    """The eight choices of table_input.c, given by their names, before the content."""
    order = ("format", "name", "delimiter", "header", "how", "columns", "rows", "rules")
    head = "".join(str(places.get(place, 0)) for place in order)
    return head.encode() + (content.encode() if isinstance(content, str) else content)


def event_files():
    named = "user,item,timestamp,rating\n" + ROWS
    lines = "".join(f'{{"user":"u{row % 3}","item":{row % 5},"ts":{row}.5}}\n' for row in range(9))
    yield "csv", with_head(ROWS)
    yield "csv-header", with_head(named)
    yield "csv-header-columns", with_head("u,i\na,1\nb,2\n", columns=1)
    yield "csv-numbered-columns", with_head(ROWS, columns=2, header=1)
    yield "csv-no-header-explicit", with_head(ROWS, format=1, header=1)
    yield "csv-quoted", with_head('"a ""x""","b\nc",1\r\n"a","d",2\r\n')
    yield "csv-quote-open", with_head('a,b,1\n"a,b,2\n')
    yield "csv-text-after-quote", with_head('a,b,1\n"a"b,c,2\na,c,3\n', rows=1)
    yield "csv-bad-rows", with_head("a,b,1\n,b,2\na,c\na,b,x\na,d,4\n", rows=2)
    yield "csv-mark", with_head(b"\xef\xbb\xbfa,b,1\na,c,2\n")
    yield "csv-not-utf8", with_head(b"a,\xff,1\n")
    yield "csv-nul", with_head(b"a,b\0,1\n")
    yield "csv-dates", with_head("a,b,2024-01-31\na,c,2024-02-30\na,d,2024-02-29T12:34:56.789+01\n",
                                 rows=1)
    yield "csv-dates-and-numbers", with_head("a,b,2024-01-31\na,c,3\n")
    yield "csv-time-edges", with_head("a,b,9223372036854775807\na,c,-9223372036854775808\n")
    yield "csv-time-too-large", with_head("a,b,9223372036854775808\n")
    yield "csv-semicolons", with_head(ROWS.replace(",", ";"), delimiter=1)
    yield "csv-two-bytes", with_head(ROWS.replace(",", "||"), delimiter=3)
    yield "csv-many-fields", with_head("a,b,1" + "," * 2000 + "\n")
    yield "csv-long-name", with_head("a," + "x" * 4097 + ",1\n")
    yield "csv-item-20000000", with_head("1,20000000,1\n1,2,2\n")
    yield "csv-core", with_head(ROWS, rules="\x0f")
    yield "csv-cut-lengths", with_head(ROWS, rules="q")
    yield "csv-values", with_head(named, rules="T")
    yield "csv-strict", with_head(ROWS, how=4)
    yield "csv-gzip", with_head(ROWS, how=1)
    yield "csv-gzip-parts", with_head(ROWS, how=6)
    yield "csv-two-ends", with_head("\r\n\na,b,1\r\n\r\n")
    yield "csv-gzip-repeated", with_head(ROWS, how="9")
    yield "csv-gzip-one-row-repeated", with_head("a,b" + "c" * 500, how="=")
    yield "tsv", with_head(ROWS.replace(",", "\t"))
    yield "tsv-explicit", with_head(ROWS.replace(",", "\t"), format=2, header=1)
    yield "dat", with_head(ROWS.replace(",", "::"), name=4)
    yield "dat-by-content", with_head(ROWS.replace(",", "::"))
    yield "jsonl", with_head(lines)
    yield "jsonl-explicit", with_head(lines, format=3, header=1)
    yield "jsonl-fraction-id", with_head('{"user":1.5,"item":2}\n', format=3)
    yield "jsonl-escapes", with_head('{"user":"\\u00e9\\ud83d\\ude00\\n","item":"\\/"}\n', format=3)
    yield "jsonl-deep", with_head('{"user":1,"item":2,"x":' + "[" * 700 + "]" * 700 + "}\n",
                                  format=3)
    yield "jsonl-many-objects", with_head('{"user":1,"item":2,"x":[' + "{}," * 1500 + "{}]}\n",
                                          format=3, how=5)
    yield "jsonl-two-keys", with_head('{"user":1,"item":2,"item":3}\n', format=3, rows=1)
    yield "jsonl-not-object", with_head('{"user":1,"item":2}\n[1]\nnull\n', format=3, rows=1)
    packed = gzip.compress(ROWS.encode(), mtime=0)
    yield "gzip", with_head(packed)
    yield "gzip-named", with_head(packed, name=5)
    yield "gzip-cut", with_head(packed[:-6])
    yield "gzip-sum-wrong", with_head(packed[:-8] + bytes(8))
    yield "gzip-zeros-after", with_head(packed + bytes(20))
    yield "gzip-flood-of-one-row", with_head(gzip.compress(b'{"a":[' + b"0," * 400000, mtime=0),
                                             how=4)
    yield "gzip-many-rows", with_head(gzip.compress(b"1,1\n" * 200000, mtime=0), how=4)
    yield "empty", b""
    yield "head-only", HEAD


def attribute_files():
    named = "item,genres,year\n1,a|b,1999\n2,,2000\na,b,\n"
    yield "csv", with_head(named)
    yield "csv-columns", with_head("i,a,b\n1,x,y\n2,z,\n", columns=1)
    yield "csv-no-header", with_head("1,x|y\n2,z\n", header=1)
    yield "csv-no-separator", with_head(named, rows=4)
    yield "csv-separator-comma", with_head('item,g\n1,"x,y"\n', rows=8)
    yield "csv-repeats", with_head("item,g\n1,x|x\n1,x\n")
    yield "csv-separators-only", with_head("item,g\n1,|||\n")
    yield "csv-bad-rows", with_head("item,g\n,x\n1\n1,y\n", rows=1)
    yield "csv-gzip", with_head(named, how=1)
    yield "tsv", with_head(named.replace(",", "\t"), format=2)
    yield "jsonl", with_head('{"item":1,"genres":["a","b",1,true,null],"year":1999}\n'
                             '{"item":"a","genres":null}\n{"item":2}\n', format=3)
    yield "jsonl-nested", with_head('{"item":1,"g":{"h":1}}\n', format=3, rows=1)
    yield "jsonl-array-of-arrays", with_head('{"item":1,"g":[["x"]]}\n', format=3, rows=1)
    yield "jsonl-fractions", with_head('{"item":1,"g":0.1,"h":1e300,"i":-0.0}\n', format=3)
    yield "jsonl-strict", with_head('{"item":1,"g":"x"}\n', format=3, how=4)
    yield "jsonl-array-10000", with_head('{"item":1,"g":[' + "0," * 3000 + "0]}\n", format=3, how=5)
    yield "empty", HEAD


# Text files of a dataset ---------------------------------------------------------------------------

def dataset_files():
    negatives = " ".join(str(1 + number % 8) for number in range(99))

    def files(sequences, attributes="", negative=""):
        return b"\xff".join(part.encode() if isinstance(part, str) else part
                            for part in (sequences, attributes, negative))

    good = "1 3 4 5 8\n2 7 6\n"
    yield "sequences", good
    yield "attributes", files(good, '{"3":[1,2,3],"8":[0],"7":[]}')
    yield "negatives", files(good, "", f"1 {negatives}\n2 {negatives} 5\n")
    yield "all", files(good, '{"4":[2]}', f"1 {negatives}\n2 {negatives}\n")
    yield "line-ends-mark", "\ufeff1 3 4\r\n\r\n 2\t5  \r\n"
    yield "item-20000000", "1 20000000\n2 1 2 3\n"
    yield "item-largest", "1 2147483645 1\n"
    yield "item-too-large", "1 2147483646\n"
    yield "item-zero", "1 0\n"
    yield "user-largest", "9223372036854775807 1 2\n"
    yield "user-too-large", "9223372036854775808 1 2\n"
    yield "user-alone", "1\n"
    yield "leading-zeros", "0001 000000000000000000000003\n"
    yield "minus", "1 -3\n"
    yield "nul", "1 3\x004\n"
    yield "carriage-return", "1 3\r4\n"
    yield "not-utf8", b"1 \xc3\x28\n"
    yield "attribute-largest", files(good, '{"3":[2147483646]}')
    yield "attribute-too-large", files(good, '{"3":[2147483647]}')
    yield "attribute-fraction", files(good, '{"3":[1.0]}')
    yield "attribute-key-zero-first", files(good, '{"03":[1]}')
    yield "attribute-key-twice", files(good, '{"3":[1],"3":[2]}')
    yield "attribute-key-escaped", files(good, '{"\\u0033":[1]}')
    yield "attributes-deep", files(good, '{"3":' + "[" * 2048 + "]" * 2048 + "}")
    yield "attributes-objects", files(good, '{"3":[' + "{}," * 1000 + "{}]}")
    yield "attributes-array", files(good, "[]")
    yield "attributes-open", files(good, '{"3":[1,')
    yield "negatives-short", files(good, "", f"1 {negatives}\n2 1 2\n")
    yield "negatives-other-user", files(good, "", f"1 {negatives}\n3 {negatives}\n")
    yield "negatives-line-missing", files(good, "", f"1 {negatives}\n")
    yield "empty", ""


# JSON ----------------------------------------------------------------------------------------------

def json_files():
    yield "members", '{"a":1,"b":[true,false,null],"c":{"d":"e"},"":-0.5}'
    yield "numbers", "[0,-0,9223372036854775807,-9223372036854775808,0.1,1e308,-2.5E-3,5e-324]"
    yield "number-too-large", "[9223372036854775808]"
    yield "number-infinite", "[1e999]"
    yield "number-tiny", "[1e-999]"
    yield "number-zero-first", "[01]"
    yield "number-no-fraction", "[1.]"
    yield "number-long", "[0." + "1234567890" * 40 + "]"
    yield "escapes", r'["\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00\u0000"]'
    yield "escape-unknown", r'["\x"]'
    yield "surrogate-alone", r'["\ud800"]'
    yield "surrogate-wrong", r'["\ud800\u0041"]'
    yield "surrogate-low-first", r'["\udc00\ud800"]'
    yield "utf8", '["\u00e9\u20ac\U0001f600"]'
    yield "utf8-overlong", b'["\xc0\x80"]'
    yield "utf8-surrogate", b'["\xed\xa0\x80"]'
    yield "utf8-cut", b'["\xe2\x82"]'
    yield "control-in-text", b'["\x01"]'
    yield "text-open", '["a'
    yield "blanks", " \t\r\n[ 1 , { \"a\" : 2 } ] \n"
    yield "deep-16", "[" * 16 + "]" * 16
    yield "deep-17", '{"a":' * 17 + "1" + "}" * 17
    yield "deep-512", "[" * 512 + "]" * 512
    yield "deep-513", '[{"a":' * 257 + "1" + "}]" * 257
    yield "deep-2040", "[" * 2040 + "]" * 2040
    yield "brackets-crossed", "[{]}"
    yield "objects-1000", "[" + "{}," * 1000 + "{}]"
    yield "members-300", "{" + ",".join(f'"k{i}":{i}' for i in range(300)) + "}"
    yield "keys-equal", '{"a":1,"b":2,"a":3}'
    yield "keys-equal-escaped", '{"a":1,"\\u0061":3}'
    yield "keys-nul", '{"a\\u0000b":1,"a":2}'
    yield "comma-last", "[1,]"
    yield "colon-missing", '{"a" 1}'
    yield "two-values", "1 2"
    yield "word-long", "nullx"
    yield "text-alone", '"a"'
    yield "mark", "\ufeff[]"
    yield "empty", ""


# Bytes ---------------------------------------------------------------------------------------------

def vocabulary_files():
    def names(choice, *texts):
        return bytes([choice]) + b"".join(bytes([len(text)]) + text for text in texts)

    yield "text", names(2, b"a", b"bc", "\u00e9".encode(), b"A b")
    yield "attributes", names(0, b"genre=Drama", b"genre=Comedy")
    yield "integers", names(3, b"1", b"-5", b"9223372036854775807", b"0")
    yield "integer-zero-first", names(3, b"01")
    yield "integer-too-large", names(3, b"9223372036854775808")
    yield "integer-minus-zero", names(3, b"-0")
    yield "equal", names(2, b"a", b"b", b"a")
    yield "one-begins-the-other", names(2, b"a", b"aa", b"aaa", b"aaaa")
    yield "name-empty", names(2, b"a", b"")
    yield "name-nul", names(2, b"a\0b")
    yield "name-not-utf8", names(2, b"\xff")
    yield "name-4096", bytes([2, 255, 96]) + b"x" * 10
    yield "name-4097", bytes([2, 255, 97])
    yield "offsets-fall", names(0x32, b"a", b"b", b"c")
    yield "many", names(2, *(f"item {number}".encode() for number in range(80)))
    yield "none", b"\2"


def byte_files(target, count, length):
    """Choices of every kind: no bytes, equal ones, and some that look like none."""
    yield "empty", b""
    for byte in (1, 2, 3, 0x7f, 0xff):
        yield f"all-{byte}", bytes([byte]) * length
    draw = random.Random(target)
    for number in range(count):
        yield f"drawn-{number}", bytes(draw.randrange(256) for _ in range(length))


def main(build):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([pathlib.Path(build) / "fuzz" / "fuzz_seeds", folder], check=True)
        seeds = {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}
    files = {"model": model_files(seeds), "state": state_files(seeds), "events": event_files(),
             "attributes": attribute_files(), "dataset": dataset_files(), "json": json_files(),
             "vocabulary": vocabulary_files(), "score": byte_files("score", 20, 160),
             "training": byte_files("training", 20, 260)}
    for target, made in files.items():
        for name, content in made:
            write(target, name, content)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
