"""`python -m api.detectors_page` writes the catalogue of detectors to `docs/detectors.md`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import queries
from graph_service.catalogue import catalogue
from graph_service.detector import open_rooms

PAGE: Final = Path(__file__).parents[1] / "docs" / "detectors.md"

if __name__ == "__main__":
    rooms = open_rooms(Path(queries.__file__).parent)
    PAGE.write_text(catalogue(rooms), encoding="utf-8")
