"""Pipelines and passes by their names, as installed packages register them."""

from __future__ import annotations

import re

from mapper.errors import MapperError, PipelineError, did_you_mean
from mapper.hw import plugins
from mapper.pipeline.pass_ import Pass
from mapper.pipeline.pipeline import Pipeline, parse


def pipeline_of(text: str | Pipeline) -> Pipeline:
    """The pipeline with a name, or that a text stands for; one that is built already stays as it is."""
    if isinstance(text, Pipeline):
        return text
    pipelines = plugins.names("pipelines")
    known = [*pipelines, *plugins.names("passes")]
    if re.fullmatch(r"[\w.-]+", text) and text not in known:
        raise PipelineError(f"no pipeline or pass '{text}'; {did_you_mean(text, known)}")
    return parse(plugins.load("pipelines", text) if text in pipelines else text, pass_named)


def pass_named(name: str) -> type[Pass]:
    """The pass class that an installed package registers under a name."""
    found = plugins.load("passes", name)
    if not (isinstance(found, type) and issubclass(found, Pass)):
        raise MapperError(f"pass '{name}' is registered, but {found!r} is not a Pass")
    return found
