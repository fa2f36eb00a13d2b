"""The bag of a package: hashes, signatures, time stamp, and one zip of it all."""

from graph_service.evidence.bag.sealing import files, hashed, pack, seal

__all__ = ["files", "hashed", "pack", "seal"]
