"""Chapter 05: the app's code on the server by ``git push``, and nothing that should not be."""

import re
from dataclasses import dataclass
from typing import Any

from testinfra.host import Host

import git_probes
import probes
import ssh_probes
from stackwalk.verdict import NotStarted, Unmet

USER = "deployer"
REPO = "postcards"  # in the laptop's working folder
BARE = "/srv/git/postcards.git"
CODE = "/srv/postcards/code"
MAIN = "refs/heads/main"
NEEDED = (
    "postcards/__init__.py",
    "postcards/templates/front.html",
    "postcards/static/postcards.css",
    "postcards/migrations/versions/0001_cards.py",
    "requirements.txt",
    ".flaskenv",
    ".gitignore",
)
# What lies around in the learner's copy, and what `git add` would take first.
PRIVATE = (
    ".env",
    ".env.production",
    "visitors.sql",
    "media/from-ann.jpg",
    "instance/postcards.db",
    "postcards/__pycache__/cards.cpython-313.pyc",
    ".venv/bin/python",
)
NOT_CODE = re.compile(
    r"(^|/)(\.env(\.[^/]*)?|[^/]*\.(sql|pyc))$|^(media|instance|\.venv)/|(^|/)__pycache__/"
)
NOT_A_PROGRAM = re.compile(r"cannot (exec|run)|bad interpreter|No such file|Exec format error")


@dataclass(frozen=True)
class Cause:
    """What is not yet so, and the key of the nudge that fits."""

    what: str
    saw: str


# -- the laptop ---------------------------------------------------------------------------------


def test_app_in_git(laptop: Host) -> str:
    """Accepts any list of what is ignored; rejects a secret in any commit, and a list too wide."""
    if git_probes.git(laptop, REPO, "rev-parse --git-dir") not in (".git", ".git/"):
        raise NotStarted(
            "postcards is no repository yet",
            expected="a repository in the folder postcards of your working folder",
            found="no .git in postcards",
            look="laptop: git -C postcards status",
        )
    branches = git_probes.refs(laptop, REPO, "refs/heads")
    if MAIN not in branches:
        raise Unmet(
            "postcards has no branch main with a commit",
            expected="the app, committed on main",
            found=", ".join(branches) or "no commit at all",
            look="laptop: git -C postcards log --all --oneline",
            saw="other_branch" if branches else "no_commit",
        )
    files = git_probes.tracked(laptop, REPO, MAIN)
    _require_left_out(laptop, files)
    missing = [path for path in NEEDED if path not in files]
    missing += git_probes.ignored_code(laptop, REPO, "postcards")
    if missing:
        raise Unmet(
            f"the newest commit lacks something that the app needs: {missing[0]}",
            expected="all of the app in the commit",
            found=f"not there: {', '.join(missing)}",
            look=f"laptop: git -C postcards check-ignore -v --no-index {missing[0]}",
            saw="left_out",
        )
    _require_ignored(laptop)
    return f"{len(files)} files on main, and nothing that is not code"


def _require_left_out(laptop: Host, files: list[str]) -> None:
    inside = [path for path in files if NOT_CODE.search(path)]
    if inside:
        raise Unmet(
            f"the newest commit holds what is not code: {inside[0]}",
            expected="secrets, data and what programs made are in no commit",
            found=", ".join(inside),
            look="laptop: git -C postcards ls-files",
            saw="in_commit",
        )
    earlier = sorted(p for p in git_probes.ever_tracked(laptop, REPO) if NOT_CODE.search(p))
    if earlier:
        raise Unmet(
            f"an earlier commit holds what is not code: {earlier[0]}",
            expected="secrets, data and what programs made are in no commit",
            found=", ".join(earlier),
            look=f"laptop: git -C postcards log --all --oneline -- {earlier[0]}",
            saw="in_history",
        )


