"""A declared model put to splink: `cards` and `pairs` become `scored`."""

from __future__ import annotations

from splink import Linker, SettingsCreator
from splink.comparison_level_library import CustomLevel
from splink.comparison_library import CustomComparison

from graph_service.engines.duckdb import Engine
from graph_service.resolution.model import PRIOR, Comparison, Frequency, Level, Model, weight_of


def weigh(engine: Engine, model: Model, threshold: float) -> None:
    """Make `scored`: pairs as probable as `threshold`, with what each comparison weighs."""
    for frequency in model.frequencies:
        _count(engine, frequency)
    with engine.linkage() as backend:
        # The model is ours and declared: looking it through each time takes a fifth of a second.
        linker = Linker(
            backend.register("cards"), _settings(model), log_level=None, validate_settings=False
        )
        tables = linker.table_management
        for frequency in model.frequencies:
            counted = backend.register(f"frequency_{frequency.column}")
            tables.register_term_frequency_lookup(counted, frequency.column)
        tables.register_blocked_pairs_for_predict(backend.register("pairs"))
        scored = linker.inference.predict(
            threshold_match_weight=weight_of(threshold), warning_mode="never"
        )
        engine.execute(f"CREATE OR REPLACE TEMP TABLE scored AS FROM {scored.physical_name}")
    for frequency in model.frequencies:
        engine.execute(f"DROP TABLE temp.frequency_{frequency.column}")


def _count(engine: Engine, frequency: Frequency) -> None:
    """The share of each value among the other records: the pair itself is left out."""
    column = frequency.column
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE frequency_{column} AS "
        f"SELECT {column}, greatest(CAST($rarest AS DOUBLE), "
        "(greatest(count(*) - 2, 0) + 1) / (max(total) - 2 + 1 / $typical)) "
        f"AS tf_{column} "
        f"FROM (SELECT {column}, count({column}) OVER () AS total FROM cards) "
        f"WHERE {column} IS NOT NULL GROUP BY {column}",
        {"rarest": frequency.rarest, "typical": frequency.typical},
    )


def _settings(model: Model) -> SettingsCreator:
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="id",
        probability_two_random_records_match=PRIOR,
        comparisons=[_comparison(comparison) for comparison in model.comparisons],
        retain_intermediate_calculation_columns=True,
    )


def _comparison(comparison: Comparison) -> CustomComparison:
    unknown = CustomLevel(comparison.unknown, "unknown").configure(is_null_level=True)
    return CustomComparison(
        output_column_name=comparison.name,
        comparison_levels=[unknown, *(_level(level) for level in comparison.levels)],
    )


def _level(level: Level) -> CustomLevel:
    made = CustomLevel(level.when, level.name)
    made.configure(m_probability=level.m, u_probability=level.u)
    if level.by is not None:
        made.configure(tf_adjustment_column=level.by, disable_tf_exact_match_detection=True)
    return made
