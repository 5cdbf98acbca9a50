"""Reads expenses: one a line, "date,category,amount"."""

from typing import NamedTuple


class Entry(NamedTuple):
    date: str
    category: str
    cents: int


def parse_amount(text):
    """"12", "12.5" and "12.50" as cents. Money is never a float here."""
    whole, _, fraction = text.strip().partition(".")
    if len(fraction) > 2 or not (whole + fraction).lstrip("-").isdigit():
        raise ValueError(f"not an amount: {text!r}")
    cents = int(whole) * 100
    part = int(fraction.ljust(2, "0")) if fraction else 0
    return cents - part if whole.startswith("-") else cents + part


def read_entries(lines):
    entries = []
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        fields = line.split(",")
        if len(fields) != 3:
            raise ValueError(f"line {number}: expected date,category,amount")
        entries.append(Entry(fields[0].strip(), fields[1].strip(), parse_amount(fields[2])))
    return entries
