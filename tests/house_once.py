"""A house that many files of tests begin with: the first to ask makes it, the others copy it.

The workers of one session share what was made: it lies beside their folders, and pytest removes
it with them. A house made outside a session is made anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from tests.house import House


def house_once(name: str, folder: Path, furnish: Callable[[House], object]) -> House:
    """A house in `folder` as `furnish` leaves one; `name` says which of the session's it is."""
    session = next((each for each in folder.parents if each.parent.name[:10] == "pytest-of-"), None)
    if session is None:
        house = House(folder)
        furnish(house)
        return house
    kept = session / "houses" / name
    kept.parent.mkdir(exist_ok=True)
    with FileLock(kept.with_suffix(".lock")):
        if not kept.exists():
            making = kept.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            house = House(making)
            furnish(house)
            told = {"now": house.now.isoformat(), "files": house.files}
            (making / "house.json").write_text(json.dumps(told), encoding="utf-8")
            making.rename(kept)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    told = json.loads((folder / "house.json").read_text(encoding="utf-8"))
    house = House(folder)
    house.now, house.files = datetime.fromisoformat(told["now"]), told["files"]
    return house
