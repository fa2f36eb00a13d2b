"""A value that names someone or something becomes a clean key, or a refusal in words.

`person`, `organisation` and `account` read every form that Swedish sources write and give the
contract's form, or raise `Refused`. `phone`, `email`, `ip`, `postcode`, `address_key` and
`industry` give a key of the graph, or None. Each is meant for one value, or once for each distinct
value. The contract's own form is judged over millions of rows by `graph_service.engines.macros`.
"""

from graph_service.identity.accounts import account
from graph_service.identity.keys import address_key, email, industry, ip, phone, postcode
from graph_service.identity.numbers import Person, organisation, person
from graph_service.identity.refusal import Refused, Why

__all__ = [
    "Person",
    "Refused",
    "Why",
    "account",
    "address_key",
    "email",
    "industry",
    "ip",
    "organisation",
    "person",
    "phone",
    "postcode",
]
