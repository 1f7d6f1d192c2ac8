"""Splink's own charts of a model, as Vega-Lite dictionaries, and the data of one over its records."""

from typing import Any, Final

import pyarrow as pa
from splink import Linker
from splink.internals.charts import MatchWeightsHistogramChart, UnlinkablesChart

from identity.linkage.model import Model
from identity.linkage.score import connect, linker_for, prepare

Chart = dict[str, Any]
EMPTY: Final = prepare([])


def match_weights(model: Model) -> Chart:
    """log2(m / u) of every level of every comparison."""
    return _of(model, "match_weights_chart")


def m_u_parameters(model: Model) -> Chart:
    """Shares of matches (m) and of non-matches (u) in every level of every comparison."""
    return _of(model, "m_u_parameters_chart")


def _of(model: Model, name: str) -> Chart:
    with connect(EMPTY) as connection:
        linker = linker_for(connection, model, frequencies=False)
        chart: Chart = getattr(linker.visualisations, name)().chart_dict
        return chart


def unlinkables(points: list[tuple[float, float]]) -> Chart:
    """The curve of `unlinkable`."""
    rows = [{"match_weight": weight, "match_probability": 0.0, "cum_prop": share} for weight, share in points]
    chart: Chart = UnlinkablesChart(rows).chart_dict
    return chart


def histogram(pairs: dict[int, int]) -> Chart:
    """Pairs by whole bits of their weight."""
    rows = [
        {"splink_score_bin_low": bits, "splink_score_bin_high": bits + 1, "count_rows": number}
        for bits, number in pairs.items()
    ]
    chart: Chart = MatchWeightsHistogramChart(rows).chart_dict
    return chart


def unlinkable(table: pa.Table, model: Model) -> list[tuple[float, float]]:
    """Points (weight, share of the records of a `prepare`d table that reach less even against themselves), one a bit."""
    if not table.num_rows:
        return []
    with connect(table) as connection:
        rows = _self_weights(linker_for(connection, model))
    points: dict[int, tuple[float, float]] = {}
    for row in rows:
        points[int(row["match_weight"])] = (float(row["match_weight"]), float(row["cum_prop"]))
    return sorted(points.values())


def _self_weights(linker: Linker) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = linker.evaluation.unlinkables_chart().chart_dict["data"]["values"]
    return rows
