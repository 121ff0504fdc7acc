#!/usr/bin/env python3
"""readme_options.py README COMMAND HELP...: fails, saying where, unless the README's tables of
options are what --help prints: the same options, values, defaults and words. A table is marked
`<!-- options: COMMAND -->`; options of an earlier COMMAND are not repeated in a later one's."""
import re
import sys

readme = open(sys.argv[1], encoding="utf-8").read()
seen = set()
wrong = []
for command, path in zip(sys.argv[2::2], sys.argv[3::2]):
    text = open(path, encoding="utf-8").read()
    options = re.findall(r"^  --([a-z-]+) (\S+)\n {8}(.*?)(?: \[([^]]*)\])?$", text, re.M)
    assert options, f"{path} names no option"
    rows = [
        "| `--%s %s` | %s | %s |" % (flag, value.replace("|", "\\|"), f"`{default}`" if default else "", what)
        for flag, value, what, default in options
        if flag not in seen
    ]
    seen.update(flag for flag, *_ in options)
    table = "\n".join(["| option | default | |", "|---|---|---|"] + rows) + "\n"
    found = re.search(r"^<!-- options: %s -->\n((?:\|.*\n)*)" % command, readme, re.M)
    if not found or found[1] != table:
        wrong.append(f"the table of {command}'s options should be:\n{table}")
sys.exit("\n".join(wrong) or 0)
