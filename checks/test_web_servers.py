"""Chapter 04: a name, and behind it a web server that answers as you decided."""

import re
from dataclasses import dataclass

from testinfra.host import Host

import header_probes
import probes
import web_probes
from stackwalk.verdict import NotStarted, Unmet
from web_probes import Answer, Listener

SITE = "app.test"
WWW = "www.app.test"
BROWSER = "app.localhost:8080"  # how a browser on the laptop names it; the port is in the request
MARK = "It works on my server"
STYLE, SCRIPT, LOGO = "/static/style.css", "/static/app.js", "/static/logo.svg"
MIME = {
    STYLE: ("text/css",),
    SCRIPT: ("text/javascript", "application/javascript"),
    LOGO: ("image/svg+xml",),
}
STOCK = ("Welcome to nginx", "Apache2 Debian Default Page", "Your web server is working")
STOCK_ERROR = ("<hr><center>nginx", "<address>Apache")
PACKING = ("gzip", "br", "zstd")
WORTH_PACKING = 1024  # bytes; servers commonly leave smaller answers alone
SHORT_TTL, LONG_TTL = 30, 300  # seconds: five minutes are asked for, and less is no worse
AN_HOUR = 3600  # seconds
SERVERS = ("nginx", "caddy", "apache2", "lighttpd")
COMES_BACK = (
    "always",
    "on-failure",
    "on-abnormal",
    "on-abort",
)  # after SIGKILL: systemd.service(5)


@dataclass(frozen=True)
class Cause:
    """What is not yet so, and the key of the nudge that fits."""

    what: str
    saw: str
    found: str = ""  # where the answer itself does not show it
    path: str = ""  # of the file it is about


def _curl(path: str, options: str = "-i") -> str:
    """What a person types to see what the check saw."""
    return f"web: curl {options} -H 'Host: {SITE}' http://127.0.0.1{path}"


# -- names --------------------------------------------------------------------------------------


def test_zone_answers(web: Host) -> str:
    """Accepts any name server on the loopback; rejects one that strangers can ask too."""
    if not probes.is_installed(web, "dig"):
        raise NotStarted(
            "the machine has no dig yet, and a name server is asked with dig",
            expected="dig on web, and a name server to ask",
            found="no such program",
            look="web: command -v dig",
        )
    reply = web_probes.look_up(web, SITE, "A")
    if reply.status != "NOERROR":
        raise Unmet(
            f"the name server on web knows nothing of {SITE}"
            if reply.status
            else "no name server answers on web's loopback",
            expected=f"dig @127.0.0.1 {SITE} gives an address",
            found=f"status {reply.status}" if reply.status else "no reply from 127.0.0.1 port 53",
            look=f"web: dig @127.0.0.1 {SITE}",
            saw="no_zone" if reply.status else "nobody_answers",
        )
    _require_address(web, reply)
    _require_alias(web)
    strangers = web_probes.open_addresses(web, 53)
    if strangers:
        raise Unmet(
            "your name server answers strangers",
            expected="it listens on the loopback only",
            found=f"it listens at {' '.join(strangers)} port 53 too",
            look="web: sudo ss -lntup 'sport = :53'",
            saw="open_to_all",
        )
    return f"{SITE} leads to {reply.values('A')[0]}, {WWW} to the same"


def _require_address(web: Host, reply: web_probes.Reply) -> None:
    found = reply.values("A")
    look = f"web: dig @127.0.0.1 {SITE} A; hostname -I"
    mine = probes.own_addresses(web)
    public = web_probes.in_course_network(mine) or mine
    if not found or set(found) - set(public):
        cause = _why_not_public(found, mine)
        raise Unmet(
            cause.what,
            expected=f"the address that stackwalk machine status web shows: {' '.join(public)}",
            found=" ".join(found) or "an answer without an A record",
            look=look,
            saw=cause.saw,
        )
    _require_ttl(reply, f"the address of {SITE}", look=look)


