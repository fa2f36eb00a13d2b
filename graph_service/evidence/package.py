"""Where each thing lies in a package: the one list of paths that writers and checkers share.

A package is a zip of one BagIt bag (RFC 8493). `data/` is the payload; the tag files beside it
tell how to check it. Paths here are from the bag's root.
"""

from __future__ import annotations

from typing import Final

#: What the bag is called within the zip.
ROOT: Final = "evidence"
DATA: Final = "data"

REPORT: Final = "data/report.pdf"
DOSSIER: Final = "data/dossier.pdf"
#: What the document says, for programs (`report/contents.py`).
CONTENTS: Final = "data/contents.json"

#: The packaged rows, one CSV a table; `rows.json` gives each column's meaning and type.
ROWS: Final = "data/rows"
ROWS_SCHEMA: Final = "data/rows/rows.json"
#: The original lines, cut from the raw files and redacted.
LINES: Final = "data/lines/lines.csv"
#: How each of those files is written, or why it has no lines.
LINE_HEADERS: Final = "data/lines/headers.csv"
#: The findings as the rooms give them on the packaged rows or counts, one JSON object a line.
FINDINGS: Final = "data/findings/findings.jsonl"
#: How each can be had again: rows, counts or signature.
RERUN: Final = "data/findings/rerun.json"
#: What the rooms of statistics and networks had counted, one file a room.
COUNTS: Final = "data/counts"
#: Declaration, query and refinement of each room, to be read; the program runs its own.
ROOMS: Final = "data/rooms"
#: The run: its day, thresholds in force, digests, versions.
RUN: Final = "data/run.json"

GRAPHML: Final = "data/network/network.graphml"
I2_ENTITIES: Final = "data/network/i2/entities.csv"
I2_LINKS: Final = "data/network/i2/links.csv"
I2_GUIDE: Final = "data/network/i2/columns.txt"
FTM: Final = "data/network/network.ftm.jsonl"
CASE: Final = "data/network/network.case.jsonld"
NETWORK_PICTURE: Final = "data/network/network.svg"
TIMELINE_PICTURE: Final = "data/network/timeline.svg"

#: Loaded when and from whom, who read, who exported, to whom, on what ground.
CUSTODY: Final = "data/custody.json"

README: Final = "README.txt"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
#: Signatures stand outside the tag manifest, which they sign.
SIGNATURES: Final = "signature"
MANIFEST_SIGNATURE: Final = "signature/manifest-sha256.txt.sig"
TAG_MANIFEST_SIGNATURE: Final = "signature/tagmanifest-sha256.txt.sig"
PUBLIC_KEY: Final = "signature/public-key.pem"
TIME_STAMP: Final = "signature/tagmanifest-sha256.txt.tsr"

#: What two exports of one case at one point may differ in.
MAY_DIFFER: Final = (CUSTODY, REPORT, DOSSIER, CONTENTS, "bag-info.txt", MANIFEST, TAG_MANIFEST)
