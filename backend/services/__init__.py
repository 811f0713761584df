"""Own time and state, call ports, carry out what the policies decide."""