def _require_ttl(reply: web_probes.Reply, of: str, *, look: str) -> None:
    ttls = [record.ttl for record in reply.records]
    odd = [ttl for ttl in ttls if not SHORT_TTL <= ttl <= LONG_TTL]
    if odd:
        raise Unmet(
            f"the world would keep {of} for {odd[0]} seconds",
            expected=f"a TTL from {SHORT_TTL} to {LONG_TTL} seconds",
            found=f"TTL {odd[0]}",
            look=look,
            saw="odd_ttl",
        )


def _why_not_public(found: list[str], mine: list[str]) -> Cause:
    if not found:
        return Cause(f"{SITE} has no address", saw="other_address")
    if any(address.startswith("127.") for address in found):
        what = f"{SITE} leads to the loopback, which every computer has for itself"
        return Cause(what, saw="loopback_address")
    if set(found) & set(mine):
        what = f"{SITE} leads to an address of web that the laptop does not go by"
        return Cause(what, saw="inner_address")
    return Cause(f"{SITE} leads to another machine", saw="other_address")


def _require_alias(web: Host) -> None:
    reply = web_probes.look_up(web, WWW, "A")
    look = f"web: dig @127.0.0.1 {WWW}"
    if f"{SITE}." not in reply.values("CNAME"):
        records = ", ".join(f"{r.kind} {r.value}" for r in reply.records)
        raise Unmet(
            f"{WWW} is no second name for {SITE}",
            expected=f"{WWW} is an alias (CNAME) of {SITE}",
            found=records or f"status {reply.status}",
            look=look,
            saw="no_alias",
        )
    _require_ttl(reply, f"the alias {WWW}", look=look)


# -- the site -----------------------------------------------------------------------------------


def test_site_by_name(web: Host, laptop: Host) -> str:
    """Accepts any web server, configuration and root that answer three names with the page."""
    listener = _require_listener(web)
    page = web_probes.ask(web, name=SITE)
    if not _is_site(page):
        _say_why(web, listener, page)
    for name in (WWW, BROWSER):
        other = web_probes.ask(web, name=name)
        if not _is_site(other):
            raise Unmet(
                f"{SITE} has your page, and {name.partition(':')[0]} has not",
                expected=f'http://{name}/ gives 200 with "{MARK}"',
                found=str(other),
                look=f"web: curl -i -H 'Host: {name}' http://127.0.0.1/",
                saw="other_names",
            )
    _require_types(web)
    port = web_probes.http_port(laptop)
    outside = web_probes.ask(laptop, name=SITE, port=port)
    if not _is_site(outside):
        raise Unmet(
            "the site answers on the machine, and not on your laptop",
            expected=f"port {port} of the laptop leads to your page",
            found=str(outside),
            look=f"laptop: curl -i --connect-to ::127.0.0.1:{port} http://{SITE}/",
            saw="not_from_outside",
        )
    return f"{listener.program} answers {SITE}, {WWW} and app.localhost, from the laptop too"


def _is_site(answer: Answer) -> bool:
    return answer.status == 200 and MARK.lower() in answer.body.lower()


def _require_listener(web: Host) -> Listener:
    listener = web_probes.find_listener(web, 80)
    if listener:
        return listener
    installed = [server for server in SERVERS if probes.is_installed(web, server)]
    if not installed:
        raise NotStarted(
            "no web server answers on web",
            expected="a web server at port 80",
            found="nothing listens at port 80, and no web server is installed",
            look="web: sudo ss -ltnp",
        )
    enabled = [s for s in installed if probes.unit_property(web, s, "UnitFileState") == "enabled"]
    server = (enabled or installed)[0]
    complaint = web_probes.config_complaint(web, server)
    raise Unmet(
        f"{server} does not run, because it cannot read its own files"
        if complaint
        else f"{server} is installed and does not listen at port 80",
        expected="a web server at port 80",
        found=complaint or "nothing listens at port 80",
        look=_look_at_files(server)
        if complaint
        else f"web: systemctl status {server}; sudo ss -ltnp",
        saw="broken_config" if complaint else "not_running",
    )


