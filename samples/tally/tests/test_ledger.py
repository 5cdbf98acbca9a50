import unittest

from tally.ledger import Entry, parse_amount, read_entries


class AmountTest(unittest.TestCase):
    def test_reads_cents_exactly(self):
        self.assertEqual(parse_amount("12"), 1200)
        self.assertEqual(parse_amount("12.5"), 1250)
        self.assertEqual(parse_amount(" 0.07 "), 7)
        self.assertEqual(parse_amount("-3.25"), -325)

    def test_refuses_what_is_no_amount(self):
        for text in ("", "twelve", "1.234", "1,50"):
            with self.assertRaises(ValueError):
                parse_amount(text)


class EntriesTest(unittest.TestCase):
    def test_skips_blank_lines_and_comments(self):
        self.assertEqual(read_entries(["# November", "", "2026-11-02, books ,9.90"]),
                         [Entry("2026-11-02", "books", 990)])

    def test_names_the_line_that_is_wrong(self):
        with self.assertRaisesRegex(ValueError, "line 2"):
            read_entries(["2026-11-02,books,9.90", "2026-11-03,books"])
