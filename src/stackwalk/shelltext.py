"""Whether a shell can read a text that is meant for it."""

import subprocess


def syntax_error(script: str, shell: str = "sh") -> str:
    """What the shell says against a script without running it; empty when it can be read."""
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""
