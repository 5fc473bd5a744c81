"""Scores: cases whose numbers a command prints, as benchmarks of models and solvers do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mapper.errors import UsageError, did_you_mean
from mapper.regress.suite import Score, Suite, Tolerance

PLACE = re.compile(r"\{(\w+)\}")
"""Where a word of a command stands for a path."""


@dataclass(frozen=True)
class ScoreCase:
    """A score that is asked for. name: scores/NAME."""

    name: str
    score: Score

    @property
    def tags(self) -> tuple[str, ...]:
        """Those of the score."""
        return tuple(self.score.tags)

    @property
    def tolerances(self) -> Mapping[str, Tolerance]:
        """Those of the score."""
        return self.score.tolerances

    @property
    def objective(self) -> None:
        """None: it has no bound and no value."""
        return

    @property
    def better(self) -> Mapping[str, bool | None]:
        """By pattern, whether more is better; neither for all others, whatever it is of mappings."""
        return {**{pattern: side == "more" for pattern, side in self.score.better.items()}, "*": None}

    @property
    def about(self) -> dict[str, str]:
        """The command as it is written, and its data."""
        return {"command": " ".join(map(str, self.score.command)), **self.score.data}

    def headline(self, metrics: Collection[str]) -> str:
        """The metric that tells it in one figure: the first that has a better side, in the order of the suite's file,
        or the first of all; '' where there is none."""
        sided = (name for pattern in self.score.better for name in metrics if fnmatchcase(name, pattern))
        return next(sided, next(iter(metrics), ""))

    def command(self, paths: Mapping[str, str]) -> list[str]:
        """The command with the paths of its data."""
        return [PLACE.sub(lambda found: paths[found[1]], str(word)) for word in self.score.command]


def scores(suite: Suite) -> Iterator[ScoreCase]:
    """The scores of a suite. Raises UsageError for a command with a place for data that the score does not have."""
    for name, score in suite.scores.items():
        for word in score.command:
            for place in PLACE.findall(str(word)):
                if place not in score.data:
                    where = f"the score '{name}' of {suite.name}"
                    raise UsageError(f"{where}: no data '{place}' for '{word}'; {did_you_mean(place, score.data)}")
        yield ScoreCase(f"scores/{name}", score)
