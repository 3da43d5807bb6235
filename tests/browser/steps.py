"""What a reader does in the browser: step a slider with the keyboard, draw a lasso."""

PATIENCE = 120_000  # ms that a kernel may take to import and draw on a loaded machine


def step_slider(page, scope, name: str) -> tuple[str, str]:
    """Move the slider called ``name`` by one step with the keyboard; wait for another picture.

    Returns the alt texts before and after.
    """
    picture = scope.locator(".vireid-picture img").first
    picture.wait_for(timeout=PATIENCE)
    before, alt = picture.get_attribute("src"), picture.get_attribute("alt")
    row = scope.locator(".widget-slider").filter(has_text=name).first
    row.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([img, old]) => img.isConnected ? img.src !== old : true",
        arg=[picture.element_handle(), before],
        timeout=PATIENCE,
    )
    picture = scope.locator(".vireid-picture img").first
    assert picture.get_attribute("src") != before
    return alt, picture.get_attribute("alt")


def lasso(page, canvas) -> None:
    """Draw a lasso around the whole canvas with the mouse."""
    box = canvas.bounding_box()
    left, top, right, bottom = (
        box["x"] + 6, box["y"] + 6, box["x"] + box["width"] - 6, box["y"] + box["height"] - 6
    )  # fmt: skip
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 4)):
        page.mouse.move(x, y, steps=12)
    page.mouse.up()
