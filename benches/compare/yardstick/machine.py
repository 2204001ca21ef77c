"""The machine: what it is, how busy others keep it, and how a database leaves its memory."""

import os
import platform
import resource
import subprocess
import time


def description(directory):
    """What figures were measured on."""
    import numpy as np

    with open("/proc/cpuinfo") as file:
        models = {line.split(":", 1)[1].strip() for line in file if line.startswith("model name")}
    disk = ["findmnt", "--noheadings", "--output", "SOURCE,FSTYPE", "--target", directory]
    words = np.ones(1 << 26, np.int64)  # of zeros, the system would keep one page
    return {
        "processor": ", ".join(sorted(models)) or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": memory() >> 30,
        "system": f"{platform.system()} {platform.release()}",
        "disk": " ".join(subprocess.run(disk, capture_output=True, text=True).stdout.split()),
        "read_gb_s_of_one_core": round(words.nbytes / min(_seconds(words.sum) for _ in range(5)) / 1e9, 1),
        "sync_ms": round(_sync(directory) * 1e3, 2),
    }


def memory():
    """Bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _sync(directory):
    """Seconds that 4 KiB take to the disk, the median."""
    path = f"{directory}/sync"
    with open(path, "wb", buffering=0) as file:

        def write():
            file.write(bytes(4096))
            os.fdatasync(file.fileno())

        times = sorted(_seconds(write) for _ in range(101))
    os.remove(path)
    return times[50]


def files_of(path):
    if os.path.isfile(path):
        yield path
    for folder, _, names in os.walk(path):
        for name in names:
            if os.path.isfile(f"{folder}/{name}"):  # and no socket
                yield f"{folder}/{name}"


def size(path):
    """Bytes of a file, or of all files of a folder; not what is reserved beyond their ends."""
    return sum(os.lstat(file).st_size for file in files_of(path))


def forget(path):
    """Drops the pages of these files from memory, of these alone: others who use the machine keep theirs, and no
    special right is needed. Says which share of the pages is still there, of those that were looked at."""
    left = looked = 0
    for file in files_of(path):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            step = max(os.fstat(descriptor).st_size // 64, 4096)
            for at in range(0, os.fstat(descriptor).st_size, step):
                looked += 1
                left += _in_memory(descriptor, at)
        finally:
            os.close(descriptor)
    return round(left / max(looked, 1), 3)


def _in_memory(descriptor, at):
    try:
        return os.preadv(descriptor, [bytearray(1)], at, os.RWF_NOWAIT) == 1
    except OSError:  # it would have to wait, or the file system cannot tell
        return False


def peak_memory():
    """Megabytes that this process took at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


class Clock:
    """What a run takes, and which share of the machine others used meanwhile."""

    def __enter__(self):
        self._all, self._own, self._start = _all_cpu(), _own_cpu(), time.perf_counter()
        return self

    def __exit__(self, *_):
        self.wall = time.perf_counter() - self._start
        self.cpu = _own_cpu() - self._own
        self.others = max(0.0, _all_cpu() - self._all - self.cpu) / max(self.wall, 1e-9) / os.cpu_count()


def _own_cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _all_cpu():
    with open("/proc/stat") as file:
        ticks = [int(field) for field in file.readline().split()[1:]]
    return sum(ticks[at] for at in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def wait_for_calm(seconds):
    """Until others use less than 8 % of the machine, but not for ever."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with Clock() as clock:
            time.sleep(0.4)
        if clock.others < 0.08:
            return
