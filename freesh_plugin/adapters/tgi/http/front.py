"""What all routes share."""

from dataclasses import dataclass
from typing import Self

from freesh_plugin.adapters.tgi.http.front_metrics import FrontMetrics
from freesh_plugin.adapters.tgi.http.inference import Inference
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

    @classmethod
    def over(cls, settings: RouterSettings, engine: Engine, tokenizer: Tokenizer) -> Self:
        """A front over this engine."""
        metrics = FrontMetrics(engine.info)
        return cls(settings, engine, tokenizer, metrics, Inference(settings, engine, tokenizer, metrics))