def _say_why(web: Host, listener: Listener, page: Answer) -> None:
    """Why the name does not lead to the page, the nearest cause first."""
    cause = _why(web, listener, page)
    raise Unmet(
        cause.what,
        expected=f'http://{SITE}/ gives 200 with "{MARK}"',
        found=cause.found or str(page),
        look={
            "port_taken": "web: sudo ss -ltnp 'sport = :80'",
            "broken_config": _look_at_files(listener.program),
            "unreadable": f"web: sudo namei -l {cause.path}",
            "not_reloaded": f"web: sudo journalctl -u {listener.unit or 'nginx'} -n 5",
        }.get(cause.saw, _curl("/")),
        saw=cause.saw,
    )


def _look_at_files(program: str) -> str:
    test = web_probes.TESTS.get(program, f"systemctl status {program}")
    return f"web: sudo {test.removesuffix(' -q')}"


def _why(web: Host, listener: Listener, page: Answer) -> Cause:
    waiting = [s for s in SERVERS if s != listener.program and probes.is_installed(web, s)]
    if listener.program not in SERVERS and waiting:
        what = f"port 80 is held by {listener.program}, so {waiting[0]} cannot have it"
        return Cause(what, saw="port_taken")
    if complaint := web_probes.config_complaint(web, listener.program):
        what = f"{listener.program} cannot read its own files"
        return Cause(what, saw="broken_config", found=complaint)
    user = web_probes.server_account(web, listener)
    pages = web_probes.find_pages(web, "index.html", MARK)
    shut = [path for path in pages if not probes.may(web, user, "r", path)]
    if shut and shut == pages and page.status in (403, 404, 500):
        what = f"{listener.program} runs as {user} and may not read your page"
        return Cause(what, saw="unreadable", path=shut[0])
    if web_probes.unread_changes(web, listener):
        what = f"{listener.program} has not read its files since they were changed"
        return Cause(what, saw="not_reloaded")
    if any(words in page.body for words in STOCK):
        what = f"{listener.program} answers, but with its welcome page and not with yours"
        return Cause(what, saw="default_page")
    if page.status in (301, 302, 307, 308):
        what = f"{SITE} sends visitors on to {page.header('location')}"
        return Cause(what, saw="sent_away")
    if not page.status:
        what = f"{listener.program} listens, and says nothing to {SITE}"
        return Cause(what, saw="no_block")
    if page.status in (403, 404):
        what = f"{listener.program} looks for your page where it is not"
        return Cause(what, saw="wrong_place")
    return Cause(f"{listener.program} answers, but not with your page", saw="other_page")


def _require_types(web: Host) -> None:
    for path, types in MIME.items():
        part = web_probes.ask(web, path)
        look = _curl(path)
        if part.status != 200:
            raise Unmet(
                f"your page is there, and its {path} is not",
                expected=f"{path} gives 200",
                found=str(part),
                look=look,
                saw="parts_missing",
            )
        if part.header("content-type").partition(";")[0] not in types:
            raise Unmet(
                f"the server calls {path} something that it is not",
                expected=f"Content-Type: {types[0]}",
                found=f"Content-Type: {part.header('content-type') or 'none'}",
                look=look,
                saw="wrong_type",
            )


# -- the server as a service --------------------------------------------------------------------


def test_web_server_returns(web: Host) -> str:
    """Accepts any unit that is enabled and restarts; what runs must be what the files say."""
    listener = _require_listener(web)
    if not listener.unit:
        raise Unmet(
            f"{listener.program} was started by hand, and nobody would start it again",
            expected="the program at port 80 belongs to a service of systemd",
            found=f"{listener.program}, process {listener.pids[0]}, in no service",
            look=f"web: ps -o pid,unit,args -p {listener.pids[0]}",
            saw="no_service",
        )
    _require_sound_files(web, listener)
    state = probes.unit_property(web, listener.unit, "UnitFileState")
    if state not in ("enabled", "static", "generated"):
        raise Unmet(
            f"{listener.unit} runs now and would be gone after a reboot",
            expected=f"systemctl is-enabled {listener.unit} says: enabled",
            found=state or "nothing",
            look=f"web: systemctl is-enabled {listener.unit}",
            saw="not_enabled",
        )
    restart = probes.unit_property(web, listener.unit, "Restart")
    if probes.unit_property(web, listener.unit, "NeedDaemonReload") == "yes":
        raise Unmet(
            f"systemd has not read the files of {listener.unit} since they were changed",
            expected="systemd knows the unit as it stands in the files",
            found=f"NeedDaemonReload=yes, and still Restart={restart}",
            look=f"web: systemctl show -p NeedDaemonReload,DropInPaths,Restart {listener.unit}",
            saw="unit_not_read",
        )
    if restart not in COMES_BACK:
        raise Unmet(
            f"{listener.unit} stays dead once it is killed",
            expected=f"Restart= is one of {', '.join(COMES_BACK)}",
            found=f"Restart={restart}",
            look=f"web: systemctl show -p Restart {listener.unit}",
            saw="no_restart",
        )
    return f"{listener.unit} is enabled, and restarts {restart}"


