"""The original lines behind packaged rows, cut from the raw files and redacted as the rows are."""

from graph_service.evidence.lines.cutting import Cutter
from graph_service.evidence.lines.writing import write

__all__ = ["Cutter", "write"]
