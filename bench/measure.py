"""What a server costs: CPU, memory, system calls of a set of processes."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
UNIFIED = [pathlib.Path("/sys/fs/cgroup/unified"), pathlib.Path("/sys/fs/cgroup")]


class Group:
    """The processes of a server: a cgroup when we may make one (children that ended are counted then), else the
    living descendants of one process."""

    def __init__(self, name):
        self.root = None
        self.path = None
        for base in UNIFIED:
            if not (base / "cgroup.controllers").exists():
                continue
            path = base / name
            try:
                path.mkdir(exist_ok=True)
                (path / "cgroup.procs").write_text("")
            except PermissionError:
                continue
            except OSError:
                pass
            if os.access(path / "cgroup.procs", os.W_OK):
                self.path = path
                break

    def enter(self):
        """For preexec_fn: the child enters the group."""
        if self.path:
            (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def pids(self):
        if self.path:
            return [int(pid) for file in self.path.glob("**/cgroup.procs") for pid in file.read_text().split()]
        return descendants(self.root)

    def cpu_s(self):
        if self.path and (self.path / "cpu.stat").exists():
            return int(re.search(r"usage_usec (\d+)", (self.path / "cpu.stat").read_text()).group(1)) / 1e6
        return sum(process_cpu_s(pid) for pid in self.pids())

    def pss_kib(self):
        return sum(pss_kib(pid) for pid in self.pids())


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def stat_fields(pid):
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def descendants(root):
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat_fields(name)):
            children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def process_cpu_s(pid):
    fields = stat_fields(pid)
    return sum(int(x) for x in fields[11:15]) / TICKS if fields else 0


def pss_kib(pid):
    match = re.search(r"^Pss:\s+(\d+)", read(f"/proc/{pid}/smaps_rollup"), re.M)
    return int(match.group(1)) if match else 0


def machine_busy_s():
    fields = read("/proc/stat").split("\n", 1)[0].split()[1:]
    return sum(int(fields[i]) for i in (0, 1, 2, 5, 6)) / TICKS


def wait_for_quiet(seconds):
    """Until nothing else runs on the machine, at most so long; what ran in the last look, in cores."""
    end = time.monotonic() + seconds
    while True:
        before = machine_busy_s()
        time.sleep(0.5)
        cores = (machine_busy_s() - before) / 0.5
        if cores < 0.1 or time.monotonic() > end:
            return round(cores, 2)


# The child is the one that the kernel ends when there is less memory than it says.
TOUCH = """import mmap, pathlib, sys
pathlib.Path("/proc/self/oom_score_adj").write_text("1000")
mmap.mmap(-1, int(sys.argv[1]), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)"""


def touch_memory():
    """Writes to most of the memory that is free.  A virtual machine has each page from its host when it first touches it, for some 10 us: who is measured first would pay that."""
    available_kib = int(re.search(r"MemAvailable:\s+(\d+)", read("/proc/meminfo")).group(1))
    subprocess.run([sys.executable, "-c", TOUCH, str(available_kib * 1024 // 10 * 8)], check=False)


SYNCS = {"fsync", "fdatasync", "sync_file_range", "syncfs", "msync"}
STARTS = {"execve", "execveat", "fork", "vfork"}


# What mail servers call; all others are counted together.
CALLS = """accept accept4 brk close connect dup2 epoll_ctl epoll_pwait epoll_wait execve execveat exit_group fallocate fchmod fchown fcntl
fdatasync flock fork fstatfs fsync ftruncate futex getdents64 getpid getrandom getsockname getsockopt inotify_add_watch ioctl
kill link linkat lseek madvise mkdir mkdirat mmap mprotect munmap newfstat newfstatat newlstat newstat open openat pipe2 poll ppoll pread64
pwrite64 pwritev read readv recvfrom recvmmsg recvmsg rename renameat renameat2 rt_sigaction rt_sigprocmask sched_yield select sendmmsg
sendmsg sendto setsockopt shutdown socket statx sync_file_range syncfs timerfd_settime unlink unlinkat utime utimensat vfork wait4 write
writev msync""".split()
EVENTS = pathlib.Path("/sys/kernel/tracing/events")


def count_with_perf(group, workload):
    """{name: calls}, by counters of the kernel, which hardly slow the server; None where they can't be had."""
    # perf mounts what EVENTS is below.
    if not shutil.which("perf") or subprocess.run(["perf", "stat", "-e", "raw_syscalls:sys_enter", "true"], capture_output=True).returncode != 0:
        return None
    events = ["raw_syscalls:sys_enter"] + [f"syscalls:sys_enter_{name}" for name in CALLS if (EVENTS / f"syscalls/sys_enter_{name}").exists()]
    counter = subprocess.Popen(["perf", "stat", "-x", ",", "-o", "/dev/stdout", "-e", ",".join(events), "-p", ",".join(str(pid) for pid in group.pids())],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    if counter.poll() is not None:
        return None
    workload()
    counter.send_signal(signal.SIGINT)
    out, _ = counter.communicate(timeout=60)
    calls = {match.group(2): int(match.group(1)) for match in re.finditer(r"^(\d+),,\w+:sys_enter_?(\w*),", out, re.M)}
    total = calls.pop("", 0)
    calls["other"] = total - sum(calls.values())
    return calls if total else None


def count_with_strace(group, workload):
    """{name: calls}, or None where strace may not.  It slows the server: groups of what is done at once are smaller."""
    pids = group.pids()
    command = ["strace", "-f", "-qq", "-c", "-o", "/dev/stdout"]
    try:
        tracer = subprocess.Popen(command + [x for pid in pids for x in ("-p", str(pid))], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        return None
    time.sleep(1 + len(pids) * 0.02)
    if tracer.poll() is not None:
        return None
    workload()
    tracer.send_signal(signal.SIGINT)
    out, _ = tracer.communicate(timeout=60)
    calls = {}
    for line in out.splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", line)
        if match and match.group(2) != "total":
            calls[match.group(2)] = int(match.group(1))
    return calls or None


def trace(group, workload):
    """Runs workload() while the group's system calls are counted: {name: calls}, or None where that may not be."""
    return count_with_perf(group, workload) or count_with_strace(group, workload)
