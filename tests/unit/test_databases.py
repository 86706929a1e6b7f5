"""What chapter 06 says twice, once to be typed and once for the script, is the same."""

from pathlib import Path

from stackwalk.load import load_course

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "chapters" / "06-databases" / "role"


def solution(task_id: str) -> str:
    tasks = {task.id: task for task in load_course(ROOT).tasks}
    return "\n".join(step.text for step in tasks[task_id].solution)


def test_rules_at_the_door_by_hand_and_by_script_are_the_same() -> None:
    by_script = (ROLE / "files" / "pg_hba.conf").read_text().splitlines()[1:]

    by_hand = solution("database_doors").splitlines()
    begin = by_hand.index(by_script[0])

    assert by_hand[begin : begin + len(by_script)] == by_script


def test_rule_for_redis_by_hand_and_by_script_is_the_same() -> None:
    rule = "~rq:* ~postcards:* &rq:* +@all -@dangerous -@scripting +info"

    assert rule in solution("redis_commands")
    assert rule in (ROLE / "tasks" / "redis.yml").read_text()


def test_step_that_the_chapter_shows_is_the_role_s_own() -> None:
    chapter = (ROLE.parent / "chapter.md").read_text()
    shown = chapter.partition("```yaml\n")[2].partition("```")[0]

    assert shown in (ROLE / "tasks" / "postgresql.yml").read_text()


def test_promises_that_the_check_wants_are_those_of_the_file() -> None:
    chapter = (ROLE.parent / "chapter.md").read_text()
    checks = (ROOT / "checks" / "test_databases.py").read_text()
    table = chapter.partition("%%write laptop stamps.sql\n")[2].partition("```")[0]

    columns = [" ".join(line.split()[:2]) for line in table.splitlines()[1:-1]]

    assert [f'"{column}' in checks for column in columns] == [True] * 6
