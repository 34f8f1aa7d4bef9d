"""From a network file to a compiled problem: graph, constraint language, compile steps."""
