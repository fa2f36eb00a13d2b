"""CASE/UCO JSON-LD (ontology 1.5.0): the case, its parties and ties, and the files behind them.

Every thing is named by a UUID made of its reference (RFC 9562 version 5), so the same thing has
the same name in every export of a home; no name tells where it was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from graph_service.casework.snapshot import Snapshot
from graph_service.clock import STOCKHOLM
from graph_service.evidence.material import Material
from graph_service.evidence.network.graph import Network, Node, Tie
from graph_service.evidence.network.words import kind_word, node_label, role_words, tie_label

_CONTEXT: Final = {
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
    "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
    "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
    "uco-location": "https://ontology.unifiedcyberontology.org/uco/location/",
    "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
    "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
    "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
#: The space of our names: a UUID drawn once, that says nothing.
_NAMES: Final = UUID("5d3a9c0e-6f0b-4f43-9d0c-1a7f6f1f8f55")
_CLASSES: Final[Mapping[str, str]] = {
    "person": "uco-identity:Person",
    "organisation": "uco-identity:Organization",
    "municipality": "uco-identity:Organization",
    "address": "uco-location:Location",
    "account": "uco-observable:Account",
    "login": "uco-observable:DigitalAccount",
    "phone": "uco-observable:PhoneAccount",
    "email": "uco-observable:EmailAddress",
    "device": "uco-observable:Device",
}
_ELSE: Final = "uco-core:UcoObject"
_REFERENCE: Final = "evidence package reference"
_NUMBER: Final[Mapping[str, str]] = {
    "person": "personnummer",
    "organisation": "organisationsnummer",
    "municipality": "kommunkod",
}
_FILES: Final = """
SELECT file_sha256, file, batch, loaded_at, loader, loader_version, count(*) AS rows,
    list_sort(list(DISTINCT "table")) AS tables