def _require_sound_files(web: Host, listener: Listener) -> None:
    if complaint := web_probes.config_complaint(web, listener.program):
        raise Unmet(
            f"{listener.program} still runs, and could not start from its files as they are now",
            expected="its own test of its files finds nothing",
            found=complaint,
            look=_look_at_files(listener.program),
            saw="broken_config",
        )
    if unread := web_probes.unread_changes(web, listener):
        raise Unmet(
            f"{listener.program} has not read its files since they were changed",
            expected="what runs is what stands in the files",
            found=f"changed since: {' '.join(unread)}",
            look=f"web: stat -c '%y %N' {unread[0]}; stat -Lc %y {unread[0]}; "
            f"ps -o lstart,args -C {listener.program}",
            saw="not_reloaded",
        )


# -- who gets what ------------------------------------------------------------------------------


def test_strangers_turned_away(web: Host) -> str:
    """Accepts a closed connection or any 4xx; rejects pages, redirects and the welcome page."""
    _require_listener(web)
    address = probes.own_addresses(web)[0]
    for name, asked in (
        ("stranger.test", "a name that is not yours"),
        (address, "an address and no name"),
        ("", "nothing at all"),
    ):
        answer = web_probes.ask(web, name=name)
        cause = _why_not_turned_away(answer, asked)
        if cause:
            who = f"-H 'Host: {name}'" if name else "-0 -H 'Host:'"
            raise Unmet(
                cause.what,
                expected="a closed connection, or a status from 400 to 499",
                found=str(answer),
                look=f"web: curl -i {who} http://127.0.0.1/",
                saw=cause.saw,
            )
    return f"the last answer: {answer}"


def _why_not_turned_away(answer: Answer, asked: str) -> Cause | None:
    if any(words in answer.body for words in STOCK):
        return Cause(f"who asks for {asked} gets the server's welcome page", saw="default_site")
    if MARK.lower() in answer.body.lower():
        return Cause(f"who asks for {asked} gets your site", saw="your_site")
    if 300 <= answer.status < 400:
        return Cause(f"who asks for {asked} is told where to go", saw="shown_the_way")
    if answer.status and not 400 <= answer.status < 500:
        return Cause(f"who asks for {asked} gets an answer", saw="answered")
    return None


def test_hidden_files_kept(web: Host) -> str:
    """Accepts any answer that holds nothing of a dot file; .well-known must stay open."""
    listener = _require_listener(web)
    root = _find_root(web)
    draft, notes = "/.draft.html", "/static/.notes.txt"
    for path in (draft, notes):
        hidden = probes.read_text(web, root + path)
        if not hidden:
            raise Unmet(
                f"the site has no {path}, so nothing can be seen to be refused",
                expected=f"{root}{path}, carried along with the rest of the site",
                found="no such file, or nothing in it",
                look=f"web: ls -la {root} {root}/static",
                saw="nothing_to_hide",
            )
        answer = web_probes.ask(web, path)
        if hidden.strip() in answer.body:
            raise Unmet(
                f"{listener.program} gives {path} to whoever asks for it",
                expected="403, 404 or a closed connection, and nothing of what is in it",
                found=str(answer),
                look=_curl(path),
                saw="dot_file_served" if path == draft else "only_at_the_top",
            )
    _require_well_known(web)
    _require_unwritable(web, listener, root)
    return f"{root}: dot files refused, and nothing in it that {listener.program} could change"


