"""Where the SQL macros stand.

`engine.script(MACROS)` installs the judgements of identifiers (`person_fault(v, today)`,
`organisation_fault(v, today)`, `party_fault(v, today)`, `account_fault(v)`, `id_fault(v)`) and the
keys of the graph (`email_key(v)`, `postcode_key(v)`, `address_key(street, postcode, city)`) in a
connection. A fault is null, `bad_identifier` or `scientific_notation`; `today` is a DATE.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

MACROS: Final = Path(__file__).with_name("identity.sql")
