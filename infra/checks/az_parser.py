"""The real Azure CLI's own parser, without its network: says whether a command line would be accepted.

Runs inside an environment where the package azure-cli is installed. Loads the command table and the arguments of one
command the way the CLI does, parses, and stops before the command's validators and before anything is executed.
"""

import itertools
import os
import socket
from pathlib import Path


class Refused(Exception):
    """The parser does not accept the command line; the text says why."""


class AzureParser:
    def __init__(self, config_dir: Path):
        # A configuration of its own: the signed-in account and its defaults must not make a wrong line right.
        os.environ["AZURE_CONFIG_DIR"] = str(config_dir)
        os.environ["AZURE_CORE_COLLECT_TELEMETRY"] = "false"
        os.environ["AZURE_EXTENSION_USE_DYNAMIC_INSTALL"] = "no"
        os.environ["AZURE_EXTENSION_DIR"] = str(config_dir / "no-extensions")
        socket.socket.connect = _no_network

        from azure.cli.core import get_default_cli
        from azure.cli.core.parser import AzCliCommandParser

        def refuse(parser, message):
            raise Refused(f"{parser.prog}: {message}")

        AzCliCommandParser.error = refuse
        self._cli = get_default_cli()
        self._parsers: dict = {}

    def version(self) -> str:
        from azure.cli.core import __version__

        return __version__

    def check(self, arguments: list[str]) -> None:
        """Raises Refused unless the CLI takes `arguments` (without the leading `az`) as they stand."""
        from azure.cli.core.commands import _pre_command_table_create

        arguments = _pre_command_table_create(self._cli, list(arguments))
        words = tuple(itertools.takewhile(lambda word: not word.startswith("-"), arguments))
        if words not in self._parsers:
            self._parsers[words] = self._load(arguments)
        command, parser = self._parsers[words]
        try:
            parser.parse_args(arguments)
        except SystemExit as stop:
            raise Refused(f"az {command}: the parser stopped with {stop.code}") from stop
        # argparse takes unambiguous beginnings of options; those break when an option is added, so none is allowed.
        known = parser.subparser_map[command]._option_string_actions
        for word in option_names(arguments):
            if word not in known:
                raise Refused(f"az {command}: {word} is an abbreviation")
            if getattr(known[word], "deprecate_info", None):
                raise Refused(f"az {command}: {word} is deprecated")

    def _load(self, arguments: list[str]):
        """The command that `arguments` name, and a parser that knows it, made the way the CLI makes its own."""
        # On these events the core adds what every command takes (--ids, --query, --output).
        from azure.cli.core.commands.events import EVENT_INVOKER_POST_LOAD_ARGUMENTS
        from knack.events import EVENT_INVOKER_CMD_TBL_LOADED, EVENT_INVOKER_POST_CMD_TBL_CREATE

        cli = self._cli
        invocation = cli.invocation_cls(
            cli_ctx=cli,
            parser_cls=cli.parser_cls,
            commands_loader_cls=cli.commands_loader_cls,
            help_cls=cli.help_cls,
        )
        cli.invocation = invocation
        loader = invocation.commands_loader
        loader.load_command_table(arguments)
        command = invocation._rudimentary_get_command(arguments)
        if command not in loader.command_table:
            raise Refused(f"no such command: az {' '.join(arguments[:4])}")
        invocation.data["command_string"] = command
        loader.command_table = {command: loader.command_table[command]}
        loader.command_name = command
        loader.load_arguments(command)
        cli.raise_event(EVENT_INVOKER_POST_LOAD_ARGUMENTS, commands_loader=loader)
        cli.raise_event(EVENT_INVOKER_POST_CMD_TBL_CREATE, commands_loader=loader)
        invocation.parser.cli_ctx = cli
        invocation.parser.load_command_table(loader)
        cli.raise_event(EVENT_INVOKER_CMD_TBL_LOADED, cmd_tbl=loader.command_table, parser=invocation.parser)
        return command, invocation.parser


def option_names(arguments: list[str]) -> list[str]:
    """The option names among `arguments`: `--name=value` counts as `--name`."""
    return [word.split("=", 1)[0] for word in arguments if word.startswith("--") and len(word) > 2]


def _no_network(*_arguments):
    raise OSError("the parser check must not use the network")
