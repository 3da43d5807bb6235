"""SYSU-MM01, RegDB and LLCM, read straight from their official downloads.

One module a data set; ``files`` holds what they share. Nothing is converted, copied or written.
"""

SIZE = (288, 144)  # height, width: what every paper of the workbook trains on
DIRECTIONS = ("visible_to_infrared", "infrared_to_visible")  # query to gallery
