"""The TCP proxy: carries bytes, and breaks connections where a fault says so."""
