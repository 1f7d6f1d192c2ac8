"""A model as Splink settings, for any dialect. Apart from `model`, so that only scoring and training load Splink."""

from typing import Any

from splink import SettingsCreator
from splink.comparison_level_library import CustomLevel
from splink.comparison_library import CustomComparison
from splink.internals.comparison_level_creator import ComparisonLevelCreator

from identity.linkage.comparisons import COMPARISONS, Comparison, Level
from identity.linkage.model import LOWEST_FREQUENCY, Model, Weight


def settings(model: Model, *, frequencies: bool = True) -> SettingsCreator:
    """Splink settings of a model, for any dialect; without `frequencies`, no term-frequency adjustments."""
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="rid",
        probability_two_random_records_match=model.prior,
        comparisons=[_comparison(item, model.weights[item.name], frequencies) for item in COMPARISONS],
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=False,
        em_convergence=0.002,
    )


def _comparison(comparison: Comparison, weights: tuple[Weight, ...], frequencies: bool) -> CustomComparison:
    missing = _PortableLevel(comparison.missing, "missing")
    missing.is_null_level = True
    pairs = zip(comparison.levels, weights, strict=True)
    levels: list[ComparisonLevelCreator | dict[str, Any]] = [missing]
    levels += [_level(level, weight, frequencies) for level, weight in pairs]
    return CustomComparison(output_column_name=comparison.name, comparison_levels=levels)


def _level(level: Level, weight: Weight, frequencies: bool) -> CustomLevel:
    creator = _PortableLevel(level.condition, level.name)
    options: dict[str, Any] = {"m_probability": weight.m, "u_probability": weight.u}
    if level.frequency and frequencies:
        options |= {
            "tf_adjustment_column": level.frequency,
            "tf_minimum_u_value": LOWEST_FREQUENCY,
            "disable_tf_exact_match_detection": True,
        }
    creator.configure(**options)
    return creator


class _PortableLevel(CustomLevel):
    """A level whose distance functions take the dialect's own names."""

    def create_sql(self, sql_dialect: Any) -> str:
        return self.sql_condition.replace("{jw}", sql_dialect.jaro_winkler_function_name).replace(
            "{dl}", sql_dialect.damerau_levenshtein_function_name
        )
