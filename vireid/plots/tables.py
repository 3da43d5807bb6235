"""Tables as tables: a frame in a notebook as HTML, in plain text for viewers without."""


def table(frame, *, digits: int = 1, na: str = "-", index: bool = True) -> None:
    """Display a pandas table, all rows and words of it, fractions to ``digits`` places.

    ``na`` stands for what is missing; ``index`` False leaves the row names out.
    """
    from IPython.display import display
    from pandas import option_context

    options = {"float_format": f"{{:.{digits}f}}".format, "na_rep": na, "index": index}
    with option_context("display.max_colwidth", None):
        html = frame.to_html(border=0, classes="vireid-table", **options)
        display({"text/html": html, "text/plain": frame.to_string(**options)}, raw=True)
