"""The command line: arguments and files in, tables, JSON lines and pictures out."""