def _require_ignored(laptop: Host) -> None:
    """Asked by name and not by file: a colleague's copy has other leftovers than this one."""
    kept = git_probes.git(laptop, REPO, "check-ignore --no-index " + " ".join(PRIVATE)) or ""
    taken = [path for path in PRIVATE if path not in kept.splitlines()]
    if taken:
        raise Unmet(
            f"the next git add . would take {taken[0]}",
            expected="git leaves alone all that is not code",
            found=f"not ignored: {', '.join(taken)}",
            look=f"laptop: git -C postcards check-ignore -v --no-index {taken[0]}",
            saw="would_be_taken",
        )
    kept_by_all = git_probes.ignored_in_a_clone(laptop, REPO, PRIVATE)
    taken = [path for path in PRIVATE if path not in kept_by_all]
    if taken:
        raise Unmet(
            f"a colleague's next git add . would take {taken[0]}",
            expected="what is committed says to everybody what is not code",
            found=f"ignored on your computer only: {', '.join(taken)}",
            look=f"laptop: git -C postcards check-ignore -v --no-index {taken[0]}",
            saw="yours_only",
        )


# -- the repository on web ----------------------------------------------------------------------


def _require_bare(web: Host) -> None:
    if not probes.is_installed(web, "git") or probes.find_path(web, BARE) is None:
        raise NotStarted(
            "there is no repository for the app on web yet",
            expected=f"a bare repository at {BARE}",
            found="no such folder" if probes.is_installed(web, "git") else "git is not installed",
            look=f"web: ls -la {BARE}",
        )


def test_bare_on_web(web: Host) -> str:
    """Accepts any modes and groups that keep others out; rejects files of another owner."""
    _require_bare(web)
    if git_probes.git(web, BARE, "rev-parse --is-bare-repository") != "true":
        raise Unmet(
            f"{BARE} is no bare repository",
            expected="a repository without files of its own",
            found=git_probes.git(web, BARE, "rev-parse --git-dir") or "no repository at all",
            look=f"web: git -C {BARE} rev-parse --is-bare-repository",
            saw="not_bare",
        )
    head = git_probes.git(web, BARE, "symbolic-ref HEAD")
    if head != MAIN:
        raise Unmet(
            "the repository's own branch is not called main",
            expected=f"HEAD says {MAIN}",
            found=head or "HEAD says no branch",
            look=f"web: cat {BARE}/HEAD",
            saw="other_head",
        )
    strange = web.run("find %s ! -user %s -printf '%%u %%p\\n' | head -3", BARE, USER).stdout
    if strange.strip():
        raise Unmet(
            "part of the repository does not belong to deployer",
            expected=f"all of {BARE} belongs to deployer",
            found=strange,
            look=f"web: find {BARE} ! -user deployer -ls",
            saw="other_owner",
        )
    _require_closed(web)
    return f"{BARE} is bare, deployer's, and nobody else's"


def _require_closed(web: Host) -> None:
    open_files = _writable(web, BARE)
    if open_files and probes.may(web, "nobody", "x", BARE):
        raise Unmet(
            "others may write into the repository",
            expected="deployer alone writes there",
            found=open_files,
            look=f"web: ls -la {BARE}",
            saw="open_to_write",
        )
    if probes.may(web, "www-data", "r", f"{BARE}/HEAD"):
        raise Unmet(
            "the web server's account can read the history",
            expected="www-data cannot get into the repository",
            found=str(probes.find_path(web, BARE)),
            look=f"web: namei -l {BARE}/HEAD",
            saw="open_to_read",
        )


def _writable(web: Host, path: str) -> str:
    """Up to three paths that somebody else may write to: anybody, or a group with others in it."""
    others = [m for m in probes.group_members(web, USER) or [] if m != USER]
    groups = "-perm -020" if others else f"-perm -020 ! -group {USER}"
    found = web.run(
        rf"find %s ! -type l \( -perm -002 -o {groups} \) -printf '%%M %%u:%%g %%p\n' | head -3",
        path,
    )
    return str(found.stdout).strip()