FROM taken
GROUP BY ALL
ORDER BY file_sha256, file, batch
"""

Thing = dict[str, Any]


def write(network: Network, material: Material, path: Path) -> None:
    """Write the graph, each thing on a line of its own."""
    things = list(_things(network, material))
    objects = [_ref(thing) for thing in things if _is_object(thing)]
    investigation = _investigation(material, objects)
    bundle = _thing("uco-core:Bundle", f"bundle/{material.case.case_id}") | {
        "uco-core:specVersion": "1.5.0",
        "uco-core:object": [_ref(investigation), *objects],
    }
    graph = [bundle, investigation, *things]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"@context": {json.dumps(_CONTEXT)},\n"@graph": [\n')
        file.write(",\n".join(json.dumps(thing, ensure_ascii=False) for thing in graph))
        file.write("\n]}\n")


def _things(network: Network, material: Material) -> Iterator[Thing]:
    for node in network.nodes:
        yield from _of_node(node)
    for tie in network.ties:
        yield _of_tie(tie)
    yield from _provenance(material)


def _investigation(material: Material, objects: list[Thing]) -> Thing:
    case = material.case
    return _thing("case-investigation:Investigation", f"investigation/{case.case_id}") | {
        "uco-core:name": case.case_id,
        "case-investigation:investigationForm": "case",
        "case-investigation:investigationStatus": str(case.status),
        "case-investigation:relevantAuthorization": _named(_authorization(case)),
        "uco-core:startTime": _time(case.opened_at),
        "uco-core:object": objects,
    }


def _of_node(node: Node) -> Iterator[Thing]:
    thing = _thing(_CLASSES.get(node.kind, _ELSE), node.reference)
    thing["uco-core:name"] = node_label(node)
    thing["uco-core:tag"] = [kind_word(node.kind), *role_words(node)]
    references = [_external(node.reference, _REFERENCE, node.reference)]
    if node.key is not None:
        context = _NUMBER.get(node.kind, kind_word(node.kind))
        references.append(_external(node.reference, context, node.key))
    thing["uco-core:externalReference"] = [_ref(each) for each in references]
    facets = list(_facets(node))
    if facets:
        thing["uco-core:hasFacet"] = [_ref(each) for each in facets]
    yield thing
    yield from references
    yield from facets


def _facets(node: Node) -> Iterator[Thing]:
    told = node.properties
    if node.kind in ("account", "login") and node.key is not None:
        yield _facet(node, "observable:AccountFacet", {"observable:accountIdentifier": node.key})
    if node.kind == "phone" and node.key is not None:
        yield _facet(node, "observable:PhoneAccountFacet", {"observable:phoneNumber": node.key})
    if node.kind == "email" and node.key is not None:
        yield _facet(node, "observable:EmailAddressFacet", {"observable:addressValue": node.key})
    named = {"street": "street", "postcode": "postalCode", "city": "locality"}
    address = {f"location:{theirs}": told[ours] for ours, theirs in named.items() if ours in told}
    if node.kind == "address" and address:
        yield _facet(node, "location:SimpleAddressFacet", address)
    if node.kind == "address" and {"lat", "lon"} <= set(told):
        ends = {"latitude": told["lat"], "longitude": told["lon"]}
        yield _facet(
            node,
            "location:LatLongCoordinatesFacet",
            {
                f"location:{name}": {"@type": "xsd:decimal", "@value": str(value)}
                for name, value in ends.items()
            },
        )


def _of_tie(tie: Tie) -> Thing:
    began = tie.valid_from or tie.properties.get("first")
    ended = tie.valid_to or tie.properties.get("last")
    thing = _thing("uco-core:Relationship", tie.tie_id) | {
        "uco-core:source": _named(tie.source),
        "uco-core:target": _named(tie.target),
        "uco-core:kindOfRelationship": tie.type,
        "uco-core:isDirectional": tie.directed,
        "uco-core:description": tie_label(tie),
    }
    for name, day in (("startTime", began), ("endTime", ended)):
        if isinstance(day, date):
            thing[f"uco-core:{name}"] = _time(datetime.combine(day, time(), STOCKHOLM))
    return thing


def _provenance(material: Material) -> Iterator[Thing]:
    """The files that the packaged rows came from, each with its hash, and who read them."""
    case = material.case
    yield _thing("case-investigation:Authorization", _authorization(case)) | {
        "case-investigation:authorizationType": case.legal_ground,
    }
    tool = _thing("uco-tool:Tool", f"tool/{material.run['version']}") | {
        "uco-core:name": "graph-service",
        "uco-tool:version": material.run["version"],
    }
    files: list[Thing] = []
    records: list[Thing] = []
    for row in material.engine.rows(_FILES):
        named = f"{row['file_sha256']}/{row['file']}/{row['batch']}"
        digest = _thing("uco-types:Hash", f"hash/{named}") | {
            "uco-types:hashMethod": "SHA256",
            "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": row["file_sha256"]},
        }
        content = _thing("uco-observable:ContentDataFacet", f"content/{named}") | {
            "uco-observable:hash": _ref(digest)
        }
        about = _thing("uco-observable:FileFacet", f"about/{named}") | {
            "uco-observable:fileName": row["file"]
        }
        file = _thing("uco-observable:File", f"file/{named}") | {
            "uco-core:name": row["file"],
            "uco-core:hasFacet": [_ref(about), _ref(content)],
        }
        record = _thing("case-investigation:ProvenanceRecord", f"provenance/{named}") | {
            "uco-core:description": f"{row['rows']} rows of {', '.join(row['tables'])}, loaded "
            f"in batch {row['batch']} by {row['loader']} {row['loader_version']}",
            "uco-core:objectCreatedTime": _time(row["loaded_at"]),
            "case-investigation:exhibitNumber": row["file_sha256"][:12],
            "uco-core:object": [_ref(file)],
        }
        yield from (digest, content, about)
        files.append(file)
        records.append(record)
    yield from (tool, *files, *records)
    yield _thing("case-investigation:InvestigativeAction", f"run/{material.run['run_id']}") | {
        "uco-core:name": f"run {material.run['run_id']}",
        "uco-action:startTime": _time(datetime.fromisoformat(str(material.run["started_at"]))),
        "uco-action:endTime": _time(datetime.fromisoformat(str(material.run["finished_at"]))),
        "uco-action:instrument": [_ref(tool)],
        "uco-action:object": [_ref(file) for file in files],
        "uco-action:result": [_ref(record) for record in records],
    }


def _authorization(case: Snapshot) -> str:
    return f"authorization/{case.case_id}"


def _external(reference: str, context: str, identifier: str) -> Thing:
    return _thing("uco-core:ExternalReference", f"{reference}/{context}") | {
        "uco-core:definingContext": context,
        "uco-core:externalIdentifier": identifier,
    }


def _facet(node: Node, name: str, told: Mapping[str, Any]) -> Thing:
    properties = {f"uco-{property_name}": value for property_name, value in told.items()}
    return _thing(f"uco-{name}", f"{node.reference}/{name}") | properties


def _thing(kind: str, name: str) -> Thing:
    """A thing by a name that no other has."""
    return _named(name) | {"@type": kind}


def _named(reference: str) -> Thing:
    return {"@id": f"urn:uuid:{uuid5(_NAMES, reference)}"}


def _ref(thing: Thing) -> Thing:
    return {"@id": thing["@id"]}


def _is_object(thing: Thing) -> bool:
    """Whether it stands for itself, rather than characterising another."""
    kind = thing["@type"]
    return not kind.endswith("Facet") and kind not in (
        "uco-core:ExternalReference",
        "uco-types:Hash",
    )


def _time(moment: datetime) -> Thing:
    return {"@type": "xsd:dateTime", "@value": moment.isoformat()}
