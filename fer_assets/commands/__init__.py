"""The commands behind `fer-assets`, one module per noun.

Belongs here: options, printing, exit codes. Does not belong here: any logic; commands call the
rooms. Each module imports what it needs inside its functions, so that ``--help`` is quick.
"""
