"""Errors that a user can act on. Each message is one sentence; the command line prints it without a traceback."""


class EndomtorError(Exception):
    """Base of every error the package raises on purpose."""


class ContractError(EndomtorError):
    """A data directory breaks the data contract.

    Attributes
    ----------
    problems : list[endomtor.contract.Problem]
        Every fault that was found, in file and row order.
    """

    def __init__(self, problems: list):
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class UnitError(EndomtorError):
    """Subsamples (cells, recipients, repeated visits) were passed where one row per experimental unit is needed."""


class NotTestable(EndomtorError):
    """A section cannot be tested with these data: its table, or something in it, is not there.

    A build leaves out the cells that need it and shows the sentence in their place; in JupyterLab the cell shows it.
    """

    def _render_traceback_(self) -> list[str]:
        # What IPython shows in place of a traceback.
        return [str(self)]


class WorldError(EndomtorError):
    """A simulated world does not exist or its file is not valid."""


class ClaimsError(EndomtorError):
    """The claims file, an evidence record or a ledger is not valid."""


class FetchError(EndomtorError):
    """A public file could not be obtained or is not the registered one."""


class BuildError(EndomtorError):
    """A chapter or the site could not be built."""
