"""Tables as tables: a frame in a notebook as HTML, in plain text for viewers without."""


def table(frame, *, digits: int = 1, na: str = "-", index: bool = True) -> None:
    """Display a pandas table, fractions to ``digits`` places.

    ``na`` stands for what is missing; ``index`` False leaves the row names out.
    """
    from IPython.display import display

    options = {"float_format": f"{{:.{digits}f}}".format, "na_rep": na, "index": index}
    html = frame.to_html(border=0, classes="vireid-table", **options)
    display({"text/html": html, "text/plain": frame.to_string(**options)}, raw=True)
