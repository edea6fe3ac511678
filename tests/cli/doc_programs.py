# SPDX-License-Identifier: Apache-2.0
"""Every block of C and C++ in the pages is a whole program, which is compiled and run, or stands word
for word in an example, or is the inside of a function, which is compiled.

usage: doc_programs.py S3REC SOURCE_ROOT LIBRARY [COMPILER...]
Programs run one after the other in a folder with events.csv. Without a compiler (sanitizers: a
foreign program cannot link the library) nothing is compiled.
"""
import pathlib
import re
import shutil
import sys
import tempfile

from tool import Tool  # also makes tests/package a place to import from

from compiling import problem_of_compiling
from report import problem_of

BLOCK = re.compile(r"^```(c|cpp)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
# What the inside of a function may use without having made it.
C_FUNCTION = """#include <s3rec/s3rec.h>
#include <stdio.h>
void inside(s3rec_context *context, s3rec_dataset *dataset, s3rec_model *model,
            s3rec_scorer *scorer, s3rec_recommender *recommender, const int32_t *history,
            size_t history_count);
void inside(s3rec_context *context, s3rec_dataset *dataset, s3rec_model *model,
            s3rec_scorer *scorer, s3rec_recommender *recommender, const int32_t *history,
            size_t history_count) {
#line %d "%s"
%s}
"""
CPP_FUNCTION = """#include <cstdio>
#include <cstdlib>
#include <s3rec/s3rec.hpp>
void inside(const s3rec::context &context, const s3rec::dataset &dataset, s3rec::model &model,
            s3rec::scorer &scorer);
void inside(const s3rec::context &context, const s3rec::dataset &dataset, s3rec::model &model,
            s3rec::scorer &scorer) {
#line %d "%s"
%s}
"""
UNUSED = ["-Wno-unused-parameter", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]


def commands(language, compiler):
    """Compilers for a language, with the options of all of them."""
    if language == "c":
        return [[*compiler, "-std=c11"]]
    return [[name, f"-std={standard}"] for name, standard in
            (("g++", "c++17"), ("clang++", "c++20")) if shutil.which(name)]


def compile_block(tool, root, library, language, block, where, number, compiler):
    name = where.name
    program = "int main(" in block
    source = tool.path(f"{where.stem}-{number}.{language}")
    frame = C_FUNCTION if language == "c" else CPP_FUNCTION
    source.write_text(block if program else frame % (number, name, block))
    found = commands(language, compiler)
    if not found:
        tool.report.skip(f"{name}:{number}: no C++ compiler")
    for command in found:
        output = tool.path(f"{source.name}.out")
        problem = problem_of_compiling(
            [*command, *WARNINGS, *([] if program else UNUSED), f"-I{root}/include"],
            [source.name], output.name,
            [library, f"-Wl,-rpath,{library.parent}"] if program else [], tool.folder)
        tool.report.check(f"{name}:{number} compiles, {command[0]}", problem)
        if program and not problem:
            tool.report.check(f"{name}:{number} runs", problem_of([output], cwd=tool.folder))


def main(binary, root, library, compiler):
    root, library = pathlib.Path(root).resolve(), pathlib.Path(library).resolve()
    examples = [path.read_text() for path in sorted((root / "examples").glob("*.c*"))]
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("shop", "--events", "--users", "200", "--items", "300")
        tool.path("shop_events.csv").rename(tool.path("events.csv"))
        for page in sorted((root / "docs").rglob("*.md")):
            text = page.read_text()
            for found in BLOCK.finditer(text):
                language, block = found.groups()
                number = text.count("\n", 0, found.start(2)) + 1
                if any(block in example for example in examples):
                    tool.report.check(f"{page.name}:{number} is in an example")
                elif compiler:
                    compile_block(tool, root, library, language, block, page, number, compiler)
                else:
                    tool.report.skip(f"{page.name}:{number} cannot link a library with sanitizers")
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:4], sys.argv[4:])
