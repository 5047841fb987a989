"""python -m lenet5: the command line."""

from lenet5.cli.entry import main

main()