def _find_root(web: Host) -> str:
    """The folder the site is served from: it holds the page that is answered."""
    served = web_probes.ask(web).body.strip()
    for path in web_probes.find_pages(web, "index.html", MARK):
        if (probes.read_text(web, path) or "").strip() == served:
            return path.removesuffix("/index.html")
    raise NotStarted(
        f"no folder was found that {SITE} is served from",
        expected=f"an index.html on web that is what http://{SITE}/ answers",
        found="none in /srv, /var/www, /home or /opt",
        look="web: sudo nginx -T | grep root",
    )


def _require_well_known(web: Host) -> None:
    answer = web_probes.ask(web, "/.well-known/security.txt")
    if answer.status != 200 or "Contact:" not in answer.body:
        raise Unmet(
            "/.well-known/security.txt is refused too",
            expected="200 with a line Contact: …",
            found=str(answer),
            look=_curl("/.well-known/security.txt"),
            saw="well_known_shut",
        )
    listing = web_probes.ask(web, "/static/")
    if "app.js" in listing.body and listing.status == 200:
        raise Unmet(
            "a folder's address gives the list of what is in it",
            expected="/static/ gives 403 or 404",
            found=str(listing),
            look=_curl("/static/"),
            saw="listing",
        )


def _require_unwritable(web: Host, listener: Listener, root: str) -> None:
    user = web_probes.server_account(web, listener)
    if writable := web_probes.writable_below(web, user, root):
        raise Unmet(
            f"{listener.program} runs as {user} and could change your site",
            expected=f"nothing in {root} that {user} may write to",
            found=f"{user} may write to {writable}",
            look=f"web: ls -ld {writable}; id {user}",
            saw="writable",
        )


# -- how it answers -----------------------------------------------------------------------------


def test_answers_compressed(web: Host) -> str:
    """Accepts gzip, Brotli or zstd for page, style, script and drawing of 1024 bytes and more."""
    _require_listener(web)
    packed, plain, without_vary = [], [], []
    for path in (STYLE, SCRIPT, LOGO, "/"):
        whole = web_probes.ask(web, path)
        if whole.status != 200 or len(whole.body.encode()) < WORTH_PACKING:
            continue
        answer = web_probes.ask(web, path, takes_gzip=True)
        if answer.header("content-encoding") not in PACKING:
            plain.append(path)
            continue
        packed.append(path)
        if "accept-encoding" not in answer.header("vary").lower():
            without_vary.append(path)
    if not packed and not plain:
        raise NotStarted(
            f"{SITE} has no style sheet, script or drawing yet",
            expected=f"{STYLE}, {SCRIPT} and {LOGO}, each above {WORTH_PACKING} bytes",
            found="none of them",
            look=_curl(STYLE),
        )
    look = f"web: curl -sI -H 'Host: {SITE}' -H 'Accept-Encoding: gzip' http://127.0.0.1"
    if plain:
        some = bool(set(packed) - {"/"})
        raise Unmet(
            f"{plain[0]} goes over the line at full length"
            if some
            else "the page may be compressed; what belongs to it is not",
            expected="Content-Encoding: gzip for the style sheet, the script and the drawing",
            found=f"none for {' '.join(plain)}",
            look=f"{look}{plain[0]}",
            saw="some_types" if some else "html_only",
        )
    if without_vary:
        raise Unmet(
            "a cache between you and a visitor would mix up both forms",
            expected="Vary: Accept-Encoding wherever there are two forms",
            found=f"no Vary for {' '.join(without_vary)}",
            look=f"{look}{without_vary[0]}",
            saw="no_vary",
        )
    return f"compressed, and said so: {' '.join(packed)}"


