"""measure.py RUNS PROGRAM [ARGUMENT...] [+ PROGRAM [ARGUMENT...]]...

Runs it RUNS times after one warm-up; prints the median and the least wall time in ms, and the peak RSS of the first program in KiB.
Programs with + between them are started side by side, and the time ends with the last of them.

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
    commands = [[]]
    for word in words:
        if word == "+":
            commands.append([])
        else:
            commands[-1].append(word)
    return [[shutil.which(command[0]) or command[0], *command[1:]] for command in commands]


def wall_ms(commands):
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    begun = time.perf_counter()
    started = [os.posix_spawn(command[0], command, os.environ, file_actions=quiet) for command in commands]
    statuses = [os.waitpid(pid, 0)[1] for pid in started]
    took = (time.perf_counter() - begun) * 1000
    if any(statuses):
        sys.exit(f"error: one of {commands} failed")
    return took


def peak_kib(command):
    gnu_time = shutil.which("time")
    if not gnu_time:
        return "-"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    run = subprocess.run([gnu_time, "-f", "%M", *command], text=True, check=True, **quiet)
    return run.stderr.split()[-1]


def main():
    runs, commands = int(sys.argv[1]), split(sys.argv[2:])
    wall_ms(commands)
    times = [wall_ms(commands) for _ in range(runs)]
    print(f"{statistics.median(times):.2f} {min(times):.2f} {peak_kib(commands[0])}")


main()
