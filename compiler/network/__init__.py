"""Networks: a graph of layers, and what is known of each layer."""