def test_errors_have_pages(web: Host) -> str:
    """Accepts any page of one's own that keeps the status and links to the front page."""
    _require_listener(web)
    lost = web_probes.ask(web, "/no-such-page")
    _require_page(lost, "/no-such-page", kind="404", right=lost.status == 404)
    drill = web_probes.ask(web, "/fire-drill/")
    if drill.status == lost.status:
        raise Unmet(
            "there is no fire drill yet: nothing behind the site is ever asked",
            expected="/fire-drill/ gives 502, 503 or 504, with your page",
            found=str(drill),
            look=_curl("/fire-drill/"),
            saw="no_drill",
        )
    _require_page(drill, "/fire-drill/", kind="50x", right=drill.status in (502, 503, 504))
    if drill.body.strip() == lost.body.strip():
        raise Unmet(
            "both errors show the same page",
            expected="one page for what is not there, another for what is broken",
            found=str(drill),
            look=_curl("/fire-drill/"),
            saw="same_page",
        )
    return f"404 and {drill.status}, each with a page of its own"


def _require_page(answer: Answer, path: str, *, kind: str, right: bool) -> None:
    look = _curl(path)
    if not right:
        is_soft = answer.status < 400 and answer.status > 0
        raise Unmet(
            f"{path} is an error, and the status says {answer.status}",
            expected=f"the status is a {kind}; the page is for people, the status for programs",
            found=str(answer),
            look=look,
            saw="soft_error" if is_soft else "other_status",
        )
    is_stock = not answer.body.strip() or any(words in answer.body for words in STOCK_ERROR)
    if is_stock:
        raise Unmet(
            f"the {kind} page is the server's, not yours",
            expected="a page of your own, with a link back to /",
            found=str(answer),
            look=look,
            saw="stock_404" if kind == "404" else "stock_50x",
        )
    if not re.search(r"""href=["']?(https?://[^/"']+)?/["'\s>]""", answer.body):
        raise Unmet(
            f"the {kind} page leaves the visitor where they are",
            expected='a link back to the front page: <a href="/">',
            found=str(answer),
            look=look,
            saw="no_way_back",
        )


def test_headers_set(web: Host) -> str:
    """Accepts any values that protect; they must be on pages, parts and errors alike."""
    _require_listener(web)
    page, style, lost = (web_probes.ask(web, path) for path in ("/", STYLE, "/no-such-page"))
    _require_protection("/", page, saw="missing")
    _require_protection(STYLE, style, saw="lost_in_location")
    _require_protection("/no-such-page", lost, saw="not_on_errors")
    if page.header("strict-transport-security"):
        raise Unmet(
            "the site promises https, and there is none",
            expected="no Strict-Transport-Security before chapter 11",
            found=f"Strict-Transport-Security: {page.header('strict-transport-security')}",
            look=_curl("/", "-sI"),
            saw="hsts_too_early",
        )
    if re.search(r"\d", page.header("server")):
        raise Unmet(
            "every answer says which version of the server runs",
            expected="no version in the header Server",
            found=f"Server: {page.header('server')}",
            look=_curl("/", "-sI"),
            saw="tells_version",
        )
    age = re.search(r"max-age=(\d+)", style.header("cache-control"))
    if not age or int(age[1]) < AN_HOUR:
        raise Unmet(
            "browsers are not told that they may keep the style sheet for an hour",
            expected=f"Cache-Control with a max-age of {AN_HOUR} seconds or more for {STYLE}",
            found=f"Cache-Control: {style.header('cache-control') or 'none'}",
            look=_curl(STYLE, "-sI"),
            saw="no_cache_time",
        )
    return f"on the page, on {STYLE} and on errors; kept for {age[1]} seconds"


def _require_protection(path: str, answer: Answer, *, saw: str) -> None:
    lacks = header_probes.find_lacks(answer)
    if not lacks:
        return
    missing = [lack.expected for lack in lacks if not lack.found]
    what = {
        "missing": "the page goes out without all its protections",
        "lost_in_location": f"the page has its headers, and {path} has lost them",
        "not_on_errors": "the page has its headers, and an error page has not",
    }[saw]
    without = f"without {'them' if len(missing) > 1 else 'it'}"
    raise Unmet(
        what if missing else f"a header of {path} is there, and allows more than was asked",
        expected="; ".join(missing or [lack.expected for lack in lacks]),
        found=f"{path}: {answer.status} "
        + (without if missing else "with " + "; ".join(lack.found for lack in lacks)),
        look=_curl(path, "-sI"),
        saw=saw if missing else "too_wide",
    )
