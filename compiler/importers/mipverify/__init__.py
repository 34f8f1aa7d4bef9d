"""Networks from MIPVerify.jl's weights."""
