"""OKX v5, spot, after its API documentation."""
