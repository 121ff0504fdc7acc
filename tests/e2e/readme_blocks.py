#!/usr/bin/env python3
"""readme_blocks.py README NAME: prints the fenced block that follows the line `<!-- test: NAME -->`."""
import re
import sys

path, name = sys.argv[1:]
text = open(path, encoding="utf-8").read()
blocks = re.findall(r"^<!-- test: %s -->\n```\w*\n(.*?)^```$" % re.escape(name), text, re.M | re.S)
if len(blocks) != 1:
    sys.exit(f"{path}: {len(blocks)} blocks are marked '{name}'")
sys.stdout.write(blocks[0])
