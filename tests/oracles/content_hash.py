"""The content hash of a table and the hash of results as docs/replication.md defines them, written from that page alone.

    python3 tests/oracles/content_hash.py > tests/oracles/content_hash.json
"""

import csv
import hashlib
import json
import math
import struct


def framed(text):
    return f"{len(text.encode())}:".encode() + text.encode()


def value(cell):
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "m"
    if isinstance(cell, float):
        return "n" + struct.pack(">d", cell + 0.0).hex()
    return "t" + cell


def content(columns):
    names = sorted(columns, key=lambda name: name.encode())
    n = len(columns[names[0]])
    total, ordered = 0, hashlib.sha256()
    for row in range(n):
        text = b"".join(framed(name) + framed(value(columns[name][row])) for name in names)
        digest = hashlib.sha256(text).digest()
        total = (total + int.from_bytes(digest, "big")) % 2**256
        ordered.update(digest)
    return {"rows": n, "sum": f"{total:064x}", "ordered": ordered.hexdigest()}


small = {"x": [1.5, math.nan, -0.0], "g": ["é", "b", None]}

# drivers' deaths by state and year: numbers, and one column of labels
rows = list(csv.DictReader(open("data/fatalities.csv")))
labels = {"state"}
columns = {
    name: [row[name] if name in labels else float(row[name]) for row in rows] for name in ("frate", "beertax", "state")
}

print(json.dumps({"small": content(small), "fatalities": content(columns)}, indent=2))