def test_first_push(web: Host, laptop: Host) -> str:
    """Accepts any way from the laptop to the repository; rejects another place or history."""
    _require_bare(web)
    url = git_probes.git(laptop, REPO, "remote get-url web")
    if url is None:
        raise Unmet(
            "your repository knows no remote called web",
            expected=f"a remote web that leads to {BARE}",
            found=git_probes.git(laptop, REPO, "remote -v") or "no remote",
            look="laptop: git -C postcards remote -v",
            saw="no_remote",
        )
    listed = laptop.run(
        "LC_ALL=C GIT_TERMINAL_PROMPT=0 SSH_ASKPASS_REQUIRE=never "
        f"git -C {REPO} ls-remote web </dev/null  # now"
    )
    if listed.rc != 0:
        words = [line for line in listed.stderr.splitlines() if line.strip()]
        raise Unmet(
            "git on your laptop cannot reach the remote web",
            expected="git ls-remote web lists what is there, and asks nothing",
            found=words[0] if words else f"exit {listed.rc}",
            look="laptop: cd postcards; git ls-remote web; git config core.sshCommand",
            saw="not_reached",
        )
    there = git_probes.refs(web, BARE, "refs/heads").get(MAIN, "")
    seen = dict(line.split("\t")[::-1] for line in listed.stdout.splitlines())
    if seen.get(MAIN, "") != there:
        raise Unmet(
            "the remote web leads to another repository",
            expected=f"web:{BARE}",
            found=url,
            look="laptop: git -C postcards remote -v",
            saw="other_place",
        )
    _require_related(web, laptop, there)
    return f"main is on web, at {there[:7]}"


def _require_related(web: Host, laptop: Host, there: str) -> None:
    look = "laptop: git -C postcards log --oneline -3 main; git -C postcards ls-remote web"
    here = git_probes.refs(laptop, REPO, MAIN).get(MAIN, "")
    if not there:
        raise Unmet(
            "main was not pushed to web yet",
            expected=f"the branch main in {BARE}",
            found="no branch main there",
            look=look,
            saw="not_pushed",
        )
    if git_probes.has_commit(laptop, REPO, there) and _goes_on(laptop, REPO, there, here):
        return
    if not (here and git_probes.has_commit(web, BARE, here) and _goes_on(web, BARE, here, there)):
        raise Unmet(
            "main on web and main on your laptop are two histories",
            expected="one of them goes on from the other",
            found=f"laptop {here[:7]}, web {there[:7]}",
            look=look,
            saw="other_history",
        )


def _goes_on(host: Host, folder: str, first: str, then: str) -> bool:
    return git_probes.git(host, folder, "merge-base --is-ancestor %s %s", first, then) is not None


# -- the hooks ----------------------------------------------------------------------------------


def test_broken_refused(web: Host) -> str:
    """Accepts any hook that refuses the broken and takes the good; all pushes are on a copy."""
    _require_pushed(web)
    names = ("deep", "factory", "shadow", "second")
    seen = git_probes.try_pushes(web, *names, "good", "side", "side_removed")
    for name in names:  # first: where one of them was taken, the good one has no chance
        if seen[name]["taken"]:
            raise _passed(web, name, seen[name])
    good = seen["good"]
    if not good["taken"]:
        starts = not NOT_A_PROGRAM.search(str(good["said"]))
        raise Unmet(
            "a push with nothing wrong in it is refused"
            if starts
            else "a hook cannot be started, so every push is refused",
            expected="a push of a good commit to main is accepted",
            found=git_probes.told(str(good["said"])),
            look=f"web: {'cat' if starts else 'head -1'} {BARE}/hooks/pre-receive | cat -A",
            saw="refuses_all" if starts else "cannot_start",
        )
    if "trial.py" not in str(seen["deep"]["said"]):
        raise Unmet(
            "a broken push is refused, and the pusher does not learn which file it is",
            expected="the pusher reads: postcards/views/trial.py",
            found=git_probes.told(str(seen["deep"]["said"])),
            look=f"web: cat {BARE}/hooks/pre-receive",
            saw="says_nothing",
        )
    if not all(seen[name]["code_kept"] for name in ("deep", "factory")):
        raise Unmet(
            f"a refused push changed what lies in {CODE}",
            expected="a refused push changes nothing",
            found="the code was another one afterwards",
            look=f"web: cat {BARE}/hooks/pre-receive",
            saw="code_touched",
        )
    removal = seen["side_removed"]
    if not removal["taken"]:
        raise Unmet(
            "a push that removes a branch is refused",
            expected="a branch that is done with can be removed",
            found=git_probes.told(str(removal["said"])),
            look=f"web: cat {BARE}/hooks/pre-receive; cat {BARE}/config",
            saw="no_removal",
        )
    return "what does not compile or has no create_app is refused, a good push is taken"


