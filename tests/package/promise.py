# SPDX-License-Identifier: Apache-2.0
"""What docs/stability.md says about symbols and structs holds.

usage: promise.py SHARED_LIBRARY SANITIZER COMPILER...
"""
import os
import pathlib
import re
import sys
import tempfile

from exports import ROOT, listed_symbols
from report import Report, problem_of, run

sys.path.insert(0, str(ROOT / "scripts"))
import interface  # noqa: E402

HELPERS = """
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "s3rec/s3rec.h"
enum { CANARY = 0xa5, BEHIND = 64 };
#define SIZE_UNTIL(type, last)                                             \\
  ((offsetof(type, last) + sizeof((type *)0)->last + _Alignof(type) - 1) / \\
   _Alignof(type) * _Alignof(type))
static int untouched(const unsigned char *bytes, size_t begin, size_t end) {
  while (begin < end && bytes[begin] == CANARY) begin++;
  return begin == end;
}
static void look_at_struct(const char *name, const unsigned char *bytes, size_t size, size_t end) {
  size_t struct_size;
  memcpy(&struct_size, bytes, sizeof struct_size);
  if (struct_size != size) printf("  %s: struct_size is %zu, not %zu\\n", name, struct_size, size);
  if (!untouched(bytes, size, end)) printf("  %s: writes after byte %zu\\n", name, size);
}
"""


def last_field(struct, since):
    """The last field that the struct had in a release, or in the first one that is promised."""
    known = [field.name for field in struct.fields
             if (field.since or (0, 0)) <= max(since, struct.since, interface.FIRST_RELEASE)]
    return known[-1]


def look_at(function, struct):
    """C text: calls an init function and prints what it should not have done."""
    last = last_field(struct, function.since)
    argument = ", (s3rec_stage)1" if "," in function.text else ""
    fields = [field.name for field in struct.fields]
    own = fields[:fields.index(last) + 1]
    left_out = "".join(f"""
    if (untouched(u.bytes, offsetof({struct.name}, {name}),
                  offsetof({struct.name}, {name}) + sizeof u.made.{name}))
      puts("  {function.name} leaves {name} as it was");""" for name in own)
    return f"""  {{
    union {{ {struct.name} made; unsigned char bytes[sizeof({struct.name}) + BEHIND]; }} u;
    memset(&u, CANARY, sizeof u);
    {function.name}(&u.made{argument});
    look_at_struct("{function.name}", u.bytes, SIZE_UNTIL({struct.name}, {last}), sizeof u);{left_out}
  }}
"""


def program(symbols, listed):
    """(C text, number of init functions, number of macros)."""
    structs = {symbol.name: symbol for symbol in symbols if symbol.kind == "struct"}
    lengths = {field.array for struct in structs.values() for field in struct.fields}
    inits, values = [], []
    for symbol in symbols:
        found = re.fullmatch(r"(s3rec_\w+)_init\d*", symbol.name)
        if found and symbol.name in listed:
            inits.append(look_at(symbol, structs[found.group(1)]))
        if symbol.kind == "macro" and symbol.name not in lengths and \
           "_VERSION_M" not in symbol.name and "_VERSION_P" not in symbol.name:
            name = symbol.name.lower()
            values.append(f'  if ({name}() != {symbol.name}) puts("  {name} has another value");\n'
                          if name in listed else f'  puts("  {symbol.name} has no {name}");\n')
    return (f"{HELPERS}int main(void) {{\n{''.join(inits)}{''.join(values)}  return 0;\n}}\n",
            len(inits), len(values))


def main(shared, sanitizer, compiler):
    report = Report()
    symbols = [symbol for here in interface.symbols().values() for symbol in here]
    report.check(f"{len(symbols)} symbols say since when they are there", "\n".join(
        f"  {symbol.name}: no Since" for symbol in symbols if symbol.since is None))
    page = ROOT / "docs/symbols.md"
    report.check("docs/symbols.md is up to date", page.read_text() != interface.page() and
                 "  scripts/interface.py >docs/symbols.md")

    structs = {symbol.name: symbol for symbol in symbols if symbol.kind == "struct"}
    problems, uses = [], 0
    for source in sorted((ROOT / "lib/api").glob("*.c")):
        for name, field in re.findall(r"S3_SIZE_UNTIL\((\w+),\s*(\w+)\)", source.read_text()):
            uses += 1
            if field != last_field(structs[name], (0, 0)):
                problems.append(f"  {source.name}: the least {name} ends with {field}, not with "
                                f"{last_field(structs[name], (0, 0))}")
    report.check(f"{uses} least sizes of structs are those of their first release",
                 "\n".join(problems) or (uses < 20 and f"  only {uses} found"))

    text, inits, values = program(symbols, listed_symbols())
    with tempfile.TemporaryDirectory() as folder:
        source, binary = pathlib.Path(folder, "promise.c"), pathlib.Path(folder, "promise")
        source.write_text(text)
        flags = [] if sanitizer == "none" else [f"-fsanitize={sanitizer}"]
        library = pathlib.Path(shared).resolve()
        problem = problem_of([*compiler, "-std=c11", *flags, f"-I{ROOT / 'include'}", source,
                              "-o", binary, library, f"-Wl,-rpath,{library.parent}"])
        what = (f"{inits} init functions fill in the struct of their release and no more, "
                f"{values} macros have a function")
        report.check(what, problem or run(
            [binary], env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}))
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
