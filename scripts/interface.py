#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the public C headers declare, since which release, and how stable it is.

usage: interface.py >docs/symbols.md

The comment of a symbol names its first release ("Since 0.3."). It may also say "Experimental." or
"Deprecated since 0.4.". A type without such words is as old as the first function that has it in
its arguments.
"""
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include/s3rec"
FIRST_RELEASE = (0, 3)  # the first one that is promised


@dataclasses.dataclass
class Field:
    name: str
    array: str  # its length, a number or a macro; "" when it is no array
    since: tuple[int, int] | None


@dataclasses.dataclass
class Symbol:
    name: str
    kind: str  # function, struct, handle, enum, callback, macro
    comment: str
    text: str  # arguments, body or value
    since: tuple[int, int] | None = None
    fields: list[Field] = dataclasses.field(default_factory=list)

    @property
    def promise(self):
        if re.search(r"\bDeprecated[\s*]+since\b", self.comment):
            return "deprecated"
        return "experimental" if re.search(r"\bExperimental\b", self.comment) else "stable"


DECLARATIONS = [
    ("function", re.compile(r"^S3REC_API\b[^;(]*?\b(s3rec_\w+)\s*(\([^;]*\));", re.MULTILINE)),
    ("struct", re.compile(r"^typedef struct (s3rec_\w+) \{(.*?)\n\} \1;", re.MULTILINE | re.DOTALL)),
    ("enum", re.compile(r"^typedef enum (s3rec_\w+) \{(.*?)\n\} \1;", re.MULTILINE | re.DOTALL)),
    ("handle", re.compile(r"^typedef struct (s3rec_\w+) (\1);", re.MULTILINE)),
    ("callback", re.compile(r"^typedef \w+ \*?\(\*(s3rec_\w+)\)(\([^;]*\));", re.MULTILINE)),
    ("macro", re.compile(r"^#define (S3REC_(?!\w+_H\b|API\b)\w+) ([^\n/]*)", re.MULTILINE)),
]


def since_of(comment):
    """The last release that a comment names. Earlier ones belong to details."""
    found = re.findall(r"\b[Ss]ince[\s*]+(\d+)\.(\d+)", comment)
    return tuple(map(int, found[-1])) if found else None


def plain(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


def comment_before(text, position):
    """The comment above a declaration. Lines without one share the comment of the line before."""
    before = text[:position].rstrip()
    if text[len(before):position].count("\n") > 1:
        return ""
    if before.endswith("*/") and before[before.rindex("/*"):].startswith("/** "):
        return before[before.rindex("/*"):]
    above = before.rindex("\n") + 1
    return comment_before(text, above) if before[above:].strip() else ""


def fields_of(body):
    """The fields of a struct, each with the release that its own comment names."""
    found = []
    pieces = re.split(r"(/\*.*?\*/)", body, flags=re.DOTALL)
    before = ""  # a comment that stands above its field
    for piece in pieces:
        if piece.startswith("/*"):
            if piece.startswith("/**<") and found:
                found[-1].since = since_of(piece) or found[-1].since
            else:
                before = piece
            continue
        for declaration in filter(str.strip, piece.split(";")):
            for name, array in re.findall(r"\b(\w+)\s*(?:\[(\w+)\])?\s*(?:,|$)", declaration):
                found.append(Field(name, array, since_of(before)))
            before = ""
    return found


def header_names():
    """In the order in which s3rec.h includes them, those of the workshop in its own order, then
    any other."""
    def included(name):
        return re.findall(r'#include "s3rec/(\w+\.h)"', (HEADERS / name).read_text())
    umbrellas = {"s3rec.h", "workshop.h"}
    listed = [name for name in included("s3rec.h") if name not in umbrellas]
    listed += included("workshop.h")
    return listed + sorted({path.name for path in HEADERS.glob("*.h")} - {*listed, *umbrellas})


def symbols():
    """{header: [Symbol, ...]} in the order of declaration."""
    found = {}
    for header in header_names():
        text = (HEADERS / header).read_text()
        here = []
        for kind, pattern in DECLARATIONS:
            for match in pattern.finditer(text):
                comment = comment_before(text, match.start())
                if kind == "macro":
                    comment += text[match.end():].split("\n")[0]
                body = match.group(2)
                here.append((match.start(), Symbol(
                    match.group(1), kind, comment, body, since_of(comment),
                    fields_of(body) if kind == "struct" else [])))
        found[header] = [symbol for _, symbol in sorted(here, key=lambda entry: entry[0])]
    infer_releases([symbol for here in found.values() for symbol in here])
    return found


def infer_releases(everything):
    """Types and macros without a release are as old as what uses them first."""
    for _ in range(3):  # an enum is used by a struct, which is used by a function
        for symbol in everything:
            if symbol.since is None and symbol.kind != "function":
                users = [other.since for other in everything if other.since and
                         re.search(rf"\b{symbol.name}\b", plain(other.text) + other.comment)]
                symbol.since = min(users, default=None)


def release(since):
    return ".".join(map(str, since))


def page():
    everything = symbols()
    lines = ["# Symbols", "",
             "Everything that the C headers declare: its kind, its first release, and what is "
             "promised for it", "([stability.md](stability.md)). `scripts/interface.py` writes this "
             "page from the comments in the headers.", ""]
    for header, here in everything.items():
        if not here:
            continue
        lines += [f"## [{header}](../include/s3rec/{header})", "",
                  "| symbol | kind | since | promise |", "|---|---|---|---|"]
        lines += [f"| `{symbol.name}` | {symbol.kind} | {release(symbol.since)} "
                  f"| {symbol.promise} |" for symbol in here]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
