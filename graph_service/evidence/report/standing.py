"""Which findings stand: those that nobody who looked at them has dismissed.

A dismissed finding is told, with what became of it; nothing is asked, counted or added up of it.
That a dismissal no longer keeps a finding out of scores does not make it stand again: only another
judgement does.
"""

from __future__ import annotations

from graph_service.casework.dispositions import Verdict
from graph_service.evidence.material import Material


def standing(material: Material) -> frozenset[str]:
    """The ids, as told, of the findings that are not dismissed."""
    dismissed = {
        finding_id
        for finding_id, judged in material.case.dispositions.items()
        if judged.verdict is Verdict.DISMISSED
    }
    return frozenset(
        told for told, finding_id in material.own_ids.items() if finding_id not in dismissed
    )
