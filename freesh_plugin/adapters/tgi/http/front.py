"""What all routes share."""

from dataclasses import dataclass
from typing import Self

from freesh_plugin.adapters.tgi.http.front_metrics import FrontMetrics
from freesh_plugin.adapters.tgi.http.inference import Inference
from freesh_plugin.adapters.tgi.http.openai.templates import NO_TEMPLATES, ChatTemplates
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from freesh_plugin.ports import Engine


@dataclass(frozen=True)
class Front:
    """The parts that serve requests of one model."""

    settings: RouterSettings
    engine: Engine
    tokenizer: Tokenizer
    metrics: FrontMetrics
    inference: Inference
    templates: ChatTemplates = NO_TEMPLATES

    @classmethod
    def over(
        cls,
        settings: RouterSettings,
        engine: Engine,
        tokenizer: Tokenizer,
        templates: ChatTemplates = NO_TEMPLATES,
    ) -> Self:
        """A front over this engine; without templates it does not chat."""
        metrics = FrontMetrics(engine.info)
        inference = Inference(settings, engine, tokenizer, metrics)
        return cls(settings, engine, tokenizer, metrics, inference, templates)
