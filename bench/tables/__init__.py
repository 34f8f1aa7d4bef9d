"""Published tables and figures, each made by one command from the data.

    RHOBUST_DATA=... python -m bench.tables.NAME [--quick] [--out FOLDER]

NAME: bastani, figures, nin, defences, mipverify, gurobi.  What a command finds out is kept in
FOLDER, image by image, in `answers.jsonl`; networks that it trains stand beside it.  A command that
was stopped goes on from there, and ends in the same table.  The finished pages are in this folder.
"""
