"""A largest set of members of a partial order no two of which stand in order."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_bipartite_matching

Indices: TypeAlias = NDArray[np.int64]
#: A directed graph: a one for each pair.
Pairs: TypeAlias = csr_array[np.int8, tuple[int, int]]


def pairs(tails: Indices, heads: Indices, size: int) -> Pairs:
    """The graph of `size` vertices with an edge from each of `tails` to its one of `heads`."""
    ones = np.ones(len(tails), dtype=np.int8)
    graph: Pairs = csr_array((ones, (tails, heads)), shape=(size, size))
    return graph


def widest_antichain(before: Pairs) -> Indices:
    """A largest antichain of a strict partial order, given as all its pairs u < v (Dilworth 1950).

    A maximum matching of the bipartite graph of those pairs, and what alternating paths reach
    from its unmatched left side, give a least vertex cover (König 1931); the antichain is those
    with neither copy in the cover.
    """
    size = before.shape[0]
    matched = maximum_bipartite_matching(before, perm_type="column")
    taken, free = np.flatnonzero(matched >= 0), np.flatnonzero(matched < 0)
    left, right = before.tocoo().coords
    source = 2 * size
    tails = np.concatenate((left, matched[taken] + size, np.full(len(free), source)))
    heads: Indices = np.concatenate((right + size, taken, free))
    reached = np.zeros(source + 1, dtype=np.bool_)
    reached[breadth_first_order(pairs(tails, heads, source + 1), source)[0]] = True
    return np.flatnonzero(reached[:size] & ~reached[size:source])
