"""Sums by category, and what share of the whole each has."""


def totals(entries):
    """Cents by category, the largest first."""
    sums = {}
    for entry in entries:
        sums[entry.category] = sums.get(entry.category, 0) + entry.cents
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def shares(sums):
    """Whole percentages by category, which add up to 100."""
    whole = sum(sums.values())
    return {category: round(100 * cents / whole) for category, cents in sums.items()}


def render(entries):
    sums = totals(entries)
    percent = shares(sums)
    return "".join(
        f"{category:<10}{cents // 100:>7}.{cents % 100:02}{percent[category]:>5}%\n"
        for category, cents in sums.items()
    )
