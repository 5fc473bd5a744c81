"""Folding a target of many alike chips: teams of ranks, copies for different requests, pools for bounds.

`arrangements` lists the ways worth trying, `arranged` makes the target of one of them.
"""

from mapper.hw.teams.arrange import Arrangement, arranged, arrangement_of, arrangements, folds, with_more_copies
from mapper.hw.teams.names import fabric

__all__ = ["Arrangement", "arranged", "arrangement_of", "arrangements", "fabric", "folds", "with_more_copies"]
