"""Stackwalk: learn how a Python web application is really put online."""

__version__ = "0.1.0"
__all__ = ["__version__", "load_ipython_extension"]


def load_ipython_extension(shell: object) -> None:
    """``%load_ext stackwalk`` in a notebook; imports the notebook face only then."""
    from stackwalk import jupyter

    jupyter.load_ipython_extension(shell)
