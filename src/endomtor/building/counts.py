"""Counts that stand in sentences of the pages: they come from the files that they count."""

from endomtor import paths
from endomtor.claims import catalogue, verdicts

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

LEVEL = 0.025
"""Nominal level of false support of a claim (`data/calibration.toml`; a test compares)."""


def in_words() -> dict[str, str]:
    """Return what `{{ name }}` on a page stands for."""
    worlds = len(list((paths.data() / "worlds").glob("*.toml")))
    claims = sum(bool(claim.primaries) for claim in catalogue.load().claims)
    counts = {
        "worlds": worlds,
        "claims": claims,
        "verdict_words": len({*verdicts.DATA_WORDS, *verdicts.WORLD_WORDS}),
    }
    words = {name: WORDS[count] if count < len(WORDS) else str(count) for name, count in counts.items()}
    return words | {
        "errors_separate": f"{100 * (1 - (1 - LEVEL) ** claims):.0f} %",
        "errors_any": f"{100 * LEVEL * claims:g} %",
    }
