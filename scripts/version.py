#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the release number or the ABI number that include/s3rec/version.h holds."""
import pathlib
import re
import sys

HEADER = pathlib.Path(__file__).resolve().parent.parent / "include/s3rec/version.h"


def macro(name):
    found = re.search(rf"^#define S3REC_{name} (\d+)\b", HEADER.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"{HEADER}: no line '#define S3REC_{name} NUMBER'")
    return found.group(1)


wanted = sys.argv[1:] and sys.argv[1]
if wanted == "release":
    print(".".join(macro(f"VERSION_{part}") for part in ("MAJOR", "MINOR", "PATCH")))
elif wanted == "abi":
    print(macro("ABI_VERSION"))
else:
    sys.exit("usage: version.py release|abi")
