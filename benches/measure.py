"""measure.py RUNS PROGRAM [ARGUMENT...] [+|next PROGRAM [ARGUMENT...]]...

Runs it RUNS times after one warm-up; prints the median and the least wall time in ms, and the peak RSS of the first program in KiB.
Programs with + between them are started side by side, and the time ends with the last of them; what stands behind `next` begins
when all before it have ended.

Wall time is from before the start of the process until its end was seen. The RSS is GNU time's (`-` where that is not installed): a
child started from here would inherit the peak of this Python, which is larger than what is measured.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time


def split(words):
    groups = [[[]]]
    for word in words:
        if word == "next":
            groups.append([[]])
        elif word == "+":
            groups[-1].append([])
        else:
            groups[-1][-1].append(word)
    return [[[shutil.which(command[0]) or command[0], *command[1:]] for command in group] for group in groups]


def run_side_by_side(commands):
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    started = [os.posix_spawn(command[0], command, os.environ, file_actions=quiet) for command in commands]
    if any([os.waitpid(pid, 0)[1] for pid in started]):
        sys.exit(f"error: one of {commands} failed")


def wall_ms(groups):
    begun = time.perf_counter()
    for commands in groups:
        run_side_by_side(commands)
    return (time.perf_counter() - begun) * 1000


def peak_kib(command):
    gnu_time = shutil.which("time")
    if not gnu_time:
        return "-"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    run = subprocess.run([gnu_time, "-f", "%M", *command], text=True, check=True, **quiet)
    return run.stderr.split()[-1]


def main():
    runs, groups = int(sys.argv[1]), split(sys.argv[2:])
    wall_ms(groups)
    times = [wall_ms(groups) for _ in range(runs)]
    print(f"{statistics.median(times):.2f} {min(times):.2f} {peak_kib(groups[0][0])}")


main()
