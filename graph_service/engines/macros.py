"""Where the SQL macros stand.

`engine.script(MACROS)` installs the judgements of identifiers (`person_fault(v, today)`,
`organisation_fault(v, today)`, `party_fault(v, today)`, `account_fault(v)`, `id_fault(v)`) and the
keys of the graph (`email_key(v)`, `postcode_key(v)`, `address_key(street, postcode, city)`) in a
connection. A fault is null, `bad_identifier` or `scientific_notation`; `today` is a DATE.
Over many rows, `number_of(v)` as a column of an inner SELECT and then `person_number_fault(v,
number, today)`, `organisation_number_fault` or `party_number_fault` take half the time.
`engine.script(STOCKHOLM)` installs local time: `stockholm_instant(p)`, `stockholm_gap(p, u)` and
`stockholm_twice(p, u)`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

MACROS: Final = Path(__file__).with_name("identity.sql")
STOCKHOLM: Final = Path(__file__).with_name("stockholm.sql")
