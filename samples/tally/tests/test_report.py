import unittest

from tally.ledger import Entry
from tally.report import render, shares, totals


def entries(**cents):
    return [Entry("2026-11-02", category, amount) for category, amount in cents.items()]


class TotalsTest(unittest.TestCase):
    def test_adds_up_by_category_largest_first(self):
        spent = entries(books=990) + entries(rent=50000) + entries(books=10)
        self.assertEqual(list(totals(spent).items()), [("rent", 50000), ("books", 1000)])


class SharesTest(unittest.TestCase):
    def test_gives_whole_percentages(self):
        self.assertEqual(shares({"rent": 7500, "books": 2500}), {"rent": 75, "books": 25})

    def test_adds_up_to_a_hundred(self):
        percent = shares({"books": 1000, "food": 1000, "rent": 1000})
        self.assertEqual(sum(percent.values()), 100)


class RenderTest(unittest.TestCase):
    def test_aligns_amounts_and_shares(self):
        self.assertEqual(render(entries(rent=50000, books=12500)),
                         "rent          500.00   80%\nbooks         125.00   20%\n")
