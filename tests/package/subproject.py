# SPDX-License-Identifier: Apache-2.0
"""A project of meson that has this one in `subprojects` finds the library by its name, and gets
no more than the library. It is set up, not compiled.

usage: subproject.py MESON_SETTING...
"""
import json
import pathlib
import sys
import tempfile

from report import Report, run
from tree import ROOT

HOST = """project('host', 'c')
executable('host', 'host.c', dependencies: dependency('s3rec', fallback: 's3rec'))
"""
LIBRARY = {"s3rec", "s3_core", "s3_dnnl", "s3_kernels_baseline", "s3_kernels_avx2",
           "s3_kernels_avx512", "s3_files"}


def main(settings):
    report = Report()
    for kind, suffix in (("shared", ".so"), ("static", ".a")):
        with tempfile.TemporaryDirectory() as folder:
            host = pathlib.Path(folder)
            (host / "subprojects").mkdir()
            (host / "subprojects/s3rec").symlink_to(ROOT)
            (host / "meson.build").write_text(HOST)
            (host / "host.c").write_text((ROOT / "tests/package/consumer.c").read_text())
            build = host / "build"
            try:
                run(["meson", "setup", "--wrap-mode=forcefallback", f"-Ddefault_library={kind}",
                     *(f"-Ds3rec:{setting}" for setting in settings), build, host])
            except RuntimeError as error:
                report.check(f"a host is set up, {kind}", str(error))
                continue
            targets = json.loads(run(["meson", "introspect", "--targets", build]))
            others = {target["name"] for target in targets} - LIBRARY - {"host"}
            report.check(f"{len(targets)} targets are the library's, {kind}",
                         "".join(f"  {name}\n" for name in sorted(others)))
            rules = (build / "build.ninja").read_text().split("build host: ")[1].split("\nbuild ")[0]
            report.check(f"the host is linked with the library, {kind}",
                         f"subprojects/s3rec/lib/libs3rec{suffix}" not in rules and rules)
    report.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
