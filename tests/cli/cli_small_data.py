# SPDX-License-Identifier: Apache-2.0
"""Data of a few users, and files that belong to other data: trained on or refused with a sentence.

usage: cli_small_data.py S3REC
"""
import re
import sys
import tempfile

from tool import Tool

BAD_DATA = 3
TINY = ["--hidden-size", "8", "--num-hidden-layers", "1", "--num-attention-heads", "2",
        "--max-seq-length", "10"]
REFITS = ("none", "valid", "all")
THREE = "1 5 6 7 3 2\n2 1 4 5 6\n3 1 2 3 7\n"  # users of 7 items


def finetune(tool, name, *options):
    return ["finetune", *tool.data(name), *TINY, "--epochs", "2", "--out", f"{name}.safetensors",
            *options]


def few_users(tool):
    """Fewer users than a batch, users of all lengths, items that are held out only, gaps."""
    gaps = r"warning: (\w+)\.txt: (\d+) of the item ids 1\.\.(\d+) occur"
    for name, text, users, skipped in (
            ("one", "1 5 6 7 3 2\n", 1, 0), ("two", "1 5 6 7 3 2\n2 1 4 5 6\n", 2, 0),
            ("lengths", "1 5\n2 1 4\n3 1 2 3\n4 5 6 7 8\n5 900 2 3 4\n", 3, 2)):
        tool.path(f"{name}.txt").write_text(text)
        done = tool.run("pretrain", *tool.data(name), *TINY, "--epochs", "1", "--out",
                        "pretrained.safetensors")
        tool.equal(f"{name}: pretrain", (done.returncode, re.findall(gaps, done.stderr)),
                   (0, [("lengths", "9", "900")] if name == "lengths" else []))
        for loss in ("ce", "bce", "sampled-ce"):
            for refit in REFITS:
                what = f"{name}: finetune --loss {loss} --refit {refit}"
                last = tool.json(what, *finetune(tool, name, "--loss", loss, "--refit", refit,
                                                 "--report", "page.html"))[-1]
                test = last.get("test", {})
                tool.equal(f"{what}: users", (test.get("users"), test.get("skipped")),
                           (users, skipped))
                page = tool.path("page.html").read_text()
                tool.report.check(f"{what}: no number of the page is none",
                                  re.search(r"\b(nan|inf)\b", page, re.IGNORECASE) and "  one is")
                tool.report.check(f"{what}: charts", ("<svg" not in page or re.search(
                    r"<svg[^>]*>\s*</svg>", page)) and "  an empty one")
        model = ["--model", f"{name}.safetensors"]
        tool.good(f"{name}: evaluate", "evaluate", *tool.data(name), *model)
        rows = tool.json(f"{name}: recommend", "recommend", *tool.data(name), *model, "--user", "1",
                         "--k", "5")[-1].get("recommended", [])
        seen = tool.sequences(name)[0]
        tool.equal(f"{name}: nothing seen is recommended",
                   (len(rows) > 0, [row["item"] for row in rows if row["item"] in seen]),
                   (True, []))


def too_short(tool):
    for name, text in (("three", "1 5 6 7\n2 1 4 5\n"), ("pairs", "1 5 6\n2 1 4\n"),
                       ("singles", "1 5\n2 1\n")):
        tool.path(f"{name}.txt").write_text(text)
        said = (r"three\.txt: .*nothing to train on: no user's training part has 2 items"
                if name == "three" else
                rf"{name}\.txt: none of the 2 users has 3 items; evaluation needs 3")
        for refit in REFITS:
            tool.refused(f"{name}: finetune --refit {refit}", BAD_DATA, said,
                         *finetune(tool, name, "--refit", refit))
        tool.equal(f"{name}: no model", tool.path(f"{name}.safetensors").exists(), False)
        tool.good(f"{name}: pretrain", "pretrain", *tool.data(name), *TINY, "--epochs", "1", "--out",
                  "pretrained.safetensors")
        if name != "three":
            tool.refused(f"{name}: evaluate", BAD_DATA, said, "evaluate", *tool.data(name),
                         "--popularity")


def attributes(tool):
    """Attribute files for all, more, fewer and none of the items."""
    tool.path("attr.txt").write_text(THREE)

    def pretrain(text):
        tool.path("attr_item2attributes.json").write_text(text)
        return ["pretrain", *tool.data("attr"), *TINY, "--epochs", "1", "--out", "attr.safetensors"]

    def remarks(what, text, pattern):
        done = tool.run(*pretrain(text))
        tool.report.check(what, (done.returncode != 0 or not re.search(pattern, done.stderr)) and
                          f"  status {done.returncode}\n{done.stderr}")

    whole = '{"1":[0],"2":[1],"3":[0],"4":[1],"5":[2],"6":[1],"7":[0]'
    remarks("all items: no remark", whole + "}", r"\Aepoch 1/1 ")
    remarks("more items", whole + ',"50":[9]}', "ignored: 1, for items above 7")
    remarks("one item", '{"1":[0],"2":[]}', r"attr_item2attributes\.json: 1 of the data's 7 items")
    remarks("an attribute twice", whole[:-3] + "[0,0]}", r"\Aepoch 1/1 ")
    for what, text in (("no items", "{}"), ("empty lists", '{"1":[],"7":[]}'),
                       ("other items", '{"50":[0],"60":[1]}')):
        tool.refused(what, BAD_DATA, r"attr_item2attributes\.json: none of the data's 7 items has "
                     "attributes", *pretrain(text))
        tool.good(f"{what}: finetune needs none", *finetune(tool, "attr"))
    tool.refused("an item twice", BAD_DATA, r"json:1:\d+: item 1 has two attribute lists",
                 *pretrain('{"1":[1],"1":[0]}'))


def other_files(tool):
    """Models and negatives that were made for other data."""
    tool.path("base.txt").write_text(THREE)
    tool.path("more.txt").write_text(THREE + "4 8 9 1 2\n")
    for name in ("base", "more"):
        tool.good(f"{name}: pretrain", "pretrain", *tool.data(name), *TINY, "--epochs", "1", "--out",
                  f"{name}.pre")
    for refit in REFITS:
        tool.refused(f"a model of fewer items, --refit {refit}", BAD_DATA,
                     r"base\.pre: the model knows items 1\.\.7, the data has items up to 9",
                     *finetune(tool, "more", "--model", "base.pre", "--refit", refit))
        tool.good(f"a model of more items, --refit {refit}",
                  *finetune(tool, "base", "--model", "more.pre", "--refit", refit))
    tool.path("base_item2attributes.json").write_text('{"1":[40]}')
    tool.good("a model of fewer attributes", *finetune(tool, "base", "--model", "base.pre"))
    sampled = finetune(tool, "base", "--stop-protocol", "sampled")
    ids = " ".join(["4"] * 99)
    for what, text, said in (
            ("negatives of other users", f"4 {ids}\n2 {ids}\n3 {ids}\n", "user 4, but .* user 1"),
            ("negatives of fewer users", f"1 {ids}\n", r"base_sample\.txt"),
            ("negatives of more users", "".join(f"{user} {ids}\n" for user in range(1, 5)),
             r"base_sample\.txt"),
            ("few negatives", "1 4\n2 7\n3 5\n", "1 has 1 negatives, at least 99"),
            ("unknown negatives", "1 400\n", r"400 is out of range, must be 1\.\.7")):
        tool.path("base_sample.txt").write_text(text)
        tool.refused(what, BAD_DATA, said, *sampled)


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        few_users(tool)
        too_short(tool)
        attributes(tool)
        other_files(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