def _require_pushed(web: Host) -> None:
    _require_bare(web)
    files = git_probes.tracked(web, BARE, MAIN)
    if "postcards/__init__.py" not in files:
        raise NotStarted(
            "the app is not in the repository on web yet, so no push can be tried",
            expected=f"the app on main in {BARE}",
            found=f"{len(files)} files on main",
            look=f"web: git -C {BARE} log --oneline main",
        )


PASSED = {
    "broken": Cause("a push with a file that does not compile is accepted", saw="lets_broken"),
    "deep": Cause("a broken file two folders down is not found", saw="only_the_top"),
    "factory": Cause("a push without create_app is accepted", saw="no_factory"),
    "shadow": Cause("the hook runs a file that was pushed as if it were Python's", saw="runs_it"),
    "tagged": Cause("a tag on code that does not compile is accepted", saw="only_main"),
    "second": Cause("of two refs in one push only the first is looked at", saw="only_first"),
}
PLAINER = {"deep": "broken", "second": "tagged"}  # when that one passes too, it is the cause


def _passed(web: Host, name: str, push: dict[str, Any]) -> Unmet:
    plainer = PLAINER.get(name, "")
    if plainer and (same := git_probes.try_pushes(web, plainer)[plainer])["taken"]:
        name, push = plainer, same
    cause = PASSED[name]
    sleeping = _not_executable(web, "pre-receive") or _not_executable(web, "update")
    if name == "broken" and sleeping:
        what = f"the hook {sleeping} is not executable, so git leaves it out"
        cause = Cause(what, saw="not_executable")
    elif name == "broken" and not any(_hooks(web, each) for each in ("pre-receive", "update")):
        return NotStarted(
            "no hook looks at what is pushed",
            expected=f"a program pre-receive or update in {BARE}/hooks",
            found="neither of them",
            look=f"web: ls -l {BARE}/hooks",
        )
    return Unmet(
        cause.what,
        expected="the push is refused, and main and the tags stay as they were",
        found=f"it was accepted; {git_probes.told(str(push['said'])) or 'no hook said a word'}",
        look=f"web: ls -l {BARE}/hooks; cat {BARE}/hooks/pre-receive",
        saw=cause.saw,
    )


def _hooks(web: Host, name: str) -> bool:
    return probes.find_path(web, f"{BARE}/hooks/{name}") is not None


def _not_executable(web: Host, name: str) -> str:
    """The hook's name where it lies there and deployer could not run it; else nothing."""
    path = probes.find_path(web, f"{BARE}/hooks/{name}")
    return name if path and not path.mode & 0o100 else ""


