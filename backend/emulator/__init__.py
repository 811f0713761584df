"""Emulated venues on loopback: a second, independent reading of the venues' documents, with faults to switch on."""
