"""A package checked by whoever gets it: unpacked with care, every byte, and the findings again."""

from graph_service.evidence.verification.checks import Verified, verify

__all__ = ["Verified", "verify"]
