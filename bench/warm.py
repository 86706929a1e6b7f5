"""A notebook's kernel as the benchmark needs it: looks when asked, says how long it took.

A line in is what to check; a line out is the seconds, the exit code and the peak memory in MiB.
"""

import resource
import sys
import time

from stackwalk import commands
from stackwalk.home import find_home

for line in sys.stdin:
    began = time.perf_counter()
    result = commands.check(find_home(), line.strip() or None)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, result.exit_code, round(peak), flush=True)
