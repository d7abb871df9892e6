"""One look at the machine: CPU, memory, disk, network and GPUs, under the names of MLflow's system metrics.

Megabytes are 10**6 bytes. Source of the names: ``mlflow.system_metrics.metrics``.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE = 1e6
NETWORK = ("network_receive_megabytes", "network_transmit_megabytes")
"""What counts from when the sampler was made; all else is as it stands."""


class Sampler:
    """Looks at the machine; CPU and network are counted from one look to the next, and from when this was made.

    The counters are its own: those that psutil keeps for ``cpu_percent`` stay as the user's code left them.
    """

    def __init__(self) -> None:
        import psutil  # slow to import, and needed only where somebody asked for system metrics

        self._psutil = psutil
        self._cpu = _shares(psutil.cpu_times())
        self._network = psutil.net_io_counters()
        self._gpus: tuple[Any, ...] = ()
        self._nvml: Any = None

    def find_gpus(self) -> None:
        """Look for NVIDIA's GPUs, where nvidia-ml-py is installed; this may take some 100 ms."""
        try:
            import pynvml  # optional, and of no use without a GPU

            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            handles = tuple(pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(count))
        except Exception:  # not installed, no driver, no GPU: NVML has an error for each
            return
        self._nvml, self._gpus = pynvml, handles

    def sample(self) -> dict[str, float]:
        """Give each figure by its name without ``system/``; what this machine does not tell is left out."""
        return dict(self._figures())

    def _figures(self) -> Iterator[tuple[str, float]]:
        psutil = self._psutil
        before, self._cpu = self._cpu, _shares(psutil.cpu_times())
        busy, total = (now - then for now, then in zip(self._cpu, before, strict=True))
        if total > 0:  # else no tick of the clock has passed
            yield "cpu_utilization_percentage", min(100.0, max(0.0, 100 * busy / total))
        memory = psutil.virtual_memory()
        yield "system_memory_usage_megabytes", memory.used / MEGABYTE
        yield "system_memory_usage_percentage", 100 * memory.used / memory.total
        disk = psutil.disk_usage(os.sep)
        yield "disk_usage_percentage", disk.percent
        yield "disk_usage_megabytes", disk.used / MEGABYTE
        yield "disk_available_megabytes", disk.free / MEGABYTE
        network = psutil.net_io_counters()
        if network is not None and self._network is not None:
            yield NETWORK[0], (network.bytes_recv - self._network.bytes_recv) / MEGABYTE
            yield NETWORK[1], (network.bytes_sent - self._network.bytes_sent) / MEGABYTE
        for number, handle in enumerate(self._gpus):
            yield from self._gpu_figures(f"gpu_{number}", handle)

    def _gpu_figures(self, name: str, handle: Any) -> Iterator[tuple[str, float]]:
        nvml = self._nvml
        with contextlib.suppress(nvml.NVMLError):  # a GPU may tell one thing and not the other
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            yield f"{name}_memory_usage_percentage", 100 * memory.used / memory.total
            yield f"{name}_memory_usage_megabytes", memory.used / MEGABYTE
        with contextlib.suppress(nvml.NVMLError):
            yield f"{name}_utilization_percentage", nvml.nvmlDeviceGetUtilizationRates(handle).gpu
        with contextlib.suppress(nvml.NVMLError):
            power = nvml.nvmlDeviceGetPowerUsage(handle)  # in milliwatts, as the limit
            yield f"{name}_power_usage_watts", power / 1000
            yield f"{name}_power_usage_percentage", 100 * power / nvml.nvmlDeviceGetEnforcedPowerLimit(handle)


def _shares(times: Any) -> tuple[float, float]:
    """Give the seconds that all CPUs were busy, and all seconds, from psutil's ``cpu_times``."""
    found = times._asdict()
    total = sum(found.values()) - found.get("guest", 0) - found.get("guest_nice", 0)  # in user and nice already
    return total - found["idle"] - found.get("iowait", 0), total
