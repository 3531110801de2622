"""Forecasts as JSON and tables as parquet, both ways: what the store keeps of them, with no code inside."""

import io
import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.domain.forecast import DataState, QuantileForecast
from models.domain.records import ForecastRecord


def forecast_document(record: ForecastRecord) -> str:
    """JSON text of a forecast record.

    Raises:
        SourceError: a number is not finite.
    """
    document = {
        "source": record.source,
        "age_s": record.age_s,
        "note": record.note,
        "forecasts": [
            {
                "series": each.series,
                "issued_at": each.issued_at.isoformat(),
                "starts_at": each.starts_at.isoformat(),
                "step_s": each.step_s,
                "levels": list(each.levels),
                "mean": np.asarray(each.mean, dtype=float).tolist(),
                "quantiles": np.asarray(each.quantiles, dtype=float).tolist(),
                "model": each.model,
                "note": each.note,
                "labels": dict(each.labels),
            }
            for each in record.forecasts
        ],
    }
    try:
        return json.dumps(document, allow_nan=False)
    except ValueError as error:
        raise SourceError(f"{record.kind} forecast of epoch {record.epoch}: a number is not finite") from error


def forecast_record(kind: Any, epoch: int, issued_at: datetime, state: str, text: str) -> ForecastRecord:  # noqa: ANN401  # a literal
    """The record of a JSON text."""
    document = json.loads(text)
    return ForecastRecord(
        kind=kind,
        epoch=epoch,
        issued_at=issued_at,
        state=DataState(state),
        source=document["source"],
        forecasts=tuple(_forecast(each) for each in document["forecasts"]),
        age_s=document["age_s"],
        note=document["note"],
    )


def _forecast(document: dict[str, Any]) -> QuantileForecast:
    levels = tuple(document["levels"])
    return QuantileForecast(
        series=document["series"],
        issued_at=datetime.fromisoformat(document["issued_at"]),
        starts_at=datetime.fromisoformat(document["starts_at"]),
        step_s=document["step_s"],
        levels=levels,
        mean=np.asarray(document["mean"], dtype=float),
        quantiles=np.asarray(document["quantiles"], dtype=float).reshape(len(levels), -1),
        model=document["model"],
        note=document["note"],
        labels=document["labels"],
    )


def table_bytes(rows: pd.DataFrame) -> bytes:
    """A table as parquet, its index left out."""
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    return buffer.getvalue()


def table(data: bytes) -> pd.DataFrame:
    """The table of parquet bytes.

    Raises:
        SourceError: the bytes are not parquet.
    """
    try:
        return pd.read_parquet(io.BytesIO(data))
    except (ValueError, OSError) as error:
        raise SourceError(f"stored table of {len(data)} bytes cannot be read: {error}") from error
