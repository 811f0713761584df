"""What is equal for every venue: ccxt on our ports, the reading of answers, the flow of a place. No venue is named."""
