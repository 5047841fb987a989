"""lenet5 completion: the script that completes commands and options in a shell."""

import click

from . import options, output


@options.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@options.verbosity
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Examples:
      eval "$(lenet5 completion bash)"                      in ~/.bashrc
      eval "$(lenet5 completion zsh)"                       in ~/.zshrc
      lenet5 completion fish > ~/.config/fish/completions/lenet5.fish
    """
    from click.shell_completion import get_completion_class

    from .main import cli

    kind = get_completion_class(shell)
    assert kind is not None  # Click has one for each shell in the choice
    script = kind(cli, {}, "lenet5", "_LENET5_COMPLETE")
    output.result(script.source())
