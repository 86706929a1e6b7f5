"""What the headers of an answer protect from, read as a browser reads them. Pure."""

import re
from dataclasses import dataclass

from web_probes import Answer

OTHERS_LEARN_LESS = {
    "no-referrer",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
}
OTHERS_LEARN_ALL = {"unsafe-url", "no-referrer-when-downgrade"}


@dataclass(frozen=True)
class Lack:
    """A protection that an answer does not give; ``found`` is empty where no header is about it."""

    expected: str
    found: str = ""


def find_lacks(answer: Answer) -> list[Lack]:
    """The protections that an answer lacks: sources, frames, types, and the page one comes from."""
    policies = read_policies(answer.header("content-security-policy"))
    lacks = (_sources(policies), _frames(answer, policies), _types(answer), _referrer(answer))
    return [lack for lack in lacks if lack]


def read_policies(text: str) -> list[dict[str, list[str]]]:
    """Policies as ``default-src 'self'; frame-ancestors 'none'``, more of them after a comma.

    Each is directives and their sources, in lower case; the first of a name counts (CSP3, 2.2.1).
    """
    policies = []
    for policy in text.lower().split(","):
        directives: dict[str, list[str]] = {}
        for name, *sources in (part.split() for part in policy.split(";") if part.strip()):
            directives.setdefault(name, sources)
        policies.append(directives)
    return policies


def _sources(policies: list[dict[str, list[str]]]) -> Lack | None:
    """A browser keeps to all policies, so one that is strict is enough."""
    found = []
    for policy in (each for each in policies if "default-src" in each):
        wide = [
            " ".join([name, *sources])
            for name, sources in policy.items()
            if any(_lets_in(name, source) for source in sources)
        ]
        if not wide:
            return None
        found += wide
    return Lack(
        "Content-Security-Policy with a default-src, for this site only",
        f"Content-Security-Policy: {'; '.join(found)}" if found else "",
    )


def _lets_in(directive: str, source: str) -> bool:
    """Whether a source is more than this site; what stands in the page is, for a script."""
    if not re.fullmatch(r"[a-z]+-src(-elem|-attr)?", directive):
        return False
    if source in ("'self'", "'none'", "'report-sample'") or source.startswith(("'nonce-", "'sha")):
        return False
    strict = directive.startswith(("default-", "script-"))
    return strict or not (source.startswith("'") or source in ("data:", "blob:"))


def _frames(answer: Answer, policies: list[dict[str, list[str]]]) -> Lack | None:
    """With frame-ancestors in a policy, browsers pass X-Frame-Options over (CSP3, 6.4.2)."""
    said = [each["frame-ancestors"] for each in policies if "frame-ancestors" in each]
    old = answer.header("x-frame-options")
    if any(set(sources) <= {"'none'"} for sources in said):
        return None
    if not said and set(old.lower().split(", ")) == {"deny"}:
        return None
    wanted = "frame-ancestors in the policy, or X-Frame-Options, for nobody's frame"
    if said:
        return Lack(wanted, "; ".join(" ".join(["frame-ancestors", *each]) for each in said))
    return Lack(wanted, f"X-Frame-Options: {old}" if old else "")


def _types(answer: Answer) -> Lack | None:
    value = answer.header("x-content-type-options")
    if value.lower().partition(",")[0].strip() == "nosniff":
        return None
    wanted = "X-Content-Type-Options: nosniff"
    return Lack(wanted, f"X-Content-Type-Options: {value}" if value else "")


def _referrer(answer: Answer) -> Lack | None:
    """Of several words a browser takes the last that it knows (Referrer Policy, 8.1)."""
    value = answer.header("referrer-policy")
    words = [word.strip() for word in value.lower().split(",")]
    known = [word for word in words if word in OTHERS_LEARN_LESS | OTHERS_LEARN_ALL]
    if known and known[-1] in OTHERS_LEARN_LESS:
        return None
    wanted = "Referrer-Policy, with no full address for other sites"
    return Lack(wanted, f"Referrer-Policy: {value}" if value else "")
