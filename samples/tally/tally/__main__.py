import sys

from tally.ledger import read_entries
from tally.report import render


def main(arguments):
    if len(arguments) != 1:
        print("usage: python3 -m tally FILE", file=sys.stderr)
        return 2
    with open(arguments[0], encoding="utf-8") as file:
        print(render(read_entries(file)), end="")
    return 0


sys.exit(main(sys.argv[1:]))
