"""The command line of lenet5, installed as `lenet5.cli`."""
