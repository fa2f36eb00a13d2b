"""The columns of `nodes` and `edges`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Property:
    """One column of `nodes` or `edges`."""

    name: str
    type: str
    means: str


NODE_COLUMNS: Final = (
    Property("node_id", "VARCHAR", "`<kind>:<key>`, unique"),
    Property("kind", "VARCHAR", "what the node stands for, in the words of findings"),
    Property("key", "VARCHAR", "the records' own identifier, or the normalised value"),
    Property("labels", "VARCHAR[]", "sorted; the kind's own label and the roles seen"),
    Property("name", "VARCHAR", "for reading; never of a person with protected identity"),
    Property("protected", "BOOLEAN", "the person has protected identity"),
    Property(
        "search",
        "VARCHAR",
        "name, key and key without blanks in plain lower-case words, a line each",
    ),
    Property("origin_table", "VARCHAR", "record table that the node leads back to"),
    Property("origin_key", "VARCHAR", "JSON object: the values that the rows there have"),
)

NODE_PROPERTIES: Final = (
    Property("legal_form", "VARCHAR", "as the register words it"),
    Property("country", "VARCHAR", "ISO 3166 alpha-2"),
    Property("industry", "VARCHAR", "SNI, as given"),
    Property("status", "VARCHAR", "null when unknown as of the day"),
    Property("status_on", "DATE", "the day it began"),
    Property("registered_on", "DATE", ""),
    Property("deregistered_on", "DATE", ""),
    Property("f_tax", "BOOLEAN", "approved for F-tax"),
    Property("vat", "BOOLEAN", "registered for VAT"),
    Property("employer", "BOOLEAN", "registered as employer"),
    Property("share_capital_sek", "DECIMAL(18,4)", ""),
    Property("employees", "BIGINT", ""),
    Property("deceased_on", "DATE", ""),
    Property("reachable", "BOOLEAN", "a telephone or e-mail is told, readable or not"),
    Property("care_of", "VARCHAR", "never of a person with protected identity"),
    Property("street", "VARCHAR", "of an address: one spelling of those that give the key"),
    Property("postcode", "VARCHAR", ""),
    Property("city", "VARCHAR", ""),
    Property("house", "VARCHAR", "the key of an address without the number of a flat"),
    Property("lat", "DECIMAL(18,6)", "WGS 84 degrees"),
    Property("lon", "DECIMAL(18,6)", "WGS 84 degrees"),
    Property("municipality", "VARCHAR", ""),
    Property("service", "VARCHAR", "in the words of the source"),
    Property("law", "VARCHAR", "SoL or LSS"),
    Property("hours_per_month", "DECIMAL(18,6)", "granted"),
    Property("double_staffed", "BOOLEAN", ""),
    Property("unit", "VARCHAR", "district or unit of the municipality"),
    Property("valid_from", "DATE", "included"),
    Property("valid_to", "DATE", "excluded"),
    Property("issued_on", "DATE", ""),
    Property("period_from", "DATE", "included"),
    Property("period_to", "DATE", "included"),
    Property("paid_on", "DATE", ""),
    Property("amount", "DECIMAL(18,4)", "in `currency`; credits negative"),
    Property("currency", "VARCHAR", "ISO 4217"),
    Property("factoring", "BOOLEAN", "the claim is sold: the account is the factor's"),
    Property("purpose", "VARCHAR", "of a payment"),
    Property("invoice_id", "VARCHAR", "the invoice that a payment settles"),
    Property("what", "VARCHAR", "what changed: name, board, owner, address, status and others"),
    Property("after", "VARCHAR", "what it became, as told; never an address"),
    Property("changed_on", "DATE", ""),
    Property("reviewed_on", "DATE", ""),
    Property("outcome", "VARCHAR", "of a review"),
)

EDGE_COLUMNS: Final = (
    Property("edge_id", "VARCHAR", "`<type>:<digest of ends and origin>`, unique and stable"),
    Property("type", "VARCHAR", "relationship type"),
    Property("source_id", "VARCHAR", "a `node_id`"),
    Property("target_id", "VARCHAR", "a `node_id`"),
    Property("valid_from", "DATE", "included; null: without bound"),
    Property("valid_to", "DATE", "excluded; null: open as of the day"),
    Property("origin_table", "VARCHAR", "record table that the edge leads back to"),
    Property("origin_key", "VARCHAR", "JSON object: the values that the rows there have"),
)

EDGE_PROPERTIES: Final = (
    Property("provider_id", "VARCHAR", "org_id of the provider that it happened under"),
    Property("municipality", "VARCHAR", ""),
    Property("service", "VARCHAR", "in the words of the source"),
    Property("role", "VARCHAR", "of an officer; status of a permit; how an account is known"),
    Property("interest", "VARCHAR", "shares, votes, beneficial, control or other"),
    Property("owner_kind", "VARCHAR", "person, organisation or unknown, as the register says"),
    Property("share", "DECIMAL(18,6)", "0 to 1 of that interest"),
    Property("purpose", "VARCHAR", "of an account: own, factoring or group"),
    Property("title", "VARCHAR", ""),
    Property("hours_per_week", "DECIMAL(18,6)", ""),
    Property("places", "BIGINT", ""),
    Property("end_reason", "VARCHAR", ""),
    Property("reference", "VARCHAR", "the record's own identifier: of a contract, a placement"),
    Property("visits", "BIGINT", "performed visits"),
    Property("minutes", "DOUBLE", "of those visits together"),
    Property("events", "BIGINT", "login events"),
    Property("payments", "BIGINT", ""),
    Property("amount", "DECIMAL(38,4)", "in `currency`"),
    Property("currency", "VARCHAR", "ISO 4217"),
    Property("first", "DATE", "Stockholm day of the first of them"),
    Property("last", "DATE", "Stockholm day of the last of them"),
    Property("by_month", "BIGINT[]", "visits a month, from the month of `first` to that of `last`"),
    Property("days", "BIGINT[]", "days from `first` to each visit, or to each day billed; sorted"),
    Property("amounts", "DECIMAL(18,4)[]", "billed on each of `days`"),
    Property("weight", "DOUBLE", "match weight: log2 of the odds that the two are one"),
    Property("probability", "DOUBLE", "of the same"),
)
