# SPDX-License-Identifier: Apache-2.0
"""Compiles programs of tests: each source by itself, through ccache where it is installed, so that
a run after a change of the library's inside need not compile them again."""
import pathlib
import shutil

from report import problem_of

CACHE = ["ccache"] if shutil.which("ccache") else []


def problem_of_compiling(command, sources, output, libraries=(), folder="."):
    """What went wrong, or None. `command` is a compiler and its options. Without libraries `output`
    is an object file of the one source; with them it is a program. The working folder is `folder`:
    a source in it is best named without it, as the cache knows sources by name and content."""
    output = pathlib.Path(folder, output).resolve()
    if not libraries:
        return problem_of([*CACHE, *command, "-c", *sources, "-o", output], cwd=folder)
    objects = [output.with_name(f"{output.name}-{pathlib.Path(source).name}.o")
               for source in sources]
    for source, compiled in zip(sources, objects):
        problem = problem_of_compiling(command, [source], compiled, folder=folder)
        if problem:
            return problem
    return problem_of([*command, *objects, "-o", output, *libraries])
