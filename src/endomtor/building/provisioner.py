"""How jupyter_client starts the kernels of the book; `pyproject.toml` names it as an entry point."""

import os
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from endomtor import children
from endomtor.building import forks


class Provisioner(LocalProvisioner):
    """Starts kernels for jupyter_client: forked ones where a build offers them, plain ones elsewhere."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict:
        """Start a kernel and return how to reach it."""
        environment = kwargs.get("env") or dict(os.environ)
        address = environment.get(forks.SOCKET)
        folder = str(kwargs.get("cwd") or Path.cwd())
        # The command is `python -m ipykernel_launcher -f FILE`.
        forked = address and forks.request_worker(
            address, function=forks.KERNEL, arguments=cmd[3:], folder=folder, environment=environment
        )
        if not forked:
            return await self._launch_plain(cmd, environment, kwargs)
        self.process, self.pid, self.pgid, self.cwd = forked, forked.pid, forked.pid, Path(folder)
        return self.connection_info

    async def _launch_plain(self, cmd: list[str], environment: dict, kwargs: dict) -> dict:
        """Start it as usual, but so that it ends with this process: jupyter_client gives it a session of its own."""
        # This process's end stays open until it ends itself: it starts one kernel.
        handle, _, named = children.lifeline()
        command = [*forks.forked(forks.KERNEL), *cmd[3:]]
        plain = {name: value for name, value in environment.items() if name != forks.SOCKET}
        try:
            return await super().launch_kernel(command, **{**kwargs, "env": plain | named, "pass_fds": [handle]})
        finally:
            os.close(handle)
