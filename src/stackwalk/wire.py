"""What goes over the wire between a cell and its kept bash: loop, frames, records. Pure.

The shell writes ordinary output and, between it, records that begin and end with a random token.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from string import Template

START = b"\x1e"
END = b"\x1f"

# One line, so that bash counts a cell's lines from 1. The token stands in the loop and in no
# variable, so that no output of the learner's can hold it. Runs in bash 3.2 (macOS) too.
LOOP = Template(
    "exec 9>&1 2>&1; "
    # `exit` in a cell: say so even if a background child keeps the pipe open.
    """trap 'builtin printf "${s}exit\\0%s\\0%s${e}" "$$?" "$$PWD"' EXIT; """
    # Ended from outside, as at a reboot, is not `exit`; 255 is what a lost ssh says too.
    "trap 'builtin trap - EXIT; exit 255' HUP TERM; "
    """printf '${s}ready\\0%s\\0%s\\0%s\\0%s${e}' "$$(id -un)" "$$$$" "$$HOME" "$$PWD" >&9; """
    "while IFS= read -r -d '' __sw_d && IFS= read -r -d '' __sw_s && IFS= read -r -d '' __sw_c; do "
    """case $$__sw_d in '~') __sw_d=$$HOME;; '~/'*) __sw_d=$$HOME/$${__sw_d#'~/'};; esac; """
    """if [ -n "$$__sw_d" ] && ! __sw_t=$$(builtin cd -- "$$__sw_d" 2>&1); then """
    """builtin printf '${s}refused\\0%s${e}' "$$__sw_t" >&9; continue; fi; """
    """if [ -n "$$__sw_d" ]; then builtin cd -- "$$__sw_d"; fi; """
    """builtin printf '${s}begin\\0%s${e}' "$$PWD" >&9; """
    # A cell's `set -x` must not trace this loop: off after each cell, on again in the next.
    """case $${__sw_o-} in *x*) __sw_c="set -x; $$__sw_c";; esac; """
    """case $$- in *e*) ;; *) (exit "$$__sw_s");; esac; """
    """{ builtin eval "$$__sw_c"; } </dev/null 9>&-; """
    "{ __sw_s=$$? __sw_o=$$-; set +xv; } 2>/dev/null; "
    """__sw_t=$$(set +o; shopt -p; builtin printf 'umask %s\\n' "$$(umask)"; """
    "declare -f; alias -p; declare -p IFS; set +eu; IFS=$$' \\t\\n'; "
    "for __sw_n in $$(compgen -v); do case $$__sw_n in "
    "__sw_*|_|BASH*|COMP_*|DIRSTACK|EPOCH*|EUID|FUNCNAME|GROUPS|IFS|LINENO|OLDPWD|OPT*|PIPESTATUS|"
    "PPID|PWD|RANDOM|SECONDS|SHELLOPTS|SHLVL|SRANDOM|SSH_*|UID) ;; "
    """*) declare -p "$$__sw_n";; esac; done 2>/dev/null; """
    "case $$__sw_o in *x*) builtin printf 'set -x\\n';; esac); "
    """builtin printf '${s}end\\0%s\\0%s\\0%s\\0%s\\0%s${e}' """
    """"$$__sw_s" "$$PWD" "$$(jobs -p)" "$${#__sw_t}" "$$__sw_t" >&9; """
    "done\n"
)


@dataclass(frozen=True)
class Text:
    """Bytes a command printed."""

    data: bytes


@dataclass(frozen=True)
class Record:
    """What the loop says: ``ready``, ``refused``, ``begin``, ``end`` or ``exit``."""

    kind: str
    fields: tuple[bytes, ...]

    def text(self, index: int) -> str:
        """A field as text; empty where the shell sent fewer."""
        return self.fields[index].decode(errors="replace") if index < len(self.fields) else ""


class Parser:
    """Splits a shell's byte stream into texts and records, holding back what may be a record."""

    def __init__(self, token: str) -> None:
        self._start = START + token.encode()
        self._end = END + token.encode()
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Text | Record]:
        """The texts and records that are complete with these bytes."""
        self._held += data
        while self._held:
            at = self._held.find(self._start)
            if at < 0:
                kept = self._partial_start()
                ready, self._held = self._held[: len(self._held) - kept], self._held[-kept:]
                if not kept:
                    self._held = b""
                if ready:
                    yield Text(ready)
                return
            if at > 0:
                yield Text(self._held[:at])
                self._held = self._held[at:]
            stop = self._held.find(self._end)
            if stop < 0:
                return
            kind, *fields = self._held[len(self._start) : stop].split(b"\0")
            self._held = self._held[stop + len(self._end) :]
            yield Record(kind.decode(errors="replace"), tuple(fields))

    def _partial_start(self) -> int:
        """How many last bytes may be the beginning of a record."""
        longest = min(len(self._held), len(self._start) - 1)
        return next((n for n in range(longest, 0, -1) if self._held.endswith(self._start[:n])), 0)


def render_loop(token: str) -> bytes:
    """The line that makes a fresh bash serve cells."""
    return LOOP.substitute(s=f"\\036{token}", e=f"\\037{token}").encode()


def render_frame(text: str, *, directory: str, status: int) -> bytes:
    """One cell for the loop; ``directory`` empty for "where it is now"."""
    return b"".join(part.encode() + b"\0" for part in (directory, str(status), text))


def is_whole(state: str, length: str) -> bool:
    """Whether nothing another process printed came between the pieces of a saved state."""
    return length in (str(len(state)), str(len(state.encode())))
