"""Which masked homes are one house: all that a rule must know of them, and no more.

Whoever is in two homes at once is there only if the two are not one. So where an address is
masked, its street becomes a stand-in, the same for the same house throughout the case, and the
rest of it stays empty.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.evidence.material import Material
from graph_service.records import TABLES, Masking, Table

_ADDRESS: Final = ("street", "postcode", "city", "lat", "lon")
#: The street with its first number, without flat or stairs.
_BUILDING: Final = re.compile(r".*?[^\W\d_]{3,}\D*\d+")
#: No digit may stand in it: what follows a number is a flat.
_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")


def stand_in(material: Material, lake: Engine) -> None:
    """Put stand-ins where packaged rows lack a street that `known.<table>` of the lake has."""
    for table in TABLES.values():
        if "street" in table.names and table["street"].masking is Masking.ADDRESS:
            for row in _masked(material.engine, table):
                address = _address(lake, table, row)
                house = None if address is None else _house(address)
                if house is not None:
                    material.engine.execute(
                        f"UPDATE known.{quoted(table.name)} SET street = $street "
                        "WHERE _file_sha256 = $file_sha256 AND _row = $row",
                        {**row, "street": _token(material, house)},
                    )


def _masked(engine: Engine, table: Table) -> list[dict[str, Any]]:
    return engine.rows(
        f"SELECT _file_sha256 AS file_sha256, _row AS row FROM known.{quoted(table.name)} "
        'JOIN taken ON taken.file_sha256 = _file_sha256 AND taken."row" = _row '
        f'WHERE taken."table" = {literal(table.name)} AND street IS NULL '
        "AND list_has_any(masked, ['street', 'lat'])"
    )


def _address(lake: Engine, table: Table, row: Mapping[str, Any]) -> dict[str, Any] | None:
    names = ", ".join(
        quoted(name) if name in table.names else f"NULL AS {name}" for name in _ADDRESS
    )
    found = lake.rows(
        f"SELECT {names} FROM known.{quoted(table.name)} "
        "WHERE _file_sha256 = $file_sha256 AND _row = $row",
        row,
    )
    return found[0] if found else None


def _house(address: Mapping[str, Any]) -> str | None:
    """What tells a house from another: its street and town, else its spot to ten metres."""
    street = " ".join((address["street"] or "").lower().split())
    if street:
        building = _BUILDING.match(street)
        town = re.sub(r"\D", "", address["postcode"] or "") or (address["city"] or "").lower()
        return f"{building[0] if building else street}|{town}"
    if address["lat"] is None or address["lon"] is None:
        return None
    return f"{address['lat']:.4f}|{address['lon']:.4f}"


def _token(material: Material, house: str) -> str:
    message = f"{material.case.case_id}:house:{house}".encode()
    digest = hmac.new(material.home.reference_key(), message, hashlib.sha256).hexdigest()
    return f"hus {digest[:20].translate(_LETTERS)}"
