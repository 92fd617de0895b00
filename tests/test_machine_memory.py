import subprocess
import sys
from pathlib import Path

import pytest

from kbin.machine_memory import available_memory

_GIB = 2**30


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


_MACHINE = {"proc/meminfo": "MemTotal: 9999999 kB\nMemAvailable:    8388608 kB\nSwapFree:        1048576 kB\n"}


def test_the_machine_has_what_the_kernel_has_available_and_swap(tmp_path):
    assert available_memory(_write(tmp_path, _MACHINE)) == 9 * _GIB  # 8 and 1 GiB


def test_where_the_kernel_says_nothing_nothing_is_known(tmp_path):
    assert available_memory(tmp_path) is None


@pytest.mark.parametrize("place", ["", "batch/job_7"])
def test_a_control_group_of_version_2_leaves_its_limit_less_what_is_used_but_cached_files(tmp_path, place):
    group = f"sys/fs/cgroup/{place}"
    files = {
        "proc/self/cgroup": "0::/batch/job_7\n",
        f"{group}/memory.max": f"{4 * _GIB}\n",
        f"{group}/memory.current": f"{3 * _GIB}\n",
        f"{group}/memory.stat": f"anon {_GIB}\ninactive_file {_GIB}\n",
    }
    assert available_memory(_write(tmp_path, _MACHINE | files)) == 2 * _GIB


def test_a_control_group_of_version_1_counts_too(tmp_path):
    group = "sys/fs/cgroup/memory/job"
    files = {
        "proc/self/cgroup": "9:cpuset:/\n4:memory:/job\n0::/\n",
        f"{group}/memory.limit_in_bytes": f"{2 * _GIB}\n",
        f"{group}/memory.usage_in_bytes": f"{_GIB}\n",
        f"{group}/memory.stat": "total_inactive_file 1024\n",
    }
    assert available_memory(_write(tmp_path, _MACHINE | files)) == _GIB + 1024


def test_groups_without_a_limit_leave_what_the_machine_has(tmp_path):
    files = {
        "proc/self/cgroup": "4:memory:/\n0::/\n",
        "sys/fs/cgroup/memory.max": "max\n",
        "sys/fs/cgroup/memory.current": "12\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "12\n",
    }
    assert available_memory(_write(tmp_path, _MACHINE | files)) == 9 * _GIB


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no kernel files")
def test_the_limit_of_the_process_counts():
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
        "from kbin.machine_memory import available_memory; print(available_memory())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 2**30