def test_history_kept(web: Host) -> str:
    """Accepts a setting or a hook; rejects what a push by force can replace."""
    _require_pushed(web)
    tags = git_probes.refs(web, BARE, "refs/tags/v*")
    if not tags:
        raise NotStarted(
            "there is no release yet that could be kept",
            expected="a tag such as v1.0",
            found="no tag that begins with v",
            look=f"web: git -C {BARE} tag",
        )
    seen = git_probes.try_pushes(web, "rewrite", "moved", "deleted", "side", "side_rewrite")
    causes = {
        "rewrite": Cause("a push by force can replace the history of main", saw="rewritable"),
        "side_rewrite": Cause(
            "a push by force can replace the history of another branch than main", saw="rewritable"
        ),
        "moved": Cause("a push by force can move a release to another commit", saw="tag_moves"),
        "deleted": Cause("a push can remove a release", saw="tag_deleted"),
    }
    for name, cause in causes.items():
        if seen[name]["taken"]:
            raise Unmet(
                cause.what,
                expected="the push is refused",
                found="it was accepted",
                look=f"web: cat {BARE}/config; ls -l {BARE}/hooks",
                saw=cause.saw,
            )
    return "main cannot be rewritten, and releases neither moved nor removed"


# -- the release --------------------------------------------------------------------------------


def test_tag_is_release(web: Host) -> str:
    """Accepts a folder or a link, any way to fill it; rejects a release that is not its tag's."""
    _require_pushed(web)
    tags = git_probes.refs(web, BARE, "refs/tags/v*")
    if not tags:
        raise Unmet(
            "no release was pushed: there is no tag that begins with v",
            expected="the tag v1.0 on web",
            found="no such tag",
            look=f"web: git -C {BARE} tag",
            saw="no_tag",
        )
    _require_code(web, tags)
    tag = _release_name(web)
    _require_same(web, tag)
    _require_rights(web)
    _require_next(web)
    return f"{tag} lies in {CODE}, whole and alone"


def _release_name(web: Host) -> str:
    return (probes.read_text(web, f"{CODE}/RELEASE") or "").strip()


def _require_code(web: Host, tags: dict[str, str]) -> None:
    look = f"web: ls -la {CODE}; cat {CODE}/RELEASE"
    if probes.find_path(web, f"{CODE}/postcards/__init__.py") is None:
        sleeping = _not_executable(web, "post-receive")
        raise Unmet(
            f"no release lies in {CODE}",
            expected=f"the files of a tag in {CODE}",
            found="post-receive is not executable"
            if sleeping
            else "no postcards/__init__.py there",
            look=look,
            saw="not_executable" if sleeping else "no_code",
        )
    name = _release_name(web)
    if f"refs/tags/{name}" not in tags:
        raise Unmet(
            "RELEASE names a tag that is not in the repository"
            if name
            else "nothing says which release lies there",
            expected=f"{CODE}/RELEASE holds the name of a tag",
            found=name or "no RELEASE, or an empty one",
            look=look,
            saw="unknown_tag" if name else "no_name",
        )


def _require_same(web: Host, tag: str) -> None:
    if probes.find_path(web, f"{CODE}/.git") is not None:
        raise Unmet(
            "git's own files lie in the running code",
            expected=f"the files of {tag} alone",
            found=f"{CODE}/.git",
            look=f"web: ls -la {CODE}",
            saw="git_inside",
        )
    differences = git_probes.compare(web, BARE, f"refs/tags/{tag}", CODE)
    if differences.changed:
        raise Unmet(
            f"the code on the disk is not that of {tag}",
            expected=f"every file as it is in {tag}",
            found=f"another, or not there: {', '.join(differences.changed[:5])}",
            look=f"web: git -C {BARE} show {tag}:{differences.changed[0]}",
            saw="files_differ",
        )
    if differences.extra:
        raise Unmet(
            f"files lie in the code that are not in {tag}",
            expected=f"the files of {tag} and RELEASE, no other",
            found=", ".join(differences.extra[:5]),
            look=f"web: ls -la {CODE}",
            saw="files_extra",
        )


