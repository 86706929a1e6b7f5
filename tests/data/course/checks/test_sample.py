"""The checks of the sample chapter."""

from stackwalk.verdict import NotStarted, Unmet


def test_greeting_exists(web):
    """Accepts any text in /etc/greeting."""
    greeting = web.file("/etc/greeting")
    if not greeting.exists:
        raise NotStarted(
            "there is no greeting yet",
            expected="a file /etc/greeting with a line of text",
            found="no such file",
            look="web: ls -l /etc/greeting",
        )
    if not greeting.content_string.strip():
        raise Unmet(
            "the greeting is empty",
            expected="a line of text in /etc/greeting",
            found="0 characters",
            look="web: cat /etc/greeting",
            saw="empty",
        )
    return "the greeting is there"


def test_greeting_is_private(web):
    """Rejects a mode that lets the group or others write."""
    mode = web.file("/etc/greeting").mode
    if mode & 0o022:
        raise Unmet(
            "others can write the greeting",
            expected="a mode such as 0644",
            found=oct(mode),
            look="web: ls -l /etc/greeting",
        )
    return oct(mode)
