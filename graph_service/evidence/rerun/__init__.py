"""The findings of a package had again: when it is made, and by whoever verifies it.

`writing` packages them, `checking` asks once more; both put the rooms to the rows by `asking`, and
to what they had counted by `counts`. `support` brings in the rows that a rule needs, `comparison`
says when two findings are one, `results` has the files.
"""

from graph_service.evidence.rerun.checking import Outcome, again
from graph_service.evidence.rerun.results import How
from graph_service.evidence.rerun.writing import Rerun, write

__all__ = ["How", "Outcome", "Rerun", "again", "write"]