def _require_rights(web: Host) -> None:
    look = f"web: ls -la {CODE}/"
    strange = web.run("find %s ! -user %s -printf '%%u %%p\\n' | head -3", f"{CODE}/", USER).stdout
    if strange.strip():
        raise Unmet(
            "part of the code does not belong to deployer",
            expected=f"all of {CODE} belongs to deployer",
            found=strange,
            look=f"web: find {CODE}/ ! -user deployer -ls",
            saw="other_owner",
        )
    if open_files := _writable(web, f"{CODE}/") or _writable_folder(web):
        raise Unmet(
            "others may change the code",
            expected="deployer alone may write there",
            found=open_files,
            look=look,
            saw="open_to_write",
        )
    hidden = web.run(
        "cd / && runuser -u nobody -- find %s ! -readable 2>&1 | head -3", f"{CODE}/"
    ).stdout
    if hidden.strip():
        raise Unmet(
            "the account that will run the app could not read the code",
            expected="everybody may read it",
            found=hidden,
            look=look,
            saw="unreadable",
        )


def _writable_folder(web: Host) -> str:
    """Whoever may write to the folder above may put another one in the code's place."""
    above = probes.find_path(web, CODE.rpartition("/")[0])
    return str(above) if above and probes.may(web, "nobody", "w", above.path) else ""


def _require_next(web: Host) -> None:
    seen = git_probes.try_pushes(web, "good", "release")
    good, release, after = seen["good"], seen["release"], seen["after"]
    look = f"web: cat {BARE}/hooks/post-receive; ls -l {BARE}/hooks"
    if not good["code_kept"]:
        raise Unmet(
            "a push of a branch changes the code that runs",
            expected="only a tag is a release",
            found="the code was another one after a push of main",
            look=look,
            saw="main_deploys",
        )
    if not release["taken"]:
        raise Unmet(
            "the next release would be refused",
            expected="a good commit with a tag is accepted",
            found=git_probes.told(str(release["said"])),
            look=look,
            saw="release_refused",
        )
    if after["named"] != "v99.3" or not (after["new"] and after["changed"]):
        sleeping = _not_executable(web, "post-receive")
        raise Unmet(
            "post-receive is not executable: the next release would not arrive"
            if sleeping
            else f"the next release would not arrive in {CODE}",
            expected="a pushed tag v99.3 is there, and RELEASE says so",
            found=f"RELEASE says {after['named'] or 'nothing'}; "
            + (git_probes.told(str(release["said"])) or "no hook said a word"),
            look=look,
            saw="not_executable" if sleeping else "not_released",
        )
    if after["old"]:
        raise Unmet(
            "a file that the next release has removed would still be there",
            expected="the files of the new release and no other",
            found="requirements-test.txt, which v99.3 does not have",
            look=look,
            saw="leftovers",
        )
    if not after["open"]:
        raise Unmet(
            "the account that will run the app could not read the next release",
            expected="everybody may read it, and enter its folders",
            found="a file or a folder of v99.3 is closed to others",
            look=look,
            saw="unreadable",
        )
    if not release["arrived_whole"]:
        raise Unmet(
            "the next release would be there half for a moment",
            expected=f"{CODE} is replaced by a folder, or a link, that is complete",
            found=f"the files came one by one into {CODE}",
            look=look,
            saw="in_place",
        )


# -- the secret ---------------------------------------------------------------------------------


def test_secret_gone(web: Host, laptop: Host) -> str:
    """Accepts any way to another key and another history; the old key is what counts most."""
    _require_pushed(web)
    leaked = git_probes.leaked_key(laptop)
    authorized = _authorized_keys(web)
    if leaked and leaked in authorized:
        raise Unmet(
            "the key that was committed still opens web",
            expected="deployer's list on web does not hold it",
            found=f"{leaked.fingerprint} is in the list",
            look="web: cat ~/.ssh/authorized_keys; laptop: cat mail-from-ann.txt",
            saw="still_opens",
        )
    new = next(probes.read_public_keys(probes.read_text(laptop, "keys/report.pub") or ""), None)
    if new is None or new == leaked:
        raise Unmet(
            "keys/report is the key that was committed" if new else "there is no key keys/report",
            expected="a new pair, keys/report and keys/report.pub",
            found=new.fingerprint if new else "no public key in keys/report.pub",
            look="laptop: ls -l keys; ssh-keygen -l -f keys/report.pub",
            saw="same_key" if new else "no_new_key",
        )
    if new not in authorized:
        raise Unmet(
            "web does not know the new key keys/report",
            expected="its public half is in deployer's list",
            found=f"{len(authorized)} other keys in the list",
            look="web: cat ~/.ssh/authorized_keys",
            saw="not_authorized",
        )
    _require_no_key_on_web(web)
    _require_no_key_on_laptop(laptop)
    if leaked:
        _require_work_kept(web)
    return "no private key in any object on web, and the report has a new one"


