"""The case's network in the formats that other tools read, and as a picture."""

from __future__ import annotations

from pathlib import Path

from graph_service.evidence import package
from graph_service.evidence.material import Material
from graph_service.evidence.network import case, ftm, graphml, i2, picture
from graph_service.evidence.network.graph import network_of


def write(material: Material, root: Path) -> None:
    """Write every form of the network below `root`, the bag's folder."""
    network = network_of(material)
    for path in (package.GRAPHML, package.I2_ENTITIES):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
    graphml.write(network, root / package.GRAPHML)
    i2.write_entities(network, root / package.I2_ENTITIES)
    i2.write_links(network, root / package.I2_LINKS)
    i2.write_guide(root / package.I2_GUIDE)
    ftm.write(network, root / package.FTM)
    case.write(network, material, root / package.CASE)
    picture.write(network, root / package.NETWORK_PICTURE)
