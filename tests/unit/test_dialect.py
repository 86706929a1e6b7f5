"""Lists as GitHub accepts them become lists as the site's renderer reads them."""

import pytest

from stackwalk.dialect import for_site


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("text\n- a\n- b", "text\n\n- a\n- b", id="no-blank-line-before"),
        pytest.param("- a\n  - b\n    - c", "- a\n    - b\n        - c", id="nested-by-two"),
        pytest.param("1. a\n   - b\n\n   more", "1. a\n    - b\n\n    more", id="nested-by-three"),
        pytest.param(
            "- a\n\n  ```bash\n  ls\n    -l\n  ```",
            "- a\n\n    ```bash\n    ls\n      -l\n    ```",
            id="fence-in-an-item",
        ),
        pytest.param("- a\nlazy", "- a\nlazy", id="lazy-continuation"),
        pytest.param("```\ntext\n- a\n  - b\n```", "```\ntext\n- a\n  - b\n```", id="in-a-fence"),
        pytest.param("a\n\n- b\n\nc", "a\n\n- b\n\nc", id="already-good"),
        pytest.param("> x\n> - b", "> x\n> - b", id="in-a-quotation-left-alone"),
    ],
)
def test_list_is_rewritten_for_the_site(text, expected):
    assert for_site(text) == expected