def _authorized_keys(web: Host) -> list[probes.PublicKey]:
    account = probes.find_account(web, USER)
    if account is None:
        return []
    settings = ssh_probes.sshd_settings(web, user=USER, addr=ssh_probes.INSIDE[0])
    texts = [probes.read_text(web, path) or "" for path in ssh_probes.keys_files(settings, account)]
    return [key for text in texts for key in probes.read_public_keys(text)]


def _require_no_key_on_web(web: Host) -> None:
    in_code = web.run("grep -rlE -e %s %s | head -3", git_probes.PRIVATE, f"{CODE}/").stdout.strip()
    if in_code:
        raise Unmet(
            "a private key lies in the release, for everybody on web to read",
            expected=f"no private key in {CODE}",
            found=in_code,
            look=f"web: ls -l {in_code.split()[0]}",
            saw="in_release",
        )
    blobs = git_probes.private_keys(web, BARE)
    if not blobs:
        return
    reached = git_probes.reaching(web, BARE, blobs)
    raise Unmet(
        _where(reached).what,
        expected="no object of the repository on web holds a private key",
        found=f"object {blobs[0][:12]}"
        + (f", by way of {', '.join(reached)}" if reached else ", to which no name leads"),
        look=f"web: git -C {BARE} log --all --oneline --find-object={blobs[0][:12]}",
        saw=_where(reached).saw,
    )


def _where(reached: dict[str, bool]) -> Cause:
    if not reached:
        return Cause("the private key is still among the objects on web", saw="unreachable")
    if MAIN not in reached:
        return Cause(
            "a private key is in the history of another name than main", saw="in_other_ref"
        )
    if reached[MAIN]:
        return Cause("a private key is in the newest commit on web", saw="in_commit")
    return Cause("a private key is in the history of main on web", saw="in_history")


def _require_no_key_on_laptop(laptop: Host) -> None:
    commits = git_probes.commits_with_private_key(laptop, REPO)
    if commits:
        raise Unmet(
            "your laptop's repository still holds the private key, and would push it again",
            expected="no branch and no tag leads to it",
            found=f"it came or went with {', '.join(commits[:5])}",
            look=f"laptop: git -C postcards branch --all --contains {commits[-1]}",
            saw="on_laptop",
        )
    lying = git_probes.untracked_private_keys(laptop, REPO)
    if lying:
        raise Unmet(
            f"the next git add . would take a private key: {lying[0]}",
            expected="no private key lies in the folder postcards, unless git is told to leave it",
            found=", ".join(lying),
            look="laptop: git -C postcards status --short",
            saw="on_laptop",
        )


def _require_work_kept(web: Host) -> None:
    look = f"web: git -C {BARE} ls-tree -r main tools; git -C {BARE} log --oneline main"
    script = git_probes.git(web, BARE, "show main:tools/report.sh")
    readme = git_probes.git(web, BARE, "show main:README.md") or ""
    if script is None or "tools/report.sh" not in readme:
        raise Unmet(
            "Ann's work is gone with the key",
            expected="tools/report.sh and its line in README.md, on main on web",
            found="no tools/report.sh" if script is None else "no line in README.md",
            look=look,
            saw="work_lost",
        )
    if "keys/report" not in script:
        raise Unmet(
            "tools/report.sh does not use the new key",
            expected="keys/report, in the script on main on web",
            found=next((line for line in script.splitlines() if "ssh" in line), script),
            look=look,
            saw="old_path",
        )
