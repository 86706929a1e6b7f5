"""One piece of the walk, in a process of its own: ``piece.py REPORT CHAPTER…``."""

import pickle
import signal
import sys
from pathlib import Path

from stackwalk.home import find_clone, find_home
from stackwalk.walk import WalkOptions, walk_course

if __name__ == "__main__":
    # Told to stop, it removes its machine; a script's background would have it hear nothing.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = WalkOptions(chapters=tuple(sys.argv[2:]), keep=True, caught_up=True)
    report = walk_course(
        find_clone(), find_home(), options, say=lambda text: print(text, flush=True)
    )
    Path(sys.argv[1]).write_bytes(pickle.dumps(report))
