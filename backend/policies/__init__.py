"""Pure decisions, value in, value out; and the two specified facades, which hold none."""
