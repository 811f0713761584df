"""KuCoin spot on the high-frequency (HF) endpoints, after the KuCoin API documentation."""
