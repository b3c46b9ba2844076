"""How jupyter_client starts the kernels of the book; `pyproject.toml` names it as an entry point."""

import os
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

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
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.pid, self.pgid, self.cwd = forked, forked.pid, forked.pid, Path(folder)
        return self.connection_info
