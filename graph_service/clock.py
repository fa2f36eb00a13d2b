"""The clock as it is handed in, and the zone that days are counted in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")

#: Tells the time, with its zone.
Clock: TypeAlias = Callable[[], datetime]
